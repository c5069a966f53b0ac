package cli

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"countersign/internal/upstream"
)

// A thousand idle clients that listen to an MCP server, or have a WebSocket, add at most so many MiB to the process
// that serves them. Over HTTP/1.1 each has its own connection to AWS, with its own buffers. Without littleGarbage it
// is some 20 MiB more, which depend on when garbage was last collected.
func TestIdleStreams_TakeLittle(t *testing.T) {
	rows := map[string]struct {
		serve   func(*testing.T, http.Handler) (*server, string)
		streams int
		most    float64
	}{
		"HTTP 2": {serveHTTP2, 1000, 60}, "HTTP 1": {serveHTTP1, 1000, 85}, "HTTP 1 without TLS": {servePlain, 1000, 70},
		"WebSocket": {servePlain, 240, 20}, // the most for one host
	}
	if testing.Short() {
		for _, name := range []string{"HTTP 1", "HTTP 1 without TLS", "WebSocket"} { // each stream opens a connection to AWS, which is slow
			delete(rows, name)
		}
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			var listening atomic.Int64
			s, host := row.serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				listening.Add(1)
				if r.Header.Get("Upgrade") != "" {
					upgrade(t, w)
					return
				}
				w.Header().Set("Content-Type", "text/event-stream")
				_, _ = io.WriteString(w, "id: 1\ndata: {}\n\n")
				_ = http.NewResponseController(w).Flush()
				<-r.Context().Done()
			}))
			before := s.memory()
			var clients sync.WaitGroup
			for range 20 {
				clients.Go(func() {
					for range row.streams / 20 {
						listenTo(t, s.address, host, name == "WebSocket")
					}
				})
			}
			clients.Wait()
			if listening.Load() != int64(row.streams) {
				t.Fatalf("%d of %d listen", listening.Load(), row.streams)
			}
			t.Logf("at most %.1f MiB with %d streams, %.1f before", s.memory(), row.streams, before)
			if more := s.memory() - before; more > row.most {
				t.Errorf("the streams added %.1f MiB, want %.0f at most", more, row.most)
			}
		})
	}
}

const littleGarbage = "GOGC=10"

func serveHTTP2(t *testing.T, mcp http.Handler) (*server, string) {
	return serveByTLS(t, mcp, "GODEBUG=")
}

func serveHTTP1(t *testing.T, mcp http.Handler) (*server, string) {
	return serveByTLS(t, mcp, "GODEBUG=http2client=0")
}

// serveByTLS runs the program in front of an MCP server at AWS.
func serveByTLS(t *testing.T, mcp http.Handler, environment string) (s *server, host string) {
	t.Helper()
	aws, err := upstream.Start(mcp)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(aws.Close)
	ca := writeFile(t, "ca.pem", string(aws.CA))
	return serveApart(t, environment, littleGarbage, "HTTPS_PROXY="+aws.ProxyURL.String(), "AWS_CA_BUNDLE="+ca,
		"COUNTERSIGN_ALLOW_SEND=true", "COUNTERSIGN_MAX_REQUESTS=2500"), "orders.gateway.bedrock-agentcore.eu-west-1.amazonaws.com"
}

// servePlain runs the program in front of an MCP server in http_hosts.
func servePlain(t *testing.T, mcp http.Handler) (s *server, host string) {
	t.Helper()
	aws := httptest.NewServer(mcp)
	t.Cleanup(func() { aws.CloseClientConnections(); aws.Close() })
	host = strings.TrimPrefix(aws.URL, "http://")
	file := writeFile(t, "countersign.yaml", fmt.Sprintf("allow_send: true\nmax_requests: 2500\nhttp_hosts: ['%s']\nprofiles:\n"+
		"  default:\n    source: environment\n    hosts: {127.0.0.1: {service: execute-api, region: eu-west-1}}\n", host))
	return serveApart(t, littleGarbage, "COUNTERSIGN_CONFIG="+file), host
}

// upgrade changes the protocol and sends what event stream clients get as well.
func upgrade(t *testing.T, w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	t.Cleanup(func() { _ = conn.Close() })
	_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nid: 1\n")
}

// listenTo opens one stream and reads its event.
func listenTo(t *testing.T, address, host string, webSocket bool) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Error(err)
		return
	}
	t.Cleanup(func() { _ = conn.Close() })
	wanted := "Accept: text/event-stream\r\nMcp-Session-Id: session-1\r\n"
	if webSocket {
		wanted = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	}
	fmt.Fprintf(conn, "GET /proxy/default/%s/mcp HTTP/1.1\r\nHost: sign.example.com\r\nAuthorization: Bearer %s\r\n%s\r\n",
		host, dosKey, wanted)
	incoming := bufio.NewReaderSize(conn, 512)
	response, err := http.ReadResponse(incoming, nil)
	if err != nil {
		t.Error(err)
		return
	}
	events := io.Reader(incoming)
	if !webSocket {
		events = response.Body
	}
	if line, err := bufio.NewReaderSize(events, 16).ReadString('\n'); err != nil || !strings.HasPrefix(line, "id: ") {
		t.Errorf("%s: %q, %v", response.Status, line, err)
	}
}
