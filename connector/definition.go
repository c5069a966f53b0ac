package connector

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/getkin/kin-openapi/openapi2"
)

// forConnections is the part of the description that a connection can use: what needs no key, such as health, is not worth an
// action in a designer.
func forConnections(doc *openapi2.T, host string) *openapi2.T {
	shown := *doc
	shown.Host, shown.Schemes = host, []string{"https"}
	shown.Paths, shown.Tags = map[string]*openapi2.PathItem{}, nil
	for path, item := range doc.Paths {
		kept := *item
		for method, operation := range item.Operations() {
			if operation.Security != nil && len(*operation.Security) == 0 {
				kept.SetOperation(method, nil)
				continue
			}
			bare := *operation
			bare.Tags = nil
			kept.SetOperation(method, &bare)
		}
		if len(kept.Operations()) > 0 {
			shown.Paths[path] = &kept
		}
	}
	return &shown
}

// writeDefinition leaves out what nothing refers to.
func writeDefinition(doc *openapi2.T) ([]byte, error) {
	text, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("writing the definition: %w", err)
	}
	var tree map[string]any
	if err := json.Unmarshal(text, &tree); err != nil {
		return nil, fmt.Errorf("reading the definition back: %w", err)
	}
	chooseMethods(part(tree, "definitions"))
	used := map[string]bool{}
	follow(tree, tree["paths"], used)
	for _, kind := range []string{"definitions", "parameters", "responses"} {
		named, _ := tree[kind].(map[string]any)
		for name := range named {
			if !used["#/"+kind+"/"+name] {
				delete(named, name)
			}
		}
		if len(named) == 0 {
			delete(tree, kind)
		}
	}
	return Indented(tree)
}

// chooseMethods makes a list to choose from of each method that a workflow author fills in, which has an example. Designers take
// other values too, as the service does, so the contract itself has no list.
func chooseMethods(definitions map[string]any) {
	for name := range definitions {
		method := part(definitions, name, "properties", "method")
		if method["example"] != nil && method["x-ms-visibility"] == "important" {
			method["enum"] = []any{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"}
		}
	}
}

// follow notes every reference below a node, and what those refer to in turn.
func follow(tree map[string]any, node any, used map[string]bool) {
	switch n := node.(type) {
	case map[string]any:
		if ref, ok := n["$ref"].(string); ok && !used[ref] {
			used[ref] = true
			kind, name, _ := strings.Cut(strings.TrimPrefix(ref, "#/"), "/")
			if named, ok := tree[kind].(map[string]any); ok {
				follow(tree, named[name], used)
			}
		}
		for _, child := range n {
			follow(tree, child, used)
		}
	case []any:
		for _, child := range n {
			follow(tree, child, used)
		}
	}
}

// Indented is JSON for readers: two spaces, no escaped angle brackets, a line end.
func Indented(value any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
