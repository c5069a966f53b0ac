package converter

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// formats are the formats that designers know, by type.
var formats = map[string][]string{
	kindString:  {"byte", "binary", "date", "date-time", "password", "email", "uri", "uuid"},
	kindInteger: {"int32", "int64"},
	kindNumber:  {"float", "double"},
}

// writeScalar writes what parameters and schemas have in common.
func (c *conversion) writeScalar(out object, s *shape) {
	out["type"] = s.kind
	if slices.Contains(formats[s.kind], s.format) {
		out["format"] = s.format
	}
	enum := values(s.enum, s.kind)
	if len(enum) > 0 {
		out["enum"] = enum
	}
	if value, ok := valueOf(s.value, s.kind); ok && (len(enum) == 0 || slices.Contains(enum, value)) {
		out["default"] = value
	}
	if s.kind == kindString {
		c.writeBounds(out, s, "minLength", "maxLength")
	} else if s.kind != kindBoolean {
		c.writeBounds(out, s, "minimum", "maximum")
	}
}

// writeBounds omits bounds that are not valid: negative or fractional counts, and a minimum above the maximum.
func (c *conversion) writeBounds(out object, s *shape, least, most string) {
	low, lowErr := strconv.ParseFloat(string(s.bounds[least]), 64)
	high, highErr := strconv.ParseFloat(string(s.bounds[most]), 64)
	if lowErr == nil && highErr == nil && low > high {
		return
	}
	counts := least != "minimum"
	for name, err := range map[string]error{least: lowErr, most: highErr} {
		number := s.bounds[name]
		if err != nil || counts && strings.Trim(string(number), "0123456789") != "" || leaks(string(number)) {
			continue
		}
		out[name] = number
	}
}

// values returns the values of an enumeration that fit its type, without duplicates, or nil if that would not be all
// of them.
func values(enum []any, kind string) []any {
	var list []any
	for _, v := range enum {
		if v == nil {
			continue
		}
		value, ok := valueOf(v, kind)
		if !ok {
			return nil
		}
		if !slices.Contains(list, value) {
			list = append(list, value)
		}
	}
	return list
}

// valueOf reads a value as a scalar type: hand-written files have "10" for 10.
func valueOf(v any, kind string) (any, bool) {
	text := node{value: v}.text()
	switch v.(type) {
	case string, json.Number, bool:
	default:
		return nil, false
	}
	if leaks(text) || isPlaceholder(text) || len(text) > maxDescription {
		return nil, false
	}
	switch kind {
	case kindString:
		return text, strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) < 0
	case kindBoolean:
		b, err := strconv.ParseBool(text)
		return b, err == nil
	case kindInteger:
		i, err := strconv.ParseInt(text, 10, 64)
		return json.Number(strconv.FormatInt(i, 10)), err == nil
	case kindNumber:
		f, err := strconv.ParseFloat(text, 64)
		made := strconv.FormatFloat(f, 'g', -1, 64)
		return json.Number(made), err == nil && json.Valid([]byte(made)) // not NaN
	}
	return nil, false
}
