package sending

import (
	"errors"
	"time"
)

// Outcome is how a request ended, as audit records spell it.
type Outcome string

// The outcomes. There is none until the response has been read.
const (
	OutcomeComplete    Outcome = "complete"    // a status below 400, read to the end
	OutcomeRefused     Outcome = "refused"     // a status of 400 or more
	OutcomeUnreachable Outcome = "unreachable" // never sent
	OutcomeUnknown     Outcome = "unknown"     // written, but there was no response
	OutcomeCallerGone  Outcome = "caller_gone" // the caller left before the end
	OutcomeBroken      Outcome = "broken"      // the request body or the response broke off
)

// Report describes what happened to a request.
type Report struct {
	// Outcome is empty while the response is being read.
	Outcome Outcome
	// Attempts are all signed attempts, in order.
	Attempts []Attempt
	// Status is that of the last response, or 0 if there was none.
	Status int
	// Code is AWS's error code, or empty if none was found.
	Code string
	// RequestID is AWS's request ID.
	RequestID string
	// BytesOut and BytesIn count body bytes: those of all attempts, and those read of
	// the last response.
	BytesOut, BytesIn int64
	// RemoteAddress is the address and port of the last attempt. Behind a proxy, it is
	// the proxy's.
	RemoteAddress string
}

// Written reports whether an attempt was written but got no response, so that AWS
// may have acted on it.
func (r *Report) Written() bool {
	for _, a := range r.Attempts {
		if a.Written && a.Status == 0 {
			return true
		}
	}
	return false
}

// Attempt describes one signed attempt.
type Attempt struct {
	// Time is the time of the signature.
	Time time.Time
	// Signature is hexadecimal.
	Signature string
	// RemoteAddress is empty if there was no connection.
	RemoteAddress string
	// Written means that AWS may have acted on the attempt: all of it was written, or
	// at least its headers if the payload is unsigned.
	Written bool
	// Resent counts how often net/http repeated this attempt by itself, with the same
	// signature. It does so for GET, HEAD and OPTIONS if a keep-alive connection was
	// lost, and if the HTTP/2 server says that it did not process the request.
	Resent int
	// BytesOut is how much of the body was read in order to be sent.
	BytesOut int64
	// Status is 0 if there was no response.
	Status int
	// Code is AWS's error code, or empty if none was found.
	Code string
	// Err is the [Error.Kind] if there was no response.
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
