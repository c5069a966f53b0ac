package reading

import (
	"slices"
	"strings"
	"testing"
)

// checkReading checks what must be true of every reading: all places lie within the paste, and the paste has the text
// of the value there.
func checkReading(t testing.TB, paste string, r *Reading) {
	t.Helper()
	within := func(what string, s Span) {
		if s.Start < 0 || s.End < s.Start || s.End > len(paste) {
			t.Fatalf("%s: span %v of a paste of %d bytes", what, s, len(paste))
		}
	}
	value := func(what string, v Value) {
		for _, s := range v.Spans() {
			within(what, s)
		}
		span := v.Span()
		if v.Verbatim() && paste[span.Start:span.End] != v.Text() {
			t.Fatalf("%s: the paste says %q but the value is %q", what, paste[span.Start:span.End], v.Text())
		}
		v.each(func(at int, p piece) {
			if p.exact && paste[p.from:p.to] != v.Text()[at:at+int(p.to-p.from)] {
				t.Fatalf("%s: the piece at %d is marked exact for %q", what, at, paste[p.from:p.to])
			}
		})
	}
	for i := range r.Exchanges {
		checkExchange(&r.Exchanges[i], value)
	}
	for _, s := range r.Texts {
		value("text", s.Value)
	}
	for _, p := range r.Parts {
		within("part", p.Span)
	}
	for _, n := range r.Notes {
		within("note "+n.Code, n.Span)
		if n.Text == "" {
			t.Fatalf("note %s has no text", n.Code)
		}
	}
	last := 0
	for _, s := range r.Secrets {
		within("secret", s.Span)
		if s.Span.Start < last {
			t.Fatalf("secrets overlap at %d", s.Span.Start)
		}
		last = s.Span.End
	}
}

func checkExchange(e *Exchange, value func(string, Value)) {
	if q := e.Request; q != nil {
		q.Each(value)
		for _, p := range q.Placeholders {
			value("placeholder", p.Text)
		}
	}
	if p := e.Response; p != nil {
		value("response body", p.Body.Content)
		for _, h := range p.Headers {
			value("response header", h.Name)
			value("response header", h.Value)
		}
	}
	if f := e.Refusal; f != nil {
		for _, v := range slices.Concat([]Value{f.CanonicalRequest, f.StringToSign, f.RequestID}, f.Codes, f.Messages) {
			value("refusal", v)
		}
		for _, field := range f.Fields {
			value("field", field.Name)
			value("field", field.Value)
		}
	}
}

// The pieces of a URL lead back to the pasted text, whatever encodings were in between. A page uses this to mark
// where a line of the canonical request came from.
func TestValue_PartsLeadBackToThePaste(t *testing.T) {
	for name, c := range map[string]struct{ paste, part, want string }{
		"raw HTTP":              {"GET /a%20b?x=1&y=2 HTTP/1.1\nHost: h.example\n\n", "y=2", "y=2"},
		"host of raw HTTP":      {"GET /a HTTP/1.1\nHost: h.example\n\n", "h.example", "h.example"},
		"bash quotes":           {`curl 'https://h.example/a?x=1&y='"2"`, "y=2", `y='"2`},
		"bash escape":           {`curl https://h.example/a?x=1\&y=2`, "&", `\&`},
		"cmd carets":            {`curl ^"https://h.example/a?x=1^&y=2^"`, "1&y", "1^&y"},
		"JSON escape":           {`{"method":"GET","url":"https:\/\/h.example\/\u00fc?y=2"}`, "ü", `\u00fc`},
		"JSON in JSON":          {`{"log":"{\"method\":\"GET\",\"url\":\"https://h.example/\\u00fc?y=2\"}"}`, "ü", `\\u00fc`},
		"data put into a query": {`curl -G https://h.example/a -d 'y=2'`, "y=2", "y=2"},
		"encoded data":          {`curl -G https://h.example/a --data-urlencode 'y=ü'`, "%c3%bc", "ü"},
		"queries of a workflow": {`{"type":"Http","inputs":{"method":"GET","uri":"https://h.example/a","queries":{"y":"a b"}}}`, "a%20b", "a b"},
	} {
		r := Read(c.paste)
		q := r.Request()
		if q == nil {
			t.Errorf("%s: no request", name)
			continue
		}
		at := strings.Index(q.URL.Text(), c.part)
		if at < 0 {
			t.Errorf("%s: %q is not in %q", name, c.part, q.URL.Text())
			continue
		}
		span := q.URL.Slice(at, at+len(c.part)).Span()
		if got := c.paste[span.Start:span.End]; got != c.want {
			t.Errorf("%s: %q leads to %q, want %q", name, c.part, got, c.want)
		}
	}
}

func TestValue_NotFromThePaste(t *testing.T) {
	for name, v := range map[string]Value{"zero": {}, "literal": literal("GET"), "empty": literal("")} {
		if len(v.Spans()) != 0 || v.Span() != (Span{}) || v.Verbatim() {
			t.Errorf("%s: spans %v, verbatim %v", name, v.Spans(), v.Verbatim())
		}
		if v.Slice(1, 99).Len() > 2 {
			t.Errorf("%s: slice %q", name, v.Slice(1, 99).Text())
		}
	}
}

func TestValue_Joined(t *testing.T) {
	r := newReader("one two three")
	v := join(r.paste.Slice(8, 13), literal("-"), r.paste.Slice(0, 3), derived("II", r.paste.Slice(4, 7)))
	if v.Text() != "three-oneII" || v.Verbatim() {
		t.Errorf("%q", v.Text())
	}
	if got, want := v.Spans(), []Span{{8, 13}, {0, 3}, {4, 7}}; !slices.Equal(got, want) {
		t.Errorf("spans %v, want %v", got, want)
	}
	if got, want := v.Slice(7, 10).Spans(), []Span{{1, 3}, {4, 7}}; !slices.Equal(got, want) {
		t.Errorf("spans of a part %v, want %v", got, want)
	}
	if again := join(r.paste.Slice(0, 3), r.paste.Slice(3, 7)); !again.Verbatim() || len(again.Spans()) != 1 {
		t.Errorf("adjacent ranges are not merged: %v", again.Spans())
	}
}
