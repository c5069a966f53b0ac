package snippets

import (
	"encoding/json"
	"strings"
	"testing"
)

var words = []string{"", "a", `"`, `\`, `\"`, "'", "’", "‘’", "\n", "\x01", "\u2028", "é", "日", "😀", "${x}", "\ufeff"}

// There is no C# or PowerShell interpreter here, so their literals are read by their rules.
func TestLiterals_MeanTheirText(t *testing.T) {
	for _, a := range words {
		for _, b := range words {
			text := a + b
			var got string
			if err := json.Unmarshal([]byte(literal(text)), &got); err != nil || got != text {
				t.Errorf("%q is written as %s, which means %q: %v", text, literal(text), got, err)
			}
			word := powershellWord(text)
			inner := []rune(word[1 : len(word)-1])
			var read strings.Builder
			for i := 0; i < len(inner); i++ {
				if strings.ContainsRune("'‘’‚‛", inner[i]) {
					if i+1 == len(inner) || !strings.ContainsRune("'‘’‚‛", inner[i+1]) {
						t.Fatalf("%s ends early", word)
					}
					i++
				}
				read.WriteRune(inner[i])
			}
			if read.String() != text {
				t.Errorf("%q is written as %s", text, word)
			}
		}
	}
}

// A document must stay one literal, whatever its texts contain.
func TestDocuments_StayWithinTheirLiterals(t *testing.T) {
	text, err := json.MarshalIndent(map[string]string{"a": "'''\n'@\n\"\"\"`${x}", "": "", "'@": `"`}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	r := &Request{Method: "GET", URL: "https://h/", Document: text}
	o := Options{Service: "https://s"}
	if made := csharpSigning(r, o); strings.Count(made, `"""`) != 2 {
		t.Errorf("C# ends its literal early:\n%s", made)
	}
	if made := powershellSigning(r, o); strings.Count(made, "\n'@") != 1 {
		t.Errorf("PowerShell ends its here-string early:\n%s", made)
	}
	if made := pythonSigning(r, o); strings.Count(made, "'''") != 2 {
		t.Errorf("Python ends its literal early:\n%s", made)
	}
	if made := javascriptSigning(r, o); strings.Count(made, "`") != 2 || strings.Contains(made, "${") {
		t.Errorf("JavaScript ends its literal early:\n%s", made)
	}
}

func TestWrite_RejectsWhatTheFormCannotContain(t *testing.T) {
	r := &Request{Method: "PUT", URL: "https://h/", Body: []byte{0xff, 0}, Document: []byte("{}")}
	for _, form := range Forms() {
		_, err := Write(form, r, Options{})
		if want := form == N8N || form == CurlCmd; (err != nil) != want {
			t.Errorf("%s: %v", form, err)
		}
	}
}
