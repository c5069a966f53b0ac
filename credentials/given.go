package credentials

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
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

	mu      sync.Mutex
	clients map[string]*stsClient // by region
}

func newGiven(s *Store) *given {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails, crypto/rand
	return &given{store: s, clock: s.clock(s.options.STSEndpoint), hash: key, clients: map[string]*stsClient{}}
}

func (g *given) session(ctx context.Context, in Given) (Session, error) {
	c := trimmed(in.keys())
	if in.Region == "" {
		in.Region = g.region()
	}
	if err := checkGiven(in, c); err != nil {
		return Session{}, err
	}
	s := Session{Credentials: c}
	if in.hasRole() {
		var err error
		if s, err = g.store.cache.get(ctx, g.wish(in, c)); err != nil {
			return Session{}, err
		}
	}
	r := g.clock.read()
	if r.refused() {
		return Session{}, fail(ErrClockSkew, "")
	}
	s.Skew = r.skew
	return s, nil
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

func (g *given) wish(in Given, c signing.Credentials) wish {
	mac := hmac.New(sha256.New, g.hash)
	mac.Write(appendPart(nil, c.AccessKeyID, c.SecretAccessKey(), c.SessionToken(), in.RoleARN, in.AccountID, in.RoleName,
		in.ExternalID, in.SessionName, strconv.FormatInt(int64(in.Duration), 10), in.Region, in.Caller))
	return wish{
		key:   string(appendPart(nil, "given", string(mac.Sum(nil)))),
		share: in.Caller,
		min:   in.MinValidity,
		once:  true,
		clock: g.clock,
		fetch: func(ctx context.Context) (Session, error) {
			r := newRole(&AssumeRole{
				RoleARN: in.RoleARN, AccountID: in.AccountID, RoleName: in.RoleName,
				ExternalID: in.ExternalID, SessionName: in.SessionName, Duration: in.Duration,
			}, in.Region)
			if in.SessionName == "" {
				r.name = "countersign-{caller}"
			}
			return r.assume(ctx, g.client(in.Region), c, r.names("", Ask{Caller: in.Caller}))
		},
	}
}

// client is the region's; regions are those that endpoints knows, so there are few.
func (g *given) client(region string) *stsClient {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := g.clients[region]
	if c == nil {
		c = newSTS(&Profile{Region: region, STSEndpoint: g.store.options.STSEndpoint}, newClient(g.store.base, g.clock), g.clock)
		g.clients[region] = c
	}
	return c
}

// checkGiven returns the first fault, named as in the contract.
func checkGiven(in Given, c signing.Credentials) error {
	bad := func(field, reason string) error {
		return &signing.InputError{Field: field, Index: -1, Reason: reason}
	}
	switch {
	case !plain(c.AccessKeyID):
		return bad("accessKeyId", "is required, without blanks or line breaks")
	case !plain(c.SecretAccessKey()):
		return bad("secretAccessKey", "is required, without blanks or line breaks")
	case c.SessionToken() != "" && !plain(c.SessionToken()):
		return bad("sessionToken", "holds a blank or a line break")
	case strings.HasPrefix(c.AccessKeyID, "ASIA") && c.SessionToken() == "":
		return bad("sessionToken", "is required: a key id that begins with ASIA is temporary")
	case !in.hasRole() && (in.ExternalID != "" || in.SessionName != "" || in.Duration != 0):
		return bad("roleArn", "is required with externalId, sessionName or durationSeconds")
	case !in.hasRole():
		return nil
	case endpoints.PartitionOf(in.Region) == "":
		return bad("region", "is no AWS region")
	case in.RoleARN != "" && (in.AccountID != "" || in.RoleName != ""):
		return bad("roleArn", "or accountId and roleName, not both")
	case in.RoleARN != "" && !isRoleARN(in.RoleARN):
		return bad("roleArn", "is to look like arn:aws:iam::123456789012:role/name")
	case in.RoleARN == "" && !validAccount(in.AccountID):
		return bad("accountId", "is to be 12 digits")
	case in.RoleARN == "" && !validRoleName(in.RoleName):
		return bad("roleName", "is to be 1 to 64 of letters, digits and _+=,.@-")
	case in.ExternalID != "" && !validExternalID(in.ExternalID):
		return bad("externalId", "is to be 2 to 1224 of letters, digits and _+=,.@:/-")
	case in.SessionName != "" && (legalName(in.SessionName) != in.SessionName):
		return bad("sessionName", "is to be 2 to 64 of letters, digits and _+=,.@-")
	case in.Duration != 0 && (in.Duration < shortestSession || in.Duration > longestSession || in.Duration%time.Second != 0):
		return bad("durationSeconds", "is to be 900 to 43200")
	}
	return nil
}

func isRoleARN(s string) bool { _, _, ok := parseRoleARN(s); return ok }
