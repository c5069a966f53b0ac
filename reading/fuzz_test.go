package reading

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func seeds(f *testing.F, names ...string) {
	for _, name := range names {
		files, _ := filepath.Glob("testdata/pastes/" + name + ".txt")
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			for _, paste := range strings.Split("\n"+string(data), "\n=== ")[1:] {
				_, text, _ := strings.Cut(paste, "\n")
				f.Add(text)
			}
		}
	}
}

func FuzzRead(f *testing.F) {
	seeds(f, "*")
	for _, c := range readCases(f) {
		f.Add(c.Paste)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := Read(text)
		checkReading(t, text, &r)
		redacted := r.Redacted()
		if again := Redact(redacted); len(again) > len(redacted)+len(mask)*len(r.Secrets)+1000 {
			t.Errorf("redacting %q again adds to it", redacted)
		}
		if describe(text, &r) != describe(text, ptr(Read(text))) {
			t.Error("the same text gives two different readings")
		}
	})
}

func ptr[T any](v T) *T { return &v }

// fuzzWords fuzzes a reader of words: the places of the words must lie within what was read.
func fuzzWords(f *testing.F, name string, words func(*reader, Value) ([]Value, int)) {
	seeds(f, name)
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > MaxText {
			return
		}
		r := newReader(text)
		got, length := words(r, r.paste)
		if length < 0 || length > len(text) {
			t.Fatalf("%d of %d bytes", length, len(text))
		}
		total := 0
		for _, v := range got {
			checkValue(t, text, v)
			for _, s := range v.Spans() {
				if s.End > length {
					t.Fatalf("span %v after the end at %d", s, length)
				}
			}
			total += v.Len()
		}
		if total > 4*len(text)+100 {
			t.Fatalf("%d bytes of words out of %d", total, len(text))
		}
	})
}

func checkValue(t *testing.T, text string, v Value) {
	t.Helper()
	v.each(func(at int, p piece) {
		if p.from >= 0 && (p.to < p.from || int(p.to) > len(text)) {
			t.Fatalf("piece %v of %d bytes", p, len(text))
		}
		if p.exact && text[p.from:p.to] != v.Text()[at:at+int(p.to-p.from)] {
			t.Fatalf("the piece at %d is not %q", at, text[p.from:p.to])
		}
	})
}

func FuzzBash(f *testing.F) { fuzzWords(f, "curl-bash", (*reader).bashWords) }

func FuzzCmd(f *testing.F) { fuzzWords(f, "curl-cmd", (*reader).cmdWords) }

func FuzzPowerShell(f *testing.F) { fuzzWords(f, "*powershell", (*reader).powerShellWords) }

func FuzzDocument(f *testing.F) {
	for _, name := range []string{"har", "postman", "logic-apps", "n8n", "js"} {
		seeds(f, name)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > MaxText {
			return
		}
		r := newReader(text)
		n, length := r.document(r.paste)
		if length < 0 || length > len(text) {
			t.Fatalf("%d of %d bytes", length, len(text))
		}
		checkNode(t, text, n)
	})
}

func checkNode(t *testing.T, text string, n *node) {
	if n == nil {
		return
	}
	checkValue(t, text, n.raw)
	checkValue(t, text, n.text)
	for _, m := range n.items {
		checkValue(t, text, m.key)
		checkNode(t, text, m.value)
	}
}

func FuzzXML(f *testing.F) {
	seeds(f, "responses")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > MaxText {
			return
		}
		r := newReader(text)
		n, _ := r.loose.xml(r.paste, 0)
		if n < 0 || n > len(text) {
			t.Fatalf("%d of %d bytes", n, len(text))
		}
		for _, field := range r.loose.out.Fields {
			checkValue(t, text, field.Value)
		}
	})
}

func FuzzRedact(f *testing.F) {
	seeds(f, "*")
	f.Fuzz(func(t *testing.T, text string) {
		if redacted := Redact(text); strings.Count(redacted, mask) > len(text) {
			t.Error("more masks than bytes")
		}
	})
}
