package explain_test

import (
	"strings"
	"testing"

	"countersign/explain"
)

// For any combination of request and canonical request, the pieces of a line
// add up to the line, and positions are within the URL.
func FuzzLines(f *testing.F) {
	f.Add("https://h/a/../b?x=1&y", "GET\n/b\nx=1&y=\nhost:h\n\nhost\nUNSIGNED-PAYLOAD", "x-a", " 1  2 ", true)
	f.Add("https://h", "GET\n/\n\nhost:h\nx-a:1\n\nhost;x-a\ne3", "X-A", "1", false)
	f.Add("h?", "\n\n\n\n\n\n", "", "", true)
	f.Fuzz(func(t *testing.T, url, canonical, name, value string, normalized bool) {
		r := explain.Request{
			Method: explain.Field{Pointer: "/method", Value: "GET"}, URL: explain.Field{Pointer: "/url", Value: url},
			Headers:    []explain.Header{{Name: explain.Field{Pointer: "/n", Value: name}, Value: explain.Field{Pointer: "/v", Value: value}}},
			Query:      []explain.Parameter{{Name: name, Value: explain.Field{Pointer: "/q", Value: value}}},
			Normalized: normalized, CanonicalRequest: canonical, SignedHeaders: []string{"host"},
		}
		lines := r.Lines()
		texts := make([]string, 0, len(lines))
		for _, l := range lines {
			joined := ""
			for _, p := range l.Pieces {
				if joined += p.Text; p.From == "/url" && p.HasAt && (p.Start < 0 || p.Start > p.End || p.End > len(url)) {
					t.Fatalf("%+v is not in %q", p, url)
				}
			}
			if joined != l.Text {
				t.Fatalf("the pieces add up to %q, not to the line %q", joined, l.Text)
			}
			texts = append(texts, l.Text)
		}
		if len(lines) > 0 && strings.Count(canonical, "\n")+1 != len(texts) {
			t.Fatalf("%d lines of %q", len(texts), canonical)
		}
		r.NotSigned()
	})
}
