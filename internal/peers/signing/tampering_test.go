//go:build peers

package signing_test

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"countersign/signing"
)

// tampering is a change to a request, and the error that it must cause.
type tampering struct {
	name string
	ask  func(*signing.Request) // before it is signed
	sent func(*http.Request)    // after
	code string                 // empty: the request is accepted
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func authorization(old, with string) func(*http.Request) {
	return func(r *http.Request) {
		r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, with, 1))
	}
}

func query(old, with string) func(*http.Request) {
	return func(r *http.Request) { r.URL.RawQuery = strings.Replace(r.URL.RawQuery, old, with, 1) }
}

func TestGatewayRefusesTampering(t *testing.T) {
	g := startGateway(t)
	const target = bucket + "/two%20words?tagging="
	body := []byte(`<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>`)
	g.mustSend(t, g.request(t, "PUT", bucket+"/two%20words", body), body)
	for _, tt := range append(shared, []tampering{
		{name: "another method", sent: func(r *http.Request) { r.Method = "DELETE" }, code: "SignatureDoesNotMatch"},
		{name: "another body", sent: func(r *http.Request) {
			r.Body = io.NopCloser(strings.NewReader(strings.Replace(string(body), "b<", "c<", 1)))
		}, code: "XAmzContentSHA256Mismatch"},
		{name: "another hash of the body", sent: header("X-Amz-Content-Sha256", signing.PayloadHash([]byte("c"))), code: "SignatureDoesNotMatch"},
		{name: "an unsigned body instead", sent: header("X-Amz-Content-Sha256", signing.UnsignedPayload), code: "SignatureDoesNotMatch"},
		{name: "another date", sent: func(r *http.Request) {
			r.Header.Set("X-Amz-Date", time.Now().Add(time.Minute).UTC().Format("20060102T150405Z"))
		}, code: "SignatureDoesNotMatch"},
		{name: "16 minutes ago", ask: func(r *signing.Request) { r.Time = r.Time.Add(-16 * time.Minute) }, code: "RequestTimeTooSkewed"},
		{name: "in 16 minutes", ask: func(r *signing.Request) { r.Time = r.Time.Add(16 * time.Minute) }, code: "RequestTimeTooSkewed"},
		{name: "14 minutes ago", ask: func(r *signing.Request) { r.Time = r.Time.Add(-14 * time.Minute) }},
		{name: "in 14 minutes", ask: func(r *signing.Request) { r.Time = r.Time.Add(14 * time.Minute) }},
		{name: "another region", ask: func(r *signing.Request) { r.Scope.Region = "eu-west-1" }, code: "AuthorizationHeaderMalformed"},
		{name: "another service", ask: func(r *signing.Request) { r.Scope.Service = "sts" }, code: "AuthorizationHeaderMalformed"},
		{name: "another region in the scope", sent: authorization("/us-east-1/", "/eu-west-1/"), code: "AuthorizationHeaderMalformed"},
		{name: "another service in the scope", sent: authorization("/s3/", "/sts/"), code: "AuthorizationHeaderMalformed"},
		{name: "another day in the scope", sent: func(r *http.Request) {
			day := r.Header.Get("X-Amz-Date")[:8]
			authorization("/"+day+"/", "/20150830/")(r)
		}, code: "AuthorizationHeaderMalformed"},
		{name: "another signature", sent: func(r *http.Request) {
			value := r.Header.Get("Authorization")
			r.Header.Set("Authorization", value[:len(value)-64]+strings.Repeat("0", 64))
		}, code: "SignatureDoesNotMatch"},
		{name: "a signed header not listed", sent: authorization(";x-amz-meta-note", ""), code: "AccessDenied"},
		{name: "another algorithm", sent: authorization("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA512"), code: "InvalidArgument"},
		{name: "no signature", sent: func(r *http.Request) { r.Header.Del("Authorization") }, code: "AccessDenied"},
		{name: "an unknown token", sent: header("X-Amz-Security-Token", "token"), code: "InvalidToken"},
	}...) {
		t.Run(tt.name, func(t *testing.T) {
			tt.check(t, g, g.request(t, "PUT", target, body, note), body)
		})
	}
}

var clock = regexp.MustCompile(`(X-Amz-Date=\d{8}T)\d{6}Z`)

var note = signing.Header{Name: "X-Amz-Meta-Note", Value: "a note"}

// shared are changes that apply to both forms.
var shared = []tampering{
	{name: "nothing"},
	{name: "another path", sent: func(r *http.Request) { r.URL.Path, r.URL.RawPath = "/orders/two+words", "" }, code: "SignatureDoesNotMatch"},
	{name: "another parameter", sent: query("tagging=", "acl="), code: "SignatureDoesNotMatch"},
	{name: "a value of a parameter", sent: query("tagging=", "tagging=1"), code: "SignatureDoesNotMatch"},
	{name: "one more parameter", sent: func(r *http.Request) { r.URL.RawQuery += "&x=1" }, code: "SignatureDoesNotMatch"},
	{name: "another host", sent: func(r *http.Request) { r.Host = "localhost:1" }, code: "SignatureDoesNotMatch"},
	{name: "another value of a header", sent: header("X-Amz-Meta-Note", "another"), code: "SignatureDoesNotMatch"},
	{name: "a header left out", sent: func(r *http.Request) { r.Header.Del("X-Amz-Meta-Note") }, code: "SignatureDoesNotMatch"},
	{name: "one more header of AWS", sent: header("X-Amz-Acl", "public-read"), code: "AccessDenied"},
	{name: "one more header of others", sent: header("X-Other", "1")},
	{name: "a path encoded twice", ask: func(r *signing.Request) { r.SingleEncode = false }, code: "SignatureDoesNotMatch"},
	{name: "another secret", ask: func(r *signing.Request) {
		r.Credentials = signing.NewCredentials(root.AccessKeyID, root.SecretAccessKey()+"x", "")
	}, code: "SignatureDoesNotMatch"},
	{name: "another key", ask: func(r *signing.Request) {
		r.Credentials = signing.NewCredentials("AKIDEXAMPLE2", root.SecretAccessKey(), "")
	}, code: "XAdminUserNotFound"},
}

func (tt tampering) check(t *testing.T, g *gateway, r *signing.Request, body []byte) {
	t.Helper()
	if tt.ask != nil {
		tt.ask(r)
	}
	request, signed := g.sign(t, r, body)
	if tt.sent != nil {
		tt.sent(request)
	}
	a := send(t, request)
	if a.code() != tt.code || (a.status/100 == 2) != (tt.code == "") {
		t.Errorf("%d %s, want %q:\n%s\nfor\n%s", a.status, a.code(), tt.code, a.body, signed.CanonicalRequest)
	}
}

func TestGatewayRefusesTamperingWithPresigned(t *testing.T) {
	g := startGateway(t)
	const target = bucket + "/two%20words?tagging="
	body := []byte(`<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>`)
	g.mustSend(t, g.request(t, "PUT", bucket+"/two%20words", body), body)
	for _, tt := range append(shared, []tampering{
		{name: "another method", sent: func(r *http.Request) { r.Method = "DELETE" }, code: "SignatureDoesNotMatch"},
		{name: "another body, which is not signed", sent: func(r *http.Request) {
			r.Body = io.NopCloser(strings.NewReader(strings.Replace(string(body), "b<", "c<", 1)))
		}},
		{name: "a signed body, which this server treats as unsigned", ask: func(r *signing.Request) {
			r.PayloadHash, r.ContentSHA256Header = signing.PayloadHash(body), true
		}, code: "SignatureDoesNotMatch"},
		{name: "over", ask: func(r *signing.Request) { r.Time = r.Time.Add(-61 * time.Second) }, code: "AccessDenied"},
		{name: "in 16 minutes, which this server allows", ask: func(r *signing.Request) { r.Time = r.Time.Add(16 * time.Minute) }},
		{
			name: "a longer life", ask: func(r *signing.Request) { r.Time = r.Time.Add(-61 * time.Second) },
			sent: query("X-Amz-Expires=60", "X-Amz-Expires=6000"), code: "SignatureDoesNotMatch",
		},
		{name: "more than a week", sent: query("X-Amz-Expires=60", "X-Amz-Expires=604801"), code: "AuthorizationQueryParametersError"},
		{name: "no end", sent: query("X-Amz-Expires=60", "x=60"), code: "AuthorizationQueryParametersError"},
		{name: "another region", ask: func(r *signing.Request) { r.Scope.Region = "eu-west-1" }, code: "AuthorizationQueryParametersError"},
		{name: "another service", ask: func(r *signing.Request) { r.Scope.Service = "sts" }, code: "AuthorizationQueryParametersError"},
		{name: "another date", sent: func(r *http.Request) {
			later := time.Now().Add(time.Minute).UTC().Format("150405Z")
			r.URL.RawQuery = clock.ReplaceAllString(r.URL.RawQuery, "${1}"+later)
		}, code: "SignatureDoesNotMatch"},
		{name: "another region in the scope", sent: query("us-east-1", "eu-west-1"), code: "AuthorizationQueryParametersError"},
		{name: "another service in the scope", sent: query("%2Fs3%2F", "%2Fsts%2F"), code: "AuthorizationQueryParametersError"},
		{name: "a header not listed", sent: query("%3Bx-amz-meta-note", ""), code: "AccessDenied"},
		{name: "another signature", sent: query("X-Amz-Signature=", "X-Amz-Signature=0"), code: "SignatureDoesNotMatch"},
		{name: "an unknown token", sent: func(r *http.Request) { r.URL.RawQuery += "&X-Amz-Security-Token=token" }, code: "InvalidToken"},
	}...) {
		t.Run(tt.name, func(t *testing.T) {
			tt.check(t, g, g.presigned(t, "PUT", target, note), body)
		})
	}
}
