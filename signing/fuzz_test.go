package signing_test

import (
	"net/url"
	"strings"
	"testing"

	"countersign/signing"
)

// A parsed URL is in wire form, parses to the same value again, and the standard library finds the
// same parts in it.
func FuzzParseURL(f *testing.F) {
	for _, v := range loadVectors(f) {
		f.Add(v.URL, "a b", "+")
	}
	f.Add("HTTP://[::1]:80/a%2fb/%2E./c?%41=%zz;&a+b", "", "")
	f.Fuzz(func(t *testing.T, raw, name, value string) {
		u, _, err := signing.ParseURL(raw, []signing.Parameter{{Name: name, Value: value}})
		if err != nil {
			_ = wantInputError(t, err)
			return
		}
		checkWireForm(t, u)
		if last := u.Query()[len(u.Query())-1]; last != (signing.Parameter{Name: name, Value: value}) {
			t.Errorf("added parameter reads as %q, want %q=%q", last, name, value)
		}
		normal := u.NormalizePath()
		checkWireForm(t, normal)
		if again := normal.NormalizePath(); again != normal {
			t.Errorf("NormalizePath of %q = %q", normal, again)
		}
		escaped := u.EscapeS3Key()
		checkWireForm(t, escaped)
		if escaped.EscapeS3Key() != escaped || signing.CanonicalURI(escaped.Path(), true) != signing.CanonicalURI(u.Path(), true) {
			t.Errorf("EscapeS3Key of %q = %q, a different key", u, escaped)
		}
		if key, err := u.CleanS3Key(); err == nil {
			checkWireForm(t, key)
			if again, err := key.CleanS3Key(); again != key || err != nil {
				t.Errorf("CleanS3Key of %q = %q, %v", key, again, err)
			}
			if got := signing.CanonicalURI(key.Path(), true); got != key.Path() {
				t.Errorf("CanonicalURI(%q) = %q, want the same", key.Path(), got)
			}
		}
	})
}

func checkWireForm(t *testing.T, u signing.URL) {
	t.Helper()
	for i := range len(u.String()) {
		if c := u.String()[i]; c <= ' ' || c >= 0x7f {
			t.Fatalf("URL %q contains byte %#x", u, c)
		}
	}
	if again, warnings, err := signing.ParseURL(u.String(), nil); again != u || err != nil || warnings != nil {
		t.Fatalf("ParseURL(%q) = %q, %v, %v", u, again, warnings, err)
	}
	other, err := url.Parse(u.String())
	if err != nil {
		t.Fatalf("url.Parse(%q): %v", u, err)
	}
	if other.Scheme != u.Scheme() || other.Host != u.Host() || other.EscapedPath() != u.Path() || other.RawQuery != u.RawQuery() {
		t.Errorf("url.Parse(%q) finds different parts: %#v", u, other)
	}
	canonical, err := signing.CanonicalQuery(u.RawQuery())
	if err != nil {
		t.Fatal(err)
	}
	if again, err := signing.CanonicalQuery(canonical); again != canonical || err != nil {
		t.Errorf("CanonicalQuery(%q) = %q, %v", canonical, again, err)
	}
}

// The order of headers and parameters must not matter.
func FuzzOrderDoesNotMatter(f *testing.F) {
	f.Add("b=2&a=1&a=0&B=%2f", "X-Amz-B:1\nx-amz-a:2\nX-AMZ-C: 3  4")
	f.Fuzz(func(t *testing.T, query, lines string) {
		forward, ok := fuzzRequest("GET", "https://example.com/?"+query, lines, "", 0)
		if !ok {
			return
		}
		names := map[string]bool{}
		for _, h := range forward.Headers {
			lower := strings.ToLower(h.Name)
			if names[lower] {
				return // the order of values of the same name does matter
			}
			names[lower] = true
		}
		backward := *forward
		backward.Headers = reversed(forward.Headers)
		backward.SignedHeaders = reversed(forward.SignedHeaders)
		backward.URL = mustParse(t, "https://example.com/?"+strings.Join(reversed(strings.Split(query, "&")), "&"))
		for form, do := range map[string]func(*signing.Request) (signing.Signed, error){
			"Sign": new(signing.Signer).Sign, "Presign": new(signing.Signer).Presign,
		} {
			one, err1 := do(forward)
			two, err2 := do(&backward)
			if (err1 == nil) != (err2 == nil) {
				t.Fatalf("%s: %v in order, %v reversed", form, err1, err2)
			}
			if err1 == nil && one.Signature != two.Signature {
				t.Errorf("%s signs differently:\n%s\n\n%s", form, one.CanonicalRequest, two.CanonicalRequest)
			}
		}
	})
}

func reversed[T any](s []T) []T {
	out := make([]T, 0, len(s))
	for i := len(s) - 1; i >= 0; i-- {
		out = append(out, s[i])
	}
	return out
}
