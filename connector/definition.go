package connector

import (
	"bytes"
	"encoding/json"
	"strings"
)

// forConnections leaves the part of the description that a connection can use: what needs no key, such as health, is not worth an
// action in a designer.
func forConnections(doc map[string]any, host string) {
	doc["host"], doc["schemes"], doc["basePath"] = host, []any{"https"}, "/"
	delete(doc, "tags")
	paths := part(doc, "paths")
	for path := range paths {
		item := part(paths, path)
		for method := range item {
			operation := part(item, method)
			delete(operation, "tags")
			if security, own := operation["security"].([]any); own && len(security) == 0 {
				delete(item, method)
			}
		}
		if len(item) == 0 {
			delete(paths, path)
		}
	}
}

// writeDefinition leaves out what nothing refers to.
func writeDefinition(tree map[string]any) ([]byte, error) {
	chooseMethods(part(tree, "definitions"))
	used := map[string]bool{}
	follow(tree, tree["paths"], used)
	for _, kind := range []string{"definitions", "parameters", "responses"} {
		named := part(tree, kind)
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
			follow(tree, part(tree, kind)[name], used)
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
