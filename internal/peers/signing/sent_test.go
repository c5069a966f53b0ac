//go:build peers

package signing_test

import (
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/internal/peers"
	"countersign/internal/peers/requests"
	"countersign/signing"
)

// startSTS starts the server's STS. Unlike S3 it requires paths to be encoded twice, and it accepts any path.
func startSTS(t *testing.T) *gateway {
	t.Helper()
	address, folder := peers.Address(t), t.TempDir()
	server := exec.Command(peers.Command(t, versity),
		"--quiet", "--health", "/healthz", "--port", address, "--access", root.AccessKeyID, "--secret", root.SecretAccessKey(),
		"iam", "--dir", folder, "--private-ports", filepath.Join(folder, "socket"))
	g := &gateway{url: "http://" + address}
	peers.Start(t, server, g.url+"/healthz")
	return g
}

// sent is how many random requests a test sends over HTTP.
const sent = 2_000

// Random requests are sent over HTTP, each signed for a service that encodes paths twice, with any path, query and
// headers.
func TestServerAcceptsRandomRequests(t *testing.T) {
	source := randomSource(t)
	source.Segments, source.Tabs, source.Runs = true, true, true // the server sorts names before they are encoded
	g := startSTS(t)
	body := []byte("Action=GetCallerIdentity&Version=2011-06-15")
	for range sent {
		r := source.Next()
		for r.SingleEncode || !r.Normalize || !r.SortedAlike() {
			r = source.Next()
		}
		r.Given = g.url + targetOf(r.Given)
		if err := r.Parse(); err != nil {
			t.Fatalf("%q: %v", r.Given, err)
		}
		r.Method, r.Scope, r.Time, r.Credentials = "POST", signing.Scope{Service: "sts", Region: "us-east-1"}, time.Now(), root
		r.PayloadHash, r.Expires = signing.PayloadHash(body), 0
		leaveOut(r)
		request, signed := g.sign(t, &r.Request, body)
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if a := send(t, request); a.status != http.StatusOK || !strings.Contains(a.body, ":root</Arn>") {
			t.Fatalf("%s: %d\n%s\nfor\n%s", signed.URL, a.status, a.body, signed.CanonicalRequest)
		}
	}
	t.Logf("%d requests: 0 refusals", sent)
}

// Random S3 keys, in both forms: a correctly signed request gets 404.
func TestGatewayAcceptsRandomKeys(t *testing.T) {
	source := randomSource(t)
	source.Tabs, source.Runs = true, true
	g := startGateway(t)
	for i := range sent {
		r := source.Next()
		for !r.SingleEncode || r.Path == "/" || strings.Contains(r.Path, "%00") || !r.SortedAlike() { // not possible as a file name
			r = source.Next()
		}
		r.Given = g.url + bucket + targetOf(r.Given)
		if err := r.Parse(); err != nil {
			t.Fatalf("%q: %v", r.Given, err)
		}
		r.Method, r.Scope, r.Time, r.Credentials = "GET", signing.Scope{Service: "s3", Region: "us-east-1"}, time.Now(), root
		r.PayloadHash, r.ContentSHA256Header = signing.PayloadHash(nil), true
		if r.Expires = 0; i%2 == 1 {
			r.Expires, r.PayloadHash, r.ContentSHA256Header = time.Minute, signing.UnsignedPayload, false
		}
		leaveOut(r, "x-amz-copy-source", "range")
		request, signed := g.sign(t, &r.Request, nil)
		if a := send(t, request); a.code() != "NoSuchKey" {
			t.Fatalf("%s: %d\n%s\nfor\n%s", signed.URL, a.status, a.body, signed.CanonicalRequest)
		}
	}
	t.Logf("%d requests: 0 refusals", sent)
}

// targetOf returns the path and query of a URL.
func targetOf(url string) string {
	_, rest, _ := strings.Cut(url, "://")
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		return rest[i:]
	}
	return ""
}

// leaveOut removes headers: those that net/http or the server handle themselves, empty ones, which the server treats as
// absent, and those that change what is requested.
func leaveOut(r *requests.Request, handled ...string) {
	handled = append(
		handled, "content-length", "content-type", "cookie", "connection", "expect", "te", "trailer", "transfer-encoding", "upgrade",
	)
	for _, h := range r.Headers {
		if strings.TrimSpace(h.Value) == "" {
			handled = append(handled, strings.ToLower(h.Name))
		}
	}
	gone := func(name string) bool { return slices.Contains(handled, strings.ToLower(name)) }
	r.Headers = slices.DeleteFunc(r.Headers, func(h signing.Header) bool { return gone(h.Name) })
	r.SignedHeaders = slices.DeleteFunc(r.SignedHeaders, gone)
}
