// Package garbage sets how much garbage may accumulate before it is collected, before the packages of other modules
// start to fill their tables: packages are initialized in the order of their paths, and with Go's default of 100 there
// would be a collection during that, which takes a tenth of the start-up time. It applies to every program that imports
// it.
package garbage

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

const (
	// percent is how much garbage is allowed, relative to the memory in use, while that is little, as it usually is:
	// with Go's default of 100 a third of the time of a signature would be spent in the collector. GOGC overrides it.
	percent = 400
	// most is how much garbage is allowed if more memory is in use, for example by a thousand clients that wait for
	// events.
	most = 24 << 20
)

func init() {
	runtime.MemProfileRate = 0   // no one uses the samples, and taking them costs one request in 200
	if os.Getenv("GOGC") == "" { //nolint:forbidigo // cli.Main comes too late
		debug.SetGCPercent(percent)
		bound()
	}
}

// bound makes the collector run more often if percent of the memory in use would be more than both most and the memory
// in use.
func bound() {
	used := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"}}
	set := percent
	type cycle [64]byte // unreachable, so every collection runs its finalizer
	var collected func(*cycle)
	collected = func(c *cycle) {
		metrics.Read(used)
		if wanted := percentOf(used[0].Value.Uint64() + used[1].Value.Uint64() + used[2].Value.Uint64()); wanted != set {
			set = wanted
			debug.SetGCPercent(set) // stops the world for a moment, so only if necessary
		}
		runtime.SetFinalizer(c, collected)
	}
	runtime.SetFinalizer(new(cycle), collected)
}

// percentOf returns how much garbage is allowed for so many bytes in use, as a percentage, in steps.
func percentOf(used uint64) int {
	const step = 20
	for p := percent; p > 100; p -= step {
		if used*uint64(p) <= 100*most {
			return p
		}
	}
	return 100
}
