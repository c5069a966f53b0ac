// Package access decides who is calling, what they may have signed, and keeps
// the record of it.
//
// It turns the credentials of an incoming request into a [Caller]. It reads
// headers only: no bodies, no query strings, since a credential in a URL ends
// in somebody's log.
//
// What it does not do: it answers no requests and sends none to AWS.
//
// What the caller owes: a clock, and an answer that matches the error:
// [ErrNoCredentials] and [ErrBadCredentials] are 401 with the value of
// [Authenticator.Challenge], [ErrForbidden] is 403, [ErrUnavailable] is 503.
//
// What it promises: no error holds any part of a credential, and every exported
// type is safe for use by many goroutines at once.
package access

import "errors"

// Method tells how a caller proved who it is.
type Method string

// The ways to authenticate.
const (
	MethodAPIKey        Method = "api-key"
	MethodEntra         Method = "entra"          // a token of Microsoft Entra ID
	MethodTrustedHeader Method = "trusted-header" // App Service authentication vouches for the caller
	MethodNone          Method = "none"
)

// Caller is who is asking. The zero value is nobody and may do nothing.
type Caller struct {
	// ID is the caller's name in policies, in the audit record and in the
	// session names that AWS shows. 1 to 64 of letters, digits, '-' and '_'.
	ID string
	// Method tells how the caller proved it.
	Method Method
	// Roles are the app roles of an Entra ID token, in the token's order.
	Roles []string
	// Application and Object are the ids of the calling application and of its
	// service principal, or of the person, in Entra ID.
	Application, Object string
}

// The kinds of refusal, for errors.Is. The text that an error adds is for the
// log: it names what was wrong and holds nothing of what was presented.
var (
	ErrNoCredentials  = errors.New("no credentials presented")
	ErrBadCredentials = errors.New("credentials not accepted")
	// ErrForbidden is for a caller who is known and has no business here.
	ErrForbidden = errors.New("caller not allowed")
	// ErrUnavailable is for a check that could not be made: not the caller's fault.
	ErrUnavailable = errors.New("authentication not available")
)
