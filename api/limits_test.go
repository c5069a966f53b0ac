package api_test

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"countersign/access"
	"countersign/api"
	"countersign/broker"
	"countersign/handlers"
	"countersign/problem"
	"countersign/signing"

	"github.com/rs/zerolog"
)

const toSign = `{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/"}`

// limits are the limits of a service; zero means plenty.
type limits struct {
	maxBody, memory         int64
	rate                    access.RateOptions
	requests, queue, hashes int
	sessions                sessions
	log                     io.Writer
}

// limited is the service with its own limits, for the callers a and b; its clock is the test's.
func limited(t *testing.T, l limits) http.Handler {
	t.Helper()
	var keys []access.APIKey
	for _, id := range []string{"a", "b"} {
		sum := sha256.Sum256([]byte(id + "." + key))
		keys = append(keys, access.APIKey{ID: id, SHA256: hex.EncodeToString(sum[:])})
	}
	auth, err := access.NewAuthenticator(access.Options{APIKeys: keys, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	policy, err := access.NewPolicy("", nil)
	if err != nil {
		t.Fatal(err)
	}
	l.rate.Now = time.Now
	l.rate.PerSecond, l.rate.Burst = cmp.Or(l.rate.PerSecond, plenty), cmp.Or(l.rate.Burst, plenty)
	rate, err := access.NewRate(l.rate)
	if err != nil {
		t.Fatal(err)
	}
	limiter := func(capacity int64) *access.Limiter {
		made, err := access.NewLimiter(cmp.Or(capacity, plenty), cmp.Or(l.queue, 1), 2*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	h := handlers.New(handlers.Options{Options: broker.Options{
		Signer: new(signing.Signer), Sessions: l.sessions, Now: time.Now, Policy: policy, DefaultProfile: "orders", Audit: unrecorded{},
	}})
	return api.New(api.Options{
		Handlers: h, Auth: auth, Now: time.Now, NewID: func() string { return "made-here" },
		Log:          zerolog.New(zerolog.SyncWriter(cmp.Or(l.log, io.Discard))),
		MaxBodyBytes: cmp.Or(l.maxBody, 1<<20), Rate: rate,
		Requests: limiter(int64(l.requests)), Memory: limiter(l.memory), Hashes: limiter(int64(l.hashes)),
	})
}

const plenty = 1 << 30

func ask(h http.Handler, caller string, body io.Reader, length int64) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/v1/sign", body)
	r.ContentLength = length
	r.Header.Set("X-API-Key", caller+"."+key)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func askOnce(h http.Handler, caller string) *httptest.ResponseRecorder {
	return ask(h, caller, strings.NewReader(toSign), int64(len(toSign)))
}

func wantProblem(t *testing.T, w *httptest.ResponseRecorder, status int, code string) (retryAfter int) {
	t.Helper()
	var p problem.Document
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != status || p.Code != code || p.Hint == "" {
		t.Fatalf("got %d %s, want %d %s", w.Code, w.Body, status, code)
	}
	retryAfter, err := strconv.Atoi(w.Header().Get("Retry-After"))
	if (status == 429 || status == 503) != (err == nil) {
		t.Fatalf("%d %s: Retry-After %q", status, code, w.Header().Get("Retry-After"))
	}
	return retryAfter
}

func TestTheLargestBodyIsAccepted(t *testing.T) {
	const limit = 2048
	h := limited(t, limits{maxBody: limit})
	fits := toSign[:len(toSign)-1] + strings.Repeat(" ", limit-len(toSign)) + "}"
	for _, told := range []bool{true, false} {
		length := func(text string) int64 {
			if told {
				return int64(len(text))
			}
			return -1
		}
		if w := ask(h, "a", strings.NewReader(fits), length(fits)); w.Code != http.StatusOK {
			t.Errorf("%d bytes, length declared %v: %d %s", len(fits), told, w.Code, w.Body)
		}
		wantProblem(t, ask(h, "a", strings.NewReader(fits+" "), length(fits+" ")), http.StatusRequestEntityTooLarge, "body_too_large")
	}
}

func TestRetryAfterIsHonest(t *testing.T) {
	for _, perSecond := range []float64{1, 3, 7.5, 1000} {
		synctest.Test(t, func(t *testing.T) {
			h := limited(t, limits{rate: access.RateOptions{PerSecond: perSecond, Burst: 5}})
			for range 5 {
				if w := askOnce(h, "a"); w.Code != http.StatusOK {
					t.Fatalf("within the burst: %d %s", w.Code, w.Body)
				}
			}
			wait := wantProblem(t, askOnce(h, "a"), http.StatusTooManyRequests, "rate_limited")
			if w := askOnce(h, "b"); w.Code != http.StatusOK {
				t.Errorf("another caller: %d %s", w.Code, w.Body)
			}
			if need := 1 / perSecond; float64(wait) < need || float64(wait) >= need+1 {
				t.Errorf("at %v a second, Retry-After is %d", perSecond, wait)
			}
			time.Sleep(time.Duration(wait) * time.Second)
			if w := askOnce(h, "a"); w.Code != http.StatusOK {
				t.Errorf("after Retry-After: %d %s", w.Code, w.Body)
			}
		})
	}
}

// slow sends a request that waits for its session until the channel is closed.
func slow(h http.Handler, caller string) <-chan *httptest.ResponseRecorder {
	response := make(chan *httptest.ResponseRecorder, 1)
	go func() { response <- askOnce(h, caller) }()
	synctest.Wait()
	return response
}

// The wait for the session and for other requests.
func TestLog_SaysHowLongARequestWaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		session := make(chan struct{})
		var log strings.Builder
		h := limited(t, limits{requests: 1, queue: 1, sessions: sessions{wait: session}, log: zerolog.SyncWriter(&log)})
		first, second := slow(h, "a"), slow(h, "b")
		time.Sleep(1500 * time.Millisecond)
		close(session)
		<-first
		<-second
		askOnce(h, "a")
		lines := strings.SplitAfter(log.String(), "\n")
		if strings.Contains(lines[0], `"caller":"b"`) { // a place is free before the line is written
			lines[0], lines[1] = lines[1], lines[0]
		}
		for i, want := range [][2]bool{{true, false}, {false, true}, {false, false}} {
			line := lines[i]
			if strings.Contains(line, `"sts_wait_ms":1500,`) != want[0] || strings.Contains(line, `"queue_ms":1500,`) != want[1] ||
				strings.Contains(line, "_wait_ms") != want[0] || strings.Contains(line, "queue_ms") != want[1] {
				t.Errorf("request %d: %s", i+1, line)
			}
		}
	})
}

func TestRequestsInProgressAndInTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		session := make(chan struct{})
		h := limited(t, limits{requests: 2, queue: 2, sessions: sessions{wait: session}})
		first, second := slow(h, "a"), slow(h, "a")
		third, fourth := slow(h, "a"), slow(h, "a")
		if wait := wantProblem(t, askOnce(h, "a"), http.StatusServiceUnavailable, "busy"); wait != 2 {
			t.Errorf("Retry-After is %d", wait)
		}
		other := slow(h, "b") // takes a place in the queue from the caller that fills it
		wantProblem(t, <-fourth, http.StatusServiceUnavailable, "busy")
		for _, path := range []string{"/", "/livez", "/readyz"} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
			if w.Code != http.StatusOK {
				t.Errorf("%s of a full service: %d", path, w.Code)
			}
		}
		close(session)
		for name, response := range map[string]<-chan *httptest.ResponseRecorder{
			"first": first, "second": second, "third": third, "other": other,
		} {
			if w := <-response; w.Code != http.StatusOK {
				t.Errorf("%s: %d %s", name, w.Code, w.Body)
			}
		}
	})
}

// A hostile caller opens connections and sends bodies slowly: another one must not even notice.
func TestBodiesOnTheirWayHoldNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := limited(t, limits{requests: 1, memory: 1 << 20, maxBody: 10 << 20})
		var writers []*io.PipeWriter
		var done sync.WaitGroup
		for i := range 300 {
			read, write := io.Pipe()
			writers = append(writers, write)
			done.Go(func() {
				if w := ask(h, "a", read, []int64{10 << 20, -1, 100}[i%3]); w.Code == http.StatusOK {
					t.Errorf("a body that breaks off: %d", w.Code)
				}
			})
			_, _ = write.Write([]byte("{"))
		}
		synctest.Wait()
		begun := time.Now()
		if w := askOnce(h, "b"); w.Code != http.StatusOK || time.Since(begun) != 0 {
			t.Errorf("another caller: %d after %v", w.Code, time.Since(begun))
		}
		for _, w := range writers {
			_ = w.CloseWithError(io.ErrUnexpectedEOF)
		}
		done.Wait()
	})
}

// open sends the head of a request and the beginning of its body over a new connection.
func open(t *testing.T, server *httptest.Server, path string, declared, sent int) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_, err = fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: x\r\nX-API-Key: a.%s\r\nContent-Type: application/json\r\nContent-Length: "+
		"%d\r\n\r\n{%s",
		path, key, declared, strings.Repeat(" ", sent-1))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Stalled uploads hold memory and places; another caller takes them back.
func TestStalledUploadsGiveWay(t *testing.T) {
	const size = 256 << 10
	for _, path := range []string{"/v1/sign", "/v1/payload-hash"} {
		server := httptest.NewServer(limited(t, limits{memory: 8 * size, hashes: 2, queue: 8}))
		t.Cleanup(server.Close)
		stalled := []net.Conn{open(t, server, path, size, 40<<10)}
		for range 3 {
			stalled = append(stalled, open(t, server, path, size, 40<<10))
		}
		time.Sleep(50 * time.Millisecond) // some of them have been admitted by now; how many does not matter
		body := toSign[:len(toSign)-1] + strings.Repeat(" ", size-len(toSign)) + "}"
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-API-Key", "b."+key)
		r.Header.Set("Content-Type", "application/json")
		response, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Errorf("%s of another caller: %s, want 200", path, response.Status)
		}
		for _, c := range stalled {
			_ = c.Close()
		}
	}
}

// Bodies of which only one fits at a time all get a response, and no connection is reset.
func TestRefusedBodiesAreReadToTheirEnd(t *testing.T) {
	const size = 4 << 20
	server := httptest.NewServer(limited(t, limits{maxBody: size, memory: 8 * size, queue: 2}))
	t.Cleanup(server.Close)
	body := `{"method":"PUT","url":"https://inbox.s3.eu-west-1.amazonaws.com/k","body":"`
	body += strings.Repeat("x", size-len(body)-2) + `"}`
	var done sync.WaitGroup
	var served, busy atomic.Int64
	for range 20 {
		done.Go(func() {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/v1/sign", strings.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			r.Header.Set("X-API-Key", "a."+key)
			r.Header.Set("Content-Type", "application/json")
			response, err := server.Client().Do(r)
			if err != nil {
				t.Errorf("a connection was lost: %v", err)
				return
			}
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
			switch {
			case response.StatusCode == http.StatusOK:
				served.Add(1)
			case response.StatusCode == http.StatusServiceUnavailable && response.Header.Get("Retry-After") != "":
				busy.Add(1)
			default:
				t.Errorf("%s", response.Status)
			}
		})
	}
	done.Wait()
	if served.Load() == 0 || busy.Load() == 0 {
		t.Errorf("%d served, %d refused as busy: want some of both", served.Load(), busy.Load())
	}
}
