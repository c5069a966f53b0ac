package cli

import (
	"context"
	"encoding/json"
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
	"time"
)

// attackerKey is the key of a second caller of serveApart.
const attackerKey = "EXAMPLE-key-of-a-hostile-caller"

// serveTwo runs the program for two callers, with defaults except for the given environment.
func serveTwo(t *testing.T, environment ...string) *server {
	t.Helper()
	file := filepath.Join(t.TempDir(), "countersign.yaml")
	text := fmt.Sprintf(
		"callers:\n  api_keys:\n    - {id: good, sha256: %s}\n    - {id: hostile, sha256: %s}\n", sha256Hex(dosKey),
		sha256Hex(attackerKey),
	)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return serveApart(t, append(environment, "COUNTERSIGN_API_KEY_SHA256=", "COUNTERSIGN_CONFIG="+file)...)
}

// trickle opens n connections of the hostile caller whose bodies declare much and send little, and keeps them open
// until ctx ends.
func (s *server) trickle(ctx context.Context, n int, path string, declared, sent int) *sync.WaitGroup {
	var done sync.WaitGroup
	for range n {
		done.Go(func() {
			for ctx.Err() == nil {
				c, err := new(net.Dialer).DialContext(ctx, "tcp", s.address)
				if err != nil {
					return
				}
				stop := context.AfterFunc(ctx, func() { _ = c.Close() })
				_, _ = fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
					path, attackerKey, declared, strings.Repeat("{", sent))
				_, _ = io.Copy(io.Discard, c) // until the server closes it
				stop()
				_ = c.Close()
			}
		})
	}
	return &done
}

// Whatever one caller does, the requests of another are served.
func TestHostileCallerKeepsNobodyWaiting(t *testing.T) {
	s := serveTwo(t)
	for _, attack := range []struct {
		name, path              string
		n, declared, sent       int
		alsoLarge, alsoPayloads bool
	}{
		{"bodies of one byte", "/v1/sign", 600, 100, 1, false, false},
		{"large bodies of one byte", "/v1/sign", 100, 10 << 20, 1, true, false},
		{"large bodies that stall", "/v1/sign", 100, 10 << 20, 64 << 10, true, false},
		{"bodies to hash that stall", "/v1/payload-hash", 400, 1 << 30, 64 << 10, false, true},
	} {
		t.Run(attack.name, func(t *testing.T) {
			s := &server{t: t, address: s.address, process: s.process, client: s.client}
			ctx, stop := context.WithCancel(t.Context())
			under := s.trickle(ctx, attack.n, attack.path, attack.declared, attack.sent)
			time.Sleep(300 * time.Millisecond)
			var both sync.WaitGroup
			var took times
			both.Go(func() { took = s.measure(200, 100, s.client) })
			if attack.alsoLarge {
				both.Go(func() { s.one(t, "/v1/sign", largeRequest(1<<20)) })
			}
			if attack.alsoPayloads {
				both.Go(func() { s.one(t, "/v1/payload-hash", strings.Repeat("x", 1<<20)) })
			}
			both.Wait()
			stop()
			under.Wait()
			t.Logf("requests of another caller: p50 %v, p99 %v, longest %v; memory %.0f MiB", took.at(50), took.at(99), took.at(100), s.memory())
		})
	}
}

// One caller keeps sending requests to sign and does not read the responses, so that the service cannot get rid of
// them. There are few places, so that they are soon taken. The other caller sends 25 requests a second: many more
// would fill its own half of the places whenever the machine pauses.
func TestHostileCallerWhoReadsNoResponseKeepsNobodyWaiting(t *testing.T) {
	var headers strings.Builder
	for i := range 120 {
		fmt.Fprintf(&headers, `,"x-%d":"%s"`, i, strings.Repeat("v", 480))
	}
	for name, document := range map[string]string{
		"long responses": `{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/","explain":true,"headers":{` +
			headers.String()[1:] + `}}`,
		"large responses": largeRequest(3 << 20),
	} {
		t.Run(name, func(t *testing.T) {
			s := serveTwo(t, "COUNTERSIGN_MAX_REQUESTS=16", "COUNTERSIGN_RATE_PER_SECOND=1000000", "COUNTERSIGN_RATE_BURST=1000000")
			ctx, stop := context.WithCancel(t.Context())
			var under sync.WaitGroup
			for range 24 {
				under.Go(func() {
					for ctx.Err() == nil {
						s.unread(ctx, document)
					}
				})
			}
			time.Sleep(4 * time.Second)
			var both sync.WaitGroup
			var took times
			both.Go(func() { took = s.measure(75, 25, s.client) })
			both.Go(func() { s.one(t, "/v1/sign", largeRequest(1<<20)) })
			both.Wait()
			stop()
			under.Wait()
			t.Logf("requests of another caller: p50 %v, p99 %v, longest %v; memory %.0f MiB", took.at(50), took.at(99), took.at(100), s.memory())
		})
	}
}

// unread sends a document again and again on one connection, and reads nothing, until the server closes it.
func (s *server) unread(ctx context.Context, document string) {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", s.address)
	if err != nil {
		return
	}
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	defer c.Close()
	_ = c.(*net.TCPConn).SetReadBuffer(1 << 10)
	for err == nil {
		_, err = fmt.Fprintf(c, "POST /v1/sign HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Type: application/"+
			"json\r\nContent-Length: %d\r\n\r\n%s",
			attackerKey, len(document), document)
	}
}

func (s *server) one(t *testing.T, path, body string) {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.address+path, strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return
	}
	r.Header.Set("X-API-Key", dosKey)
	r.Header.Set("Content-Type", "application/json")
	response, err := s.client.Do(r)
	if err != nil {
		t.Errorf("%s with %d bytes: %v", path, len(body), err)
		return
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("%s with %d bytes: %s %v", path, len(body), response.Status, err)
	}
}

func largeRequest(size int) string {
	head := `{"method":"PUT","url":"https://inbox.s3.eu-west-1.amazonaws.com/k","body":"`
	return head + strings.Repeat("x", size) + `"}`
}

// 28 bodies of 9 MiB, and other bodies that take much memory, with the default settings. Each gets a response, and no
// connection is lost.
func TestLargeBodiesAtOnceStayWithinMemory(t *testing.T) {
	const most = 256
	repeat := strings.Repeat
	const put = `{"method":"PUT","url":"https://inbox.s3.eu-west-1.amazonaws.com/k","body":`
	const form = `{"method":"POST","url":"https://sqs.eu-west-1.amazonaws.com/","headers":{"Content-Type":` +
		`"application/x-www-form-urlencoded"},"body":`
	var names strings.Builder
	for i := range 700_000 {
		fmt.Fprintf(&names, `,"%d":"a"`, i)
	}
	for _, shape := range []struct {
		name, document string
		n              int
	}{
		{"bodies of 9 MiB", largeRequest(9 << 20), 28},
		{"bodies of 9 MiB of quotation marks", put + `"` + repeat(`\"`, 9<<19) + `"}`, 28},
		{"files of 9 MiB in Base64", put + `{"$content-type":"image/png","$content":"` + repeat("iVBO", 9<<18) + `"}}`, 28},
		{"lists of 4 million numbers", put + `[1` + repeat(",1", 4_000_000) + `]}`, 28},
		{"objects of 700,000 names", put + "{" + names.String()[1:] + "}}", 12},
		{"forms that encoding makes three times as long", form + `{"k":"` + repeat("%", 349_000) + `"}}`, 100},
	} {
		t.Run(shape.name, func(t *testing.T) {
			s := serveTwo(t)
			served, busy := s.atOnce(t, shape.n, shape.document)
			t.Logf("%d %s at once: %d signed, %d refused as busy; memory %.0f MiB", shape.n, shape.name, served, busy, s.memory())
			if s.memory() > most || served == 0 {
				t.Errorf("memory %.0f MiB, want %d at most; %d signed", s.memory(), most, served)
			}
		})
	}
}

// atOnce sends a document n times at once, and returns how many are signed, and how many are refused for lack of
// memory.
func (s *server) atOnce(t *testing.T, n int, document string) (int64, int64) {
	t.Helper()
	var served, busy atomic.Int64
	var done sync.WaitGroup
	for range n {
		done.Go(func() {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.address+"/v1/sign", strings.NewReader(document))
			if err != nil {
				t.Error(err)
				return
			}
			r.Header.Set("X-API-Key", dosKey)
			r.Header.Set("Content-Type", "application/json")
			response, err := s.client.Do(r)
			if err != nil {
				t.Errorf("a connection was lost: %v", err)
				return
			}
			defer response.Body.Close()
			_, err = io.Copy(io.Discard, response.Body)
			switch {
			case err == nil && response.StatusCode == http.StatusOK:
				served.Add(1)
			case err == nil && response.StatusCode == http.StatusServiceUnavailable && response.Header.Get("Retry-After") != "":
				busy.Add(1)
			default:
				t.Errorf("%s %v", response.Status, err)
			}
		})
	}
	done.Wait()
	return served.Load(), busy.Load()
}

// Documents of ten megabytes with a fault in each of millions of entries.
func TestBadInputCostsLittleMemory(t *testing.T) {
	s := serveTwo(t)
	const head = `{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/",`
	for name, body := range map[string]string{
		"headers without name": head + `"headerList":[{}` + strings.Repeat(",{}", 3_000_000) + `]}`,
		"names to sign":        head + `"signedHeaders":[""` + strings.Repeat(`,""`, 3_000_000) + `]}`,
		"headers":              head + `"headers":{"a":"1"` + strings.Repeat(`,"":""`, 1_500_000) + `}}`,
		"levels":               head + `"body":` + strings.Repeat("[", 9_000_000) + `}`,
	} {
		status, problem, err := s.ask(s.client, strings.NewReader(body))
		if status != http.StatusBadRequest || err != nil || len(problem.Errors) > 20 {
			t.Errorf("%s: %d with %d errors, %v", name, status, len(problem.Errors), err)
		}
	}
	t.Logf("documents of 7 to 9 MB that are wrong everywhere: memory %.0f MiB", s.memory())
	if s.memory() > 256 {
		t.Errorf("memory %.0f MiB, want 256 at most", s.memory())
	}
}

// What was signed before the process was killed is on record, and only the last line may be cut.
func TestKilledUnderLoadLosesNoRecord(t *testing.T) {
	file := filepath.Join(t.TempDir(), "audit.jsonl")
	s := serveApart(t, "COUNTERSIGN_AUDIT_FILE="+file)
	var mu sync.Mutex
	answered := map[string]bool{} // by request id
	var done sync.WaitGroup
	var all atomic.Int64
	for worker := range 16 {
		done.Go(func() {
			for n := range 100_000 {
				id := fmt.Sprintf("w%d-%d", worker, n)
				status, _, err := s.ask(s.client, strings.NewReader(dosRequest), "X-Request-Id", id)
				if err != nil {
					return // the process is gone
				}
				if status == http.StatusOK {
					mu.Lock()
					answered[id] = true
					mu.Unlock()
				}
				s.killAt(2000, &all)
			}
		})
	}
	done.Wait()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	recorded := map[string]bool{}
	for i, line := range lines {
		var record struct {
			RequestID string `json:"request_id"`
		}
		if err := json.Unmarshal([]byte(line), &record); err != nil && i < len(lines)-1 {
			t.Errorf("line %d is cut: %.100s", i, line)
		}
		recorded[record.RequestID] = true
	}
	missing := 0
	for id := range answered {
		if !recorded[id] {
			missing++
		}
	}
	t.Logf("%d responses before the kill, %d records, %d missing", len(answered), len(lines)-1, missing)
	if missing > 0 {
		t.Errorf("%d of %d signed requests are not on record", missing, len(answered))
	}
	if len(answered) < 100 {
		t.Errorf("only %d responses before the kill: the test covers too little", len(answered))
	}
}
