//go:build peers

// Package signing_test compares package signing with third-party signers and a third-party server.
package signing_test

import (
	"flag"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"

	"countersign/internal/peers/requests"
	"countersign/signing"
)

var (
	seed  = flag.Uint64("seed", 0, "`number` that random requests are derived from; by default a different one each time")
	count = flag.Int("requests", 20_000, "how many random `requests` to generate for each comparison")
)

// randomSource returns a source of requests, and logs how to reproduce them.
func randomSource(t *testing.T) *requests.Source {
	t.Helper()
	from := *seed
	if from == 0 {
		from = rand.Uint64()
	}
	t.Logf("the same again: -run '^%s$' -seed %d -requests %d", t.Name(), from, *count)
	return requests.New(from)
}

// nextForCRT returns the next request that aws-crt interprets as intended: see TestDifferencesFromCRT.
func nextForCRT(t *testing.T, source *requests.Source) *requests.Request {
	t.Helper()
	r := source.Next()
	for strings.Contains(r.Path, ":/") {
		r = source.Next()
	}
	r.Query = strings.ReplaceAll(r.Query, ":/", "%3A/")
	if err := r.Parse(); err != nil {
		t.Fatalf("%q: %v", r.Given, err)
	}
	return r
}

// AWS's signer in C and ours produce the same signatures, in both forms.
func TestSameAsCRT(t *testing.T) {
	source := randomSource(t)
	source.Segments, source.Tabs, source.Runs, source.Escaped = true, true, true, true
	c, ours := startCRT(t), new(signing.Signer)
	const batch = 500
	for done := 0; done < *count; done += batch {
		made := make([]*requests.Request, batch)
		var asked []crtRequest
		for i := range made {
			made[i] = nextForCRT(t, source)
			asked = append(asked, forCRT(made[i], false), forCRT(made[i], true))
		}
		responses := c.ask(t, asked)
		for i, r := range made {
			checkHeaders(t, ours, r, responses[2*i])
			checkQuery(t, ours, r, responses[2*i+1])
			checkVerify(t, r, responses[2*i], false)
			checkVerify(t, r, responses[2*i+1], true)
			if t.Failed() {
				t.FailNow()
			}
		}
	}
	t.Logf("%d requests, each signed by headers and by query, and verified: 0 differences", *count)
}

func forCRT(r *requests.Request, presign bool) crtRequest {
	c := crtRequest{
		Method: r.Method, Path: r.Path, Headers: [][2]string{{"Host", r.Host}},
		Version4a: r.Algorithm == signing.ECDSA, Presign: presign, DoubleEncode: !r.SingleEncode, Normalize: r.Normalize,
		AccessKeyID: r.Credentials.AccessKeyID, SecretAccessKey: r.Credentials.SecretAccessKey(), SessionToken: r.Credentials.SessionToken(),
		OmitToken: r.Token == signing.TokenAppended, ContentSHA256Header: r.ContentSHA256Header && !presign, PayloadHash: r.PayloadHash,
		Region: r.Scope.Region, Service: r.Scope.Service, Date: r.Time.UnixMilli(), Unsigned: r.Unsigned,
	}
	if r.Token == signing.TokenOmitted {
		c.SessionToken = ""
	}
	if r.PayloadHash == signing.PayloadHash(nil) {
		c.PayloadHash = ""
	}
	if r.Query != "" {
		c.Path += "?" + r.Query
	}
	if presign {
		c.Expires = int64(r.Expires.Seconds())
	}
	for _, h := range r.Headers {
		c.Headers = append(c.Headers, [2]string{h.Name, h.Value})
	}
	return c
}

// The headers that signing adds.
var added = []string{"authorization", "x-amz-content-sha256", "x-amz-date", "x-amz-region-set", "x-amz-security-token"}

func checkHeaders(t *testing.T, ours *signing.Signer, r *requests.Request, response crtResponse) {
	t.Helper()
	signed, err := ours.Sign(&r.Request)
	if err != nil || response.Error != "" {
		t.Errorf("%s %s: we return %v, aws-crt %s\n%q", r.Method, r.Given, err, response.Error, r.Headers)
		return
	}
	var want, got []string
	for _, h := range response.Headers {
		if name := strings.ToLower(h[0]); slices.Contains(added, name) {
			want = append(want, name+": "+h[1])
		}
	}
	for _, h := range signed.Headers {
		if name := strings.ToLower(h.Name); slices.Contains(added, name) {
			got = append(got, name+": "+h.Value)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf(
			"%s %s\nwe add\n%s\naws-crt\n%s\nfor\n%s", r.Method, r.Given, strings.Join(got, "\n"), strings.Join(want, "\n"),
			signed.CanonicalRequest,
		)
	}
}

func checkQuery(t *testing.T, ours *signing.Signer, r *requests.Request, response crtResponse) {
	t.Helper()
	request := r.Request
	request.ContentSHA256Header = false // see TestDifferencesFromCRT
	signed, err := ours.Presign(&request)
	if err != nil || response.Error != "" {
		t.Errorf("%s %s: we return %v, aws-crt %s\n%q", r.Method, r.Given, err, response.Error, r.Headers)
		return
	}
	_, query, _ := strings.Cut(response.Path, "?")
	if got, want := sortedParameters(signed.URL.RawQuery()), sortedParameters(query); !slices.Equal(got, want) {
		t.Errorf("%s %s\nwe sign\n%s\naws-crt\n%s\nfor\n%s", r.Method, r.Given, got, want, signed.CanonicalRequest)
	}
}

// sortedParameters returns the parameters of a query, strictly encoded and sorted.
func sortedParameters(query string) (sorted []string) {
	for piece := range strings.SplitSeq(query, "&") {
		if piece != "" {
			name, value, _ := strings.Cut(piece, "=")
			sorted = append(sorted, strictly(name)+"="+strictly(value))
		}
	}
	slices.Sort(sorted)
	return sorted
}

// strictly returns a name or value with all characters encoded except the unreserved ones.
func strictly(text string) string {
	plain, err := url.PathUnescape(text)
	if err != nil {
		return "not encoded: " + text
	}
	return strings.ReplaceAll(url.QueryEscape(plain), "+", "%20")
}

// checkVerify checks that Verify accepts the request that aws-crt signed.
func checkVerify(t *testing.T, r *requests.Request, response crtResponse, presign bool) {
	t.Helper()
	if presign && r.SingleEncode && r.PayloadHash != signing.UnsignedPayload {
		return // S3 needs a parameter for a presigned payload that aws-crt does not send
	}
	u, _, err := signing.ParseURL(r.Scheme+"://"+r.Host+response.Path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Normalize {
		u = u.NormalizePath()
	}
	received := signing.Received{Method: r.Method, URL: u, PayloadHash: r.PayloadHash}
	for _, h := range response.Headers {
		received.Headers = append(received.Headers, signing.Header{Name: h[0], Value: h[1]})
	}
	verdict := signing.Verify(&received, &signing.Expected{
		Credentials: r.Credentials, Scope: r.Scope, SingleEncode: r.SingleEncode, S3Style: r.Scope.Service == "s3", Token: r.Token, Time: r.Time,
	})
	if !verdict.Valid() {
		t.Errorf("Verify finds %+v in %s %s %q\nfor\n%s", verdict.Mismatches, r.Method, u, received.Headers, verdict.CanonicalRequest)
	}
}
