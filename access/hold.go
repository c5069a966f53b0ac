package access

import "slices"

// Hold is a part of a [Limiter] that is in use.
type Hold struct {
	limiter   *Limiter
	caller    string
	weight    int64
	revoked   chan struct{}
	isRevoked bool
	offered   Revoker // of one that is offered
}

// Revoker gives back what others need.
type Revoker interface {
	// Revoke sees to it that [Hold.Release] is called. It is called once, in a goroutine of its own.
	Revoke()
}

// Revoked is closed when the hold is taken back: what it was for must end, and
// then Release be called all the same. It is nil for one that cannot be revoked.
func (h *Hold) Revoked() <-chan struct{} { return h.revoked }

// Settle keeps a hold from being revoked, and corrects its weight to what it
// turned out to be, at most what was acquired. It reports false for one that was
// revoked before.
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

// Offer lets a hold be taken back again, or for the first time: what it was for
// is done, all but what does not end by itself. Of a caller's holds, those that were
// offered are taken back first, the oldest before the others. Call it once.
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

// Release gives back what is held. Call it once.
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
