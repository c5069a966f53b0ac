package signing_test

import (
	"testing"

	"countersign/signing"
)

func TestCanonicalHeaders_Rejects(t *testing.T) {
	for _, tt := range []struct {
		name    string
		headers []signing.Header
	}{
		{"no host", []signing.Header{{Name: "X-Amz-Date", Value: "20150830T123600Z"}}},
		{"nothing", nil},
		{"a header without a name", []signing.Header{{Name: "Host", Value: "example.com"}, {Value: "v"}}},
		{"a line feed", []signing.Header{{Name: "Host", Value: "example.com\nx:y"}}},
	} {
		canonical, _, err := signing.CanonicalHeaders(tt.headers)
		if err == nil {
			t.Errorf("%s: CanonicalHeaders = %q, want an error", tt.name, canonical)
			continue
		}
		if input := wantInputError(t, err); input.Part != signing.InputHeaders {
			t.Errorf("%s: %+v, want an error about headers", tt.name, input)
		}
	}
}

func TestDeriveKey_Rejects(t *testing.T) {
	c, s := signing.NewCredentials(exampleID, exampleSecret, ""), signing.Scope{Service: "s3", Region: "us-east-1"}
	for _, tt := range []struct {
		part signing.InputPart
		a    signing.Algorithm
		c    signing.Credentials
		s    signing.Scope
	}{
		{signing.InputAlgorithm, "AWS4-HMAC-SHA1", c, s},
		{signing.InputCredentials, signing.HMAC, signing.Credentials{}, s},
		{signing.InputCredentials, signing.ECDSA, signing.Credentials{AccessKeyID: exampleID}, s},
		{signing.InputService, signing.HMAC, c, signing.Scope{Region: "us-east-1"}},
		{signing.InputRegion, signing.HMAC, c, signing.Scope{Service: "s3"}},
	} {
		key, err := signing.DeriveKey(tt.a, tt.c, exampleTime, tt.s)
		if input := wantInputError(t, err); input.Part != tt.part {
			t.Errorf("DeriveKey: %+v, want an error about %s", input, tt.part)
		}
		if _, err := key.Sign("text"); err == nil || key.Verify("text", "") || key.PublicKey() != nil {
			t.Errorf("the zero key signs, verifies or has a public key: %v", err)
		}
	}
}

func TestKey_VerifiesOnlyItsSignature(t *testing.T) {
	c, s := signing.NewCredentials(exampleID, exampleSecret, ""), signing.Scope{Service: "s3", Region: "us-east-1"}
	for _, a := range []signing.Algorithm{signing.HMAC, signing.ECDSA} {
		key, err := signing.DeriveKey(a, c, exampleTime, s)
		if err != nil {
			t.Fatal(err)
		}
		signature, err := key.Sign("text")
		if err != nil || !key.Verify("text", signature) {
			t.Errorf("%s: signature %s, %v, does not verify", a, signature, err)
		}
		for _, other := range []string{"", "zz", signature[:len(signature)-2], signature + "00"} {
			if key.Verify("text", other) {
				t.Errorf("%s: %q verifies", a, other)
			}
		}
		if key.Verify("another text", signature) {
			t.Errorf("%s: the signature of another text verifies", a)
		}
	}
}

func TestCredentials_ZeroValueIsEmpty(t *testing.T) {
	var c signing.Credentials
	if c.SecretAccessKey() != "" || c.SessionToken() != "" {
		t.Error("zero credentials have a secret")
	}
	_ = wantInputError(t, c.Check())
}

func TestSign_HostOfPlainHTTP(t *testing.T) {
	r := exampleRequest(t)
	r.URL = mustParse(t, "http://127.0.0.1:80/")
	r.Headers = []signing.Header{{Name: "Host", Value: "127.0.0.1:80"}}
	if got := sign(t, r); got.URL.Host() != "127.0.0.1" {
		t.Errorf("host = %q, want it without the port", got.URL.Host())
	}
	r.Headers[0].Value = "127.0.0.1:443"
	_, err := new(signing.Signer).Sign(r)
	_ = wantInputError(t, err)
}
