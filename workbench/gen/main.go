// Command gen writes docs.html, the API reference, from the contract. It runs when the contract changes rather than when the service
// starts: a template in the program would keep the linker from removing unused code.
package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

//go:embed docs.tmpl
var page string

func main() {
	contract, err := os.ReadFile("../openapi.yaml")
	if err == nil {
		var text []byte
		if text, err = render(contract); err == nil {
			err = os.WriteFile("docs.html", text, 0o644) //nolint:gosec // world-readable on purpose
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// document is the data for the template.
type document struct {
	Title, Version, Description string
	Tags                        []tag
	Schemas                     []schema
}

type tag struct {
	Name, Description string
	Operations        []operation
}

type operation struct {
	Method, Path, ID, Summary, Description string
	Parameters                             []field
	Request, Response                      string // names of schemas
	Examples                               []example
	Responses                              []response
}

type example struct {
	Name, Summary, Text string
	Opens               bool
}

type response struct{ Status, Description string }

type schema struct {
	Name, Title, Description string
	Fields                   []field
}

type field struct {
	Name, Type, Link, Description string
	Required                      bool
	Values                        []any
}

var (
	pathLine   = regexp.MustCompile(`(?m)^  (/[^:\n]*):$`)
	schemaLine = regexp.MustCompile(`(?m)^    ([A-Z][A-Za-z]*):$`)
)

// render returns the page, in the order of the contract.
func render(contract []byte) ([]byte, error) {
	doc, err := openapi3.NewLoader().LoadFromData(contract)
	if err != nil {
		return nil, fmt.Errorf("reading the contract: %w", err)
	}
	out := document{Title: doc.Info.Title, Version: doc.Info.Version, Description: doc.Info.Description}
	for _, t := range doc.Tags {
		out.Tags = append(out.Tags, tag{Name: t.Name, Description: t.Description})
	}
	for _, match := range pathLine.FindAllSubmatch(contract, -1) {
		path := string(match[1])
		item := doc.Paths.Value(path)
		if item == nil {
			continue
		}
		for _, method := range []string{"GET", "POST"} {
			if o := item.GetOperation(method); o != nil && len(o.Tags) > 0 {
				i := slices.IndexFunc(out.Tags, func(t tag) bool { return t.Name == o.Tags[0] })
				if i < 0 {
					return nil, fmt.Errorf("%s has the tag %s, which is not described", path, o.Tags[0])
				}
				out.Tags[i].Operations = append(out.Tags[i].Operations, operationOf(method, path, o))
			}
		}
	}
	_, schemas, _ := bytes.Cut(contract, []byte("\n  schemas:\n"))
	for _, match := range schemaLine.FindAllSubmatch(schemas, -1) {
		name := string(match[1])
		if ref := doc.Components.Schemas[name]; ref != nil {
			s := ref.Value
			out.Schemas = append(out.Schemas, schema{name, s.Title, s.Description, fieldsOf(s)})
		}
	}
	var text bytes.Buffer
	t, err := template.New("docs").Parse(page)
	if err != nil {
		return nil, fmt.Errorf("reading the template: %w", err)
	}
	if err := t.Execute(&text, out); err != nil {
		return nil, fmt.Errorf("filling the template: %w", err)
	}
	return text.Bytes(), nil
}

func operationOf(method, path string, o *openapi3.Operation) operation {
	out := operation{Method: method, Path: path, ID: o.OperationID, Summary: o.Summary, Description: o.Description}
	for _, p := range o.Parameters {
		f := fieldOf(p.Value.Name, p.Value.Schema)
		f.Required, f.Description = p.Value.Required, p.Value.Description
		out.Parameters = append(out.Parameters, f)
	}
	if o.RequestBody != nil {
		if content := o.RequestBody.Value.Content.Get("application/json"); content != nil {
			out.Request = nameOf(content.Schema)
			out.Examples = examplesOf(content)
		}
	}
	for status, r := range o.Responses.Map() {
		out.Responses = append(out.Responses, response{status, *r.Value.Description})
		if content := r.Value.Content.Get("application/json"); status == "200" && content != nil {
			out.Response = nameOf(content.Schema)
		}
	}
	slices.SortFunc(out.Responses, func(a, b response) int { return strings.Compare(a.Status, b.Status) })
	return out
}

func examplesOf(content *openapi3.MediaType) []example {
	var list []example
	for name, e := range content.Examples {
		var text bytes.Buffer
		encoder := json.NewEncoder(&text)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		_ = encoder.Encode(e.Value.Value) // it was JSON
		value, _ := e.Value.Value.(map[string]any)
		opens := value["text"] != nil || value["paste"] != nil || value["request"] != nil || value["method"] != nil && value["headerList"] == nil
		list = append(list, example{name, e.Value.Summary, strings.TrimSpace(text.String()), opens})
	}
	slices.SortFunc(list, func(a, b example) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func fieldsOf(s *openapi3.Schema) []field {
	var list []field
	for name, ref := range s.Properties {
		f := fieldOf(name, ref)
		f.Required = slices.Contains(s.Required, name)
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b field) int {
		if a.Required != b.Required {
			return map[bool]int{true: -1, false: 1}[a.Required]
		}
		return strings.Compare(a.Name, b.Name)
	})
	return list
}

func fieldOf(name string, ref *openapi3.SchemaRef) field {
	f := field{Name: name, Description: ref.Value.Description, Values: ref.Value.Enum, Type: "anything"}
	if ref.Value.Type != nil && len(*ref.Value.Type) > 0 {
		f.Type = (*ref.Value.Type)[0]
	}
	f.Link = nameOf(ref)
	if items := ref.Value.Items; items != nil {
		f.Type = "list of " + fieldOf("", items).Type
		f.Link = nameOf(items)
	}
	return f
}

func nameOf(ref *openapi3.SchemaRef) string {
	return strings.TrimPrefix(ref.Ref, "#/components/schemas/")
}
