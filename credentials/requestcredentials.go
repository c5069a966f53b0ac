package credentials

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"countersign/endpoints"
	"countersign/signing"
)

// RequestCredentials is what a request that brings its own keys says.
type RequestCredentials struct {
	// AccessKeyID and SecretAccessKey are required, SessionToken is not.
	AccessKeyID, SecretAccessKey, SessionToken string
	// RoleARN, or AccountID and RoleName, name a role to assume with the keys. All empty: the keys themselves sign.
	RoleARN, AccountID, RoleName string
	// ExternalID, SessionName and Duration shape the assumed session; only with a role.
	ExternalID, SessionName string
	Duration                time.Duration
	// Region is where STS is called. Empty: Options.Region.
	Region string
	// Caller is as in [SessionRequest].
	Caller string
	// MinValidity is as in [SessionRequest].
	MinValidity time.Duration
}

// SessionFromRequest returns a session made from keys in the request: without an
// expiry for bare keys, through AssumeRole when a role is named. Faults of the
// input are *[InputError]; other errors are those of [Store.Session].
func (s *Store) SessionFromRequest(ctx context.Context, g RequestCredentials) (Session, error) {
	return s.requestSessions.session(ctx, g)
}

// requestSessions makes sessions from keys that come with a request. What it keeps is in
// memory, under a hash that is keyed with a secret of this process, and for
// minutes.
type requestSessions struct {
	store *Store
	clock *clock
}

func newRequestSessions(s *Store) *requestSessions {
	return &requestSessions{store: s, clock: s.clock(s.options.STSEndpoint)}
}

func (g *requestSessions) session(ctx context.Context, in RequestCredentials) (Session, error) {
	c := trimmed(in.keys())
	if in.Region == "" {
		in.Region = g.region()
	}
	if err := checkRequestCredentials(in, c); err != nil {
		return Session{}, err
	}
	if in.hasRole() {
		return g.store.cache.get(ctx, g.cacheRequest(in, c))
	}
	r := g.clock.read()
	if r.refused() {
		return Session{}, fail(ErrClockSkew, "")
	}
	return Session{Credentials: c, Skew: r.skew}, nil
}

func (g *requestSessions) region() string {
	if r := g.store.options.Region; r != "" {
		return r
	}
	return "us-east-1"
}

// Format prints the credentials without the keys, whatever the verb.
func (in RequestCredentials) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, in.summary()) }

// MarshalJSON redacts, like Format.
func (in RequestCredentials) MarshalJSON() ([]byte, error) { return json.Marshal(in.summary()) }

func (in RequestCredentials) summary() string {
	return fmt.Sprintf("request credentials of %q for role %q", in.Caller, in.RoleARN+in.AccountID+in.RoleName)
}

func (in RequestCredentials) keys() signing.Credentials {
	return signing.NewCredentials(in.AccessKeyID, in.SecretAccessKey, in.SessionToken)
}

func (in RequestCredentials) hasRole() bool {
	return in.RoleARN != "" || in.AccountID != "" || in.RoleName != ""
}

// requestRole is the issuer of one request's session.
type requestRole struct {
	sessions *requestSessions
	in       RequestCredentials
	keys     signing.Credentials
}

func (g *requestSessions) cacheRequest(in RequestCredentials, keys signing.Credentials) cacheRequest {
	shape := shapeOf(g.store.secret,
		"request", keys.AccessKeyID, keys.SecretAccessKey(), keys.SessionToken(), in.RoleARN, in.AccountID, in.RoleName,
		in.ExternalID, in.SessionName, in.Duration.String(), in.Region, in.Caller, g.store.options.STSEndpoint)
	return cacheRequest{
		key:     key{shape: shape},
		request: SessionRequest{Caller: in.Caller, MinValidity: in.MinValidity},
		issuer:  requestRole{g, in, keys}, clock: g.clock, owned: true, quotaOwner: in.Caller, noRefresh: true,
	}
}

// shapeOf is a hash of the parts that tells nothing of them without the secret.
func shapeOf(secret []byte, parts ...string) [sha256.Size]byte {
	mac := hmac.New(sha256.New, secret)
	for _, part := range parts {
		// Each part with its length, so that no two lists of parts look alike.
		_ = binary.Write(mac, binary.BigEndian, uint64(len(part)))
		_, _ = io.WriteString(mac, part)
	}
	return [sha256.Size]byte(mac.Sum(nil))
}

func (r requestRole) issue(ctx context.Context, a SessionRequest) (Session, error) {
	in := r.in
	role := newRole(&AssumeRole{
		RoleARN: in.RoleARN, AccountID: in.AccountID, RoleName: in.RoleName,
		ExternalID: in.ExternalID, SessionName: in.SessionName, Duration: in.Duration,
	}, in.Region)
	if in.SessionName == "" {
		role.name = "countersign-{caller}"
	}
	return role.assume(ctx, r.sessions.client(in.Region), r.keys, role.names("", a))
}

// client is one for the region. None is kept: whatever has the form of a
// region's name is one, so a caller could have any number made.
func (g *requestSessions) client(region string) *stsClient {
	o := &g.store.options
	p := &Profile{Region: region, STSEndpoint: o.STSEndpoint, FIPS: o.fips, DualStack: o.dualStack}
	return newSTS(p, newClient(g.store.base, g.clock), g.clock, g.store.options.Called, nil)
}

// InputPart is a part of [RequestCredentials].
type InputPart string

// The parts of [RequestCredentials].
const (
	InputAccessKeyID     InputPart = "access key id"
	InputSecretAccessKey InputPart = "secret access key"
	InputSessionToken    InputPart = "session token"
	InputRoleARN         InputPart = "role ARN"
	InputAccountID       InputPart = "account id"
	InputRoleName        InputPart = "role name"
	InputExternalID      InputPart = "external id"
	InputSessionName     InputPart = "session name"
	InputDuration        InputPart = "duration"
	InputRegion          InputPart = "region"
)

// InputError reports what is wrong with keys that came in a request. It holds none of them.
type InputError struct {
	Part   InputPart
	Reason string // completes "Part …"
}

// Error implements error.
func (e *InputError) Error() string { return string(e.Part) + " " + e.Reason }

// checkRequestCredentials returns the first fault.
func checkRequestCredentials(in RequestCredentials, c signing.Credentials) error {
	bad := func(part InputPart, reason string) error { return &InputError{part, reason} }
	switch {
	case !plain(c.AccessKeyID):
		return bad(InputAccessKeyID, "is required, without blanks or line breaks")
	case !plain(c.SecretAccessKey()):
		return bad(InputSecretAccessKey, "is required, without blanks or line breaks")
	case c.SessionToken() != "" && !plain(c.SessionToken()):
		return bad(InputSessionToken, "holds a blank or a line break")
	case strings.HasPrefix(c.AccessKeyID, "ASIA") && c.SessionToken() == "":
		return bad(InputSessionToken, "is required: a key id that begins with ASIA is temporary")
	case !in.hasRole() && (in.ExternalID != "" || in.SessionName != "" || in.Duration != 0):
		return bad(InputRoleARN, "is required with externalId, sessionName or durationSeconds")
	case !in.hasRole():
		return nil
	case endpoints.PartitionOf(in.Region) == "":
		return bad(InputRegion, "is no AWS region")
	case in.RoleARN != "" && (in.AccountID != "" || in.RoleName != ""):
		return bad(InputRoleARN, "or accountId and roleName, not both")
	case in.RoleARN != "" && !isRoleARN(in.RoleARN):
		return bad(InputRoleARN, "must look like arn:aws:iam::123456789012:role/name")
	case in.RoleARN == "" && !ValidAccount(in.AccountID):
		return bad(InputAccountID, "must be 12 digits")
	case in.RoleARN == "" && !validRoleName(in.RoleName):
		return bad(InputRoleName, "must be 1 to 64 of letters, digits and _+=,.@-")
	case in.ExternalID != "" && !validExternalID(in.ExternalID):
		return bad(InputExternalID, "must be 2 to 1224 of letters, digits and _+=,.@:/-")
	case in.SessionName != "" && (legalName(in.SessionName) != in.SessionName):
		return bad(InputSessionName, "must be 2 to 64 of letters, digits and _+=,.@-")
	case in.Duration != 0 && (in.Duration < shortestSession || in.Duration > longestSession || in.Duration%time.Second != 0):
		return bad(InputDuration, "must be 900 to 43200")
	}
	return nil
}

func isRoleARN(s string) bool { _, _, ok := parseRoleARN(s); return ok }
