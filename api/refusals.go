package api

import (
	"sync"
	"time"
)

const (
	refusalLines     = 10    // log lines for 401 responses to one address, per minute
	refusedAddresses = 1_000 // any more addresses share the lines of one
)

// refusals limits how much a client without a key can add to the log.
type refusals struct {
	mu sync.Mutex
	of map[string]*refusedMinute
}

type refusedMinute struct {
	began           time.Time
	lines, unlogged int
}

// logs reports whether a 401 response to an address, as returned by [network], gets a line, and how many before it
// got none.
func (r *refusals) logs(address string, now time.Time) (line bool, unlogged int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.minuteOf(address, now)
	if now.Sub(m.began) >= time.Minute {
		unlogged = m.unlogged
		*m = refusedMinute{began: now}
	}
	if m.lines == refusalLines {
		m.unlogged++
		return false, 0
	}
	m.lines++
	return true, unlogged
}

func (r *refusals) minuteOf(address string, now time.Time) *refusedMinute {
	if m := r.of[address]; m != nil {
		return m
	}
	if len(r.of) >= refusedAddresses {
		for known, m := range r.of {
			if now.Sub(m.began) >= time.Minute {
				delete(r.of, known)
			}
		}
	}
	if len(r.of) >= refusedAddresses {
		address = ""
	}
	if r.of == nil {
		r.of = map[string]*refusedMinute{}
	}
	if r.of[address] == nil {
		r.of[address] = &refusedMinute{began: now}
	}
	return r.of[address]
}
