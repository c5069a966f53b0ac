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
	jitter       func() float64
	log          func(Event)
	served       func(profile, how string)
	queue        *queue          // of fetches for profiles
	requestQueue *queue          // of fetches with keys of requests, which count in the account of those
	loginQueue   *queue          // of fetches with callers' own tokens
	ctx          context.Context // of the fetches: callers come and go
	cancel       context.CancelFunc
	flights      sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	entries map[key]*entry
	keyed   pool               // of sessions that come of the operator's keys or those of requests
	logins  pool               // of sessions that come of callers' own tokens
	outcome map[key]bool       // by profile: whether the latest fetch left a session or AWS refused it
	users   map[key][]*profile // of the stores that share the cache, the latest last

	evictions, requestEvictions, loginEvictions uint64
}

// pool are the entries that have to share a number of places, as far as they are some caller's.
type pool struct {
	size   int
	recent *list.List     // of *entry, the latest used in front
	owners map[string]int // owned entries by their owner,
	owned  int            // and how many there are
}

func newPool(size int) pool { return pool{size: size, recent: list.New(), owners: map[string]int{}} }

// key is everything that shapes a session. Caller and host are there when they
// are in the profile's session name or source identity, or in those of the
// profiles below.
type key struct {
	profile      string
	caller, host string
	shape        [sha256.Size]byte // of all that the profile and those below say, or that came with a request, keyed with a secret
}

// issuer fetches a session.
type issuer interface {
	issue(context.Context, SessionRequest) (Session, error)
}

// cacheRequest is what the cache needs to find or fetch a session.
type cacheRequest struct {
	key
	request    SessionRequest
	issuer     issuer
	clock      *clock
	owned      bool   // by one caller; else callers share it
	quotaOwner string // the caller whose quota it takes
	noRefresh  bool   // from a request's keys or token: no refresh, dropped early
	// login is what is known of the token that the session comes of; nil where it comes of none.
	login *loginOf
}

// entry is a session with its past and its next fetch.
type entry struct {
	cacheRequest
	place   *list.Element
	evicted bool // out of the cache; a fetch may still be under way

	valid     bool
	session   Session
	fetchedAt time.Duration // elapsed when it was fetched
	lifetime  time.Duration // from then to its end; noExpiry when it has none
	stepped   time.Duration // the clock's then: fetching has not resolved it
	advisory  time.Duration

	lastUsed time.Duration
	flight   *flight
	timer    *time.Timer

	failures    int           // in a row, of fetches that requests waited for
	lastErr     *Error        // of the latest fetch; nil after a success
	advisoryAt  time.Duration // no background fetch before,
	mandatoryAt time.Duration // and none at all
}

const noExpiry = time.Duration(math.MaxInt64)

func newCache(log func(Event), served func(profile, how string), elapsed func() time.Duration) *cache {
	steady := func() time.Time { return time.Time{}.Add(elapsed()) }
	ctx, cancel := context.WithCancel(context.Background())
	return &cache{
		jitter: rand.Float64, log: log, served: served,
		queue: newQueue(steady, profileBudget), requestQueue: newQueue(steady, profileBudget), loginQueue: newQueue(steady, loginBudget),
		ctx: ctx, cancel: cancel,
		entries: map[key]*entry{}, keyed: newPool(cacheSize), logins: newPool(loginSize), outcome: map[key]bool{}, users: map[key][]*profile{},
	}
}

// result is what can be done for a request right now.
type result struct {
	session Session
	err     error
	// wait is the fetch to wait for first; joined: others began it.
	wait   *flight
	joined bool
	stale  bool // the session could not be renewed
}

var errWaited = errors.New("waited long enough")

// get returns a session that lasts as long as asked, fetching it when need be, and tells how.
func (c *cache) get(ctx context.Context, w cacheRequest) (Session, error) {
	how := ServedHeld
	a := c.take(ctx, w)
	session, err := a.session, a.err
	switch {
	case a.wait != nil:
		how = ServedWaited
		session, err = c.await(ctx, w, a)
	case a.stale:
		how = ServedStale
	}
	if err != nil {
		how = ServedRefused
	}
	c.served(w.profile, how)
	return session, err
}

// await waits for a fetch, and for others as long as their outcomes are none of this request's.
func (c *cache) await(ctx context.Context, w cacheRequest, a result) (Session, error) {
	waiting, cancel := context.WithTimeoutCause(ctx, waitTime, errWaited)
	defer cancel()
	for a.wait != nil {
		select {
		case <-a.wait.done:
		case <-waiting.Done():
			if !errors.Is(context.Cause(waiting), errWaited) {
				return Session{}, ctx.Err()
			}
			return c.resultOf(a.wait, w.request.MinValidity, true)
		}
		// A background fetch that began in worse times, one whose outcome was
		// invalidated since, or another's that got no turn, is not the result for this request.
		if !a.joined || !a.wait.discarded && !a.wait.passed && (a.wait.err == nil || a.wait.foreground) {
			return c.resultOf(a.wait, w.request.MinValidity, false)
		}
		a = c.take(ctx, w)
	}
	return a.session, a.err
}

// take answers at once where it can, else with the fetch to wait for.
func (c *cache) take(ctx context.Context, w cacheRequest) result {
	r := w.clock.read()
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.enter(w, r)
	if e == nil {
		return result{err: busy()}
	}
	left := e.left(r)
	usable := e.servable(r, w.request.MinValidity)
	clockStepped := abs(r.stepped-e.stepped) > skewApplied
	switch due := !usable || left <= mandatory || clockStepped; {
	case e.endsWithLogin() && !clockStepped && !r.refused() && left >= margin: // no other would last longer
		if usable {
			return result{session: e.served(r)}
		}
		return result{err: fail(ErrTooShort, "")}
	case !due:
		if left <= e.advisory && !e.noRefresh && e.flight == nil && until(e.advisoryAt, r) == 0 && until(e.mandatoryAt, r) == 0 {
			c.refresh(e, r)
		}
		return result{session: e.served(r), stale: e.lastErr != nil}
	case until(e.mandatoryAt, r) > 0 && usable:
		return result{session: e.served(r), stale: e.lastErr != nil}
	case until(e.mandatoryAt, r) > 0:
		return result{err: e.refusal(r)}
	case left >= margin && !clockStepped && !r.refused() && r.elapsed-e.fetchedAt < settled: // asking again would bring no more
		if usable {
			return result{session: e.served(r)}
		}
		return result{err: fail(ErrTooShort, "")}
	case e.flight != nil:
		c.queueOf(e).hasten(e.flight.turn, w.request.Caller)
		return result{wait: e.flight, joined: true}
	}
	f := c.startFetch(ctx, e, r, w.request, true)
	if f == nil {
		return result{err: busy()}
	}
	return result{wait: f}
}

// resultOf answers a request that waited for f; late means that it waited too long.
func (c *cache) resultOf(f *flight, least time.Duration, late bool) (Session, error) {
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
	case !e.valid: // evicted, or invalidated meanwhile: the outcome is still this request's
		return f.session, nil
	}
	return Session{}, fail(ErrTooShort, "")
}

// left is what remains of the session: the less of what the wall clock says
// and of what has elapsed since it was fetched. The wall clock may be set, the
// other one stands still while the machine sleeps.
func (e *entry) left(r reading) time.Duration {
	switch age := r.elapsed - e.fetchedAt; {
	case !e.valid, age < 0:
		return 0
	case e.lifetime == noExpiry:
		return noExpiry - age
	default:
		return min(e.session.Expires.Sub(r.time), e.lifetime-age)
	}
}

// servable: AWS will take what is held, for at least as long as asked.
func (e *entry) servable(r reading, least time.Duration) bool {
	return e.valid && e.left(r) >= max(margin, least) && !r.refused() && abs(r.stepped-e.stepped) <= skewRefused
}

// endsWithLogin: the session ends when the token does that it comes of.
func (e *entry) endsWithLogin() bool {
	return e.valid && e.login != nil && !e.session.Expires.Before(e.login.expires)
}

func (e *entry) served(r reading) Session {
	s := e.session
	s.Skew = r.skew
	return s
}

// busy is the result where STS was not asked, since the caller's turn did not come.
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
