package connector

import (
	"bytes"
	"encoding/json"
	"strings"
)

// forConnections trims the description to what a connection can use: operations that need no key, such as health, are
// not worth an action in a designer.
func forConnections(doc map[string]any, host string) {
	doc["host"], doc["schemes"], doc["basePath"] = host, []any{"https"}, "/"
	delete(doc, "tags")
	paths := objectAt(doc, "paths")
	for path := range paths {
		item := objectAt(paths, path)
		for method := range item {
			operation := objectAt(item, method)
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

// writeDefinition writes the definition without what nothing refers to.
func writeDefinition(tree map[string]any) ([]byte, error) {
	chooseMethods(objectAt(tree, "definitions"))
	used := map[string]bool{}
	follow(tree, tree["paths"], used)
	for _, kind := range []string{"definitions", "parameters", "responses"} {
		named := objectAt(tree, kind)
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

// chooseMethods adds a list of values to each method that a workflow author fills in, which is one with an example.
// Designers also accept other values, as the service does, so the contract itself has no list.
func chooseMethods(definitions map[string]any) {
	for name := range definitions {
		method := objectAt(definitions, name, "properties", "method")
		if method["example"] != nil && method["x-ms-visibility"] == "important" {
			method["enum"] = []any{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"}
		}
	}
}

// follow records every reference below a node, and those that they lead to.
func follow(tree map[string]any, node any, used map[string]bool) {
	switch n := node.(type) {
	case map[string]any:
		if ref, ok := n["$ref"].(string); ok && !used[ref] {
			used[ref] = true
			kind, name, _ := strings.Cut(strings.TrimPrefix(ref, "#/"), "/")
			follow(tree, objectAt(tree, kind)[name], used)
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

// Indented returns JSON for readers: indented by two spaces, without escaped angle brackets, ending in a line feed.
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
