package telemetry

import "sync"

// batch holds what happened until there is enough of it to be counted at once. A request has used so much other memory that
// the series are out of the processor's caches by its end, and counting it alone takes five times as long.
type batch[E any] struct {
	count func(*E)

	mu      sync.Mutex
	waiting []E
}

// batchSize is enough to make the first of them, which fetches the series, a small part.
const batchSize = 32

func (b *batch[E]) add(e E) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waiting = append(b.waiting, e); len(b.waiting) == batchSize {
		b.countAll()
	}
}

// flush counts what waits.
func (b *batch[E]) flush() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.countAll()
}

func (b *batch[E]) countAll() {
	for i := range b.waiting {
		b.count(&b.waiting[i])
	}
	clear(b.waiting) // so that no text of a request stays
	b.waiting = b.waiting[:0]
}
