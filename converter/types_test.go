package converter_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// shown returns the schema of a response, as withoutTexts returns it.
func shown(t *testing.T, definition string) string {
	t.Helper()
	made, err := convert(t, definition, nil)
	if err != nil {
		t.Fatal(err)
	}
	valid(t, made)
	var d struct {
		Paths map[string]map[string]struct {
			Responses map[string]struct{ Schema any }
		}
		Definitions map[string]any
	}
	if err := json.Unmarshal(made.Files["apiDefinition.swagger.json"], &d); err != nil {
		t.Fatal(err)
	}
	for _, item := range d.Paths {
		get, found := item["get"]
		if !found {
			continue
		}
		text, err := json.Marshal(withoutTexts(get.Responses["200"].Schema, d.Definitions))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	return ""
}

// withoutTexts returns a schema or a parameter without labels and descriptions, and with references followed.
func withoutTexts(v any, definitions map[string]any) any {
	o, isObject := v.(map[string]any)
	if !isObject {
		return v
	}
	if ref, isRef := o["$ref"].(string); isRef {
		return withoutTexts(definitions[strings.TrimPrefix(ref, "#/definitions/")], definitions)
	}
	bare := map[string]any{}
	for name, value := range o {
		switch name {
		case "description", "x-ms-summary":
		case "properties":
			properties := map[string]any{}
			for name, p := range value.(map[string]any) {
				properties[name] = withoutTexts(p, definitions)
			}
			bare[name] = properties
		default:
			bare[name] = withoutTexts(value, definitions)
		}
	}
	return bare
}

// What a definition says about a response is kept: each row is a schema, and what is made of it.
func TestConvert_KeepsTypes(t *testing.T) {
	const self = `{"type":"object","properties":{"id":{"type":"string"},"part":{"$ref":"#/components/schemas/Self"},` +
		`"parts":{"type":"array","items":{"$ref":"#/components/schemas/Self"}}}}`
	for schema, want := range map[string]string{
		`{"type":"array","items":{"type":"string"}}`: `{"items":{"type":"string"},"type":"array"}`,
		`{"type":"array","items":{"$ref":"#/components/schemas/Thing"}}`: `{"items":{"properties":{"a":{"type":"integer"}},` +
			`"type":"object"},"type":"array"}`,
		`{"items":{"items":{"type":"number","format":"double"}}}`: `{"items":{"items":{"format":"double",` +
			`"type":"number"},"type":"array"},"type":"array"}`,
		`{"type":"array","items":[{"type":"boolean"}],"maxItems":3}`:      `{"items":{"type":"boolean"},"maxItems":3,"type":"array"}`,
		`{"type":"array","items":[{"type":"boolean"},{"type":"string"}]}`: `{"items":{},"type":"array"}`,
		`{"allOf":[{"$ref":"#/components/schemas/Thing"},{"required":["b"],"properties":{"b":{"type":"string"}}}]}`: `{"properties":` +
			`{"a":{"type":"integer"},"b":{"type":"string"}},"required":["b"],"type":"object"}`,
		`{"oneOf":[{"$ref":"#/components/schemas/Thing"},{"properties":{"b":{"enum":["x","y"]}},"required":["b"]}]}`: `{"properties":` +
			`{"a":{"type":"integer"},"b":{"enum":["x","y"],"type":"string"}},"type":"object"}`,
		// The property that distinguishes alternatives may have any of their values; a field of several types is a
		// string.
		`{"oneOf":[{"properties":{"kind":{"const":"a"},"v":{"type":"integer"}}},` +
			`{"properties":{"kind":{"const":"b"},"v":{"type":"string"}}}]}`: `{` +
			`"properties":{"kind":{"enum":["a","b"],"type":"string"},"v":{"type":"string"}},"type":"object"}`,
		`{"allOf":[{"properties":{"data":{},"n":{"type":"string"}}},{"properties":{"data":{"$ref":"#/components/schemas/Thing"},` +
			`"n":{"maxLength":3}}}]}`: `{"properties":{"data":{"properties":{"a":{"type":"integer"}},"type":"object"},` +
			`"n":{"maxLength":3,"type":"string"}},"type":"object"}`,
		`{"oneOf":[{"type":"string","enum":["a"]},{"enum":[""]},{"enum":[null]}]}`: `{"enum":["a",""],"type":"string"}`,
		// A base that lists its descendants, which are built on it.
		`{"oneOf":[{"$ref":"#/components/schemas/Cat"},{"$ref":"#/components/schemas/Dog"}]}`: `{"properties":{"bark":{"type":"string"},` +
			`"kind":{"type":"string"},"purr":{"type":"boolean"}},"type":"object"}`,
		// Nested operands of two kinds.
		`{"$ref":"#/components/schemas/Sum"}`: `{"properties":{"left":{"properties":{"left":{"type":"object"},"name":{"type":"string"}},` +
			`"type":"object"}},"type":"object"}`,
		// A model with definitions of its own.
		`{"$schema":"http://json-schema.org/draft-04/schema#","properties":{"u":{"$ref":"#/definitions/U"}},"definitions":{"U":` +
			`{"type":"boolean"}}}`: `{"properties":{"u":{"type":"boolean"}},"type":"object"}`,
		`{"anyOf":[{"$ref":"#/components/schemas/Thing"},{"type":"null"}]}`: `{"properties":{"a":{"type":"integer"}},"type":"object"}`,
		`{"type":["array","null"],"items":{"type":["integer","null"],"format":"int64"}}`: `{"items":{"format":"int64",` +
			`"type":"integer"},"type":"array"}`,
		`{"type":"object","additionalProperties":{"type":"array","items":{"type":"string"}}}`: `{"additionalProperties":{"items":` +
			`{"type":"string"},"type":"array"},"type":"object"}`,
		`{"type":"string","format":"date-time","default":"2026-01-02T03:04:05Z"}`: `{"default":"2026-01-02T03:04:05Z",` +
			`"format":"date-time","type":"string"}`,
		`{"$ref":"#/components/schemas/Self"}`: `{"properties":{"id":{"type":"string"},"part":{"type":"object"},` +
			`"parts":{"items":{"type":"object"},"type":"array"}},"type":"object"}`,
	} {
		definition := `{"openapi":"3.1.0","servers":[{"url":"` + gateway + `"}],"paths":{"/a":{"get":{"responses":{"200":{"description":"a",` +
			`"content":{"application/json":{"schema":` + schema + `}}}}}}},"components":{"schemas":{"Self":` + self +
			`,"Pet":{"properties":{"kind":{"type":"string"}},"oneOf":[{"$ref":"#/components/schemas/Cat"},{"$ref":"#/components/schemas/Dog"}]}` +
			`,"Cat":{"allOf":[{"$ref":"#/components/schemas/Pet"},{"properties":{"purr":{"type":"boolean"}}}]}` +
			`,"Dog":{"allOf":[{"$ref":"#/components/schemas/Pet"},{"properties":{"bark":{"type":"string"}}}]}` +
			`,"Sum":{"oneOf":[{"properties":{"left":{"$ref":"#/components/schemas/Sum"}}},{"properties":{"left":{"type":"object",` +
			`"properties":{"name":{"type":"string"}}}}}]}` +
			`,"Thing":{"type":"object","properties":{"a":{"type":"integer"}}}}}}`
		if got := shown(t, definition); got != want {
			t.Errorf("%s\nbecame %s\nwant   %s", schema, got, want)
		}
	}
}

// Definitions that contain each other are complete except inside themselves, whichever comes first.
func TestConvert_MutuallyRecursiveDefinitions(t *testing.T) {
	const definitions = `"components":{"schemas":{` +
		`"Customer":{"type":"object","properties":{"name":{"type":"string"},"orders":{"type":"array","items":{"$ref":"{V}Order"}}}},` +
		`"Order":{"type":"object","properties":{"id":{"type":"string"},"customer":{"$ref":"{V}Customer"},"lines":{"type":"array",` +
		`"items":{"$ref":"{V}Line"}}}},"Line":{"type":"object","properties":{"n":{"type":"integer"},"order":{"$ref":"{V}Order"}}}}}`
	const cut = `{"type":"object"}`
	order := func(customer, line string) string {
		return `{"properties":{"customer":` + customer + `,"id":{"type":"string"},"lines":{"items":` + line + `,"type":"array"}},"type":"object"}`
	}
	line := func(order string) string {
		return `{"properties":{"n":{"type":"integer"},"order":` + order + `},"type":"object"}`
	}
	customer := `{"properties":{"name":{"type":"string"},"orders":{"items":` + order(cut, line(cut)) + `,"type":"array"}},"type":"object"}`
	for asked, want := range map[string]string{
		"Customer": customer, "Order": order(customer, line(cut)), "Line": line(order(customer, cut)),
	} {
		response := func(name string) string {
			return `{"responses":{"200":{"description":"a","content":{"application/json":{"schema":{"$ref":"{V}` + name + `"}}}}}}`
		}
		definition := `{"openapi":"3.1.0","servers":[{"url":"` + gateway + `"}],"paths":{"/0":{"put":` + response("Customer") +
			`},"/1":{"get":` + response(asked) + `}},` + definitions + `}`
		if got := shown(t, strings.ReplaceAll(definition, "{V}", "#/components/schemas/")); got != want {
			t.Errorf("%s became %s\nwant %s", asked, got, want)
		}
	}
}

// The target of a reference is written once, whatever surrounds the reference.
func TestConvert_WritesAReferenceOnce(t *testing.T) {
	properties := ""
	for i := range 50 {
		around := []string{
			`"allOf":[{"$ref":"#/components/schemas/Thing"}],"description":"Of it."`,
			`"anyOf":[{"$ref":"#/components/schemas/Thing"},{"type":"null"}],"title":"It"`,
		}[i%2]
		properties += fmt.Sprintf(`"p%d":{%s},`, i, around)
	}
	made, err := convert(t,
		`{"openapi":"3.1.0","servers":[{"url":"`+gateway+`"}],"paths":{"/a":{"get":{"responses":{"200":{"description":"a",`+
			`"content":{"application/json":{"schema":{"properties":{`+properties+`"z":{}}}}}}}}}},"components":`+
			`{"schemas":{"Thing":{"type":"object",`+
			`"properties":{"canary":{"type":"integer"}}}}}}`, nil)
	if err != nil {
		t.Fatal(err)
	}
	valid(t, made)
	text := string(made.Files["apiDefinition.swagger.json"])
	if n := strings.Count(text, `"canary"`); n != 1 || !strings.Contains(text, `"Of it."`) || !strings.Contains(text, `"x-ms-summary": "It"`) {
		t.Errorf("the schema occurs %d times, or its texts are missing", n)
	}
}

// A path made only of parameters is named after them.
func TestConvert_NamesFromParameters(t *testing.T) {
	made, err := convert(t,
		`{"openapi":"3.0.1","servers":[{"url":"`+gateway+`"}],"paths":{"/{folder}/{item}":{"get":{}},"/{folder}":{"put":{}},`+
			`"/":{"get":{}}}}`, nil)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, a := range made.Report.Actions {
		ids = append(ids, a.OperationID)
	}
	if got := strings.Join(ids, " "); got != "GetRoot UpdateFolder GetFolderItem" {
		t.Error(got)
	}
}

// What a definition says about parameters and bodies is kept: each row is members of an operation, and what is made
// of them.
func TestConvert_KeepsParameters(t *testing.T) {
	for _, row := range []struct{ version, operation, want string }{
		{
			"3", `"parameters":[{"name":"a","in":"query","required":true,"schema":{"type":"integer","format":"int32","minimum":1,"default":5}}]`,
			`{"default":5,"format":"int32","in":"query","minimum":1,"name":"a","required":true,"type":"integer"}`,
		},
		{
			"3", `"parameters":[{"name":"a","in":"query","schema":{"type":"array","items":{"type":"string","enum":["x"]}}}]`,
			`{"collectionFormat":"multi","in":"query","items":{"enum":["x"],"type":"string"},"name":"a","type":"array"}`,
		},
		{
			"3", `"parameters":[{"name":"a","in":"query","style":"pipeDelimited","explode":false,"schema":{"type":"array",` +
				`"items":{"type":"integer"}}}]`,
			`{"collectionFormat":"pipes","in":"query","items":{"type":"integer"},"name":"a","type":"array"}`,
		},
		{
			"3", `"parameters":[{"name":"X-Trace","in":"header","schema":{"type":"array","items":{"type":"boolean"}}}]`,
			`{"collectionFormat":"csv","in":"header","items":{"type":"boolean"},"name":"X-Trace","type":"array"}`,
		},
		{
			"3", `"requestBody":{"required":true,"content":{"text/plain":{"schema":{"type":"string"}},` +
				`"application/json":{"schema":{"type":"array",` +
				`"items":{"type":"number"}}}}}`,
			`{"in":"body","name":"body","required":true,"schema":{"items":{"type":"number"},"type":"array"}}`,
		},
		{
			"3", `"requestBody":{"content":{"application/x-www-form-urlencoded":{"schema":{"required":["a"],` +
				`"properties":{"a":{"type":"array","items":` +
				`{"type":"string"}}}}}}}`,
			`{"collectionFormat":"multi","in":"formData","items":{"type":"string"},"name":"a","required":true,"type":"array"}`,
		},
		{
			"2", `"parameters":[{"name":"a","in":"query","type":"array","collectionFormat":"ssv","items":{"type":"string","maxLength":3}}]`,
			`{"collectionFormat":"ssv","in":"query","items":{"maxLength":3,"type":"string"},"name":"a","type":"array"}`,
		},
		{
			"2", `"parameters":[{"name":"a","in":"formData","type":"string","required":true}]`,
			`{"in":"formData","name":"a","required":true,"type":"string"}`,
		},
		{
			"2", `"consumes":["application/octet-stream"],"parameters":[{"name":"a","in":"body","schema":{"type":"string","format":"binary"}}]`,
			`{"in":"body","name":"body","schema":{"format":"binary","type":"string"}}`,
		},
		{
			"2", `"parameters":[{"name":"a","in":"body","schema":{"type":"object","additionalProperties":{"type":"array",` +
				`"items":{"type":"integer"}}}}]`,
			`{"in":"body","name":"body","schema":{"additionalProperties":{"items":{"type":"integer"},"type":"array"},"type":"object"}}`,
		},
	} {
		head := `"openapi":"3.0.3","servers":[{"url":"` + gateway + `"}]`
		if row.version == "2" {
			head = `"swagger":"2.0","host":"a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com"`
		}
		made, err := convert(t, `{`+head+`,"paths":{"/a":{"post":{`+row.operation+`}}}}`, nil)
		if err != nil {
			t.Errorf("%s: %v", row.operation, err)
			continue
		}
		valid(t, made)
		var d struct {
			Paths map[string]map[string]struct{ Parameters []any }
		}
		if err := json.Unmarshal(made.Files["apiDefinition.swagger.json"], &d); err != nil {
			t.Fatal(err)
		}
		for _, item := range d.Paths {
			got, err := json.Marshal(withoutTexts(item["post"].Parameters[0], nil))
			if err != nil || string(got) != row.want {
				t.Errorf("%s\nbecame %s\nwant   %s", row.operation, got, row.want)
			}
		}
	}
}
