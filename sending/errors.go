package sending

import (
	"errors"
	"fmt"
)

// Why there is no response. The first group was never sent: nothing happened.
var (
	// ErrAddressRefused: the host resolves to addresses that may not be called.
	ErrAddressRefused = errors.New("the host resolves to an address that may not be called")
	// ErrName: the host's name could not be resolved.
	ErrName = errors.New("the host's name could not be resolved")
	// ErrNotConnected: no connection, in time or at all, or it was lost before the
	// request was written whole.
	ErrNotConnected = errors.New("the host could not be connected to")
	// ErrTLS: no secure connection, because the certificate is not valid or otherwise.
	ErrTLS = errors.New("no secure connection to the host")
	// ErrNotSigned: [Request.Sign] failed, for instance because there is no session.
	ErrNotSigned = errors.New("the request could not be signed")
	// ErrBusy: as many requests as are allowed are under way to this host.
	ErrBusy = errors.New("too many requests to this host are under way")
	// ErrUnsendable: the request cannot be sent as it was signed, or says things
	// that exclude each other.
	ErrUnsendable = errors.New("the request cannot be sent as it was signed")

	// ErrBody: the request's body failed; the server was given no complete request.
	// The cause is one of the errors about bodies, or that of the body's reader.
	ErrBody = errors.New("the request's body could not be read")

	// ErrNoResponse: written and not answered. It may have been done; see [Idempotent].
	ErrNoResponse = errors.New("the request was written and not answered")
	// ErrBroken: the response broke off midway.
	ErrBroken = errors.New("the response broke off")
	// ErrTooLarge: the response is larger than the limit of [Response.ReadAll].
	ErrTooLarge = errors.New("the response is larger than allowed")

	// ErrCallerGone: the context was canceled. [Report.Written] says whether AWS may
	// have done it.
	ErrCallerGone = errors.New("the caller is gone")
)

// What is wrong with a body.
var (
	// ErrBodyTooLarge: larger than [Spool.MaxBytes].
	ErrBodyTooLarge = errors.New("the body is larger than allowed")
	// ErrNoSpace: the file that holds a body could not be made or written.
	ErrNoSpace = errors.New("no space to hold the body")
	// ErrPayloadHash: not one that can be sent in x-amz-content-sha256.
	ErrPayloadHash = errors.New("x-amz-content-sha256 must be a SHA-256 in 64 lower-case hexadecimal digits or AWS's name for another payload")
	// ErrPayloadKind: AWS knows it and this package does not.
	ErrPayloadKind = errors.New("payloads signed as event streams or with Signature Version 4a are not supported")
	// ErrChunk: not in the form of a payload signed chunk by chunk.
	ErrChunk = errors.New("the body is not a sequence of signed chunks")
)

// Error is why there is no response, or no whole one.
type Error struct {
	// Kind is one of the Err… values; errors.Is finds it.
	Kind error
	// Cause is for the log; nil where Kind says everything.
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

// Idempotent says whether a request of this method that may have been done can be
// repeated (RFC 9110, section 9.2.2). Methods that it does not know cannot.
func Idempotent(method string) bool {
	switch method {
	case "GET", "HEAD", "PUT", "DELETE", "OPTIONS":
		return true
	}
	return false
}
