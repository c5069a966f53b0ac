package sending

import (
	"context"
	"sync"
	"time"
)

const (
	requestsPerHost = 256
	slotWait        = time.Second
	hostsKept       = 1024 // beyond that, some without requests in progress are forgotten
	fullBudget      = 500
	retryCost       = 14
	throttleCost    = 5
	firstTryBonus   = 1
)

// hosts holds the state of each host.
type hosts struct {
	mu     sync.Mutex
	byName map[string]*host
}

// host is the state of one host.
type host struct {
	slots chan struct{} // one for each request in progress, until its response ends
	users int           // requests that hold or wait for a slot; guarded by hosts.mu

	mu     sync.Mutex
	budget int           // for retries
	offset time.Duration // its clock minus ours, if known
	known  bool
}

// acquire waits for a free slot of a host. Call release to free it.
func (h *hosts) acquire(ctx context.Context, name string) (*host, error) {
	at := h.use(name)
	select {
	case at.slots <- struct{}{}:
		return at, nil
	default:
	}
	wait := time.NewTimer(slotWait)
	defer wait.Stop()
	var err error
	select {
	case at.slots <- struct{}{}:
		return at, nil
	case <-wait.C:
		err = ErrBusy
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	h.unuse(at)
	return nil, err
}

func (h *hosts) release(at *host) {
	<-at.slots
	h.unuse(at)
}

func (h *hosts) use(name string) *host {
	h.mu.Lock()
	defer h.mu.Unlock()
	at := h.byName[name]
	if at == nil {
		if h.byName == nil {
			h.byName = map[string]*host{}
		}
		if len(h.byName) >= hostsKept {
			h.forget()
		}
		at = &host{slots: make(chan struct{}, requestsPerHost), budget: fullBudget}
		h.byName[name] = at
	}
	at.users++
	return at
}

func (h *hosts) unuse(at *host) {
	h.mu.Lock()
	at.users--
	h.mu.Unlock()
}

// forget drops unused hosts, up to an eighth of the limit. Without it, the hosts would
// grow without bound, since a caller may name any number of buckets.
func (h *hosts) forget() {
	left := hostsKept / 8
	for name, at := range h.byName {
		if at.users == 0 {
			delete(h.byName, name)
			if left--; left == 0 {
				return
			}
		}
	}
}

// spend pays for a retry, and reports whether the budget was large enough.
func (h *host) spend(cost int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.budget < cost {
		return false
	}
	h.budget -= cost
	return true
}

// refund adds tokens to the budget: the cost of a retry that succeeded, or a bonus
// for success at the first attempt.
func (h *host) refund(tokens int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.budget = min(h.budget+tokens, fullBudget)
}

// clock returns how far the host's clock is ahead of ours, if known.
func (h *host) clock() (offset time.Duration, known bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.offset, h.known
}

func (h *host) setClock(offset time.Duration, known bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.offset, h.known = offset, known
}
