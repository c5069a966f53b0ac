package access

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"net/http"
)

// Trace identifies the trace that a request belongs to. Fields and spelling, lower-case hexadecimal, are those that
// OpenTelemetry defines for logs in any format.
type Trace struct {
	TraceID string `json:"trace_id,omitempty"`
	// SpanID is the span of this request if spans are recorded, else the caller's. Empty if the caller named none.
	SpanID string `json:"span_id,omitempty"`
	Flags  string `json:"trace_flags,omitempty"` // "01": the caller or this service records spans
}

// TraceOf reads traceparent (W3C Trace Context section 3.2). If it is missing or invalid, TraceOf starts a trace with a
// random id.
func TraceOf(h http.Header) Trace {
	if values := h["Traceparent"]; len(values) == 1 {
		if t, ok := parseTraceparent(values[0]); ok {
			return t
		}
	}
	var id [16]byte
	binary.BigEndian.PutUint64(id[:8], rand.Uint64()) //nolint:gosec // trace ids need not be unguessable
	binary.BigEndian.PutUint64(id[8:], rand.Uint64()) //nolint:gosec // trace ids need not be unguessable
	var text [2 * len(id)]byte
	hex.Encode(text[:], id[:])
	return Trace{TraceID: string(text[:])}
}

// The length of a version 00 traceparent, and the offsets of its parts.
const (
	traceparentLength = len("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	traceAt           = len("00-")
	spanAt            = len("00-0af7651916cd43dd8448eb211c80319c-")
	flagsAt           = len("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-")
)

// flagsOf has the defined flags, sampled and random, by the lowest two bits.
var flagsOf = [4]string{"00", "01", "02", "03"}

// parseTraceparent accepts version 00, which ends with the flags, and later versions that begin like it.
func parseTraceparent(text string) (Trace, bool) {
	n := traceparentLength
	switch {
	case len(text) < n, text[traceAt-1] != '-', text[spanAt-1] != '-', text[flagsAt-1] != '-':
		return Trace{}, false
	case !lowerHex(text[:2]), text[:2] == "ff", !lowerHex(text[flagsAt:n]):
		return Trace{}, false
	case len(text) > n && (text[:2] == "00" || text[n] != '-'):
		return Trace{}, false
	}
	trace, span := text[traceAt:spanAt-1], text[spanAt:flagsAt-1]
	if !lowerHex(trace) || !lowerHex(span) || zero(trace) || zero(span) {
		return Trace{}, false
	}
	defined := text[n-1] & 3
	if text[n-1] > '9' {
		defined = (text[n-1] - 'a' + 10) & 3
	}
	return Trace{TraceID: trace, SpanID: span, Flags: flagsOf[defined]}, true
}

func lowerHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func zero(s string) bool {
	for i := range len(s) {
		if s[i] != '0' {
			return false
		}
	}
	return true
}
