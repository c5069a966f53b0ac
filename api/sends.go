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
		if !s.Senders.enter(caller) {
			handlers.WriteError(w, r, &access.BusyError{RetryAfter: time.Second})
			return
		}
		defer s.Senders.leave(caller)
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

// Senders counts the requests of each caller that are in progress.
type Senders struct {
	most int

	mu    sync.Mutex
	count map[string]int
}

// NewSenders allows each caller half of most.
func NewSenders(most int) *Senders { return &Senders{most: max(1, most/2), count: map[string]int{}} }

func (s *Senders) enter(caller string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count[caller] >= s.most {
		return false
	}
	s.count[caller]++
	return true
}

func (s *Senders) leave(caller string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count[caller]--; s.count[caller] == 0 {
		delete(s.count, caller)
	}
}
