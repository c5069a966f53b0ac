package credentials

import (
	"context"
	"errors"
	"time"
)

// flight is one fetch under way.
type flight struct {
	entry      *entry
	issuer     issuer
	done       chan struct{} // closed when session and err are set
	session    Session
	err        error
	request    SessionRequest // the request that it is for
	turn       *waiter
	passed     bool // it got no turn
	foreground bool // started for a request, not in the background
	discarded  bool // invalidated in the meantime: its outcome is outdated
}

// startFetch starts the fetch. It is detached from the request that started it, except for the values of the request's
// context; it has its own timeout, and panics are caught. Nil: too many fetches wait for their turn. This function and
// all below that take an entry are called with the lock held.
func (c *cache) startFetch(ctx context.Context, e *entry, r reading, a SessionRequest, foreground bool) *flight {
	f := &flight{entry: e, issuer: e.issuer, done: make(chan struct{}), request: e.request, foreground: foreground}
	f.request.Login = a.Login
	if c.closed {
		f.err = fail(ErrUnavailable, "closed")
		close(f.done)
		return f
	}
	f.turn = c.queueOf(e).enter(a.Caller, !e.owned || !foreground)
	if f.turn == nil {
		c.arm(e, r)
		return nil
	}
	e.flight = f
	c.flights.Add(1)
	go c.runFetch(context.WithoutCancel(ctx), f, r.elapsed)
	return f
}

// refresh starts the fetch in the background, for no caller.
func (c *cache) refresh(e *entry, r reading) { c.startFetch(c.ctx, e, r, SessionRequest{}, false) }

func (c *cache) queueOf(e *entry) *queue {
	switch {
	case e.login != nil:
		return c.loginQueue
	case e.noRefresh:
		return c.requestQueue
	}
	return c.queue
}

func (c *cache) runFetch(ctx context.Context, f *flight, begun time.Duration) {
	defer c.flights.Done()
	ctx, cancel := context.WithTimeout(ctx, flightTime)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()
	defer close(f.done)
	q := c.queueOf(f.entry)
	if !c.turn(ctx, q, f.turn) {
		c.pass(f)
		return
	}
	s, err := c.fetch(ctx, f)
	if err != nil {
		switch class := classify(err).class; {
		case class.busy: // the profile below got no turn
			c.pass(f)
			return
		case class.throttled:
			q.throttled(f.turn)
		}
	}
	event := c.settle(f, s, err, begun)
	c.log(event)
}

func (c *cache) fetch(ctx context.Context, f *flight) (s Session, err error) {
	defer func() {
		if p := recover(); p != nil {
			s, err = Session{}, panicked(p)
		}
	}()
	s, err = f.issuer.issue(ctx, f.request)
	if f.entry.clock.read().refused() {
		return Session{}, fail(ErrClockSkew, "")
	}
	return s, err
}

// turn waits for a fetch's turn, but only as long as enough time remains for the fetch.
func (c *cache) turn(ctx context.Context, q *queue, w *waiter) bool {
	ctx, cancel := context.WithTimeout(ctx, turnTime)
	defer cancel()
	return q.wait(ctx, w)
}

// pass ends a flight that got no turn. That says nothing about the session's source: it does not count as a failure,
// and the next request may try at once.
func (c *cache) pass(f *flight) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := f.entry
	r := e.clock.read()
	e.flight, f.passed, f.err = nil, true, busy()
	if !f.foreground {
		e.advisoryAt = r.elapsed + time.Second + time.Duration(c.jitter()*float64(time.Second))
	}
	c.arm(e, r)
}

// settle stores the outcome in the entry and returns the event to report.
func (c *cache) settle(f *flight, s Session, err error, begun time.Duration) Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := f.entry
	r := e.clock.read()
	e.flight = nil
	s.Skew = r.skew
	f.session = s
	event := Event{Kind: EventFetched, Profile: e.profile, RequestID: s.RequestID, Took: r.elapsed - begun}
	switch {
	case err == nil && !f.discarded && !e.evicted:
		c.keep(e, s, r)
	case err != nil:
		failed := classify(err)
		p, isProfile := e.issuer.(*profile)
		failed.Hint = hint(failed, isProfile && (p.token != nil || p.byLogin))
		f.err = failed
		event.Kind = c.fail(e, f, failed, r)
		event.Err, event.Code, event.RequestID = failed, failed.Code, failed.RequestID
		event.Detail, event.Hint = failed.Detail, failed.Hint
	}
	if e.valid {
		event.Expires = e.session.Expires
	}
	if profile := e.ofProfile(); len(c.users[profile]) > 0 {
		c.outcome[profile] = f.err == nil || e.valid || errors.Is(f.err, ErrDenied) || errors.Is(f.err, ErrConfiguration)
	}
	c.arm(e, r)
	return event
}

func (c *cache) keep(e *entry, s Session, r reading) {
	e.valid, e.session, e.fetchedAt, e.stepped = true, s, r.elapsed, r.stepped
	e.failures, e.lastErr, e.advisoryAt, e.mandatoryAt = 0, nil, 0, 0
	if s.Expires.IsZero() {
		e.lifetime, e.advisory = noExpiry, noExpiry-reread
		return
	}
	e.lifetime = s.Expires.Sub(r.time)
	e.advisory = advisory(e.lifetime, c.jitter())
	// A source may hand out the same keys until close to their end.
	if e.lifetime <= e.advisory {
		e.advisoryAt = e.fetchedAt + advisoryPause(c.jitter())
	}
	if e.lifetime <= mandatory {
		e.mandatoryAt = e.fetchedAt + time.Second
	}
}

func (c *cache) fail(e *entry, f *flight, failed *Error, r reading) string {
	e.lastErr = failed
	revoked := e.valid && failed.class.revoked
	if revoked {
		e.valid, e.session = false, Session{}
	}
	switch kind := failed.Kind; {
	case errors.Is(kind, ErrDenied):
		e.mandatoryAt = r.elapsed + time.Duration((0.67+0.66*c.jitter())*float64(deniedFor))
	case errors.Is(kind, ErrConfiguration):
		e.mandatoryAt = r.elapsed + configFor
	case errors.Is(kind, ErrClockSkew):
		e.mandatoryAt = r.elapsed + skewFor
	case f.foreground:
		e.mandatoryAt = r.elapsed + mandatoryPause(e.failures, c.jitter())
		e.failures++
	}
	e.advisoryAt = r.elapsed + advisoryPause(c.jitter())
	switch {
	case revoked:
		return EventRevoked
	case e.left(r) >= margin:
		return EventStale
	}
	return EventFailed
}

// arm sets the entry's timer to whatever comes next: the refresh if the entry is in use, otherwise the end of the
// session, so that no expired secret stays in memory.
func (c *cache) arm(e *entry, r reading) {
	if e.timer != nil {
		e.timer.Stop()
	}
	var wait time.Duration
	switch left := e.left(r); {
	case e.evicted || c.closed:
		return
	case e.noRefresh && !e.valid: // a failure is remembered only as long as it prevents another try
		wait = max(until(e.mandatoryAt, r), time.Second)
	case !e.valid || e.lifetime == noExpiry:
		return
	case e.noRefresh:
		wait = e.keptFor(r)
	case e.inUse(r):
		wait = min(left-margin, max(left-e.advisory, until(e.advisoryAt, r), until(e.mandatoryAt, r)))
	default:
		wait = left - margin
	}
	e.timer = time.AfterFunc(max(wait, time.Millisecond), func() { c.tick(e) })
}

// keptFor is how much longer a session that is not refreshed is kept.
func (e *entry) keptFor(r reading) time.Duration {
	wait := e.left(r) - margin
	if e.login == nil {
		wait = min(wait, requestFor-(r.elapsed-e.fetchedAt))
	}
	return wait
}

// inUse reports whether the entry was used within the last half of its session's lifetime; other entries lapse.
func (e *entry) inUse(r reading) bool { return r.elapsed-e.lastUsed < e.lifetime/2 }

func (c *cache) tick(e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.evicted || c.closed || e.flight != nil {
		return
	}
	r := e.clock.read()
	switch left := e.left(r); {
	case e.noRefresh && (!e.valid || e.keptFor(r) <= 0):
		c.remove(e)
	case left <= margin:
		e.valid, e.session = false, Session{}
	case !e.noRefresh && left <= e.advisory && e.inUse(r) && until(e.advisoryAt, r) == 0 && until(e.mandatoryAt, r) == 0:
		c.refresh(e, r)
	default:
		c.arm(e, r)
	}
}
