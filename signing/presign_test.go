package signing_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/signing"
)

func TestPresign_ReturnsWhatToSend(t *testing.T) {
	r := exampleRequest(t)
	r.URL = mustParse(t, "https://example.amazonaws.com/orders?x-id=PutObject&X-Amz-S3session-Token=t")
	r.Headers = []signing.Header{
		{Name: "x-amz-acl", Value: "private"},
		{Name: "Content-Type", Value: "text/plain"},
		{Name: "Host", Value: "example.amazonaws.com"},
		{Name: "X-Amz-Meta-A", Value: " b  c"},
	}
	r.ContentSHA256Header = true
	got, err := new(signing.Signer).Presign(r)
	if err != nil {
		t.Fatal(err)
	}
	if want := []signing.Header{r.Headers[0], r.Headers[1], {Name: "X-Amz-Meta-A", Value: "b  c"}}; !slices.Equal(got.Headers, want) {
		t.Errorf("headers = %q, want %q", got.Headers, want)
	}
	want := "https://example.amazonaws.com/orders?x-id=PutObject&X-Amz-S3session-Token=t" +
		"&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Content-Sha256=" + r.PayloadHash +
		"&X-Amz-Credential=" + exampleID + "%2F20150830%2Fus-east-1%2Fexecute-api%2Faws4_request&X-Amz-Date=20150830T123600Z&X-Amz-Expires=60" +
		"&X-Amz-Security-Token=IQoJb3JpZ2luX2VjEXAMPLE%2F%2F%2F%2F%2F%2F%2F%2F%2F%2FwEaCXVzLWVhc3QtMSJHMEUCIQ%3D%3D" +
		"&X-Amz-SignedHeaders=host%3Bx-amz-acl%3Bx-amz-meta-a&X-Amz-Signature=" + got.Signature
	if got.URL.String() != want {
		t.Errorf("URL = %q, want %q", got.URL, want)
	}
	if again := mustParse(t, want); again != got.URL {
		t.Errorf("the URL reads as %q, want %q", again, got.URL)
	}
	for _, tt := range []struct{ name, got, want string }{
		{"SignedHeaders", got.SignedHeaders, "host;x-amz-acl;x-amz-meta-a"},
		{"CredentialScope", got.CredentialScope, "20150830/us-east-1/execute-api/aws4_request"},
		{"Date", got.Date, "20150830T123600Z"},
		{"Authorization", got.Authorization, ""},
	} {
		if tt.got != tt.want {
			t.Errorf("%s = %q, want %q", tt.name, tt.got, tt.want)
		}
	}
}

func TestPresign_RegionSet(t *testing.T) {
	r := exampleRequest(t)
	r.Algorithm, r.Scope.Region = signing.ECDSA, "eu-*,us-east-1"
	got, err := new(signing.Signer).Presign(r)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(got.URL.String(), "&X-Amz-Region-Set=eu-%2A%2Cus-east-1&") {
		t.Errorf("URL = %q, want the region set in it", got.URL)
	}
	verdict := signing.Verify(received(r, got), expected(r))
	if !verdict.Valid() || verdict.Info.Scope != r.Scope {
		t.Errorf("mismatches %v, scope %v, want none and %v", verdict.Mismatches, verdict.Info.Scope, r.Scope)
	}
}

// The nonces follow RFC 6979.
func TestSign_Version4aIsDeterministic(t *testing.T) {
	r := exampleRequest(t)
	r.Algorithm, r.Scope.Region = signing.ECDSA, "*"
	if one, two := sign(t, r), sign(t, r); one.Signature != two.Signature {
		t.Errorf("two signatures for the same request: %s and %s", one.Signature, two.Signature)
	}
}

func TestPresign_RejectsParametersItSets(t *testing.T) {
	for _, name := range []string{
		"X-Amz-Algorithm", "X-Amz-Content-Sha256", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires",
		"X-Amz-Region-Set", "X-Amz-Security-Token", "X-Amz-Signature", "X-Amz-SignedHeaders", "x-amz-DATE",
	} {
		r := exampleRequest(t)
		r.URL = mustParse(t, "https://example.amazonaws.com/?a=b&"+name+"=v")
		_, err := new(signing.Signer).Presign(r)
		if err == nil {
			t.Errorf("Presign accepts %s", name)
			continue
		}
		if input := wantInputError(t, err); input.Part != signing.InputQuery || input.Name != name {
			t.Errorf("Presign with %s: %+v, want an error about the query", name, input)
		}
		if got := sign(t, r); !strings.Contains(got.CanonicalRequest, name+"=v") {
			t.Errorf("Sign leaves %s out of\n%s", name, got.CanonicalRequest)
		}
	}
}

func TestPresign_RejectsExpiries(t *testing.T) {
	for _, expires := range []time.Duration{0, -time.Second, time.Second - 1, 1500 * time.Millisecond, signing.MaxExpires + time.Second} {
		r := exampleRequest(t)
		r.Expires = expires
		_, err := new(signing.Signer).Presign(r)
		if input := wantInputError(t, err); input.Part != signing.InputExpires {
			t.Errorf("Presign for %v: %+v, want an error about the lifetime", expires, input)
		}
	}
}

// One Signer is used by all goroutines.
func TestSigner_IsSafeForConcurrentUse(t *testing.T) {
	var signer signing.Signer
	var group sync.WaitGroup
	for _, v := range loadVectors(t) {
		r := v.request(t)
		want, err := new(signing.Signer).Sign(r)
		if err != nil {
			t.Fatal(err)
		}
		for range 4 {
			group.Go(func() {
				for range 5 {
					got, err := signer.Sign(r)
					if err != nil || got.Authorization != want.Authorization || got.CanonicalRequest != want.CanonicalRequest {
						t.Errorf("%s: %v\n%s\nwant\n%s", v.Name, err, got.CanonicalRequest, want.CanonicalRequest)
					}
				}
			})
		}
	}
	group.Wait()
}

// The signature in "Deriving a Signing Key" of the S3 Glacier documentation does not match the
// canonical request next to it, which is one of the vectors.
func TestSign_GlacierDocumentationIsWrong(t *testing.T) {
	for _, v := range loadVectors(t) {
		if v.Name != "glacier-upload-archive-canonical-request" {
			continue
		}
		got := sign(t, v.request(t))
		if got.Signature == "b092397439375d59119072764a1e9a144677c43d9906fd98a5742c57a2855de6" {
			t.Error("the published signature is right after all")
		}
		return
	}
	t.Error("the vector is missing")
}
