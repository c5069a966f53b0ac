package connector_test

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// testdata holds the parts of Microsoft's published JSON schemas for connectors that concern the fields ours has.
func TestSchemas_ConnectorIsValid(t *testing.T) {
	made := generate(t)
	definition, properties := object(t, made["apiDefinition.swagger.json"]), object(t, made["apiProperties.json"])

	// There are two things that the published schemas do not know, though certified connectors have them: the editor
	// of a dictionary…
	if n := removeEditors(definition); n == 0 {
		t.Error("no dictionary has its editor")
	}
	check(t, "definition", definition)

	// … and more than one authentication method. Each is checked as if it were the only one.
	sets := in(properties, "properties", "connectionParameterSets")["values"].([]any)
	if len(sets) != 2 {
		t.Errorf("there are %d authentication methods, want 2", len(sets))
	}
	delete(in(properties, "properties"), "connectionParameterSets")
	check(t, "properties", properties)
	for _, set := range sets {
		alone := maps.Clone(in(properties, "properties"))
		alone["connectionParameters"] = set.(node)["parameters"]
		check(t, "properties", node{"properties": alone})
	}
	check(t, "settings", object(t, made["settings.json"]))
}

func TestSchemas_RefuseErrors(t *testing.T) {
	made := generate(t)
	for name, test := range map[string]struct {
		schema, file string
		spoil        func(node)
	}{
		"unknown x-ms- extension": {
			"definition", "apiDefinition.swagger.json",
			func(n node) { in(n, "definitions", "SignRequest", "properties", "url")["x-ms-label"] = "URL" },
		},
		"unknown format": {
			"definition", "apiDefinition.swagger.json",
			func(n node) { in(n, "definitions", "SignRequest", "properties", "url")["format"] = "hostname" },
		},
		"host with a scheme":         {"definition", "apiDefinition.swagger.json", func(n node) { n["host"] = "https://sign.example.com" }},
		"contact without an address": {"definition", "apiDefinition.swagger.json", func(n node) { in(n, "info", "contact")["email"] = "nobody" }},
		"operation without responses": {
			"definition", "apiDefinition.swagger.json", func(n node) { delete(in(n, "paths", "/v1/sign", "post"), "responses") },
		},
		"no color": {"properties", "apiProperties.json", func(n node) { delete(in(n, "properties"), "iconBrandColor") }},
		"unknown kind of parameter": {
			"properties", "apiProperties.json", func(n node) { in(n, "properties", "connectionParameters", "host")["type"] = "text" },
		},
		"unknown setting": {"settings", "settings.json", func(n node) { n["connector"] = "countersign" }},
	} {
		n := object(t, made[test.file])
		removeEditors(n)
		if properties, ok := n["properties"].(node); ok {
			delete(properties, "connectionParameterSets")
		}
		if err := compile(t, test.schema).Validate(n); err != nil {
			t.Errorf("%s: before: %v", name, err)
		}
		test.spoil(n)
		if err := compile(t, test.schema).Validate(n); err == nil {
			t.Errorf("the schema accepts it: %s", name)
		}
	}
}

func removeEditors(definition node) (removed int) {
	walk(definition, "", func(_ string, n node) {
		if n["x-ms-editor"] == "dictionary" {
			delete(n, "x-ms-editor")
			delete(n, "x-ms-editor-options")
			removed++
		}
	})
	return removed
}

func check(t *testing.T, name string, value any) {
	t.Helper()
	if err := compile(t, name).Validate(value); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

func compile(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	file := "testdata/" + name + ".schema.json"
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(read(t, file)))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	compiler.UseRegexpEngine(lookahead)
	if err := compiler.AddResource("file:///"+name, document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("file:///" + name)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// A pattern of the form A(?!B)C, which the schemas use and Go's regexp does not support: A and C match, and B does
// not match where C begins.
type pattern struct {
	text         string
	before       *regexp.Regexp
	never, after *regexp.Regexp
}

func lookahead(text string) (jsonschema.Regexp, error) {
	before, rest, found := strings.Cut(text, "(?!")
	never, after, closed := strings.Cut(rest, ")")
	if !found {
		return regexp.Compile(text)
	}
	if !closed || strings.ContainsAny(never, "(") {
		return nil, fmt.Errorf("%s: cannot be parsed", text)
	}
	p := pattern{text: text}
	var err error
	for part, to := range map[string]**regexp.Regexp{before: &p.before, "^(?:" + never + ")": &p.never, "^(?:" + after + ")": &p.after} {
		if *to, err = regexp.Compile(part); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p pattern) String() string { return p.text }

func (p pattern) MatchString(s string) bool {
	at := p.before.FindStringIndex(s)
	return at != nil && !p.never.MatchString(s[at[1]:]) && p.after.MatchString(s[at[1]:])
}
