package cli

import (
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// largeResponses is an AWS whose response to /large has 100 MiB, and which responds to all other requests at once.
func largeResponses(t *testing.T) string {
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

// stallTime is how long the clients of TestStalledClientsTakeLittle stay; they then read or write a little every
// second.
var stallTime = flag.Duration("stall", 0, "how long slow clients stay")

// A caller whose clients stop reading large responses, or stop writing large bodies, takes little memory and keeps no
// other caller waiting.
func TestStalledClientsTakeLittle(t *testing.T) {
	upstream := largeResponses(t)
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
			go trickle(conn, method == http.MethodPut)
		}
	}
	other := func() (status int, took time.Duration) {
		r, err := http.NewRequestWithContext(
			t.Context(), http.MethodPost, "http://"+s.address+"/proxy/orders/"+upstream+"/small", strings.NewReader("{}"),
		)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-API-Key", dosKey)
		begun := time.Now()
		response, err := s.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		return response.StatusCode, time.Since(begun)
	}
	alone := waits{}
	for range 1000 {
		if *stallTime > 0 {
			alone.add(other())
		}
	}
	stall("GET", "/large", "\r\n", 500)
	stall("PUT", "/", "Content-Length: 104857600\r\n\r\n"+strings.Repeat("a", 100<<10), 250)
	stall(
		"PUT", "/",
		"X-Amz-Content-Sha256: "+strings.Repeat("0", 64)+"\r\nContent-Length: 104857600\r\n\r\n"+strings.Repeat("a", 100<<10), 250,
	)
	beside := waits{}
	for begun := time.Now(); len(beside.took) < 300 || time.Since(begun) < *stallTime; {
		beside.add(other())
		if *stallTime > 0 {
			time.Sleep(10 * time.Millisecond)
		}
	}
	memory := s.memory()
	t.Logf("%d of %d requests of another caller were served, 99 %% of them within %v, alone within %v; memory %.0f MiB",
		beside.served, len(beside.took), beside.at(99), alone.at(99), memory)
	if refused := len(beside.took) - beside.served; refused > 10 { // the first may come before any client has stalled long enough
		t.Errorf("%d of %d requests of another caller were refused", refused, len(beside.took))
	}
	for status := range beside.others {
		if status != http.StatusServiceUnavailable {
			t.Errorf("a request of another caller got %d", status)
		}
	}
	if memory > 96 {
		t.Errorf("memory %.0f MiB, want at most 96", memory)
	}
}

// trickle reads or writes a few bytes per second until the connection ends.
func trickle(conn net.Conn, writes bool) {
	if *stallTime == 0 {
		return
	}
	piece := []byte("aaaaaaaa")
	for err := error(nil); err == nil; time.Sleep(time.Second) {
		if writes {
			_, err = conn.Write(piece)
		} else {
			_, err = conn.Read(piece)
		}
	}
}

// waits are how long requests took, and their statuses.
type waits struct {
	took   []time.Duration
	served int
	others map[int]bool
}

func (w *waits) add(status int, took time.Duration) {
	if w.took = append(w.took, took); status == http.StatusOK {
		w.served++
		return
	}
	if w.others == nil {
		w.others = map[int]bool{}
	}
	w.others[status] = true
}

// at is the time within which so many percent of them had a response.
func (w *waits) at(percent int) time.Duration {
	if len(w.took) == 0 {
		return 0
	}
	slices.Sort(w.took)
	return w.took[(len(w.took)-1)*percent/100]
}
