package cli

import (
	"maps"
	"math"
	"os"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"
)

// BenchmarkMetrics is the processor time that metrics add to a signature: those of a whole request but for what net/http does.
func BenchmarkMetrics(b *testing.B) {
	overhead(b, map[string]string{"COUNTERSIGN_METRICS_ADDRESS": "127.0.0.1:9090"})
}

// BenchmarkTraces is the processor time that spans add which variables name and switch off: none.
func BenchmarkTraces(b *testing.B) {
	overhead(b, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"})
}

// overhead reports how much more processor time a signature takes with the environment than without it, and as the control
// how much more a second service takes that has no environment, either: what that differs from 0 is the measurement's. Each
// round measures all in turns, forth and back, so that what slows the machine down slows all; reported are the medians of
// the rounds, with the interval that has the true one in 95 of 100 runs.
func overhead(b *testing.B, environment map[string]string) {
	const each = 100
	measured := func(environment map[string]string) func() float64 {
		env := map[string]string{"COUNTERSIGN_AUDIT_FILE": os.DevNull}
		maps.Copy(env, environment)
		handler, ask := benchService(b, "full", os.DevNull, env)
		return func() float64 {
			before := processorTime(b)
			for range each {
				handler.ServeHTTP(ask())
			}
			return float64(processorTime(b)-before) / each
		}
	}
	services := []func() float64{measured(nil), measured(environment), measured(nil)}
	var base, with, control []float64
	for round := 0; b.Loop(); round++ {
		runtime.GC() // none is in between: what is compared makes no garbage of its own to speak of
		var took [3]float64
		for i := range 2 * len(services) {
			at := min(i, 2*len(services)-1-i) // forth and back,
			at = (at + round) % len(services) // each round from another on,
			took[at] += services[at]() / 2
		}
		base, with, control = append(base, took[0]), append(with, 100*(took[1]/took[0]-1)), append(control, 100*(took[2]/took[0]-1))
	}
	b.ReportMetric(0, "ns/op")
	slices.Sort(base)
	b.ReportMetric(base[len(base)/2], "without-ns")
	for name, list := range map[string][]float64{"%": with, "%-control": control} {
		slices.Sort(list)
		n := float64(len(list))
		at := func(rank float64) float64 { return list[int(min(max(rank, 0), n-1))] }
		b.ReportMetric(at(n/2), name)
		b.ReportMetric(at(math.Floor(n/2-0.98*math.Sqrt(n))), name+"-least")
		b.ReportMetric(at(math.Ceil(n/2+0.98*math.Sqrt(n))), name+"-most")
	}
}

func processorTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// TestTraces_OffIsNotInTheWay: where no variable asks for spans, nothing of them is called for a request.
func TestTraces_OffIsNotInTheWay(t *testing.T) {
	s := serviceWith(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"})
	if s.traces != nil || s.limits.Began != nil || s.limits.Served != nil {
		t.Errorf("traces %v, %v and %v are called", s.traces, s.limits.Began != nil, s.limits.Served != nil)
	}
}
