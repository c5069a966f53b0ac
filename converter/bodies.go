package converter

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Classes of media types.
const (
	mediaJSON = iota + 1
	mediaForm
	mediaText
	mediaBytes
	mediaMultipart
)

// mediaOf returns a media type without its parameters, and its class.
func mediaOf(given string) (string, int) {
	name, _, _ := strings.Cut(strings.ToLower(given), ";")
	name = strings.TrimSpace(name)
	switch {
	case strings.HasSuffix(name, "+json") || strings.HasSuffix(name, "/json") || name == "*/*" || name == "application/*" ||
		strings.HasPrefix(name, "application/x-amz-json"):
		return name, mediaJSON
	case name == "application/x-www-form-urlencoded":
		return name, mediaForm
	case strings.HasPrefix(name, "multipart/"):
		return name, mediaMultipart
	case strings.HasPrefix(name, "text/") || strings.HasSuffix(name, "xml") || strings.HasSuffix(name, "yaml") ||
		strings.HasSuffix(name, "ndjson") || name == "application/graphql":
		return name, mediaText
	}
	return name, mediaBytes
}

// mediaName returns a media type that is safe to write.
func mediaName(name string, otherwise string) string {
	kind, sub, found := strings.Cut(name, "/")
	token := func(s string) bool {
		return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789.+-_") == ""
	}
	if !found || !token(kind) || !token(sub) || leaks(name) {
		return otherwise
	}
	return name
}

// content is one representation of a body or a response.
type content struct {
	media  string
	class  int
	schema node
}

// bestContent returns the content to convert: application/json itself first, then in the order of the classes.
func bestContent(list []content, order ...int) (content, bool) {
	for _, one := range list {
		if one.media == "application/json" {
			return one, true
		}
	}
	for _, class := range order {
		for _, one := range list {
			if one.class == class {
				return one, true
			}
		}
	}
	return content{}, false
}

// readBody writes the body of an action, or returns why the operation cannot become one.
func (c *conversion) readBody(a *action) (string, error) {
	list, given, err := c.bodies(a)
	if err != nil {
		return "", err
	}
	if a.method == "GET" || a.method == "DELETE" {
		if len(list) > 0 {
			c.leaveOut(given, a.name()+", body", "connectors send no body with this method")
		}
		return "", nil
	}
	one, found := bestContent(list, mediaJSON, mediaForm, mediaText, mediaBytes)
	switch {
	case found && one.class == mediaForm:
		return "", c.readForm(a, one)
	case found:
		return "", c.writeBody(a, one, given)
	case len(list) > 0:
		return "has a multipart body, which connectors cannot send", nil
	}
	a.guessed = append(a.guessed, "the body")
	a.parameters = append(a.parameters, object{
		"name": "body", "in": "body", "schema": object{"type": kindObject, "x-ms-summary": "Body", "description": "The body to send, as JSON."},
		"x-ms-summary": "Body", "description": "The body to send, as JSON. The definition does not describe it.",
	})
	return "", nil
}

// bodies returns the representations that an operation accepts, and where they are declared.
func (c *conversion) bodies(a *action) ([]content, node, error) {
	if c.version == version20 {
		list, given := c.bodies20(a)
		return list, given, nil
	}
	given, err := c.resolve(a.op.get("requestBody"))
	if err == nil {
		err = cmp.Or(given.typeError(kindObject), given.get("content").typeError(kindObject))
	}
	return contents(given), given, err
}

func contents(n node) []content {
	var list []content
	media := n.get("content")
	for _, name := range media.names() {
		at := media.get(name)
		schema := at.get("schema")
		if schema.value == nil {
			schema = node{object{}, schema.pointer}
		}
		clean, class := mediaOf(name)
		list = append(list, content{media: clean, class: class, schema: schema})
	}
	return list
}

func (c *conversion) bodies20(a *action) ([]content, node) {
	consumes := a.op.get("consumes")
	if consumes.value == nil {
		consumes = c.root.get("consumes")
	}
	for _, p := range a.declared {
		if p.in == "formData" {
			return []content{{class: formClass(consumes, a.declared), media: "application/x-www-form-urlencoded"}}, p.at
		}
	}
	i := slices.IndexFunc(a.declared, func(p parameter) bool { return p.in == "body" })
	if i < 0 {
		return nil, node{}
	}
	body := a.declared[i].at
	schema := body.get("schema")
	if schema.value == nil {
		schema = node{object{}, schema.pointer}
	}
	var all []content
	for _, name := range consumes.items() {
		media, class := mediaOf(name.text())
		all = append(all, content{media, class, schema})
	}
	if len(all) == 0 {
		all = []content{{"application/json", mediaJSON, schema}}
	}
	return all, body
}

// formClass returns multipart for a form that has a file or says so.
func formClass(consumes node, list []parameter) int {
	form, multipart := false, false
	for _, name := range consumes.items() {
		_, class := mediaOf(name.text())
		form, multipart = form || class == mediaForm, multipart || class == mediaMultipart
	}
	file := slices.ContainsFunc(list, func(p parameter) bool { return p.in == "formData" && p.at.get("type").text() == "file" })
	if file || multipart && !form {
		return mediaMultipart
	}
	return mediaForm
}

// writeBody writes a body that is a single value.
func (c *conversion) writeBody(a *action, one content, given node) error {
	s, err := c.shape(one.schema)
	if err != nil {
		return err
	}
	made := object{"name": "body", "in": "body"}
	switch one.class {
	case mediaJSON:
		a.typedBody = s.isTyped()
		if made["schema"], err = c.schema(one.schema, "Body", 0); err != nil {
			return err
		}
		if !a.typedBody {
			a.guessed = append(a.guessed, "the body")
			made["schema"] = object{"type": kindObject, "x-ms-summary": "Body", "description": "The body to send, as JSON."}
		}
		if name := mediaName(one.media, "application/json"); name != "application/json" {
			a.media = name
		}
	case mediaText:
		a.typedBody, a.media = true, mediaName(one.media, "text/plain")
		made["schema"] = object{"type": kindString, "x-ms-summary": "Body", "description": "The body to send, as text."}
	default:
		a.typedBody, a.media = true, mediaName(one.media, "application/octet-stream")
		made["schema"] = object{"type": kindString, "format": "binary", "x-ms-summary": "Body", "description": "The content to send."}
	}
	if given.get("required").isTrue() {
		made["required"] = true
	}
	made["x-ms-summary"] = "Body"
	made["description"] = first(prose(first(given.get("description").text(), s.description), maxDescription), "The body to send.")
	a.parameters = append(a.parameters, made)
	return nil
}

// readForm writes a form with a parameter for each field.
func (c *conversion) readForm(a *action, one content) error {
	var fields []parameter
	if c.version == version20 && one.schema.value == nil {
		fields = slices.DeleteFunc(slices.Clone(a.declared), func(p parameter) bool { return p.in != "formData" })
	} else {
		s, err := c.shape(one.schema)
		if err != nil {
			return err
		}
		for _, name := range slices.Sorted(maps.Keys(s.properties)) {
			fields = append(fields, parameter{name: name, in: "formData", schema: s.properties[name].nodes[0], required: s.required[name]})
		}
	}
	for _, p := range fields {
		if p.name == "" || leaks(p.name) || prose(p.name, maxLabel) != p.name {
			at := p.schema
			if at.value == nil {
				at = p.at
			}
			c.leaveOut(at, a.name()+", form field", "the name has characters that are not allowed")
			continue
		}
		made, err := c.writeParameter(p)
		if err != nil {
			return err
		}
		a.parameters = append(a.parameters, made)
	}
	a.typedBody, a.media = len(fields) > 0, "application/x-www-form-urlencoded"
	if len(fields) == 0 {
		a.parameters = append(a.parameters, object{
			"name": "body", "in": "body", "schema": object{"type": kindString, "x-ms-summary": "Body", "description": "The form, encoded."},
			"x-ms-summary": "Body", "description": "The form to send, encoded as name=value&name=value.",
		})
		a.guessed = append(a.guessed, "the body")
	}
	return nil
}
