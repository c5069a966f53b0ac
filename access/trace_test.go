package access_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"countersign/access"
)

const (
	traceID = "0af7651916cd43dd8448eb211c80319c"
	spanID  = "b7ad6b7169203331"
)

func TestTraceOf_AcceptsWhatTheSpecificationAccepts(t *testing.T) {
	for _, tt := range []struct{ traceparent, flags string }{
		{"00-" + traceID + "-" + spanID + "-00", "00"},
		{"00-" + traceID + "-" + spanID + "-01", "01"},
		{"00-" + traceID + "-" + spanID + "-02", "02"},
		{"00-" + traceID + "-" + spanID + "-fd", "01"}, // undefined flags are not passed on
		{"01-" + traceID + "-" + spanID + "-01", "01"}, // later versions begin alike,
		{"cc-" + traceID + "-" + spanID + "-01-what-the-future-will-be-like", "01"},
		{"fe-" + traceID + "-" + spanID + "-0f-" + strings.Repeat("x", 10_000), "03"}, // and may be longer
	} {
		h := http.Header{"Traceparent": {tt.traceparent}}
		want := access.Trace{TraceID: traceID, SpanID: spanID, Flags: tt.flags}
		if got := access.TraceOf(h); got != want {
			t.Errorf("%.80s: %+v", tt.traceparent, got)
		}
		if got := access.WorkflowOf(h).Traceparent; got != tt.traceparent[:55] {
			t.Errorf("%.80s: the record has %s", tt.traceparent, got)
		}
	}
}

var newID = regexp.MustCompile(`^[0-9a-f]{32}$`)

func TestTraceOf_StartsATraceIfNoneIsValid(t *testing.T) {
	seen := map[string]bool{traceID: true}
	for _, bad := range [][]string{
		nil,
		{""},
		{"00-" + traceID + "-" + spanID},
		{"00-" + traceID + "-" + spanID + "-0"},
		{"00-" + traceID + "-" + spanID + "-011"},
		{"00-" + traceID + "-" + spanID + "-01-x"}, // version 00 ends with the flags
		{"00-" + traceID + "-" + spanID + "-01-"},
		{"00-" + traceID + "-" + spanID + "-01."},
		{"01-" + traceID + "-" + spanID + "-01.x"},
		{"01-" + traceID + "-" + spanID + "-0"},
		{"ff-" + traceID + "-" + spanID + "-01"},
		{"ff-" + traceID + "-" + spanID + "-01-x"},
		{"0g-" + traceID + "-" + spanID + "-01"},
		{"0-" + traceID + "-" + spanID + "-01-"},
		{"00-" + strings.ToUpper(traceID) + "-" + spanID + "-01"},
		{"00-" + traceID + "-" + strings.ToUpper(spanID) + "-01"},
		{"00-" + traceID + "-" + spanID + "-0A"},
		{"00-" + strings.Repeat("0", 32) + "-" + spanID + "-01"},
		{"00-" + traceID + "-" + strings.Repeat("0", 16) + "-01"},
		{"00-" + traceID[1:] + "g-" + spanID + "-01"},
		{"00_" + traceID + "_" + spanID + "_01"},
		{" 00-" + traceID + "-" + spanID + "-01"},
		{"00-" + traceID + "-" + spanID + "-01", "00-" + traceID + "-" + spanID + "-01"}, // ambiguous
		{"00-" + traceID + "-" + spanID + "-01,00-" + traceID + "-" + spanID + "-01"},
	} {
		h := http.Header{"Traceparent": bad}
		got := access.TraceOf(h)
		if !newID.MatchString(got.TraceID) || seen[got.TraceID] || got.SpanID != "" || got.Flags != "" {
			t.Errorf("%q: %+v", bad, got)
		}
		seen[got.TraceID] = true
		if got := access.WorkflowOf(h).Traceparent; got != "" {
			t.Errorf("%q: the record has %s", bad, got)
		}
	}
}

func FuzzTraceOf(f *testing.F) {
	f.Add("00-" + traceID + "-" + spanID + "-01")
	f.Add("cc-" + traceID + "-" + spanID + "-01-more")
	valid := regexp.MustCompile(`^(?:00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}|` +
		`[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-(?s:.*))?)$`)
	f.Fuzz(func(t *testing.T, text string) {
		got := access.TraceOf(http.Header{"Traceparent": {text}})
		parts := valid.FindStringSubmatch(text)
		taken := parts != nil && !strings.HasPrefix(text, "ff") && (text[:2] != "00" || parts[1] != "") &&
			strings.Trim(parts[1]+parts[3], "0") != "" && strings.Trim(parts[2]+parts[4], "0") != ""
		if taken != (got.SpanID != "") || !newID.MatchString(got.TraceID) || taken && (got.TraceID != parts[1]+parts[3] ||
			got.SpanID != parts[2]+parts[4]) {
			t.Errorf("%q: %+v", text, got)
		}
	})
}

func BenchmarkTraceOf(b *testing.B) {
	for name, h := range map[string]http.Header{"given": {"Traceparent": {"00-" + traceID + "-" + spanID + "-01"}}, "new": {}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				access.TraceOf(h)
			}
		})
	}
}
