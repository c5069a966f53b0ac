package handlers

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"countersign/problem"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// allFaults adds to the first fault of a document, where decoding stopped, the others of its kind: unknown fields,
// values of the wrong type, and what is then missing. So a caller can correct all of them at once. The code is the
// first fault's.
func allFaults(data []byte, in any, first error) error {
	var p *problem.Error
	if !errors.As(first, &p) || p.Code != "field_unknown" && p.Code != "field_invalid" {
		return first
	}
	var found problem.Fields
	meant := map[string]bool{}
	findFaults(&found, meant, "", data, reflect.TypeOf(in))
	checked := reflect.New(reflect.TypeOf(in).Elem()).Interface()
	if json.Unmarshal(data, checked) == nil {
		var missing problem.Fields
		checked.(checker).check(&missing)
		for _, f := range missing.List() {
			if !meant[f.Pointer] { // not missing, but misspelt
				found.Add(f.Pointer, f.Detail)
			}
		}
	}
	all := found.List()
	if !slices.ContainsFunc(all, func(f problem.Field) bool { return f.Pointer == p.Fields[0].Pointer }) {
		all = append(slices.Clone(p.Fields), all...) // a fault of a value that only its type finds
	}
	return &problem.Error{Code: p.Code, Detail: p.Detail, Fields: all}
}

// findFaults finds fields that a type does not have, and values of the wrong type. meant are the fields that unknown
// ones were probably meant to be.
func findFaults(found *problem.Fields, meant map[string]bool, at string, value jsontext.Value, t reflect.Type) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	kind := value.Kind()
	own := reflect.PointerTo(t).Implements(reflect.TypeFor[json.UnmarshalerFrom]())
	switch {
	case kind == 'n':
	case t.Kind() == reflect.Slice && kind == '[' && t != reflect.TypeFor[textMap]():
		for i, item := range items(value) {
			findFaults(found, meant, at+"/"+strconv.Itoa(i), item, t.Elem())
		}
	case t == reflect.TypeFor[textMap]() && kind == '{':
		for name, member := range members(value) {
			if member.Kind() != '"' {
				found.Add(at+"/"+escapePointer(name), wrongKind("a string", member.Kind()))
			}
		}
	case own:
		var p *problem.Error
		if err := json.Unmarshal(value, reflect.New(t).Interface()); err != nil && errors.As(decodeProblem(value, err), &p) && len(p.Fields) > 0 {
			found.Add(at+p.Fields[0].Pointer, p.Fields[0].Detail)
		}
	case t == reflect.TypeFor[jsontext.Value]():
	case t.Kind() == reflect.Struct && kind == '{':
		findInFields(found, meant, at, value, fieldTypes(t))
	case !accepts(t, kind):
		text := wrongKind(typeName(t), kind)
		if kind == '"' && (t.Kind() == reflect.Struct || t.Kind() == reflect.Slice) {
			text += textForObject
		}
		found.Add(at, text)
	}
}

// findInFields is findFaults for an object with these fields.
func findInFields(found *problem.Fields, meant map[string]bool, at string, value jsontext.Value, fields map[string]reflect.Type) {
	names := slices.Sorted(maps.Keys(fields))
	listed := false
	for name, member := range members(value) {
		pointer := at + "/" + escapePointer(name)
		if field, known := fields[name]; known {
			findFaults(found, meant, pointer, member, field)
			continue
		}
		text := "unknown field."
		if near := nearestField(name, names); near != "" {
			meant[at+"/"+near] = true
			text = "unknown field; did you mean " + near + "?"
		} else if !listed {
			listed = true // once is enough
			text = "unknown field; the fields here are " + strings.Join(names, ", ") + "."
		}
		found.Add(pointer, text)
	}
}

// nearestField returns the field that an unknown one was probably meant to be: it has a similar name, or begins with
// it as timeoutSeconds does with timeout.
func nearestField(name string, names []string) string {
	name = strings.ToLower(name)
	known := lower(names)
	if at := slices.Index(known, problem.Nearest(name, known)); at >= 0 {
		return names[at]
	}
	begins := func(known string) bool { return strings.HasPrefix(known, name) }
	if at := slices.IndexFunc(known, begins); at >= 0 && len(name) > 3 && !slices.ContainsFunc(known[at+1:], begins) {
		return names[at]
	}
	return ""
}

func wrongKind(want string, found jsontext.Kind) string {
	return "must be " + want + "; found " + kindName(found) + "."
}

func lower(names []string) []string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = strings.ToLower(name)
	}
	return list
}

// accepts reports whether a Go type can be decoded from a kind of JSON value.
func accepts(t reflect.Type, kind jsontext.Kind) bool {
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		return kind == '{'
	case reflect.Slice:
		return kind == '['
	case reflect.Bool:
		return kind == 't' || kind == 'f'
	case reflect.String:
		return kind == '"'
	case reflect.Int, reflect.Int64:
		return kind == '0'
	default:
		return true
	}
}

// fieldTypes returns the fields of a struct by their JSON names.
func fieldTypes(t reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			for name, inner := range fieldTypes(f.Type) {
				fields[name] = inner
			}
		case name != "":
			fields[name] = f.Type
		}
	}
	return fields
}

// members iterates over the names and values of an object in order.
func members(value jsontext.Value) func(func(string, jsontext.Value) bool) {
	return func(yield func(string, jsontext.Value) bool) {
		d := jsontext.NewDecoder(strings.NewReader(string(value)))
		if _, err := d.ReadToken(); err != nil {
			return
		}
		for d.PeekKind() == '"' {
			name, err := d.ReadToken()
			if err != nil {
				return
			}
			text := name.String()
			member, err := d.ReadValue()
			if err != nil || !yield(text, member) {
				return
			}
		}
	}
}

// items returns the first values of an array.
func items(value jsontext.Value) []jsontext.Value {
	var list []jsontext.Value
	d := jsontext.NewDecoder(strings.NewReader(string(value)))
	if _, err := d.ReadToken(); err != nil {
		return nil
	}
	for d.PeekKind() != ']' && len(list) < maxEntries {
		item, err := d.ReadValue()
		if err != nil {
			return list
		}
		list = append(list, item.Clone())
	}
	return list
}
