package cli

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// largeAnswers is an AWS whose answer to /large has 100 MiB, and which answers all else at once.
func largeAnswers(t *testing.T) string {
	t.Helper()
	aws := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.URL.Path != "/large" {
			return
		}
		w.Header().Set("Content-Length", fmt.Sprint(100<<20))
		piece := make([]byte, 64<<10)
		for range 1600 {
			if _, err := w.Write(piece); err != nil {
				return
			}
		}
	}))
	t.Cleanup(func() { aws.CloseClientConnections(); aws.Close() })
	return strings.TrimPrefix(aws.URL, "http://")
}

// TestStalledClientsTakeLittle: a caller whose clients stop reading large answers, and others of it that stop writing large bodies, take
// little memory, and keep no other caller waiting.
func TestStalledClientsTakeLittle(t *testing.T) {
	upstream := largeAnswers(t)
	file := filepath.Join(t.TempDir(), "countersign.yaml")
	text := fmt.Sprintf("allow_send: true\nhttp_hosts: ['%s']\nprofiles:\n  orders:\n    source: environment\n    region: "+
		"eu-west-1\n    hosts:\n"+
		"      127.0.0.1: {service: execute-api, region: eu-west-1}\ncallers:\n  api_keys:\n    - {id: good, sha256: %s}\n    - {id: "+
		"hostile, sha256: %s}\n",
		upstream, sha256Hex(dosKey), sha256Hex(attackerKey))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serveApart(t, "COUNTERSIGN_API_KEY_SHA256=", "COUNTERSIGN_CONFIG="+file)
	stall := func(method, path, rest string, n int) {
		for range n {
			conn, err := net.Dial("tcp", s.address)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { conn.Close() })
			_ = conn.(*net.TCPConn).SetReadBuffer(1 << 10)
			fmt.Fprintf(conn, "%s /proxy/orders/%s%s HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\n%s", method, upstream, path, attackerKey, rest)
		}
	}
	stall("GET", "/large", "\r\n", 500)
	stall("PUT", "/", "Content-Length: 104857600\r\n\r\n"+strings.Repeat("a", 100<<10), 250)
	stall(
		"PUT", "/",
		"X-Amz-Content-Sha256: "+strings.Repeat("0", 64)+"\r\nContent-Length: 104857600\r\n\r\n"+strings.Repeat("a", 100<<10), 250,
	)
	served := 0
	for range 300 {
		r, err := http.NewRequestWithContext(
			t.Context(), http.MethodPost, "http://"+s.address+"/proxy/orders/"+upstream+"/small", strings.NewReader("{}"),
		)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-API-Key", dosKey)
		answer, err := s.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode == 200 {
			served++
		} else if answer.StatusCode != 503 {
			t.Fatal(answer.Status)
		}
	}
	memory := s.memory()
	t.Logf("%d of 300 requests of another caller were served; memory %.0f MiB", served, memory)
	if served < 290 { // the first may come before anybody has stalled for long enough
		t.Errorf("only %d of 300 requests of another caller were served", served)
	}
	if memory > 96 {
		t.Errorf("memory %.0f MiB, want at most 96", memory)
	}
}
