package sending_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"countersign/sending"
	"countersign/signing"
)

// seen is a request as it was on the wire.
type seen struct {
	line    string
	headers []string
}

// answering starts a server that sends text in response to every request, and reports what it saw.
func answering(t testing.TB, text string) (*rawServer, <-chan seen) {
	t.Helper()
	saw := make(chan seen, 64)
	return newRawServer(t, func(conn net.Conn, r *bufio.Reader) {
		for {
			line, headers, err := readHead(r)
			if err != nil {
				return
			}
			saw <- seen{line, headers}
			if _, err := conn.Write([]byte(text)); err != nil {
				return
			}
		}
	}), saw
}

// signedBySDK returns the Authorization header that the AWS SDK computes for a request
// as it was on the wire, with the same target bytes.
func (s seen) signedBySDK(t testing.TB, service string) string {
	t.Helper()
	method, rest, _ := strings.Cut(s.line, " ")
	target, _, _ := strings.Cut(rest, " HTTP/1.1")
	date := valuesOf(s.headers, "X-Amz-Date")[0]
	at, err := time.Parse(signing.TimeFormat, date)
	if err != nil {
		t.Fatal(err)
	}
	host := valuesOf(s.headers, "Host")[0]
	r, err := http.NewRequest(method, "https://"+host+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	// Opaque makes the SDK sign the path as it is here, not as net/url spells it. S3
	// decodes and re-encodes it, which the SDK leaves to its caller.
	path, _, _ := strings.Cut(target, "?")
	if service == "s3" {
		path = encodedByS3(t, path)
	}
	r.URL.Opaque = "//" + host + path
	authorization := valuesOf(s.headers, "Authorization")[0]
	_, names, _ := strings.Cut(authorization, "SignedHeaders=")
	names, _, _ = strings.Cut(names, ",")
	for name := range strings.SplitSeq(names, ";") {
		if name != "host" && name != "x-amz-date" && name != "x-amz-security-token" {
			r.Header[http.CanonicalHeaderKey(name)] = valuesOf(s.headers, name)
		}
	}
	hash := signing.PayloadHash(nil)
	if declared := valuesOf(s.headers, "X-Amz-Content-Sha256"); len(declared) > 0 {
		hash = declared[0]
	}
	sdkKeys := aws.Credentials{AccessKeyID: accessKeyID, SecretAccessKey: secretKey, SessionToken: "token/EXAMPLE="}
	err = v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = service == "s3" }).
		SignHTTP(t.Context(), sdkKeys, r, hash, service, region, at)
	if err != nil {
		t.Fatal(err)
	}
	return r.Header.Get("Authorization")
}

func encodedByS3(t testing.TB, path string) string {
	t.Helper()
	plain, err := url.PathUnescape(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer("+", "%20", "%2F", "/", "%7E", "~").Replace(url.QueryEscape(plain))
}

// Every byte value in the path, its first segment and the query is sent as it was
// signed, and the AWS SDK computes the same signature from the bytes sent.
func TestSend_TargetIsSentAsSigned(t *testing.T) {
	server, saw := answering(t, "HTTP/1.1 204 No Content\r\n\r\n")
	c := newClient(t, sending.Options{HTTPHosts: []string{server.host()}})
	forms := []string{"/a%sb/c", "/a?x=%s&x=", "/%s", "//%s//x", "/a/b?%s=1&a=2", "/?a=1&a=%s", "/%s/../x?%s"}
	if testing.Short() {
		forms = forms[:2]
	}
	sent, refused := 0, 0
	for b := range 256 {
		for _, form := range forms {
			for _, spelled := range []string{string([]byte{byte(b)}), fmt.Sprintf("%%%02X", b), fmt.Sprintf("%%%02x", b), string(rune(b))} {
				raw := "http://" + server.host() + strings.ReplaceAll(form, "%s", spelled)
				for _, kind := range []string{"s3", service} {
					u, _, err := signing.ParseURL(raw, nil)
					if err != nil {
						refused++
						continue
					}
					if kind == service {
						u = u.NormalizePath()
					}
					a, err := c.Send(t.Context(), message{method: "GET", url: u.String(), service: kind}.request(t))
					if err != nil {
						t.Fatalf("%q: %v", raw, err)
					}
					readAll(t, a)
					got, want := <-saw, "GET "+u.Path()
					if u.RawQuery() != "" {
						want += "?" + u.RawQuery()
					}
					if got.line != want+" HTTP/1.1" {
						t.Fatalf("%q: %q on the wire, signed was %q", raw, got.line, want)
					}
					sent++
					auth := valuesOf(got.headers, "Authorization")
					if len(auth) != 1 {
						t.Fatalf("%q: headers %q", raw, got.headers)
					}
					if want := got.signedBySDK(t, kind); auth[0] != want {
						t.Fatalf("%q as %s: the SDK signs %q differently:\n%s\n%s", raw, kind, got.line, auth, want)
					}
				}
			}
		}
	}
	t.Logf("%d sent, %d refused by ParseURL", sent, refused)
	if sent < 8000*len(forms)/7 {
		t.Errorf("only %d requests were sent", sent)
	}
}
