package handlers

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// FuzzForm compares every form with the parser of package url: it reads what was given, and only unreserved
// characters are unescaped.
func FuzzForm(f *testing.F) {
	f.Add("Action", "SendMessage", "MessageBody", "a b+c&d=e%41;~ü\n")
	f.Add("", "", "\x00", "\u2028")
	f.Fuzz(func(t *testing.T, name1, value1, name2, value2 string) {
		if name1 == name2 {
			return
		}
		given := map[string]string{name1: value1, name2: value2}
		text, err := json.Marshal(given) // this replaces what is not UTF-8
		if err != nil {
			t.Fatal(err)
		}
		clear(given)
		if err := json.Unmarshal(text, &given); err != nil {
			t.Fatal(err)
		}
		if len(given) < 2 || !jsontext.Value(text).IsValid() {
			return
		}
		form, err := encodeForm(jsontext.Value(text))
		if err != nil {
			t.Fatal(err)
		}
		read, err := url.ParseQuery(string(form))
		if err != nil || len(read) != len(given) {
			t.Fatalf("%s is encoded as %s, read as %v, %v", text, form, read, err)
		}
		for name, value := range given {
			if got := read[name]; len(got) != 1 || got[0] != value {
				t.Errorf("%q is read as %q, want %q", name, got, value)
			}
		}
		for _, c := range form {
			if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9') && strings.IndexByte("-._~%=&", c) < 0 {
				t.Errorf("%q is not escaped in %s", c, form)
			}
		}
	})
}
