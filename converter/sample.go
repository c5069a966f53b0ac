package converter

import (
	"maps"
	"slices"
	"time"
)

// schemaOfSample derives a schema from a recorded response: its shape, and none of its values. A lone null may be
// anything; a string is the usual case.
func schemaOfSample(v any, label string) object {
	made := sampleSchema([]any{v}, 0)
	made["x-ms-summary"], made["description"] = label, sentence(label)
	return made
}

// sampleSchema returns the schema that several values share.
func sampleSchema(list []any, depth int) object {
	kind := ""
	var s shape
	for _, v := range list {
		if k := kindOfValue(v); k != "" {
			s.setSampleKind(k)
		}
	}
	kind = first(s.kind, kindString)
	out := object{"type": kind}
	switch {
	case kind == kindAny:
		delete(out, "type")
	case depth > maxNesting:
	case kind == kindObject:
		members := map[string][]any{}
		for _, v := range list {
			o, _ := v.(object)
			for name, value := range o {
				if name != "" && name != "$ref" && !leaks(name) {
					members[name] = append(members[name], value)
				}
			}
		}
		properties := object{}
		for _, name := range slices.Sorted(maps.Keys(members)) {
			made := sampleSchema(members[name], depth+1)
			made["x-ms-summary"], made["description"] = labelOf(name), sentence(labelOf(name))
			properties[name] = made
		}
		if len(properties) > 0 {
			out["properties"] = properties
		}
	case kind == kindArray:
		var items []any
		for _, v := range list {
			part, _ := v.([]any)
			items = append(items, part...)
		}
		out["items"] = sampleSchema(items, depth+1)
	case kind == kindString && areTimes(list):
		out["format"] = "date-time"
	}
	return out
}

// setSampleKind merges a kind into a shape. A number that happens to be whole does not make all of them integers.
func (s *shape) setSampleKind(kind string) {
	if s.kind == kindInteger && kind == kindNumber || s.kind == kindNumber && kind == kindInteger {
		s.kind = kindNumber
		return
	}
	s.setKind(kind)
}

func areTimes(list []any) bool {
	n := 0
	for _, v := range list {
		text, isText := v.(string)
		if !isText {
			continue
		}
		if _, err := time.Parse(time.RFC3339, text); err != nil {
			return false
		}
		n++
	}
	return n > 0
}
