package credentials

import (
	"context"
	"slices"
	"sync"
	"time"
)

// queue spaces fetches out and decides whose is next. What all callers share,
// and what is renewed in the background, has a line and a pace of its own: there
// is only so much of it, so it may be fast. Of the rest callers can ask for as
// much as they like. Within either line they take turns, however many fetches
// each of them wants.
type queue struct {
	now func() time.Time // never steps

	mu          sync.Mutex
	first, rest line
}

// line are fetches that wait. A caller has one turn in each round: who comes is
// in the round being served unless it had its turn there, and its further
// fetches are in the rounds that follow.
type line struct {
	pace
	waiting []*waiter       // in the order of their arrival
	round   uint64          // being served
	had     map[string]bool // the callers who had their turn in it
	timer   *time.Timer
}

type waiter struct {
	line    *line
	caller  string
	round   uint64
	refused bool          // set before done
	done    chan struct{} // closed when it is this one's turn, or never will be
}

func newQueue(now func() time.Time, b budget) *queue {
	return &queue{
		now: now, first: line{pace: newPace(sharedBudget), had: map[string]bool{}}, rest: line{pace: newPace(b), had: map[string]bool{}},
	}
}

// enter queues a fetch for a caller. Nil: too many wait, and the caller has its share of them.
func (q *queue) enter(caller string, first bool) *waiter {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := &q.rest
	if first {
		l = &q.first
	}
	if len(l.waiting) >= l.size && !l.displace(caller) {
		return nil
	}
	w := &waiter{line: l, caller: caller, round: l.next(caller), done: make(chan struct{})}
	l.waiting = append(l.waiting, w)
	q.grant(l)
	return w
}

// wait reports whether the fetch got its turn before ctx ended.
func (q *queue) wait(ctx context.Context, w *waiter) bool {
	select {
	case <-w.done:
	case <-ctx.Done():
		q.mu.Lock()
		w.refused = w.refused || w.line.remove(w)
		q.mu.Unlock()
	}
	return !w.refused
}

// hasten gives a fetch that waits the place that it would have as another caller's.
func (q *queue) hasten(w *waiter, caller string) {
	if w.caller == caller {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	w.round = min(w.round, w.line.next(caller))
}

// grant gives turns while there are any.
func (q *queue) grant(l *line) {
	now := q.now()
	l.adapt(now)
	for len(l.waiting) > 0 && l.AllowN(now, 1) {
		close(l.pop().done)
	}
	if l.timer == nil && len(l.waiting) > 0 {
		missing := (1 - l.TokensAt(now)) / float64(l.Limit())
		l.timer = time.AfterFunc(max(time.Duration(missing*float64(time.Second)), time.Millisecond), func() {
			q.mu.Lock()
			defer q.mu.Unlock()
			l.timer = nil
			q.grant(l)
		})
	}
}

// throttled slows down what all share, where AWS throttled a fetch of it. A caller whose keys are throttled slows nobody down.
func (q *queue) throttled(w *waiter) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if w.line == &q.first {
		w.line.pace.throttled = q.now()
	}
}

// next is the round of a caller's next fetch.
func (l *line) next(caller string) uint64 {
	round := l.round
	if l.had[caller] {
		round++
	}
	for _, w := range l.waiting {
		if w.caller == caller {
			round = max(round, w.round+1)
		}
	}
	return round
}

// pop takes the fetch of the lowest round out, of equal ones the oldest.
func (l *line) pop() *waiter {
	w := slices.MinFunc(l.waiting, func(a, b *waiter) int {
		switch {
		case a.round < b.round:
			return -1
		case a.round > b.round:
			return 1
		}
		return 0
	})
	l.remove(w)
	if w.round > l.round || len(l.waiting) == 0 {
		l.round = w.round
		clear(l.had)
	}
	l.had[w.caller] = true
	return w
}

func (l *line) remove(w *waiter) bool {
	i := slices.Index(l.waiting, w)
	if i < 0 {
		return false
	}
	l.waiting = slices.Delete(l.waiting, i, i+1)
	return true
}

// displace refuses the latest fetch of the caller with most, if that has more
// than the one who comes would have.
func (l *line) displace(comer string) bool {
	count := map[string]int{}
	for _, w := range l.waiting {
		count[w.caller]++
	}
	var last *waiter
	for _, w := range l.waiting {
		if count[w.caller] > count[comer]+1 && (last == nil || count[w.caller] >= count[last.caller]) {
			last = w
		}
	}
	if last == nil {
		return false
	}
	l.remove(last)
	last.refused = true
	close(last.done)
	return true
}
