package connector

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Fault is a rule that a connector violates.
type Fault struct {
	Rule    string // the rule's id, such as summary-chars
	Error   bool   // otherwise it is a warning
	Pointer string // RFC 6901, into the definition or the properties; may be empty
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

// Errors returns the faults that are not warnings.
func Errors(faults []Fault) []Fault {
	return slices.DeleteFunc(slices.Clone(faults), func(f Fault) bool { return !f.Error })
}

type rule struct {
	id      string
	warning bool
	check   func(*checker)
}

// rules are what Microsoft's documentation, templates and validator require of a connector.
var rules = []rule{
	{id: "oas2-only", check: checkVersion},
	{id: "title", check: checkTitle},
	{id: "info-description", check: checkInfoDescription},
	{id: "contact", check: checkContact},
	{id: "metadata", check: checkMetadata},
	{id: "summary-chars", check: checkSummaryChars},
	{id: "summary-description", check: checkSummaryDescription},
	{id: "operation-id", check: checkOperationID, warning: true},
	{id: "param-description", check: func(c *checker) { c.everyField("description") }},
	{id: "param-summary", check: func(c *checker) { c.everyField("x-ms-summary") }},
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

// checker is a connector under check.
type checker struct {
	definition, properties map[string]any
	size                   int // of the definition, in bytes
	rule                   rule
	faults                 []Fault
}

// Check checks a connector's files, apiDefinition.swagger.json and apiProperties.json by name, against the rules. It
// accepts any connector, ours or not, and any JSON.
func Check(files map[string][]byte) []Fault {
	c := &checker{size: len(files["apiDefinition.swagger.json"])}
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

func (c *checker) unless(holds bool, pointer, format string, values ...any) {
	if !holds {
		c.faults = append(c.faults, Fault{c.rule.id, !c.rule.warning, pointer, fmt.Sprintf(format, values...)})
	}
}

var pointerEscaper = strings.NewReplacer("~", "~0", "/", "~1")

func below(pointer, name string) string { return pointer + "/" + pointerEscaper.Replace(name) }

// objectAt returns the object at a path; it is empty if there is none.
func objectAt(value any, path ...string) map[string]any {
	for _, name := range path {
		o, _ := value.(map[string]any)
		value = o[name]
	}
	o, _ := value.(map[string]any)
	return o
}

func textOf(o map[string]any, name string) string { s, _ := o[name].(string); return s }

// eachOperation visits the operations in order.
func (c *checker) eachOperation(visit func(pointer string, o map[string]any)) {
	paths := objectAt(c.definition, "paths")
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		item := objectAt(paths[path])
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

// resolve follows a reference, whose siblings are ignored.
func (c *checker) resolve(o map[string]any) map[string]any {
	for range 10 {
		ref, isRef := o["$ref"].(string)
		if !isRef {
			break
		}
		var path []string
		for _, step := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
			path = append(path, strings.NewReplacer("~1", "/", "~0", "~").Replace(step))
		}
		o = objectAt(c.definition, path...)
	}
	return o
}

// eachSchema visits the schemas of parameters, responses and definitions, and all schemas inside them. A property
// name is never mistaken for a schema keyword.
func (c *checker) eachSchema(visit func(pointer string, o map[string]any)) {
	c.eachParameter(func(pointer string, p map[string]any) {
		visitSchema(p, pointer, visit)
		visitSchema(objectAt(p, "schema"), below(pointer, "schema"), visit)
	})
	responses := func(pointer string, all map[string]any) {
		for _, code := range slices.Sorted(maps.Keys(all)) {
			at := below(pointer, code)
			visitSchema(objectAt(all[code], "schema"), below(at, "schema"), visit)
		}
	}
	responses("/responses", objectAt(c.definition, "responses"))
	c.eachOperation(func(pointer string, o map[string]any) {
		responses(below(pointer, "responses"), objectAt(o, "responses"))
	})
	definitions := objectAt(c.definition, "definitions")
	for _, name := range slices.Sorted(maps.Keys(definitions)) {
		visitSchema(objectAt(definitions[name]), below("/definitions", name), visit)
	}
}

func visitSchema(o map[string]any, pointer string, visit func(string, map[string]any)) {
	if o == nil {
		return
	}
	visit(pointer, o)
	for _, name := range []string{"items", "additionalProperties", "not"} {
		visitSchema(objectAt(o[name]), below(pointer, name), visit)
	}
	properties := objectAt(o["properties"])
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		visitSchema(objectAt(properties[name]), below(below(pointer, "properties"), name), visit)
	}
	for _, name := range []string{"allOf", "oneOf", "anyOf"} {
		list, _ := o[name].([]any)
		for i, item := range list {
			visitSchema(objectAt(item), fmt.Sprintf("%s/%s/%d", pointer, name, i), visit)
		}
	}
}

// eachParameter visits the parameters, including shared ones and those of paths.
func (c *checker) eachParameter(visit func(pointer string, p map[string]any)) {
	each := func(pointer string, value any) {
		list, _ := value.([]any)
		for i, item := range list {
			if p := objectAt(item); p["$ref"] == nil {
				visit(fmt.Sprintf("%s/%d", pointer, i), p)
			}
		}
	}
	paths := objectAt(c.definition, "paths")
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		each(below("/paths", path)+"/parameters", objectAt(paths[path])["parameters"])
	}
	c.eachOperation(func(pointer string, o map[string]any) { each(pointer+"/parameters", o["parameters"]) })
	shared := objectAt(c.definition, "parameters")
	for _, name := range slices.Sorted(maps.Keys(shared)) {
		visit(below("/parameters", name), objectAt(shared[name]))
	}
}
