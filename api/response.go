package api

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"countersign/access"
)

const (
	// A client has so long to take a response before others may need what it holds,
	takeTime = 250 * time.Millisecond
	// and a second more for each takeRate bytes of it.
	takeRate = 16 << 20
)

// offered is a response that gives back what it holds when others need that. All is computed when the first byte is written, so
// from then on only a client that does not read keeps it: its connection is cut.
type offered struct {
	http.ResponseWriter
	hold *access.Hold
	now  func() time.Time

	begun bool
	until time.Time // a client has to have taken the response

	mu    sync.Mutex
	ended bool
	timer *time.Timer // of the cut
}

// Unwrap is for [http.ResponseController].
func (a *offered) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *offered) Write(b []byte) (int, error) {
	if !a.begun {
		a.begun = true
		size, err := strconv.Atoi(a.Header().Get("Content-Length")) // which may follow piece by piece
		if err != nil || size < len(b) {
			size = len(b)
		}
		a.until = a.now().Add(takeTime + time.Duration(size)*time.Second/takeRate)
		a.hold.Offer(a)
	}
	return a.ResponseWriter.Write(b)
}

// Revoke ends a write that has not ended by then.
func (a *offered) Revoke() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ended {
		return
	}
	a.timer = time.AfterFunc(a.until.Sub(a.now()), func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if !a.ended { // else it is the next request's connection
			_ = http.NewResponseController(a.ResponseWriter).SetWriteDeadline(a.now())
		}
	})
}

// release gives back the hold when the response has been written.
func (a *offered) release() {
	a.mu.Lock()
	a.ended = true
	if a.timer != nil {
		a.timer.Stop()
	}
	a.mu.Unlock()
	a.hold.Release()
}
