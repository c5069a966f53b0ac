package handlers

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// libraryTakes returns what [isStrictJSON] should return, using a library that keeps every string in memory.
func libraryTakes(document string) bool {
	d := jsontext.NewDecoder(strings.NewReader(document))
	for {
		if _, err := d.ReadToken(); err != nil || d.StackDepth() > maxDepth {
			return false
		}
		if d.StackDepth() == 0 {
			_, err := d.ReadToken()
			return errors.Is(err, io.EOF)
		}
	}
}

// Repeated names are found with little memory, however many names there are: a body of 75 MiB took 390.
func TestIsStrictJSON_HoldsFewNames(t *testing.T) {
	members := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"%x":0`, i)
		}
		return b.String()[1:]
	}
	many := members(maxNames - 2)
	for name, row := range map[string]struct {
		document string
		want     bool
	}{
		"as many as are held":           {`{` + members(maxNames) + `}`, true},
		"one more":                      {`{` + members(maxNames+1) + `}`, false},
		"as many, in one another":       {`{"x":{"y":{` + many + `}}}`, true},
		"one more, in one another":      {`{"x":{"y":{"z":{` + many + `}}}}`, false},
		"as many, one after another":    {`[{` + members(maxNames) + `},{` + members(maxNames) + `}]`, true},
		"as many, behind one that ends": {`{"x":[{` + many + `},{` + many + `}],"y":{}}`, true},
	} {
		if got := isStrictJSON(strings.NewReader(row.document)); got != row.want {
			t.Errorf("%s: %v, want %v", name, got, row.want)
		}
	}
}

func FuzzStrictJSON(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `[]`, ` null `, `true`, `false`, `nul`, `"a"`, `"\u00e9\ud83d\ude00\n"`, `"\ud83d"`, `"\ude00"`, `"\ud83dx"`, "\"\xe9\"",
		"\"\x01\"", `"\x"`,
		`0`, `-0`, `01`, `-`, `1.`, `.5`, `1.5`, `1e5`, `1E+5`, `1e`, `1e-`, `1e400`, `1x`, `-1 `, `{"a":1}`, `{"a":1,"a":2}`,
		`{"a":1,"\u0061":2}`, `{"a":{"a":1}}`,
		`{"a":1,}`, `[1,]`, `[1 2]`, `{a:1}`, `{"a" 1}`, `{}{}`, `[1],`, "\ufeff{}", `{"a":[1,{"b":[null,"x"]}],"c":{}}`, `[`, `{"a"`, `"a`,
		`{"":0,"":0}`,
		strings.Repeat("[", 64) + strings.Repeat("]", 64), strings.Repeat("[", 65) + strings.Repeat("]", 65), `1.5e3]`, "\t\r\n 1\n",
		`{"é":1,"é":2}`, `"é"`, "\"\xed\xa0\x80\"",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, document string) {
		if got, want := isStrictJSON(strings.NewReader(document)), libraryTakes(document); got != want {
			t.Errorf("%q: %v, want %v", document, got, want)
		}
	})
}
