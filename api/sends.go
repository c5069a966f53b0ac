package api

import (
	"net/http"
	"sync"
	"time"

	"countersign/access"
	"countersign/handlers"
)

// limitSends limits the requests that wait for AWS. They have a limit of their own, since AWS may take minutes and
// signing must not wait for that. One caller has at most half of the places, since a request that has been sent
// cannot be revoked for another caller.
func (s *server) limitSends(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller := handlers.EventOf(r).Caller.ID
		if !s.Senders.enter(caller, 1) {
			handlers.WriteError(w, r, &access.BusyError{RetryAfter: time.Second})
			return
		}
		defer s.Senders.leave(caller, 1)
		hold, err := s.acquire(s.Sends, r, 1, false)
		if err != nil {
			handlers.WriteError(w, r, err)
			return
		}
		response := &offeredResponse{ResponseWriter: w, hold: hold, now: s.Now}
		defer response.release()
		next.ServeHTTP(response, r)
	})
}

// Halves counts what each caller has of something that cannot be revoked. One caller has at most half of it.
type Halves struct {
	half int64

	mu    sync.Mutex
	count map[string]int64
}

// NewHalves allows each caller half of total.
func NewHalves(total int64) *Halves { return &Halves{half: total / 2, count: map[string]int64{}} }

// enter reports whether a caller may have so much more. What a caller without anything asks for is never too much.
func (h *Halves) enter(caller string, weight int64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if has := h.count[caller]; has > 0 && has+weight > h.half {
		return false
	}
	h.count[caller] += weight
	return true
}

func (h *Halves) leave(caller string, weight int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.count[caller] -= weight; h.count[caller] == 0 {
		delete(h.count, caller)
	}
}
