package contract_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"countersign/internal/contract"
)

// A contract that contains everything the converter leaves out.
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
	_, text, err := contract.Forms([]byte(everything))
	if err != nil {
		t.Fatal(err)
	}
	var definition map[string]any
	if err := json.Unmarshal(text, &definition); err != nil {
		t.Fatal(err)
	}
	post := at(definition, "paths", "/bytes", "post")
	parameters := map[string]any{}
	for _, p := range at(post, "parameters").([]any) {
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
		{"label of a shared parameter", at(definition, "parameters", "Page", "x-ms-summary"), "Page"},
		{"format of bytes", at(parameters["body"], "schema", "format"), "binary"},
		{"label of bytes", at(parameters["body"], "x-ms-summary"), "Content"},
		{"description of bytes", at(parameters["body"], "description"), "The bytes."},
		{"hint for code generators", at(parameters["body"], "x-bodyName"), nil},
		{"schema of a text", at(post, "responses", "200", "schema", "type"), "string"},
		{"schema of a problem", at(post, "responses", "400", "schema", "$ref"), "#/definitions/Problem"},
		{"schema of a shared problem", at(definition, "responses", "Gone", "schema", "$ref"), "#/definitions/Problem"},
		{"schema of the default response", at(post, "responses", "default", "schema"), nil},
		{"label from the title", at(definition, "definitions", "Problem", "properties", "title", "x-ms-summary"), "Title"},
		{"label as given", at(definition, "definitions", "Problem", "properties", "named", "x-ms-summary"), "Another name"},
		{"values of a dictionary", at(definition, "definitions", "Problem", "properties", "map", "x-ms-editor-options", "valueType"), "string"},
		{"null in a dictionary", at(definition, "definitions", "Problem", "properties", "map", "additionalProperties", "nullable"), nil},
		{
			"reference in a dictionary",
			at(definition, "definitions", "Problem", "properties", "problems", "additionalProperties", "$ref"),
			"#/definitions/Problem",
		},
		{"place of the host", definition["host"], "\x00host"},
	}
	for _, fact := range facts {
		if fact.got != fact.want {
			t.Errorf("%s is %v, want %v", fact.what, fact.got, fact.want)
		}
	}
	if got := fmt.Sprint(definition["security"]); got != "[map[key:[]]]" {
		t.Errorf("security is %s, want only the first method", got)
	}
	if got := fmt.Sprint(at(definition, "paths", "/open", "get", "security")); got != "[]" {
		t.Errorf("security of the open operation is %s, want []", got)
	}
	if strings.Contains(string(text), "components/schemas") {
		t.Error("an OpenAPI 3 reference is left")
	}
}

func at(value any, path ...string) any {
	for _, name := range path {
		n, _ := value.(map[string]any)
		value = n[name]
	}
	return value
}
