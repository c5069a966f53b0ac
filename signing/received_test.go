package signing_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/signing"
)

func TestRemoveDotSegments(t *testing.T) {
	for path, want := range map[string][]string{
		"/":                  {"/"},
		"/a/b/":              {"/a/b/"},
		"//example//":        {"/example/"},
		"/a/./b/../c":        {"/a/c"},
		"/.well-known/x":     {"/.well-known/x"},
		"/a/.":               {"/a/", "/a"},
		"/a/b/..":            {"/a/", "/a"},
		"/..":                {"/"},
		"/./":                {"/"},
		"/a/...":             {"/a/..."},
		"/%41/%2e%2e/%2f/./": {"/%41/%2e%2e/%2f/"},
	} {
		var got []string
		for _, u := range mustParse(t, "https://example.com"+path+"?b=/../c").RemoveDotSegments() {
			got = append(got, u.Path())
			if u.RawQuery() != "b=%2F..%2Fc" || u.Host() != "example.com" {
				t.Errorf("%s: %s", path, u)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s is read as %q, want %q", path, got, want)
		}
	}
}

func TestPlusIsSpace(t *testing.T) {
	if got := mustParse(t, "https://example.com/a+b%2Bc?d=%2B").PlusIsSpace(); got.String() != "https://example.com/a%20b%2Bc?d=%2B" {
		t.Errorf("got %s", got)
	}
}

func TestParseReceivedURL(t *testing.T) {
	u, err := signing.ParseReceivedURL("https://example.com/a;b?X-Amz-SignedHeaders=host;x-amz-date&c=d")
	if err != nil || u.String() != "https://example.com/a;b?X-Amz-SignedHeaders=host%3Bx-amz-date&c=d" {
		t.Errorf("got %s, %v", u, err)
	}
	if _, err := signing.ParseReceivedURL("ftp://example.com/?a;b"); err == nil {
		t.Error("another scheme is accepted")
	}
}

func TestSign_SendsContentLengthOnlyIfItIsSigned(t *testing.T) {
	for _, signed := range []bool{true, false} {
		r := exampleRequest(t)
		r.Headers = append(r.Headers, signing.Header{Name: "Content-Length", Value: "2"})
		if signed {
			r.SignedHeaders = []string{"content-length"}
		}
		whole, err := signing.Canonicalize(r)
		if err != nil {
			t.Fatal(err)
		}
		for form, got := range map[string]signing.Signed{"Sign": sign(t, r), "Canonicalize": whole} {
			if sent := slices.Contains(got.Headers, signing.Header{Name: "Content-Length", Value: "2"}); sent != signed {
				t.Errorf("%s, signed = %t: headers %q", form, signed, got.Headers)
			}
		}
	}
}

func TestPresign_SendsUnsignedPayloadInAHeader(t *testing.T) {
	r := exampleRequest(t)
	r.PayloadHash, r.ContentSHA256Header = signing.UnsignedPayload, true
	got, err := new(signing.Signer).Presign(r)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(got.Headers, signing.Header{
		Name: "X-Amz-Content-Sha256", Value: "UNSIGNED-PAYLOAD",
	}) || strings.Contains(got.URL.String(), "Sha256=") {
		t.Errorf("got %s with %q", got.URL, got.Headers)
	}
	if v := signing.Verify(received(r, got), expected(r)); !v.Valid() {
		t.Errorf("faults = %v", v.Mismatches)
	}
	for name, change := range map[string]func(*signing.Received, *signing.Expected){
		"without the header": withoutHeader("X-Amz-Content-Sha256"),
		"with another value": replaceHeader("X-Amz-Content-Sha256", func(string) string { return r.PayloadHash + "-" }),
		"with an additional parameter": func(r *signing.Received, _ *signing.Expected) {
			r.URL = mustParse(t, r.URL.String()+"&X-Amz-Content-Sha256=x")
		},
	} {
		whole := received(r, got)
		change(whole, nil)
		if v := signing.Verify(whole, expected(r)); v.Valid() {
			t.Errorf("valid %s", name)
		}
	}
}

func TestVerify_PresignedURLMayLeaveTheTokenUnsigned(t *testing.T) {
	for mode, want := range map[signing.TokenMode]map[signing.TokenMode]bool{
		signing.TokenSigned:   {"": true, signing.TokenSigned: true, signing.TokenAppended: false},
		signing.TokenAppended: {"": true, signing.TokenSigned: false, signing.TokenAppended: true},
	} {
		for expects, valid := range want {
			r := exampleRequest(t)
			r.Token = mode
			signed, err := new(signing.Signer).Presign(r)
			if err != nil {
				t.Fatal(err)
			}
			e := expected(r)
			e.Token = expects
			v := signing.Verify(received(r, signed), e)
			if v.Valid() != valid {
				t.Errorf("%s, %q expected: %v", mode, expects, v.Mismatches)
			}
			if valid && strings.Contains(v.CanonicalRequest, "X-Amz-Security-Token") != (mode == signing.TokenSigned) {
				t.Errorf("%s, %q expected: the canonical request is\n%s", mode, expects, v.CanonicalRequest)
			}
		}
	}
}

func TestVerify_AnotherSessionIsUnknown(t *testing.T) {
	for _, tt := range []struct {
		id, token string
		others    bool
		unknown   bool
	}{
		{"ASIAEXAMPLE", "another", true, true},
		{"ASIAEXAMPLE", "another", false, false},
		{"ASIAEXAMPLE", "", true, false}, // AWS accepts none without its token
		{"AKIAEXAMPLE", "another", true, false},
		{"EXAMPLE", "another", true, true}, // from an issuer other than AWS
		{"EXAMPLE", "", true, false},
	} {
		r := exampleRequest(t)
		e := expected(r)
		e.OtherSessions = tt.others
		r.Credentials = signing.NewCredentials(tt.id, exampleSecret, tt.token)
		v := signing.Verify(received(r, sign(t, r)), e)
		if v.Valid() || v.Unknown() != tt.unknown {
			t.Errorf("%+v: unknown = %t, mismatches %v", tt, v.Unknown(), v.Mismatches)
		}
		e.Time = e.Time.Add(time.Hour)
		if v := signing.Verify(received(r, sign(t, r)), e); v.Unknown() {
			t.Errorf("%+v: unknown although it is too old", tt)
		}
	}
}

func TestVerify_TokenOfS3Express(t *testing.T) {
	for name, tt := range map[string]struct {
		credentials signing.Credentials
		valid       bool
	}{
		"its own":         {signing.NewCredentials(exampleID, exampleSecret, "express"), true},
		"another":         {signing.NewCredentials(exampleID, exampleSecret, "another"), false},
		"none to compare": {signing.NewCredentials(exampleID, exampleSecret, ""), true},
	} {
		r := exampleRequest(t)
		r.Token = signing.TokenOmitted
		r.Headers = append(r.Headers, signing.Header{Name: "x-amz-s3session-token", Value: "express"})
		whole := received(r, sign(t, r))
		v := signing.Verify(whole, &signing.Expected{Credentials: tt.credentials, SingleEncode: r.SingleEncode, Time: r.Time})
		if v.Valid() != tt.valid {
			t.Errorf("%s: %v", name, v.Mismatches)
		}
	}
}

func TestRedactTokens(t *testing.T) {
	const canonical = "GET\n/x-amz-security-token:path\n%s\nhost:example.com\n%s\n\nhost;x-amz-security-token\nhash"
	text := strings.Replace(
		strings.Replace(canonical, "%s", "A=1&X-Amz-Security-Token=secret1&X-Amz-S3session-Token=secret2&x-amz-security-token=secret3", 1),
		"%s", "x-amz-s3session-token:secret4\nx-amz-security-token:secret5:more", 1,
	)
	got := signing.RedactTokens(text)
	want := strings.Replace(
		strings.Replace(
			canonical, "%s", "A=1&X-Amz-Security-Token=[redacted]&X-Amz-S3session-Token=[redacted]&x-amz-security-token=[redacted]", 1,
		),
		"%s", "x-amz-s3session-token:[redacted]\nx-amz-security-token:[redacted]", 1,
	)
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := signing.RedactTokens(""); got != "" {
		t.Errorf("got %q for an empty text", got)
	}
}

// A signature has only one spelling, with either algorithm.
func TestVerify_RejectsAnUpperCaseSignature(t *testing.T) {
	for _, algorithm := range []signing.Algorithm{signing.HMAC, signing.ECDSA} {
		r := exampleRequest(t)
		r.Algorithm = algorithm
		signed := sign(t, r)
		whole := received(r, signed)
		inHeader("Authorization", signed.Signature, strings.ToUpper(signed.Signature))(whole, nil)
		checkMismatches(t, signing.Verify(whole, expected(r)), []signing.Part{signing.PartSignature})
	}
}
