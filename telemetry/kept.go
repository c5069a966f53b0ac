package telemetry

import (
	"maps"
	"sync"
	"sync/atomic"
)

// kept are the series of one metric, by their labels. Looking one up in a map of our own takes a tenth of what the library
// takes to find it; there are few, so the map is copied for each new one.
type kept[L comparable, S any] struct {
	make   func(L) S
	mu     sync.Mutex
	series atomic.Pointer[map[L]S]
}

func (k *kept[L, S]) of(labels L) S {
	if known := k.series.Load(); known != nil {
		if s, found := (*known)[labels]; found {
			return s
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	next := map[L]S{}
	if known := k.series.Load(); known != nil {
		if s, found := (*known)[labels]; found {
			return s
		}
		next = maps.Clone(*known)
	}
	s := k.make(labels)
	next[labels] = s
	k.series.Store(&next)
	return s
}
