package credentials

import (
	"time"

	"golang.org/x/time/rate"
)

// SetElapsed replaces the clock that never steps, which New derives from Now.
func (s *Store) SetElapsed(elapsed func() time.Duration) {
	s.now = func() instant { return instant{s.options.Now(), elapsed()} }
}

// Key returns the cache key for a request.
func (s *Store) Key(a SessionRequest) any { return s.find(a.Profile).cacheRequest(a).key }

// RequestKey returns the cache key for request credentials.
func (s *Store) RequestKey(g RequestCredentials) any {
	return s.requestSessions.cacheRequest(g, trimmed(g.keys())).key
}

// LegalName is the rule for session names.
func LegalName(raw string) string { return legalName(raw) }

// Entries returns how many sessions the cache holds in all, and how many count against a caller's quota.
func (s *Store) Entries(caller string) (all, owned int) {
	s.cache.mu.Lock()
	defer s.cache.mu.Unlock()
	return len(s.cache.entries), s.cache.keyed.owners[caller] + s.cache.logins.owners[caller]
}

// Waiting returns how many fetches wait for their turn.
func (s *Store) Waiting() int {
	n := 0
	for _, q := range []*queue{s.cache.queue, s.cache.requestQueue, s.cache.loginQueue} {
		q.mu.Lock()
		n += len(q.first.waiting) + len(q.rest.waiting)
		q.mu.Unlock()
	}
	return n
}

// Advisory returns the background refresh window for a lifetime.
func Advisory(life time.Duration, jitter float64) time.Duration { return advisory(life, jitter) }

// UnlimitedFetches removes the limit on the fetch rate.
func (s *Store) UnlimitedFetches() {
	for _, q := range []*queue{s.cache.queue, s.cache.loginQueue} {
		q.first.SetLimit(rate.Inf)
		q.rest.SetLimit(rate.Inf)
	}
}

// SetLogins limits the number of sessions made with callers' own tokens.
func (s *Store) SetLogins(size int) { s.cache.logins.size = size }
