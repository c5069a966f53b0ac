package signing_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/signing"
)

// received returns a signed request as a service receives it.
func received(r *signing.Request, signed signing.Signed) *signing.Received {
	return &signing.Received{Method: r.Method, URL: signed.URL, Headers: slices.Clone(signed.Headers), PayloadHash: r.PayloadHash}
}

// expected returns what a request must match to be valid.
func expected(r *signing.Request) *signing.Expected {
	return &signing.Expected{
		Credentials: r.Credentials, Scope: r.Scope, SingleEncode: r.SingleEncode, S3Style: r.Scope.Service == "s3", Token: r.Token,
		Time: r.Time,
	}
}

func TestVerify_AcceptsEveryVector(t *testing.T) {
	signer := new(signing.Signer)
	for _, v := range loadVectors(t) {
		t.Run(v.Name+string(v.Algorithm), func(t *testing.T) {
			r := v.request(t)
			signed, err := signer.Sign(r)
			if err != nil {
				t.Fatal(err)
			}
			verdict := signing.Verify(received(r, signed), expected(r))
			if !verdict.Valid() || verdict.CanonicalRequest != signed.CanonicalRequest || verdict.StringToSign != signed.StringToSign {
				t.Errorf("signed by headers: %v over\n%s\nwant\n%s", verdict.Mismatches, verdict.CanonicalRequest, signed.CanonicalRequest)
			}
			if r.Expires == 0 {
				return
			}
			if r.SingleEncode {
				r.PayloadHash = signing.UnsignedPayload
			}
			presigned, err := signer.Presign(r)
			if err != nil {
				t.Fatal(err)
			}
			verdict = signing.Verify(received(r, presigned), expected(r))
			if !verdict.Valid() || verdict.CanonicalRequest != presigned.CanonicalRequest {
				t.Errorf("presigned: %v over\n%s\nwant\n%s", verdict.Mismatches, verdict.CanonicalRequest, presigned.CanonicalRequest)
			}
		})
	}
}

// replaceHeader changes the value of one header, or removes it.
func replaceHeader(name string, change func(string) string) func(*signing.Received, *signing.Expected) {
	return func(r *signing.Received, _ *signing.Expected) {
		for i := range r.Headers {
			if strings.EqualFold(r.Headers[i].Name, name) {
				r.Headers[i].Value = change(r.Headers[i].Value)
			}
		}
	}
}

func inHeader(name, old, new string) func(*signing.Received, *signing.Expected) {
	return replaceHeader(name, func(value string) string { return strings.Replace(value, old, new, 1) })
}

func withoutHeader(name string) func(*signing.Received, *signing.Expected) {
	return func(r *signing.Received, _ *signing.Expected) {
		r.Headers = slices.DeleteFunc(r.Headers, func(h signing.Header) bool { return strings.EqualFold(h.Name, name) })
	}
}

func withHeader(name, value string) func(*signing.Received, *signing.Expected) {
	return func(r *signing.Received, _ *signing.Expected) {
		r.Headers = append(r.Headers, signing.Header{Name: name, Value: value})
	}
}

func TestVerify_NamesTheWrongPart(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*signing.Received, *signing.Expected)
		want   []signing.Part
	}{
		{"nothing", func(*signing.Received, *signing.Expected) {}, nil},
		{"no authorization", withoutHeader("Authorization"), []signing.Part{signing.PartAuthorization}},
		{"two authorizations", withHeader("Authorization", "Bearer x"), []signing.Part{signing.PartAuthorization}},
		{"another scheme", replaceHeader("Authorization", func(string) string { return "Bearer x" }), []signing.Part{signing.PartAuthorization}},
		{"another algorithm", inHeader("Authorization", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA512"), []signing.Part{signing.PartAuthorization}},
		{"no signature", inHeader("Authorization", ", Signature=", ", "), []signing.Part{signing.PartAuthorization}},
		{"another access key", inHeader("Authorization", exampleID, "AKIDEXAMPLE"), []signing.Part{signing.PartAccessKey}},
		{"another service", func(_ *signing.Received, e *signing.Expected) { e.Scope.Service = "s3" }, []signing.Part{signing.PartScope}},
		{"another region", func(_ *signing.Received, e *signing.Expected) { e.Scope.Region = "eu-west-1" }, []signing.Part{signing.PartScope}},
		{"any scope", func(_ *signing.Received, e *signing.Expected) { e.Scope = signing.Scope{} }, nil},
		{
			"a scope that was changed", inHeader("Authorization", "us-east-1", "eu-west-1"),
			[]signing.Part{signing.PartScope, signing.PartSignature},
		},
		{"another day in the scope", inHeader("Authorization", "20150830", "20150831"), []signing.Part{signing.PartScope}},
		{"another ending of the scope", inHeader("Authorization", "aws4_request", "aws5_request"), []signing.Part{signing.PartScope}},
		{"a scope without a region", inHeader("Authorization", "/us-east-1", ""), []signing.Part{signing.PartScope}},
		{"no date", withoutHeader("X-Amz-Date"), []signing.Part{signing.PartDate}},
		{
			"a date in words", replaceHeader("X-Amz-Date", func(string) string { return "Sun, 30 Aug 2015 12:36:00 GMT" }),
			[]signing.Part{signing.PartDate},
		},
		{"a date that was changed", inHeader("X-Amz-Date", "3600Z", "3601Z"), []signing.Part{signing.PartSignature}},
		{
			"a date too old", func(_ *signing.Received, e *signing.Expected) { e.Time = e.Time.Add(5*time.Minute + time.Second) },
			[]signing.Part{signing.PartDate},
		},
		{"a date just recent enough", func(_ *signing.Received, e *signing.Expected) { e.Time = e.Time.Add(5 * time.Minute) }, nil},
		{
			"a date too late", func(_ *signing.Received, e *signing.Expected) { e.Time = e.Time.Add(-5*time.Minute - time.Second) },
			[]signing.Part{signing.PartDate},
		},
		{"a date within the tolerance", func(_ *signing.Received, e *signing.Expected) {
			e.Time, e.Tolerance = e.Time.Add(15*time.Minute), 15*time.Minute
		}, nil},
		{"no clock", func(_ *signing.Received, e *signing.Expected) { e.Time = time.Time{} }, nil},
		{"a missing signed header", withoutHeader("Content-Type"), []signing.Part{signing.PartSignedHeaders}},
		{"an x-amz-* header that is not signed", withHeader("x-amz-acl", "public-read"), []signing.Part{signing.PartSignedHeaders}},
		{"another value of a signed header", withHeader("content-type", "x"), []signing.Part{signing.PartSignature}},
		{"a header that is not signed", withHeader("Accept", "*/*"), nil},
		{"host not signed", inHeader("Authorization", ";host", ""), []signing.Part{signing.PartSignedHeaders, signing.PartSignature}},
		{"names out of order", inHeader("Authorization", "content-type;host", "host;content-type"), []signing.Part{signing.PartSignedHeaders}},
		{"a name twice", inHeader("Authorization", "host", "host;host"), []signing.Part{signing.PartSignedHeaders}},
		{"a name in capitals", inHeader("Authorization", "host", "Host"), []signing.Part{signing.PartSignedHeaders}},
		{"no token", withoutHeader("X-Amz-Security-Token"), []signing.Part{signing.PartToken, signing.PartSignedHeaders}},
		{
			"another token", replaceHeader("X-Amz-Security-Token", func(string) string { return "x" }),
			[]signing.Part{signing.PartToken, signing.PartSignature},
		},
		{"a token of credentials that have none", func(_ *signing.Received, e *signing.Expected) {
			e.Credentials = signing.NewCredentials(exampleID, exampleSecret, "")
		}, []signing.Part{signing.PartToken}},
		{
			"another payload", func(r *signing.Received, _ *signing.Expected) { r.PayloadHash = signing.PayloadHash([]byte("[]")) },
			[]signing.Part{signing.PartPayloadHash},
		},
		{"a payload that is not known", func(r *signing.Received, _ *signing.Expected) { r.PayloadHash = "" }, nil},
		{
			"a payload hash that was changed", replaceHeader("X-Amz-Content-Sha256", func(string) string { return "UNSIGNED-PAYLOAD" }),
			[]signing.Part{signing.PartSignature},
		},
		{
			"a malformed payload hash", replaceHeader("X-Amz-Content-Sha256", func(string) string { return "x" }),
			[]signing.Part{signing.PartPayloadHash, signing.PartSignature},
		},
		{"another method", func(r *signing.Received, _ *signing.Expected) { r.Method = "PUT" }, []signing.Part{signing.PartSignature}},
		{
			"a method with a line break", func(r *signing.Received, _ *signing.Expected) { r.Method = "POST\n/" },
			[]signing.Part{signing.PartRequest},
		},
		{"a header with a line break", withHeader("A", "b\nx-amz-a:c"), []signing.Part{signing.PartRequest}},
		{"a host other than the URL's", withHeader("Host", "evil.com"), []signing.Part{signing.PartRequest}},
		{"the URL's host again", withHeader("Host", "example.amazonaws.com"), nil},
		{"the host with its port, signed without", withHeader("Host", "example.amazonaws.com:443"), []signing.Part{signing.PartSignature}},
		{"two hosts", func(r *signing.Received, e *signing.Expected) {
			withHeader("Host", "example.amazonaws.com")(r, e)
			withHeader("Host", "example.amazonaws.com")(r, e)
		}, []signing.Part{signing.PartRequest}},
		{
			"another signature", replaceHeader("Authorization", func(v string) string { return v[:len(v)-1] + "x" }),
			[]signing.Part{signing.PartSignature},
		},
		{
			"the path encoded once", func(r *signing.Received, e *signing.Expected) { e.SingleEncode = true },
			[]signing.Part{signing.PartSignature},
		},
		{"another secret", func(_ *signing.Received, e *signing.Expected) {
			e.Credentials = signing.NewCredentials(exampleID, "another", exampleToken)
		}, []signing.Part{signing.PartSignature}},
		{
			"no credentials", func(_ *signing.Received, e *signing.Expected) { e.Credentials = signing.Credentials{} },
			[]signing.Part{signing.PartAccessKey, signing.PartToken},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := exampleRequest(t)
			r.URL = mustParse(t, "https://example.amazonaws.com/a%20b")
			r.ContentSHA256Header, r.SignedHeaders = true, []string{"content-type"}
			got, want := received(r, sign(t, r)), expected(r)
			tt.change(got, want)
			checkMismatches(t, signing.Verify(got, want), tt.want)
		})
	}
}

func checkMismatches(t *testing.T, verdict signing.Verdict, want []signing.Part) {
	t.Helper()
	var parts []signing.Part
	for _, f := range verdict.Mismatches {
		parts = append(parts, f.Part)
		for _, secret := range []string{exampleSecret, exampleToken} {
			if strings.Contains(f.Error(), secret) {
				t.Errorf("mismatch %q contains a secret", f.Error())
			}
		}
	}
	if !slices.Equal(parts, want) {
		t.Errorf("mismatches = %v, want parts %v", verdict.Mismatches, want)
	}
	if verdict.Valid() != (len(want) == 0) {
		t.Errorf("Valid() = %t, want %t", verdict.Valid(), len(want) == 0)
	}
}

func TestVerify_NamesTheWrongPartOfAPresignedURL(t *testing.T) {
	inURL := func(old, new string) func(*signing.Received, *signing.Expected) {
		return func(r *signing.Received, _ *signing.Expected) {
			changed := strings.Replace(r.URL.String(), old, new, 1)
			if changed == r.URL.String() {
				t.Fatalf("%q does not contain %q", changed, old)
			}
			r.URL = mustParse(t, changed)
		}
	}
	for _, tt := range []struct {
		name   string
		change func(*signing.Received, *signing.Expected)
		want   []signing.Part
	}{
		{"nothing", func(*signing.Received, *signing.Expected) {}, nil},
		{"parameters in another order", inURL("/orders?b=2&a=1&", "/orders?a=1&b=2&"), nil},
		{"no signature", inURL("&X-Amz-Signature=", "&Y="), []signing.Part{signing.PartAuthorization}},
		{"two signatures", inURL("&X-Amz-Signature=", "&X-Amz-Signature=x&X-Amz-Signature="), []signing.Part{signing.PartAuthorization}},
		{"an authorization header as well", withHeader("Authorization", "x"), []signing.Part{signing.PartAuthorization}},
		{"a removed expiry", inURL("&X-Amz-Expires=60", ""), []signing.Part{signing.PartSignature}},
		{"no expiry with S3", func(r *signing.Received, e *signing.Expected) {
			e.S3Style = true
			inURL("&X-Amz-Expires=60", "")(r, e)
		}, []signing.Part{signing.PartDate, signing.PartSignature}},
		{"an expiry that was changed", inURL("X-Amz-Expires=60", "X-Amz-Expires=61"), []signing.Part{signing.PartSignature}},
		{"an expiry too far away for S3", func(r *signing.Received, e *signing.Expected) {
			e.S3Style = true
			inURL("X-Amz-Expires=60", "X-Amz-Expires=604801")(r, e)
		}, []signing.Part{signing.PartDate, signing.PartSignature}},
		{"an expiry that is not a number", inURL("X-Amz-Expires=60", "X-Amz-Expires=60s"), []signing.Part{signing.PartDate}},
		{"an expiry of zero", inURL("X-Amz-Expires=60", "X-Amz-Expires=0"), []signing.Part{signing.PartDate}},
		{"expired", func(_ *signing.Received, e *signing.Expected) { e.Time = e.Time.Add(time.Minute) }, []signing.Part{signing.PartDate}},
		{"about to expire", func(_ *signing.Received, e *signing.Expected) { e.Time = e.Time.Add(59 * time.Second) }, nil},
		{
			"not yet begun", func(_ *signing.Received, e *signing.Expected) { e.Time = e.Time.Add(-6 * time.Minute) },
			[]signing.Part{signing.PartDate},
		},
		{"an additional parameter", inURL("/orders?", "/orders?c=3&"), []signing.Part{signing.PartSignature}},
		{"another path", inURL("/orders?", "/order?"), []signing.Part{signing.PartSignature}},
		{"another token", inURL("IQoJb3", "IQoJb4"), []signing.Part{signing.PartToken, signing.PartSignature}},
		{
			"the token left out of the signature", func(_ *signing.Received, e *signing.Expected) { e.Token = signing.TokenAppended },
			[]signing.Part{signing.PartSignature},
		},
		{"an unsigned x-amz-* header", withHeader("X-Amz-Acl", "private"), []signing.Part{signing.PartSignedHeaders}},
		{
			"an additional payload hash",
			inURL("&X-Amz-Signature=", "&X-Amz-Content-Sha256="+strings.Repeat("0", 64)+"&X-Amz-Signature="),
			[]signing.Part{signing.PartPayloadHash, signing.PartSignature},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := exampleRequest(t)
			signed, err := new(signing.Signer).Presign(r)
			if err != nil {
				t.Fatal(err)
			}
			got, want := received(r, signed), expected(r)
			tt.change(got, want)
			checkMismatches(t, signing.Verify(got, want), tt.want)
		})
	}
}

func TestVerify_RegionSetCoversItsRegions(t *testing.T) {
	for _, tt := range []struct {
		set, region string
		want        bool
	}{
		{"*", "eu-west-1", true},
		{"eu-*", "eu-west-1", true},
		{"us-east-1,eu-west-1", "eu-west-1", true},
		{"us-east-1,eu-west-1", "us-east-1,eu-west-1", true},
		{"eu-west-1", "*", false},
		{"us-*", "eu-west-1", false},
		{"eu-west-1", "eu-west-10", false},
		{"eu-west-10", "eu-west-1", false},
	} {
		r := exampleRequest(t)
		r.Algorithm, r.Scope.Region = signing.ECDSA, tt.set
		want := expected(r)
		want.Scope.Region = tt.region
		if verdict := signing.Verify(received(r, sign(t, r)), want); verdict.Valid() != tt.want {
			t.Errorf("%q covers %q: %t (%v), want %t", tt.set, tt.region, verdict.Valid(), verdict.Mismatches, tt.want)
		}
	}
}

func TestVerify_AcceptsAnAuthorizationWithoutSpaces(t *testing.T) {
	r := exampleRequest(t)
	got := received(r, sign(t, r))
	inHeader("Authorization", ", ", ",")(got, nil)
	inHeader("Authorization", ", ", ",")(got, nil)
	if verdict := signing.Verify(got, expected(r)); !verdict.Valid() {
		t.Errorf("mismatches = %v, want none", verdict.Mismatches)
	}
}

// Verification fails if any byte of a signed request is changed, unless the change does not affect
// the canonical request.
func FuzzVerify_RejectsChangedRequests(f *testing.F) {
	for _, v := range loadVectors(f) {
		f.Add(v.Method, v.URL, "X-Amz-Meta-A: b", v.Body, byte(fuzzToken|fuzzContentSHA256), uint(7), byte('x'))
	}
	f.Fuzz(func(t *testing.T, method, rawURL, lines, body string, flags byte, at uint, with byte) {
		r, ok := fuzzRequest(method, rawURL, lines, body, flags&^fuzzUnsigned)
		if !ok {
			return
		}
		for form, do := range map[string]func(*signing.Request) (signing.Signed, error){
			"Sign": new(signing.Signer).Sign, "Presign": new(signing.Signer).Presign,
		} {
			signed, err := do(r)
			if err != nil {
				continue
			}
			checkReturned(t, signed)
			whole := received(r, signed)
			if form == "Presign" && r.Scope.Service == "s3" {
				continue // Presign signed another payload hash than S3 assumes
			}
			verdict := signing.Verify(whole, expected(r))
			if !verdict.Valid() {
				t.Fatalf("%s: %v for\n%s\nwant\n%s", form, verdict.Mismatches, verdict.CanonicalRequest, signed.CanonicalRequest)
			}
			changed := *whole
			if !changeByte(&changed, at, with) {
				continue
			}
			after := signing.Verify(&changed, expected(r))
			if after.Valid() && (after.CanonicalRequest != verdict.CanonicalRequest || after.Info.Signature != verdict.Info.Signature) {
				t.Errorf("%s: accepted after a change of byte %d to %q:\n%s", form, at, with, after.CanonicalRequest)
			}
		}
	})
}

// changeByte changes one byte of the method, URL, headers or payload hash. It returns false if
// nothing changes or the result is not a request.
func changeByte(r *signing.Received, at uint, with byte) bool {
	headers := slices.Clone(r.Headers)
	url := r.URL.String()
	parts := []*string{&r.Method, &url, &r.PayloadHash}
	for i := range headers {
		parts = append(parts, &headers[i].Name, &headers[i].Value)
	}
	r.Headers = headers
	part := parts[at%uint(len(parts))]
	if *part == "" {
		return false
	}
	i := int(at/uint(len(parts))) % len(*part)
	if (*part)[i] == with {
		return false
	}
	*part = (*part)[:i] + string([]byte{with}) + (*part)[i+1:]
	u, _, err := signing.ParseURL(url, nil)
	r.URL = u
	return err == nil
}

// checkReturned fails if a returned value contains a line break or NUL.
func checkReturned(t *testing.T, signed signing.Signed) {
	t.Helper()
	values := []string{signed.URL.String(), signed.SignedHeaders, signed.Authorization, signed.Signature, signed.CredentialScope, signed.Date}
	for _, h := range signed.Headers {
		values = append(values, h.Name, h.Value)
	}
	for _, value := range values {
		if strings.ContainsAny(value, "\r\n\x00") {
			t.Fatalf("returned value %q contains a line break or NUL", value)
		}
	}
}
