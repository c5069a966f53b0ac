// Package garbage sets how much garbage may lie about before it is collected, before the packages of other modules begin to
// fill their tables: packages are initialized in the order of their paths, and at Go's own 100 there would be a collection
// amid that, which takes a tenth of a start. It holds for every program that imports it.
package garbage

import (
	"os"
	"runtime/debug"
)

// percent is how much garbage may lie beside what is in use. What is in use is small, and at Go's own 100 a third of a
// signature is the collector's. GOGC sets another.
const percent = 400

func init() {
	if os.Getenv("GOGC") == "" { //nolint:forbidigo // cli.Main comes too late
		debug.SetGCPercent(percent)
	}
}
