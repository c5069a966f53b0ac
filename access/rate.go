package access

import (
	"errors"
	"fmt"
	"sync"
	"time"

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
	faults := checkShare(o.PerSecond, o.Burst)
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

func checkShare(perSecond float64, burst int) []error {
	var faults []error
	if perSecond < 1 {
		faults = append(faults, fmt.Errorf("rate.per_second: want 1 at least, not %g", perSecond))
	}
	if burst < 1 {
		faults = append(faults, fmt.Errorf("rate.burst: want 1 at least, not %d", burst))
	}
	return faults
}

// Set changes the share of each caller. What callers have used up of theirs stays used up.
func (r *Rate) Set(perSecond float64, burst int) error {
	if faults := checkShare(perSecond, burst); len(faults) > 0 {
		return errors.Join(faults...)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.o.PerSecond, r.o.Burst = perSecond, burst
	now := r.o.Now()
	for _, l := range r.by {
		l.SetLimitAt(now, rate.Limit(perSecond))
		l.SetBurstAt(now, burst)
	}
	return nil
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
