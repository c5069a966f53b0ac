package cli

import (
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

// BenchmarkTraces is the processor time that spans add which variables name and switch off: none. It also shows what the
// measurement can tell apart.
func BenchmarkTraces(b *testing.B) {
	overhead(b, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"})
}

// overhead reports how much more processor time a signature takes with the environment than without it. Each round measures
// both ways twice, in turns and one within the other, so that what slows the machine down slows both; reported is the
// median of the rounds, with the interval that has the true one in 95 of 100 runs.
func overhead(b *testing.B, environment map[string]string) {
	const each = 100
	measured := func(environment map[string]string) func() float64 {
		env := map[string]string{"COUNTERSIGN_AUDIT_FILE": os.DevNull}
		for name, value := range environment {
			env[name] = value
		}
		handler, ask := benchService(b, "full", os.DevNull, env)
		return func() float64 {
			before := processorTime(b)
			for range each {
				handler.ServeHTTP(ask())
			}
			return float64(processorTime(b)-before) / each
		}
	}
	without, with := measured(nil), measured(environment)
	var base, ratios []float64
	for b.Loop() {
		runtime.GC() // none is in between: what is compared makes no garbage of its own to speak of
		first, second := without, with
		if len(ratios)%2 == 1 {
			first, second = with, without
		}
		outer, inner := first(), second()
		inner += second()
		outer += first()
		if len(ratios)%2 == 1 {
			outer, inner = inner, outer
		}
		base, ratios = append(base, outer/2), append(ratios, 100*(inner/outer-1))
	}
	slices.Sort(base)
	slices.Sort(ratios)
	n := float64(len(ratios))
	at := func(rank float64) float64 { return ratios[int(min(max(rank, 0), n-1))] }
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(base[len(base)/2], "without-ns")
	b.ReportMetric(at(n/2), "%")
	b.ReportMetric(at(math.Floor(n/2-0.98*math.Sqrt(n))), "%-least")
	b.ReportMetric(at(math.Ceil(n/2+0.98*math.Sqrt(n))), "%-most")
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
