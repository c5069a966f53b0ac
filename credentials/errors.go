package credentials

import (
	"errors"
	"fmt"
	"time"
)

// Why there is no session.
var (
	// ErrUnknownProfile: there is no profile with that name, or the request names none and there is no default.
	ErrUnknownProfile = errors.New("unknown profile")
	// ErrDenied: STS or Cognito refuses this session to the keys or the token of the source.
	ErrDenied = errors.New("session denied")
	// ErrConfiguration: the profile (or the request's credentials) cannot work as configured: bad keys, bad policy,
	// wrong audience.
	ErrConfiguration = errors.New("session cannot be obtained as configured")
	// ErrClockSkew: our clock differs from AWS's by more than 15 minutes.
	ErrClockSkew = errors.New("clock differs too much from AWS's")
	// ErrUnavailable: the source or STS cannot be reached or its response makes no sense; a retry may succeed.
	ErrUnavailable = errors.New("session source unavailable")
	// ErrTooShort: even a fresh session ends before MinValidity.
	ErrTooShort = errors.New("session cannot last as long as asked")

	// ErrLoginRequired: the profile signs as the caller, and the caller has no token of its own.
	ErrLoginRequired = errors.New("profile needs the caller's own token")
	// ErrLoginIssuer: the profile does not accept tokens from the caller's issuer.
	ErrLoginIssuer = errors.New("profile takes no tokens of the issuer")
	// ErrLoginAudience: the caller's token has no audience, so AWS does not accept it anywhere.
	ErrLoginAudience = errors.New("token has no audience")
	// ErrLoginExpired: the caller's token has expired or expires within 30 seconds.
	ErrLoginExpired = errors.New("token ends too soon to sign with")
)

// Error is the classified reason why there is no session.
// Its text contains a class and a code, and nothing that a server wrote.
type Error struct {
	// Kind is one of the Err… values; errors.Is finds it.
	Kind error
	// Code is AWS's error code if it is a known one, otherwise the failure's class ("timeout", "connection", "malformed
	// answer").
	Code string
	// RetryAfter is the delay before a retry makes sense. Zero: retrying alone does not help.
	RetryAfter time.Duration
	// RequestID is STS's request id of the failed call, for the log.
	RequestID string
	// Detail is what the server or the network said, with secrets removed: hosts, addresses, roles, principals. Hint
	// says what to check. Both are for the log, never for a caller.
	Detail, Hint string

	class class
	local bool // Detail is about this machine and contains no text from a server
}

func (e *Error) Error() string {
	if e.Code == "" {
		return e.Kind.Error()
	}
	return fmt.Sprintf("%v: %s", e.Kind, e.Code)
}

// Unwrap returns Kind.
func (e *Error) Unwrap() error { return e.Kind }

// ConfigError reports one setting of one profile that cannot be used.
type ConfigError struct {
	// Profile is the profile's name; empty for an error in [Options] itself.
	Profile string
	// Field is the name in the YAML file, such as assume_role.external_id.
	Field string
	// Reason says what is wrong and what would be right.
	Reason string
}

func (f *ConfigError) Error() string {
	if f.Profile == "" {
		return fmt.Sprintf("%s: %s", f.Field, f.Reason)
	}
	return fmt.Sprintf("profile %q: %s: %s", f.Profile, f.Field, f.Reason)
}
