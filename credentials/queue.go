package credentials

import (
	"context"
	"slices"
	"sync"
	"time"
)

// queue spaces out fetches and decides which one is next. Shared sessions and background refreshes have their own line
// and pace: their number is limited, so they may go fast. The rest can grow as much as callers like. Within either line
// callers take turns, however many fetches each of them wants.
type queue struct {
	now func() time.Time // never steps

	mu          sync.Mutex
	first, rest line
}

// line is a queue of waiting fetches. A caller has one turn per round: its next fetch is in the current round unless it
// had its turn there already, and its further fetches are in the rounds that follow.
type line struct {
	pace
	waiting []*waiter       // in order of arrival
	round   uint64          // the current round
	had     map[string]bool // the callers that had their turn in it
	timer   *time.Timer
}

type waiter struct {
	line    *line
	caller  string
	round   uint64
	refused bool          // set before done
	done    chan struct{} // closed when it is this one's turn, or when it is refused
}

func newQueue(now func() time.Time, b budget) *queue {
	return &queue{
		now: now, first: line{pace: newPace(sharedBudget), had: map[string]bool{}}, rest: line{pace: newPace(b), had: map[string]bool{}},
	}
}

// enter queues a fetch for a caller. Nil: the line is full, and the caller has its share of it.
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

// hasten moves a waiting fetch forward to the round that it would have as another caller's.
func (q *queue) hasten(w *waiter, caller string) {
	if w.caller == caller {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	w.round = min(w.round, w.line.next(caller))
}

// grant gives out turns as long as the pace allows.
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

// throttled slows down the shared line if AWS throttled one of its fetches. A caller whose own keys are throttled slows
// down no one else.
func (q *queue) throttled(w *waiter) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if w.line == &q.first {
		w.line.pace.throttled = q.now()
	}
}

// next returns the round for a caller's next fetch.
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

// pop removes and returns the fetch with the lowest round, the oldest among equals.
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

// displace refuses the latest fetch of the caller with the most, if that caller has more than the new one would have.
func (l *line) displace(newcomer string) bool {
	count := map[string]int{}
	for _, w := range l.waiting {
		count[w.caller]++
	}
	var last *waiter
	for _, w := range l.waiting {
		if count[w.caller] > count[newcomer]+1 && (last == nil || count[w.caller] >= count[last.caller]) {
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
