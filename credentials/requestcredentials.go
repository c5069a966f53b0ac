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

// RequestCredentials are the keys that a request brings, and how to use them.
type RequestCredentials struct {
	// AccessKeyID and SecretAccessKey are required, SessionToken is not.
	AccessKeyID, SecretAccessKey, SessionToken string
	// RoleARN, or AccountID and RoleName, name a role to assume with the keys. All empty: the keys themselves sign.
	RoleARN, AccountID, RoleName string
	// ExternalID, SessionName and Duration apply to the assumed session, so they need a role.
	ExternalID, SessionName string
	Duration                time.Duration
	// Region is the region in which STS is called. Empty: Options.Region.
	Region string
	// Caller is as in [SessionRequest].
	Caller string
	// MinValidity is as in [SessionRequest].
	MinValidity time.Duration
}

// SessionFromRequest returns a session made with keys from the request: without an expiry for bare keys, through
// AssumeRole if a role is named. Errors in the input are *[InputError]; other errors are those of [Store.Session].
func (s *Store) SessionFromRequest(ctx context.Context, g RequestCredentials) (Session, error) {
	return s.requestSessions.session(ctx, g)
}

// requestSessions makes sessions with keys that come with a request. They are kept in memory only, for minutes, under a
// hash keyed with a secret of this process.
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

// requestRole is the issuer for one request's session.
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

// shapeOf returns a hash of the parts that reveals nothing about them without the secret.
func shapeOf(secret []byte, parts ...string) [sha256.Size]byte {
	mac := hmac.New(sha256.New, secret)
	for _, part := range parts {
		// Each part is preceded by its length, so that no two lists of parts have the same encoding.
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

// client returns a new client for the region. It is not cached: any string in the format of a region name is accepted,
// so a caller could have any number of clients created.
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

// InputError reports what is wrong with keys that came in a request. It contains none of them.
type InputError struct {
	Part   InputPart
	Reason string // completes "Part …"
}

// Error implements error.
func (e *InputError) Error() string { return string(e.Part) + " " + e.Reason }

// checkRequestCredentials returns the first error found.
func checkRequestCredentials(in RequestCredentials, c signing.Credentials) error {
	bad := func(part InputPart, reason string) error { return &InputError{part, reason} }
	switch {
	case !plain(c.AccessKeyID):
		return bad(InputAccessKeyID, "is required, without spaces or line breaks")
	case !plain(c.SecretAccessKey()):
		return bad(InputSecretAccessKey, "is required, without spaces or line breaks")
	case c.SessionToken() != "" && !plain(c.SessionToken()):
		return bad(InputSessionToken, "contains a space or a line break")
	case strings.HasPrefix(c.AccessKeyID, "ASIA") && c.SessionToken() == "":
		return bad(InputSessionToken, "is required: a key id that begins with ASIA is temporary")
	case !in.hasRole() && (in.ExternalID != "" || in.SessionName != "" || in.Duration != 0):
		return bad(InputRoleARN, "is required with externalId, sessionName or durationSeconds")
	case !in.hasRole():
		return nil
	case endpoints.PartitionOf(in.Region) == "":
		return bad(InputRegion, "is not an AWS region")
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
