// Package garbage sets how much garbage may lie about before it is collected, before the packages of other modules begin to
// fill their tables: packages are initialized in the order of their paths, and at Go's own 100 there would be a collection
// amid that, which takes a tenth of a start. It holds for every program that imports it.
package garbage

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

const (
	// percent is how much garbage may lie beside what is in use, while that is little, as it mostly is: at Go's own 100 a
	// third of a signature is the collector's. GOGC sets another.
	percent = 400
	// most is how much may lie where more is in use, such as what a thousand clients hold that wait for events.
	most = 24 << 20
)

func init() {
	runtime.MemProfileRate = 0   // nobody asks for the samples, and taking them costs one request in 200
	if os.Getenv("GOGC") == "" { //nolint:forbidigo // cli.Main comes too late
		debug.SetGCPercent(percent)
		bound()
	}
}

// bound has the collector run more often where percent of what is in use would be more than most, and more than is in use.
func bound() {
	used := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"}}
	set := percent
	type cycle [64]byte // which every collection finds unused
	var collected func(*cycle)
	collected = func(c *cycle) {
		metrics.Read(used)
		if wanted := percentOf(used[0].Value.Uint64() + used[1].Value.Uint64() + used[2].Value.Uint64()); wanted != set {
			set = wanted
			debug.SetGCPercent(set) // stops the world for a moment, so not without need
		}
		runtime.SetFinalizer(c, collected)
	}
	runtime.SetFinalizer(new(cycle), collected)
}

// percentOf is how much garbage may lie beside so many bytes, in percent of them, in steps.
func percentOf(used uint64) int {
	const step = 20
	for p := percent; p > 100; p -= step {
		if used*uint64(p) <= 100*most {
			return p
		}
	}
	return 100
}
