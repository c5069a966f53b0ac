// Package sandbox emulates a small part of AWS: a Security Token Service that
// issues sessions, and a gateway that takes only requests which are signed as
// AWS wants them. With it, a request can be signed, sent, answered and tested
// without an AWS account.
//
// # What it does
//
// The STS speaks the AWS Query protocol (AssumeRole, AssumeRoleWithWebIdentity,
// GetSessionToken, GetCallerIdentity), verifies the signature or the token of each
// call, checks parameters against AWS's limits, and answers and refuses in AWS's
// XML. At the same address IAM Roles Anywhere issues sessions (CreateSession) to who
// holds a certificate of [Options.TrustAnchor], an identity pool of Amazon Cognito to
// who holds a token, and to guests (GetId, GetCredentialsForIdentity), and an issuer
// of OpenID Connect serves the key of those tokens ([Sandbox.Token]). The gateway
// verifies Signature Version 4 in its header form, whoever made the signature,
// and answers in the manner of API Gateway: what it saw, or the refusal with
// the status, the error type and the words that AWS uses. The checks follow
// AWS's order as far as it can be seen from outside, so that of several faults
// the same one is told.
//
// # What it does not do
//
// It has no policies: a known caller may do everything, and a role may be
// assumed by everyone who brings its external id. It checks no query-string
// signatures (presigned URLs), no chunked uploads and no Signature Version 4a.
// It never looks at how the service's own session code works; it shares with
// the signer only the stages of the algorithm, and puts them together by itself
// from what came over the wire.
//
// # What the caller must do
//
// Give a clock, always; and serve on a loopback address. Its keys are printed here
// for everyone to read, so nothing of value may stand behind it.
//
// # What it promises
//
// A [Sandbox] is safe for concurrent use and holds no state that grows: session
// tokens are sealed and carry their own expiry, secrets are derived from the key
// id. The same [Options.Rand] gives the same keys in the same order.
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

// The user and the roles that exist when [Options] names no others.
const (
	UserARN         = "arn:aws:iam::123456789012:user/sandbox"
	AccessKeyID     = "AKIASANDBOXEXAMPLEID"
	SecretAccessKey = "sandbox/EXAMPLEKEY/good/only/on/loopback" // opens nothing but the sandbox

	RoleARN           = "arn:aws:iam::123456789012:role/sandbox-caller"
	PartnerRoleARN    = "arn:aws:iam::210987654321:role/partners/orders" // asks for PartnerExternalID
	PartnerExternalID = "sandbox-external-id"
	UserRoleARN       = "arn:aws:iam::123456789012:role/sandbox-user" // for who has a token
)

// Options configure a [Sandbox]. All but Now may be left zero.
type Options struct {
	// Now is the clock of both servers: of expiries, of the tolerance for
	// signatures and of the Date header. Required.
	Now func() time.Time
	// Rand is read once, 32 bytes, in New; session keys, tokens and request ids
	// follow from it. Default: crypto/rand.
	Rand io.Reader
	// Region is the region of both servers. Default: us-east-1.
	Region string
	// Service is the signing name of the gateway. Default: execute-api.
	Service string
	// Users are those with long-term keys. Default: UserARN with its key.
	Users []User
	// Roles are those that can be assumed. Default: RoleARN, PartnerRoleARN and UserRoleARN.
	Roles []Role
	// TrustAnchor are the certificates of CAs that IAM Roles Anywhere trusts; without any it takes nobody in.
	TrustAnchor []*x509.Certificate
	// Fault is asked for each call to the STS before the STS looks at it; a
	// handler that it returns answers in the STS's place: with a refusal by
	// [Refuse], with garbage, late, or not at all (http.ErrAbortHandler).
	Fault func(*http.Request) http.Handler
	// Observe is told of each response, after it was written; concurrently, when
	// requests are concurrent.
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
	ExternalID string // when set, AssumeRole must bring it
	// WebIdentity: the role is for who has a token of the issuer, and for nobody else.
	WebIdentity bool
	MaxSession  time.Duration // longest session, as in IAM one hour when zero
}

// An Exchange is one request to the sandbox and what came of it.
type Exchange struct {
	Server    string // "sts" or "gateway"
	Method    string
	Path      string
	Action    string // of the STS
	CallerARN string // once it is known
	Status    int    // 0 when Options.Fault answered
	Code      string // of a refusal
	RequestID string
}

// A Sandbox is one emulated AWS: its accounts, seen by its servers.
type Sandbox struct {
	opts  Options
	seal  sealer
	users map[string]User // by access key id
	roles map[string]Role // by ARN
	count atomic.Uint64   // of ids given out

	issuer *ecdsa.PrivateKey // signs tokens
}

// New makes a sandbox. It panics when there is no clock, when an ARN is
// malformed or when Rand fails: it is equipment, and these are faults of the
// program that sets it up.
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
		panic(fmt.Sprintf("sandbox: %q is no ARN of a %s…", raw, kind))
	}
}

// nextID is 32 bytes that no other call of this sandbox gets.
func (s *Sandbox) nextID(purpose string) []byte {
	return s.seal.mac(purpose, binary.BigEndian.AppendUint64(nil, s.count.Add(1)))
}

// requestID has the form of AWS's own, a random UUID (RFC 9562, section 5.4).
func (s *Sandbox) requestID() string {
	b := s.nextID("request id")
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// observe reports an exchange to whoever asked to be told.
func (s *Sandbox) observe(e Exchange) {
	if s.opts.Observe != nil {
		s.opts.Observe(e)
	}
}
