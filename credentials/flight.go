package credentials

import (
	"context"
	"errors"
	"time"
)

// flight is one fetch under way.
type flight struct {
	done    chan struct{} // closed when the rest is set
	session Session
	err     error
	awaited bool // begun for a request, not in the background
	void    bool // invalidated: what it brings was asked for too early
}

// launch begins the fetch, detached from any caller, within a time and with
// panics caught. It is called with the lock held. A background fetch that
// would exceed the rate is put off instead; nil then.
func (c *cache) launch(e *entry, awaited bool) *flight {
	f := &flight{done: make(chan struct{}), awaited: awaited}
	if c.closed {
		f.err = fail(ErrUnavailable, "closed")
		close(f.done)
		return f
	}
	if !awaited && !c.limit.Allow() {
		e.advisoryAt = c.elapsed() + time.Second + time.Duration(c.jitter()*float64(time.Second))
		c.arm(e)
		return nil
	}
	e.flight = f
	c.flights.Add(1)
	go func() {
		defer c.flights.Done()
		ctx, cancel := context.WithTimeout(c.ctx, flightTime)
		defer cancel()
		begun := c.elapsed()
		s, err := c.fetch(ctx, e, awaited)
		event := c.settle(e, f, s, err)
		event.Took = c.elapsed() - begun
		c.log(event)
		close(f.done)
	}()
	return f
}

func (c *cache) fetch(ctx context.Context, e *entry, awaited bool) (s Session, err error) {
	defer func() {
		if p := recover(); p != nil {
			s, err = Session{}, panicked(p)
		}
	}()
	if awaited {
		turn, cancel := context.WithTimeout(ctx, flightTime-callTime)
		defer cancel()
		if err := c.limit.Wait(turn); err != nil {
			return Session{}, fail(ErrUnavailable, "busy")
		}
	}
	s, err = e.fetch(ctx)
	if e.clock.read().refused() {
		return Session{}, fail(ErrClockSkew, "")
	}
	return s, err
}

// settle takes the outcome into the entry and says what happened.
func (c *cache) settle(e *entry, f *flight, s Session, err error) Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	e.flight = nil
	f.session = s
	r := e.clock.read()
	f.session.Skew = r.skew
	event := Event{Kind: EventFetched, Profile: e.profile, RequestID: s.RequestID}
	switch {
	case err == nil && !f.void && !e.gone:
		c.keep(e, s, r)
	case err != nil:
		failed := classify(err)
		f.err = failed
		event.Kind = c.fail(e, f, failed, r)
		event.Err, event.Code, event.RequestID = failed, failed.Code, failed.RequestID
	}
	if e.held {
		event.Expires = e.session.Expires
	}
	c.outcome[e.profile] = err == nil || e.held
	c.arm(e)
	return event
}

func (c *cache) keep(e *entry, s Session, r reading) {
	e.held, e.session, e.born, e.doubt = true, s, c.elapsed(), r.doubt
	e.failures, e.lastErr, e.advisoryAt, e.mandatoryAt = 0, nil, 0, 0
	if s.Expires.IsZero() {
		e.life, e.advisory = forever, forever-reread
		return
	}
	e.life = s.Expires.Sub(r.time)
	e.advisory = advisory(e.life, c.jitter())
	// A source may hand out the same keys until close to their end.
	if e.life <= e.advisory {
		e.advisoryAt = e.born + advisoryPause(c.jitter())
	}
	if e.life <= mandatory {
		e.mandatoryAt = e.born + time.Second
	}
}

func (c *cache) fail(e *entry, f *flight, failed *Error, r reading) string {
	e.lastErr = failed
	now := c.elapsed()
	kind := failed.Kind
	if failed.class.revoked {
		e.held, e.session = false, Session{}
	}
	switch {
	case errors.Is(kind, ErrDenied):
		e.mandatoryAt = now + time.Duration((0.67+0.66*c.jitter())*float64(deniedFor))
	case errors.Is(kind, ErrConfiguration):
		e.mandatoryAt = now + configFor
	case errors.Is(kind, ErrClockSkew):
		e.mandatoryAt = now + skewFor
	case f.awaited:
		e.mandatoryAt = now + mandatoryPause(e.failures, c.jitter())
		e.failures++
	}
	e.advisoryAt = now + advisoryPause(c.jitter())
	switch {
	case failed.class.revoked:
		return EventRevoked
	case e.left(r, now) >= margin:
		return EventStale
	}
	return EventFailed
}

// arm sets the entry's timer to what comes next: the refresh while the entry is
// in use, the end of the session when it is not, so that no dead secret stays.
func (c *cache) arm(e *entry) {
	if e.timer != nil {
		e.timer.Stop()
	}
	if e.gone || c.closed {
		return
	}
	if e.once && !e.held { // a failure is remembered no longer than it holds off
		e.timer = time.AfterFunc(max(c.until(e.mandatoryAt), time.Second), func() { c.tick(e) })
		return
	}
	if !e.held || e.life == forever {
		return
	}
	now := c.elapsed()
	left := e.left(e.clock.read(), now)
	wait := left - margin
	if e.once {
		wait = min(wait, givenFor-(now-e.born))
	} else if c.inUse(e, now) {
		wait = min(wait, max(left-e.advisory, c.until(e.advisoryAt), c.until(e.mandatoryAt)))
	}
	e.timer = time.AfterFunc(max(wait, time.Millisecond), func() { c.tick(e) })
}

// inUse: an entry nobody asked for during half its session's life lapses.
func (c *cache) inUse(e *entry, now time.Duration) bool { return now-e.used < e.life/2 }

func (c *cache) tick(e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.gone || c.closed || e.flight != nil {
		return
	}
	now := c.elapsed()
	left := e.left(e.clock.read(), now)
	switch {
	case e.once && (!e.held || now-e.born >= givenFor), left <= margin:
		e.held, e.session = false, Session{}
		if e.once {
			c.remove(e)
		}
	case !e.once && left <= e.advisory && c.inUse(e, now) && c.until(e.advisoryAt) == 0 && c.until(e.mandatoryAt) == 0:
		c.launch(e, false)
	default:
		c.arm(e)
	}
}
