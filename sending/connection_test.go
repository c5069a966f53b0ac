package sending_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"countersign/sending"
	"countersign/signing"
)

// If a keep-alive connection is lost after the next request was written, net/http may
// repeat a GET by itself, which is reported, but never a POST, whatever its headers.
func TestSend_LostKeepAliveConnection(t *testing.T) {
	for name, row := range map[string]struct {
		method   string
		headers  []signing.Header
		body     func() *sending.Body
		arrivals int32
		resent   int
		kind     error
	}{
		"GET":  {method: "GET", arrivals: 3, resent: 1},
		"POST": {method: "POST", arrivals: 2, kind: sending.ErrNoResponse},
		"POST with a body": {
			method: "POST", arrivals: 2, kind: sending.ErrNoResponse, body: func() *sending.Body { return sending.Bytes([]byte("x")) },
		},
		"POST, Idempotency-Key": {
			method: "POST", headers: []signing.Header{{Name: "Idempotency-Key", Value: "k"}}, arrivals: 2, kind: sending.ErrNoResponse,
		},
		"POST, x-idempotency-key": {
			method: "POST", headers: []signing.Header{{Name: "x-idempotency-key", Value: "k"}}, arrivals: 2, kind: sending.ErrNoResponse,
		},
		"POST with a body, Idempotency-Key": {
			method: "POST", headers: []signing.Header{{Name: "IDEMPOTENCY-KEY", Value: "k"}}, arrivals: 2, kind: sending.ErrNoResponse,
			body: func() *sending.Body { return sending.Bytes([]byte("x")) },
		},
		"DELETE, Idempotency-Key": {
			method: "DELETE", headers: []signing.Header{{Name: "Idempotency-Key", Value: "k"}}, arrivals: 2, kind: sending.ErrNoResponse,
		},
		"PUT with a body": {
			method: "PUT", arrivals: 2, kind: sending.ErrNoResponse, body: func() *sending.Body { return sending.Bytes([]byte("x")) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			var arrivals atomic.Int32
			server := newRawServer(t, func(conn net.Conn, r *bufio.Reader) {
				for {
					req, err := http.ReadRequest(r)
					if err != nil {
						return
					}
					_, _ = io.Copy(io.Discard, req.Body)
					if arrivals.Add(1) == 2 {
						return
					}
					_, _ = io.WriteString(conn, "HTTP/1.1 204 No Content\r\n\r\n")
				}
			})
			c := newClient(t, sending.Options{HTTPHosts: []string{server.host()}})
			a, err := c.Send(t.Context(), message{method: "GET", url: "http://" + server.host() + "/"}.request(t))
			if err != nil {
				t.Fatal(err)
			}
			readAll(t, a)
			m := message{method: row.method, url: "http://" + server.host() + "/", headers: row.headers}
			if row.body != nil {
				m.body = row.body()
			}
			a, err = c.Send(t.Context(), m.request(t))
			var report sending.Report
			if row.kind != nil {
				report = wantError(t, err, row.kind)
			} else if err != nil {
				t.Fatal(err)
			} else {
				readAll(t, a)
				report = a.Report()
			}
			if arrivals.Load() != row.arrivals || len(report.Attempts) != 1 || report.Attempts[0].Resent != row.resent {
				t.Errorf("%d arrived, report %+v", arrivals.Load(), report)
			}
		})
	}
}

// If the server closed an idle connection, the request was not written and so is sent
// over a new one.
func TestSend_IdleConnectionClosedByServer(t *testing.T) {
	first := make(chan net.Conn, 1)
	var arrivals atomic.Int32
	server := newRawServer(t, func(conn net.Conn, r *bufio.Reader) {
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, req.Body)
			n := arrivals.Add(1) // before the response, which the test waits for
			if _, _ = io.WriteString(conn, "HTTP/1.1 204 No Content\r\n\r\n"); n == 1 {
				first <- conn
			}
		}
	})
	c := newClient(t, sending.Options{HTTPHosts: []string{server.host()}})
	post := func() {
		t.Helper()
		a, err := c.Send(t.Context(), message{method: "POST", url: "http://" + server.host() + "/", body: sending.Bytes([]byte("x"))}.request(t))
		if err != nil {
			t.Fatal(err)
		}
		readAll(t, a)
	}
	post()
	(<-first).Close()
	post()
	if arrivals.Load() != 2 {
		t.Errorf("%d arrived", arrivals.Load())
	}
}

// tlsServer starts a server with its own certificate, which it returns in PEM.
func tlsServer(t *testing.T, h http.Handler, change func(*httptest.Server)) (*httptest.Server, []byte) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = discardLog
	if change != nil {
		change(s)
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
}

func TestSend_TLS(t *testing.T) {
	ok := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) })
	for name, row := range map[string]struct {
		change  func(*httptest.Server)
		trusted bool
		host    string
		body    string
		kind    error
		tries   int
	}{
		"HTTP/1.1":            {trusted: true, body: "HTTP/1.1"},
		"HTTP/2":              {trusted: true, change: func(s *httptest.Server) { s.EnableHTTP2 = true }, body: "HTTP/2.0"},
		"unknown certificate": {kind: sending.ErrTLS, tries: 1},
		"another name":        {trusted: true, host: "localhost", kind: sending.ErrTLS, tries: 1},
		"TLS 1.1 at most": {trusted: true, change: func(s *httptest.Server) {
			s.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
		}, kind: sending.ErrTLS, tries: 3},
	} {
		t.Run(name, func(t *testing.T) {
			server, certificate := tlsServer(t, ok, row.change)
			o := sending.Options{HTTPHosts: []string{server.Listener.Addr().String()}}
			if row.trusted {
				o.ExtraCAs = certificate
			}
			target := server.URL
			if row.host != "" {
				_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
				target = "https://" + row.host + ":" + port
			}
			c := newClient(t, o)
			a, err := c.Send(t.Context(), message{method: "GET", url: target + "/"}.request(t))
			if row.kind != nil {
				if e := wantError(t, err, row.kind); len(e.Attempts) != row.tries || e.Outcome != sending.OutcomeUnreachable {
					t.Errorf("report %+v", e)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if body := readAll(t, a); body != row.body {
				t.Errorf("got %q, want %q", body, row.body)
			}
		})
	}
}

// A second connection to a host resumes the TLS session, but not one of another client, which may trust other CAs.
func TestSend_ResumesTheTLSSession(t *testing.T) {
	server, certificate := tlsServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		_, _ = fmt.Fprint(w, r.TLS.DidResume)
	}), nil)
	o := sending.Options{HTTPHosts: []string{server.Listener.Addr().String()}, ExtraCAs: certificate}
	first, second := newClient(t, o), newClient(t, o)
	for i, row := range []struct {
		client *sending.Client
		want   string
	}{{first, "false"}, {first, "true"}, {second, "false"}} {
		a, err := row.client.Send(t.Context(), message{method: "GET", url: server.URL + "/"}.request(t))
		if err != nil {
			t.Fatal(err)
		}
		if got := readAll(t, a); got != row.want {
			t.Errorf("request %d resumed: %s, want %s", i, got, row.want)
		}
	}
}

// The server sends plain text instead of TLS.
func TestSend_ServerWithoutTLS(t *testing.T) {
	server := newRawServer(t, func(conn net.Conn, _ *bufio.Reader) { _, _ = io.WriteString(conn, "HTTP/1.1 400 Bad\r\n\r\n") })
	c := newClient(t, sending.Options{HTTPHosts: []string{server.host()}})
	r := message{method: "POST", url: "https://" + server.host() + "/"}.request(t)
	r.Retry = sending.RetryNever
	_, err := c.Send(t.Context(), r)
	wantError(t, err, sending.ErrTLS)
}

// With a proxy, only the proxy is dialed, whatever its address, and the host's
// certificate is verified through it.
func TestSend_UpstreamProxy(t *testing.T) {
	server, certificate := tlsServer(
		t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "fine") }), nil,
	)
	var asked sync.Map
	tunnels := make(chan chan struct{}, 8) // each closed at its end
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.Method+" "+r.Host, true)
		if strings.HasPrefix(r.Host, "refused.") {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		far, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		near, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		ended := make(chan struct{})
		tunnels <- ended
		go func() {
			defer close(ended)
			var wg sync.WaitGroup
			_, _ = io.WriteString(near, "HTTP/1.1 200 OK\r\n\r\n")
			wg.Go(func() { _, _ = io.Copy(far, near); far.Close() })
			_, _ = io.Copy(near, far)
			near.Close()
			wg.Wait()
		}()
	}))
	defer func() {
		proxy.Close()
		for len(tunnels) > 0 {
			<-<-tunnels
		}
	}()
	to, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	o := sending.Options{ExtraCAs: certificate, Proxy: func(u *url.URL) (*url.URL, error) {
		switch u.Hostname() {
		case "direct.example", "127.0.0.1":
			return nil, nil
		case "broken.example":
			return nil, errors.New("no such proxy")
		}
		return to, nil
	}}
	c := newClient(t, o)
	defer c.Close()
	send := func(target string) (*sending.Response, error) {
		r := message{method: "GET", url: target}.request(t)
		r.Retry = sending.RetryNever
		return c.Send(t.Context(), r)
	}
	a, err := send("https://example.com/") // the name in httptest's certificate
	if err != nil {
		t.Fatal(err)
	}
	if body := readAll(t, a); body != "fine" || a.Report().RemoteAddress != proxy.Listener.Addr().String() {
		t.Errorf("%q through %s", body, a.Report().RemoteAddress)
	}
	if _, ok := asked.Load("CONNECT example.com:443"); !ok {
		t.Error("the proxy was not used")
	}
	_, err = send("https://other.invalid/")
	wantError(t, err, sending.ErrTLS)
	_, err = send("https://refused.example/")
	wantError(t, err, sending.ErrNotConnected)
	_, err = send("https://broken.example/")
	wantError(t, err, sending.ErrNotConnected)
	// Requests that bypass the proxy are checked as usual.
	_, err = send("https://127.0.0.1:" + to.Port() + "/")
	wantError(t, err, sending.ErrAddressRefused)
	_, err = send("http://" + to.Host + "/")
	wantError(t, err, sending.ErrAddressRefused)
}

// framed serves HTTP/2 frame by frame. It calls serve with the number of each request.
func framed(t *testing.T, serve func(n int, f *http2.Framer, stream uint32)) (string, []byte, *atomic.Int32) {
	t.Helper()
	certified, certificate := tlsServer(t, http.NotFoundHandler(), nil)
	l, err := tls.Listen(
		"tcp", "127.0.0.1:0",
		&tls.Config{Certificates: certified.TLS.Certificates, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12},
	)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	arrivals := new(atomic.Int32)
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			context.AfterFunc(t.Context(), func() { conn.Close() }) // a client keeps connections that it may reuse
			wg.Go(func() {
				defer conn.Close()
				if _, err := io.ReadFull(conn, make([]byte, len(http2.ClientPreface))); err != nil {
					return
				}
				f := http2.NewFramer(conn, conn)
				_ = f.WriteSettings()
				for {
					frame, err := f.ReadFrame()
					if err != nil {
						return
					}
					switch frame := frame.(type) {
					case *http2.SettingsFrame:
						if !frame.IsAck() {
							_ = f.WriteSettingsAck()
						}
					case *http2.HeadersFrame:
						if frame.StreamEnded() {
							serve(int(arrivals.Add(1)), f, frame.StreamID)
						}
					case *http2.DataFrame:
						if frame.StreamEnded() {
							serve(int(arrivals.Add(1)), f, frame.StreamID)
						}
					}
				}
			})
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return l.Addr().String(), certificate, arrivals
}

func okOverHTTP2(f *http2.Framer, stream uint32) {
	var b strings.Builder
	_ = hpack.NewEncoder(&b).WriteField(hpack.HeaderField{Name: ":status", Value: "204"})
	_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: []byte(b.String()), EndHeaders: true, EndStream: true})
}

// An HTTP/2 server can say that it did not process a request. Such a request is repeated whatever its method; others only
// if the method is idempotent.
func TestSend_RepeatsWhatHTTP2DidNotProcess(t *testing.T) {
	for name, row := range map[string]struct {
		first    func(f *http2.Framer, stream uint32)
		again    bool // with a body, which net/http does not repeat by itself
		bodyless bool // without a body
	}{
		"refused stream":         {func(f *http2.Framer, stream uint32) { _ = f.WriteRSTStream(stream, http2.ErrCodeRefusedStream) }, true, true},
		"going away":             {func(f *http2.Framer, stream uint32) { _ = f.WriteGoAway(stream-1, http2.ErrCodeNo, nil) }, true, false},
		"cancelled":              {func(f *http2.Framer, stream uint32) { _ = f.WriteRSTStream(stream, http2.ErrCodeCancel) }, false, false},
		"internal error":         {func(f *http2.Framer, stream uint32) { _ = f.WriteRSTStream(stream, http2.ErrCodeInternal) }, false, false},
		"protocol error":         {func(f *http2.Framer, stream uint32) { _ = f.WriteRSTStream(stream, http2.ErrCodeProtocol) }, false, false},
		"going away for a fault": {func(f *http2.Framer, stream uint32) { _ = f.WriteGoAway(0, http2.ErrCodeEnhanceYourCalm, nil) }, true, true},
	} {
		for _, method := range methods {
			if testing.Short() && method != "POST" && method != "PUT" {
				continue
			}
			for _, kind := range []string{"none", "empty", "bytes", "spooled", "streamed", "streamed chunks"} {
				t.Run(fmt.Sprintf("%s, %s with body %s", name, method, kind), func(t *testing.T) {
					host, certificate, arrivals := framed(t, func(n int, f *http2.Framer, stream uint32) {
						if n == 1 {
							row.first(f, stream)
						} else {
							okOverHTTP2(f, stream)
						}
					})
					c := newClient(t, sending.Options{HTTPHosts: []string{host}, ExtraCAs: certificate})
					defer c.Close()
					idempotent, bodyless := method != "POST" && method != "PATCH", kind == "none" || kind == "empty"
					unprocessed := row.again && !bodyless || row.bodyless && bodyless
					r := message{method: method, url: "https://" + host + "/", body: bodyKinds[kind](t)}.request(t)
					r.Retry = sending.RetryStandard
					a, err := c.Send(t.Context(), r)
					if !idempotent && !unprocessed || strings.HasPrefix(kind, "streamed") {
						var failure *sending.Error
						if !errors.As(err, &failure) || arrivals.Load() != 1 || failure.Report.Written() == unprocessed {
							t.Errorf("%d arrived, error %+v", arrivals.Load(), err)
						}
						return
					}
					if err != nil {
						t.Fatal(err)
					}
					readAll(t, a)
					report := a.Report()
					if tries := len(report.Attempts) + report.Attempts[0].Resent; arrivals.Load() != 2 || tries != 2 {
						t.Errorf("%d arrived, report %+v", arrivals.Load(), report)
					}
				})
			}
		}
	}
}

// After an upgrade, bytes pass in both directions until the caller's context ends.
func TestSend_Upgrade(t *testing.T) {
	server := newRawServer(t, func(conn net.Conn, r *bufio.Reader) {
		_, headers, err := readHead(r)
		if err != nil || fmt.Sprint(valuesOf(headers, "Upgrade")) != "[websocket]" {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		_, _ = io.Copy(conn, r)
	})
	c := newClient(t, sending.Options{HTTPHosts: []string{server.host()}})
	ctx, cancel := context.WithCancel(t.Context())
	r := message{method: "GET", url: "http://" + server.host() + "/"}.request(t)
	r.Upgrade = "websocket"
	a, err := c.Send(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	conn, ok := a.Response.Body.(io.ReadWriteCloser)
	if a.Response.StatusCode != 101 || !ok {
		t.Fatalf("status %d, writable: %v", a.Response.StatusCode, ok)
	}
	for _, text := range []string{"one", "two"} {
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		echo := make([]byte, 3)
		if _, err := io.ReadFull(conn, echo); err != nil || string(echo) != text {
			t.Fatalf("%q, %v", echo, err)
		}
	}
	if a.Report().Outcome != "" {
		t.Errorf("outcome %q while it lasts", a.Report().Outcome)
	}
	cancel()
	if n, err := conn.Read(make([]byte, 1)); err == nil {
		t.Errorf("%d bytes after the end", n)
	}
	conn.Close()
	if report := a.Report(); report.BytesIn != 6 || report.BytesOut != 6 || report.Outcome != sending.OutcomeCallerGone {
		t.Errorf("report %+v", report)
	}
}

// A status that cannot be final is not a response, so it is unknown whether AWS acted on the request.
func TestSend_InvalidFinalStatus(t *testing.T) {
	for name, row := range map[string]struct{ method, wire string }{
		"101 to a GET":           {"GET", "101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x"},
		"101 to a POST":          {"POST", "101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x"},
		"101 to HEAD":            {"HEAD", "101 Switching Protocols"},
		"an invalid status":      {"POST", "000 Nothing\r\nContent-Length: 0"},
		"another invalid status": {"GET", "099 Nothing\r\nContent-Length: 0"},
		"101 after interim ones": {"GET", "103 Early Hints\r\n\r\nHTTP/1.1 101 Switching Protocols"},
	} {
		t.Run(name, func(t *testing.T) {
			server, _ := answering(t, "HTTP/1.1 "+row.wire+"\r\n\r\n")
			c := newClient(t, sending.Options{HTTPHosts: []string{server.host()}})
			r := message{method: row.method, url: "http://" + server.host() + "/"}.request(t)
			r.Retry = sending.RetryStandard
			_, err := c.Send(t.Context(), r)
			report := wantError(t, err, sending.ErrBroken)
			if len(report.Attempts) != 1 || !report.Written() || report.Outcome != sending.OutcomeBroken {
				t.Errorf("report %+v", report)
			}
		})
	}
}

// After an upgrade, either side may close its half first.
func TestSend_UpgradeHalfClose(t *testing.T) {
	server := newRawServer(t, func(conn net.Conn, r *bufio.Reader) {
		if _, _, err := readHead(r); err != nil {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
		all, _ := io.ReadAll(r)
		_, _ = fmt.Fprintf(conn, "%d", len(all))
	})
	c := newClient(t, sending.Options{HTTPHosts: []string{server.host()}})
	r := message{method: "GET", url: "http://" + server.host() + "/"}.request(t)
	r.Upgrade = "x"
	a, err := c.Send(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	conn := a.Response.Body.(io.ReadWriteCloser)
	_, _ = io.WriteString(conn, "hello")
	if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if text := readAll(t, a); text != "5" || a.Report().Outcome != sending.OutcomeComplete {
		t.Errorf("%q, report %+v", text, a.Report())
	}
	r.Body = sending.Bytes([]byte("x"))
	_, err = c.Send(t.Context(), r)
	wantError(t, err, sending.ErrUnsendable)
}
