package credentials

import (
	"errors"
	"fmt"
	"time"
)

// Why there is no session.
var (
	// ErrUnknownProfile: no profile of that name, or none named and no default.
	ErrUnknownProfile = errors.New("unknown profile")
	// ErrDenied: STS or Cognito refuses this session to this source.
	ErrDenied = errors.New("session denied")
	// ErrConfiguration: the profile (or the request's credentials) cannot work as it is: bad keys, bad policy, wrong audience.
	ErrConfiguration = errors.New("session cannot be obtained as configured")
	// ErrClockSkew: our clock differs from AWS's by more than 15 minutes.
	ErrClockSkew = errors.New("clock differs too much from AWS's")
	// ErrUnavailable: the source or STS cannot be reached or answers nonsense; worth another try.
	ErrUnavailable = errors.New("session source unavailable")
	// ErrTooShort: even a fresh session ends before MinValidity.
	ErrTooShort = errors.New("session cannot last as long as asked")

	// ErrLoginRequired: the profile signs as the caller, who brought no token of its own.
	ErrLoginRequired = errors.New("profile needs the caller's own token")
	// ErrLoginIssuer: it takes no tokens of the caller's issuer.
	ErrLoginIssuer = errors.New("profile takes no tokens of the issuer")
	// ErrLoginAudience: the caller's token has no audience, so AWS takes it nowhere.
	ErrLoginAudience = errors.New("token has no audience")
	// ErrLoginExpired: the caller's token ends within 30 seconds, or has ended.
	ErrLoginExpired = errors.New("token ends too soon to sign with")
)

// Error is the classified reason why there is no session.
// Its text holds a class and a code, nothing that a server wrote.
type Error struct {
	// Kind is one of the Err… values; errors.Is finds it.
	Kind error
	// Code is AWS's error code where it is a known one, else the failure's class ("timeout", "connection", "malformed answer").
	Code string
	// RetryAfter is when another try makes sense. Zero: not by itself.
	RetryAfter time.Duration
	// RequestID is STS's id of the failed call; for the log.
	RequestID string
	// Detail is what the server or the network said, secrets taken out: hosts, addresses, roles, principals. Hint says what
	// to look at. Both are for the log, never for a caller.
	Detail, Hint string

	class class
	local bool // Detail is about this machine, and no server's words are in it
}

func (e *Error) Error() string {
	if e.Code == "" {
		return e.Kind.Error()
	}
	return fmt.Sprintf("%v: %s", e.Kind, e.Code)
}

// Unwrap returns Kind.
func (e *Error) Unwrap() error { return e.Kind }

// ConfigError is one setting of one profile that cannot be used.
type ConfigError struct {
	// Profile is the profile's name; empty for a fault of [Options] itself.
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
