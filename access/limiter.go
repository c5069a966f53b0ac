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

// Limiter bounds what the process does at once, such as requests or bytes of
// memory, and parts it fairly between callers. A caller may use all of it while
// nobody else waits. Of those who wait, who uses least is next; what
// is missing for it is taken back from callers with more than their share, as
// far as they hold it in a way that can be revoked.
//
// It knows callers by name only: that they are who they say is the caller's to
// check. It is safe for concurrent use.
type Limiter struct {
	capacity int64
	queue    int
	wait     time.Duration

	mu       sync.Mutex
	used     int64
	revoking int64 // part of used: revoked, and not released yet
	callers  map[string]*share
	spare    *share    // of a caller who has gone
	waiting  []*waiter // in the order of their arrival
	refused  atomic.Uint64
}

// share is what one caller has of a limiter.
type share struct {
	used, revoking int64
	waiting        int
	revocable      []*Hold // oldest first
}

type waiter struct {
	hold  *Hold
	share *share
	done  chan error // gets one value
}

// NewLimiter lets capacity in and queue wait, each for at most wait.
func NewLimiter(capacity int64, queue int, wait time.Duration) (*Limiter, error) {
	if capacity < 1 || queue < 0 || wait < 0 {
		return nil, fmt.Errorf("limiter: capacity %d, queue %d, wait %v: want at least 1, 0 and 0", capacity, queue, wait)
	}
	return &Limiter{capacity: capacity, queue: queue, wait: wait, callers: map[string]*share{}}, nil
}

// LimiterStatus is how a [Limiter] stands.
type LimiterStatus struct {
	InUse, Capacity int64
	Waiting         int
	Refused         uint64 // since the start
}

// Status reports how the limiter stands.
func (l *Limiter) Status() LimiterStatus {
	l.mu.Lock()
	defer l.mu.Unlock()
	return LimiterStatus{InUse: l.used, Capacity: l.capacity, Waiting: len(l.waiting), Refused: l.refused.Load()}
}

// Acquire takes weight for a caller; [Hold.Release] gives it back. What weighs
// more than all there is goes alone. A revocable hold can be taken back until
// [Hold.Settle], and any from [Hold.Offer] on. The error is a [*BusyError], or the context's own when that
// ended first.
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

// AcquireAtOnce is [Limiter.Acquire] for who wants to know whether there is anything to wait for: then it returns nil.
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

// await waits until the hold is let in, or for as long as it may.
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
	return <-w.done // it was let in, or sent away, at that moment
}

// enter admits a hold at once, or puts it into the queue.
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

// fits tells whether a hold need not wait.
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

// displace sends the last of the caller with most in the queue away, if that
// caller has more there than the one who comes.
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

// leave takes a waiter out of the queue, if it is there.
func (l *Limiter) leave(w *waiter) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(l.waiting, w)
	if i < 0 {
		return false
	}
	l.remove(i)
	l.grant() // who came after may fit
	return true
}

func (l *Limiter) remove(i int) {
	w := l.waiting[i]
	l.waiting = slices.Delete(l.waiting, i, i+1)
	w.share.waiting--
	l.forget(w.hold.caller, w.share)
}

// grant admits those for whom there is capacity, who use least first, and frees some.
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

// revokeFor takes back what a waiter lacks, and those that come after it in the
// queue of their caller, from the callers with most, as long as they have more
// than an equal share. Of a caller's it takes back the newest first, but for what
// was offered.
func (l *Limiter) revokeFor(w *waiter) {
	fair := l.capacity / int64(len(l.callers))
	if w.share.used > 0 && w.share.used+w.hold.weight > fair {
		return
	}
	// The next of the same caller would lack as much again once this one is in: waiting for them one by one takes too long.
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

// forget drops a caller who has and wants nothing.
func (l *Limiter) forget(caller string, s *share) {
	if s.used == 0 && s.waiting == 0 {
		delete(l.callers, caller)
		*s = share{revocable: s.revocable[:0]}
		l.spare = s
	}
}
