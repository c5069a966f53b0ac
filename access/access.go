// Package access decides who is calling and what they may have signed, keeps the
// record of it, and holds callers to their share.
//
// # Callers
//
// An [Authenticator] turns the credentials of a request into a [Caller]: API
// keys, tokens of Entra ID and of other issuers, and the headers of App Service authentication where
// they are switched on. It reads headers only: a credential in a URL ends in
// somebody's log.
//
// # Policies
//
// A [Policy] answers a [Question] from policies in Cedar. Their attributes come
// from a [Request], which the caller of this package fills from the one parsed
// value that it signs and sends, in wire form; decoding, and finding the AWS
// operation, is done here and once. What cannot be told for certain is absent:
// a permit that reads it does not apply, a forbid that reads it denies. The
// guardrails stand above every policy file.
//
// # Record and limits
//
// An [Auditor] writes one [Record] for each decision before its response leaves,
// in a line of at most 64 KiB, whatever the caller asked for.
// [Rate] bounds what one caller, [Limiter] what all callers together may ask for.
//
// It answers no requests, signs nothing and sends nothing
// to AWS. All that it fetches is the signing keys of issuers.
//
// The caller must provide a clock and random bytes; answer as the errors say
// ([ErrNoCredentials] and [ErrBadCredentials] are 401 with the value of
// [Authenticator.Challenge], [ErrForbidden] is 403, [ErrUnavailable] and
// [ErrAudit] are 503); and do nothing that [Auditor.Write] did not take.
//
// What it promises: no error, decision or record holds any part of a
// credential, and every exported type is safe for use by many goroutines at once.
package access

import (
	"errors"
	"fmt"

	"countersign/internal/bearer"
)

// Method tells how a caller proved who it is.
type Method string

// The ways to authenticate.
const (
	MethodAPIKey        Method = "api-key"
	MethodEntra         Method = "entra"          // a token of Microsoft Entra ID
	MethodOIDC          Method = "oidc"           // a token of an issuer of OpenID Connect
	MethodTrustedHeader Method = "trusted-header" // App Service authentication vouches for the caller
	MethodNone          Method = "none"
	MethodGuest         Method = "guest" // nothing was proved; see [Guest]
)

// Caller is who is asking. The zero value is nobody and may do nothing.
type Caller struct {
	// ID is the caller's name in policies, in the audit record and in the
	// session names that AWS shows. 1 to 64 of letters, digits, '-' and '_'; of
	// OpenID Connect, where nobody gave a name, the issuer's name, a colon and the subject.
	ID string
	// Method tells how the caller proved it.
	Method Method
	// Roles are the app roles of an Entra ID token, in the token's order; of other
	// issuers with the issuer's name and a colon before them.
	Roles []string
	// Application and Object are the ids of the calling application and of its
	// service principal, or of the person, in Entra ID. With an Issuer, Object is
	// the subject.
	Application, Object string
	// Issuer is the name of the issuer of OpenID Connect that the caller is known by.
	Issuer string
	// Profiles are those that the caller is limited to, whatever policies say. Nil: it is not.
	Profiles []string
	// Login is the token that proved it, for profiles that sign as the caller. Nil: it was no token of Entra ID or of an issuer.
	Login *bearer.Token
}

// The kinds of refusal, for errors.Is. The text that an error adds is for the
// log: it names what was wrong and holds nothing of what was presented.
var (
	ErrNoCredentials  = errors.New("no credentials presented")
	ErrBadCredentials = errors.New("credentials not accepted")
	// ErrTwoKeys is for a request that brings two keys which differ: 400.
	ErrTwoKeys = errors.New("two different keys presented")
	// ErrForbidden is for a caller who is known and has no business here.
	ErrForbidden = errors.New("caller not allowed")
	// ErrTokenTime, ErrTokenAudience, ErrPerson and ErrNoRole are the refusals of tokens that callers can correct. They are
	// kinds of ErrBadCredentials, or of ErrForbidden.
	ErrTokenTime     = fmt.Errorf("%w: token is not valid at this time", ErrBadCredentials)
	ErrTokenAudience = fmt.Errorf("%w: token is for another audience", ErrBadCredentials)
	ErrPerson        = fmt.Errorf("%w: a person, and only applications may call", ErrForbidden)
	ErrNoRole        = fmt.Errorf("%w: none of the roles", ErrForbidden)
	// ErrUnavailable is for a check that could not be made: not the caller's fault.
	ErrUnavailable = errors.New("authentication not available")
)
