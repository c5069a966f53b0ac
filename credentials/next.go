package credentials

import "maps"

// Next returns a store with other options that continues with this one's state: the sessions of profiles that did not
// change, the rate of calls to STS, and the clock. Both stores may be used until [Store.Retire] is called on this one.
// Now, Log, Served and Called must be the same.
func (s *Store) Next(o Options) (*Store, error) {
	next := &Store{now: s.now, clocks: maps.Clone(s.clocks), secret: s.secret, cache: s.cache}
	if err := next.connect(o); err != nil {
		return nil, err
	}
	for name, p := range next.profiles {
		before := s.profiles[name]
		if before == nil || before.key() != p.key() {
			continue
		}
		if p.certificate != nil {
			p.certificate.follow(before.certificate)
		}
		if p.pool != nil {
			p.pool.identities = before.pool.identities
		}
	}
	s.cache.adopt(next)
	return next, nil
}

// Retire ends a store that was replaced by [Store.Next], and forgets the sessions that the new store cannot use. The
// retired store must not be asked for sessions any more.
func (s *Store) Retire() {
	s.cache.retire(s)
	s.closeConnections()
}

// Close ends background work and forgets every session, including those of stores made with [Store.Next].
func (s *Store) Close() {
	s.cache.close()
	s.closeConnections()
}

func (s *Store) closeConnections() {
	if t, ok := s.base.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// Invalidate forgets every session of the profile, so that the next request fetches.
func (s *Store) Invalidate(profile string) {
	s.cache.invalidate(func(e *entry) bool { return e.profile == profile })
}
