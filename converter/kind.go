package converter

import (
	"encoding/json"
	"slices"
	"strings"
)

// Kinds of a shape. Any is for values without a single kind that a designer could show.
const (
	kindAny     = "any"
	kindObject  = "object"
	kindArray   = "array"
	kindString  = "string"
	kindInteger = "integer"
	kindNumber  = "number"
	kindBoolean = "boolean"
)

// kindOf returns the type that a schema declares, or the one that its other keywords imply.
func kindOf(n node) string {
	given := n.get("type")
	types := []string{given.text()}
	if list := given.items(); given.value != nil && types[0] == "" {
		types = nil
		for _, item := range list {
			types = append(types, item.text())
		}
	}
	types = slices.DeleteFunc(types, func(t string) bool { return t == "null" || t == "" })
	var s shape
	for _, t := range types {
		switch t = strings.ToLower(t); t {
		case kindObject, kindArray, kindString, kindInteger, kindNumber, kindBoolean:
			s.setKind(t)
		case "file", "binary", "date", "date-time", "datetime":
			s.setKind(kindString)
		case "int", "long":
			s.setKind(kindInteger)
		case "float", "double", "decimal":
			s.setKind(kindNumber)
		default:
			s.setKind(kindAny)
		}
	}
	switch {
	case s.kind != "":
	case n.has("properties"), n.get("additionalProperties").has("type"), n.get("additionalProperties").has("$ref"):
		return kindObject
	case n.has("items"):
		return kindArray
	}
	return s.kind
}

// settle decides what the parts left open.
func (s *shape) settle() {
	if len(s.enum) > 0 && s.kind == "" {
		for _, v := range s.enum {
			s.setKind(kindOfValue(v))
		}
	}
	switch {
	case s.kind == "" && (len(s.properties) > 0 || s.values != nil):
		s.kind = kindObject
	case s.kind == "" && s.item != nil:
		s.kind = kindArray
	case s.kind == "":
		s.kind = kindAny
	}
}

func kindOfValue(v any) string {
	switch v := v.(type) {
	case string:
		return kindString
	case bool:
		return kindBoolean
	case json.Number:
		if strings.ContainsAny(string(v), ".eE") {
			return kindNumber
		}
		return kindInteger
	case []any:
		return kindArray
	case object:
		return kindObject
	}
	return ""
}
