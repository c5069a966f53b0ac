package connector_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schemas is where the JSON schemas that Microsoft publishes for connectors are kept. They are not part of this project.
const schemas = "../../shared/data/schemas/"

func TestConnectorPassesThePublishedSchemas(t *testing.T) {
	if _, err := os.Stat(schemas); err != nil {
		t.Log("the published schemas are not here; TestConnectorKeepsTheRules holds what we know of them")
		return
	}
	made := generate(t)
	definition, properties := object(t, made["apiDefinition.swagger.json"]), object(t, made["apiProperties.json"])

	// The two things that the published schemas do not know, though certified connectors have them: the editor of a dictionary…
	if n := removeEditors(definition); n == 0 {
		t.Error("no dictionary has its editor")
	}
	check(t, "apiDefinition.swagger", definition)

	// … and more than one way to authenticate. Each is checked as if it were the only one.
	sets := in(properties, "properties", "connectionParameterSets")["values"].([]any)
	if len(sets) != 2 {
		t.Errorf("there are %d ways to authenticate, want 2", len(sets))
	}
	delete(in(properties, "properties"), "connectionParameterSets")
	check(t, "paconn-apiProperties", properties)
	for _, set := range sets {
		alone := maps.Clone(in(properties, "properties"))
		alone["connectionParameters"] = set.(node)["parameters"]
		check(t, "paconn-apiProperties", node{"properties": alone})
	}
	check(t, "paconn-settings", object(t, made["settings.json"]))
}

func TestPublishedSchemasRefuseWhatIsWrong(t *testing.T) {
	if _, err := os.Stat(schemas); err != nil {
		t.Log("the published schemas are not here")
		return
	}
	definition := object(t, generate(t)["apiDefinition.swagger.json"])
	removeEditors(definition)
	in(definition, "definitions", "SignRequest", "properties", "url")["x-ms-label"] = "URL"
	if err := compile(t, "apiDefinition.swagger").Validate(definition); err == nil {
		t.Error("the schema takes an x-ms- extension that it does not know")
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
	file := schemas + name + ".strict.schema.json"
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(read(t, file)))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
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

// A pattern of the form A(?!B)C, which Go's regexp does not know and the schemas use: A and C match, and B does not where C begins.
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
		return nil, fmt.Errorf("%s: not understood", text)
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
