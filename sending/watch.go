package sending

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// Why an attempt was given up.
var (
	errIdle      = errors.New("no byte moved for too long")
	errNoHeaders = errors.New("the response's headers took too long")
	errResent    = errors.New("the request may have been processed, and was about to be sent again")
)

// phase is where an attempt stands.
type phase int

const (
	phaseWriting phase = iota
	phaseWaiting       // written, for the response's headers
	phaseResponse
)

// watch ends an attempt in which nothing moves. Its timer is set once and looks, when it
// fires, how long ago a byte moved: setting it for each piece would cost more than the
// pieces do.
type watch struct {
	end     context.CancelCauseFunc
	now     func() time.Time
	started time.Time
	last    atomic.Int64 // when something moved, since started

	mu      sync.Mutex
	timer   *time.Timer
	due     time.Duration // when it fires, since started
	phase   phase
	limit   time.Duration
	stopped bool
}

// start begins the first phase. The timer fires after least at the latest, the smallest limit of a
// later phase, which then need not set it.
func (w *watch) start(end context.CancelCauseFunc, now func() time.Time, least time.Duration) {
	w.end, w.now, w.started, w.limit = end, now, now(), idleTimeout
	w.mu.Lock()
	defer w.mu.Unlock()
	w.due = min(w.limit, least)
	w.timer = time.AfterFunc(w.due, w.look)
}

// look ends the attempt, or comes back when that may be due.
func (w *watch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return
	}
	now := w.since()
	if w.due = time.Duration(w.last.Load()) + w.limit; w.due > now {
		w.timer.Reset(w.due - now)
		return
	}
	cause := errIdle
	if w.phase == phaseWaiting {
		cause = errNoHeaders
	}
	w.end(cause)
}

// enter begins a phase with a limit of its own. What net/http still tells of the
// request once the response is there comes too late.
func (w *watch) enter(p phase, limit time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.phase != phaseResponse {
		w.phase = p
		w.allow(limit)
	}
}

// upgraded gives the rest, which is no response of HTTP, more time.
func (w *watch) upgraded() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.allow(upgradeTimeout)
}

// allow sets a limit that begins now.
func (w *watch) allow(limit time.Duration) {
	w.moved()
	w.limit = limit
	if due := time.Duration(w.last.Load()) + limit; due < w.due && !w.stopped {
		w.due = due
		w.timer.Reset(limit)
	}
}

// moved says that a byte did.
func (w *watch) moved() { w.last.Store(int64(w.since())) }

func (w *watch) since() time.Duration { return w.now().Sub(w.started) }

func (w *watch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	w.timer.Stop()
}
