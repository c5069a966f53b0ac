package cli

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// stallTime is how long the clients of TestStalledClientsTakeLittle stay.
var stallTime = flag.Duration("stall", 500*time.Millisecond, "how long slow clients stay")

// The clients of one caller, which read large responses or write large bodies a few bytes per second, take little
// memory and keep no other caller waiting. As many come as the caller may have, and some more. How long the other
// caller waits is logged only: on a busy machine it says more about the machine.
func TestStalledClientsTakeLittle(t *testing.T) {
	const files = "max_spool_bytes: 109951162777" // enough for each body
	for _, row := range []struct {
		name, settings          string
		readers, claims, hashed int // clients that read, that declare the hash of their body, and whose body is hashed first
		admitted                [3]int
		most                    float64 // MiB
	}{
		{"readers", "max_requests: 400", 250, 0, 0, [3]int{200}, 96},
		{"writers", files, 0, 0, 100, [3]int{0, 0, 64}, 192}, // 64 MiB is half of max_bytes, and as much may be garbage
		// softMemoryLimit leaves no more than that for garbage.
		{"readers and writers", "max_requests: 2500\n" + files, 500, 436, 100, [3]int{500, 436, 64}, 240},
	} {
		t.Run(row.name, func(t *testing.T) {
			aws := newLargeAWS(t, 5)
			s := serveApart(t, "COUNTERSIGN_API_KEY_SHA256=", "COUNTERSIGN_CONFIG="+aws.config(t, row.settings))
			alone := s.wait(t, aws, min(*stallTime, 5*time.Second))
			before := s.memory()
			clients := &slowClients{t: t, address: s.address, hosts: aws.hosts}
			t.Cleanup(clients.close)
			admitted := [3]int{
				clients.open(row.readers, http.MethodGet, "\r\n"),
				clients.open(row.claims, http.MethodPut, "X-Amz-Content-Sha256: "+strings.Repeat("0", 64)+"\r\n"+slowBody),
				clients.open(row.hashed, http.MethodPut, slowBody),
			}
			if admitted != row.admitted {
				t.Fatalf("%d clients were admitted, want %d", admitted, row.admitted)
			}
			aws.settle()
			beside := s.wait(t, aws, *stallTime)
			memory := s.memory()
			t.Logf("another caller's requests took %v at the 99th percentile, %v before; at most %.1f MiB, %.1f before",
				beside, alone, memory, before)
			if r, w := aws.reading.Load(), aws.writing.Load(); r != int64(admitted[0]) || w != int64(admitted[1]) {
				t.Errorf("AWS still serves %d readers and %d writers, want %d", r, w, admitted[:2])
			}
			if memory > row.most {
				t.Errorf("memory %.1f MiB, want at most %.0f", memory, row.most)
			}
		})
	}
}

// wait sends requests of another caller, for the given time at least, and returns the time within which 99 % of
// them had a response.
func (s *server) wait(t *testing.T, aws *largeAWS, least time.Duration) time.Duration {
	t.Helper()
	var took []time.Duration
	for begun := time.Now(); len(took) < 100 || time.Since(begun) < least; time.Sleep(2 * time.Millisecond) {
		host := aws.hosts[len(took)%len(aws.hosts)]
		r, err := http.NewRequestWithContext(
			t.Context(), http.MethodPost, "http://"+s.address+"/proxy/orders/"+host+"/small", strings.NewReader("{}"),
		)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-API-Key", dosKey)
		sent := time.Now()
		response, err := s.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		took = append(took, time.Since(sent))
		if response.StatusCode != http.StatusOK {
			t.Errorf("a request of another caller got %s", response.Status)
		}
	}
	slices.Sort(took)
	return took[(len(took)-1)*99/100]
}

// largeAWS responds to GET with 100 MiB. It has several hosts, since the program sends only so many requests at once to
// each.
type largeAWS struct {
	hosts                  []string
	reading, writing, sent atomic.Int64
}

func newLargeAWS(t *testing.T, hosts int) *largeAWS {
	t.Helper()
	aws := &largeAWS{}
	for range hosts {
		host := httptest.NewServer(aws)
		t.Cleanup(func() { host.CloseClientConnections(); host.Close() })
		aws.hosts = append(aws.hosts, strings.TrimPrefix(host.URL, "http://"))
	}
	return aws
}

func (a *largeAWS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		if r.Method == http.MethodPut {
			a.writing.Add(1)
			defer a.writing.Add(-1)
		}
		_, _ = io.Copy(io.Discard, r.Body)
		return
	}
	a.reading.Add(1)
	defer a.reading.Add(-1)
	w.Header().Set("Content-Length", fmt.Sprint(100<<20))
	piece := make([]byte, 64<<10)
	for range 1600 {
		n, err := w.Write(piece)
		if a.sent.Add(int64(n)); err != nil {
			return
		}
	}
}

// settle waits until all buffers between AWS and the clients are full.
func (a *largeAWS) settle() {
	for before := int64(-1); before != a.sent.Load(); time.Sleep(200 * time.Millisecond) {
		before = a.sent.Load()
	}
}

// config is the configuration of a service with two callers.
func (a *largeAWS) config(t *testing.T, settings string) string {
	return writeFile(t, "countersign.yaml", fmt.Sprintf("allow_send: true\nrate_per_second: 1000000\nrate_burst: 1000000\n%s\n"+
		"http_hosts: ['%s']\nprofiles:\n  orders:\n    source: environment\n    region: eu-west-1\n    hosts:\n"+
		"      127.0.0.1: {service: execute-api, region: eu-west-1}\ncallers:\n  api_keys:\n"+
		"    - {id: good, sha256: %s}\n    - {id: hostile, sha256: %s}\n",
		settings, strings.Join(a.hosts, "', '"), sha256Hex(dosKey), sha256Hex(attackerKey)))
}

// slowBody announces a body of 100 MiB. The status 100 that it asks for says that the body is being read.
const slowBody = "Expect: 100-continue\r\nContent-Length: 104857600\r\n\r\n"

// slowClients are the clients of a caller. They stay until close.
type slowClients struct {
	t       *testing.T
	address string
	hosts   []string

	mu    sync.Mutex
	conns []net.Conn
	over  atomic.Bool
	ends  sync.WaitGroup
}

// open begins n requests, and returns how many were admitted.
func (c *slowClients) open(n int, method, rest string) int {
	var opening sync.WaitGroup
	var admitted atomic.Int64
	for i := range 20 {
		opening.Go(func() {
			for j := i; j < n; j += 20 {
				if c.begin(method, c.hosts[j%len(c.hosts)], rest) {
					admitted.Add(1)
				}
			}
		})
	}
	opening.Wait()
	return int(admitted.Load())
}

func (c *slowClients) begin(method, host, rest string) (admitted bool) {
	conn, err := net.Dial("tcp", c.address)
	if err != nil {
		c.t.Error(err)
		return false
	}
	c.mu.Lock()
	c.conns = append(c.conns, conn)
	c.mu.Unlock()
	_ = conn.(*net.TCPConn).SetReadBuffer(1 << 10)
	fmt.Fprintf(conn, "%s /proxy/orders/%s/ HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\n%s", method, host, attackerKey, rest)
	in := bufio.NewReaderSize(conn, 512)
	response, err := http.ReadResponse(in, nil)
	if err != nil {
		c.t.Error(err)
		return false
	}
	switch response.StatusCode {
	case http.StatusOK:
		c.ends.Go(func() { c.read(response.Body) })
	case http.StatusContinue:
		c.ends.Go(func() { c.write(conn, in) })
	case http.StatusServiceUnavailable: // busy
		return false
	default:
		c.t.Errorf("a client got %s", response.Status)
		return false
	}
	return true
}

// read reads a few bytes per second.
func (c *slowClients) read(body io.Reader) {
	piece := make([]byte, 8)
	for !c.over.Load() {
		if _, err := body.Read(piece); err != nil && !c.over.Load() {
			c.t.Errorf("a reader was cut off: %v", err)
			return
		}
		time.Sleep(time.Second)
	}
}

// write writes more than is held in memory, and then a few bytes per second.
func (c *slowClients) write(conn net.Conn, in *bufio.Reader) {
	_, _ = conn.Write(make([]byte, 1<<20+100<<10))
	for interim := false; ; {
		_ = conn.SetReadDeadline(time.Now().Add(time.Second))
		line, err := in.ReadString('\n')
		interim = interim || line == "HTTP/1.1 100 Continue\r\n" // a second one, AWS's own, perhaps with headers
		if interim && err == nil {
			interim = line != "\r\n"
			continue
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			if !c.over.Load() {
				c.t.Errorf("a writer was cut off: %q, %v", line, err)
			}
			return
		}
		_, _ = io.WriteString(conn, "aaaaaaaa")
	}
}

func (c *slowClients) close() {
	c.over.Store(true)
	for _, conn := range c.conns {
		_ = conn.Close()
	}
	c.ends.Wait()
}
