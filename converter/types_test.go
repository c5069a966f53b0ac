package converter_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// shown is a schema of an answer as designers show it, without labels and descriptions and with references followed.
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
	var strip func(v any) any
	strip = func(v any) any {
		o, isObject := v.(map[string]any)
		if !isObject {
			return v
		}
		if ref, isRef := o["$ref"].(string); isRef {
			return strip(d.Definitions[strings.TrimPrefix(ref, "#/definitions/")])
		}
		bare := map[string]any{}
		for name, value := range o {
			switch name {
			case "description", "x-ms-summary":
			case "properties":
				properties := map[string]any{}
				for name, p := range value.(map[string]any) {
					properties[name] = strip(p)
				}
				bare[name] = properties
			default:
				bare[name] = strip(value)
			}
		}
		return bare
	}
	for _, item := range d.Paths {
		text, err := json.Marshal(strip(item["get"].Responses["200"].Schema))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	return ""
}

// What a definition tells of an answer arrives: each row is a schema, and what is made of it.
func TestConvert_KeepsTypes(t *testing.T) {
	const self = `{"type":"object","properties":{"id":{"type":"string"},"part":{"$ref":"#/components/schemas/Self"},` +
		`"parts":{"type":"array","items":{"$ref":"#/components/schemas/Self"}}}}`
	for schema, want := range map[string]string{
		`{"type":"array","items":{"type":"string"}}`:                      `{"items":{"type":"string"},"type":"array"}`,
		`{"type":"array","items":{"$ref":"#/components/schemas/Thing"}}`:  `{"items":{"properties":{"a":{"type":"integer"}},"type":"object"},"type":"array"}`,
		`{"items":{"items":{"type":"number","format":"double"}}}`:         `{"items":{"items":{"format":"double","type":"number"},"type":"array"},"type":"array"}`,
		`{"type":"array","items":[{"type":"boolean"}],"maxItems":3}`:      `{"items":{"type":"boolean"},"maxItems":3,"type":"array"}`,
		`{"type":"array","items":[{"type":"boolean"},{"type":"string"}]}`: `{"items":{},"type":"array"}`,
		`{"allOf":[{"$ref":"#/components/schemas/Thing"},{"required":["b"],"properties":{"b":{"type":"string"}}}]}`: `{"properties":` +
			`{"a":{"type":"integer"},"b":{"type":"string"}},"required":["b"],"type":"object"}`,
		`{"oneOf":[{"$ref":"#/components/schemas/Thing"},{"properties":{"b":{"enum":["x","y"]}},"required":["b"]}]}`: `{"properties":` +
			`{"a":{"type":"integer"},"b":{"enum":["x","y"],"type":"string"}},"type":"object"}`,
		`{"anyOf":[{"$ref":"#/components/schemas/Thing"},{"type":"null"}]}`:              `{"properties":{"a":{"type":"integer"}},"type":"object"}`,
		`{"type":["array","null"],"items":{"type":["integer","null"],"format":"int64"}}`: `{"items":{"format":"int64","type":"integer"},"type":"array"}`,
		`{"type":"object","additionalProperties":{"type":"array","items":{"type":"string"}}}`: `{"additionalProperties":{"items":` +
			`{"type":"string"},"type":"array"},"type":"object"}`,
		`{"type":"string","format":"date-time","default":"2026-01-02T03:04:05Z"}`: `{"default":"2026-01-02T03:04:05Z","format":"date-time","type":"string"}`,
		`{"$ref":"#/components/schemas/Self"}`: `{"properties":{"id":{"type":"string"},"part":{"type":"object"},` +
			`"parts":{"items":{"type":"object"},"type":"array"}},"type":"object"}`,
	} {
		definition := `{"openapi":"3.1.0","servers":[{"url":"` + gateway + `"}],"paths":{"/a":{"get":{"responses":{"200":{"description":"a",` +
			`"content":{"application/json":{"schema":` + schema + `}}}}}}},"components":{"schemas":{"Self":` + self +
			`,"Thing":{"type":"object","properties":{"a":{"type":"integer"}}}}}}`
		if got := shown(t, definition); got != want {
			t.Errorf("%s\nbecame %s\nwant   %s", schema, got, want)
		}
	}
}

// What is referred to is written once, whatever stands around the reference.
func TestConvert_WritesAReferenceOnce(t *testing.T) {
	properties := ""
	for i := range 50 {
		around := []string{
			`"allOf":[{"$ref":"#/components/schemas/Thing"}],"description":"Of it."`,
			`"anyOf":[{"$ref":"#/components/schemas/Thing"},{"type":"null"}],"title":"It"`,
		}[i%2]
		properties += fmt.Sprintf(`"p%d":{%s},`, i, around)
	}
	made, err := convert(t, `{"openapi":"3.1.0","servers":[{"url":"`+gateway+`"}],"paths":{"/a":{"get":{"responses":{"200":{"description":"a",`+
		`"content":{"application/json":{"schema":{"properties":{`+properties+`"z":{}}}}}}}}}},"components":{"schemas":{"Thing":{"type":"object",`+
		`"properties":{"canary":{"type":"integer"}}}}}}`, nil)
	if err != nil {
		t.Fatal(err)
	}
	valid(t, made)
	text := string(made.Files["apiDefinition.swagger.json"])
	if n := strings.Count(text, `"canary"`); n != 1 || !strings.Contains(text, `"Of it."`) || !strings.Contains(text, `"x-ms-summary": "It"`) {
		t.Errorf("the schema is there %d times, or its texts are not", n)
	}
}

// Of a path that is all parameters, these are the name.
func TestConvert_NamesAfterParameters(t *testing.T) {
	made, err := convert(t, `{"openapi":"3.0.1","servers":[{"url":"`+gateway+`"}],"paths":{"/{folder}/{item}":{"get":{}},"/{folder}":{"put":{}},`+
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
