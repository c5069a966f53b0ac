package sending_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"countersign/sending"
	"countersign/signing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	accessKeyID = "AKIDEXAMPLE"
	secretKey   = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	region      = "us-east-1"
	service     = "execute-api"
)

var keys = signing.NewCredentials(accessKeyID, secretKey, "token/EXAMPLE=")

// message describes a request to sign and send.
type message struct {
	method, url string
	headers     []signing.Header
	body        *sending.Body
	service     string
}

func parseURL(t testing.TB, raw string) signing.URL {
	t.Helper()
	u, _, err := signing.ParseURL(raw, nil)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// request returns a request that signs itself.
func (m message) request(t testing.TB) *sending.Request {
	t.Helper()
	u := parseURL(t, m.url)
	signer := new(signing.Signer)
	r := &sending.Request{Method: m.method, URL: u, Body: m.body}
	r.Sign = func(_ context.Context, at sending.Moment) (signing.Signed, *signing.Stream, error) {
		s := &signing.Request{
			Method: m.method, URL: u, Headers: m.headers, SignedHeaders: sending.Signed(m.headers),
			PayloadHash: signing.PayloadHash(nil), Scope: signing.Scope{Service: service, Region: region},
			Time: at.Time, Credentials: keys,
		}
		if m.service == "s3" {
			s.Scope.Service, s.SingleEncode, s.ContentSHA256Header = "s3", true, true
		}
		if m.body != nil {
			s.PayloadHash = m.body.PayloadHash()
			if m.body.SignsChunks() {
				return signer.SignStream(s)
			}
		}
		signed, err := signer.Sign(s)
		return signed, nil, err
	}
	return r
}

// newClient returns a client for one test.
func newClient(t testing.TB, o sending.Options) *sending.Client {
	t.Helper()
	if o.Now == nil {
		o.Now = time.Now
	}
	c, err := sending.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// rawServer is a TCP server that a function serves, connection by connection.
type rawServer struct {
	net.Listener
	wg sync.WaitGroup
}

// newRawServer starts a server that calls serve for each connection. serve need not close it.
func newRawServer(t testing.TB, serve func(net.Conn, *bufio.Reader)) *rawServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &rawServer{Listener: l}
	s.wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.wg.Go(func() {
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
				serve(conn, bufio.NewReader(conn))
			})
		}
	})
	t.Cleanup(func() { l.Close(); s.wg.Wait() })
	return s
}

func (s *rawServer) host() string { return s.Addr().String() }

// readHead reads the request line and headers as they are on the wire.
func readHead(r *bufio.Reader) (line string, headers []string, err error) {
	for {
		text, err := r.ReadString('\n')
		if err != nil {
			return line, headers, err
		}
		text = strings.TrimSuffix(text, "\r\n")
		switch {
		case text == "":
			return line, headers, nil
		case line == "":
			line = text
		default:
			headers = append(headers, text)
		}
	}
}

// valuesOf returns the values of a header, whatever the case of its name.
func valuesOf(headers []string, name string) []string {
	var values []string
	for _, h := range headers {
		n, value, _ := strings.Cut(h, ":")
		if strings.EqualFold(n, name) {
			values = append(values, strings.TrimSpace(value))
		}
	}
	return values
}

func sha256Hex(p []byte) string {
	sum := sha256.Sum256(p)
	return hex.EncodeToString(sum[:])
}

// wantError fails unless err is of the given kind, and returns its report.
func wantError(t testing.TB, err, kind error) sending.Report {
	t.Helper()
	var e *sending.Error
	if !errors.As(err, &e) || !errors.Is(err, kind) {
		t.Fatalf("error %v, want %v", err, kind)
	}
	return e.Report
}

// readAll reads and closes a response.
func readAll(t testing.TB, a *sending.Response) string {
	t.Helper()
	content, err := io.ReadAll(a.Response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func nowFixed() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

func asError(err error, e **sending.Error) bool { return errors.As(err, e) }

var discardLog = log.New(io.Discard, "", 0)
