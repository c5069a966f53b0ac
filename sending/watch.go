package sending

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// Why an attempt was canceled.
var (
	errIdle      = errors.New("there was no progress for too long")
	errNoHeaders = errors.New("the response headers took too long")
	errResent    = errors.New("the request may have been processed, and net/http was about to repeat it")
)

// phase is the phase of an attempt.
type phase int

const (
	phaseWriting phase = iota
	phaseWaiting       // for the response headers
	phaseResponse
)

// watch cancels an attempt that makes no progress. When its timer fires, it checks how
// long ago the last progress was. Resetting the timer for each piece of a body would
// cost more than copying the piece.
type watch struct {
	end     context.CancelCauseFunc
	now     func() time.Time
	started time.Time
	last    atomic.Int64 // time of the last progress, since started

	mu      sync.Mutex
	timer   *time.Timer
	due     time.Duration // when timer fires, since started
	phase   phase
	limit   time.Duration
	stopped bool
}

// start begins the first phase. The timer first fires after least at the latest. This
// is the smallest limit of the later phases, so that they need not reset it.
func (w *watch) start(end context.CancelCauseFunc, now func() time.Time, least time.Duration) {
	w.end, w.now, w.started, w.limit = end, now, now(), idleTimeout
	w.mu.Lock()
	defer w.mu.Unlock()
	w.due = min(w.limit, least)
	w.timer = time.AfterFunc(w.due, w.check)
}

// check cancels the attempt if its limit has passed, else it sets the timer again.
func (w *watch) check() {
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

// enter begins a phase with its own limit. It has no effect once the response is there,
// because net/http may report on the request even later.
func (w *watch) enter(p phase, limit time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.phase != phaseResponse {
		w.phase = p
		w.allow(limit)
	}
}

// upgraded sets the longer limit of an upgraded connection.
func (w *watch) upgraded() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.allow(upgradeTimeout)
}

// allow sets a limit that starts now.
func (w *watch) allow(limit time.Duration) {
	w.progress()
	w.limit = limit
	if due := time.Duration(w.last.Load()) + limit; due < w.due && !w.stopped {
		w.due = due
		w.timer.Reset(limit)
	}
}

// progress records that a byte was sent or received.
func (w *watch) progress() { w.last.Store(int64(w.since())) }

func (w *watch) since() time.Duration { return w.now().Sub(w.started) }

func (w *watch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	w.timer.Stop()
}
