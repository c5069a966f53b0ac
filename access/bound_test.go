package access_test

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"countersign/access"
)

// lineOf returns a record's line, and the record decoded from it.
func lineOf(t *testing.T, o access.AuditOptions, r access.Record) ([]byte, access.Record) {
	t.Helper()
	var out bytes.Buffer
	o.Stdout = &out
	if err := newAuditor(t, o).Write(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), readRecords(t, out.Bytes())[0]
}

// largest is the largest request that the service accepts: a URL of 64 KiB with 1,024 parameters, and 64 KiB of header
// names.
func largest() (q access.Question, signedHeaders string) {
	var keys, headers []string
	for n := range 1024 {
		keys = append(keys, fmt.Sprintf("parameter-%04d-%s=", n, strings.Repeat("k", 12)))
	}
	for n := range 128 {
		headers = append(headers, fmt.Sprintf("x-amz-meta-%03d-%s", n, strings.Repeat("h", 490)))
	}
	request := to("GET", "https://b.s3.eu-west-1.amazonaws.com/")
	request.RawQuery = strings.Join(keys, "&")
	request.Path = "/" + strings.Repeat("p", 64<<10-len("https://b.s3.eu-west-1.amazonaws.com/?")-len(request.RawQuery))
	return sign(request), strings.Join(headers, ";")
}

func TestAuditRecord_OfTheLargestRequestIsSmall(t *testing.T) {
	q, signedHeaders := largest()
	keys := access.NewRecord(q, access.Decision{}).QueryKeys
	for _, hashed := range []bool{false, true} {
		r := access.NewRecord(q, access.Decision{Reason: "nothing permits it"})
		r.SignedHeaders = signedHeaders
		line, got := lineOf(t, access.AuditOptions{HashPaths: hashed}, r)
		t.Logf("%d bytes", len(line))
		if len(line) > 8<<10 {
			t.Errorf("hashed %t: a line of %d bytes, want at most 8 KiB", hashed, len(line))
		}
		path := fmt.Sprintf("%s…(%d bytes, sha256:%s)", q.Request.Path[:1024], len(q.Request.Path), hashOf(q.Request.Path))
		if hashed {
			path = "sha256:" + hashOf(q.Request.Path)
		}
		if got.Path != path {
			t.Errorf("hashed %t: path %q, want %q", hashed, got.Path, path)
		}
		end := fmt.Sprintf("…(%d bytes, sha256:%s)", len(signedHeaders), hashOf(signedHeaders))
		if got.SignedHeaders != signedHeaders[:1024]+end {
			t.Errorf("hashed %t: signed headers %q, want a beginning and %q", hashed, got.SignedHeaders, end)
		}
		cut := fmt.Sprintf("…(1024 in all, sha256:%s)", hashOf(strings.Join(keys, "\n")))
		if n := len(got.QueryKeys); n > 66 || got.QueryKeys[0] != keys[0] || got.QueryKeys[n-2] != cut || got.QueryKeys[n-1] != keys[1023] {
			t.Errorf("hashed %t: query keys %q, want the first ones, %q and the last", hashed, got.QueryKeys, cut)
		}
	}
}

// Whatever characters a record's strings hold, its line is bounded.
func TestAuditRecord_LineLengthIsBounded(t *testing.T) {
	for _, character := range []string{"x", "\x00", "\xff", `"`, "\u2028", "é", "😀", "<"} {
		long := strings.Repeat(character, 64<<10)
		many := make([]string, 70)
		for i := range many {
			many[i] = long
		}
		var r access.Record
		texts := 0
		var fill func(v reflect.Value)
		fill = func(v reflect.Value) {
			for i := range v.NumField() {
				switch f := v.Field(i); {
				case f.Type() == reflect.TypeFor[string]():
					f.SetString(long)
					texts++
				case f.Type() == reflect.TypeFor[[]string]():
					f.Set(reflect.ValueOf(many))
					texts++
				case f.Type() == reflect.TypeFor[access.Workflow]():
					fill(f)
				}
			}
		}
		fill(reflect.ValueOf(&r).Elem())
		line, got := lineOf(t, access.AuditOptions{}, r)
		if texts < 30 || len(line) > 64<<10 {
			t.Errorf("%q: %d texts in a line of %d bytes, want at most 64 KiB", character, texts, len(line))
		}
		if !strings.HasSuffix(got.Host, fmt.Sprintf("…(%d bytes, sha256:%s)", len(long), hashOf(long))) {
			t.Errorf("%q: host %q does not say that it was cut", character, got.Host)
		}
		if r.Path != long || len(r.QueryKeys) != 70 || r.QueryKeys[0] != long {
			t.Errorf("%q: the caller's record was changed", character)
		}
	}
}

func TestAuditRecord_KeepsShortValues(t *testing.T) {
	for _, path := range []string{"/" + strings.Repeat("p", 1023), "/" + strings.Repeat("é", 511), "/a\"b"} {
		if _, got := lineOf(t, access.AuditOptions{}, access.Record{Path: path}); got.Path != path {
			t.Errorf("%d bytes came out as %q", len(path), got.Path)
		}
	}
	keys := strings.Split(strings.Repeat("a,", 63)+"a", ",")
	if _, got := lineOf(t, access.AuditOptions{}, access.Record{QueryKeys: keys}); len(got.QueryKeys) != 64 || got.QueryKeys[63] != "a" {
		t.Errorf("64 names came out as %q", got.QueryKeys)
	}
	if _, got := lineOf(t, access.AuditOptions{}, access.Record{QueryKeys: append(keys, "b")}); len(got.QueryKeys) != 65 ||
		!strings.HasPrefix(got.QueryKeys[63], "…(65 in all") {
		t.Errorf("65 names came out as %q, want 63, what was cut, and the last", got.QueryKeys)
	}
}
