package config

import (
	"encoding/json"
	"reflect"
	"strconv"
)

// Schema returns the JSON Schema of the file, for editors. It uses draft 7, which the YAML language server supports. It
// covers structure, names, numbers and allowed words; the format of a role or a region is checked by the service. In
// one respect it is stricter than [Load]: a number in quotes is not a number.
func Schema() []byte {
	schema := object(reflect.TypeFor[document]())
	schema["$schema"] = "http://json-schema.org/draft-07/schema#"
	schema["title"] = "Countersign configuration"
	text, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		panic(err) // maps, lists and texts
	}
	return append(text, '\n')
}

// object returns the schema of a struct.
func object(t reflect.Type) map[string]any {
	properties := map[string]any{}
	var not []any
	for _, f := range fieldsOf(reflect.New(t).Elem()) {
		schema := f.schema(f.value.Type())
		schema["description"] = f.help
		properties[f.key] = schema
		if f.secret {
			properties[f.key+"_file"] = map[string]any{
				"type": textTypes, "pattern": notBlank, "description": "File that holds " + f.key + ", such as a secret of Docker or Kubernetes.",
			}
			not = append(not, map[string]any{"not": map[string]any{"required": []string{f.key, f.key + "_file"}}})
		}
	}
	schema := map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
	if len(not) > 0 {
		schema["allOf"] = not
	}
	return schema
}

// textTypes are the JSON types of a text: it may look like a number or a boolean, and is taken as written.
var textTypes = []string{"string", "number", "boolean"}

// notBlank is the pattern for texts, which must contain a character other than white space.
const notBlank = `\S`

func (f field) schema(t reflect.Type) map[string]any {
	switch {
	case t == durationType:
		return map[string]any{"type": "string", "pattern": `^\s*\+?([0-9]+\.?[0-9]*(h|m|s|ms|us|µs|ns))+\s*$`}
	case t == timeType:
		return map[string]any{"type": "string", "pattern": `^[0-9]{4}-[0-9]{2}-[0-9]{2}(T.*)?$`}
	case t == textsType:
		list := map[string]any{"type": "array", "items": f.schema(t.Elem())}
		return map[string]any{"oneOf": []any{f.schema(t.Elem()), list}}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return f.schema(t.Elem())
	case reflect.Struct:
		return object(t)
	case reflect.Map:
		schema := map[string]any{"type": "object", "additionalProperties": f.schema(t.Elem())}
		if t.Elem().Kind() == reflect.Struct {
			schema["minProperties"] = 1
		}
		return schema
	case reflect.Slice:
		return map[string]any{"type": "array", "items": f.schema(t.Elem())}
	case reflect.Interface:
		return map[string]any{"type": []string{"object", "string"}}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return f.number("integer")
	case reflect.Float64:
		return f.number("number")
	}
	if len(f.values) > 0 {
		return map[string]any{"enum": f.values}
	}
	schema := map[string]any{"type": textTypes}
	if !f.empty {
		schema["pattern"] = notBlank
	}
	return schema
}

func (f field) number(kind string) map[string]any {
	schema := map[string]any{"type": kind}
	for name, text := range map[string]string{"minimum": f.least, "maximum": f.most, "default": f.usual} {
		if n, err := strconv.ParseFloat(text, 64); err == nil {
			schema[name] = n
		}
	}
	return schema
}
