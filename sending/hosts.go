package sending

import (
	"context"
	"sync"
	"time"
)

const (
	requestsPerHost = 256
	slotWait        = time.Second
	hostsKept       = 1024 // beyond that, those without a request under way are forgotten
	fullBudget      = 500
	retryCost       = 14
	throttleCost    = 5
	firstTryBonus   = 1
)

// hosts is what is known of each host.
type hosts struct {
	mu     sync.Mutex
	byName map[string]*host
}

// host is what is known of one.
type host struct {
	slots chan struct{} // one for each request under way, until its response ends
	users int           // requests that hold or await a slot; guarded by hosts.mu

	mu     sync.Mutex
	budget int           // for retries
	offset time.Duration // its clock minus ours, where known
	known  bool
}

// enter returns the host of a name once a slot is free, which leave gives back.
func (h *hosts) enter(ctx context.Context, name string) (*host, error) {
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

func (h *hosts) leave(at *host) {
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

// forget drops an eighth of the hosts, of those that nobody uses: a caller may
// name as many buckets as there are.
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

// spend takes the cost of a retry, if there is enough.
func (h *host) spend(cost int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.budget < cost {
		return false
	}
	h.budget -= cost
	return true
}

// refund gives back what the last retry cost, or a little for a first success.
func (h *host) refund(tokens int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.budget = min(h.budget+tokens, fullBudget)
}

// clock returns by how much the host's clock is ahead, where known.
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
