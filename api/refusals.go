package api

import (
	"sync"
	"time"
)

const (
	refusalLines     = 10    // lines of the log for responses 401 to one address, each minute
	refusedAddresses = 1_000 // further ones share the lines of one
)

// refusals bounds what somebody without a key can have written into the log.
type refusals struct {
	mu sync.Mutex
	of map[string]*refusedMinute
}

type refusedMinute struct {
	began           time.Time
	lines, unlogged int
}

// logs tells whether a response 401 to an address, as [network] has it, gets a line, and how many before it got none.
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
