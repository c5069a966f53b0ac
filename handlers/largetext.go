package handlers

import (
	"bytes"
	"encoding/hex"
	"slices"
	"unicode/utf16"
	"unicode/utf8"

	"countersign/internal/appendjson"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// largeDocument is one for which it pays to look for a large text in it.
const largeDocument = 64 << 10

// bodied is a request with the field body.
type bodied interface{ body() *bodyValue }

// decodeAround decodes a document whose body is a large text. The decoder gets the document without that, of which it would
// take two or three times as long to find the end. It says false where it did not decode the document, for whatever reason:
// the whole has to be decoded then, and tells what is wrong.
func decodeAround(data []byte, in bodied) bool {
	begin := beginOfText(data, "body")
	length := textLength(data[begin:])
	if length == 0 {
		return false
	}
	end := begin + length
	rest := slices.Concat(data[:begin], []byte(`""`), data[end:])
	if json.Unmarshal(rest, in, strict...) != nil {
		return false
	}
	in.body().text = data[begin:end:end]
	return true
}

// beginOfText is where the text begins that an object has for a name; 0 where there is none.
func beginOfText(object []byte, name string) int {
	d := jsontext.NewDecoder(bytes.NewBuffer(object)) // which is not copied
	if _, err := d.ReadToken(); err != nil {
		return 0
	}
	for d.PeekKind() == '"' {
		token, err := d.ReadToken()
		switch {
		case err != nil:
			return 0
		case token.String() == name && d.PeekKind() == '"':
			at := int(d.InputOffset())
			return at + bytes.IndexByte(object[at:], '"')
		case d.SkipValue() != nil:
			return 0
		}
	}
	return 0
}

// textLength is the length of the text of JSON that data begins with, with its quotes; 0 where there is none that is right, or
// where an escape is half of a character, which may or may not be half of a right one.
func textLength(data []byte) int {
	if data[0] != '"' {
		return 0
	}
	for i := 1; i < len(data); i++ {
		i += appendjson.PlainLen(data[i:])
		if i == len(data) {
			return 0
		}
		switch c := data[i]; {
		case c == '"':
			return i + 1
		case c < ' ':
			return 0
		case c == '\\':
			n := escapeLength(data[i:])
			if n == 0 {
				return 0
			}
			i += n - 1
		case c >= utf8.RuneSelf:
			r, n := utf8.DecodeRune(data[i:])
			if r == utf8.RuneError && n == 1 {
				return 0
			}
			i += n - 1
		}
	}
	return 0
}

// escapeLength is the length of the escape that data begins with; 0 where that is none, or half of a character.
func escapeLength(data []byte) int {
	if len(data) < 2 {
		return 0
	}
	switch data[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
	default:
		return 0
	}
	var digits [2]byte
	if len(data) < 6 {
		return 0
	}
	if _, err := hex.Decode(digits[:], data[2:6]); err != nil || utf16.IsSurrogate(rune(digits[0])<<8|rune(digits[1])) {
		return 0
	}
	return 6
}
