package access

import "slices"

// Hold is the capacity of a [Limiter] that one operation holds.
type Hold struct {
	limiter   *Limiter
	caller    string
	weight    int64
	revoked   chan struct{}
	isRevoked bool
	offered   Revoker // set by Offer
}

// Revoker ends whatever uses a [Hold], if others need the capacity.
type Revoker interface {
	// Revoke makes sure that [Hold.Release] is called. It is called once, in its own goroutine.
	Revoke()
}

// Revoked is closed when the hold is revoked: the operation must end and must still call Release. It is nil if the hold
// cannot be revoked.
func (h *Hold) Revoked() <-chan struct{} { return h.revoked }

// Settle makes a hold irrevocable and lowers its weight to what it turned out to be; the weight never grows. It reports
// false if the hold was revoked before.
func (h *Hold) Settle(weight int64) bool {
	l := h.limiter
	l.mu.Lock()
	defer l.mu.Unlock()
	if h.isRevoked {
		return false
	}
	s := l.callers[h.caller]
	s.revocable = slices.DeleteFunc(s.revocable, func(o *Hold) bool { return o == h })
	less := h.weight - min(max(weight, 0), h.weight)
	h.weight -= less
	s.used -= less
	l.used -= less
	l.grant()
	return true
}

// Offer makes a hold revocable again, or for the first time: its work is done except for what does not end by itself. A
// caller's offered holds are revoked before its others, oldest first. Call Offer once.
func (h *Hold) Offer(r Revoker) {
	l := h.limiter
	l.mu.Lock()
	defer l.mu.Unlock()
	if h.isRevoked {
		return
	}
	h.offered = r
	s := l.callers[h.caller]
	at := slices.IndexFunc(s.revocable, func(o *Hold) bool { return o.offered != nil })
	if at < 0 {
		at = len(s.revocable)
	}
	s.revocable = slices.Insert(s.revocable, at, h)
	l.grant()
}

// Release returns the capacity to the limiter. Call it once.
func (h *Hold) Release() {
	l := h.limiter
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.callers[h.caller]
	s.revocable = slices.DeleteFunc(s.revocable, func(o *Hold) bool { return o == h })
	if h.isRevoked {
		s.revoking -= h.weight
		l.revoking -= h.weight
	}
	s.used -= h.weight
	l.used -= h.weight
	l.forget(h.caller, s)
	l.grant()
}
