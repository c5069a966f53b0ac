package connector

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Fault is a rule that a connector breaks.
type Fault struct {
	Rule    string // its id, such as summary-chars
	Error   bool   // else it is a warning
	Pointer string // RFC 6901, of the definition or the properties; may be empty
	Detail  string
}

func (f Fault) String() string {
	level := "warning"
	if f.Error {
		level = "error"
	}
	text := level + " " + f.Rule + ": "
	if f.Pointer != "" {
		text += f.Pointer + ": "
	}
	return text + f.Detail
}

// Errors are the faults that are no warnings.
func Errors(faults []Fault) []Fault {
	return slices.DeleteFunc(slices.Clone(faults), func(f Fault) bool { return !f.Error })
}

type rule struct {
	id      string
	warning bool
	check   func(*checked)
}

// rules are what Microsoft's documentation, templates and validator ask of a
// connector.
var rules = []rule{
	{id: "oas2-only", check: checkVersion},
	{id: "title", check: checkTitle},
	{id: "info-description", check: checkInfoDescription},
	{id: "contact", check: checkContact},
	{id: "metadata", check: checkMetadata},
	{id: "summary-chars", check: checkSummaryChars},
	{id: "summary-description", check: checkSummaryDescription},
	{id: "operation-id", check: checkOperationID, warning: true},
	{id: "param-description", check: func(c *checked) { c.everyField("description") }},
	{id: "param-summary", check: func(c *checked) { c.everyField("x-ms-summary") }},
	{id: "response-schema", check: checkResponseSchema},
	{id: "default-response", check: checkDefaultResponse},
	{id: "path-case", check: checkPathCase},
	{id: "no-combinators", check: checkCombinators},
	{id: "x-ms-editor", check: checkEditor, warning: true},
	{id: "format", check: checkFormat},
	{id: "visibility", check: checkVisibility},
	{id: "vendor-ext", check: checkVendorExtensions},
	{id: "host", check: checkHost},
	{id: "security-one", check: checkSecurity, warning: true},
	{id: "brand-color", check: checkBrandColor},
	{id: "size", check: checkSize, warning: true},
}

// checked is a connector that is being checked.
type checked struct {
	definition, properties map[string]any
	size                   int // of the definition, in bytes
	rule                   rule
	faults                 []Fault
}

// Check holds a connector to the rules: apiDefinition.swagger.json and
// apiProperties.json, by name. It takes any connector, ours or not, and any JSON.
func Check(files map[string][]byte) []Fault {
	c := &checked{size: len(files["apiDefinition.swagger.json"])}
	for name, into := range map[string]*map[string]any{"apiDefinition.swagger.json": &c.definition, "apiProperties.json": &c.properties} {
		text, there := files[name]
		switch {
		case !there:
			c.faults = append(c.faults, Fault{Rule: "file", Error: true, Detail: name + " is missing"})
		case json.Unmarshal(text, into) != nil || *into == nil:
			c.faults = append(c.faults, Fault{Rule: "file", Error: true, Detail: name + " is not a JSON object"})
		}
	}
	if len(c.faults) > 0 {
		slices.SortFunc(c.faults, func(a, b Fault) int { return strings.Compare(a.Detail, b.Detail) })
		return c.faults
	}
	for _, c.rule = range rules {
		c.rule.check(c)
	}
	return c.faults
}

func (c *checked) unless(holds bool, pointer, format string, values ...any) {
	if !holds {
		c.faults = append(c.faults, Fault{c.rule.id, !c.rule.warning, pointer, fmt.Sprintf(format, values...)})
	}
}

var pointerEscaper = strings.NewReplacer("~", "~0", "/", "~1")

func below(pointer, name string) string { return pointer + "/" + pointerEscaper.Replace(name) }

// part is the object at a path, empty where there is none.
func part(value any, path ...string) map[string]any {
	for _, name := range path {
		o, _ := value.(map[string]any)
		value = o[name]
	}
	o, _ := value.(map[string]any)
	return o
}

func textOf(o map[string]any, name string) string { s, _ := o[name].(string); return s }

// eachOperation visits the operations in order.
func (c *checked) eachOperation(visit func(pointer string, o map[string]any)) {
	paths := part(c.definition, "paths")
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		item := part(paths[path])
		for _, method := range slices.Sorted(maps.Keys(item)) {
			if o, isOperation := item[method].(map[string]any); isOperation && isMethod(method) {
				visit(below(below("/paths", path), method), o)
			}
		}
	}
}

func isMethod(name string) bool {
	return slices.Contains([]string{"get", "put", "post", "delete", "options", "head", "patch"}, name)
}

// resolve follows a reference, whose siblings do not count.
func (c *checked) resolve(o map[string]any) map[string]any {
	for range 10 {
		ref, isRef := o["$ref"].(string)
		if !isRef {
			break
		}
		var path []string
		for _, step := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
			path = append(path, strings.NewReplacer("~1", "/", "~0", "~").Replace(step))
		}
		o = part(c.definition, path...)
	}
	return o
}

// eachSchema visits the schemas: those of parameters, responses and definitions, and
// all within them. A name of the API's own is never taken for a word of the schema.
func (c *checked) eachSchema(visit func(pointer string, o map[string]any)) {
	c.eachParameter(func(pointer string, p map[string]any) {
		visitSchema(p, pointer, visit)
		visitSchema(part(p, "schema"), below(pointer, "schema"), visit)
	})
	responses := func(pointer string, all map[string]any) {
		for _, code := range slices.Sorted(maps.Keys(all)) {
			at := below(pointer, code)
			visitSchema(part(all[code], "schema"), below(at, "schema"), visit)
		}
	}
	responses("/responses", part(c.definition, "responses"))
	c.eachOperation(func(pointer string, o map[string]any) { responses(below(pointer, "responses"), part(o, "responses")) })
	definitions := part(c.definition, "definitions")
	for _, name := range slices.Sorted(maps.Keys(definitions)) {
		visitSchema(part(definitions[name]), below("/definitions", name), visit)
	}
}

func visitSchema(o map[string]any, pointer string, visit func(string, map[string]any)) {
	if o == nil {
		return
	}
	visit(pointer, o)
	for _, name := range []string{"items", "additionalProperties", "not"} {
		visitSchema(part(o[name]), below(pointer, name), visit)
	}
	properties := part(o["properties"])
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		visitSchema(part(properties[name]), below(below(pointer, "properties"), name), visit)
	}
	for _, name := range []string{"allOf", "oneOf", "anyOf"} {
		list, _ := o[name].([]any)
		for i, item := range list {
			visitSchema(part(item), fmt.Sprintf("%s/%s/%d", pointer, name, i), visit)
		}
	}
}

// eachParameter visits the parameters, those of paths and shared ones too.
func (c *checked) eachParameter(visit func(pointer string, p map[string]any)) {
	each := func(pointer string, value any) {
		list, _ := value.([]any)
		for i, item := range list {
			if p := part(item); p["$ref"] == nil {
				visit(fmt.Sprintf("%s/%d", pointer, i), p)
			}
		}
	}
	paths := part(c.definition, "paths")
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		each(below("/paths", path)+"/parameters", part(paths[path])["parameters"])
	}
	c.eachOperation(func(pointer string, o map[string]any) { each(pointer+"/parameters", o["parameters"]) })
	shared := part(c.definition, "parameters")
	for _, name := range slices.Sorted(maps.Keys(shared)) {
		visit(below("/parameters", name), part(shared[name]))
	}
}
