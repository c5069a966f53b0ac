package credentials

import "maps"

// Next returns a store for other options that goes on with what this one has learnt: the sessions of profiles that stay
// as they are, how often STS was asked, and its clock. Both may be used until [Store.Retire] of this one; Now, Log, Served
// and Called must be the same.
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

// Retire ends a store that another follows, and forgets the sessions that the other has no use for. Nobody may ask it
// for one any more.
func (s *Store) Retire() {
	s.cache.retire(s)
	s.closeConnections()
}

// Close ends background work and forgets every session, those of the stores that follow too.
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
