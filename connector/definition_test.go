package connector_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestDefinition_OmitsOperationsWithoutAuthentication(t *testing.T) {
	made := generate(t)
	definition := object(t, made["apiDefinition.swagger.json"])
	if _, there := in(definition, "paths")["/readyz"]; there {
		t.Error("an operation without authentication is shown")
	}
	for name := range in(definition, "definitions") {
		if !strings.Contains(string(made["apiDefinition.swagger.json"]), "#/definitions/"+name+`"`) {
			t.Errorf("the definition %s is kept, but nothing refers to it", name)
		}
	}
}

// A dropdown calls an operation of the connector, and finds value and title in its response.
func TestDefinition_DropdownsFindTheirValues(t *testing.T) {
	f := connectorFiles(t)
	byID := map[string]node{}
	for _, o := range operations(f) {
		byID[text(o, "operationId")] = o
	}
	dropdowns := 0
	for _, value := range dynamicValues(f.definition) {
		dropdowns++
		operation, ok := byID[text(value, "operationId")]
		if !ok {
			t.Errorf("a dropdown calls %q, which does not exist", value["operationId"])
			continue
		}
		response := resolve(f.definition, in(operation, "responses", "200", "schema"))
		list, _ := at(response, "properties", text(value, "value-collection")).(node)
		if list["type"] != "array" {
			t.Errorf("%s does not return a list %q", value["operationId"], value["value-collection"])
			continue
		}
		item := resolve(f.definition, in(list, "items"))
		for _, field := range []string{"value-path", "value-title"} {
			if at(item, "properties", text(value, field), "type") != "string" {
				t.Errorf("an item of %s has no string %q for %s", value["operationId"], value[field], field)
			}
		}
		for _, p := range asList(operation["parameters"]) {
			if at(p, "required") == true {
				t.Errorf("%s, which a dropdown calls, requires a parameter", value["operationId"])
			}
		}
	}
	if dropdowns < 3 {
		t.Errorf("there are %d dropdowns, want at least those for profile, service and region", dropdowns)
	}
}

func asList(value any) []any { list, _ := value.([]any); return list }

func dynamicValues(value any) []node {
	var found []node
	switch v := value.(type) {
	case node:
		for name, child := range v {
			if name == "x-ms-dynamic-values" {
				found = append(found, child.(node))
				continue
			}
			found = append(found, dynamicValues(child)...)
		}
	case []any:
		for _, child := range v {
			found = append(found, dynamicValues(child)...)
		}
	}
	return found
}

// Workflows use these names, so they must not change.
func TestDefinition_HasTheNamesThatWorkflowsUse(t *testing.T) {
	f := connectorFiles(t)
	for _, id := range []string{"SignRequest", "PresignUrl"} {
		if !slices.ContainsFunc(slices.Collect(maps.Values(operations(f))), func(o node) bool { return o["operationId"] == id }) {
			t.Errorf("operation %s is missing", id)
		}
	}
	for _, name := range []string{"method", "url", "headers", "bodyEnvelope"} {
		if at(f.definition, "definitions", "SignedRequest", "properties", name) == nil {
			t.Errorf("the signed request has no %s", name)
		}
	}
}
