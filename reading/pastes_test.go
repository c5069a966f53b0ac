package reading

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Pastes as people make them, each with what was read from it. Any change shows in the golden files.
func TestRead_Pastes(t *testing.T) {
	files, err := filepath.Glob("testdata/pastes/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no pastes", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			for _, paste := range strings.Split("\n"+string(data), "\n=== ")[1:] {
				name, text, _ := strings.Cut(paste, "\n")
				r := Read(text)
				checkReading(t, text, &r)
				fmt.Fprintf(&out, "=== %s\n%s", name, describe(text, &r))
			}
			golden := strings.TrimSuffix(file, ".txt") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(out.String()), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			compareLines(t, string(want), out.String())
		})
	}
}

func compareLines(t *testing.T, want, got string) {
	t.Helper()
	if want == got {
		return
	}
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	name := ""
	for i := range min(len(a), len(b)) {
		if strings.HasPrefix(a[i], "=== ") {
			name = a[i]
		}
		if a[i] != b[i] {
			t.Fatalf("%s\nwant %s\n got %s", name, a[i], b[i])
		}
	}
	t.Fatalf("%d lines, want %d", len(b), len(a))
}

// describe writes what was read, one thing per line.
func describe(paste string, r *Reading) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	for i, e := range r.Exchanges {
		line("exchange %d: %s", i, e.Form)
		if e.Request != nil {
			describeRequest(line, e.Request)
		}
		if p := e.Response; p != nil {
			line("  response %d, body %s %q", p.Status, describeBody(p.Body), p.Body.Content.Text())
			describeHeaders(line, p.Headers)
		}
		if e.Refusal != nil {
			describeRefusal(line, e.Refusal)
		}
	}
	for _, s := range r.Texts {
		line("%s (signer %v): %q", s.Kind, s.Signer, s.Value.Text())
	}
	for _, p := range r.Parts {
		line("part %s %s: %.60q", p.Form, p.Tool, paste[p.Span.Start:p.Span.End])
	}
	for _, n := range r.Notes {
		line("note %s error=%v: %.60q", n.Code, n.Error, paste[n.Span.Start:n.Span.End])
	}
	for _, s := range r.Secrets {
		line("secret %s: %q", s.Kind, paste[s.Span.Start:s.Span.End])
	}
	if r.Cut {
		line("cut")
	}
	return b.String()
}

func describeBody(b Body) string {
	if b.Exact {
		return string(b.State) + " exact"
	}
	return string(b.State)
}

func describeHeaders(line func(string, ...any), headers []Header) {
	for _, h := range headers {
		mark := ""
		if h.Implied {
			mark = " (implied)"
		}
		if h.Secret != "" {
			mark += " (" + h.Secret + ")"
		}
		line("    %s: %s%s", h.Name.Text(), h.Value.Text(), mark)
	}
}

func describeRequest(line func(string, ...any), q *Request) {
	line("  request %s %s, body %s %q", q.Method.Text(), q.URL.Text(), describeBody(q.Body), q.Body.Content.Text())
	describeHeaders(line, q.Headers)
	for _, p := range q.Placeholders {
		line("    placeholder %s %d-%d %q", p.Field, p.Start, p.End, p.Text.Text())
	}
	if q.Region.Len()+q.Service.Len()+q.AccessKeyID.Len() > 0 {
		line("    region %q service %q key %q", q.Region.Text(), q.Service.Text(), q.AccessKeyID.Text())
	}
}

func describeRefusal(line func(string, ...any), f *Refusal) {
	line("  refusal %d %s: %q", f.Status, f.Code.Text(), f.Message.Text())
	for _, s := range f.Says {
		line("    says %s %v", s.ID, s.Codes)
	}
	for _, field := range []struct {
		name  string
		value Value
	}{
		{"request id", f.RequestID},
		{"host id", f.HostID},
		{"server time", f.ServerTime},
		{"signed time", f.SignedTime},
		{"region", f.Region},
		{"service", f.Service},
		{"key", f.AccessKeyID},
		{"not signed", f.HeadersNotSigned},
		{"canonical request", f.CanonicalRequest},
		{"string to sign", f.StringToSign},
		{"signature", f.SignatureProvided},
	} {
		if field.value.Len() > 0 {
			line("    %s %q", field.name, field.value.Text())
		}
	}
	if f.Whole != WholeUnknown {
		line("    %s", f.Whole)
	}
}
