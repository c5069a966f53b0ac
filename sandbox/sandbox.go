// Package sandbox emulates a small part of AWS: a Security Token Service that issues sessions, and a gateway that
// accepts only requests signed as AWS requires. With it, a request can be signed, sent and tested without an AWS
// account.
//
// # What it does
//
// The STS speaks the AWS Query protocol (AssumeRole, AssumeRoleWithWebIdentity, GetSessionToken, GetCallerIdentity),
// verifies the signature or the token of each call, checks parameters against AWS's limits, and responds in AWS's
// XML. At the same address, IAM Roles Anywhere issues sessions (CreateSession) to holders of a certificate that
// [Options.TrustAnchor] trusts, an Amazon Cognito identity pool issues them to holders of a token and to guests
// (GetId, GetCredentialsForIdentity), and an OpenID Connect issuer serves the key of those tokens ([Sandbox.Token]).
// The gateway verifies Signature Version 4 in its header form, whatever made the signature, and responds as API
// Gateway does: with what it saw, or with a refusal that has AWS's status, error type and words. The checks follow
// AWS's order as far as it can be seen from outside, so that of several faults the same one is reported.
//
// # What it does not do
//
// It has no policies: a known caller may do everything, and a role may be assumed by everyone who has its external
// id. It checks no query-string signatures (presigned URLs), no chunked uploads and no Signature Version 4a. It is
// independent of the service's own session code; it shares with the signer only the stages of the algorithm, and
// combines them itself from the request as received.
//
// # What the caller must do
//
// Always give a clock, and serve on a loopback address. The keys are published here, so nothing of value may depend
// on them.
//
// # What it promises
//
// A [Sandbox] is safe for concurrent use and holds no state that grows: session tokens are sealed and carry their own
// expiry, and secrets are derived from the key id. The same [Options.Rand] gives the same keys in the same order.
package sandbox

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// The user and the roles that exist if [Options] names no others.
const (
	UserARN         = "arn:aws:iam::123456789012:user/sandbox"
	AccessKeyID     = "AKIASANDBOXEXAMPLEID"
	SecretAccessKey = "sandbox/EXAMPLEKEY/good/only/on/loopback" // valid only in the sandbox

	RoleARN           = "arn:aws:iam::123456789012:role/sandbox-caller"
	PartnerRoleARN    = "arn:aws:iam::210987654321:role/partners/orders" // requires PartnerExternalID
	PartnerExternalID = "sandbox-external-id"
	UserRoleARN       = "arn:aws:iam::123456789012:role/sandbox-user" // for users with a token
)

// Options configure a [Sandbox]. All but Now may be zero.
type Options struct {
	// Now is the clock of both servers, for expiry, the tolerance for signatures and the Date header. Required.
	Now func() time.Time
	// Rand is read once, in New, for 32 bytes; session keys, tokens and request ids are derived from them. Default:
	// crypto/rand.
	Rand io.Reader
	// Region is the region of both servers. Default: us-east-1.
	Region string
	// Service is the signing name of the gateway. Default: execute-api.
	Service string
	// Users are the IAM users, who have long-term keys. Default: UserARN with its key.
	Users []User
	// Roles are the roles that can be assumed. Default: RoleARN, PartnerRoleARN and UserRoleARN.
	Roles []Role
	// TrustAnchor are the CA certificates that IAM Roles Anywhere trusts; without any, it refuses everybody.
	TrustAnchor []*x509.Certificate
	// Fault is called for each call to the STS before the STS reads it. A handler that it returns responds instead of
	// the STS: with a refusal by [Refuse], with garbage, late, or not at all (http.ErrAbortHandler).
	Fault func(*http.Request) http.Handler
	// Observe is called after each response has been written, concurrently for concurrent requests.
	Observe func(Exchange)
}

// A User is an IAM user with one access key.
type User struct {
	ARN             string // arn:aws:iam::{account}:user/{name}
	AccessKeyID     string // begins with AKIA
	SecretAccessKey string
}

// A Role is an IAM role.
type Role struct {
	ARN        string // arn:aws:iam::{account}:role/{path}{name}
	ExternalID string // if set, AssumeRole must give it
	// WebIdentity reserves the role for holders of a token of the issuer.
	WebIdentity bool
	MaxSession  time.Duration // longest session; if zero, one hour as in IAM
}

// An Exchange is one request to the sandbox and its outcome.
type Exchange struct {
	Server    string // "sts" or "gateway"
	Method    string
	Path      string
	Action    string // of the STS
	CallerARN string // if known
	Status    int    // 0 if Options.Fault responded
	Code      string // of a refusal
	RequestID string
}

// A Sandbox is one emulated AWS: its accounts and servers.
type Sandbox struct {
	opts  Options
	seal  sealer
	users map[string]User // by access key id
	roles map[string]Role // by ARN
	count atomic.Uint64   // of ids issued

	issuer *ecdsa.PrivateKey // signs tokens
}

// New makes a sandbox. It panics if there is no clock, if an ARN is malformed or if Rand fails: the sandbox is test
// equipment, and these are faults of the program that sets it up.
func New(opts Options) *Sandbox {
	if opts.Now == nil {
		panic("sandbox: Options.Now is required")
	}
	if opts.Rand == nil {
		opts.Rand = rand.Reader
	}
	if opts.Region == "" {
		opts.Region = "us-east-1"
	}
	if opts.Service == "" {
		opts.Service = "execute-api"
	}
	if opts.Users == nil {
		opts.Users = []User{{UserARN, AccessKeyID, SecretAccessKey}}
	}
	if opts.Roles == nil {
		opts.Roles = []Role{{ARN: RoleARN}, {ARN: PartnerRoleARN, ExternalID: PartnerExternalID}, {ARN: UserRoleARN, WebIdentity: true}}
	}
	s := &Sandbox{opts: opts, users: map[string]User{}, roles: map[string]Role{}, issuer: newIssuerKey()}
	if _, err := io.ReadFull(opts.Rand, s.seal.key[:]); err != nil {
		panic(fmt.Sprintf("sandbox: reading Options.Rand: %v", err))
	}
	for _, u := range opts.Users {
		mustParse(u.ARN, "user/")
		s.users[u.AccessKeyID] = u
	}
	for _, r := range opts.Roles {
		mustParse(r.ARN, "role/")
		if r.MaxSession == 0 {
			r.MaxSession = time.Hour
		}
		s.roles[r.ARN] = r
	}
	return s
}

func mustParse(raw, kind string) {
	if _, ok := parseARN(raw, kind); !ok {
		panic(fmt.Sprintf("sandbox: %q is not an ARN of a %s…", raw, kind))
	}
}

// nextID returns 32 bytes that no other call to this sandbox gets.
func (s *Sandbox) nextID(purpose string) []byte {
	return s.seal.mac(purpose, binary.BigEndian.AppendUint64(nil, s.count.Add(1)))
}

// requestID has the format of AWS's own, a random UUID (RFC 9562, section 5.4).
func (s *Sandbox) requestID() string {
	b := s.nextID("request id")
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// observe reports an exchange to Options.Observe.
func (s *Sandbox) observe(e Exchange) {
	if s.opts.Observe != nil {
		s.opts.Observe(e)
	}
}
