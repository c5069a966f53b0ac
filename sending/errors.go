package sending

import (
	"errors"
	"fmt"
)

// Why there is no response. For the first group, the request was never sent, so AWS has done nothing.
var (
	// ErrAddressRefused: the host resolves to addresses that may not be called.
	ErrAddressRefused = errors.New("the host resolves to an address that may not be called")
	// ErrName: the host's name could not be resolved.
	ErrName = errors.New("the host's name could not be resolved")
	// ErrNotConnected: there was no connection, or none in time, or it was lost before
	// the whole request was written.
	ErrNotConnected = errors.New("no connection to the host")
	// ErrTLS: no secure connection, for instance because the certificate is invalid.
	ErrTLS = errors.New("no secure connection to the host")
	// ErrNotSigned: [Request.Sign] failed, for instance because there is no session.
	ErrNotSigned = errors.New("the request could not be signed")
	// ErrBusy: the limit of requests in progress to this host is reached.
	ErrBusy = errors.New("too many requests to this host are in progress")
	// ErrUnsendable: the request cannot be sent as it was signed, or contradicts
	// itself.
	ErrUnsendable = errors.New("the request cannot be sent as it was signed")

	// ErrBody: the request body failed, and the server got no complete request. The
	// cause is one of the body errors below, or the error of the body's reader.
	ErrBody = errors.New("the request body could not be read")

	// ErrNoResponse: the request was written, but there was no response. AWS may have
	// acted on it; see [Idempotent].
	ErrNoResponse = errors.New("the request was written, but there was no response")
	// ErrBroken: the response broke off.
	ErrBroken = errors.New("the response broke off")
	// ErrTooLarge: the response is larger than the limit of [Response.ReadAll].
	ErrTooLarge = errors.New("the response is larger than allowed")

	// ErrCallerGone: the context was canceled. [Report.Written] reports whether AWS
	// may have acted on the request.
	ErrCallerGone = errors.New("the caller is gone")
)

// Errors of request bodies.
var (
	// ErrBodyTooLarge: the body is larger than [Spool.MaxBytes].
	ErrBodyTooLarge = errors.New("the body is larger than allowed")
	// ErrNoSpace: the file for a body could not be created or written.
	ErrNoSpace = errors.New("no space to hold the body")
	// ErrPayloadHash: the payload hash is not valid in x-amz-content-sha256.
	ErrPayloadHash = errors.New("x-amz-content-sha256 must be a SHA-256 in 64 lower-case hexadecimal digits or AWS's name for another payload")
	// ErrPayloadKind: AWS supports this payload hash, but this package does not.
	ErrPayloadKind = errors.New("payloads signed as event streams or with Signature Version 4a are not supported")
	// ErrChunk: the body is not in the format of signed chunks.
	ErrChunk = errors.New("the body is not a sequence of signed chunks")
)

// Error is the reason why there is no response, or only part of one.
type Error struct {
	// Kind is one of the Err… values; errors.Is finds it.
	Kind error
	// Cause is for the log. It is nil if Kind says everything.
	Cause error
	// Report is what happened.
	Report Report
}

// Error implements error.
func (e *Error) Error() string {
	if e.Cause == nil {
		return e.Kind.Error()
	}
	return fmt.Sprintf("%v: %v", e.Kind, e.Cause)
}

// Unwrap returns Kind and Cause.
func (e *Error) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Cause}
}

// Idempotent reports whether a request with this method can be repeated even though
// AWS may have acted on it (RFC 9110, section 9.2.2). It is false for unknown methods.
func Idempotent(method string) bool {
	switch method {
	case "GET", "HEAD", "PUT", "DELETE", "OPTIONS":
		return true
	}
	return false
}
