package sending_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"testing"
	"time"

	"countersign/sandbox"
	"countersign/sending"
	"countersign/signing"
)

// The sandbox's gateway verifies requests with bodies in memory, whose responses are
// read completely, as /v1/send does.
func TestSend_GatewayVerifiesTheSignature(t *testing.T) {
	aws := sandbox.New(sandbox.Options{Now: time.Now, Region: region})
	server := httptest.NewServer(aws.Gateway())
	defer server.Close()
	c := newClient(t, sending.Options{HTTPHosts: []string{server.Listener.Addr().String()}})
	defer c.Close()
	signer, keys := new(signing.Signer), signing.NewCredentials(sandbox.AccessKeyID, sandbox.SecretAccessKey, "")
	for _, method := range methods {
		for _, target := range []string{"/", "/orders/a%20b", "/a%2Fb?x=%2F&y=1&x=2", "/é/日本?q=%26", "/~a-b_c.d/$&'()*+,;=:@"} {
			for kind, body := range map[string]*sending.Body{
				"none": nil, "bytes": sending.Bytes([]byte(`{"total":12.5}`)), "streamed": bodyKinds["streamed"](t),
			} {
				u := parseURL(t, server.URL+target).NormalizePath()
				r := &sending.Request{Method: method, URL: u, Body: body}
				r.Sign = func(_ context.Context, at sending.Moment) (signing.Signed, *signing.Stream, error) {
					s := &signing.Request{
						Method: method, URL: u, PayloadHash: signing.PayloadHash(nil), Time: at.Time, Credentials: keys,
						Scope: signing.Scope{Service: service, Region: region}, SignedHeaders: []string{"content-type"},
						Headers: []signing.Header{{Name: "Content-Type", Value: "application/json"}, {Name: "X-Amz-Meta-A", Value: "1"}},
					}
					if body != nil {
						s.PayloadHash = body.PayloadHash()
					}
					signed, err := signer.Sign(s)
					return signed, nil, err
				}
				a, err := c.Send(t.Context(), r)
				if err != nil {
					t.Fatalf("%s %s, body %s: %v", method, target, kind, err)
				}
				content, err := a.ReadAll(1 << 20)
				var seen sandbox.Seen
				if err != nil || a.Response.StatusCode != 200 || method != "HEAD" && json.Unmarshal(content, &seen) != nil {
					t.Fatalf("%s %s, body %s: %d %s %v", method, target, kind, a.Response.StatusCode, content, err)
				}
				if method != "HEAD" && (seen.Path != u.Path() || seen.Query != u.RawQuery() || seen.Method != method) {
					t.Errorf("the gateway saw %+v of %s", seen, u)
				}
			}
		}
	}
}

// roundTrip lets httputil.ReverseProxy send through a Client, as package proxy does.
type roundTrip func(context.Context, *http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r.Context(), r) }

// behindProxy starts a proxy in front of a server, and returns it with its reports.
func behindProxy(t *testing.T, upstream string) (*httptest.Server, <-chan sending.Report) {
	t.Helper()
	c := newClient(t, sending.Options{HTTPHosts: []string{upstream}})
	headers := sending.Headers{Plain: true}
	reports := make(chan sending.Report, 16)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, in *http.Request) {
		m := message{method: in.Method, url: "http://" + upstream + in.RequestURI, headers: headers.Out(in.Header), service: "s3"}
		var err error
		if declared := in.Header.Get("X-Amz-Content-Sha256"); declared != "" {
			m.body, err = sending.Streamed(declared, in.Body, in.ContentLength)
		} else {
			m.body, err = new(sending.Spool).Read(in.Body, in.ContentLength)
		}
		if err != nil {
			t.Error(err)
			return
		}
		defer m.body.Close()
		r := m.request(t)
		r.Expect = in.Header.Get("Expect") != ""
		r.Upgrade = in.Header.Get("Upgrade")
		var response *sending.Response
		defer func() {
			if response != nil {
				reports <- response.Report()
			}
		}()
		(&httputil.ReverseProxy{
			Rewrite: func(*httputil.ProxyRequest) {},
			Transport: roundTrip(func(ctx context.Context, _ *http.Request) (_ *http.Response, err error) {
				if response, err = c.Send(ctx, r); err != nil {
					return nil, err
				}
				headers.Back(response.Response.Header, response.Response.StatusCode)
				return response.Response, nil
			}),
			ErrorLog: discardLog,
			ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
				if e := new(sending.Error); errors.As(err, &e) {
					reports <- e.Report
				}
				w.WriteHeader(http.StatusBadGateway)
			},
		}).ServeHTTP(w, in)
	}))
	t.Cleanup(proxy.Close)
	return proxy, reports
}

// exchangeRaw writes bytes to a server and returns all bytes of the response.
func exchangeRaw(t *testing.T, server *httptest.Server, request string) string {
	t.Helper()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = io.WriteString(conn, request)
	response, _ := io.ReadAll(conn)
	return string(response)
}

// TestSend_BehindReverseProxy compares raw requests and responses that pass through
// httputil.ReverseProxy, as in package proxy.
func TestSend_BehindReverseProxy(t *testing.T) {
	const end = "Host: proxy\r\nConnection: close\r\n"
	zipped := packed("hello")
	for name, row := range map[string]struct {
		request  string
		response string
		want     []string // in the response
		not      []string
		arrives  []string // in the request that reaches the server
		outcome  sending.Outcome
	}{
		"GET": {
			request: "GET /b/k?acl HTTP/1.1\r\n" + end + "\r\n", response: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nAlt-Svc: " +
				"h3\r\nSet-Cookie: a\r\nX-Amz-Id-2: 7\r\n\r\nhi",
			want: []string{
				"200 OK", "X-Amz-Id-2: 7", "\r\n\r\nhi",
			}, not: []string{"Alt-Svc", "Set-Cookie"}, arrives: []string{"GET /b/k?acl= HTTP/1.1"}, outcome: sending.OutcomeComplete,
		},
		"gzip": {
			request: "GET / HTTP/1.1\r\n" + end + "\r\n", response: fmt.Sprintf(
				"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", len(zipped), zipped,
			),
			want: []string{"Content-Encoding: gzip", zipped, fmt.Sprintf("Content-Length: %d", len(zipped))}, outcome: sending.OutcomeComplete,
		},
		"trailers": {
			request: "GET / HTTP/1.1\r\n" + end + "\r\n", response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: " +
				"X-Sum\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 7\r\n\r\n",
			want: []string{"Trailer: X-Sum", "0\r\nX-Sum: 7\r\n\r\n"}, outcome: sending.OutcomeComplete,
		},
		"103": {
			request: "GET / HTTP/1.1\r\n" + end + "\r\n", response: "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
			want: []string{"103 Early Hints\r\nLink: </a>", "204 No Content"}, outcome: sending.OutcomeComplete,
		},
		"HEAD": {
			request: "HEAD / HTTP/1.1\r\n" + end + "\r\n", response: "HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n",
			want: []string{"Content-Length: 12345"}, outcome: sending.OutcomeComplete,
		},
		"an error": {
			request: "GET / HTTP/1.1\r\n" + end + "\r\n", response: "HTTP/1.1 404 Not Found\r\nContent-Type: application/" +
				"xml\r\nContent-Length: 41\r\n\r\n<Error><Code>NoSuchKey</Code><A/></Error>",
			want: []string{"404 Not Found", "<Error><Code>NoSuchKey</Code><A/></Error>"}, outcome: sending.OutcomeRefused,
		},
		"a response that breaks off": {
			request: "GET / HTTP/1.1\r\n" + end + "\r\n", response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n",
			not: []string{"0\r\n\r\n"}, outcome: sending.OutcomeBroken,
		},
		"a spooled body": {
			request: "PUT /b/k HTTP/1.1\r\n" + end + "Content-Length: 5\r\nX-Api-Key: " +
				"secret\r\n\r\nhello", response: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
			arrives: []string{"Content-Length: 5\r\n", "\r\n\r\nhello"}, outcome: sending.OutcomeComplete,
		},
		"a claimed body in chunks": {
			request: "PUT /b/k HTTP/1.1\r\n" + end + "Transfer-Encoding: " +
				"chunked\r\nX-Amz-Content-Sha256: " + sha256Hex([]byte("hello")) + "\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
			response: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", arrives: []string{"5\r\nhello\r\n0\r\n\r\n"}, outcome: sending.OutcomeComplete,
		},
		"a body that breaks off": {
			request: "PUT /b/k HTTP/1.1\r\n" + end + "Transfer-Encoding: " +
				"chunked\r\nX-Amz-Content-Sha256: " + sha256Hex([]byte("hello")) + "\r\n\r\n5\r\nhello\r\nzz\r\n\r\n",
			want: []string{"502"}, outcome: sending.OutcomeBroken,
		},
		"an upgrade": {
			request:  "GET / HTTP/1.1\r\nHost: proxy\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
			response: "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nbytes",
			want:     []string{"101 Switching", "Upgrade: websocket", "\r\n\r\nbytes"}, outcome: sending.OutcomeComplete,
		},
	} {
		t.Run(name, func(t *testing.T) {
			arrived := make(chan string, 1)
			server := newRawServer(t, func(conn net.Conn, r *bufio.Reader) {
				var all strings.Builder
				req, err := http.ReadRequest(bufio.NewReader(io.TeeReader(r, &all)))
				if err == nil {
					_, err = io.Copy(io.Discard, req.Body)
				}
				arrived <- all.String()
				if err == nil {
					_, _ = io.WriteString(conn, row.response)
				}
			})
			proxy, reports := behindProxy(t, server.host())
			got, sent := exchangeRaw(t, proxy, row.request), <-arrived
			for _, text := range row.want {
				if !strings.Contains(got, text) {
					t.Errorf("%q is not in the response %q", text, got)
				}
			}
			for _, text := range row.not {
				if strings.Contains(got, text) {
					t.Errorf("%q is in the response %q", text, got)
				}
			}
			for _, text := range row.arrives {
				if !strings.Contains(sent, text) {
					t.Errorf("%q is not in the request %q", text, sent)
				}
			}
			if strings.Contains(sent, "secret") || strings.Contains(sent, "X-Forwarded") {
				t.Errorf("%q reached the server", sent)
			}
			if report := <-reports; report.Outcome != row.outcome {
				t.Errorf("report %+v, want outcome %s", report, row.outcome)
			}
		})
	}
}
