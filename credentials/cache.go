package credentials

import (
	"container/list"
	"context"
	"crypto/sha256"
	"errors"
	"math"
	"math/rand/v2"
	"sync"
	"time"
)

// cache keeps one session for each key, and at most one fetch under way for it.
type cache struct {
	jitter  func() float64
	log     func(Event)
	queue   *queue          // of fetches for profiles
	given   *queue          // of fetches with keys of requests, which count in the account of those
	ctx     context.Context // of the fetches: callers come and go
	cancel  context.CancelFunc
	flights sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	entries map[key]*entry
	recent  *list.List      // of *entry, the latest used in front
	shares  map[string]int  // entries by the caller that bears them,
	borne   int             // and all of those
	outcome map[string]bool // by profile: whether the latest fetch left a session or AWS refused it
}

// key is everything that shapes a session. A profile's settings do not change
// while the process runs, so its name stands for them; caller and host are
// there when they are in its session name or source identity, or in those of
// the profiles below.
type key struct {
	profile      string
	caller, host string
	given        [sha256.Size]byte // of all that came with a request, keyed with a secret
}

// issuer obtains a session anew.
type issuer interface {
	issue(context.Context, Ask) (Session, error)
}

// wish is what a session is asked of the cache with.
type wish struct {
	key
	ask    Ask
	issuer issuer
	clock  *clock
	borne  bool   // the entry is one caller's; else callers share it
	share  string // the caller who bears it
	once   bool   // from a request's keys: no refresh, dropped early
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

func newCache(log func(Event), elapsed func() time.Duration) *cache {
	steady := func() time.Time { return time.Time{}.Add(elapsed()) }
	ctx, cancel := context.WithCancel(context.Background())
	return &cache{
		jitter: rand.Float64, log: log,
		queue: newQueue(steady), given: newQueue(steady),
		ctx: ctx, cancel: cancel,
		entries: map[key]*entry{}, recent: list.New(), shares: map[string]int{}, outcome: map[string]bool{},
	}
}

// answer is what can be done for a wish right now.
type answer struct {
	session Session
	err     error
	// wait is the fetch to wait for first; joined: others began it.
	wait   *flight
	joined bool
}

var errWaited = errors.New("waited long enough")

// get returns a session that lasts as long as asked, fetching it when need be.
func (c *cache) get(ctx context.Context, w wish) (Session, error) {
	a := c.take(w)
	if a.wait == nil {
		return a.session, a.err
	}
	waiting, cancel := context.WithTimeoutCause(ctx, waitTime, errWaited)
	defer cancel()
	for a.wait != nil {
		select {
		case <-a.wait.done:
		case <-waiting.Done():
			if !errors.Is(context.Cause(waiting), errWaited) {
				return Session{}, ctx.Err()
			}
			return c.landed(a.wait, w.ask.MinValidity, true)
		}
		// A background fetch that began in worse times, one whose outcome was
		// invalidated since, or another's that got no turn, is not the answer to this request.
		if !a.joined || !a.wait.void && !a.wait.passed && (a.wait.err == nil || a.wait.awaited) {
			return c.landed(a.wait, w.ask.MinValidity, false)
		}
		a = c.take(w)
	}
	return a.session, a.err
}

// take answers at once where it can, else with the fetch to wait for.
func (c *cache) take(w wish) answer {
	r := w.clock.read()
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.enter(w, r)
	if e == nil {
		return answer{err: busy()}
	}
	left := e.left(r)
	usable := e.servable(r, w.ask.MinValidity)
	doubted := abs(r.doubt-e.doubt) > skewApplied
	switch due := !usable || left <= mandatory || doubted; {
	case !due:
		if left <= e.advisory && !e.once && e.flight == nil && until(e.advisoryAt, r) == 0 && until(e.mandatoryAt, r) == 0 {
			c.refresh(e, r)
		}
		return answer{session: e.served(r)}
	case until(e.mandatoryAt, r) > 0 && usable:
		return answer{session: e.served(r)}
	case until(e.mandatoryAt, r) > 0:
		return answer{err: e.refusal(r)}
	case left >= margin && !doubted && !r.refused() && r.elapsed-e.born < settled: // asking again would bring no more
		if usable {
			return answer{session: e.served(r)}
		}
		return answer{err: fail(ErrTooShort, "")}
	case e.flight != nil:
		c.queueOf(e).hasten(e.flight.turn, w.ask.Caller)
		return answer{wait: e.flight, joined: true}
	}
	f := c.launch(e, r, w.ask.Caller, true)
	if f == nil {
		return answer{err: busy()}
	}
	return answer{wait: f}
}

// landed answers a request that waited for f, in vain if it is late.
func (c *cache) landed(f *flight, least time.Duration, late bool) (Session, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := f.entry
	r := e.clock.read()
	switch {
	case e.servable(r, least):
		return e.served(r), nil
	case late:
		return Session{}, &Error{Kind: ErrUnavailable, Code: "timeout", RetryAfter: time.Second}
	case f.passed:
		return Session{}, busy()
	case f.err != nil:
		return Session{}, e.refusal(r)
	case !e.held: // evicted, or invalidated meanwhile: the outcome is still this request's
		return f.session, nil
	}
	return Session{}, fail(ErrTooShort, "")
}

// left is what remains of the session: the less of what the wall clock says
// and of what has elapsed since it was fetched. The wall clock may be set, the
// other one stands still while the machine sleeps.
func (e *entry) left(r reading) time.Duration {
	switch age := r.elapsed - e.born; {
	case !e.held, age < 0:
		return 0
	case e.life == forever:
		return forever - age
	default:
		return min(e.session.Expires.Sub(r.time), e.life-age)
	}
}

// servable: AWS will take what is held, for at least as long as asked.
func (e *entry) servable(r reading, least time.Duration) bool {
	return e.held && e.left(r) >= max(margin, least) && !r.refused() && abs(r.doubt-e.doubt) <= skewRefused
}

func (e *entry) served(r reading) Session {
	s := e.session
	s.Skew = r.skew
	return s
}

// busy is the answer where STS was not asked, for want of a turn.
func busy() *Error {
	return &Error{Kind: ErrUnavailable, Code: "busy", RetryAfter: time.Second, class: class{kind: ErrUnavailable, busy: true}}
}

// refusal is the latest failure as the caller may see it.
func (e *entry) refusal(r reading) error {
	if e.lastErr == nil {
		return &Error{Kind: ErrUnavailable, RetryAfter: time.Second}
	}
	out := *e.lastErr
	if errors.Is(out.Kind, ErrUnavailable) || errors.Is(out.Kind, ErrClockSkew) {
		wait := max(until(e.mandatoryAt, r), time.Second)
		out.RetryAfter = (wait + time.Second - 1).Truncate(time.Second)
	}
	return &out
}

// until is how long it is to at, a deadline of this cache: one further away
// than any that was ever set comes from a clock that jumped.
func until(at time.Duration, r reading) time.Duration {
	if d := at - r.elapsed; d > 0 && d <= longestOff {
		return d
	}
	return 0
}
