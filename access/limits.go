package access

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"
)

// RateOptions configures a [Rate].
type RateOptions struct {
	// PerSecond is how many requests a caller may make in the long run, Burst how
	// many at once. Both at least 1.
	PerSecond float64
	Burst     int
	// Callers bounds how many are remembered; 0 means 10,000.
	Callers int
	Now     func() time.Time
}

// Rate holds each caller to its share: a token bucket for each.
type Rate struct {
	o  RateOptions
	mu sync.Mutex
	by map[string]*rate.Limiter
}

// NewRate checks the options and reports all faults joined.
func NewRate(o RateOptions) (*Rate, error) {
	var faults []error
	if o.PerSecond < 1 {
		faults = append(faults, fmt.Errorf("rate.per_second: want 1 at least, not %g", o.PerSecond))
	}
	if o.Burst < 1 {
		faults = append(faults, fmt.Errorf("rate.burst: want 1 at least, not %d", o.Burst))
	}
	if o.Callers < 0 {
		faults = append(faults, fmt.Errorf("rate.callers: %d is less than none", o.Callers))
	}
	if o.Now == nil {
		faults = append(faults, errors.New("rate: a clock is required"))
	}
	if o.Callers == 0 {
		o.Callers = 10_000
	}
	return &Rate{o: o, by: map[string]*rate.Limiter{}}, errors.Join(faults...)
}

// Allow takes one request from the caller's share. When there is none left,
// nothing is taken, and wait is when there will be one again: a Retry-After
// that, rounded up, holds what it says.
func (r *Rate) Allow(caller string) (wait time.Duration, ok bool) {
	now := r.o.Now()
	reservation := r.limiter(caller, now).ReserveN(now, 1)
	if wait = reservation.DelayFrom(now); wait > 0 {
		reservation.CancelAt(now)
		return wait, false
	}
	return 0, true
}

func (r *Rate) limiter(caller string, now time.Time) *rate.Limiter {
	r.mu.Lock()
	defer r.mu.Unlock()
	l, known := r.by[caller]
	if known {
		return l
	}
	if len(r.by) >= r.o.Callers {
		r.forget(now)
	}
	l = rate.NewLimiter(rate.Limit(r.o.PerSecond), r.o.Burst)
	r.by[caller] = l
	return l
}

// forget drops the callers whose share is whole again, which changes nothing for
// them, and any one when there are none such.
func (r *Rate) forget(now time.Time) {
	for caller, l := range r.by {
		if l.TokensAt(now) >= float64(r.o.Burst) {
			delete(r.by, caller)
		}
	}
	for caller := range r.by {
		if len(r.by) < r.o.Callers {
			return
		}
		delete(r.by, caller)
	}
}

// BusyError means that a [Gate] is full.
type BusyError struct{ RetryAfter time.Duration }

func (e *BusyError) Error() string { return "too many requests at once" }

// Gate bounds what goes on at once in the process: requests, each of weight 1,
// or bytes of bodies. Who finds it full waits in a short queue.
type Gate struct {
	capacity int64
	wait     time.Duration
	inside   *semaphore.Weighted
	queue    chan struct{}
}

// NewGate lets capacity in and queue wait, each for at most wait.
func NewGate(capacity int64, queue int, wait time.Duration) (*Gate, error) {
	if capacity < 1 || queue < 0 || wait < 0 {
		return nil, fmt.Errorf("gate: capacity %d, queue %d, wait %v: want at least 1, 0 and 0", capacity, queue, wait)
	}
	return &Gate{capacity: capacity, wait: wait, inside: semaphore.NewWeighted(capacity), queue: make(chan struct{}, queue)}, nil
}

// Enter takes weight and returns what gives it back; call that once. What weighs
// more than the whole gate goes alone. The error is a [*BusyError], or the
// context's own when that ended first.
func (g *Gate) Enter(ctx context.Context, weight int64) (leave func(), err error) {
	weight = min(max(weight, 0), g.capacity)
	if g.inside.TryAcquire(weight) {
		return func() { g.inside.Release(weight) }, nil
	}
	select {
	case g.queue <- struct{}{}:
		defer func() { <-g.queue }()
	default:
		return nil, &BusyError{RetryAfter: g.wait}
	}
	waiting, cancel := context.WithTimeout(ctx, g.wait)
	defer cancel()
	if g.inside.Acquire(waiting, weight) != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &BusyError{RetryAfter: g.wait}
	}
	return func() { g.inside.Release(weight) }, nil
}
