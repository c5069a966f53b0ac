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

// cache keeps one session per key, with at most one fetch under way for each.
type cache struct {
	jitter       func() float64
	log          func(Event)
	served       func(profile, how string)
	queue        *queue          // fetches for profiles
	requestQueue *queue          // fetches with keys from requests, which use up the quota of those keys' account
	loginQueue   *queue          // fetches with callers' own tokens
	ctx          context.Context // for the fetches, which outlive the requests that start them
	cancel       context.CancelFunc
	flights      sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	entries map[key]*entry
	keyed   pool               // sessions made with the operator's keys or with keys from requests
	logins  pool               // sessions made with callers' own tokens
	outcome map[key]bool       // per profile: whether the latest fetch left a usable session or AWS refused it
	users   map[key][]*profile // from the stores that share the cache, the newest last

	evictions, requestEvictions, loginEvictions uint64
}

// pool is a group of entries; those that belong to one caller share a limited number of places.
type pool struct {
	size   int
	recent *list.List     // of *entry, most recently used first
	owners map[string]int // number of owned entries per owner
	owned  int            // total number of owned entries
}

func newPool(size int) pool { return pool{size: size, recent: list.New(), owners: map[string]int{}} }

// key is everything that determines a session. Caller and host are set only if they occur in the session name or source
// identity of the profile or of the profiles below it.
type key struct {
	profile      string
	caller, host string
	shape        [sha256.Size]byte // keyed hash of the settings of the profile and those below it, or of the request's credentials
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
	owned      bool   // belongs to one caller; otherwise callers share it
	quotaOwner string // the caller whose quota it counts against
	noRefresh  bool   // made with a request's keys or token: not refreshed, dropped early
	// login describes the token that the session is made with; nil if there is none.
	login *loginOf
}

// entry is a cached session with its history and its next fetch.
type entry struct {
	cacheRequest
	place   *list.Element
	evicted bool // removed from the cache; a fetch may still be under way

	valid     bool
	session   Session
	fetchedAt time.Duration // time elapsed when it was fetched
	lifetime  time.Duration // from fetchedAt to its end; noExpiry if it has none
	stepped   time.Duration // the clock's step at that time, which the fetch did not resolve
	advisory  time.Duration

	lastUsed time.Duration
	flight   *flight
	timer    *time.Timer

	failures    int           // consecutive failures of fetches that requests waited for
	lastErr     *Error        // from the latest fetch; nil after a success
	advisoryAt  time.Duration // no background fetch before this time
	mandatoryAt time.Duration // no fetch at all before this time
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

// result is what the cache can do for a request right now.
type result struct {
	session Session
	err     error
	// wait is the fetch to wait for first; joined means that another request started it.
	wait   *flight
	joined bool
	stale  bool // the session could not be renewed
}

var errWaited = errors.New("waited long enough")

// get returns a session with the requested validity, fetching it if necessary, and reports to served how it was
// obtained.
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

// await waits for a fetch, and for further ones as long as the outcome does not apply to this request.
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
		// A background fetch that began before the problem was known, a fetch whose outcome was invalidated since, or
		// another caller's fetch that got no turn does not decide this request.
		if !a.joined || !a.wait.discarded && !a.wait.passed && (a.wait.err == nil || a.wait.foreground) {
			return c.resultOf(a.wait, w.request.MinValidity, false)
		}
		a = c.take(ctx, w)
	}
	return a.session, a.err
}

// take returns a session or an error at once if possible, otherwise the fetch to wait for.
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
	case e.endsWithLogin() && !clockStepped && !r.refused() && left >= margin: // no new session would last longer
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
	case left >= margin && !clockStepped && !r.refused() && r.elapsed-e.fetchedAt < settled: // another fetch would not return a longer one
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

// resultOf returns the result for a request that waited for f; late means that it waited too long.
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
	case !e.valid: // evicted or invalidated in the meantime: the outcome still applies to this request
		return f.session, nil
	}
	return Session{}, fail(ErrTooShort, "")
}

// left is the remaining lifetime of the session: the smaller of what the wall clock says and what is left after the
// time elapsed since the fetch. The wall clock may be set, and the other clock stands still while the machine sleeps.
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

// servable reports whether AWS will accept the session for at least as long as requested.
func (e *entry) servable(r reading, least time.Duration) bool {
	return e.valid && e.left(r) >= max(margin, least) && !r.refused() && abs(r.stepped-e.stepped) <= skewRefused
}

// endsWithLogin reports whether the session ends when the login token that it was made with expires.
func (e *entry) endsWithLogin() bool {
	return e.valid && e.login != nil && !e.session.Expires.Before(e.login.expires)
}

func (e *entry) served(r reading) Session {
	s := e.session
	s.Skew = r.skew
	return s
}

// busy is the error if STS was not called because the caller's turn did not come.
func busy() *Error {
	return &Error{Kind: ErrUnavailable, Code: "busy", RetryAfter: time.Second, class: class{kind: ErrUnavailable, busy: true}}
}

// refusal returns the latest failure in the form that the caller may see.
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

// until is the time remaining until at, a deadline of this cache. A deadline further away than any that is ever set
// comes from a clock that jumped and counts as passed.
func until(at time.Duration, r reading) time.Duration {
	if d := at - r.elapsed; d > 0 && d <= longestOff {
		return d
	}
	return 0
}
