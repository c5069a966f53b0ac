package credentials

import (
	"slices"
	"time"
)

// enter finds or adds the entry for a request and marks it as most recently used. Beyond a caller's quota, that
// caller's least recently used entry is evicted; beyond the pool's size, one of the caller with the most. Entries that
// callers share stay, since there are no more of them than profiles. Nil if all candidates are being fetched.
func (c *cache) enter(w cacheRequest, r reading) *entry {
	e := c.entries[w.key]
	if e == nil {
		if w.owned && !c.evictIfFull(w) {
			return nil
		}
		e = &entry{cacheRequest: w}
		e.request.Login = nil // each fetch uses the token of its own request
		p := c.poolOf(w)
		e.place = p.recent.PushFront(e)
		c.entries[w.key] = e
		if w.owned {
			p.owners[w.quotaOwner]++
			p.owned++
		}
	}
	c.poolOf(w).recent.MoveToFront(e.place)
	wasIdle := e.valid && !e.inUse(r)
	e.lastUsed = r.elapsed
	if wasIdle {
		c.arm(e, r)
	}
	return e
}

// poolOf returns the pool that the request's session belongs to.
func (c *cache) poolOf(w cacheRequest) *pool {
	if w.login != nil {
		return &c.logins
	}
	return &c.keyed
}

// evictIfFull evicts an entry if the caller or the pool has reached its limit. It reports whether an entry may be
// added.
func (c *cache) evictIfFull(w cacheRequest) bool {
	p, caller := c.poolOf(w), w.quotaOwner
	if p.owners[caller] >= callerQuota {
		return c.evict(p, func(e *entry) bool { return e.quotaOwner == caller })
	}
	return p.owned < p.size || c.evict(p, func(*entry) bool { return true })
}

// evict removes, among the owned entries that may go, the least recently used one of the caller with the most. An entry
// that is being fetched stays: otherwise two fetches for its key could run at a time.
func (c *cache) evict(p *pool, may func(*entry) bool) bool {
	var out *entry
	most := 0
	for at := p.recent.Back(); at != nil; at = at.Prev() {
		e := at.Value.(*entry)
		if !e.owned || e.flight != nil || !may(e) {
			continue
		}
		if n := p.owners[e.quotaOwner]; n > most {
			out, most = e, n
		}
	}
	if out == nil {
		return false
	}
	c.remove(out)
	switch {
	case out.login != nil:
		c.loginEvictions++
	case out.noRefresh:
		c.requestEvictions++
	default:
		c.evictions++
	}
	return true
}

func (c *cache) remove(e *entry) {
	if e.evicted {
		return
	}
	e.evicted, e.valid, e.session = true, false, Session{}
	if e.timer != nil {
		e.timer.Stop()
	}
	p := c.poolOf(e.cacheRequest)
	p.recent.Remove(e.place)
	delete(c.entries, e.key)
	if !e.owned {
		return
	}
	p.owned--
	if p.owners[e.quotaOwner]--; p.owners[e.quotaOwner] == 0 {
		delete(p.owners, e.quotaOwner)
	}
}

// invalidate forgets the sessions that forget selects, and discards the fetches under way for them.
func (c *cache) invalidate(forget func(*entry) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.entries {
		if !forget(e) {
			continue
		}
		e.valid, e.session, e.lastErr, e.failures, e.mandatoryAt = false, Session{}, nil, 0, 0
		if e.flight != nil {
			e.flight.discarded = true
		}
	}
}

// usable reports whether the profile's latest fetch left something to sign with or was refused by AWS, or whether there
// was no fetch yet.
func (c *cache) usable(profile key) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	ok, tried := c.outcome[profile]
	return ok || !tried
}

// retry repeats the fetch for the profile's most recently used entry.
func (c *cache) retry(profile key) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for at := c.keyed.recent.Front(); at != nil; at = at.Next() {
		e := at.Value.(*entry)
		if e.ofProfile() != profile {
			continue
		}
		if r := e.clock.read(); e.flight == nil && until(e.mandatoryAt, r) == 0 {
			c.startFetch(c.ctx, e, r, SessionRequest{}, true)
		}
		return
	}
	delete(c.outcome, profile) // evicted, so nothing is known about it any more
}

// ofProfile returns the key of the entry's profile. It is empty if the session was made with a request's credentials,
// whose outcome says nothing about the profile.
func (e *entry) ofProfile() key {
	if e.noRefresh {
		return key{}
	}
	return key{profile: e.profile, shape: e.shape}
}

// adopt lets the profiles of a store use the cache.
func (c *cache) adopt(s *Store) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range s.profiles {
		c.users[p.key()] = append(c.users[p.key()], p)
	}
}

// retire undoes adopt. Entries of profiles that another store has unchanged continue with that store.
func (c *cache) retire(s *Store) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range s.profiles {
		at := p.key()
		c.users[at] = slices.DeleteFunc(c.users[at], func(user *profile) bool { return user == p })
		if len(c.users[at]) == 0 {
			delete(c.users, at)
			delete(c.outcome, at)
		}
	}
	for _, e := range c.entries {
		p, isProfile := e.issuer.(*profile)
		if !isProfile || p.store != s {
			continue
		}
		users := c.users[p.key()]
		if len(users) > 0 && users[len(users)-1].takes(e.login) {
			e.issuer = users[len(users)-1]
		} else {
			c.remove(e)
		}
	}
}

// close ends the fetches, waits for them and forgets everything.
func (c *cache) close() {
	c.mu.Lock()
	c.closed = true
	for _, e := range c.entries {
		c.remove(e)
	}
	c.mu.Unlock()
	c.cancel()
	done := make(chan struct{})
	go func() { c.flights.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(flightTime): // a source that ignores its context; it holds no locks
	}
}
