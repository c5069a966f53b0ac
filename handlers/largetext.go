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

// largeDocument is the size from which it pays to look for a large body in a document.
const largeDocument = 64 << 10

// bodied is a request with the field body.
type bodied interface{ body() *bodyValue }

// decodeAround decodes a document whose body is a large string. The decoder gets the document without the body, whose
// end it would take two or three times as long to find. decodeAround returns false if it did not decode the document,
// for whatever reason: then the whole document must be decoded, which finds what is wrong.
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

// beginOfText returns where the string value of a name in an object begins; 0 if there is none.
func beginOfText(object []byte, name string) int {
	d := jsontext.NewDecoder(bytes.NewBuffer(object)) // not copied
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

// textLength returns the length, with quotes, of the JSON string that data begins with. It is 0 if there is no valid
// one, or if an escape is half of a surrogate pair, which may or may not be valid.
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

// escapeLength returns the length of the escape that data begins with; 0 if it is invalid, or half of a surrogate
// pair.
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
