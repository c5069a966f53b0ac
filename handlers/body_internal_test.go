package handlers

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// Strings are unescaped as package jsontext does it, in place or not.
func TestBodyValue_UnquotesAsJSONTextDoes(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	pieces := []string{
		"plain", " ", "é", "€", "😀", `\"`, `\\`, `\/`, `\b`, `\f`, `\n`, `\r`, `\t`, `\u0041`, `\u00e9`, `\u20AC`,
		`\ud83d\ude00`, `\uFFFD`, `\u0000`,
		"longer than eight bytes",
	}
	for range 5000 {
		var text strings.Builder
		for range random.IntN(12) {
			text.WriteString(pieces[random.IntN(len(pieces))])
		}
		document := fmt.Sprintf(`{"method":"PUT","url":"https://b.s3.eu-west-1.amazonaws.com/k","body":"%s"}`, text.String())
		want, err := jsontext.AppendUnquote(nil, `"`+text.String()+`"`)
		if err != nil {
			t.Fatal(err)
		}
		for _, owned := range []bool{false, true} {
			in, given := new(signRequest), []byte(document)
			in.Body.owned = owned
			if err := decodeDocument(given, in); err != nil {
				t.Fatal(err)
			}
			for range 2 { // it may be called again
				if body, err := in.readBody(); err != nil || !bytes.Equal(body.Bytes, want) || !body.Text {
					t.Fatalf("got %q, %v, want %q of %s", body.Bytes, err, want, document)
				}
			}
			if !owned && string(given) != document {
				t.Fatalf("the document was changed: %s", given)
			}
		}
	}
}
