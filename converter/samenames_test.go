package converter_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"countersign/converter"
)

// Two parameters of an operation have different names, ignoring case, in all operations of the path.
func TestConvert_RenamesDuplicateParameters(t *testing.T) {
	parameter := func(in, name string) string {
		return `{"name":"` + name + `","in":"` + in + `","required":true,"schema":{"type":"string"}}`
	}
	definition := `{"openapi":"3.0.1","servers":[{"url":"` + gateway + `"}],"paths":{"/logs/{id}/{ID}/{body}":{"get":{"parameters":[` +
		parameter("path", "id") + `,` + parameter("query", "Id") + `,` + parameter("query", "idInPath") + `,` + parameter("path", "body") +
		`]},"put":{"parameters":[` + parameter("path", "id") + `]}},"/logs/{name}":{"get":{"parameters":[` + parameter("query", "id") + `]}}}}`
	made, err := convert(t, definition, nil)
	if err != nil {
		t.Fatal(err)
	}
	valid(t, made)
	var d struct {
		Paths map[string]map[string]struct{ Parameters []struct{ Name, In string } }
	}
	if err := json.Unmarshal(made.Files["apiDefinition.swagger.json"], &d); err != nil {
		t.Fatal(err)
	}
	var paths []string
	for path, item := range d.Paths {
		paths = append(paths, path[strings.Index(path, "/logs"):])
		for method, o := range item {
			seen := map[string]bool{}
			for _, p := range o.Parameters {
				name := strings.ToLower(p.Name)
				if seen[name] || p.In == "path" && !strings.Contains(path, "{"+p.Name+"}") {
					t.Errorf("%s %s: %s", method, path, p.Name)
				}
				seen[name] = true
			}
		}
	}
	slices.Sort(paths)
	if got := strings.Join(paths, " "); got != "/logs/{idInPath2}/{IDInPath3}/{bodyInPath} /logs/{name}" {
		t.Error(got)
	}

	again, err := convert(t, strings.ReplaceAll(definition, `{name}`, `{other}`), func(o *converter.Options) {
		o.Earlier = []byte(strings.ReplaceAll(string(made.Files["apiDefinition.swagger.json"]), `"GetLog`, `"OwnGetLog`))
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range again.Report.Actions {
		if a.Method == "GET" && !strings.HasPrefix(a.OperationID, "OwnGetLog") {
			t.Errorf("the id %s is new", a.OperationID)
		}
	}
}
