package api

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"countersign/access"
)

const (
	// A client has takeTime to read a response before others may claim its place,
	takeTime = 250 * time.Millisecond
	// and one more second for each takeRate bytes of it.
	takeRate = 16 << 20
)

// offeredResponse is a response whose place can be revoked when others need it. Everything is computed before the
// first byte is written, so from then on only a client that does not read keeps the place: its connection is cut.
type offeredResponse struct {
	http.ResponseWriter
	hold *access.Hold
	now  func() time.Time

	begun bool
	until time.Time // the time by which a client must have read the response

	mu    sync.Mutex
	ended bool
	timer *time.Timer // cuts the connection
}

// Unwrap is for [http.ResponseController].
func (a *offeredResponse) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *offeredResponse) Write(b []byte) (int, error) {
	if !a.begun {
		a.begun = true
		size, err := strconv.Atoi(a.Header().Get("Content-Length")) // the body may be written in pieces
		if err != nil || size < len(b) {
			size = len(b)
		}
		a.until = a.now().Add(takeTime + time.Duration(size)*time.Second/takeRate)
		a.hold.Offer(a)
	}
	return a.ResponseWriter.Write(b)
}

// Revoke ends a write that has not ended by then.
func (a *offeredResponse) Revoke() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ended {
		return
	}
	a.timer = time.AfterFunc(a.until.Sub(a.now()), func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if !a.ended { // otherwise the connection serves the next request
			_ = http.NewResponseController(a.ResponseWriter).SetWriteDeadline(a.now())
		}
	})
}

// release releases the hold when the response has been written.
func (a *offeredResponse) release() {
	a.mu.Lock()
	a.ended = true
	if a.timer != nil {
		a.timer.Stop()
	}
	a.mu.Unlock()
	a.hold.Release()
}
