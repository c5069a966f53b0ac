package credentials

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
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

// given makes sessions from keys that come with a request. What it keeps is in
// memory, under a hash that is keyed with a secret of this process, and for
// minutes.
type given struct {
	store *Store
	clock *clock
	hash  []byte
}

func newGiven(s *Store) *given {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails, crypto/rand
	return &given{store: s, clock: s.clock(s.options.STSEndpoint), hash: key}
}

func (g *given) session(ctx context.Context, in Given) (Session, error) {
	c := trimmed(in.keys())
	if in.Region == "" {
		in.Region = g.region()
	}
	if err := checkGiven(in, c); err != nil {
		return Session{}, err
	}
	if in.hasRole() {
		return g.store.cache.get(ctx, g.wish(in, c))
	}
	r := g.clock.read()
	if r.refused() {
		return Session{}, fail(ErrClockSkew, "")
	}
	return Session{Credentials: c, Skew: r.skew}, nil
}

func (g *given) region() string {
	if r := g.store.options.Region; r != "" {
		return r
	}
	return "us-east-1"
}

// Format prints what was given without the keys, whatever the verb.
func (in Given) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, in.summary()) }

// MarshalJSON is as mute as Format.
func (in Given) MarshalJSON() ([]byte, error) { return json.Marshal(in.summary()) }

func (in Given) summary() string {
	return fmt.Sprintf("request credentials of %q for role %q", in.Caller, in.RoleARN+in.AccountID+in.RoleName)
}

func (in Given) keys() signing.Credentials {
	return signing.NewCredentials(in.AccessKeyID, in.SecretAccessKey, in.SessionToken)
}

func (in Given) hasRole() bool { return in.RoleARN != "" || in.AccountID != "" || in.RoleName != "" }

// givenRole is the issuer of one request's session.
type givenRole struct {
	given *given
	in    Given
	keys  signing.Credentials
}

func (g *given) wish(in Given, keys signing.Credentials) wish {
	mac := hmac.New(sha256.New, g.hash)
	for _, part := range []string{
		keys.AccessKeyID, keys.SecretAccessKey(), keys.SessionToken(), in.RoleARN, in.AccountID, in.RoleName,
		in.ExternalID, in.SessionName, in.Duration.String(), in.Region, in.Caller,
	} {
		// Each part with its length, so that no two lists of parts look alike.
		_ = binary.Write(mac, binary.BigEndian, uint64(len(part)))
		_, _ = io.WriteString(mac, part)
	}
	return wish{
		key:    key{given: [sha256.Size]byte(mac.Sum(nil))},
		ask:    Ask{Caller: in.Caller, MinValidity: in.MinValidity},
		issuer: givenRole{g, in, keys}, clock: g.clock, borne: true, share: in.Caller, once: true,
	}
}

func (r givenRole) issue(ctx context.Context, a Ask) (Session, error) {
	in := r.in
	role := newRole(&AssumeRole{
		RoleARN: in.RoleARN, AccountID: in.AccountID, RoleName: in.RoleName,
		ExternalID: in.ExternalID, SessionName: in.SessionName, Duration: in.Duration,
	}, in.Region)
	if in.SessionName == "" {
		role.name = "countersign-{caller}"
	}
	return role.assume(ctx, r.given.client(in.Region), r.keys, role.names("", a))
}

// client is one for the region. None is kept: whatever has the form of a
// region's name is one, so a caller could have any number made.
func (g *given) client(region string) *stsClient {
	o := &g.store.options
	p := &Profile{Region: region, STSEndpoint: o.STSEndpoint, FIPS: o.fips, DualStack: o.dualStack}
	return newSTS(p, newClient(g.store.base, g.clock), g.clock)
}

// GivenPart is a part of [Given].
type GivenPart string

// The parts of [Given].
const (
	GivenAccessKeyID     GivenPart = "access key id"
	GivenSecretAccessKey GivenPart = "secret access key"
	GivenSessionToken    GivenPart = "session token"
	GivenRoleARN         GivenPart = "role ARN"
	GivenAccountID       GivenPart = "account id"
	GivenRoleName        GivenPart = "role name"
	GivenExternalID      GivenPart = "external id"
	GivenSessionName     GivenPart = "session name"
	GivenDuration        GivenPart = "duration"
	GivenRegion          GivenPart = "region"
)

// GivenError reports what is wrong with keys that came in a request. It holds none of them.
type GivenError struct {
	Part   GivenPart
	Reason string // completes "Part …"
}

// Error implements error.
func (e *GivenError) Error() string { return string(e.Part) + " " + e.Reason }

// checkGiven returns the first fault.
func checkGiven(in Given, c signing.Credentials) error {
	bad := func(part GivenPart, reason string) error { return &GivenError{part, reason} }
	switch {
	case !plain(c.AccessKeyID):
		return bad(GivenAccessKeyID, "is required, without blanks or line breaks")
	case !plain(c.SecretAccessKey()):
		return bad(GivenSecretAccessKey, "is required, without blanks or line breaks")
	case c.SessionToken() != "" && !plain(c.SessionToken()):
		return bad(GivenSessionToken, "holds a blank or a line break")
	case strings.HasPrefix(c.AccessKeyID, "ASIA") && c.SessionToken() == "":
		return bad(GivenSessionToken, "is required: a key id that begins with ASIA is temporary")
	case !in.hasRole() && (in.ExternalID != "" || in.SessionName != "" || in.Duration != 0):
		return bad(GivenRoleARN, "is required with externalId, sessionName or durationSeconds")
	case !in.hasRole():
		return nil
	case endpoints.PartitionOf(in.Region) == "":
		return bad(GivenRegion, "is no AWS region")
	case in.RoleARN != "" && (in.AccountID != "" || in.RoleName != ""):
		return bad(GivenRoleARN, "or accountId and roleName, not both")
	case in.RoleARN != "" && !isRoleARN(in.RoleARN):
		return bad(GivenRoleARN, "is to look like arn:aws:iam::123456789012:role/name")
	case in.RoleARN == "" && !ValidAccount(in.AccountID):
		return bad(GivenAccountID, "is to be 12 digits")
	case in.RoleARN == "" && !validRoleName(in.RoleName):
		return bad(GivenRoleName, "is to be 1 to 64 of letters, digits and _+=,.@-")
	case in.ExternalID != "" && !validExternalID(in.ExternalID):
		return bad(GivenExternalID, "is to be 2 to 1224 of letters, digits and _+=,.@:/-")
	case in.SessionName != "" && (legalName(in.SessionName) != in.SessionName):
		return bad(GivenSessionName, "is to be 2 to 64 of letters, digits and _+=,.@-")
	case in.Duration != 0 && (in.Duration < shortestSession || in.Duration > longestSession || in.Duration%time.Second != 0):
		return bad(GivenDuration, "is to be 900 to 43200")
	}
	return nil
}

func isRoleARN(s string) bool { _, _, ok := parseRoleARN(s); return ok }
