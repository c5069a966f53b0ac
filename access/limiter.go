package access

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// BusyError means that a [Limiter] is full.
type BusyError struct{ RetryAfter time.Duration }

func (e *BusyError) Error() string { return "too many requests at once" }

// Limiter limits what the process does at once, such as requests or bytes of memory, and shares it fairly between
// callers. A caller may use all of it while no other caller waits. The next waiter to be admitted is the one whose
// caller uses least; the capacity that it lacks is revoked from callers that hold more than their share, if their holds
// are revocable.
//
// The limiter knows callers only by name; authenticating them is the job of whoever uses it. It is safe for concurrent
// use.
type Limiter struct {
	capacity int64
	queue    int
	wait     time.Duration

	mu       sync.Mutex
	used     int64
	revoking int64 // part of used: revoked but not yet released
	callers  map[string]*share
	spare    *share    // left by a caller who has gone, for reuse
	waiting  []*waiter // in order of arrival
	refused  atomic.Uint64
}

// share is one caller's part of a limiter.
type share struct {
	used, revoking int64
	waiting        int
	revocable      []*Hold // oldest first
}

type waiter struct {
	hold  *Hold
	share *share
	done  chan error // receives exactly one value
}

// NewLimiter returns a limiter that admits a total weight of capacity and lets queue holds wait, each for at most wait.
func NewLimiter(capacity int64, queue int, wait time.Duration) (*Limiter, error) {
	if capacity < 1 || queue < 0 || wait < 0 {
		return nil, fmt.Errorf("limiter: capacity %d, queue %d, wait %v: want at least 1, 0 and 0", capacity, queue, wait)
	}
	return &Limiter{capacity: capacity, queue: queue, wait: wait, callers: map[string]*share{}}, nil
}

// LimiterStatus is the state of a [Limiter].
type LimiterStatus struct {
	InUse, Capacity int64
	Waiting         int
	Refused         uint64 // since the start
}

// Status returns the state of the limiter.
func (l *Limiter) Status() LimiterStatus {
	l.mu.Lock()
	defer l.mu.Unlock()
	return LimiterStatus{InUse: l.used, Capacity: l.capacity, Waiting: len(l.waiting), Refused: l.refused.Load()}
}

// Acquire acquires weight for a caller; [Hold.Release] returns it. A weight above the capacity counts as the whole
// capacity. A revocable hold can be revoked until [Hold.Settle], and any hold from [Hold.Offer] on. The error is a
// [*BusyError], or the context's error if that ended first.
func (l *Limiter) Acquire(ctx context.Context, caller string, weight int64, revocable bool) (*Hold, error) {
	h := l.newHold(caller, weight, revocable)
	w, err := l.enter(h)
	if w != nil {
		err = l.await(ctx, w)
	}
	if err != nil {
		return nil, err
	}
	return h, nil
}

// AcquireAtOnce is [Limiter.Acquire] without waiting: it returns nil if it would have to wait.
func (l *Limiter) AcquireAtOnce(caller string, weight int64, revocable bool) *Hold {
	h := l.newHold(caller, weight, revocable)
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.fits(h) {
		return nil
	}
	l.admit(h, l.shareOf(caller))
	return h
}

func (l *Limiter) newHold(caller string, weight int64, revocable bool) *Hold {
	h := &Hold{limiter: l, caller: caller, weight: min(max(weight, 0), l.capacity)}
	if revocable {
		h.revoked = make(chan struct{})
	}
	return h
}

// await waits until the hold is admitted, at most as long as a waiter may wait.
func (l *Limiter) await(ctx context.Context, w *waiter) (err error) {
	timer := time.NewTimer(l.wait)
	defer timer.Stop()
	select {
	case err := <-w.done:
		return err
	case <-timer.C:
		err = &BusyError{RetryAfter: l.wait}
	case <-ctx.Done():
		err = ctx.Err()
	}
	if l.leave(w) {
		if ctx.Err() == nil {
			l.refused.Add(1)
		}
		return err
	}
	return <-w.done // it was admitted or displaced at that moment
}

// enter admits a hold at once or queues it.
func (l *Limiter) enter(h *Hold) (*waiter, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.shareOf(h.caller)
	if l.fits(h) {
		l.admit(h, s)
		return nil, nil
	}
	if len(l.waiting) >= l.queue && !l.displace(s) {
		l.forget(h.caller, s)
		l.refused.Add(1)
		return nil, &BusyError{RetryAfter: l.wait}
	}
	w := &waiter{h, s, make(chan error, 1)}
	s.waiting++
	l.waiting = append(l.waiting, w)
	l.grant()
	return w, nil
}

// fits reports whether a hold can be admitted without waiting.
func (l *Limiter) fits(h *Hold) bool { return len(l.waiting) == 0 && l.used+h.weight <= l.capacity }

func (l *Limiter) shareOf(caller string) *share {
	s := l.callers[caller]
	if s != nil {
		return s
	}
	if s, l.spare = l.spare, nil; s == nil {
		s = &share{}
	}
	l.callers[caller] = s
	return s
}

// displace removes the last waiter of the caller with the most waiters, if those are more than the newcomer's caller
// would have.
func (l *Limiter) displace(comer *share) bool {
	last := -1
	for i, w := range l.waiting {
		if w.share.waiting > comer.waiting+1 && (last < 0 || w.share.waiting >= l.waiting[last].share.waiting) {
			last = i
		}
	}
	if last < 0 {
		return false
	}
	w := l.waiting[last]
	l.remove(last)
	l.refused.Add(1)
	w.done <- &BusyError{RetryAfter: l.wait}
	return true
}

// leave removes a waiter from the queue, and reports whether it was in it.
func (l *Limiter) leave(w *waiter) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(l.waiting, w)
	if i < 0 {
		return false
	}
	l.remove(i)
	l.grant() // later waiters may fit
	return true
}

func (l *Limiter) remove(i int) {
	w := l.waiting[i]
	l.waiting = slices.Delete(l.waiting, i, i+1)
	w.share.waiting--
	l.forget(w.hold.caller, w.share)
}

// grant admits the waiters that fit, those whose callers use least first, and revokes holds for the first that does
// not.
func (l *Limiter) grant() {
	for len(l.waiting) > 0 {
		next := 0
		for i, w := range l.waiting {
			if w.share.used < l.waiting[next].share.used {
				next = i
			}
		}
		w := l.waiting[next]
		if l.used+w.hold.weight > l.capacity {
			l.revokeFor(w)
			return
		}
		l.admit(w.hold, w.share)
		l.remove(next)
		w.done <- nil
	}
}

func (l *Limiter) admit(h *Hold, s *share) {
	l.used += h.weight
	s.used += h.weight
	if h.revoked != nil {
		s.revocable = append(s.revocable, h)
	}
}

// revokeFor revokes what a waiter lacks, and what the next waiters of the same caller lack, from the callers that hold
// most, as long as they hold more than an equal share. Of a caller's holds it revokes offered ones first, then the
// newest.
func (l *Limiter) revokeFor(w *waiter) {
	fair := l.capacity / int64(len(l.callers))
	if w.share.used > 0 && w.share.used+w.hold.weight > fair {
		return
	}
	// The caller's next waiters would lack as much again once this one is admitted; revoking for them one by one is too
	// slow.
	lacking := int64(0)
	for _, o := range l.waiting {
		if o.share == w.share && (lacking == 0 || w.share.used+lacking+o.hold.weight <= fair) {
			lacking += o.hold.weight
		}
	}
	for l.used-l.revoking+lacking > l.capacity {
		var from *share
		for _, s := range l.callers {
			left := s.used - s.revoking
			if s != w.share && len(s.revocable) > 0 && left > fair && (from == nil || left > from.used-from.revoking) {
				from = s
			}
		}
		if from == nil {
			return
		}
		last := len(from.revocable) - 1
		h := from.revocable[last]
		from.revocable = slices.Delete(from.revocable, last, last+1)
		from.revoking += h.weight
		l.revoking += h.weight
		h.isRevoked = true
		if h.offered != nil {
			go h.offered.Revoke()
		} else {
			close(h.revoked)
		}
	}
}

// forget drops a caller that holds nothing and waits for nothing.
func (l *Limiter) forget(caller string, s *share) {
	if s.used == 0 && s.waiting == 0 {
		delete(l.callers, caller)
		*s = share{revocable: s.revocable[:0]}
		l.spare = s
	}
}
