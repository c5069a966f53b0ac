package converter_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"countersign/connector"
	"countersign/converter"
)

var update = flag.Bool("update", false, "rewrite testdata/*.golden.json")

const gateway = "https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/prod"

func read(t testing.TB, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// options are those of most tests.
func options(t testing.TB) converter.Options {
	t.Helper()
	f, err := frame()
	if err != nil {
		t.Fatal(err)
	}
	return converter.Options{Frame: f, Profile: "orders"}
}

var frame = sync.OnceValues(func() (*connector.Frame, error) {
	swagger, err := os.ReadFile("../api/swagger.json")
	if err != nil {
		return nil, err
	}
	return connector.NewFrame(swagger, "sign.example.com")
})

func convert(t testing.TB, definition string, change func(*converter.Options)) (*converter.Result, error) {
	t.Helper()
	o := options(t)
	if change != nil {
		change(&o)
	}
	return converter.Convert([]byte(definition), o)
}

func TestConvert_Samples(t *testing.T) {
	for file, test := range map[string]struct {
		upstream string
		any      bool
		actions  int
		left     []string
		refused  []string
	}{
		"1-rest-export.swagger.json": {actions: 3, left: []string{"OPTIONS /orders", "GET /orders, header parameter Authorization"}},
		"2-rest-export.oas30.json":   {actions: 4, left: []string{"GET /documents, query parameter filter"}},
		"3-proxy-any.oas30.json":     {refused: []string{"/servers/0/url"}},
		"3-proxy-any.oas30.json raw": {
			upstream: gateway, actions: 1,
			left: []string{"ANY $default", "ANY /{proxy+}", "GET /reports/{year}/{name+}", "HEAD /reports/{year}/{name+}"},
		},
		"3-proxy-any.oas30.json any": {
			upstream: gateway, any: true, actions: 4, left: []string{"ANY $default", "HEAD /reports/{year}/{name+}"},
		},
		"4-hand-written.swagger.yaml":  {refused: []string{"/info/title", "/host"}},
		"4-hand-written.swagger.yaml ": {upstream: strings.TrimSuffix(gateway, "/prod"), refused: []string{"/info/title", "/basePath"}},
		"4-filled.swagger.yaml": {
			upstream: strings.TrimSuffix(gateway, "/prod"), actions: 1, left: []string{"DELETE /customers/{id}", "POST /upload"},
		},
		"5-shapes.oas30.yaml":          {refused: []string{"/servers/0/url"}},
		"5-shapes.oas30.yaml upstream": {upstream: gateway, actions: 2, left: []string{"GET /shapes, cookie parameter session"}},
		"6-modern.oas31.yaml":          {actions: 2},
	} {
		t.Run(file, func(t *testing.T) {
			name, _, _ := strings.Cut(file, " ")
			made, err := convert(t, string(read(t, "testdata/"+name)), func(o *converter.Options) {
				o.Upstream = test.upstream
				if test.any {
					o.Any, o.Greedy = []string{"get", "post"}, true
				}
			})
			if test.refused != nil {
				if got := pointers(err); !slices.Equal(got, test.refused) {
					t.Errorf("refused for %q, want %q: %v", got, test.refused, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var left []string
			for _, l := range made.Report.LeftOut {
				left = append(left, l.What)
			}
			slices.Sort(left)
			slices.Sort(test.left)
			if len(made.Report.Actions) != test.actions || !slices.Equal(left, test.left) {
				t.Errorf("%d actions, want %d; left out %q, want %q", len(made.Report.Actions), test.actions, left, test.left)
			}
			valid(t, made)
			golden(t, strings.ReplaceAll(file, " ", "-"), made.Files["apiDefinition.swagger.json"])
		})
	}
}

// pointers returns the pointers of the faults in an error.
func pointers(err error) []string {
	var list []string
	joined, several := err.(interface{ Unwrap() []error })
	if !several {
		joined = one{err}
	}
	for _, fault := range joined.Unwrap() {
		var e *converter.Error
		if errors.As(fault, &e) {
			list = append(list, e.Pointer)
		}
	}
	return list
}

type one struct{ err error }

func (o one) Unwrap() []error { return []error{o.err} }

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := "testdata/" + name + ".golden.json"
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := read(t, path); !bytes.Equal(got, want) {
		t.Errorf("%s is out of date. Review the difference, then run: go test ./converter -update", path)
	}
}

// secrets must not occur in any file of a connector.
var secrets = strings.Fields("arn:aws 123456789012 AKIAIOSFODNN7EXAMPLE wJalrXUtnFEMI $util $input PolicyCanary")

// valid checks a connector against the rules and the published schema, and for what must be left out.
func valid(t testing.TB, made *converter.Result) {
	t.Helper()
	holdsRules(t, made)
	holdsNoSecret(t, made)
}

func holdsRules(t testing.TB, made *converter.Result) {
	t.Helper()
	for _, fault := range connector.Check(made.Files) {
		t.Error(fault)
	}
	var definition any
	if err := json.Unmarshal(made.Files["apiDefinition.swagger.json"], &definition); err != nil {
		t.Fatal(err)
	}
	if err := published().Validate(definition); err != nil {
		t.Errorf("the published schema refuses it: %v", err)
	}
}

func holdsNoSecret(t testing.TB, made *converter.Result) {
	t.Helper()
	for name, text := range made.Files {
		for _, secret := range secrets {
			if bytes.Contains(text, []byte(secret)) {
				t.Errorf("%s holds %q", name, secret)
			}
		}
	}
}

func TestConvert_RefusesWithAPointer(t *testing.T) {
	for name, test := range map[string]struct{ definition, pointer string }{
		"nothing":      {" \n", ""},
		"no YAML":      {"a: b: c", ""},
		"two files":    {"swagger: '2.0'\n---\nswagger: '2.0'\n", ""},
		"more":         {`{"swagger":"2.0"} {}`, ""},
		"UTF-16":       {"\xff\xfe{\x00", ""},
		"no object":    {`[]`, ""},
		"no version":   {`{"paths":{}}`, "/openapi"},
		"version 1.2":  {`{"swagger":"1.2","paths":{}}`, "/swagger"},
		"no paths":     {`{"swagger":"2.0"}`, "/paths"},
		"paths listed": {`{"swagger":"2.0","paths":[]}`, "/paths"},
		"template":     {`{"AWSTemplateFormatVersion":"2010-09-09","Resources":{}}`, ""},
		"name twice":   {`{"swagger":"2.0","paths":{"/a":{},"/a":{}}}`, "/paths/~1a"},
		"external reference": {
			trap(`"responses":{"200":{"description":"a","schema":{"$ref":"other.json#/a"}}}`),
			"/paths/~1a/get/responses/200/schema/$ref",
		},
		"dead reference": {
			trap(`"responses":{"200":{"description":"a","schema":{"$ref":"#/definitions/Gone"}}}`),
			"/paths/~1a/get/responses/200/schema/$ref",
		},
		"placeholder in id":   {trap(`"operationId":"get${x}"`), "/paths/~1a/get/operationId"},
		"parameters by name":  {trap(`"parameters":{"q":{"in":"query"}}`), "/paths/~1a/get/parameters"},
		"responses as a list": {trap(`"responses":[{"200":{"description":"a"}}]`), "/paths/~1a/get/responses"},
		"properties as a list": {
			trap(`"responses":{"200":{"description":"a","schema":{"properties":["b"]}}}`), "/paths/~1a/get/responses/200/schema/properties",
		},
		"contents that are a text": {
			`{"openapi":"3.0.0","servers":[{"url":"` + gateway + `"}],"paths":{"/a":{"post":{"requestBody":{"content":"application/json"}}}}}`,
			"/paths/~1a/post/requestBody/content",
		},
		"operation beside a reference": {
			`{"openapi":"3.1.0","servers":[{"url":"` + gateway + `"}],"paths":{"/a":{"$ref":"#/components/pathItems/A","post":{}}},` +
				`"components":{"pathItems":{"A":{"get":{}}}}}`, "/paths/~1a/post",
		},
		"servers beside a reference": {
			`{"openapi":"3.0.1","servers":[{"url":"` + gateway + `"}],"paths":{"/a":{"$ref":"#/paths/~1b","servers":[]},"/b":{"get":{}}}}`,
			"/paths/~1a/servers",
		},
		"method in capitals":   {strings.Replace(trap(``), `"get"`, `"GET"`, 1), "/paths/~1a/GET"},
		"host with its scheme": {strings.Replace(trap(``), `"host":"`, `"host":"https://`, 1), "/host"},
		"Latin-1 in JSON":      {trap(`"summary":"Best\xe4tigung"`), "/paths/~1a/get/summary"},
		"Latin-1 in YAML":      {"swagger: '2.0'\ninfo: {title: Best\xe4tigung}\n", ""},
		"title to fill in":     {strings.Replace(trap(``), `"title":"a"`, `"title":"<title>"`, 1), "/info/title"},
		"host to fill in":      {strings.Replace(trap(``), `a1b2c3d4e5`, `<api-id>`, 1), "/host"},
		"dots in the path of all": {
			strings.Replace(trap(``), `"host"`, `"basePath":"/a/../prod","host"`, 1), "/basePath",
		},
		"servers as an object": {`{"openapi":"3.0.0","servers":{"url":"` + gateway + `"},"paths":{"/a":{"get":{}}}}`, "/servers"},
		"parameter unnamed":    {trap(`"parameters":[{"in":"query"}]`), "/paths/~1a/get/parameters/0/name"},
		"account id in the path of all": {
			`{"swagger":"2.0","host":"a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com","basePath":"/123456789012","paths":{"/a":{"get":{}}}}`,
			"/basePath",
		},
		"host of nobody": {`{"swagger":"2.0","host":"api.example.com","paths":{"/a":{"get":{}}}}`, "/host"},
		"deep": {
			`{"swagger":"2.0","x":` + strings.Repeat("[", 300) + strings.Repeat("]", 300) + `}`, "/x" + strings.Repeat("/0", 199),
		},
		"alias within itself": {"swagger: '2.0'\npaths: &a {x: *a}\n", "/paths/x"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := convert(t, test.definition, nil)
			if got := pointers(err); len(got) != 1 || got[0] != test.pointer {
				t.Errorf("refused for %q, want %q: %v", got, test.pointer, err)
			}
		})
	}
}

// trap returns a definition with one operation that has these members.
func trap(members string) string {
	return `{"swagger":"2.0","host":"a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com","info":{"title":"a","version":"1"},` +
		`"paths":{"/a":{"get":{` + members + `}}}}`
}

// If no title can serve as a name, the action for any request still has a fixed one.
func TestConvert_RawActionOfAnyTitle(t *testing.T) {
	for title, want := range map[string]string{
		`{}`: "Call AWS service", `{"title":"orders"}`: "Call Orders", `{"title":"注文"}`: "Call any operation",
		`{"title":"7"}`: "Call AWS service",
		// 17 characters, though 51 bytes
		`{"title":"注文管理システム用アプリケーション"}`: "Call any operation",
	} {
		made, err := convert(t, `{"openapi":"3.0.1","servers":[{"url":"`+gateway+`"}],"info":`+title+
			`,"paths":{"/{proxy+}":{"x-amazon-apigateway-any-method":{}}}}`, nil)
		if err != nil {
			t.Errorf("%s: %v", title, err)
			continue
		}
		valid(t, made)
		if text := made.Files["apiDefinition.swagger.json"]; !bytes.Contains(text, []byte(`"`+want+`"`)) {
			t.Errorf("%s: no action %q", title, want)
		}
	}
}

// What surrounds the only document of a YAML file is not a document.
func TestConvert_ReadsYAMLAsToolsWriteIt(t *testing.T) {
	document := "openapi: 3.0.3\nservers: [{url: '" + gateway + "'}]\npaths: {/a: {get: {}}}\n"
	for name, text := range map[string]string{
		"a mark at the end": document + "---\n", "marks around": "---\n" + document + "...\n", "version 1.2": "%YAML 1.2\n---\n" + document,
		"mark of UTF-8 and CRLF": "\xef\xbb\xbf" + strings.ReplaceAll(document, "\n", "\r\n"),
	} {
		if made, err := convert(t, text, nil); err != nil || len(made.Report.Actions) != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// An account id in a path does not appear in a pointer, even between escapes.
func TestConvert_PointersHoldNoSecret(t *testing.T) {
	made, err := convert(t, strings.Replace(trap(`"responses":{}`), `"paths":{`, `"paths":{"/accounts/123456789012/x":{"get":{}},`, 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	valid(t, made)
	if len(made.Report.LeftOut) != 1 || made.Report.LeftOut[0].Pointer != "/paths/~1accounts~1…~1x/get" {
		t.Errorf("left out is %v", made.Report.LeftOut)
	}
	_, err = convert(t, strings.Replace(trap(`"responses":{}`), `"paths":{`, `"paths":{"/accounts/123456789012/x":{"get":7},`, 1), nil)
	if err == nil || strings.Contains(err.Error(), "123456789012") {
		t.Errorf("refused with %v", err)
	}
}

// Paths as frameworks and gateways write them: some a connector can have, and some it cannot.
func TestConvert_UnusualPaths(t *testing.T) {
	for path, want := range map[string]bool{
		"/a/{id}.json": true, "/a/{x}-{y}": true, "/a/{order.id}": true,
		"/{x}.{y}": true, "/{x}..{y}/b": true, "/a/../b": false, "/a/{id}/": true, "/$metadata": true, "/a/{id:[0-9]+}": false,
		"/a/{*rest}": false, "/a/{+rest}": false, "/a/{?q}": false, "/a/{n=x/*}": false, "/a/{id": false, "/a/{}": false, "/a?b=c": false,
		"a/b": false, "/$default": false, "/a b": false, "/a/{all+}": false,
	} {
		definition := `{"openapi":"3.0.1","servers":[{"url":"` + gateway + `"}],"paths":{"` + path + `":{"get":{}},"/other":{"get":{}}}}`
		made, err := convert(t, definition, nil)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		valid(t, made)
		if got := len(made.Report.LeftOut) == 0; got != want {
			t.Errorf("%s: accepted is %t, want %t: %v", path, got, want, made.Report.LeftOut)
		}
	}
}

// The reference of a path may have a description.
func TestConvert_PathByReference(t *testing.T) {
	made, err := convert(t, `{"openapi":"3.1.0","servers":[{"url":"`+gateway+`"}],"paths":{"/a":{"$ref":"#/components/pathItems/A",`+
		`"summary":"Orders","x-a":{}}},"components":{"pathItems":{"A":{"get":{"operationId":"GetA"}}}}}`, nil)
	if err != nil {
		t.Fatal(err)
	}
	valid(t, made)
	if len(made.Report.Actions) != 1 || len(made.Report.LeftOut) != 0 {
		t.Errorf("actions %v, left out %v", made.Report.Actions, made.Report.LeftOut)
	}
}

// No operation is dropped silently, whatever its method.
func TestConvert_ReportsUnknownMethods(t *testing.T) {
	made, err := convert(t, `{"openapi":"3.0.1","servers":[{"url":"`+gateway+`"}],"paths":{"/a":{"get":{},"query":{},"OPTIONS":{},"trace":{},`+
		`"summary":"a","x-b":{},"any":{}}}}`, nil)
	if err != nil {
		t.Fatal(err)
	}
	valid(t, made)
	var left []string
	for _, one := range made.Report.LeftOut {
		left = append(left, one.What+" at "+one.Pointer)
	}
	want := []string{
		"TRACE /a at /paths/~1a/trace", "OPTIONS /a at /paths/~1a/OPTIONS", "ANY /a at /paths/~1a/any", "QUERY /a at /paths/~1a/query",
	}
	if !slices.Equal(left, want) {
		t.Errorf("left out is %q, want %q", left, want)
	}
}

// A form field that is left out is reported with its pointer.
func TestConvert_FormFieldHasAPointer(t *testing.T) {
	definition := strings.Replace(trap(`"consumes":["application/x-www-form-urlencoded"],`+
		`"parameters":[{"name":"a","in":"formData","type":"string"},`+
		`{"name":"b\u0007c","in":"formData","type":"string"}]`), `"get"`, `"post"`, 1)
	made, err := convert(t, definition, nil)
	if err != nil {
		t.Fatal(err)
	}
	valid(t, made)
	if left := made.Report.LeftOut; len(left) != 1 || left[0].Pointer != "/paths/~1a/post/parameters/1" {
		t.Errorf("left out is %v", left)
	}
}

// Choices between several meanings are reported.
func TestConvert_ReportsItsChoices(t *testing.T) {
	made, err := convert(t, `{"openapi":"3.0.1","servers":[{"url":"`+gateway+`"},{"url":"https://example.com"}],"paths":{"/a":{"post":{`+
		`"parameters":[{"name":"b","in":"body","schema":{}}]}}}}`, nil)
	if err != nil {
		t.Fatal(err)
	}
	valid(t, made)
	if r := made.Report; !strings.Contains(strings.Join(r.Warnings, "\n"), "2 servers") || len(r.LeftOut) != 1 ||
		r.LeftOut[0].Pointer != "/paths/~1a/post/parameters/0" {
		t.Errorf("the report says %q, left out %v", r.Warnings, r.LeftOut)
	}
}

// A few lines may ask for a lot: work and memory stay bounded.
func TestConvert_IsBounded(t *testing.T) {
	var combined, nested, bomb strings.Builder
	for i := range 200 {
		fmt.Fprintf(&combined, `"S%d":{"oneOf":[{"$ref":"#/definitions/S%d"},{"$ref":"#/definitions/S%d"}]},`, i, i+1, i+1)
		fmt.Fprintf(
			&nested, `"S%d":{"type":"object","properties":{"a":{"$ref":"#/definitions/S%d"},"b":{"$ref":"#/definitions/S%d"}}},`, i,
			i+1, i+1,
		)
	}
	bomb.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x]\n")
	for i := range 20 {
		fmt.Fprintf(&bomb, "a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i+1, i+1, i, i, i, i, i, i)
	}
	response := `"responses":{"200":{"description":"a","schema":{"$ref":"#/definitions/S0"}}}`
	with := func(definitions string) string {
		text := trap(response)
		return text[:len(text)-1] + `,"definitions":{` + definitions + `"S200":{"type":"object","properties":{"x":{"type":"string"}}}}}`
	}
	for name, test := range map[string]struct {
		definition string
		refused    bool
	}{
		"alternatives of alternatives": {with(combined.String()), true},
		"objects of objects":           {with(nested.String()), false},
		"aliases of aliases":           {bomb.String(), true},
		"itself": {
			with(`"S0":{"allOf":[{"$ref":"#/definitions/S0"}],"properties":{"s":{"$ref":"#/definitions/S0"}}},`), false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			made, err := convert(t, test.definition, nil)
			if (err != nil) != test.refused {
				t.Fatalf("refused: %v, want %v", err, test.refused)
			}
			if err == nil {
				valid(t, made)
			}
		})
	}
}

func TestConvert_IsDeterministic(t *testing.T) {
	files, err := filepath.Glob("testdata/2-rest-export.oas30.json")
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	first, err := convert(t, string(read(t, files[0])), nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		again, err := convert(t, string(read(t, files[0])), nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, text := range first.Files {
			if !bytes.Equal(text, again.Files[name]) {
				t.Fatalf("%s differs", name)
			}
		}
	}
}

func TestConvert_KeepsIDsAndReportsBreakingChanges(t *testing.T) {
	before := trap(`"parameters":[{"name":"q","in":"query","type":"string"}],"responses":{"200":{"description":"a"}}`)
	first, err := convert(t, before, nil)
	if err != nil {
		t.Fatal(err)
	}
	earlier := bytes.Replace(first.Files["apiDefinition.swagger.json"], []byte(`"GetA"`), []byte(`"ReadIt"`), 1)
	required := `"parameters":[{"name":"r","in":"query","type":"string","required":true}],"responses":{"200":{"description":"a"}}`
	after := strings.Replace(trap(required),
		`"paths":{`, `"paths":{"/0":{"get":{"operationId":"ReadIt"}},`, 1)
	made, err := convert(t, after, func(o *converter.Options) { o.Earlier, o.Profile = earlier, "other" })
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]string{}
	for _, a := range made.Report.Actions {
		ids[a.Path] = a.OperationID
	}
	if ids["/a"] != "ReadIt" || ids["/0"] != "ReadIt2" {
		t.Errorf("ids are %v", ids)
	}
	want := []string{"ReadIt: the query parameter q is gone", "ReadIt: the query parameter r is new and required"}
	if !slices.Equal(made.Report.Changes, want) {
		t.Errorf("changes are %q, want %q", made.Report.Changes, want)
	}
}

func TestConvert_SampleGivesOnlyItsShape(t *testing.T) {
	made, err := convert(t, trap(`"responses":{"200":{"description":"a"}}`), func(o *converter.Options) {
		o.Samples = map[string][]byte{"GET /a": []byte(`[{"id":7,"at":"2026-01-02T03:04:05Z","who":null},{"id":7.5,"name":"ValueCanary"}]`)}
	})
	if err != nil {
		t.Fatal(err)
	}
	valid(t, made)
	text := string(made.Files["apiDefinition.swagger.json"])
	if strings.Contains(text, "ValueCanary") || !made.Report.Actions[0].TypedResponse {
		t.Error("the result holds the sample's values, or lacks its shape")
	}
	var d struct {
		Paths map[string]map[string]struct {
			Responses map[string]struct {
				Schema struct {
					Items struct {
						Properties map[string]struct{ Type, Format string }
					}
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	for _, item := range d.Paths {
		got := item["get"].Responses["200"].Schema.Items.Properties
		if got["id"].Type != "number" || got["at"].Format != "date-time" || got["who"].Type != "string" || got["name"].Type != "string" {
			t.Errorf("properties are %v", got)
		}
	}
	sample := func(o *converter.Options) { o.Samples = map[string][]byte{"GET /b": []byte(`1`)} }
	if _, err := convert(t, trap(`"responses":{}`), sample); err == nil {
		t.Error("a sample for an unknown operation is accepted")
	}
}

func TestConvert_StrictRefusesOmissions(t *testing.T) {
	_, err := convert(t, string(read(t, "testdata/1-rest-export.swagger.json")), func(o *converter.Options) { o.Strict = true })
	if len(pointers(err)) != 2 {
		t.Errorf("strict: %v", err)
	}
	made, err := convert(t, string(read(t, "testdata/1-rest-export.swagger.json")), func(o *converter.Options) {
		o.Strict, o.Include = true, []string{"GET /orders/*"}
	})
	if err != nil || len(made.Report.Actions) != 1 {
		t.Errorf("one operation: %v", err)
	}
}
