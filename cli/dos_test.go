package cli

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"countersign/internal/measure"
	"countersign/internal/testbuild"
	"countersign/problem"
)

// dosConnections and dosSeconds are the size of the test; COUNTERSIGN_DOS=connections,seconds overrides them.
const (
	dosConnections = 4_000
	dosSeconds     = 3
	dosPerSecond   = 100
)

// server is the program in its own process: half of its connections' file descriptors are not ours.
type server struct {
	t       *testing.T
	address string
	process *exec.Cmd
	client  *http.Client
}

const dosKey = "EXAMPLE-key-that-opens-nothing"

// builtOnce builds the program once for all tests of the package; [TestMain] removes it.
var builtOnce = sync.OnceValues(func() (string, error) {
	var err error
	if builtIn, err = os.MkdirTemp("", "countersign-"); err != nil {
		return "", err
	}
	return testbuild.Executable(context.Background(), "..", builtIn)
})

var builtIn string

func TestMain(m *testing.M) {
	lineSchema() // before a test changes directory
	code := reportLines(m.Run())
	if builtIn != "" {
		_ = os.RemoveAll(builtIn)
	}
	os.Exit(code)
}

// serveApart builds the program, without the race detector, and runs it.
func serveApart(t *testing.T, environment ...string) *server {
	t.Helper()
	return serveApartTo(t, nil, environment...)
}

// serveApartTo is serveApart with a given standard output.
func serveApartTo(t *testing.T, stdout io.Writer, environment ...string) *server {
	t.Helper()
	return serveUnder(t, nil, stdout, environment...)
}

// serveUnder is serveApartTo through a command that executes the one that follows it, such as prlimit.
func serveUnder(t *testing.T, command []string, stdout io.Writer, environment ...string) *server {
	t.Helper()
	binary, err := builtOnce()
	if err != nil {
		t.Fatal(err)
	}
	port, line := freePort(t), append(command, binary, "serve")
	s := &server{t: t, address: "127.0.0.1:" + port, process: exec.CommandContext(t.Context(), line[0], line[1:]...)}
	inherited := slices.DeleteFunc(os.Environ(), func(entry string) bool { return strings.HasPrefix(entry, "COUNTERSIGN_") })
	s.process.Env = append(inherited, append([]string{
		"COUNTERSIGN_ADDRESS=127.0.0.1", "COUNTERSIGN_PORT=" + port, "COUNTERSIGN_API_KEY_SHA256=" + sha256Hex(dosKey),
		"COUNTERSIGN_LOG_LEVEL=error", "COUNTERSIGN_AUDIT_FILE=" + os.DevNull,
		"AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "AWS_REGION=eu-west-1",
	}, environment...)...)
	for _, entry := range environment {
		if strings.HasSuffix(entry, "=") { // unset
			s.process.Env = slices.DeleteFunc(s.process.Env, func(other string) bool { return strings.HasPrefix(other, entry) })
		}
	}
	s.process.Stdout, s.process.Stderr = stdout, os.Stderr
	s.process.Cancel = func() error { return s.process.Process.Signal(syscall.SIGTERM) }
	s.process.WaitDelay = 10 * time.Second
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.process.Process.Kill(); _ = s.process.Wait() })
	s.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: 30 * time.Second}
	t.Cleanup(s.client.CloseIdleConnections)
	waitFor(t, "http://"+s.address+"/livez")
	return s
}

// ask sends a request to sign, or another body, and returns the status and the problem.
func (s *server) ask(client *http.Client, body io.Reader, headers ...string) (int, problem.Document, error) {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://"+s.address+"/v1/sign", body)
	if err != nil {
		return 0, problem.Document{}, err
	}
	r.Header.Set("X-API-Key", dosKey)
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := client.Do(r)
	if err != nil {
		return 0, problem.Document{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	var p problem.Document
	if response.Header.Get("Content-Type") == "application/problem+json" {
		err = json.Unmarshal(text, &p)
	}
	return response.StatusCode, p, err
}

const dosRequest = `{"method":"POST","url":"https://sqs.eu-west-1.amazonaws.com/","body":"Action=ListQueues"}`

// memory returns the peak resident size of the process in MiB; 0, with a note in the log, if the system is not Linux.
func (s *server) memory() float64 {
	s.t.Helper()
	if runtime.GOOS != "linux" {
		s.t.Log("NOT CHECKED: memory, which is read on Linux only")
		return 0
	}
	mib, err := measure.PeakOf(s.process.Process.Pid)
	if err != nil {
		s.t.Fatal(err)
	}
	return mib
}

// halfOpen keeps n connections open until ctx ends, each of which has begun a request and does not finish it; those
// that the server closes are opened again.
func (s *server) halfOpen(ctx context.Context, n int) (opened, closed *atomic.Int64, done *sync.WaitGroup) {
	opened, closed, done = new(atomic.Int64), new(atomic.Int64), new(sync.WaitGroup)
	for i := range n {
		begin := time.Duration(i) * time.Second / time.Duration(n)
		done.Go(func() {
			time.Sleep(begin) // as strangers do, not all at the same instant
			for ctx.Err() == nil {
				c, err := new(net.Dialer).DialContext(ctx, "tcp", s.address)
				if err != nil {
					time.Sleep(100 * time.Millisecond)
					continue
				}
				opened.Add(1)
				stop := context.AfterFunc(ctx, func() { _ = c.Close() })
				_, _ = io.WriteString(c, "POST /v1/sign HTTP/1.1\r\nHost: "+s.address+"\r\nX-Slow: ")
				_, _ = c.Read(make([]byte, 1)) // until the server closes it
				closed.Add(1)
				stop()
				_ = c.Close()
			}
		})
	}
	return opened, closed, done
}

// Good requests are served while thousands of connections have sent half a request, and the server's memory stays
// bounded. Client and server are separate processes, because each connection takes a file descriptor at both ends.
func TestSlowClientsDoNotKeepOthersWaiting(t *testing.T) {
	connections, seconds := dosConnections, dosSeconds
	if size := os.Getenv("COUNTERSIGN_DOS"); size != "" {
		if _, err := fmt.Sscanf(size, "%d,%d", &connections, &seconds); err != nil {
			t.Fatalf("COUNTERSIGN_DOS=%q: %v", size, err)
		}
	}
	if limit := descriptors(); limit > 0 {
		connections = min(connections, limit-1000)
	}
	s := serveApart(t)
	if status, p, err := s.ask(s.client, strings.NewReader(dosRequest)); status != http.StatusOK {
		t.Fatalf("%d %+v %v", status, p, err)
	}
	idle := s.memory()

	ctx, stop := context.WithCancel(t.Context())
	opened, closed, done := s.halfOpen(ctx, connections)
	for range 100 {
		if opened.Load() >= int64(connections) {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	var kept, fresh times
	var both sync.WaitGroup
	both.Go(func() { kept = s.measure(seconds*dosPerSecond, dosPerSecond, s.client) })
	both.Go(func() {
		fresh = s.measure(
			seconds*dosPerSecond/4, dosPerSecond/4,
			&http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second},
		)
	})
	both.Wait()
	stop()
	done.Wait()
	t.Logf("%d half-open connections (file descriptors: %d), %d opened and %d closed in all; %d good requests a second on "+
		"connections of before: p50 %v, p99 %v, longest %v; a quarter as many on new connections: p50 %v, p99 %v, longest %v; memory "+
		"%.0f MiB, idle %.0f MiB",
		connections, descriptors(), opened.Load(), closed.Load(), dosPerSecond, kept.at(50), kept.at(99), kept.at(100), fresh.at(50),
		fresh.at(99), fresh.at(100), s.memory(), idle)
	if s.memory() > 256 {
		t.Errorf("the server took %.0f MiB", s.memory())
	}
	s.sizes()
}

// times are how long requests took, in ascending order.
type times []time.Duration

func (l times) at(percent int) time.Duration {
	return l[max(0, (len(l)*percent+99)/100-1)].Round(10 * time.Microsecond)
}

// measure sends n good requests at a fixed rate per second, whatever becomes of the ones before.
func (s *server) measure(n, perSecond int, client *http.Client) times {
	took := make(times, n)
	var done sync.WaitGroup
	tick := time.NewTicker(time.Second / time.Duration(perSecond))
	defer tick.Stop()
	for i := range n {
		<-tick.C
		done.Go(func() {
			started := time.Now()
			status, p, err := s.ask(client, strings.NewReader(dosRequest))
			took[i] = time.Since(started)
			if status != http.StatusOK {
				s.t.Errorf("a good request: %d %+v %v", status, p, err)
			}
		})
	}
	done.Wait()
	slices.Sort(took)
	return took
}

// sizes checks that each kind of excess gets its own status, and that the server goes on.
func (s *server) sizes() {
	t := s.t
	before := s.memory()
	if status, p, err := s.ask(s.client, io.LimitReader(endless('x'), 100<<20)); status != 413 || p.Code != "body_too_large" {
		t.Errorf("100 MB without length: %d %+v %v", status, p, err)
	}
	large := struct{ io.Reader }{io.LimitReader(endless('x'), 100<<20)}
	if status, p, err := s.ask(s.client, large, "Content-Type", "application/json"); status != 413 {
		t.Errorf("100 MB: %d %+v %v", status, p, err)
	}
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	if _, err := io.Copy(z, io.LimitReader(endless(' '), 16<<20)); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	if status, p, err := s.ask(s.client, &bomb, "Content-Encoding", "gzip"); status != 415 || p.Code != "content_encoding_unsupported" {
		t.Errorf("a bomb: %d %+v %v", status, p, err)
	}
	if status, _, err := s.ask(s.client, strings.NewReader(dosRequest), "X-Large", strings.Repeat("x", 1<<20)); status != 431 {
		t.Errorf("1 MB of headers: %d %v", status, err)
	}
	keys := strings.Replace(dosRequest, `.com/"`, `.com/?`+strings.Repeat("key=1&", 10_000)+`"`, 1)
	if status, p, err := s.ask(s.client, strings.NewReader(keys)); status != 400 || p.Code != "url_invalid" {
		t.Errorf("10,000 parameters: %d %+v %v", status, p, err)
	}
	if status, p, err := s.ask(s.client, strings.NewReader(strings.Repeat("[", 100_000))); status != 400 || p.Code == "" {
		t.Errorf("100,000 deep: %d %+v %v", status, p, err)
	}
	if status, p, err := s.ask(s.client, strings.NewReader(dosRequest)); status != http.StatusOK {
		t.Errorf("afterwards: %d %+v %v", status, p, err)
	}
	t.Logf(
		"100 MB, a gzip bomb of 16 MB, 1 MB of headers, 10,000 parameters, 100,000 levels: memory %.0f MiB, before %.0f MiB",
		s.memory(), before,
	)
	if s.memory() > 256 {
		t.Errorf("the server took %.0f MiB", s.memory())
	}
}

// blocks hold the bytes of [endless]: writing one byte at a time would take as long as the rest of a test.
var blocks = map[byte][]byte{'x': bytes.Repeat([]byte("x"), 64<<10), ' ': bytes.Repeat([]byte(" "), 64<<10)}

// endless is a body that repeats one byte.
type endless byte

func (e endless) Read(b []byte) (int, error) {
	for i := 0; i < len(b); {
		i += copy(b[i:], blocks[byte(e)])
	}
	return len(b), nil
}
