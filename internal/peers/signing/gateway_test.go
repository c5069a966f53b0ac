//go:build peers

package signing_test

import (
	"bytes"
	"io"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/internal/peers"
	"countersign/signing"
)

// Versity's S3 server checks signatures strictly.
const versity = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"

// gateway is a server that accepts signed requests.
type gateway struct {
	url    string
	signer signing.Signer
}

// The credentials that the server accepts.
var root = signing.NewCredentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "")

const bucket = "/orders"

// startGateway starts a server with an empty bucket.
func startGateway(t *testing.T) *gateway {
	t.Helper()
	address := peers.Address(t)
	server := exec.Command(peers.Command(t, versity),
		"--quiet", "--health", "/healthz", "--port", address, "--access", root.AccessKeyID, "--secret", root.SecretAccessKey(),
		"posix", "--sidecar", t.TempDir(), t.TempDir())
	g := &gateway{url: "http://" + address}
	peers.Start(t, server, g.url+"/healthz")
	g.mustSend(t, g.request(t, "PUT", bucket, nil), nil)
	return g
}

// request returns a request to the server, with the current time.
func (g *gateway) request(t *testing.T, method, target string, body []byte, headers ...signing.Header) *signing.Request {
	t.Helper()
	u, _, err := signing.ParseURL(g.url+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	if u, err = u.CleanS3Key(); err != nil {
		t.Fatal(err)
	}
	return &signing.Request{
		Method: method, URL: u, Headers: headers, PayloadHash: signing.PayloadHash(body),
		Scope: signing.Scope{Service: "s3", Region: "us-east-1"}, Time: time.Now(),
		Credentials: root, SingleEncode: true, ContentSHA256Header: true, SignAllHeaders: true, Explain: true,
	}
}

// presigned returns a request to sign in the query, valid for a minute.
func (g *gateway) presigned(t *testing.T, method, target string, headers ...signing.Header) *signing.Request {
	t.Helper()
	r := g.request(t, method, target, nil, headers...)
	r.PayloadHash, r.ContentSHA256Header, r.Expires = signing.UnsignedPayload, false, time.Minute
	return r
}

// serverResponse is a server's response.
type serverResponse struct {
	status int
	header http.Header
	body   string
}

// code returns the code of an error.
func (a serverResponse) code() string {
	_, code, _ := strings.Cut(a.body, "<Code>")
	code, _, _ = strings.Cut(code, "</Code>")
	return code
}

// sign returns a signed request in the form in which it is sent.
func (g *gateway) sign(t *testing.T, r *signing.Request, body []byte) (*http.Request, signing.Signed) {
	t.Helper()
	sign := g.signer.Sign
	if r.Expires > 0 {
		sign = g.signer.Presign
	}
	signed, err := sign(r)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequest(r.Method, signed.URL.String(), bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range signed.Headers {
		request.Header.Set(h.Name, h.Value)
	}
	return request, signed
}

func send(t *testing.T, request *http.Request) serverResponse {
	t.Helper()
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return serverResponse{response.StatusCode, response.Header, string(body)}
}

// mustSend signs and sends a request, which the server must accept.
func (g *gateway) mustSend(t *testing.T, r *signing.Request, body []byte) serverResponse {
	t.Helper()
	request, signed := g.sign(t, r, body)
	a := send(t, request)
	if a.status/100 != 2 {
		t.Fatalf("%s %s: %d\n%s\nfor\n%s", r.Method, signed.URL, a.status, a.body, signed.CanonicalRequest)
	}
	return a
}

// Keys in many spellings, as a caller may write them.
var keys = []string{
	"plain.txt", "two words", "two%20words%21", "plus+equals=at@", "%2B%3D%40", "ünïcödé/漢字/😀", "%C3%BC%CC%88", "a//b///c",
	"trailing/slash/x",
	"tilde~-._", "100%25", "literal%252Fslash", "slash%2Fescaped", "amp&semi;colon:comma,dollar$", "brackets[]{}()'!*", "question%3Fhash%23",
	`quote%22back%5Cslash%7Cpipe^caret` + "`tick", "%E2%80%A8line", "x%09tab", "lower%c3%bchex", "%61%62%63",
}

func TestGatewayAcceptsHeaders(t *testing.T) {
	g := startGateway(t)
	for _, key := range keys {
		target, body := bucket+"/"+key, []byte("the object "+key)
		g.mustSend(
			t,
			g.request(
				t, "PUT", target, body, signing.Header{Name: "X-Amz-Meta-Note", Value: "  two   words "},
				signing.Header{Name: "Content-Type", Value: "text/plain; charset=utf-8"},
			),
			body,
		)
		got := g.mustSend(t, g.request(t, "GET", target, nil), nil)
		if got.body != string(body) || got.header.Get("X-Amz-Meta-Note") != "two   words" {
			t.Errorf("GET %s = %q, note %q", target, got.body, got.header.Get("X-Amz-Meta-Note"))
		}
		g.mustSend(t, g.request(t, "HEAD", target, nil), nil)
		g.mustSend(t, g.request(t, "DELETE", target, nil), nil)
		if request, _ := g.sign(t, g.request(t, "GET", target, nil), nil); send(t, request).status != http.StatusNotFound {
			t.Errorf("GET %s finds a deleted object", target)
		}
	}
	t.Logf("%d keys written, read and deleted: 0 refusals", len(keys))
}

func TestGatewayAcceptsQueries(t *testing.T) {
	g := startGateway(t)
	for _, key := range []string{"a b/1", "a b/2", "a+b/1", "ü=&/1"} {
		g.mustSend(t, g.request(t, "PUT", bucket+"/"+key, nil), nil)
	}
	for query, want := range map[string][]string{
		"?list-type=2&prefix=a%20b/":             {"a b/1", "a b/2"},
		"?prefix=a+b/&list-type=2":               {"a b/1", "a b/2"},
		"?list-type=2&prefix=a%2Bb/":             {"a+b/1"},
		"?prefix=%C3%BC=%26/&list-type=2&&":      {"ü=&amp;/1"},
		"?prefix=ü%3d&list-type=2&max-keys=1000": {"ü=&amp;/1"},
		"?versioning":                            nil,
		"?location=":                             nil,
	} {
		got := g.mustSend(t, g.request(t, "GET", bucket+query, nil), nil)
		var found []string
		for piece := range strings.SplitSeq(got.body, "<Key>") {
			if key, _, is := strings.Cut(piece, "</Key>"); is {
				found = append(found, key)
			}
		}
		if !slices.Equal(found, want) {
			t.Errorf("GET %s finds %q, want %q", query, found, want)
		}
	}
}

func TestGatewayAcceptsPresigned(t *testing.T) {
	g := startGateway(t)
	for _, key := range keys {
		target, body := bucket+"/"+key, []byte("the object "+key)
		g.mustSend(t, g.presigned(t, "PUT", target), body)
		if got := g.mustSend(t, g.presigned(t, "GET", target), nil); got.body != string(body) {
			t.Errorf("GET %s = %q", target, got.body)
		}
		download := g.mustSend(t, g.presigned(t, "GET", target+"?response-content-disposition=attachment%3B%20filename%3D%22a+b.txt%22"), nil)
		if got := download.header.Get("Content-Disposition"); got != `attachment; filename="a b.txt"` {
			t.Errorf("GET %s as %s", target, got)
		}
	}
	g.mustSend(
		t,
		g.presigned(
			t, "PUT", bucket+"/with", signing.Header{Name: "X-Amz-Meta-Note", Value: "signed"},
			signing.Header{Name: "Content-Type", Value: "text/plain"},
		),
		[]byte("x"),
	)
	if got := g.mustSend(t, g.presigned(t, "HEAD", bucket+"/with"), nil); got.header.Get("X-Amz-Meta-Note") != "signed" {
		t.Errorf("the note is %q", got.header.Get("X-Amz-Meta-Note"))
	}
	named := g.presigned(t, "PUT", bucket+"/named")
	named.ContentSHA256Header = true
	g.mustSend(t, named, []byte("x"))
	t.Logf("%d keys written and read by presigned URLs: 0 refusals", len(keys))
	long := g.presigned(t, "GET", bucket+"/named")
	long.Expires = signing.MaxExpires
	g.mustSend(t, long, nil)
}
