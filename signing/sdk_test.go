package signing_test

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go/logging"

	"countersign/signing"
)

// These tests compare with the signer of AWS's own SDK for Go, on requests that both accept.
// TestIntendedDifferences lists the intentional differences.

// sdkRequest returns the request that the SDK must sign to get the same signature: the URL and
// headers as Sign returns them.
func sdkRequest(t testing.TB, r *signing.Request, sent signing.Signed, length int) *http.Request {
	t.Helper()
	request, err := http.NewRequest(r.Method, r.URL.String(), nil)
	if err != nil {
		t.Fatalf("net/http does not accept what Sign returns: %v", err)
	}
	request.ContentLength = int64(length)
	for _, h := range sent.Headers {
		switch h.Name {
		case "X-Amz-Date", "X-Amz-Security-Token", "Authorization":
		default:
			request.Header[http.CanonicalHeaderKey(h.Name)] = []string{h.Value}
		}
	}
	return request
}

func sdkOptions(r *signing.Request) func(*v4.SignerOptions) {
	return func(o *v4.SignerOptions) {
		o.DisableHeaderHoisting = true
		o.DisableURIPathEscaping = r.SingleEncode
		o.DisableSessionToken = r.Token == signing.TokenOmitted
	}
}

func sdkCredentials(r *signing.Request) aws.Credentials {
	return aws.Credentials{
		AccessKeyID:     r.Credentials.AccessKeyID,
		SecretAccessKey: r.Credentials.SecretAccessKey(),
		SessionToken:    r.Credentials.SessionToken(),
	}
}

// sdkSign returns the SDK's Authorization header.
func sdkSign(t testing.TB, r *signing.Request, request *http.Request) string {
	t.Helper()
	err := v4.NewSigner().SignHTTP(
		context.Background(), sdkCredentials(r), request, r.PayloadHash, r.Scope.Service, r.Scope.Region, r.Time, sdkOptions(r),
	)
	if err != nil {
		t.Fatal(err)
	}
	return request.Header.Get("Authorization")
}

// sdkPresign returns the SDK's presigned URL.
func sdkPresign(t testing.TB, r *signing.Request, request *http.Request) string {
	t.Helper()
	if request.URL.RawQuery != "" {
		request.URL.RawQuery += "&"
	}
	request.URL.RawQuery += "X-Amz-Expires=" + strconv.Itoa(int(r.Expires/time.Second))
	u, _, err := v4.NewSigner().PresignHTTP(
		context.Background(), sdkCredentials(r), request, r.PayloadHash, r.Scope.Service, r.Scope.Region, r.Time, sdkOptions(r),
	)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// Flags in the last argument of FuzzSameAsSDK.
const (
	fuzzS3 = 1 << iota
	fuzzToken
	fuzzContentSHA256
	fuzzUnsigned
	fuzzOmitToken
)

func FuzzSameAsSDK(f *testing.F) {
	for _, v := range loadVectors(f) {
		var lines []string
		for _, h := range v.Headers {
			lines = append(lines, h[0]+":"+h[1])
		}
		flags := byte(0)
		if v.Path == "s3" {
			flags |= fuzzS3
		}
		f.Add(v.Method, v.URL, strings.Join(lines, "\n"), v.Body, flags)
		f.Add(v.Method, v.URL+"?%3d=%26&a%20b=c&A=+&b", "X-Amz-Meta-A: a  b\tc\nx-amz-meta-a:d", v.Body, flags|fuzzToken|fuzzContentSHA256)
		f.Add(v.Method, v.URL, "X-Custom:é", v.Body, flags|fuzzToken|fuzzUnsigned|fuzzOmitToken)
	}
	ours := new(signing.Signer)
	f.Fuzz(func(t *testing.T, method, rawURL, lines, body string, flags byte) {
		r, ok := fuzzRequest(method, rawURL, lines, body, flags)
		if !ok {
			return
		}
		_ = sameAsSDK(t, ours, r, len(body)) // a request that we reject is not a difference
	})
}

// sameAsSDK signs a request in both forms with both signers and reports differences. It returns our
// signer's error.
func sameAsSDK(t testing.TB, ours *signing.Signer, r *signing.Request, length int) error {
	t.Helper()
	signed, err := ours.Sign(r)
	sameAppended(t, ours.AppendAuthorization, r, signed.Authorization, err)
	if err != nil {
		return err
	}
	if got, want := signed.Authorization, sdkSign(t, r, sdkRequest(t, r, signed, length)); got != want {
		t.Errorf("Sign:\n%s\nthe SDK:\n%s\nfor\n%s", got, want, signed.CanonicalRequest)
	}
	r.ContentSHA256Header = false
	presigned, err := ours.Presign(r)
	sameAppended(t, ours.AppendURL, r, presigned.URL.String(), err)
	if err != nil {
		return err
	}
	want, _, err := signing.ParseURL(sdkPresign(t, r, sdkRequest(t, r, presigned, length)), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := canonicalQuery(t, presigned.URL), canonicalQuery(t, want); got != want {
		t.Errorf("Presign:\n%s\nthe SDK:\n%s\nfor\n%s", got, want, presigned.CanonicalRequest)
	}
	return nil
}

// fuzzRequest turns arbitrary input into a request that both signers should accept, if possible.
func fuzzRequest(method, rawURL, lines, body string, flags byte) (*signing.Request, bool) {
	u, _, err := signing.ParseURL(rawURL, nil)
	if err != nil {
		return nil, false
	}
	token := ""
	if flags&fuzzToken != 0 {
		token = exampleToken
	}
	r := &signing.Request{
		Method:              method,
		URL:                 u.NormalizePath(),
		PayloadHash:         signing.PayloadHash([]byte(body)),
		Scope:               signing.Scope{Service: "service", Region: "us-east-1"},
		Time:                exampleTime,
		Credentials:         signing.NewCredentials(exampleID, exampleSecret, token),
		ContentSHA256Header: flags&fuzzContentSHA256 != 0,
		Expires:             time.Minute,
		Explain:             true,
	}
	if flags&fuzzS3 != 0 {
		if r.URL, err = u.CleanS3Key(); err != nil {
			return nil, false
		}
		r.Scope.Service, r.SingleEncode = "s3", true
	}
	if flags&fuzzUnsigned != 0 {
		r.PayloadHash = signing.UnsignedPayload
	}
	if flags&fuzzOmitToken != 0 {
		r.Token = signing.TokenOmitted
	}
	for line := range strings.Lines(lines) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		_, forbidden := signing.Fragile(method, name)
		// Unicode white space at the ends of a value: see TestIntendedDifferences.
		if forbidden || strings.EqualFold(name, "content-length") || strings.TrimSpace(value) != strings.Trim(value, " \t") {
			continue
		}
		r.Headers = append(r.Headers, signing.Header{Name: name, Value: value})
		if !strings.EqualFold(name, "x-amz-content-sha256") {
			r.SignedHeaders = append(r.SignedHeaders, name)
		}
	}
	if len(body) > 0 {
		r.Headers = append(r.Headers, signing.Header{Name: "Content-Length", Value: strconv.Itoa(len(body))})
		r.SignedHeaders = append(r.SignedHeaders, "content-length")
	}
	return r, true
}

func canonicalQuery(t testing.TB, u signing.URL) string {
	t.Helper()
	query, err := signing.CanonicalQuery(u.RawQuery())
	if err != nil {
		t.Fatal(err)
	}
	return query
}

// Each row signs one request with both signers and states the result of each.
func TestIntendedDifferences(t *testing.T) {
	const target = "https://example.amazonaws.com/"
	for _, tt := range []struct {
		name          string
		url           string
		header        http.Header
		signedHeaders []string
		s3            bool
		ours, sdk     string            // a line of the canonical request
		oursErr       signing.InputPart // or the field of our error
	}{
		{
			name: "dot segments: the SDK leaves them to the service, which removes them",
			url:  target + "a/../b", ours: "/b", sdk: "/a/../b",
		},
		{
			name: "empty segments: likewise",
			url:  target + "a//b", ours: "/a/b", sdk: "/a//b",
		},
		{
			name: "an S3 key that is not strictly encoded: S3 encodes it before it verifies",
			url:  target + "a$b", s3: true, ours: "/a%24b", sdk: "/a$b",
		},
		{
			name: "a raw bracket in a path: clients encode it",
			url:  target + "a[b", ours: "/a%255Bb", sdk: "/a%5Bb",
		},
		{
			name: "a host in capitals: clients send it in lower case",
			url:  "https://EXAMPLE.amazonaws.com/", ours: "host:example.amazonaws.com", sdk: "host:EXAMPLE.amazonaws.com",
		},
		{
			name: "the default port of an IPv6 host: the SDK removes the brackets too",
			url:  "https://[::1]:443/", ours: "host:[::1]", sdk: "host:::1",
		},
		{
			name: "a tab in a value: folded, also in the header returned",
			url:  target, header: http.Header{"X-Amz-A": {"a \tb"}}, ours: "x-amz-a:a b", sdk: "x-amz-a:a \tb",
		},
		{
			name: "a no-break space at the end of a value is not white space in HTTP",
			url:  target, header: http.Header{"X-Amz-A": {"a\u00a0"}}, ours: "x-amz-a:a\u00a0", sdk: "x-amz-a:a",
		},
		{
			name: "headers that are not named",
			url:  target, header: http.Header{"Accept": {"*/*"}}, ours: "host;x-amz-date", sdk: "accept;host;x-amz-date",
		},
		{
			name: "a per-connection header",
			url:  target, header: http.Header{"Connection": {"close"}}, signedHeaders: []string{"connection"},
			oursErr: signing.InputSignedHeaders, sdk: "connection:close",
		},
		{
			name: "a line break in a value",
			url:  target, header: http.Header{"X-Amz-A": {"a\nb"}}, oursErr: signing.InputHeaders, sdk: "b",
		},
		{
			name: "a date given by the caller: the SDK replaces it",
			url:  target, header: http.Header{"X-Amz-Date": {"20200101T000000Z"}}, oursErr: signing.InputHeaders, sdk: "x-amz-date:20150830T123600Z",
		},
		{
			name: "a semicolon in the query: the SDK signs without the parameter and sends it",
			url:  target + "?a=1;b=2&c=3", oursErr: signing.InputURL, sdk: "c=3",
		},
		{
			name: "a query that cannot be decoded: likewise",
			url:  target + "?a=%zz&c=3", oursErr: signing.InputURL, sdk: "c=3",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := exampleRequest(t)
			r.Method, r.Token, r.Headers, r.SignedHeaders, r.SingleEncode = "GET", signing.TokenOmitted, nil, tt.signedHeaders, tt.s3
			for name, values := range tt.header {
				r.Headers = append(r.Headers, signing.Header{Name: name, Value: values[0]})
			}
			canonical, err := signURL(r, tt.url, tt.s3)
			if tt.oursErr != 0 {
				if input := wantInputError(t, err); input.Part != tt.oursErr {
					t.Errorf("ours: %v, want an error about %s", input, tt.oursErr)
				}
			} else if err != nil || !slices.Contains(strings.Split(canonical, "\n"), tt.ours) {
				t.Errorf("ours: %v, want the line %q in\n%s", err, tt.ours, canonical)
			}
			if sdk := sdkCanonicalRequest(t, r, tt.url, tt.header); !slices.Contains(strings.Split(sdk, "\n"), tt.sdk) {
				t.Errorf("the SDK: want the line %q in\n%s", tt.sdk, sdk)
			}
		})
	}
}

// signURL returns the canonical request of r at a URL.
func signURL(r *signing.Request, rawURL string, s3 bool) (string, error) {
	u, _, err := signing.ParseURL(rawURL, nil)
	if err != nil {
		return "", err
	}
	if r.URL = u.NormalizePath(); s3 {
		if r.URL, err = u.CleanS3Key(); err != nil {
			return "", err
		}
	}
	signed, err := new(signing.Signer).Sign(r)
	return signed.CanonicalRequest, err
}

// sdkCanonicalRequest returns the canonical request that the SDK logs.
func sdkCanonicalRequest(t *testing.T, r *signing.Request, rawURL string, header http.Header) string {
	t.Helper()
	request, err := http.NewRequest(r.Method, rawURL, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		request.Header[name] = values
	}
	var log strings.Builder
	err = v4.NewSigner().SignHTTP(t.Context(), sdkCredentials(r), request, r.PayloadHash, r.Scope.Service, r.Scope.Region, r.Time,
		sdkOptions(r), func(o *v4.SignerOptions) { o.LogSigning, o.Logger = true, logging.NewStandardLogger(&log) })
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(log.String(), "---[ CANONICAL STRING  ]-----------------------------\n")
	text, _, _ = strings.Cut(text, "\n---[ STRING TO SIGN")
	return text
}
