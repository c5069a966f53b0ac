package credentials_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync/atomic"
	"testing"

	"countersign/credentials"
)

func TestRedirectsAreNotFollowed(t *testing.T) {
	var strayed atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { strayed.Add(1) }))
	defer elsewhere.Close()
	server := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	p := orders()
	p.STSEndpoint = server.URL
	s := open(t, credentials.Options{Profiles: []credentials.Profile{p}})
	if got, err := s.Session(t.Context(), credentials.SessionRequest{}); err == nil || strayed.Load() != 0 {
		t.Errorf("Session() = %s, %v with %d calls elsewhere, want an error and none", got.Credentials.AccessKeyID, err, strayed.Load())
	}
}

// The SDK reads responses completely: for 300 MB it would need 1 GB of memory.
func TestLargeResponsesAreNotRead(t *testing.T) {
	var sent atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		block := make([]byte, 1<<20)
		for range 300 {
			n, err := w.Write(block)
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	}))
	defer server.Close()
	p := orders()
	p.STSEndpoint = server.URL
	s := open(t, credentials.Options{Profiles: []credentials.Profile{p}})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := s.Session(t.Context(), credentials.SessionRequest{})
	runtime.ReadMemStats(&after)
	if !errors.Is(err, credentials.ErrUnavailable) || err.Error() != "session source unavailable: answer too large" {
		t.Errorf("Session() = %v, want a response that is too large", err)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 32<<20 {
		t.Errorf("%d MiB allocated for responses of 256 KiB", grown>>20)
	}
}
