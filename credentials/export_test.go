package credentials

import (
	"time"

	"golang.org/x/time/rate"
)

// SetElapsed replaces the clock that never steps, which New derives from Now.
func (s *Store) SetElapsed(elapsed func() time.Duration) {
	s.now = func() instant { return instant{s.options.Now(), elapsed()} }
}

// Key is the cache's key for an ask.
func (s *Store) Key(a SessionRequest) any { return s.find(a.Profile).cacheRequest(a).key }

// GivenKey is the cache's key for request credentials.
func (s *Store) RequestKey(g RequestCredentials) any {
	return s.requestSessions.cacheRequest(g, trimmed(g.keys())).key
}

// LegalName is the rule for session names.
func LegalName(raw string) string { return legalName(raw) }

// Entries is how many sessions the cache holds, and how many a caller bears.
func (s *Store) Entries(caller string) (all, borne int) {
	s.cache.mu.Lock()
	defer s.cache.mu.Unlock()
	return len(s.cache.entries), s.cache.keyed.owners[caller] + s.cache.logins.owners[caller]
}

// Waiting is how many fetches wait for their turn.
func (s *Store) Waiting() int {
	n := 0
	for _, q := range []*queue{s.cache.queue, s.cache.requestQueue, s.cache.loginQueue} {
		q.mu.Lock()
		n += len(q.first.waiting) + len(q.rest.waiting)
		q.mu.Unlock()
	}
	return n
}

// Advisory is the window of background refresh for a lifetime.
func Advisory(life time.Duration, jitter float64) time.Duration { return advisory(life, jitter) }

// UnlimitedFetches lets fetches begin without a pause.
func (s *Store) UnlimitedFetches() {
	for _, q := range []*queue{s.cache.queue, s.cache.loginQueue} {
		q.first.SetLimit(rate.Inf)
		q.rest.SetLimit(rate.Inf)
	}
}

// SetLogins bounds the sessions that come of callers' own tokens.
func (s *Store) SetLogins(size int) { s.cache.logins.size = size }
