package converter

import (
	"maps"
	"slices"
	"strings"
)

// failure describes the response of /call if there is no success: a problem document, whatever the API says.
const failure = "The call failed: a problem document with the code, the cause and what to do."

// readResponses writes the responses of an action: the successes, of which the first has a schema. 202 is omitted,
// because /call responds with 200 instead.
func (c *conversion) readResponses(a *action) error {
	given := a.op.get("responses")
	if err := given.typeError(kindObject); err != nil {
		return err
	}
	successes := map[string]node{}
	for _, status := range given.names() {
		code := strings.ToUpper(status)
		switch {
		case code == "2XX" || code == "202":
			code = "200"
		case len(code) != 3 || code[0] != '2' || strings.Trim(code, "0123456789") != "":
			continue
		}
		if _, there := successes[code]; !there || status == "200" {
			successes[code] = given.get(status)
		}
	}
	if len(successes) == 0 && given.has("default") {
		successes["200"] = given.get("default")
		a.guessed = append(a.guessed, "that the default response is the success")
	}
	a.responses = object{"default": object{"description": failure}}
	main := c.mainResponse(a, successes)
	for _, code := range slices.Sorted(maps.Keys(successes)) {
		n, err := c.resolve(successes[code])
		if err != nil {
			return err
		}
		made := object{"description": first(prose(n.get("description").text(), maxDescription), "What the API returns.")}
		if code == main {
			if made["schema"], err = c.responseSchema(a, n); err != nil {
				return err
			}
		}
		a.responses[code] = made
	}
	if sample, found := c.samples[a.name()]; found {
		delete(c.samples, a.name())
		made := schemaOfSample(sample.value, "Response")
		a.typedResponse, a.produces = made["type"] != nil, ""
		a.responses[main].(object)["schema"] = made
	} else if !a.typedResponse {
		a.guessed = append(a.guessed, "the response")
	}
	return nil
}

// mainResponse returns the success that has a schema, 200 first. 204 has no body, but designers expect a response.
func (c *conversion) mainResponse(a *action, successes map[string]node) string {
	for _, code := range slices.Sorted(maps.Keys(successes)) {
		if code != "204" && code != "205" {
			return code
		}
	}
	a.responses["200"] = object{"description": "What the API returns.", "schema": freeObject("Response", "What the API returns.")}
	return "200"
}

func freeObject(label, description string) object {
	return object{"type": kindObject, "x-ms-summary": label, "description": description}
}

// responseSchema returns the schema of a response: that of its JSON, else of a text or of binary content. An
// undescribed response is a free-form object.
func (c *conversion) responseSchema(a *action, n node) (object, error) {
	free := freeObject("Response", "What the API returns, as JSON.")
	if err := n.get("content").typeError(kindObject); err != nil {
		return nil, err
	}
	list := c.responseContents(a, n)
	one, found := bestContent(list, mediaJSON, mediaText, mediaBytes, mediaForm, mediaMultipart)
	if !found {
		return free, nil
	}
	if one.class == mediaJSON {
		s, err := c.shape(one.schema)
		if err != nil {
			return nil, err
		}
		if a.typedResponse = s.isTyped(); !a.typedResponse {
			return free, nil
		}
		return c.schema(one.schema, "Response", 0)
	}
	a.typedResponse = true
	made := object{"type": kindString, "x-ms-summary": "Response", "description": "What the API returns, as text."}
	otherwise := "text/plain"
	if one.class != mediaText {
		made["format"], made["description"], otherwise = "binary", "The content that the API returns.", "application/octet-stream"
	}
	a.produces = mediaName(one.media, otherwise)
	return made, nil
}

func (c *conversion) responseContents(a *action, n node) []content {
	if c.version != version20 {
		return contents(n)
	}
	schema := n.get("schema")
	if schema.value == nil {
		return nil
	}
	produces := a.op.get("produces")
	if produces.value == nil {
		produces = c.root.get("produces")
	}
	isFile := schema.get("type").text() == "file"
	var list []content
	for _, name := range produces.items() {
		media, class := mediaOf(name.text())
		if isFile && class == mediaJSON {
			media, class = "application/octet-stream", mediaBytes
		}
		list = append(list, content{media, class, schema})
	}
	switch {
	case len(list) > 0:
		return list
	case isFile:
		return []content{{"application/octet-stream", mediaBytes, schema}}
	}
	return []content{{"application/json", mediaJSON, schema}}
}
