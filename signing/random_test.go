package signing_test

import (
	"encoding/base64"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"countersign/signing"
)

var randomRequests = flag.Int("random", 5_000, "how many random requests to sign with both signers")

// Unlike fuzz input, these requests are all valid for both signers. A long run:
//
//	go test -run TestSign_RandomRequestsMatchTheSDK -random 10000000 -timeout 2h
func TestSign_RandomRequestsMatchTheSDK(t *testing.T) {
	ours := new(signing.Signer)
	n := uint64(*randomRequests)
	if testing.Short() {
		n /= 4
	}
	for seed := range n {
		g := generator{rand.New(rand.NewPCG(seed, 0))}
		r, length := g.request(t)
		if err := sameAsSDK(t, ours, r, length); err != nil {
			t.Fatalf("request %d is rejected: %v", seed, err)
		}
		if t.Failed() {
			t.Fatalf("request %d: %s %s", seed, r.Method, r.URL)
		}
	}
}

// generator makes random requests from a seed.
type generator struct{ *rand.Rand }

func (g generator) one(of ...string) string { return of[g.IntN(len(of))] }

// text returns up to n pieces, chosen from those given.
func (g generator) text(n int, of ...string) string {
	var b strings.Builder
	for range g.IntN(n + 1) {
		b.WriteString(g.one(of...))
	}
	return b.String()
}

func (g generator) request(t *testing.T) (r *signing.Request, length int) {
	t.Helper()
	s3 := g.IntN(3) == 0
	u := mustParse(t, g.url(s3))
	var err error
	if s3 {
		if u, err = u.CleanS3Key(); err != nil {
			t.Fatal(err)
		}
	} else {
		u = u.NormalizePath()
	}
	token := ""
	if g.IntN(4) > 0 {
		token = g.base64(g.IntN(900))
	}
	length = g.IntN(3) * g.IntN(1000)
	r = &signing.Request{
		Method:      g.one("GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"),
		URL:         u,
		PayloadHash: signing.PayloadHash([]byte(g.base64(16))),
		Scope: signing.Scope{
			Service: g.one("s3", "execute-api", "es", "bedrock"),
			Region:  g.one("us-east-1", "eu-west-1", "cn-north-1", "us-gov-west-1"),
		},
		Time:                time.Unix(g.Int64N(4_102_444_800), g.Int64N(1e9)), // before 2100
		Credentials:         signing.NewCredentials("AKIDEXAMPLE"+g.text(8, "A", "7", "Z"), g.base64(30), token),
		SingleEncode:        s3,
		ContentSHA256Header: g.IntN(2) == 0,
		Expires:             time.Duration(1+g.IntN(604_800)) * time.Second,
		Explain:             true,
	}
	r.Headers = g.headers()
	if length > 0 {
		r.Headers = append(r.Headers, signing.Header{Name: "Content-Length", Value: fmt.Sprint(length)})
	}
	for _, h := range r.Headers {
		r.SignedHeaders = append(r.SignedHeaders, h.Name)
	}
	return r, length
}

// segmentText are the pieces that path segments and query components are made of.
var segmentText = []string{
	"a", "Z", "9", "-", ".", "_", "~", "%20", "%3a", "%7E", "%C3%A9", "%25", "é", " ", "ሴ",
	"!", "$", "&", "'", "(", ")", "*", "+", ",", ";", "=", ":", "@", "|", "{",
}

func (g generator) url(s3 bool) string {
	var b strings.Builder
	b.WriteString(g.one("https", "http", "HTTPS") + "://")
	b.WriteString(g.one("example.com", "Bucket.s3.amazonaws.com", "127.0.0.1", "[::1]", "a1.execute-api.eu-west-1.amazonaws.com"))
	b.WriteString(g.one("", ":443", ":80", ":8443"))
	for range g.IntN(5) {
		b.WriteByte('/')
		segment := g.text(8, segmentText...)
		if strings.Trim(segment, ".") == "" {
			segment = "" // valid in an S3 key too
		}
		if segment == "" && !s3 {
			segment = g.one(".", "..", "%2e%2E", "a%2Fb", "")
		}
		b.WriteString(segment)
	}
	separator := "?"
	for range g.IntN(6) {
		b.WriteString(separator + g.component())
		if g.IntN(4) > 0 {
			b.WriteString("=" + g.component())
		}
		separator = g.one("&", "&&")
	}
	return b.String()
}

// component returns a name or value of a query.
func (g generator) component() string {
	return strings.NewReplacer(";", "?", "&", "/").Replace(g.text(6, segmentText...))
}

func (g generator) base64(n int) string {
	raw := make([]byte, n+1)
	for i := range raw {
		raw[i] = byte(g.Uint32())
	}
	return base64.StdEncoding.EncodeToString(raw)
}

func (g generator) headers() []signing.Header {
	var headers []signing.Header
	for range g.IntN(6) {
		headers = append(headers, signing.Header{
			Name:  g.one("X-Amz-Meta-", "x-amz-", "Content-", "X-", "") + g.one("a", "B", "c1", "D_d", "e~", "F.f"),
			Value: strings.TrimSpace(g.text(12, "a", "B", "7", " ", "  ", "\t", "\"", ",", ";", "=", "/", "é", "\u00a0", "+")),
		})
	}
	return headers
}
