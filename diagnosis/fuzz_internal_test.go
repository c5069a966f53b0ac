package diagnosis

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"countersign/reading"
	"countersign/signing"
)

func FuzzClaim(f *testing.F) {
	f.Add("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261128/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=00", "a=b")
	f.Add("AWS AKIAIOSFODNN7EXAMPLE:frJIUN8DYpKDtOLCwo//yllqDzg=", "X-Amz-Signature=00&X-Amz-Credential=a%2Fb")
	f.Add("Bearer eyJ", "AWSAccessKeyId=a&Signature=b")
	f.Fuzz(func(t *testing.T, authorization, query string) {
		m := &message{headers: []signing.Header{{Name: "Authorization", Value: authorization}}}
		m.takeURL("https://h.example/p?" + query)
		c := readClaim(m, &reading.Refusal{})
		if len(c.scope) == 4 && c.scopePart(2) != c.service() || len(c.components) > 5 {
			t.Errorf("%+v", c)
		}
		if c.wellFormed() && c.algorithm != string(signing.ECDSA) && len(c.signature) != 64 {
			t.Errorf("the signature %q is called well-formed", c.signature)
		}
	})
}

// A canonical request that was read whole is written back unchanged.
func FuzzCanonical(f *testing.F) {
	f.Add("GET\n/\n\nhost:h\n\nhost\ne3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
	f.Add("PUT\n/a\nb=c\nhost:h\nx:\n\nhost;x\nUNSIGNED-PAYLOAD")
	f.Add("GET\n/\n\nhost:h\nhost\nabc")
	f.Fuzz(func(t *testing.T, text string) {
		c := parseCanonical(text)
		lines := strings.Split(text, "\n")
		if c.whole && len(c.headers) > 0 && !strings.Contains(text, "\r") && len(lines) == 6+len(c.headers) && c.text() != text {
			t.Errorf("%q was written back as %q", text, c.text())
		}
		if found := differences(&c, &c, canonicalStyle{}); len(found) != 0 {
			t.Errorf("the canonical request differs from itself: %+v", found)
		}
	})
}

// No variant equals the body, none comes twice, and JSON stays JSON.
func FuzzVariants(f *testing.F) {
	f.Add([]byte(`{"a": 1.50, "b": ["x/y", "ü<>&"], "c": 1e2}`), "application/json")
	f.Add([]byte("Action=A&Message=a%20b~+c"), "application/x-www-form-urlencoded")
	f.Add([]byte("a\r\nb\n"), "text/plain")
	f.Add([]byte{0x1F, 0x8B, 8, 0, 0xFF}, "")
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		if len(body) > 4<<10 {
			return
		}
		seen := map[string]bool{string(body): true}
		for v := range (&budget{ctx: context.Background()}).variants(body, contentType) {
			if seen[string(v.body)] {
				t.Fatalf("%s occurs twice or changes nothing: %q", v.forward, v.body)
			}
			seen[string(v.body)] = true
			if v.change == rewritten && !json.Valid(v.body) {
				t.Fatalf("%q is not JSON", v.body)
			}
			if d := signedDetail(v.change); !infoOf("changed-body").hasDetail(v.forward) || !infoOf("signed-payload").hasDetail(d) {
				t.Fatalf("%q or %q is not a detail", v.forward, d)
			}
		}
	})
}

// The search finds every single change, and stops when its budget is spent.
func TestExplain_FindsEveryVariant(t *testing.T) {
	body := []byte(`{"order": 7, "note": "Grüße / <b>", "amount": 12.50}` + "\n")
	b := budget{ctx: context.Background()}
	for v := range b.variants(body, "application/json") {
		b := budget{ctx: context.Background()}
		found, ok := b.explain(body, "application/json", hashOf(v.body))
		if !ok || found.first.forward != v.forward || found.second != nil {
			t.Errorf("%s: %+v %v", v.forward, found, ok)
		}
	}
	b = budget{ctx: context.Background(), bytes: maxBytes}
	if _, ok := b.explain(body, "", strings.Repeat("0", 64)); ok || b.candidates > 2 {
		t.Errorf("%d candidates with an empty budget", b.candidates)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	b = budget{ctx: ctx}
	if _, ok := b.explain(body, "", strings.Repeat("0", 64)); ok || b.candidates > 64 {
		t.Errorf("%d candidates after the context ended", b.candidates)
	}
}
