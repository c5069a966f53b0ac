package converter_test

import (
	"encoding/json"
	"errors"
	"flag"
	"maps"
	"slices"
	"strings"
	"testing"

	"countersign/converter"
)

// traps are things that real definitions contain, each as members of an operation or of the document. {V} stands for
// the path of schemas.
var traps = []struct{ name, operation, document, schema string }{
	{
		name: "integration",
		operation: `"x-amazon-apigateway-integration":{"type":"aws","uri":"arn:aws:lambda:eu-west-1:123456789012:function:a",` +
			`"requestTemplates":{"application/json":"$input.body $util.urlEncode()"}}`,
	},
	{
		name:     "policy",
		document: `"x-amazon-apigateway-policy":{"Statement":[{"Sid":"PolicyCanary","Principal":"arn:aws:iam::123456789012:root"}]}`,
	},
	{
		name: "leaks in texts",
		operation: `"summary":"As arn:aws:iam::123456789012:role/a",` +
			`"description":"Account 123456789012 with AKIAIOSFODNN7EXAMPLE and wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY and $util.escape()"`,
	},
	{
		name: "leaks in values",
		schema: `{"type":"string","enum":["arn:aws:iam::123456789012:role/a"],"default":"123456789012","pattern":"arn:aws:.*",` +
			`"example":"AKIAIOSFODNN7EXAMPLE","title":"arn:aws:s3:::b"}`,
	},
	{
		name:   "leak in a name",
		schema: `{"type":"object","properties":{"arn:aws:iam::123456789012:role/a":{"type":"string"},"123456789012":{"type":"string"}}}`,
	},
	{
		name: "words of schemas as names",
		schema: `{"type":"object","required":["in","properties"],"properties":{"in":{"type":"string"},"properties":{"type":"string"},` +
			`"$ref":{"type":"string"},"items":{},"type":{"type":"integer"},"required":{"type":"boolean"},"x-ms-foo":{"type":"string"},` +
			`"oneOf":{"type":"string"},"":{"type":"string"}}}`,
	},
	{
		name: "odd keywords",
		schema: `{"type":"string","minLength":-1,"maxLength":2.5,"minimum":"a","enum":[],"format":"hostname","x-ms-editor":"html",` +
			`"x-ms-visibility":"none","xml":{"name":"a"},"externalDocs":{"url":"no"}}`,
	},
	{name: "wrong default", schema: `{"type":"integer","default":"ten","minimum":9,"maximum":1,"enum":["1","2",2]}`},
	{name: "null", schema: `{"type":["string","null"],"default":null,"enum":["a",null]}`},
	{name: "several types", schema: `{"type":["object","string"]}`},
	{name: "unknown type", schema: `{"type":"any"}`},
	{name: "schema true", schema: `true`},
	{name: "property false", schema: `{"type":"object","properties":{"a":false,"b":true,"c":null}}`},
	{name: "const", schema: `{"const":{"a":1}}`},
	{name: "numbers", schema: `{"type":"number","enum":[1,1.0,1e0,2],"default":1e2,"maximum":123456789012}`},
	{name: "tuple", schema: `{"type":"array","items":[{"type":"string"},{"type":"integer"}],"prefixItems":[{}]}`},
	{name: "array of nothing", schema: `{"type":"array"}`},
	{name: "array of arrays", schema: `{"type":"array","items":{"type":"array","items":{"$ref":"{V}Self"}}}`},
	{name: "itself", schema: `{"$ref":"{V}Self"}`},
	{name: "itself by a part", schema: `{"allOf":[{"$ref":"{V}Part"}]}`},
	{name: "alternatives", schema: `{"oneOf":[{"$ref":"{V}Self"},{"$ref":"{V}Part"}],"discriminator":{"propertyName":"kind"}}`},
	{name: "scalar alternatives", schema: `{"anyOf":[{"type":"string"},{"type":"integer"}]}`},
	{name: "mixed alternatives", schema: `{"anyOf":[{"type":"string"},{"type":"object"},{"type":"null"}]}`},
	{
		name:   "required alternatives",
		schema: `{"type":"object","properties":{"a":{"type":"string"}},"anyOf":[{"required":["a"]},{"required":["b"]}],"not":{"required":["c"]}}`,
	},
	{name: "map", schema: `{"type":"object","additionalProperties":{"$ref":"{V}Self"}}`},
	{name: "map of anything", schema: `{"additionalProperties":true,"patternProperties":{"^a":{"type":"string"}},"minProperties":1}`},
	{name: "binary within", schema: `{"type":"object","properties":{"file":{"type":"string","format":"binary"}}}`},
	{
		name:   "read only and required",
		schema: `{"type":"object","required":["id","id","gone"],"properties":{"id":{"type":"string","readOnly":true}}}`,
	},
	{name: "conditions", schema: `{"if":{"properties":{"a":{}}},"then":{"required":["a"]},"else":{},"dependentSchemas":{}}`},
	{name: "id with signs", operation: `"operationId":"get-order_by.id (new!)"`},
	{name: "id of no letters", operation: `"operationId":"123-é"`},
	{name: "id of a number", operation: `"operationId":7`},
	{name: "summary with signs", operation: `"summary":"Get / all <b>orders</b> & more; 100%?"`},
	{name: "summary of no letters", operation: `"summary":"???","description":"???"`},
	{name: "summary of another script", operation: `"summary":"注文を取得","description":"注文を取得"`},
	{name: "long texts", operation: `"summary":"` + strings.Repeat("word ", 100) + `","description":"` + strings.Repeat("é", 4000) + `"`},
	{name: "text with control characters", operation: `"summary":"a\u0000b\nc","description":"a\u202eb\u2028c"`},
	{name: "no texts", operation: `"summary":["a"],"description":{"a":1},"tags":"a"`},
	{
		name: "headers of ours",
		operation: `"parameters":[{"name":"X-API-Key","in":"header","required":true,"type":"string","schema":{"type":"string"}},` +
			`{"name":"x-amz-target","in":"header","type":"string"},{"name":"Accept","in":"header","type":"string"}]`,
	},
	{
		name: "lists",
		operation: `"parameters":[{"name":"a[]","in":"query","type":"array","items":{"type":"string"},"collectionFormat":"multi",` +
			`"schema":{"type":"array","items":{"type":"object"}},"explode":"false"},` +
			`{"name":"h","in":"header","type":"array","collectionFormat":"multi","schema":{"type":"array"}}]`,
	},
	{
		name: "objects",
		operation: `"parameters":[{"name":"filter","in":"query","type":"object","style":"deepObject","schema":{"type":"object",` +
			`"properties":{"a":{}}}}]`,
	},
	{
		name: "one name twice",
		operation: `"parameters":[{"name":"q","in":"query","type":"string"},{"name":"q","in":"query","type":"integer"},` +
			`{"name":"Q","in":"query","type":"string"},{"name":"q","in":"header","type":"string"},{"name":"Q","in":"header","type":"string"}]`,
	},
	{
		name:      "content of a parameter",
		operation: `"parameters":[{"name":"w","in":"query","content":{"application/json":{"schema":{"$ref":"{V}Self"}}}}]`,
	},
	{
		name:      "cookie",
		operation: `"parameters":[{"name":"s","in":"cookie","schema":{"type":"string"}},{"name":"s","in":"nowhere","type":"string"}]`,
	},
	{
		name: "parameter of the path twice",
		operation: `"parameters":[{"name":"id+","in":"path","required":false,"type":"array","items":{"type":"file"},` +
			`"schema":{"type":"object"}},{"name":"gone","in":"path","type":"string"}]`,
	},
	{name: "only a default", operation: `"responses":{"default":{"description":"a","schema":{"type":"object"}}}`},
	{name: "only nothing", operation: `"responses":{"204":{"description":""},"205":{}}`},
	{name: "only failures", operation: `"responses":{"400":{"description":"a"},"4XX":{},"x-a":1}`},
	{name: "no responses", operation: `"responses":null`},
	{
		name: "several successes",
		operation: `"responses":{"2XX":{"description":"a"},"201":{"description":"b","schema":{"$ref":"{V}Self"}},` +
			`"202":{"description":"c","headers":{"Location":{"type":"string"}}},"999":{}}`,
	},
	{
		name: "file",
		operation: `"produces":["application/pdf","application/json"],"responses":{"200":{"description":"a","schema":{"type":"file"},` +
			`"content":{"application/pdf":{"schema":{"type":"string","format":"binary"}}}}}`,
	},
	{
		name: "media types",
		operation: `"produces":["text/csv"],"responses":{"200":{"description":"a","schema":{"type":"string"},` +
			`"content":{"TEXT/CSV; charset=a":{}}}}`,
	},
	{
		name: "odd media type",
		operation: `"produces":["no media type/at all"],"responses":{"200":{"description":"a","schema":{"type":"string"},` +
			`"content":{"":{},"a/b c":{"example":1}}}}`,
	},
	{
		name:      "callbacks and links",
		operation: `"callbacks":{"a":{"{$request.body#/url}":{"post":{}}}},"deprecated":true,"security":[{"gone":[]}],"externalDocs":{"url":"a"}`,
		document:  `"webhooks":{"a":{"post":{}}},"tags":[{"name":"a"}],"security":[{"a":[]},{"b":[]}]`,
	},
	{name: "odd information", document: `"info":{"title":"Power Automate API Connector Flow ${notThis","version":1}`},
	{
		name: "long title",
		document: `"info":{"title":"a-very-long-titleWithManyWords_thatGoesOn","description":"` + strings.Repeat("Text. ", 300) +
			`","contact":{"email":"no"}}`,
	},
	{name: "title of another script", document: `"info":{"title":"注文","description":"é"}`},
	{name: "no information", document: `"info":null`},
}

// definitionWith puts the members of traps into one definition of a version.
func definitionWith(version string, list ...int) string {
	schemas, head, path := "#/definitions/", `"swagger":"2.0","host":"a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com","basePath":"/prod"`,
		`/orders/{id+}/v1.0/{x}:run`
	if version != "2.0" {
		schemas, head = "#/components/schemas/", `"openapi":"`+version+`",`+
			`"servers":[{"url":"https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/{s}","variables":{"s":{"default":"prod"}}}]`
	}
	operation, document, schema := map[string]json.RawMessage{}, map[string]json.RawMessage{}, `{"type":"string"}`
	for _, i := range list {
		for into, text := range map[*map[string]json.RawMessage]string{&operation: traps[i].operation, &document: traps[i].document} {
			if err := json.Unmarshal([]byte("{"+text+"}"), into); err != nil {
				panic(traps[i].name)
			}
		}
		schema = first(traps[i].schema, schema)
	}
	join := func(m map[string]json.RawMessage) string {
		text := ""
		for _, name := range slices.Sorted(maps.Keys(m)) {
			text += `"` + name + `":` + string(m[name]) + ","
		}
		return text
	}
	if _, given := operation["responses"]; !given {
		operation["responses"] = json.RawMessage(`{"200":{"description":"a","schema":` + schema + `,"content":{"application/json":{"schema":` +
			schema + `}}}}`)
	}
	body := `"requestBody":{"content":{"application/json":{"schema":` + schema + `}}}`
	if version == "2.0" {
		body = `"x-body":0`
	}
	named := `"Self":{"type":"object","properties":{"self":{"$ref":"{V}Self"},"v":` + schema +
		`}},"Part":{"allOf":[{"$ref":"{V}Self"},{"properties":{"part":{"$ref":"{V}Part"}}}]}`
	text := `{` + head + `,` + join(document) + `"paths":{"` + path + `":{"get":{` + strings.TrimSuffix(join(operation), ",") +
		`},"put":{` + join(operation) + body + `}}},` +
		`"definitions":{` + named + `},"components":{"schemas":{` + named + `}}}`
	return strings.ReplaceAll(text, "{V}", schemas)
}

func first(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

var allPairs = flag.Bool("all-pairs", false, "every two traps together, not only some")

// Every trap alone, and every pair, in all versions.
func TestConvert_TrapsAndPairs(t *testing.T) {
	converted, every := 0, 23
	if testing.Short() {
		every = 97
	}
	for _, version := range []string{"2.0", "3.0.3", "3.1.0"} {
		for i := range traps {
			for j := i; j < len(traps); j++ {
				if !*allPairs && i != j && (i+j)%every != 0 {
					continue
				}
				made, err := convert(t, definitionWith(version, i, j), func(o *converter.Options) { o.Greedy = true })
				if err != nil {
					if len(pointers(err)) == 0 {
						t.Errorf("%s, %s + %s: refused without a pointer: %v", version, traps[i].name, traps[j].name, err)
					} else if !strings.Contains(err.Error(), "placeholder") {
						t.Errorf("%s, %s + %s: %v", version, traps[i].name, traps[j].name, err)
					}
					continue
				}
				converted++
				valid(t, made)
				if t.Failed() {
					t.Fatalf("%s, %s + %s: %s", version, traps[i].name, traps[j].name, definitionWith(version, i, j))
				}
			}
		}
	}
	if converted == 0 {
		t.Error("nothing was converted")
	}
	t.Logf("%d converted", converted)
}

func FuzzConvert(f *testing.F) {
	for i := range traps {
		f.Add([]byte(definitionWith("3.0.3", i)), []byte(nil))
		f.Add([]byte(definitionWith("2.0", i)), []byte(nil))
	}
	for _, name := range []string{"4-filled.swagger.yaml", "5-shapes.oas30.yaml", "6-modern.oas31.yaml"} {
		f.Add(read(f, "testdata/"+name), read(f, "testdata/6-modern.oas31.yaml.golden.json"))
	}
	published() // this may take longer than one input is allowed on a busy machine
	options(f)
	f.Fuzz(func(t *testing.T, definition, earlier []byte) {
		made, err := convert(t, string(definition), func(o *converter.Options) {
			o.Upstream, o.Greedy, o.Any, o.Earlier = gateway, true, []string{"get", "post"}, earlier
		})
		if err == nil {
			valid(t, made)
			return
		}
		if strings.Contains(err.Error(), "a fault of this command") || errors.Unwrap(err) != nil {
			t.Error(err)
		}
	})
}
