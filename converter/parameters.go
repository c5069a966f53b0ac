package converter

import (
	"cmp"
	"slices"
	"strings"
)

// parameter is a parameter of an operation, as in Swagger 2.0 and OpenAPI 3.
type parameter struct {
	at       node
	name, in string
	// schema and required describe a form field in OpenAPI 3, where form fields are not parameters.
	schema   node
	required bool
}

// readParameters writes the parameters of an action. It returns why the operation cannot become one.
func (c *conversion) readParameters(a *action, item node) (string, error) {
	list, err := c.parametersOf(item, a.op)
	if err != nil {
		return "", err
	}
	a.declared = list
	names := pathNames(a.path)
	declared := map[string]bool{}
	for _, p := range list {
		switch {
		case c.version == version20 && (p.in == "body" || p.in == "formData"):
			continue // read by readBody
		case p.in == "path" && !slices.Contains(names, p.name):
			continue // never sent, because it is not in the path
		case p.in == "path" && (p.at.get("style").text() == "label" || p.at.get("style").text() == "matrix"):
			return "a path parameter has a style that connectors do not support", nil
		}
		if p.in != "path" {
			reason, err := c.unsuitable(p)
			if err != nil {
				return "", err
			}
			if reason != "" {
				c.leaveOut(p.at, a.name()+", "+p.in+" parameter "+p.name, reason)
				continue
			}
		}
		made, err := c.writeParameter(p)
		if err != nil {
			return "", err
		}
		declared[p.in+" "+p.name] = true
		a.parameters = append(a.parameters, made)
	}
	for _, name := range names {
		if !declared["path "+name] {
			a.parameters = append(a.parameters, object{
				"name": name, "in": "path", "required": true, "type": kindString,
				"x-ms-summary": labelOf(name), "description": "The part " + name + " of the path.",
			})
			a.guessed = append(a.guessed, "the path parameter "+name)
		}
	}
	return "", nil
}

// parametersOf returns the parameters of the path and of the operation, which override them.
func (c *conversion) parametersOf(item, op node) ([]parameter, error) {
	var list []parameter
	if err := cmp.Or(item.get("parameters").typeError(kindArray), op.get("parameters").typeError(kindArray)); err != nil {
		return nil, err
	}
	for _, n := range slices.Concat(item.get("parameters").items(), op.get("parameters").items()) {
		at, err := c.resolve(n)
		if err != nil {
			return nil, err
		}
		if _, isObject := at.object(); !isObject {
			return nil, at.errorf("a parameter must be an object")
		}
		for _, name := range []string{"name", "in"} {
			if isPlaceholder(at.get(name).value) {
				return nil, placeholderError(at.get(name))
			}
			if at.get(name).text() == "" {
				return nil, at.get(name).errorf("is missing: a parameter must have a name and say where it is")
			}
		}
		p := parameter{at: at, name: at.get("name").text(), in: at.get("in").text()}
		if p.in == "path" {
			p.name = strings.TrimSuffix(p.name, "+")
		}
		same := func(other parameter) bool {
			return other.in == p.in && (other.name == p.name || p.in == "header" && strings.EqualFold(other.name, p.name))
		}
		if i := slices.IndexFunc(list, same); i >= 0 {
			list[i] = p
		} else {
			list = append(list, p)
		}
	}
	return list, nil
}

// notSent are headers that no workflow author sets: they belong to Countersign, to the platform or to one connection.
// The same holds for headers that begin with prefixesNotSent.
var (
	notSent = strings.Fields("authorization host accept accept-encoding accept-charset content-type content-length content-encoding " +
		"cookie set-cookie connection keep-alive te trailer transfer-encoding upgrade expect via forwarded origin referer user-agent " +
		"x-api-key x-functions-key x-forwarded x-real-ip x-client-ip date")
	prefixesNotSent = []string{"x-ms-", "x-forwarded-", "x-azure-", "x-arr-", "x-original-", "proxy-", "sec-", "access-control-"}
)

// unsuitable returns why a parameter cannot be part of the connector.
func (c *conversion) unsuitable(p parameter) (string, error) {
	lower := strings.ToLower(p.name)
	begins := func(prefix string) bool { return strings.HasPrefix(lower, prefix) }
	mine := slices.Contains(notSent, lower) || slices.ContainsFunc(prefixesNotSent, begins)
	isToken := strings.Trim(lower, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == ""
	switch {
	case p.in != "query" && p.in != "header":
		return "connectors have no such parameters", nil
	case leaks(p.name) || prose(p.name, maxLabel) != p.name || p.in == "header" && !isToken:
		return "the name has characters that are not allowed", nil
	case p.in == "header" && begins("x-amz-"):
		return "headers that begin with x-amz- belong to AWS and cannot be fields of a connector", nil
	case p.in == "header" && mine:
		return "Countersign or the platform sets this header", nil
	case p.in == "query" && strings.HasPrefix(lower, "x-amz-"):
		return "Countersign sets the parameters that sign a request", nil
	case p.in == "header" || len(p.at.get("content").names()) > 0 || c.version == version20:
		return "", nil
	}
	s, err := c.shape(p.at.get("schema"))
	if err != nil {
		return "", err
	}
	if s.kind == kindObject {
		return "is an object, which connectors cannot put into a query", nil
	}
	return "", nil
}

// writeParameter writes a parameter of the path, the query or a header.
func (c *conversion) writeParameter(p parameter) (object, error) {
	schema := p.schema
	if schema.value == nil {
		schema = p.at.get("schema")
	}
	if c.version == version20 && schema.value == nil {
		schema = p.at
	}
	if _, isSchema := schema.object(); !isSchema {
		schema = node{object{}, schema.pointer} // content: a string in which the workflow author writes JSON
	}
	s, err := c.shape(schema)
	if err != nil {
		return nil, err
	}
	made := object{"name": p.name, "in": p.in}
	if s.kind == kindArray {
		if err := c.writeList(made, p, s); err != nil {
			return nil, err
		}
	} else {
		if !isScalar(s.kind) {
			s.kind, s.enum, s.value, s.format = kindString, nil, nil, ""
		}
		c.writeScalar(made, s)
		if f := made["format"]; f == "binary" || f == "byte" {
			delete(made, "format")
		}
	}
	label := first(prose(p.at.get("x-ms-summary").text(), maxLabel), labelOf(p.name))
	made["x-ms-summary"] = label
	made["description"] = first(prose(first(p.at.get("description").text(), s.description), maxDescription), sentence(label))
	if p.in == "path" || p.required || p.at.get("required").isTrue() {
		made["required"] = true
	}
	c.count(made)
	return made, nil
}

// writeList writes a parameter made of several scalars.
func (c *conversion) writeList(made object, p parameter, s *shape) error {
	items := &shape{kind: kindString}
	if s.item != nil {
		found, err := c.shape(*s.item)
		if err != nil {
			return err
		}
		if isScalar(found.kind) {
			items = found
		}
	}
	item := object{}
	items.value = nil
	c.writeScalar(item, items)
	delete(item, "format")
	c.count(item)
	made["type"], made["items"], made["collectionFormat"] = kindArray, item, c.collectionFormat(p)
	return nil
}

// collectionFormat returns how a list is written: OpenAPI 3 has styles instead.
func (c *conversion) collectionFormat(p parameter) string {
	inQuery := p.in == "query" || p.in == "formData"
	if c.version == version20 {
		switch format := p.at.get("collectionFormat").text(); {
		case format == "multi" && inQuery, format == "ssv", format == "tsv", format == "pipes":
			return format
		}
		return "csv"
	}
	explode := p.at.get("explode")
	switch style := p.at.get("style").text(); {
	case !inQuery:
		return "csv"
	case explode.isTrue() || explode.value == nil && (style == "" || style == "form"):
		return "multi"
	case style == "spaceDelimited":
		return "ssv"
	case style == "pipeDelimited":
		return "pipes"
	}
	return "csv"
}
