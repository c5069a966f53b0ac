package credentials

import "time"

// SetElapsed replaces the clock that never steps, which New derives from Now.
func (s *Store) SetElapsed(elapsed func() time.Duration) {
	s.look = func() moment { return moment{s.options.Now(), elapsed()} }
}

// Key is the cache's key for an ask.
func (s *Store) Key(a Ask) any { return s.find(a.Profile).wish(a).key }

// GivenKey is the cache's key for request credentials.
func (s *Store) GivenKey(g Given) any { return s.given.wish(g, trimmed(g.keys())).key }

// LegalName is the rule for session names.
func LegalName(raw string) string { return legalName(raw) }

// Entries is how many sessions the cache holds, and how many a caller bears.
func (s *Store) Entries(caller string) (all, borne int) {
	s.cache.mu.Lock()
	defer s.cache.mu.Unlock()
	return len(s.cache.entries), s.cache.shares[caller]
}

// Waiting is how many fetches wait for their turn.
func (s *Store) Waiting() int {
	n := 0
	for _, q := range []*queue{s.cache.queue, s.cache.given} {
		q.mu.Lock()
		n += len(q.first.waiting) + len(q.rest.waiting)
		q.mu.Unlock()
	}
	return n
}

// Advisory is the window of background refresh for a lifetime.
func Advisory(life time.Duration, jitter float64) time.Duration { return advisory(life, jitter) }
