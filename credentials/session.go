package credentials

import (
	"time"

	"countersign/signing"
)

// Session is a set of keys and what is known about them.
type Session struct {
	// Credentials sign.
	Credentials signing.Credentials
	// Expires is the end of the session by AWS's clock. Zero: it has none.
	Expires time.Time
	// Region is the profile's default region, for signatures whose URL names none. May be empty.
	Region string
	// Skew is what to add to the own clock to get AWS's, learnt from STS. Zero below 30 seconds.
	Skew time.Duration

	// Profile is the profile's name; empty for request credentials.
	Profile string
	// RoleARN, SessionName and SourceIdentity are what STS was asked for, for the audit record.
	RoleARN, SessionName, SourceIdentity string
	// IdentityID is that of the Cognito identity that the session is of; else empty.
	IdentityID string
	// AsCaller: the session comes of the caller's own token, and Expires is no later than the token's end, although AWS would
	// take the session for longer.
	AsCaller bool
	// STSEndpoint is the host of the STS that issued the session; empty for keys that came otherwise. A session of the
	// global endpoint does not hold everywhere.
	STSEndpoint string
	// RequestID is STS's id of the call that issued the session, to be found in CloudTrail.
	RequestID string
}

// Identity is AWS's response to GetCallerIdentity.
type Identity struct {
	Account, ARN, UserID string
}

// Event is one thing that happened to a profile's session. It holds no secret.
type Event struct {
	// Kind is one of the Event… constants.
	Kind string
	// Profile is the profile's name; empty for request credentials.
	Profile string
	// Code is AWS's error code or the failure's class; empty on success.
	Code string
	// RequestID is STS's id of the call, when it answered.
	RequestID string
	// Err is the classified error; nil on success.
	Err error
	// Detail and Hint are those of [Error]; empty on success.
	Detail, Hint string
	// Took is how long the call lasted.
	Took time.Duration
	// Expires is the end of the session that is now held, if any.
	Expires time.Time
	// Skew is how far AWS's clock is ahead of ours, when that is the news.
	Skew time.Duration
}

// What an [Event] can tell.
const (
	EventFetched = "fetched" // a session was issued
	EventFailed  = "failed"  // a fetch failed; nothing valid is held
	EventStale   = "stale"   // a fetch failed; the valid old session stays in use
	EventRevoked = "revoked" // STS refused; the old session was dropped
	// EventCertificate: the certificate of a profile ends soon, or a new one cannot be used and the old one still is.
	EventCertificate = "certificate"
	EventSkew        = "skew" // our clock and AWS's differ by more than a minute
)

// Diagnosis is what [Store.Explain] found.
type Diagnosis struct {
	Profile string
	// Steps are in the order tried; the first that is not OK is the last.
	Steps []Step
	// TrustPolicy is the IAM trust policy to paste, for web-identity sources; else empty.
	TrustPolicy string
}

// OK reports whether every step was.
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
