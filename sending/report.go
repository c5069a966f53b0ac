package sending

import (
	"errors"
	"time"
)

// Outcome is what became of a request, in the words of the audit record.
type Outcome string

// The outcomes. While a response is being read there is none yet.
const (
	OutcomeComplete    Outcome = "complete"    // answered below 400, read to the end
	OutcomeRefused     Outcome = "refused"     // answered with 400 or more
	OutcomeUnreachable Outcome = "unreachable" // never sent
	OutcomeUnknown     Outcome = "unknown"     // written and not answered
	OutcomeCallerGone  Outcome = "caller_gone" // the caller left before the end
	OutcomeBroken      Outcome = "broken"      // the request's body or the response broke off
)

// Report is what happened to a request.
type Report struct {
	// Outcome is empty while the response is being read.
	Outcome Outcome
	// Attempts are all that were signed, in their order.
	Attempts []Attempt
	// Status is AWS's last, 0 where there was no response.
	Status int
	// Code is AWS's error code, empty where none was found.
	Code string
	// RequestID is AWS's id of the request.
	RequestID string
	// BytesOut and BytesIn are of the bodies: of all attempts, and of the last
	// response as far as it was read.
	BytesOut, BytesIn int64
	// RemoteAddress is where the last attempt went, with the port; the proxy's
	// behind a proxy.
	RemoteAddress string
}

// Written says whether an attempt was written and not answered, so that AWS may
// have done what it asked for.
func (r *Report) Written() bool {
	for _, a := range r.Attempts {
		if a.Written && a.Status == 0 {
			return true
		}
	}
	return false
}

// Attempt is one signature and what became of it.
type Attempt struct {
	// Time is that of the signature.
	Time time.Time
	// Signature is hexadecimal.
	Signature string
	// RemoteAddress is empty where there was no connection.
	RemoteAddress string
	// Written says whether AWS may have acted on it: it was written whole or, where
	// the payload is unsigned, with its headers.
	Written bool
	// Resent counts how often net/http wrote this attempt again by itself, with the
	// same signature: after a kept connection was lost, which it does for GET, HEAD
	// and OPTIONS, or where HTTP/2 says that the request was not processed.
	Resent int
	// BytesOut is how much of the body was read to be written.
	BytesOut int64
	// Status is 0 where there was no response.
	Status int
	// Code is AWS's error code, empty where none was found.
	Code string
	// Err is one of the kinds of error where there was no response.
	Err error
}

// outcomeOf maps an error to an outcome.
func (r *Report) outcomeOf(kind error) Outcome {
	switch {
	case errors.Is(kind, ErrCallerGone):
		return OutcomeCallerGone
	case errors.Is(kind, ErrBody), errors.Is(kind, ErrBroken):
		return OutcomeBroken
	case r.Written():
		return OutcomeUnknown
	}
	return OutcomeUnreachable
}
