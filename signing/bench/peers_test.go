package main

import (
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go/aws-http-auth/credentials"
	"github.com/aws/smithy-go/aws-http-auth/sigv4"
	"github.com/aws/smithy-go/aws-http-auth/sigv4a"
	smithy "github.com/aws/smithy-go/aws-http-auth/v4"

	"countersign/signing"
)

// This test compares with smithy-go, also for Version 4a, on requests that both accept. It leaves
// out two peculiarities of smithy-go that AWS's test suite does not share: it sorts parameters
// before encoding them, and it trims header values without folding the white space inside.
func FuzzSameAsSmithy(f *testing.F) {
	f.Add("GET", "https://example.com/a/%7Eb?b=2&a=1", "X-Amz-Meta-A", "b", "body", false)
	f.Add("POST", "https://example.com/model/x:1/invoke", "Content-Type", "text/plain", "", true)
	f.Add("PUT", "http://[::1]:8080/%E1%88%B4?a=1&a=0&c", "x-custom", "é", "{}", true)
	var ours signing.Signer
	v4, v4a := sigv4.New(), sigv4a.New()
	f.Fuzz(func(t *testing.T, method, rawURL, name, value, body string, asymmetric bool) {
		u, _, err := signing.ParseURL(rawURL, nil)
		if err != nil || sortsBeforeEncoding(u) || strings.Contains(value, "  ") || strings.ContainsAny(value, "\t\u0085\u00a0") ||
			strings.TrimSpace(value) != strings.Trim(value, " ") {
			return
		}
		r := &signing.Request{
			Method: method, URL: u.NormalizePath(), Headers: []signing.Header{{Name: name, Value: value}},
			PayloadHash: signing.PayloadHash([]byte(body)), Scope: gateway, Time: signingTime, Credentials: role(0),
			SignedHeaders: []string{name}, Explain: true,
		}
		if asymmetric {
			r.Algorithm, r.Scope.Region = signing.ECDSA, "*"
		}
		signed, err := ours.Sign(r)
		if err != nil || strings.EqualFold(name, "content-length") || strings.EqualFold(name, "host") ||
			strings.EqualFold(name, "x-amz-content-sha256") {
			return
		}
		request, err := http.NewRequest(method, r.URL.String(), nil)
		if err != nil {
			t.Fatalf("net/http does not accept what Sign returns: %v", err)
		}
		request.Header[http.CanonicalHeaderKey(name)] = []string{value}
		keys := credentials.Credentials{
			AccessKeyID: r.Credentials.AccessKeyID, SecretAccessKey: r.Credentials.SecretAccessKey(),
			SessionToken: r.Credentials.SessionToken(),
		}
		hash, err := hex.DecodeString(r.PayloadHash)
		if err != nil {
			t.Fatal(err)
		}
		every := func(o *smithy.SignerOptions) { o.HeaderRules = everyHeader{} }
		if !asymmetric {
			err = v4.SignRequest(
				&sigv4.SignRequestInput{
					Request: request, PayloadHash: hash, Credentials: keys, Service: r.Scope.Service, Region: r.Scope.Region, Time: r.Time,
				},
				every,
			)
			if got := request.Header.Get("Authorization"); err != nil || got != signed.Authorization {
				t.Errorf("Sign:\n%s\nsmithy-go: %v\n%s\nfor\n%s", signed.Authorization, err, got, signed.CanonicalRequest)
			}
			return
		}
		err = v4a.SignRequest(
			&sigv4a.SignRequestInput{
				Request: request, PayloadHash: hash, Credentials: keys, Service: r.Scope.Service, RegionSet: []string{"*"}, Time: r.Time,
			},
			every,
		)
		prefix, signature, _ := strings.Cut(request.Header.Get("Authorization"), "Signature=")
		key, keyErr := signing.DeriveKey(signing.ECDSA, r.Credentials, r.Time, r.Scope)
		if err != nil || keyErr != nil || !strings.HasPrefix(signed.Authorization, prefix) || !key.Verify(signed.StringToSign, signature) {
			t.Errorf(
				"smithy-go's signature %s (%v, %v) does not verify over\n%s\n\n%s", signature, err, keyErr, signed.StringToSign,
				signed.CanonicalRequest,
			)
		}
	})
}

// sortsBeforeEncoding reports whether a query might sort differently before it is encoded.
func sortsBeforeEncoding(u signing.URL) bool {
	return strings.Contains(u.RawQuery(), "%")
}

// Signatures with a random nonce verify just as ours do.
func TestVerify_AcceptsSmithysSignatures(t *testing.T) {
	for _, r := range []*request{post(), version4a()} {
		peer := smithyGo()
		if err := peer.sign(r); err != nil {
			t.Fatal(err)
		}
		u, _, err := signing.ParseURL(r.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		received := &signing.Received{Method: r.method, URL: u, PayloadHash: signing.PayloadHash(r.body), Headers: append([]signing.Header{
			{Name: "Authorization", Value: peer.last()},
			{Name: "X-Amz-Date", Value: "20150830T123600Z"},
			{Name: "X-Amz-Security-Token", Value: r.credentials.SessionToken()},
		}, r.headers...)}
		if r.algorithm == signing.ECDSA {
			received.Headers = append(received.Headers, signing.Header{Name: "X-Amz-Region-Set", Value: r.scope.Region})
		}
		verdict := signing.Verify(received, &signing.Expected{Credentials: r.credentials, Scope: r.scope, Time: signingTime.Add(time.Minute)})
		if !verdict.Valid() {
			t.Errorf("%s: %v", r.name, verdict.Mismatches)
		}
	}
}
