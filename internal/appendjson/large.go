package appendjson

import (
	"bytes"
	"encoding/base64"
	"io"
	"unicode/utf8"
)

// pieceSize is how much of a large value is encoded at a time. It is a multiple of 3, so that concatenating the Base64
// of the pieces yields the Base64 of the whole.
const pieceSize = 48 << 10

// large is a value that is encoded only when the object is written, since a copy in the buffer would take as much
// memory again.
type large struct {
	at       int // position in the buffer
	value    []byte
	asBase64 bool
	length   int // when encoded
}

// LargeText is like Bytes, for a value that does not change until the object is written.
func (o *Object) LargeText(name string, value []byte) {
	if len(value) <= pieceSize {
		o.Bytes(name, value)
		return
	}
	l := large{value: value}
	for rest := value; len(rest) > 0; { // in pieces, so that each is still in the processor's cache when it is measured
		piece := l.piece(rest)
		rest = rest[len(piece):]
		o.replaced = o.replaced || !utf8.Valid(piece)
		l.length += escapedLen(piece)
	}
	o.later(name, l)
}

// LargeBase64 is like Base64, for a value that does not change until the object is written.
func (o *Object) LargeBase64(name string, value []byte) {
	if len(value) <= pieceSize {
		o.Base64(name, value)
		return
	}
	o.later(name, large{value: value, asBase64: true, length: base64.StdEncoding.EncodedLen(len(value))})
}

func (o *Object) later(name string, l large) {
	o.field(name)
	o.buf = append(o.buf, '"')
	l.at = len(o.buf)
	o.aside = append(o.aside, l)
	o.buf = append(o.buf, '"')
}

// Len returns the number of bytes that [Object.WriteTo] writes, if every text is valid UTF-8.
func (o *Object) Len() int {
	n := len(o.buf)
	for _, l := range o.aside {
		n += l.length
	}
	return n
}

// WriteTo writes the closed object, with its large values encoded piece by piece.
func (o *Object) WriteTo(w io.Writer) (written int64, err error) {
	write := func(piece []byte) bool {
		var n int
		n, err = w.Write(piece)
		written += int64(n)
		return err == nil
	}
	begin, scratch := 0, []byte(nil)
	for _, l := range o.aside {
		if !write(o.buf[begin:l.at]) {
			return written, err
		}
		begin = l.at
		for rest := l.value; len(rest) > 0; {
			piece := l.piece(rest)
			rest = rest[len(piece):]
			if l.asBase64 {
				scratch = AppendBase64(scratch[:0], piece)
			} else {
				scratch, _ = appendEscaped(scratch[:0], piece, false)
			}
			if !write(scratch) {
				return written, err
			}
		}
	}
	write(o.buf[begin:])
	return written, err
}

// piece returns the next piece of the rest; a text is not cut in the middle of a character.
func (l *large) piece(rest []byte) []byte {
	n := min(pieceSize, len(rest))
	for !l.asBase64 && n < len(rest) && !utf8.RuneStart(rest[n]) && n > pieceSize-utf8.UTFMax {
		n--
	}
	return rest[:n]
}

// added is the number of bytes that escaping adds to each byte.
var added = func() (added [256]uint8) {
	for c := range utf8.RuneSelf {
		added[c] = uint8(len(appendEscape(nil, byte(c))) - 1)
		if plain[c] {
			added[c] = 0
		}
	}
	return added
}()

func escapedLen(value []byte) int {
	n := len(value)
	for _, c := range value { // faster than searching for the few bytes that need escapes
		n += int(added[c])
	}
	const each = len(`\u2028`) - len("\u2028")
	return n + each*(bytes.Count(value, []byte("\u2028"))+bytes.Count(value, []byte("\u2029")))
}
