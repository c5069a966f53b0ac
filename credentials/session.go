package credentials

import (
	"time"

	"countersign/signing"
)

// Session is a set of keys and what is known about them.
type Session struct {
	// Credentials are the keys to sign with.
	Credentials signing.Credentials
	// Expires is the end of the session by AWS's clock. Zero: it has no end.
	Expires time.Time
	// Region is the profile's default region, for signatures whose URL names none. May be empty.
	Region string
	// Skew is what to add to our own clock to get AWS's, measured from STS's responses. Zero below 30 seconds.
	Skew time.Duration

	// Profile is the profile's name; empty for request credentials.
	Profile string
	// RoleARN, SessionName and SourceIdentity are what was requested from STS, for the audit record.
	RoleARN, SessionName, SourceIdentity string
	// IdentityID is the id of the Cognito identity that the session belongs to, if any.
	IdentityID string
	// AsCaller: the session was made with the caller's own token, and Expires is no later than the token's end,
	// although AWS would accept the session for longer.
	AsCaller bool
	// STSEndpoint is the host of the STS that issued the session; empty for keys from other sources. A session from the
	// global endpoint is not valid in every region.
	STSEndpoint string
	// RequestID is STS's request id of the call that issued the session, for finding it in CloudTrail.
	RequestID string
}

// Identity is AWS's response to GetCallerIdentity.
type Identity struct {
	Account, ARN, UserID string
}

// Event is something that happened to a profile's session. It contains no secret.
type Event struct {
	// Kind is one of the Event… constants.
	Kind string
	// Profile is the profile's name; empty for request credentials.
	Profile string
	// Code is AWS's error code or the failure's class; empty on success.
	Code string
	// RequestID is STS's request id of the call, if it responded.
	RequestID string
	// Err is the classified error; nil on success.
	Err error
	// Detail and Hint are those of [Error]; empty on success.
	Detail, Hint string
	// Took is how long the call lasted.
	Took time.Duration
	// Expires is the end of the session that is now cached, if any.
	Expires time.Time
	// Skew is how far AWS's clock is ahead of ours, for EventSkew.
	Skew time.Duration
}

// The kinds of an [Event].
const (
	EventFetched = "fetched" // a session was issued
	EventFailed  = "failed"  // a fetch failed; there is no valid session
	EventStale   = "stale"   // a fetch failed; the valid old session stays in use
	EventRevoked = "revoked" // STS refused; the old session was discarded
	// EventCertificate: a profile's certificate ends soon, or a new one cannot be used and the old one still is.
	EventCertificate = "certificate"
	EventSkew        = "skew" // our clock and AWS's differ by more than a minute
)

// Diagnosis is the result of [Store.Explain].
type Diagnosis struct {
	Profile string
	// Steps are in the order in which they were tried; it stops at the first one that is not OK.
	Steps []Step
	// TrustPolicy is the IAM trust policy to paste, for web-identity sources; else empty.
	TrustPolicy string
}

// OK reports whether every step succeeded.
func (d Diagnosis) OK() bool {
	for _, s := range d.Steps {
		if !s.OK {
			return false
		}
	}
	return len(d.Steps) > 0
}

// Step is one thing tried by [Store.Explain].
type Step struct {
	Name   string
	OK     bool
	Detail string
	// Hint says what to do; empty when OK.
	Hint string
}
