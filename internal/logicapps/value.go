package logicapps

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// A value is nil, a bool, a [Number], a string, an [Object] or a []any of these.

// Number is a JSON number as the engine writes it.
type Number string

// Object is a JSON object whose members keep their order.
type Object []Member

// Member is a name and a value in an [Object].
type Member struct {
	Name  string
	Value any
}

// Get returns the value of a name.
func (o Object) Get(name string) (any, bool) {
	for _, m := range o {
		if m.Name == name {
			return m.Value, true
		}
	}
	return nil, false
}

// Parse parses a JSON document as the engine does: order is kept, the spelling of numbers is not.
func Parse(text []byte) (any, error) {
	d := jsontext.NewDecoder(bytes.NewReader(text))
	value, err := parseValue(d)
	if err != nil {
		return nil, err
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("text after the JSON document")
	}
	return value, nil
}

func parseValue(d *jsontext.Decoder) (any, error) {
	if d.PeekKind() == '0' {
		text, err := d.ReadValue()
		if err != nil {
			return nil, err
		}
		return number(string(text))
	}
	token, err := d.ReadToken()
	if err != nil {
		return nil, err
	}
	switch token.Kind() {
	case '[':
		list := []any{}
		for d.PeekKind() != ']' {
			v, err := parseValue(d)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = d.ReadToken()
		return list, err
	case '{':
		o := Object{}
		for d.PeekKind() != '}' {
			name, err := parseValue(d)
			if err != nil {
				return nil, err
			}
			v, err := parseValue(d)
			if err != nil {
				return nil, err
			}
			o = append(o, Member{name.(string), v}) // the decoder accepts only strings as names, and no duplicates
		}
		_, err = d.ReadToken()
		return o, err
	case '"':
		return token.String(), nil
	case 'n':
		return nil, nil
	}
	return token.Bool(), nil
}

// number spells a number as .NET's JSON library does after parsing it: integers of any size as they are, others as the
// nearest double.
func number(text string) (Number, error) {
	if !strings.ContainsAny(text, ".eE") {
		n, ok := new(big.Int).SetString(text, 10)
		if !ok {
			return "", fmt.Errorf("%q is not a number", text)
		}
		return Number(n.String()), nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return "", err
	}
	exponent := strconv.FormatFloat(f, 'E', -1, 64)
	if _, power, _ := strings.Cut(exponent, "E"); f != 0 {
		if n, _ := strconv.Atoi(power); n < -4 || n > 14 {
			return Number(exponent), nil
		}
	}
	plain := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(plain, ".") {
		plain += ".0"
	}
	return Number(plain), nil
}

// encoder writes values as compact JSON. How the engine does it is not documented, so it alternates between two ways:
// code that relies on one of them fails.
type encoder struct{ written int }

func (e *encoder) encode(v any) []byte {
	e.written++
	return appendValue(nil, v, e.written%2 == 0)
}

func appendValue(dst []byte, v any, ascii bool) []byte {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...)
	case bool:
		return strconv.AppendBool(dst, v)
	case Number:
		return append(dst, v...)
	case string:
		return appendString(dst, v, ascii)
	case []any:
		dst = append(dst, '[')
		for i, item := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendValue(dst, item, ascii)
		}
		return append(dst, ']')
	case Object:
		dst = append(dst, '{')
		for i, m := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendString(dst, m.Name, ascii), ':')
			dst = appendValue(dst, m.Value, ascii)
		}
		return append(dst, '}')
	}
	panic(fmt.Sprintf("logicapps: %T is not a value", v))
}

func appendString(dst []byte, text string, ascii bool) []byte {
	dst = append(dst, '"')
	plain := 0 // start of the part that can be copied
	for i, c := range text {
		if c >= ' ' && c != '"' && c != '\\' && (c <= '~' || !ascii && c != 0x85 && c != 0x2028 && c != 0x2029) {
			continue
		}
		dst = append(dst, text[plain:i]...)
		plain = i + utf8.RuneLen(c)
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', byte(c))
		case c == '\n':
			dst = append(dst, `\n`...)
		case c == '\r':
			dst = append(dst, `\r`...)
		case c == '\t':
			dst = append(dst, `\t`...)
		default:
			for _, unit := range utf16.Encode([]rune{c}) {
				dst = fmt.Appendf(dst, `\u%04x`, unit)
			}
		}
	}
	return append(append(dst, text[plain:]...), '"')
}
