package diagnosis_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"countersign/diagnosis"
	"countersign/signing"
)

// BenchmarkDiagnose takes bodies of 1 KiB with everything known and no mistake that the search knows, which is the
// most work. It reports the 99th percentile.
func BenchmarkDiagnose(b *testing.B) {
	var inputs []diagnosis.Input
	for _, c := range readCases(b) {
		in := c.input()
		inputs = append(inputs, in)
		if in.Request != nil && in.Response != nil && len(in.Request.Body) > 0 {
			other := in
			request := *in.Request
			request.Body = kilobyte
			other.Request = &request
			other.Credentials = signing.NewCredentials(in.Credentials.AccessKeyID, "another/SECRET+wJalrXUtnFEMI0EXAMPLEKEY0", "")
			inputs = append(inputs, other)
		}
	}
	b.ReportAllocs()
	var took []time.Duration
	for b.Loop() {
		in := inputs[len(took)%len(inputs)]
		start := time.Now()
		diagnosis.Diagnose(context.Background(), in)
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "max-ms")
}

var kilobyte = slices.Concat(
	[]byte(`{"list": [`), slices.Repeat([]byte(`{"order": 1042, "note": "Grüße <b>", "amount": 12.50}, `), 17), []byte(`0]}`),
)
