package sending

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Why an attempt was given up.
var (
	errIdle      = errors.New("no byte moved for too long")
	errNoHeaders = errors.New("the answer's headers took too long")
)

// phase is where an attempt stands.
type phase int

const (
	phaseWriting phase = iota
	phaseWaiting       // written, for the answer's headers
	phaseAnswer
)

// watch ends an attempt in which nothing moves.
type watch struct {
	end context.CancelCauseFunc

	mu      sync.Mutex
	timer   *time.Timer
	phase   phase
	limit   time.Duration
	stopped bool
}

func newWatch(end context.CancelCauseFunc) *watch {
	w := &watch{end: end, limit: idleTimeout}
	w.timer = time.AfterFunc(w.limit, w.expire)
	return w
}

func (w *watch) expire() {
	w.mu.Lock()
	cause := errIdle
	if w.phase == phaseWaiting {
		cause = errNoHeaders
	}
	w.mu.Unlock()
	w.end(cause)
}

// enter begins a phase with a limit of its own. What net/http still tells of the
// request once the answer is there comes too late.
func (w *watch) enter(p phase, limit time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.phase == phaseAnswer {
		return
	}
	w.phase, w.limit = p, limit
	w.reset()
}

// upgraded gives the rest, which is no answer of HTTP, more time.
func (w *watch) upgraded() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.limit = upgradeTimeout
	w.reset()
}

// moved says that a byte did.
func (w *watch) moved() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reset()
}

func (w *watch) reset() {
	if !w.stopped {
		w.timer.Reset(w.limit)
	}
}

func (w *watch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	w.timer.Stop()
}
