package proxy_test

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// secure is the proxy behind a server that speaks HTTP/2.
type secure struct {
	*httptest.Server
	limits chan *limits
}

// overHTTP2 serves the proxy to clients that speak HTTP/2.
func (f *front) overHTTP2(t testing.TB) *secure {
	t.Helper()
	s := &secure{limits: make(chan *limits, 64)}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l := &limits{ResponseWriter: w}
		l.read, l.write = time.Now().Add(serverTimeout), time.Now().Add(serverTimeout)
		s.limits <- l
		f.server.Handler.ServeHTTP(l, r)
	}))
	s.EnableHTTP2 = true
	s.Config.ErrorLog, s.Config.ReadTimeout, s.Config.WriteTimeout = f.server.ErrorLog, serverTimeout, serverTimeout
	s.StartTLS()
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s
}

// limits are the deadlines of one stream. Over HTTP/2 they end it whatever it is waiting for.
type limits struct {
	http.ResponseWriter
	mu          sync.Mutex
	read, write time.Time
}

func (l *limits) Unwrap() http.ResponseWriter { return l.ResponseWriter }

func (l *limits) SetReadDeadline(at time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.read = at
	return http.NewResponseController(l.ResponseWriter).SetReadDeadline(at)
}

func (l *limits) SetWriteDeadline(at time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.write = at
	return http.NewResponseController(l.ResponseWriter).SetWriteDeadline(at)
}

func (l *limits) get() (read, write time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.read, l.write
}

// frames is a client that writes its own frames.
type frames struct {
	net.Conn
	*http2.Framer
}

func (s *secure) dial(t testing.TB) frames {
	t.Helper()
	config := s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	config.NextProtos, config.ServerName = []string{"h2"}, "example.com"
	conn, err := tls.Dial("tcp", s.Listener.Addr().String(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = io.WriteString(conn, http2.ClientPreface)
	f := frames{conn, http2.NewFramer(conn, conn)}
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	_ = f.WriteSettings()
	return f
}

// open writes the headers of stream 1: pairs of name and value.
func (f frames) open(end bool, fields ...string) {
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for i := 0; i < len(fields); i += 2 {
		_ = encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: end})
}

// status returns the status of the response, or the name of the error that ended the stream.
func (f frames) status(t testing.TB) string {
	t.Helper()
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		switch frame := frame.(type) {
		case *http2.MetaHeadersFrame:
			return frame.PseudoValue("status")
		case *http2.RSTStreamFrame:
			return frame.ErrCode.String()
		}
	}
}

// TestProxy_ForwardsRequestsOfHTTP2 compares what reaches AWS with the frames that the client wrote.
func TestProxy_ForwardsRequestsOfHTTP2(t *testing.T) {
	server, saw := answering(t, noContent)
	s := newFront(t, options{}, server.host()).overHTTP2(t)
	const none = "\x00"
	claim := []string{"x-amz-content-sha256", sha256Hex("hello")}
	for name, row := range map[string]struct {
		method, target string // target: default the path of AWS
		fields         []string
		body           string
		later          bool // the body, and never
		trailers       []string
		status         string            // default: 204; what is not passed has another
		headers        map[string]string // that reach AWS
	}{
		"GET":    {method: "GET", headers: map[string]string{"Content-Length": none, "Transfer-Encoding": none, "User-Agent": none}},
		"HEAD":   {method: "HEAD"},
		"DELETE": {method: "DELETE"},
		"a claim": {
			method: "PUT", fields: append(claim, "content-length", "5"), body: "hello", headers: map[string]string{"Content-Length": "5"},
		},
		"a claim without a length": {
			method: "PUT", fields: claim, body: "hello", headers: map[string]string{"Transfer-Encoding": "chunked", "Content-Length": none},
		},
		"neither claim nor length": {
			method: "PUT", body: "hello", headers: map[string]string{"Transfer-Encoding": none, "Content-Length": "5"},
		},
		"POST of nothing": {method: "POST", fields: []string{"content-length", "0"}, headers: map[string]string{"Content-Length": "0"}},
		"another Host":    {method: "GET", fields: []string{"host", "evil.example"}},
		"te":              {method: "GET", fields: []string{"te", "trailers"}, headers: map[string]string{"Te": "trailers"}},
		"trailers": {
			method: "PUT", fields: append(claim, "trailer", "x-a"), body: "hello", trailers: []string{"x-a", "1"},
			headers: map[string]string{"Trailer": none, "X-A": none},
		},
		"Expect": {method: "PUT", fields: append(claim, "content-length", "5", "expect", "100-continue"), body: "hello"},
		"cookies, in pieces": {
			method: "GET", fields: []string{"cookie", "a=1", "cookie", "b=2"}, headers: map[string]string{"Cookie": none},
		},
		"of a connection":                {method: "GET", fields: []string{"connection", "x-amz-date"}, status: "400"},
		"chunks":                         {method: "PUT", fields: []string{"transfer-encoding", "chunked"}, body: "0\r\n\r\n", status: "400"},
		"an upgrade":                     {method: "GET", fields: []string{"upgrade", "websocket"}, status: "400"},
		"a URL as path":                  {method: "GET", target: "http://" + server.host() + "/", status: "400"},
		"CONNECT":                        {method: "CONNECT", status: "PROTOCOL_ERROR"},
		"a body longer than it says":     {method: "PUT", fields: append(claim, "content-length", "3"), body: "hello", status: "PROTOCOL_ERROR"},
		"a length that is none":          {method: "PUT", fields: append(claim, "content-length", "five"), later: true, status: "400"},
		"a length that is none, hashed":  {method: "PUT", fields: []string{"content-length", "-5"}, later: true, status: "400"},
		"a body that is missing":         {method: "PUT", fields: append(claim, "content-length", "5"), status: "400"},
		"a body that is missing, hashed": {method: "PUT", fields: []string{"content-length", "5"}, status: "400"},
	} {
		t.Run(name, func(t *testing.T) {
			f := s.dial(t)
			target := row.target
			if target == "" {
				target = path(server.host(), "/a?b=c")
			}
			fields := []string{":method", row.method, ":scheme", "https", ":authority", "proxy.example", ":path", target}
			f.open(row.body == "" && !row.later, append(fields, row.fields...)...)
			if row.body != "" {
				_ = f.WriteData(1, row.trailers == nil, []byte(row.body))
			}
			if row.trailers != nil {
				f.open(true, row.trailers...)
			}
			want := cmp.Or(row.status, "204")
			got := f.status(t)
			if got == "100" {
				got = f.status(t)
			}
			if got != want {
				t.Errorf("status %s, want %s", got, want)
			}
			if want != "204" {
				return
			}
			sent := arrived(t, saw)
			if sent.line != row.method+" /a?b=c HTTP/1.1" || sent.body != row.body || sent.value("Host") != server.host() {
				t.Errorf("%q to %s with %q", sent.line, sent.value("Host"), sent.body)
			}
			for name, want := range row.headers {
				if values := sent.values(name); (want == none) != (values == nil) || want != none && strings.Join(values, "\n") != want {
					t.Errorf("%s: %q, want %q", name, values, want)
				}
			}
			sent.mustBeSigned(t, "execute-api")
		})
	}
	if len(saw) > 0 {
		t.Errorf("%d requests more were passed on", len(saw))
	}
}
