package proxy_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
	"time"
)

// request makes a request for the proxy.
func (s *secure) request(t testing.TB, method, host string, body io.Reader, headers ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path(host, "/a"), body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

func (s *secure) do(t testing.TB, r *http.Request) *http.Response {
	t.Helper()
	response, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	if response.ProtoMajor != 2 {
		t.Fatalf("the client speaks %s", response.Proto)
	}
	return response
}

func TestProxy_ReturnsResponsesOverHTTP2(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	for name, row := range map[string]struct {
		method, wire  string
		status        int
		body, trailer string
		headers       map[string]string // empty for none
		interim       int
		broken        bool
	}{
		"length": {wire: ok + "Content-Length: 5\r\n\r\nhello", status: 200, body: "hello", headers: map[string]string{"Content-Length": "5"}},
		"chunks": {wire: ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", status: 200, body: "hello"},
		"trailers": {
			wire: ok + "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 7\r\n\r\n", status: 200, body: "hi",
			trailer: "7",
		},
		"trailers not announced": {
			wire: ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 7\r\n\r\n", status: 200, body: "hi", trailer: "7",
		},
		"HEAD": {method: "HEAD", wire: ok + "Content-Length: 12345\r\n\r\n", status: 200, headers: map[string]string{"Content-Length": "12345"}},
		"304":  {wire: "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n", status: 304, headers: map[string]string{"Etag": `"x"`}},
		"103 first": {
			wire: "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + ok + "Content-Length: 1\r\n\r\nx", status: 200, body: "x", interim: 103,
		},
		"of the connection": {
			wire:   ok + "Connection: X-B\r\nX-B: 1\r\nKeep-Alive: timeout=5\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n",
			status: 200, headers: map[string]string{"Connection": "", "X-B": "", "Keep-Alive": "", "Upgrade": ""},
		},
		"metadata": {
			wire: ok + "x-amz-meta-a: 1\r\nContent-Length: 0\r\n\r\n", status: 200, headers: map[string]string{"X-Amz-Meta-A": "1"},
		},
		"a redirect within": {
			wire: "HTTP/1.1 307 T\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n", status: 307,
			headers: map[string]string{"Location": "PREFIX/b"},
		},
		"shorter than announced": {wire: ok + "Content-Length: 9\r\n\r\nhello", status: 200, body: "hello", broken: true},
		"chunks without an end":  {wire: ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n", status: 200, body: "hel", broken: true},
		"nothing":                {wire: "", status: 504, headers: map[string]string{"X-Problem": "aws_timeout"}},
	} {
		t.Run(name, func(t *testing.T) {
			server := newRawServer(t, func(conn net.Conn, r *bufio.Reader) {
				if _, err := readRequest(r); err == nil {
					_, _ = io.WriteString(conn, row.wire)
				}
			})
			s := newFront(t, options{}, server.host()).overHTTP2(t)
			s.Client().CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			r, interim := s.request(t, row.method, server.host(), nil), 0
			response := s.do(t, r.WithContext(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
				Got1xxResponse: func(code int, _ textproto.MIMEHeader) error { interim = code; return nil },
			})))
			body, err := io.ReadAll(response.Body)
			if (err != nil) != row.broken {
				t.Errorf("reading the body: %v, want broken: %t", err, row.broken)
			}
			if response.StatusCode != row.status || string(body) != row.body || response.Trailer.Get("X-Sum") != row.trailer {
				t.Errorf("%s %q, trailers %q", response.Status, body, response.Trailer)
			}
			if interim != row.interim {
				t.Errorf("interim response %d, want %d", interim, row.interim)
			}
			for name, want := range row.headers {
				want = strings.ReplaceAll(want, "PREFIX", path(server.host(), ""))
				if got := response.Header.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
		})
	}
}

// Each piece reaches the other side before the next is written, in both directions at once. Meanwhile no deadline is
// shorter than what AWS may take.
func TestProxy_StreamsBothWaysOverHTTP2(t *testing.T) {
	server := newRawServer(t, func(conn net.Conn, r *bufio.Reader) {
		if _, err := readRequest(r); err != nil {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
		for range 10 {
			piece := make([]byte, 3)
			if _, err := io.ReadFull(r, piece); err != nil {
				return
			}
			_, _ = fmt.Fprintf(conn, "3\r\n%s\r\n", piece)
		}
		_, _ = io.WriteString(conn, "0\r\n\r\n")
	})
	f := newFront(t, options{}, server.host())
	s := f.overHTTP2(t)
	body, client := io.Pipe()
	text := strings.Repeat("abc", 10)
	r := s.request(t, "PUT", server.host(), body, "X-Amz-Content-Sha256", sha256Hex(text))
	r.ContentLength = int64(len(text))
	response := s.do(t, r)
	stream := <-s.limits
	for i := range 10 {
		if _, err := io.WriteString(client, "abc"); err != nil {
			t.Fatal(err)
		}
		if i == 9 {
			client.Close() // the last piece waits until it is known to be the last
		}
		piece := make([]byte, 3)
		if _, err := io.ReadFull(response.Body, piece); err != nil {
			t.Fatalf("piece %d: %v", i, err)
		}
		if read, write := stream.get(); !outlasts(read) || !outlasts(write) {
			t.Errorf("deadlines %v and %v", read, write)
		}
	}
	if rest, err := io.ReadAll(response.Body); err != nil || len(rest) > 0 {
		t.Errorf("then %q, %v", rest, err)
	}
	if got := f.audit.outcome(t); got.Outcome != "complete" || got.BytesIn != 30 || got.BytesOut != 30 {
		t.Errorf("outcome %+v", got.Sent)
	}
}

// AWS may take longer to begin its response, and the client to send its body, than the server's timeouts allow.
func TestProxy_HTTP2StreamsOutlastTheServerTimeouts(t *testing.T) {
	for name, headers := range map[string][]string{"claimed": {"X-Amz-Content-Sha256", sha256Hex("hello")}, "hashed": nil} {
		t.Run(name, func(t *testing.T) {
			came, rest := make(chan struct{}), make(chan struct{})
			server := newRawServer(t, func(conn net.Conn, r *bufio.Reader) {
				s, err := readRequest(r)
				if err != nil {
					return
				}
				_, _ = s.readBody(r)
				close(came)
				<-rest
				_, _ = io.WriteString(conn, noContent)
			})
			s := newFront(t, options{}, server.host()).overHTTP2(t)
			body, client := io.Pipe()
			go func() {
				stream := <-s.limits
				_, _ = io.WriteString(client, "he")
				for read, write := stream.get(); !outlasts(read) || !outlasts(write); read, write = stream.get() {
					time.Sleep(time.Millisecond)
				}
				_, _ = io.WriteString(client, "llo")
				client.Close()
				<-came
				if read, write := stream.get(); !outlasts(read) || !outlasts(write) {
					t.Errorf("while AWS works: deadlines %v and %v", read, write)
				}
				close(rest)
			}()
			if response := s.do(t, s.request(t, "PUT", server.host(), body, headers...)); response.StatusCode != 204 {
				t.Error(response.Status)
			}
		})
	}
}

// An upload that the client breaks off never looks complete to AWS.
func TestProxy_BrokenUploadsOverHTTP2AreNeverComplete(t *testing.T) {
	claim := []string{"X-Amz-Content-Sha256", sha256Hex("hello")}
	for name, row := range map[string]struct {
		headers []string
		length  int64
	}{"claimed": {claim, 5}, "claimed, without a length": {claim, -1}, "hashed": {nil, 5}, "hashed, without a length": {nil, -1}} {
		t.Run(name, func(t *testing.T) {
			came, whole := make(chan struct{}), make(chan bool, 1)
			server := newRawServer(t, func(_ net.Conn, r *bufio.Reader) {
				s, err := readRequest(r)
				if err != nil {
					return
				}
				close(came)
				_, err = s.readBody(r)
				whole <- err == nil
			})
			s := newFront(t, options{}, server.host()).overHTTP2(t)
			body, client := io.Pipe()
			r := s.request(t, "PUT", server.host(), body, row.headers...)
			r.ContentLength = row.length
			go func() {
				_, _ = io.WriteString(client, "hel")
				if row.headers != nil {
					<-came
				}
				client.CloseWithError(io.ErrUnexpectedEOF) // sends RST_STREAM
			}()
			if response, err := s.Client().Do(r); err == nil {
				t.Error(response.Status)
			}
			s.Close() // waits for the proxy
			if row.headers != nil {
				if <-whole {
					t.Error("AWS read a whole body")
				}
				return
			}
			select {
			case <-came:
				t.Error("AWS was called")
			default:
			}
		})
	}
}

func TestProxy_ADisconnectedHTTP2ClientEndsTheRequest(t *testing.T) {
	gone := make(chan struct{})
	server := newRawServer(t, func(conn net.Conn, r *bufio.Reader) {
		if _, err := readRequest(r); err != nil {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
		_, _ = r.ReadByte()
		close(gone)
	})
	f := newFront(t, options{}, server.host())
	s := f.overHTTP2(t)
	ctx, cancel := context.WithCancel(t.Context())
	response := s.do(t, s.request(t, "GET", server.host(), nil, "Accept", "text/event-stream").WithContext(ctx))
	if _, err := io.ReadFull(response.Body, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	cancel()
	select {
	case <-gone:
	case <-time.After(10 * time.Second):
		t.Fatal("AWS is still sending")
	}
	if got := f.audit.outcome(t); got.Outcome != "caller_gone" {
		t.Errorf("outcome %+v", got.Sent)
	}
}

// Streams and bodies break off when the proxy stops; the connection does not.
func TestStop_EndsHTTP2Streams(t *testing.T) {
	server := newRawServer(t, func(conn net.Conn, r *bufio.Reader) {
		if _, err := readRequest(r); err != nil {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
		_, _ = r.ReadByte()
	})
	f := newFront(t, options{}, server.host())
	s := f.overHTTP2(t)
	ends := make(chan error, 3)
	for _, headers := range [][]string{nil, {"X-Amz-Content-Sha256", sha256Hex("hello")}} { // uploads that do not go on
		body, client := io.Pipe()
		t.Cleanup(func() { client.Close() })
		go func() {
			response, err := s.Client().Do(s.request(t, "PUT", server.host(), body, headers...))
			if err == nil {
				_, err = io.ReadAll(response.Body)
			}
			ends <- err
		}()
		_, _ = io.WriteString(client, "he")
	}
	response := s.do(t, s.request(t, "GET", server.host(), nil))
	if _, err := io.ReadFull(response.Body, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	go func() {
		_, err := io.ReadAll(response.Body)
		ends <- err
	}()
	f.Stop()
	for range 3 {
		select {
		case err := <-ends:
			if err == nil {
				t.Error("a stream that was cut ended without an error")
			}
		case <-time.After(10 * time.Second):
			t.Fatal("a stream goes on")
		}
	}
}
