//go:build peers

package signing_test

import (
	"strings"
	"testing"
	"time"

	"countersign/internal/peers/requests"
	"countersign/signing"
)

// difference is a request that aws-crt and we deliberately sign in different ways.
type difference struct {
	name        string
	target      string
	header      string
	s3, presign bool
	// A part of our canonical request, and the corresponding part of aws-crt's. If both are empty, aws-crt rejects the
	// request.
	ours, theirs string
}

func TestDifferencesFromCRT(t *testing.T) {
	c := startCRT(t)
	for _, d := range []difference{
		{name: "a dot segment at the end leaves a slash (RFC 3986 section 5.2.4)", target: "/a/b/.", ours: "/a/b/\n", theirs: "/a/b\n"},
		{name: "an encoded dot is a dot, as clients treat it", target: "/a/%2e%2e/b", ours: "\n/b\n", theirs: "\n/a/%252e%252e/b\n"},
		{name: "escapes of unreserved characters are decoded, as clients do", target: "/%7Euser", ours: "/~user", theirs: "/%257Euser"},
		{name: "escapes are in capitals, as clients write them", target: "/%c3%bc", ours: "/%25C3%25BC", theirs: "/%25c3%25bc"},
		{name: "what cannot be sent is encoded first, as clients do", target: "/a b", ours: "/a%2520b", theirs: "/a%20b"},
		{name: "an S3 key is encoded strictly, as S3 does before it verifies", target: "/a$b", s3: true, ours: "/a%24b", theirs: "/a$b"},
		{name: "a plus sign in a query is a space, as services read it", target: "/?a=b+c", ours: "a=b%20c", theirs: "a=b%2Bc"},
		{name: "a header that concerns one connection is not signed", target: "/", header: "TE", ours: "\n\nhost;", theirs: "\n\nhost;te;"},
		{
			name: "the hash of the payload is a parameter when presigning", target: "/", presign: true,
			ours: "&X-Amz-Content-Sha256=" + signing.PayloadHash(nil), theirs: "",
		},
		{name: "the text before :/ is not a scheme", target: "/a:/b"},
	} {
		t.Run(d.name, func(t *testing.T) { d.check(t, c) })
	}
}

func (d difference) check(t *testing.T, c *crt) {
	r := d.request(t)
	sign := new(signing.Signer).Sign
	if d.presign {
		sign = new(signing.Signer).Presign
	}
	signed, err := sign(&r.Request)
	if err != nil {
		t.Fatal(err)
	}
	question := forCRT(r, d.presign)
	question.ContentSHA256Header = r.ContentSHA256Header
	response := c.ask(t, []crtRequest{question})[0]
	if (response.Error != "") != (d.ours == "") {
		t.Fatalf("aws-crt returns %+v", response)
	}
	if d.ours == "" {
		return
	}
	if !strings.Contains(signed.CanonicalRequest, d.ours) {
		t.Errorf("ours lacks %q:\n%s", d.ours, signed.CanonicalRequest)
	}
	theirs := strings.Replace(signed.CanonicalRequest, d.ours, d.theirs, 1)
	if d.header != "" {
		theirs = strings.Replace(theirs, "\nx-amz-date:", "\n"+strings.ToLower(d.header)+":x\nx-amz-date:", 1)
	}
	key, err := signing.DeriveKey(r.Algorithm, r.Credentials, r.Time, r.Scope)
	if err != nil {
		t.Fatal(err)
	}
	toSign := signing.StringToSign(r.Algorithm, r.Time, signed.CredentialScope, theirs)
	if !key.Verify(toSign, signatureOf(response, d.presign)) {
		t.Errorf("aws-crt's signature is not over\n%s", theirs)
	}
}

// request returns the request in Version 4a, which allows checking whether a signature is over a particular canonical
// request.
func (d difference) request(t *testing.T) *requests.Request {
	t.Helper()
	r := &requests.Request{Given: "https://example.com" + d.target, Host: "example.com", Path: d.target, Normalize: !d.s3}
	r.Request = signing.Request{
		Method: "GET", PayloadHash: signing.PayloadHash(nil), Scope: signing.Scope{Service: "service", Region: "*"}, Algorithm: signing.ECDSA,
		Time: time.Unix(1440938160, 0), Credentials: root,
		SingleEncode: d.s3, ContentSHA256Header: d.presign, SignAllHeaders: true, Expires: time.Minute, Explain: true,
	}
	if d.header != "" {
		r.Headers = []signing.Header{{Name: d.header, Value: "x"}}
	}
	if err := r.Parse(); err != nil {
		t.Fatal(err)
	}
	return r
}
