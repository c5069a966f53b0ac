// Package access decides who is calling and what callers may have signed, writes the audit record, and enforces rate
// and concurrency limits.
//
// # Callers
//
// An [Authenticator] turns a request's credentials into a [Caller]. It accepts API keys, tokens from Entra ID and other
// issuers, and, if enabled, the headers of App Service authentication. It reads only headers, because a credential in a
// URL ends up in a log.
//
// # Policies
//
// A [Policy] decides a [Question] by Cedar policies. The attributes come from a [Request], which callers of this
// package fill, in wire form, from the one parsed value that they sign and send. Decoding it and finding the AWS
// operation happens here, once. Attributes that cannot be determined for certain are absent: a permit that reads one
// does not apply, and a forbid that reads one denies. The guardrails take precedence over every policy file.
//
// # Record and limits
//
// An [Auditor] writes one [Record] per decision before the response leaves, in a line of at most 64 KiB, whatever the
// caller asked for. A [Rate] limits each caller; a [Limiter] limits all callers together.
//
// The package serves no requests, signs nothing and sends nothing to AWS. It fetches only the signing keys of issuers.
//
// Users of the package must provide a clock and random bytes, and respond as the errors say ([ErrNoCredentials] and
// [ErrBadCredentials] are 401 with the value of [Authenticator.Challenge], [ErrForbidden] is 403, [ErrUnavailable] and
// [ErrAudit] are 503). They must not act on a decision that [Auditor.Write] failed to record.
//
// The package guarantees that no error, decision or record holds any part of a credential, and that every exported type
// is safe for concurrent use.
package access

import (
	"errors"
	"fmt"

	"countersign/internal/bearer"
)

// Method is how a caller proved its identity.
type Method string

// The authentication methods.
const (
	MethodAPIKey        Method = "api-key"
	MethodEntra         Method = "entra"          // an access token from Microsoft Entra ID
	MethodOIDC          Method = "oidc"           // a token from an OpenID Connect issuer
	MethodTrustedHeader Method = "trusted-header" // App Service authentication vouches for the caller
	MethodNone          Method = "none"
	MethodGuest         Method = "guest" // nothing was proved; see [Guest]
)

// Caller is who sent a request. The zero value is no caller and may do nothing.
type Caller struct {
	// ID is the caller's name in policies, in the audit record and in the session names that AWS shows: 1 to 64
	// letters, digits, '-' and '_'. An OpenID Connect caller without a configured name is called by the issuer's name,
	// a colon and the subject.
	ID string
	// Method is how the caller proved its identity.
	Method Method
	// Roles are the app roles of an Entra ID token, in the token's order. Roles from other issuers are prefixed with
	// the issuer's name and a colon.
	Roles []string
	// Application and Object are the Entra ID ids of the calling application and of its service principal or the user.
	// If Issuer is set, Object is the subject.
	Application, Object string
	// Issuer is the name of the OpenID Connect issuer that identifies the caller.
	Issuer string
	// Profiles limits the caller to these profiles, whatever the policies say. Nil means no limit.
	Profiles []string
	// Login is the token that the caller presented, for profiles that sign as the caller. Nil if the caller presented
	// no token from Entra ID or another issuer.
	Login *bearer.Token
}

// The kinds of refusal, for errors.Is. The text that an error adds is for the log: it says what was wrong and holds
// nothing that was presented.
var (
	ErrNoCredentials  = errors.New("no credentials presented")
	ErrBadCredentials = errors.New("credentials not accepted")
	// ErrTwoKeys is for a request with two different keys: 400.
	ErrTwoKeys = errors.New("two different keys presented")
	// ErrForbidden is for a caller who is authenticated but not admitted.
	ErrForbidden = errors.New("caller not allowed")
	// ErrTokenTime, ErrTokenAudience, ErrPerson and ErrNoRole are the token refusals that callers can correct. They
	// wrap ErrBadCredentials or ErrForbidden.
	ErrTokenTime     = fmt.Errorf("%w: token is not valid at this time", ErrBadCredentials)
	ErrTokenAudience = fmt.Errorf("%w: token is for another audience", ErrBadCredentials)
	ErrPerson        = fmt.Errorf("%w: a person, and only applications may call", ErrForbidden)
	ErrNoRole        = fmt.Errorf("%w: none of the roles", ErrForbidden)
	// ErrUnavailable is for a check that could not be made, which is not the caller's fault.
	ErrUnavailable = errors.New("authentication not available")
)
