package connector_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"countersign/connector"
)

// A contract with everything in it that the converter leaves out.
const everything = `
openapi: 3.0.3
info: {title: All, version: 1.0.0, contact: {name: All}}
security: [{key: []}, {token: []}]
paths:
  /bytes:
    post:
      operationId: PutBytes
      parameters:
      - {name: kind, in: query, schema: {type: string, title: Kind, description: A kind., x-ms-dynamic-values: {operationId: PutBytes}}}
      - {$ref: '#/components/parameters/Page'}
      requestBody:
        x-bodyName: content
        content: {application/octet-stream: {schema: {type: string, format: binary, title: Content, description: The bytes.}}}
      responses:
        '200': {description: Text., content: {text/plain: {schema: {type: string, title: Text}}}}
        '400': {description: Wrong., content: {application/problem+json: {schema: {$ref: '#/components/schemas/Problem'}}}}
        '404': {$ref: '#/components/responses/Gone'}
        default: {description: Else., content: {application/json: {schema: {$ref: '#/components/schemas/Problem'}}}}
  /open:
    get: {operationId: GetOpen, security: [], responses: {'204': {description: Nothing.}}}
components:
  securitySchemes:
    key: {type: apiKey, in: header, name: X-Key}
    token: {type: http, scheme: bearer}
  parameters:
    Page: {name: page, in: query, schema: {type: integer, title: Page}}
  responses:
    Gone: {description: Gone., content: {application/problem+json: {schema: {$ref: '#/components/schemas/Problem'}}}}
  schemas:
    Problem:
      type: object
      properties:
        title: {type: string, title: Title}
        named: {type: string, title: Named, x-ms-summary: Another name}
        map: {type: object, title: Map, x-ms-editor: dictionary, additionalProperties: {type: string, nullable: true}}
        problems: {type: object, additionalProperties: {$ref: '#/components/schemas/Problem'}}
`

func TestSwaggerRestoresWhatTheConverterDrops(t *testing.T) {
	doc, err := connector.Swagger([]byte(everything))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	f := files{definition: object(t, text)}
	post := in(f.definition, "paths", "/bytes", "post")
	parameters := map[string]any{}
	for _, p := range post["parameters"].([]any) {
		if name, ok := at(p, "name").(string); ok {
			parameters[name] = p
		}
	}
	facts := []struct {
		what      string
		got, want any
	}{
		{"label of a parameter", at(parameters["kind"], "x-ms-summary"), "Kind"},
		{"description of a parameter", at(parameters["kind"], "description"), "A kind."},
		{"values of a parameter", at(parameters["kind"], "x-ms-dynamic-values", "operationId"), "PutBytes"},
		{"label of a shared parameter", at(f.definition, "parameters", "Page", "x-ms-summary"), "Page"},
		{"format of bytes", at(parameters["body"], "schema", "format"), "binary"},
		{"label of bytes", at(parameters["body"], "x-ms-summary"), "Content"},
		{"description of bytes", at(parameters["body"], "description"), "The bytes."},
		{"hint for code generators", at(parameters["body"], "x-bodyName"), nil},
		{"schema of a text", at(post, "responses", "200", "schema", "type"), "string"},
		{"schema of a problem", at(post, "responses", "400", "schema", "$ref"), "#/definitions/Problem"},
		{"schema of a shared problem", at(f.definition, "responses", "Gone", "schema", "$ref"), "#/definitions/Problem"},
		{"schema of the default answer", at(post, "responses", "default", "schema"), nil},
		{"label from the title", at(f.definition, "definitions", "Problem", "properties", "title", "x-ms-summary"), "Title"},
		{"label as given", at(f.definition, "definitions", "Problem", "properties", "named", "x-ms-summary"), "Another name"},
		{"values of a dictionary", at(f.definition, "definitions", "Problem", "properties", "map", "x-ms-editor-options", "valueType"), "string"},
		{"null in a dictionary", at(f.definition, "definitions", "Problem", "properties", "map", "additionalProperties", "nullable"), nil},
		{
			"reference in a dictionary",
			at(f.definition, "definitions", "Problem", "properties", "problems", "additionalProperties", "$ref"),
			"#/definitions/Problem",
		},
		{"base path", f.definition["basePath"], "/"},
		{"host", f.definition["host"], nil},
	}
	for _, fact := range facts {
		if fact.got != fact.want {
			t.Errorf("%s is %v, want %v", fact.what, fact.got, fact.want)
		}
	}
	if got := asJSON(t, f.definition["security"]); got != `[{"key":[]}]` {
		t.Errorf("security is %s, want the first way alone", got)
	}
	if got := asJSON(t, at(f.definition, "paths", "/open", "get", "security")); got != `[]` {
		t.Errorf("security of what is open is %s, want []", got)
	}
	if strings.Contains(string(text), "components/schemas") {
		t.Error("a reference of OpenAPI 3 is left")
	}
}

func TestDefinitionShowsOnlyWhatNeedsTheConnection(t *testing.T) {
	made, err := connector.Generate([]byte(everything), connector.Options{})
	if err != nil {
		t.Fatal(err)
	}
	definition := object(t, made["apiDefinition.swagger.json"])
	if _, there := in(definition, "paths")["/open"]; there {
		t.Error("an operation without authentication is shown")
	}
	for name := range in(definition, "definitions") {
		if !strings.Contains(string(made["apiDefinition.swagger.json"]), "#/definitions/"+name+`"`) {
			t.Errorf("the definition %s is kept, and nothing refers to it", name)
		}
	}
}

// A dropdown asks an operation of the connector, and finds value and title in its response.
func TestDropdownsFindTheirValues(t *testing.T) {
	f := connectorFiles(t)
	byID := map[string]node{}
	for _, o := range operations(f) {
		byID[text(o, "operationId")] = o
	}
	dropdowns := 0
	for _, value := range dynamicValues(f.definition) {
		dropdowns++
		operation, ok := byID[text(value, "operationId")]
		if !ok {
			t.Errorf("a dropdown asks %q, which is not there", value["operationId"])
			continue
		}
		response := resolve(f.definition, in(operation, "responses", "200", "schema"))
		list, _ := at(response, "properties", text(value, "value-collection")).(node)
		if list["type"] != "array" {
			t.Errorf("%s answers no list %q", value["operationId"], value["value-collection"])
			continue
		}
		item := resolve(f.definition, in(list, "items"))
		for _, field := range []string{"value-path", "value-title"} {
			if at(item, "properties", text(value, field), "type") != "string" {
				t.Errorf("an item of %s has no text %q for %s", value["operationId"], value[field], field)
			}
		}
		for _, p := range asList(operation["parameters"]) {
			if at(p, "required") == true {
				t.Errorf("%s, which a dropdown asks, wants a parameter", value["operationId"])
			}
		}
	}
	if dropdowns < 3 {
		t.Errorf("there are %d dropdowns, want at least those for profile, service and region", dropdowns)
	}
}

func asList(value any) []any { list, _ := value.([]any); return list }

func dynamicValues(value any) []node {
	var found []node
	switch v := value.(type) {
	case node:
		for name, child := range v {
			if name == "x-ms-dynamic-values" {
				found = append(found, child.(node))
				continue
			}
			found = append(found, dynamicValues(child)...)
		}
	case []any:
		for _, child := range v {
			found = append(found, dynamicValues(child)...)
		}
	}
	return found
}

// Workflows use these by name, so they stay.
func TestNamesThatWorkflowsUseAreThere(t *testing.T) {
	f := connectorFiles(t)
	for _, id := range []string{"SignRequest", "PresignUrl"} {
		if !slices.ContainsFunc(slices.Collect(maps.Values(operations(f))), func(o node) bool { return o["operationId"] == id }) {
			t.Errorf("there is no operation %s", id)
		}
	}
	for _, name := range []string{"method", "url", "headers", "bodyEnvelope"} {
		if at(f.definition, "definitions", "SignedRequest", "properties", name) == nil {
			t.Errorf("the signed request has no %s", name)
		}
	}
}
