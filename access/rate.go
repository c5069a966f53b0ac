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
	// PerSecond is how many requests per second a caller may make in the long run, Burst how many at once. Both are at
	// least 1.
	PerSecond float64
	Burst     int
	// Callers limits how many callers are remembered; 0 means 10,000.
	Callers int
	Now     func() time.Time
}

// Rate limits each caller's requests with a token bucket per caller.
type Rate struct {
	o  RateOptions
	mu sync.Mutex
	by map[string]*rate.Limiter
}

// NewRate checks the options and returns all faults joined.
func NewRate(o RateOptions) (*Rate, error) {
	faults := checkShare(o.PerSecond, o.Burst)
	if o.Callers < 0 {
		faults = append(faults, fmt.Errorf("rate.callers: %d is negative", o.Callers))
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
		faults = append(faults, fmt.Errorf("rate.per_second: want at least 1, not %g", perSecond))
	}
	if burst < 1 {
		faults = append(faults, fmt.Errorf("rate.burst: want at least 1, not %d", burst))
	}
	return faults
}

// Set changes the rate and burst of every caller. Requests already counted stay counted.
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

// Allow takes one request from the caller's bucket. If the bucket is empty, it takes nothing, and wait is the time
// until a request will be allowed: rounded up, a Retry-After that holds.
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

// forget drops the callers whose bucket is full, which changes nothing for them. If there are too few of those, it
// drops any others.
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
