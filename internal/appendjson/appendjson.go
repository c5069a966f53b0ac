// Package appendjson writes JSON by appending to a buffer, for the documents of which there is one for each request: an
// object is written as the list of its fields. It writes what encoding/json does with SetEscapeHTML(false).
//
// It does not check that names are unique, nor that they need no escapes: they are constants of the program.
package appendjson

import (
	"strconv"
	"time"
	"unicode/utf8"
)

// Object is an object that is being written, begun by [Open].
type Object struct {
	buf []byte
	// replaced: a text was not UTF-8.
	replaced bool
	aside    []large
}

// Open begins an object at the end of buf, which is then the object's own.
func Open(buf []byte) *Object { return &Object{buf: append(buf, '{')} }

// Reopen begins another object in the space of one that is no longer needed. The zero Object can be reopened, too.
func (o *Object) Reopen() {
	clear(o.aside)
	o.buf, o.replaced, o.aside = append(o.buf[:0], '{'), false, o.aside[:0]
}

// Close ends the object. It returns the buffer, and whether every text was UTF-8; in one that was not, U+FFFD stands for
// what was not.
//
// Where there are large values, the buffer is not the document; see [Object.WriteTo].
func (o *Object) Close() (buf []byte, valid bool) {
	o.buf = append(o.buf, '}')
	return o.buf, !o.replaced
}

// field begins a field.
func (o *Object) field(name string) {
	if o.buf[len(o.buf)-1] != '{' {
		o.buf = append(o.buf, ',')
	}
	o.buf = append(append(append(o.buf, '"'), name...), `":`...)
}

// Text is a field with a text.
func (o *Object) Text(name, value string) {
	o.field(name)
	o.text(value)
}

// TextIfAny is Text, where the text is not empty.
func (o *Object) TextIfAny(name, value string) {
	if value != "" {
		o.Text(name, value)
	}
}

// Bytes is a field with a text that is held as bytes.
func (o *Object) Bytes(name string, value []byte) {
	o.field(name)
	o.buf, o.replaced = appendText(o.buf, value, o.replaced)
}

// Base64 is a field with the Base64 of bytes.
func (o *Object) Base64(name string, value []byte) {
	o.field(name)
	o.buf = append(AppendBase64(append(o.buf, '"'), value), '"')
}

// Bool is a field with a truth value.
func (o *Object) Bool(name string, value bool) {
	o.field(name)
	o.buf = strconv.AppendBool(o.buf, value)
}

// Int is a field with a whole number.
func (o *Object) Int(name string, value int64) {
	o.field(name)
	o.buf = strconv.AppendInt(o.buf, value, 10)
}

// IntIfAny is Int, where the number is not 0.
func (o *Object) IntIfAny(name string, value int64) {
	if value != 0 {
		o.Int(name, value)
	}
}

// FloatIfAny is a field with a number that is not 0. It has no exponent, for which it should be in the range of durations.
func (o *Object) FloatIfAny(name string, value float64) {
	if value != 0 {
		o.field(name)
		o.buf = strconv.AppendFloat(o.buf, value, 'f', -1, 64)
	}
}

// Time is a field with a time in RFC 3339.
func (o *Object) Time(name string, value time.Time) {
	o.field(name)
	o.buf = append(value.AppendFormat(append(o.buf, '"'), time.RFC3339Nano), '"')
}

// Texts is a field with a list of texts.
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

// TextsIfAny is Texts, where there are any.
func (o *Object) TextsIfAny(name string, values []string) {
	if len(values) > 0 {
		o.Texts(name, values)
	}
}

// Raw is a field with a value that is JSON already.
func (o *Object) Raw(name string, value []byte) {
	o.field(name)
	o.buf = append(o.buf, value...)
}

// Object is a field with an object, of which each writes the fields.
func (o *Object) Object(name string, fields func(*Object)) {
	o.field(name)
	o.buf = append(o.buf, '{')
	fields(o)
	o.buf = append(o.buf, '}')
}

// Objects is a field with a list of n objects, of which each writes the fields of one.
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

// Member is a field whose name is no constant.
func (o *Object) Member(name, value string) {
	if o.buf[len(o.buf)-1] != '{' {
		o.buf = append(o.buf, ',')
	}
	o.text(name)
	o.buf = append(o.buf, ':')
	o.text(value)
}

func (o *Object) text(value string) { o.buf, o.replaced = appendText(o.buf, value, o.replaced) }

// appendText appends a text in quotes.
func appendText[T string | []byte](buf []byte, value T, replaced bool) ([]byte, bool) {
	buf, replaced = appendEscaped(append(buf, '"'), value, replaced)
	return append(buf, '"'), replaced
}

// appendEscaped appends a text without quotes. What needs no escape is copied in pieces.
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
		case r == '\u2028', r == '\u2029': // which end a line in JavaScript
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
