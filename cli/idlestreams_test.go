package cli

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"countersign/internal/upstream"
)

// TestIdleStreams_TakeLittle: a thousand clients that listen to an MCP server, and hear nothing, add so many MiB to the
// process that serves them. Over HTTP/1.1 each has a connection to AWS, with its buffers, of its own.
func TestIdleStreams_TakeLittle(t *testing.T) {
	const streams = 1000
	rows := map[string]struct {
		environment string
		most        float64
	}{
		"HTTP 2": {"GODEBUG=", 80}, "HTTP 1": {"GODEBUG=http2client=0", 150},
	}
	if testing.Short() {
		delete(rows, "HTTP 1") // a thousand handshakes take long
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			s, listening := serveStreams(t, row.environment)
			before := s.memory()
			var clients sync.WaitGroup
			for range 20 {
				clients.Go(func() {
					for range streams / 20 {
						hear(t, s.address)
					}
				})
			}
			clients.Wait()
			if listening.Load() != streams {
				t.Fatalf("%d of %d listen", listening.Load(), streams)
			}
			t.Logf("%.1f MiB at the most with %d streams, %.1f before", s.memory(), streams, before)
			if more := s.memory() - before; more > row.most {
				t.Errorf("the streams added %.1f MiB, want %.0f at most", more, row.most)
			}
		})
	}
}

// serveStreams runs the program before an MCP server whose streams have one event, and counts those that are open.
func serveStreams(t *testing.T, environment ...string) (*server, *atomic.Int64) {
	t.Helper()
	listening := new(atomic.Int64)
	aws, err := upstream.Start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "id: 1\ndata: {}\n\n")
		_ = http.NewResponseController(w).Flush()
		listening.Add(1)
		<-r.Context().Done()
	}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(aws.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, aws.CA, 0o600); err != nil {
		t.Fatal(err)
	}
	return serveApart(t, append(environment, "HTTPS_PROXY="+aws.ProxyURL.String(), "AWS_CA_BUNDLE="+ca,
		"COUNTERSIGN_ALLOW_SEND=true", "COUNTERSIGN_MAX_REQUESTS=2500")...), listening
}

// hear opens one stream and reads its event.
func hear(t *testing.T, address string) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Error(err)
		return
	}
	t.Cleanup(func() { _ = conn.Close() })
	fmt.Fprintf(conn, "GET /proxy/default/orders.gateway.bedrock-agentcore.eu-west-1.amazonaws.com/mcp HTTP/1.1\r\n"+
		"Host: sign.example.com\r\nAccept: text/event-stream\r\nAuthorization: Bearer %s\r\nMcp-Session-Id: session-1\r\n\r\n", dosKey)
	r := bufio.NewReaderSize(conn, 512)
	answer, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Error(err)
		return
	}
	if line, err := bufio.NewReaderSize(answer.Body, 16).ReadString('\n'); err != nil || !strings.HasPrefix(line, "id: ") {
		t.Errorf("%s: %q, %v", answer.Status, line, err)
	}
}
