package telemetry

import "sync"

// batch collects events until there are enough to count at once. By the end of a request, which has used much other
// memory, the series are no longer in the processor's caches, and counting it alone takes five times as long.
type batch[E any] struct {
	count func(*E)

	mu     sync.Mutex
	events []E
}

// batchSize is large enough that the first event, which loads the series into the caches, is a small part of the cost.
const batchSize = 32

func (b *batch[E]) add(e E) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.events = append(b.events, e); len(b.events) == batchSize {
		b.countAll()
	}
}

// flush counts the collected events.
func (b *batch[E]) flush() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.countAll()
}

func (b *batch[E]) countAll() {
	for i := range b.events {
		b.count(&b.events[i])
	}
	clear(b.events) // so that nothing of a request is kept in memory
	b.events = b.events[:0]
}
