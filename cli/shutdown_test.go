package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// signal sends a signal to the program.
func (s *server) signal(sig os.Signal) {
	s.t.Helper()
	if err := s.process.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// exit waits for the end of the program and returns its exit code.
func (s *server) exit() int {
	var failed *exec.ExitError
	if err := s.process.Wait(); err != nil && !errors.As(err, &failed) {
		s.t.Fatal(err)
	}
	return s.process.ProcessState.ExitCode()
}

// ready returns the status of /readyz on a new connection; 0 if none is accepted.
func (s *server) ready() int {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	response, err := client.Get("http://" + s.address + "/readyz") //nolint:noctx // the client has a timeout
	if err != nil {
		return 0
	}
	_ = response.Body.Close()
	return response.StatusCode
}

func (s *server) waitReady(status int) {
	s.t.Helper()
	for range 3000 {
		if s.ready() == status {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Fatalf("/readyz responds with %d, want %d", s.ready(), status)
}

// unended is a delay whose end no test waits for.
const unended = "COUNTERSIGN_SHUTDOWN_DELAY=10m"

func TestShutdown_Signals(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		setting string
		signals []os.Signal
		code    int
	}{
		{"SIGTERM, without a delay", "COUNTERSIGN_SHUTDOWN_DELAY=0s", []os.Signal{syscall.SIGTERM}, 0},
		{"SIGTERM", "COUNTERSIGN_SHUTDOWN_DELAY=1s", []os.Signal{syscall.SIGTERM}, 0},
		{"SIGINT skips the delay", unended, []os.Signal{os.Interrupt}, 0},
		{"a second SIGTERM ends at once", unended, []os.Signal{syscall.SIGTERM, syscall.SIGTERM}, 1},
		{"SIGINT after SIGTERM ends at once", unended, []os.Signal{syscall.SIGTERM, os.Interrupt}, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := serveApart(t, test.setting)
			s.waitReady(http.StatusOK)
			for i, sig := range test.signals {
				if i > 0 {
					s.waitReady(http.StatusServiceUnavailable)
				}
				s.signal(sig)
			}
			if code := s.exit(); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
		})
	}
	t.Run("SIGHUP never kills", func(t *testing.T) {
		s := serveApart(t, unended)
		for range 3 {
			s.signal(syscall.SIGHUP)
			if status, p, err := s.ask(s.client, strings.NewReader(dosRequest)); status != http.StatusOK {
				t.Fatalf("%d %+v %v", status, p, err)
			}
		}
		s.signal(syscall.SIGTERM)
		s.waitReady(http.StatusServiceUnavailable)
		s.signal(syscall.SIGHUP) // is not a second signal
		if status, p, err := s.ask(s.client, strings.NewReader(dosRequest)); status != http.StatusOK {
			t.Fatalf("while stopping: %d %+v %v", status, p, err)
		}
		s.signal(os.Interrupt)
		if code := s.exit(); code != 1 {
			t.Errorf("exit code %d", code)
		}
	})
}

// Until the delay has passed, old and new connections are served, and each response closes its connection, even that
// of a request which began before.
func TestShutdown_ServesUntilTheDelayIsOver(t *testing.T) {
	s := serveApart(t, unended)
	dial := func() (net.Conn, *bufio.Reader) {
		c, err := new(net.Dialer).DialContext(t.Context(), "tcp", s.address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c, bufio.NewReader(c)
	}
	send := func(c net.Conn, text string) {
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
	}
	head := fmt.Sprintf("POST /v1/sign HTTP/1.1\r\nHost: %s\r\nX-API-Key: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n",
		s.address, dosKey, len(dosRequest))
	response := func(r *bufio.Reader, closes bool) {
		t.Helper()
		a, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Body.Close()
		if _, err := io.Copy(io.Discard, a.Body); err != nil || a.StatusCode != http.StatusOK || a.Close != closes {
			t.Errorf("status %d, Connection: close %t, %v; want 200 and %t", a.StatusCode, a.Close, err, closes)
		}
	}
	idle, idleResponses := dial()
	send(idle, head+dosRequest)
	response(idleResponses, false)
	begun, begunResponses := dial()
	send(begun, head+dosRequest[:10])

	s.signal(syscall.SIGTERM)
	s.waitReady(http.StatusServiceUnavailable)
	send(begun, dosRequest[10:])
	response(begunResponses, true)
	send(idle, head+dosRequest)
	response(idleResponses, true)
	fresh, freshResponses := dial()
	send(fresh, head+dosRequest)
	response(freshResponses, true)
	if _, err := idleResponses.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("the connection is not closed: %v", err)
	}
}

// balancer checks each instance for readiness every 300 ms, and removes it after two failures.
type balancer struct {
	mu        sync.Mutex
	instances []*server
	turn      int
}

func (b *balancer) next() *server {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.instances) == 0 {
		return nil
	}
	b.turn++
	return b.instances[b.turn%len(b.instances)]
}

func (b *balancer) add(s *server) {
	b.mu.Lock()
	b.instances = append(b.instances, s)
	b.mu.Unlock()
	go func() {
		for failures := 0; failures < 2; time.Sleep(300 * time.Millisecond) {
			if s.ready() == http.StatusOK {
				failures = 0
			} else {
				failures++
			}
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		b.instances = slices.DeleteFunc(b.instances, func(other *server) bool { return other == s })
	}()
}

// send sends requests through the balancer, on kept-alive connections, until stop is closed. No request is sent
// twice.
func (b *balancer) send(stop <-chan struct{}, sent, failed *atomic.Int64) {
	client := &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second}
	defer client.CloseIdleConnections()
	for {
		select {
		case <-stop:
			return
		case <-time.After(50 * time.Millisecond):
		}
		sent.Add(1)
		s := b.next()
		if s == nil {
			failed.Add(1)
			continue
		}
		// Without GetBody, net/http does not repeat a POST.
		if status, _, err := s.ask(client, struct{ io.Reader }{strings.NewReader(dosRequest)}); err != nil || status != http.StatusOK {
			failed.Add(1)
		}
	}
}

// Two instances are replaced one after the other, while 40 clients send requests.
func TestShutdown_RollingUpdateFailsNoRequest(t *testing.T) {
	t.Parallel()
	rollout := func(delay string) (sent, failed int64) {
		start := func() *server {
			return serveApart(t, "COUNTERSIGN_SHUTDOWN_DELAY="+delay, "COUNTERSIGN_RATE_PER_SECOND=100000", "COUNTERSIGN_RATE_BURST=100000")
		}
		var b balancer
		old := []*server{start(), start()}
		for _, s := range old {
			b.add(s)
		}
		var all, lost atomic.Int64
		stop := make(chan struct{})
		var clients sync.WaitGroup
		for range 40 {
			clients.Go(func() { b.send(stop, &all, &lost) })
		}
		for _, s := range old {
			time.Sleep(500 * time.Millisecond) // every client has connections by then
			s.signal(syscall.SIGTERM)
			if code := s.exit(); code != 0 {
				t.Errorf("exit code %d", code)
			}
			time.Sleep(time.Second) // the balancer has noticed by then
			b.add(start())
		}
		close(stop)
		clients.Wait()
		return all.Load(), lost.Load()
	}
	sent, failed := rollout("0s")
	t.Logf("without a delay %d of %d requests failed", failed, sent)
	if failed == 0 {
		t.Error("without a delay no request failed, so this experiment shows nothing")
	}
	sent, failed = rollout("3s")
	t.Logf("with a delay of 3 s %d of %d requests failed", failed, sent)
	if failed != 0 {
		t.Errorf("with a delay %d of %d requests failed", failed, sent)
	}
	if sent < 1000 {
		t.Errorf("only %d requests were sent: the test covers too little", sent)
	}
}
