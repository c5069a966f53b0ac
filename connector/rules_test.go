package connector_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"countersign/connector"
)

// node is a JSON object.
type node = map[string]any

// files are the two descriptions that the rules apply to.
type files struct {
	definition, properties node
	size                   int // of the definition, in bytes
}

func connectorFiles(t *testing.T) files {
	t.Helper()
	made := generate(t)
	return files{
		definition: object(t, made["apiDefinition.swagger.json"]), properties: object(t, made["apiProperties.json"]),
		size: len(made["apiDefinition.swagger.json"]),
	}
}

func object(t *testing.T, text []byte) node {
	t.Helper()
	var n node
	if err := json.Unmarshal(text, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestRules_ConnectorFollowsThem(t *testing.T) {
	made := generate(t)
	for _, fault := range connector.Check(made) {
		t.Error(fault)
	}
	if size := len(made["apiDefinition.swagger.json"]); size >= 256<<10 {
		t.Errorf("the definition has %d bytes", size)
	}
}

// The description served at /swagger.json is the same with more operations.
func TestRules_ServedDescriptionFollowsThem(t *testing.T) {
	doc := object(t, swagger)
	doc["host"], doc["schemes"], doc["basePath"] = "sign.example.com", []any{"https"}, "/"
	made := maps.Clone(generate(t))
	made["apiDefinition.swagger.json"] = []byte(asJSON(t, doc))
	for _, fault := range connector.Check(made) {
		t.Error(fault)
	}
}

// Each rule must be able to fail: it is given a connector that violates it.
func TestRules_FindViolations(t *testing.T) {
	breaks := map[string]func(files){
		"oas2-only":           func(f files) { f.definition["swagger"] = "3.0" },
		"title":               func(f files) { in(f.definition, "info")["title"] = "Countersign API" },
		"info-description":    func(f files) { in(f.definition, "info")["description"] = "Signs." },
		"contact":             func(f files) { delete(in(f.definition, "info", "contact"), "email") },
		"metadata":            func(f files) { delete(f.definition, "x-ms-connector-metadata") },
		"summary-chars":       func(f files) { aSign(f)["summary"] = "Sign a request & send it" },
		"summary-description": func(f files) { aSign(f)["description"] = "Signs" },
		"operation-id":        func(f files) { aSign(f)["operationId"] = "sign_request" },
		"param-description":   func(f files) { delete(aProperty(f), "description") },
		"param-summary":       func(f files) { delete(aProperty(f), "x-ms-summary"); delete(aProperty(f), "title") },
		"response-schema":     func(f files) { delete(in(aSign(f), "responses", "200"), "schema") },
		"default-response":    func(f files) { in(aSign(f), "responses")["default"] = node{"schema": node{}} },
		"path-case":           func(f files) { in(f.definition, "paths")["/V1/Sign"] = node{} },
		"no-combinators":      func(f files) { aProperty(f)["oneOf"] = []any{} },
		"x-ms-editor":         func(f files) { aProperty(f)["x-ms-editor"] = "dictionary" },
		"format":              func(f files) { aProperty(f)["format"] = "hostname" },
		"visibility":          func(f files) { aProperty(f)["x-ms-visibility"] = "none" },
		"vendor-ext":          func(f files) { aProperty(f)["x-ms-label"] = "URL" },
		"host":                func(f files) { f.definition["host"] = "https://sign.example.com" },
		"security-one":        func(f files) { in(f.definition, "securityDefinitions")["second"] = node{} },
		"brand-color":         func(f files) { in(f.properties, "properties")["iconBrandColor"] = "#007ee5" },
		"size":                func(f files) { f.definition["x-padding"] = strings.Repeat("a", 1_000_000) },
	}
	for name, spoil := range breaks {
		f := connectorFiles(t)
		spoil(f)
		if !slices.ContainsFunc(f.check(t), func(fault connector.Fault) bool { return fault.Rule == name }) {
			t.Errorf("%s does not find a violation", name)
		}
	}
}

// check returns what the rules find.
func (f files) check(t *testing.T) []connector.Fault {
	t.Helper()
	definition, err := json.Marshal(f.definition)
	if err != nil {
		t.Fatal(err)
	}
	properties, err := json.Marshal(f.properties)
	if err != nil {
		t.Fatal(err)
	}
	return connector.Check(map[string][]byte{"apiDefinition.swagger.json": definition, "apiProperties.json": properties})
}

// Any JSON is checked without a panic.
func TestCheck_AcceptsAnyJSON(t *testing.T) {
	for _, text := range []string{
		``, `null`, `[]`, `{}`, `{"info":[],"paths":[],"definitions":3}`, `{"paths":{"/a":{"get":{"parameters":{"a":1},"responses":[]}}}}`,
		`{"paths":{"/a":{"get":{"responses":{"default":{"$ref":"#/responses/a"}}}}},"responses":{"a":{"$ref":"#/responses/a"}}}`,
	} {
		faults := connector.Check(map[string][]byte{"apiDefinition.swagger.json": []byte(text), "apiProperties.json": []byte(`{}`)})
		if len(connector.Errors(faults)) == 0 {
			t.Errorf("%s: no rule is violated", text)
		}
	}
}

func in(n node, path ...string) node {
	for _, name := range path {
		n = n[name].(node)
	}
	return n
}

func aSign(f files) node { return in(f.definition, "paths", "/v1/sign", "post") }
func aProperty(f files) node {
	return in(f.definition, "definitions", "SignRequest", "properties", "url")
}

func text(n node, name string) string { s, _ := n[name].(string); return s }

// operations returns all operations by "METHOD path".
func operations(f files) map[string]node {
	all := map[string]node{}
	for path, item := range in(f.definition, "paths") {
		for method, operation := range item.(node) {
			if o, ok := operation.(node); ok && method != "parameters" {
				all[strings.ToUpper(method)+" "+path] = o
			}
		}
	}
	return all
}

func resolve(root, n node) node {
	for {
		ref, ok := n["$ref"].(string)
		if !ok {
			return n
		}
		n = in(root, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
	}
}

// walk visits every object except those in examples, to which the rules do not apply.
func walk(value any, path string, visit func(string, node)) {
	switch v := value.(type) {
	case node:
		visit(path, v)
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if name != "example" && name != "examples" && name != "x-ms-dynamic-values" {
				walk(v[name], path+"/"+name, visit)
			}
		}
	case []any:
		for i, item := range v {
			walk(item, fmt.Sprintf("%s/%d", path, i), visit)
		}
	}
}

// testdata/rules.tsv lists what is required of a connector, and by whom. Each line corresponds to one of the rules.
func TestRules_MatchTheList(t *testing.T) {
	var ids []string
	lines := strings.Split(strings.TrimSpace(string(read(t, "testdata/rules.tsv"))), "\n")
	for _, line := range lines[1:] {
		id, _, _ := strings.Cut(line, "\t")
		ids = append(ids, id)
		if strings.Count(line, "\t") != 3 {
			t.Errorf("the line is not id, level, source and rule: %s", line)
		}
	}
	slices.Sort(ids)
	if got := slices.Sorted(slices.Values(connector.RuleIDs())); !slices.Equal(got, ids) {
		t.Errorf("the rules are %q, want %q", got, ids)
	}
}
