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

// BenchmarkMetrics is the processor time that metrics add to a signature, measured over a whole request without
// net/http.
func BenchmarkMetrics(b *testing.B) {
	overhead(b, map[string]string{"COUNTERSIGN_METRICS_ADDRESS": "127.0.0.1:9090"})
}

// BenchmarkTraces is the processor time that spans add if variables configure them but switch them off: none.
func BenchmarkTraces(b *testing.B) {
	overhead(b, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"})
}

// overhead reports how much more processor time a signature takes with the environment than without it. As a control,
// it reports how much more a second service without the environment takes: its difference from 0 is measurement
// error. Each round measures all services alternately, in both directions, so that whatever slows the machine down
// slows all of them. The results are the medians of the rounds, with the 95 % confidence interval.
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
		runtime.GC() // none in between: what is compared makes hardly any garbage
		var took [3]float64
		for i := range 2 * len(services) {
			at := min(i, 2*len(services)-1-i) // in both directions,
			at = (at + round) % len(services) // starting with another each round
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

// If no variable asks for spans, requests call nothing for them.
func TestTraces_CostNothingWhenOff(t *testing.T) {
	s := serviceWith(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"})
	if s.traces != nil || s.limits.Began != nil || s.limits.Served != nil {
		t.Errorf("traces %v, %v and %v are called", s.traces, s.limits.Began != nil, s.limits.Served != nil)
	}
}
