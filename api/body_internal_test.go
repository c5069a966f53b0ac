package api

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"countersign/access"
)

// lingering takes a second to set a deadline.
type lingering struct {
	http.ResponseWriter
	setting atomic.Bool
}

func (l *lingering) SetReadDeadline(time.Time) error {
	l.setting.Store(true)
	defer l.setting.Store(false)
	time.Sleep(time.Second)
	return nil
}

// Over HTTP/2, net/http panics if a deadline is set after the handler has returned.
func TestArrival_SetsNoDeadlineAfterTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limiter, err := access.NewLimiter(1, 1, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		hold, err := limiter.Acquire(t.Context(), "slow", 1, true)
		if err != nil {
			t.Fatal(err)
		}
		w := &lingering{ResponseWriter: httptest.NewRecorder()}
		in := &arrival{server: &server{Options: Options{Now: time.Now}}, control: http.NewResponseController(w)}
		stop := in.cutWhenRevoked(hold)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _, _ = limiter.Acquire(ctx, "another", 1, true) }()
		<-hold.Revoked()
		time.Sleep(grace)
		synctest.Wait()
		if !w.setting.Load() {
			t.Fatal("the upload is not cut")
		}
		if stop(); w.setting.Load() {
			t.Error("a deadline is still being set")
		}
		hold.Release()
		cancel()
	})
}
