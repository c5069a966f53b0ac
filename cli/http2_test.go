package cli

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// secured is a service that forwards requests, at a listener with tls_cert_file.
type secured struct {
	*reloaded
	address, upstream string
	config            *tls.Config
	stop              func() error // returns what serve returns
}

func secure(t *testing.T, upstream string, drain time.Duration, env map[string]string) *secured {
	t.Helper()
	dir := t.TempDir()
	certificate, key := tlsPair(t, 1)
	write(t, dir, "tls.crt", certificate)
	write(t, dir, "tls.key", key)
	write(t, dir, "countersign.yaml", fmt.Sprintf(`
allow_send: true
http_hosts: ['%s']
tls_cert_file: %s/tls.crt
tls_key_file: %[2]s/tls.key
address: 127.0.0.1
port: %s
callers: {api_keys: [{id: crm-sync, sha256: %s}]}
profiles:
  orders:
    region: eu-west-1
    source: static
    access_key_id: AKIDEXAMPLE
    secret_access_key: wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY
    hosts: {127.0.0.1: {service: execute-api, region: eu-west-1}}
`, upstream, dir, freePort(t), sha256Hex(dosKey)))
	r := reloading(t, dir, env)
	listener, err := listen(t.Context(), r.current.Load().conf)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.serve(ctx, listener, grace{drain: drain}); close(done) }()
	t.Cleanup(func() {
		cancel()
		<-done //nolint:errcheck // by stop
		r.close()
	})
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(certificate))
	return &secured{
		reloaded: r, address: listener.Addr().String(), upstream: upstream, config: &tls.Config{RootCAs: roots, ServerName: "localhost"},
		stop: func() error { cancel(); return <-done },
	}
}

// do sends a request through the service.
func (s *secured) do(t *testing.T, method, path string, body io.Reader) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "https://"+s.address+"/proxy/orders/"+s.upstream+path, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Api-Key", dosKey)
	transport := &http.Transport{
		TLSClientConfig: s.config, ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, address)
			if err == nil {
				_ = conn.(*net.TCPConn).SetReadBuffer(4 << 10)
			}
			return conn, err
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	response, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	if response.ProtoMajor != 2 {
		t.Fatalf("the client speaks %s", response.Proto)
	}
	return response
}

func TestListener_ForwardsRequestsOfHTTP2(t *testing.T) {
	aws := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		w.Header().Set("Trailer", "X-Sum")
		_, _ = fmt.Fprintf(w, "%s %s %s %d %v", r.Method, r.URL, r.Host, len(body), err)
		w.Header().Set("X-Sum", "7")
	}))
	defer aws.Close()
	upstream := strings.TrimPrefix(aws.URL, "http://")
	s := secure(t, upstream, 5*time.Second, nil)
	for _, row := range []struct{ method, path, body, want string }{
		{"GET", "/a?b=1", "", "GET /a?b=1 " + upstream + " 0 <nil>"},
		{"PUT", "/c", strings.Repeat("x", 2<<20), "PUT /c " + upstream + " 2097152 <nil>"},
	} {
		response := s.do(t, row.method, row.path, struct{ io.Reader }{strings.NewReader(row.body)})
		got, err := io.ReadAll(response.Body)
		if err != nil || string(got) != row.want || response.Trailer.Get("X-Sum") != "7" {
			t.Errorf("%s: %q %v %q", response.Status, got, err, response.Trailer)
		}
	}
	if err := s.stop(); err != nil {
		t.Errorf("the service ended with %v", err)
	}
}

// A stream goes on until the drain ends, and then breaks off.
func TestShutdown_HTTP2StreamsGoOnUntilTheDrainEnds(t *testing.T) {
	s := secure(t, lasting(t), 2*time.Second, nil)
	response := s.do(t, "GET", "/", nil)
	stopped := make(chan error, 1)
	go func() { stopped <- s.stop() }()
	for !s.leaving.Load() {
		time.Sleep(time.Millisecond)
	}
	if _, err := io.ReadFull(response.Body, make([]byte, 5)); err != nil {
		t.Errorf("cut at once: %v", err)
	}
	if _, err := io.Copy(io.Discard, response.Body); err == nil {
		t.Error("a stream that was cut ended without an error")
	}
	if err := <-stopped; err == nil || !strings.Contains(err.Error(), "draining") {
		t.Errorf("the service ended with %v", err)
	}
}

// A client that takes nothing from its connection does not keep its streams.
func TestListener_EndsHTTP2ConnectionsThatStall(t *testing.T) {
	ended := make(chan struct{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = http.ReadRequest(bufio.NewReader(conn))
		_, err = io.WriteString(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
		for piece := "10000\r\n" + strings.Repeat("x", 64<<10) + "\r\n"; err == nil; {
			_, err = io.WriteString(conn, piece)
		}
		close(ended)
	}()
	s := secure(t, l.Addr().String(), 5*time.Second, map[string]string{"COUNTERSIGN_WRITE_TIMEOUT": "1s"})
	s.stall(t)
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		t.Error("the stream is still there")
	}
	if err := s.stop(); err != nil {
		t.Errorf("the service ended with %v", err)
	}
}

// stall asks for a response with windows that do not fill, and reads nothing of it.
func (s *secured) stall(t *testing.T) {
	t.Helper()
	conn, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.(*net.TCPConn).SetReadBuffer(4 << 10)
	config := s.config.Clone()
	config.NextProtos = []string{"h2"}
	client := tls.Client(conn, config)
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, field := range []hpack.HeaderField{
		{Name: ":method", Value: "GET"},
		{Name: ":scheme", Value: "https"},
		{Name: ":authority", Value: "localhost"},
		{Name: ":path", Value: "/proxy/orders/" + s.upstream + "/"},
		{Name: "x-api-key", Value: dosKey},
	} {
		_ = encoder.WriteField(field)
	}
	f := http2.NewFramer(client, client)
	_, _ = io.WriteString(client, http2.ClientPreface)
	_ = f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 30})
	_ = f.WriteWindowUpdate(0, 1<<30)
	_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: true})
}
