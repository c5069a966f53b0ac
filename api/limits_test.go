package api_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"countersign/access"
	"countersign/api"
	"countersign/handlers"
	"countersign/signing"

	"github.com/rs/zerolog"
)

const toSign = `{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/"}`

// limited is the service with limits of its own, for two callers; its clock is that of the test.
func limited(t *testing.T, maxBody int64, rate access.RateOptions, requests, queue, inFlight int) http.Handler {
	t.Helper()
	text, err := os.ReadFile("../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
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
	rate.Now = time.Now
	share, err := access.NewRate(rate)
	if err != nil {
		t.Fatal(err)
	}
	gate, err := access.NewGate(int64(requests), queue, 2*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	bodies, err := access.NewGate(int64(inFlight), queue, 2*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	h := handlers.New(handlers.Options{Signer: new(signing.Signer), Sessions: sessions{}, Now: time.Now, Policy: policy, DefaultProfile: "orders", Audit: unrecorded{}})
	return api.New(api.Options{
		Handlers: h, Contract: api.NewContract(text), Auth: auth, Log: zerolog.Nop(), Now: time.Now, NewID: func() string { return "made-here" },
		MaxBodyBytes: maxBody, Rate: share, Requests: gate, Bytes: bodies,
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
	var p handlers.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != status || p.Code != code || p.Hint == "" {
		t.Fatalf("got %d %s, want %d %s", w.Code, w.Body, status, code)
	}
	retryAfter, err := strconv.Atoi(w.Header().Get("Retry-After"))
	if (status == 429 || status == 503) != (err == nil) {
		t.Fatalf("%d %s: Retry-After %q", status, code, w.Header().Get("Retry-After"))
	}
	return retryAfter
}

func TestTheLargestBodyIsTaken(t *testing.T) {
	const limit = 2048
	h := limited(t, limit, access.RateOptions{PerSecond: 1000, Burst: 1000}, plenty, 1, plenty)
	fits := toSign[:len(toSign)-1] + strings.Repeat(" ", limit-len(toSign)) + "}"
	for _, told := range []bool{true, false} {
		length := func(text string) int64 {
			if told {
				return int64(len(text))
			}
			return -1
		}
		if w := ask(h, "a", strings.NewReader(fits), length(fits)); w.Code != http.StatusOK {
			t.Errorf("%d bytes, length told %v: %d %s", len(fits), told, w.Code, w.Body)
		}
		wantProblem(t, ask(h, "a", strings.NewReader(fits+" "), length(fits+" ")), http.StatusRequestEntityTooLarge, "body_too_large")
	}
}

func TestRetryAfterIsHonest(t *testing.T) {
	for _, perSecond := range []float64{1, 3, 7.5, 1000} {
		synctest.Test(t, func(t *testing.T) {
			h := limited(t, 1<<20, access.RateOptions{PerSecond: perSecond, Burst: 5}, plenty, 1, plenty)
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

// upload is a request whose body is on its way.
type upload struct {
	body   *io.PipeWriter
	answer chan *httptest.ResponseRecorder
}

func begin(h http.Handler, length int64) upload {
	read, write := io.Pipe()
	u := upload{write, make(chan *httptest.ResponseRecorder, 1)}
	go func() { u.answer <- ask(h, "a", read, length) }()
	return u
}

func (u upload) finish(t *testing.T) {
	t.Helper()
	go func() {
		_, _ = io.Copy(u.body, bytes.NewReader([]byte(toSign)))
		_ = u.body.Close()
	}()
	if w := <-u.answer; w.Code != http.StatusOK {
		t.Errorf("a request under way: %d %s", w.Code, w.Body)
	}
}

func TestRequestsUnderWayAndInTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := limited(t, 1<<20, access.RateOptions{PerSecond: 1000, Burst: 1000}, 2, 2, plenty)
		first, second := begin(h, -1), begin(h, -1)
		synctest.Wait()
		third, fourth := begin(h, -1), begin(h, -1)
		synctest.Wait()
		if wait := wantProblem(t, askOnce(h, "b"), http.StatusServiceUnavailable, "busy"); wait != 2 {
			t.Errorf("Retry-After is %d", wait)
		}
		for _, path := range []string{"/", "/livez", "/readyz"} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
			if w.Code != http.StatusOK {
				t.Errorf("%s of a full service: %d", path, w.Code)
			}
		}
		first.finish(t)
		time.Sleep(3 * time.Second) // one of the queue got in, for the other it was too long
		var in upload
		select {
		case w := <-third.answer:
			wantProblem(t, w, http.StatusServiceUnavailable, "busy")
			in = fourth
		case w := <-fourth.answer:
			wantProblem(t, w, http.StatusServiceUnavailable, "busy")
			in = third
		}
		second.finish(t)
		in.finish(t)
		if w := askOnce(h, "b"); w.Code != http.StatusOK {
			t.Errorf("when all are answered: %d %s", w.Code, w.Body)
		}
	})
}

func TestBytesUnderWay(t *testing.T) {
	const capacity = 4096
	synctest.Test(t, func(t *testing.T) {
		h := limited(t, capacity, access.RateOptions{PerSecond: 1000, Burst: 1000}, plenty, 1, capacity)
		// Its length is not told, so it may become as large as any.
		first := begin(h, -1)
		synctest.Wait()
		wantProblem(t, askOnce(h, "b"), http.StatusServiceUnavailable, "busy")
		first.finish(t)
		// Room for both at the edge, and for no byte more.
		first = begin(h, capacity-int64(len(toSign)))
		synctest.Wait()
		if w := askOnce(h, "b"); w.Code != http.StatusOK {
			t.Errorf("what fits: %d %s", w.Code, w.Body)
		}
		wantProblem(t, ask(h, "b", strings.NewReader(toSign+" "), int64(len(toSign)+1)), http.StatusServiceUnavailable, "busy")
		first.finish(t)
		if w := ask(h, "b", strings.NewReader(toSign+" "), int64(len(toSign)+1)); w.Code != http.StatusOK {
			t.Errorf("when there is room again: %d %s", w.Code, w.Body)
		}
	})
}
