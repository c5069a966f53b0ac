//go:build peers

package signing_test

import (
	"strings"
	"testing"
	"time"

	"countersign/internal/peers/requests"
	"countersign/signing"
)

// Where aws-crt and we differ on purpose. Each row has a part of our canonical
// request, and what stands in its place in the other's.
func TestDifferencesFromCRT(t *testing.T) {
	c := startCRT(t)
	payload := signing.PayloadHash(nil)
	for _, tt := range []struct {
		name         string
		target       string
		header       string
		s3, presign  bool
		ours, theirs []string // none: the other takes no such request
	}{
		{name: "a dot segment at the end leaves a slash (RFC 3986 section 5.2.4)", target: "/a/b/.", ours: []string{"/a/b/\n"}, theirs: []string{"/a/b\n"}},
		{name: "an encoded dot is a dot, as clients take it", target: "/a/%2e%2e/b", ours: []string{"\n/b\n"}, theirs: []string{"\n/a/%252e%252e/b\n"}},
		{name: "escapes of unreserved characters are decoded, as clients do", target: "/%7Euser", ours: []string{"/~user"}, theirs: []string{"/%257Euser"}},
		{name: "escapes are in capitals, as clients write them", target: "/%c3%bc", ours: []string{"/%25C3%25BC"}, theirs: []string{"/%25c3%25bc"}},
		{name: "what cannot be sent is encoded first, as clients do", target: "/a b", ours: []string{"/a%2520b"}, theirs: []string{"/a%20b"}},
		{name: "an S3 key is encoded strictly, as S3 does before it verifies", target: "/a$b", s3: true, ours: []string{"/a%24b"}, theirs: []string{"/a$b"}},
		{name: "a plus sign in a query is a space, as services read it", target: "/?a=b+c", ours: []string{"a=b%20c"}, theirs: []string{"a=b%2Bc"}},
		{name: "a header that concerns one connection is not signed", target: "/", header: "TE", ours: []string{"\n\nhost;"}, theirs: []string{"\n\nhost;te;"}},
		{name: "the hash of the payload is a parameter when presigning", target: "/", presign: true, ours: []string{"&X-Amz-Content-Sha256=" + payload}, theirs: []string{""}},
		{name: "what stands before :/ is not a scheme", target: "/a:/b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := &requests.Request{Given: "https://example.com" + tt.target, Host: "example.com", Path: tt.target, Normalize: !tt.s3}
			r.Request = signing.Request{
				Method: "GET", PayloadHash: payload, Scope: signing.Scope{Service: "service", Region: "*"}, Algorithm: signing.ECDSA,
				Time: time.Unix(1440938160, 0), Credentials: signing.NewCredentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ""),
				DoubleEncode: !tt.s3, ContentSHA256Header: tt.presign, SignAllHeaders: true, Expires: time.Minute, Explain: true,
			}
			if tt.header != "" {
				r.Headers = []signing.Header{{Name: tt.header, Value: "x"}}
			}
			if err := r.Parse(); err != nil {
				t.Fatal(err)
			}
			sign := new(signing.Signer).Sign
			if tt.presign {
				sign = new(signing.Signer).Presign
			}
			signed, err := sign(&r.Request)
			if err != nil {
				t.Fatal(err)
			}
			question := forCRT(r, tt.presign)
			question.ContentSHA256Header = r.ContentSHA256Header
			answer := c.ask(t, []crtRequest{question})[0]
			if tt.ours == nil {
				if answer.Error == "" {
					t.Errorf("the other signs it: %+v", answer)
				}
				return
			}
			if answer.Error != "" {
				t.Fatal(answer.Error)
			}
			theirs := signed.CanonicalRequest
			for i, part := range tt.ours {
				if !strings.Contains(theirs, part) {
					t.Errorf("ours lacks %q:\n%s", part, theirs)
				}
				theirs = strings.Replace(theirs, part, tt.theirs[i], 1)
			}
			if tt.header != "" {
				theirs = strings.Replace(theirs, "\nx-amz-date:", "\nte:x\nx-amz-date:", 1)
			}
			key, err := signing.DeriveKey(r.Algorithm, r.Credentials, r.Time, r.Scope)
			if err != nil {
				t.Fatal(err)
			}
			toSign := signing.StringToSign(r.Algorithm, r.Time, signed.CredentialScope, theirs)
			if !key.Verify(toSign, signatureOf(answer, tt.presign)) {
				t.Errorf("the other's signature is not over\n%s", theirs)
			}
		})
	}
}
