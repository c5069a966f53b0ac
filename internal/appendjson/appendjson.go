// Package appendjson writes JSON by appending to a buffer, for documents that are written once per request: an object
// is written field by field. The output equals that of encoding/json with SetEscapeHTML(false).
//
// It checks neither that names are unique nor that they need no escapes: they are constants in the program.
package appendjson

import (
	"strconv"
	"time"
	"unicode/utf8"
)

// Object is a JSON object that is being written. [Open] begins one.
type Object struct {
	buf []byte
	// replaced: some text was not valid UTF-8.
	replaced bool
	aside    []large
}

// Open begins an object at the end of buf. The object owns buf from then on.
func Open(buf []byte) *Object { return &Object{buf: append(buf, '{')} }

// Reopen begins another object in the memory of one that is no longer needed. It also works on the zero Object.
func (o *Object) Reopen() {
	clear(o.aside)
	o.buf, o.replaced, o.aside = append(o.buf[:0], '{'), false, o.aside[:0]
}

// Close ends the object. It returns the buffer, and whether every text was valid UTF-8; invalid bytes are replaced by
// U+FFFD.
//
// If there are large values, the buffer is not the complete document; see [Object.WriteTo].
func (o *Object) Close() (buf []byte, valid bool) {
	o.buf = append(o.buf, '}')
	return o.buf, !o.replaced
}

// field writes the name of a field.
func (o *Object) field(name string) {
	if o.buf[len(o.buf)-1] != '{' {
		o.buf = append(o.buf, ',')
	}
	o.buf = append(append(append(o.buf, '"'), name...), `":`...)
}

// Text writes a field with a string.
func (o *Object) Text(name, value string) {
	o.field(name)
	o.text(value)
}

// TextIfAny is like Text, but omits an empty string.
func (o *Object) TextIfAny(name, value string) {
	if value != "" {
		o.Text(name, value)
	}
}

// Bytes writes a field with a string held as bytes.
func (o *Object) Bytes(name string, value []byte) {
	o.field(name)
	o.buf, o.replaced = appendText(o.buf, value, o.replaced)
}

// Base64 writes a field with the Base64 encoding of bytes.
func (o *Object) Base64(name string, value []byte) {
	o.field(name)
	o.buf = append(AppendBase64(append(o.buf, '"'), value), '"')
}

// Bool writes a field with a boolean.
func (o *Object) Bool(name string, value bool) {
	o.field(name)
	o.buf = strconv.AppendBool(o.buf, value)
}

// Int writes a field with an integer.
func (o *Object) Int(name string, value int64) {
	o.field(name)
	o.buf = strconv.AppendInt(o.buf, value, 10)
}

// IntIfAny is like Int, but omits 0.
func (o *Object) IntIfAny(name string, value int64) {
	if value != 0 {
		o.Int(name, value)
	}
}

// FloatIfAny writes a field with a number, but omits 0. The number is written without an exponent, so it should be in
// the range of durations.
func (o *Object) FloatIfAny(name string, value float64) {
	if value != 0 {
		o.field(name)
		o.buf = strconv.AppendFloat(o.buf, value, 'f', -1, 64)
	}
}

// Time writes a field with a time in RFC 3339 format.
func (o *Object) Time(name string, value time.Time) {
	o.field(name)
	o.buf = append(value.AppendFormat(append(o.buf, '"'), time.RFC3339Nano), '"')
}

// Texts writes a field with a list of strings.
func (o *Object) Texts(name string, values []string) {
	o.field(name)
	o.buf = append(o.buf, '[')
	for i, value := range values {
		if i > 0 {
			o.buf = append(o.buf, ',')
		}
		o.text(value)
	}
	o.buf = append(o.buf, ']')
}

// TextsIfAny is like Texts, but omits an empty list.
func (o *Object) TextsIfAny(name string, values []string) {
	if len(values) > 0 {
		o.Texts(name, values)
	}
}

// Raw writes a field whose value is JSON already.
func (o *Object) Raw(name string, value []byte) {
	o.field(name)
	o.buf = append(o.buf, value...)
}

// Object writes a field with an object, whose fields are written by fields.
func (o *Object) Object(name string, fields func(*Object)) {
	o.field(name)
	o.buf = append(o.buf, '{')
	fields(o)
	o.buf = append(o.buf, '}')
}

// Objects writes a field with a list of n objects; fields writes the fields of the ith one.
func (o *Object) Objects(name string, n int, fields func(o *Object, i int)) {
	o.field(name)
	o.buf = append(o.buf, '[')
	for i := range n {
		if i > 0 {
			o.buf = append(o.buf, ',')
		}
		o.buf = append(o.buf, '{')
		fields(o, i)
		o.buf = append(o.buf, '}')
	}
	o.buf = append(o.buf, ']')
}

// Member writes a string field whose name is not a constant.
func (o *Object) Member(name, value string) {
	if o.buf[len(o.buf)-1] != '{' {
		o.buf = append(o.buf, ',')
	}
	o.text(name)
	o.buf = append(o.buf, ':')
	o.text(value)
}

func (o *Object) text(value string) { o.buf, o.replaced = appendText(o.buf, value, o.replaced) }

// appendText appends a string in quotes.
func appendText[T string | []byte](buf []byte, value T, replaced bool) ([]byte, bool) {
	buf, replaced = appendEscaped(append(buf, '"'), value, replaced)
	return append(buf, '"'), replaced
}

// appendEscaped appends a string without quotes. Stretches that need no escapes are copied as a whole.
func appendEscaped[T string | []byte](buf []byte, value T, replaced bool) ([]byte, bool) {
	begin := 0
	for i := PlainLen(value); i < len(value); i += PlainLen(value[i:]) {
		c := value[i]
		if c < utf8.RuneSelf {
			buf = appendEscape(append(buf, value[begin:i]...), c)
			i++
			begin = i
			continue
		}
		r, size := utf8.DecodeRuneInString(string(value[i:min(len(value), i+utf8.UTFMax)]))
		switch {
		case r == utf8.RuneError && size == 1:
			buf, replaced = append(append(buf, value[begin:i]...), `\ufffd`...), true
			begin = i + size
		case r == '\u2028', r == '\u2029': // line terminators in JavaScript
			buf = append(append(append(buf, value[begin:i]...), `\u202`...), hex[r&0xf])
			begin = i + size
		}
		i += size
	}
	return append(buf, value[begin:]...), replaced
}

const hex = "0123456789abcdef"

func appendEscape(buf []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(buf, '\\', c)
	case '\b':
		return append(buf, `\b`...)
	case '\f':
		return append(buf, `\f`...)
	case '\n':
		return append(buf, `\n`...)
	case '\r':
		return append(buf, `\r`...)
	case '\t':
		return append(buf, `\t`...)
	}
	return append(buf, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf])
}
