package contract

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi2conv"
	"github.com/getkin/kin-openapi/openapi3"
)

// toSwagger converts the contract to Swagger 2.0, the only format that the designers read. The result has no host and
// no schemes, since only the caller knows where the service is.
//
// The conversion is kin-openapi's. What it leaves out is put back here from source: the labels, which designers read
// from x-ms-summary; what the schema of a parameter contains; schemas of responses that are not application/json,
// including problems; binary bodies. Of several authentication methods only the first is kept, since a connection has
// one.
func toSwagger(contract, source *openapi3.T) (*openapi2.T, error) {
	doc, err := openapi2conv.FromV3(contract)
	if err != nil {
		return nil, fmt.Errorf("converting the contract to Swagger 2.0: %w", err)
	}
	doc.Consumes = []string{"application/json"}
	doc.Produces = []string{"application/json", "application/problem+json"}
	keepOneSecurity(doc)
	for _, schema := range doc.Definitions {
		restoreSchema(schema)
	}
	r := restorer{components: source.Components}
	for name, response := range source.Components.Responses {
		r.response(doc.Responses[name], response.Value)
	}
	for name, parameter := range source.Components.Parameters {
		restoreParameter(doc.Parameters[name], parameter.Value)
	}
	for path, item := range source.Paths.Map() {
		for method, operation := range item.Operations() {
			r.operation(doc.Paths[path].GetOperation(method), operation)
		}
	}
	return doc, nil
}

func keepOneSecurity(doc *openapi2.T) {
	if len(doc.Security) == 0 {
		return
	}
	doc.Security = doc.Security[:1]
	maps.DeleteFunc(doc.SecurityDefinitions, func(name string, _ *openapi2.SecurityScheme) bool {
		_, kept := doc.Security[0][name]
		return !kept
	})
	for _, item := range doc.Paths {
		for _, operation := range item.Operations() {
			if operation.Security != nil && len(*operation.Security) > 0 {
				operation.Security = nil // use the document's
			}
		}
	}
}

// restorer restores what the converter drops, reading it from the contract.
type restorer struct{ components *openapi3.Components }

func (r restorer) operation(to *openapi2.Operation, from *openapi3.Operation) {
	for code, response := range from.Responses.Map() {
		if strings.HasSuffix(code, "XX") { // Swagger 2.0 has no ranges
			to.Responses.Delete(code)
			continue
		}
		if response.Ref == "" {
			r.response(to.Responses.Value(code), response.Value)
		}
		if code == "default" {
			to.Responses.Value(code).Schema = nil // the connector validator refuses it
		}
	}
	for _, parameter := range from.Parameters {
		for _, p := range to.Parameters {
			if p.In == parameter.Value.In && p.Name == parameter.Value.Name {
				restoreParameter(p, parameter.Value)
			}
		}
	}
	if from.RequestBody != nil {
		for _, p := range to.Parameters {
			if p.In == "body" {
				restoreBody(p, from.RequestBody.Value)
			}
		}
	}
}

func (r restorer) response(to *openapi2.Response, from *openapi3.Response) {
	if to == nil || from == nil {
		return
	}
	if to.Schema == nil && len(from.Content) > 0 {
		to.Schema = r.schemaOf(from.Content)
	}
	restoreSchema(to.Schema)
}

// schemaOf returns the schema of a JSON response; any other response is a string, or bytes.
func (r restorer) schemaOf(content openapi3.Content) *openapi2.SchemaRef {
	names := slices.Sorted(maps.Keys(content))
	for _, name := range names {
		if strings.HasSuffix(name, "json") && content[name].Schema != nil {
			schema, _ := openapi2conv.FromV3SchemaRef(content[name].Schema, r.components)
			return schema
		}
	}
	text := &openapi2.Schema{Type: &openapi3.Types{"string"}}
	if schema := content[names[0]].Schema; schema != nil && schema.Value != nil {
		text.Title, text.Description, text.Format = schema.Value.Title, schema.Value.Description, schema.Value.Format
	}
	return &openapi2.SchemaRef{Value: text}
}

func restoreParameter(to *openapi2.Parameter, from *openapi3.Parameter) {
	to.Extensions = withDefaults(to.Extensions, nil)
	if from.Schema == nil || from.Schema.Value == nil {
		return
	}
	schema := from.Schema.Value
	to.Extensions = withDefaults(to.Extensions, schema.Extensions)
	label(to.Extensions, schema.Title)
	if to.Description == "" {
		to.Description = schema.Description
	}
}

func restoreBody(to *openapi2.Parameter, from *openapi3.RequestBody) {
	// The extensions about the name are for client code generators.
	maps.DeleteFunc(to.Extensions, func(name string, _ any) bool { return !strings.HasPrefix(name, "x-ms-") })
	to.Extensions = withDefaults(to.Extensions, nil)
	for _, media := range from.Content {
		if media.Schema == nil || media.Schema.Value == nil {
			continue
		}
		schema := media.Schema.Value
		if schema.Format == "binary" {
			to.Schema = &openapi2.SchemaRef{Value: &openapi2.Schema{Type: schema.Type, Format: schema.Format}}
		}
		label(to.Extensions, schema.Title)
		if to.Description == "" {
			to.Description = schema.Description
		}
	}
	restoreSchema(to.Schema)
}

// restoreSchema labels a schema and everything below it, and restores what Swagger 2.0 spells differently.
func restoreSchema(schema *openapi2.SchemaRef) {
	if schema == nil || schema.Value == nil {
		return
	}
	value := schema.Value
	value.Extensions = withDefaults(value.Extensions, nil)
	label(value.Extensions, value.Title)
	if value.Extensions["x-ms-editor"] == "dictionary" {
		value.Extensions = withDefaults(value.Extensions, map[string]any{"x-ms-editor-options": map[string]any{"valueType": "string"}})
	}
	for _, property := range value.Properties {
		restoreSchema(property)
	}
	for _, part := range value.AllOf {
		restoreSchema(part)
	}
	restoreSchema(value.Items)
	if values := value.AdditionalProperties.Schema; values != nil {
		values.Ref = openapi2conv.FromV3Ref(values.Ref)
		if values.Value != nil {
			values.Value.Nullable = false
		}
	}
}

func label(extensions map[string]any, title string) {
	if _, given := extensions["x-ms-summary"]; !given && title != "" {
		extensions["x-ms-summary"] = title
	}
}

// withDefaults returns a merged copy, since the converter shares the contract's maps.
func withDefaults(given, defaults map[string]any) map[string]any {
	all := map[string]any{}
	maps.Copy(all, defaults)
	maps.Copy(all, given)
	return all
}
