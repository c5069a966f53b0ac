package credentials

import (
	"container/list"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// cache keeps one session for each key, and at most one fetch under way for it.
type cache struct {
	elapsed func() time.Duration
	jitter  func() float64
	log     func(Event)
	limit   *rate.Limiter
	ctx     context.Context // of the fetches: callers come and go
	cancel  context.CancelFunc
	flights sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	entries map[string]*entry
	recent  *list.List     // of *entry, the latest used in front
	shares  map[string]int // entries by the caller that bears them
	outcome map[string]bool
}

// wish is what a session is asked of the cache with.
type wish struct {
	key     string // everything that shapes the session
	profile string
	share   string // the caller whose share bears the entry; empty when callers share it
	min     time.Duration
	once    bool // from a request's keys: no refresh, dropped early
	clock   *clock
	fetch   func(context.Context) (Session, error)
}

// entry is a session with its past and its next fetch.
type entry struct {
	wish
	place *list.Element
	gone  bool // out of the cache; a fetch may still be under way

	held     bool
	session  Session
	born     time.Duration // elapsed when it was fetched
	life     time.Duration // from then to its end; forever when it has none
	doubt    time.Duration // the clock's then: fetching has not resolved it
	advisory time.Duration

	used   time.Duration
	flight *flight
	timer  *time.Timer

	failures    int           // in a row, of fetches that requests waited for
	lastErr     *Error        // of the latest fetch; nil after a success
	advisoryAt  time.Duration // no background fetch before,
	mandatoryAt time.Duration // and none at all
}

const forever = time.Duration(math.MaxInt64)

func newCache(elapsed func() time.Duration, log func(Event)) *cache {
	ctx, cancel := context.WithCancel(context.Background())
	return &cache{
		elapsed: elapsed, jitter: rand.Float64, log: log,
		limit: rate.NewLimiter(fetchRate, fetchBurst),
		ctx:   ctx, cancel: cancel,
		entries: map[string]*entry{}, recent: list.New(), shares: map[string]int{}, outcome: map[string]bool{},
	}
}

// get returns a session that lasts for w.min, fetching it when need be.
func (c *cache) get(ctx context.Context, w wish) (Session, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, waitTime, errWaited)
	defer cancel()
	for {
		c.mu.Lock()
		e := c.enter(w) //nolint:contextcheck // fetches are detached: the first caller's leaving must not fail the others
		if e == nil {
			c.mu.Unlock()
			return Session{}, &Error{Kind: ErrUnavailable, Code: "busy", RetryAfter: time.Second}
		}
		v := c.judge(e, w)
		if v.answer {
			if v.refresh {
				c.launch(e, false) //nolint:contextcheck // as above
			}
			c.mu.Unlock()
			return v.session, v.err
		}
		f, joined := e.flight, e.flight != nil
		if !joined {
			f = c.launch(e, true) //nolint:contextcheck // as above
		}
		c.mu.Unlock()

		select {
		case <-f.done:
		case <-ctx.Done():
			return c.gaveUp(ctx, e, w)
		}
		// A background fetch that began in worse times, or one whose outcome was
		// invalidated since, is not the answer to this request.
		if joined && (f.void || f.err != nil && !f.awaited) {
			continue
		}
		return c.landed(e, w, f)
	}
}

// verdict is what can be done for a wish right now.
type verdict struct {
	answer  bool // session and err are it; else fetch first
	session Session
	err     error
	refresh bool // renew it in the background meanwhile
}

// judge is called with the lock held, like everything below that takes an entry.
func (c *cache) judge(e *entry, w wish) verdict {
	r := e.clock.read()
	left := e.left(r, c.elapsed())
	usable := c.servable(e, r, w.min)
	doubted := abs(r.doubt-e.doubt) > skewApplied
	due := !usable || left <= mandatory || doubted
	switch {
	case !due:
		refresh := left <= e.advisory && !e.once && e.flight == nil && c.until(e.advisoryAt) == 0 && c.until(e.mandatoryAt) == 0
		return verdict{answer: true, session: e.served(r), refresh: refresh}
	case c.until(e.mandatoryAt) > 0 && usable:
		return verdict{answer: true, session: e.served(r)}
	case c.until(e.mandatoryAt) > 0:
		return verdict{answer: true, err: c.refusal(e)}
	case left >= margin && !doubted && !r.refused() && c.elapsed()-e.born < settled: // asking again would bring no more
		if usable {
			return verdict{answer: true, session: e.served(r)}
		}
		return verdict{answer: true, err: fail(ErrTooShort, "")}
	}
	return verdict{}
}

// servable: AWS will take what is held, for at least as long as asked.
func (c *cache) servable(e *entry, r reading, least time.Duration) bool {
	return e.held && e.left(r, c.elapsed()) >= max(margin, least) && !r.refused() && abs(r.doubt-e.doubt) <= skewRefused
}

// landed answers a request that waited for f.
func (c *cache) landed(e *entry, w wish, f *flight) (Session, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := e.clock.read()
	if f.err == nil && !e.held { // evicted, or invalidated meanwhile: the outcome is still this request's
		return f.session, nil
	}
	switch {
	case c.servable(e, r, w.min):
		return e.served(r), nil
	case f.err != nil:
		return Session{}, c.refusal(e)
	}
	return Session{}, fail(ErrTooShort, "")
}

var errWaited = errors.New("waited long enough")

// gaveUp answers a request whose fetch is still under way.
func (c *cache) gaveUp(ctx context.Context, e *entry, w wish) (Session, error) {
	if !errors.Is(context.Cause(ctx), errWaited) {
		return Session{}, ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r := e.clock.read()
	if c.servable(e, r, w.min) {
		return e.served(r), nil
	}
	return Session{}, &Error{Kind: ErrUnavailable, Code: "timeout", RetryAfter: time.Second}
}

// refusal is the latest failure as the caller may see it.
func (c *cache) refusal(e *entry) error {
	if e.lastErr == nil {
		return &Error{Kind: ErrUnavailable, RetryAfter: time.Second}
	}
	out := *e.lastErr
	if errors.Is(out.Kind, ErrUnavailable) || errors.Is(out.Kind, ErrClockSkew) {
		wait := max(c.until(e.mandatoryAt), time.Second)
		out.RetryAfter = (wait + time.Second - 1).Truncate(time.Second)
	}
	return &out
}

// until is how long it is to at, a deadline of this cache: one further away
// than any that was ever set comes from a clock that jumped.
func (c *cache) until(at time.Duration) time.Duration {
	if d := at - c.elapsed(); d > 0 && d <= longestOff {
		return d
	}
	return 0
}

// left is what remains of the session: the less of what the wall clock says
// and of what has elapsed since it was fetched. The wall clock may be set, the
// other one stands still while the machine sleeps.
func (e *entry) left(r reading, elapsed time.Duration) time.Duration {
	switch age := elapsed - e.born; {
	case !e.held, age < 0:
		return 0
	case e.life == forever:
		return forever - age
	default:
		return min(e.session.Expires.Sub(r.time), e.life-age)
	}
}

func (e *entry) served(r reading) Session {
	s := e.session
	s.Skew = r.skew
	return s
}
