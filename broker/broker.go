// Package broker signs one request for one caller: it parses the request, resolves the scope, authorizes, gets the
// session, signs, and writes the audit record. All operations go through one function, which writes exactly one record
// and never returns a signature without it. [Broker.Send] also has the request sent: it writes that record before each
// attempt, and one record of the outcome.
//
// It serves no HTTP and knows no documents: an [Input] holds the parts of a request, and errors name parts, not fields.
// It does not read the responses that package sending receives, except to remove the session token
// ([Sent.RedactRefusal]). Users of the package must provide a clock, a signer, policies, a source of sessions and an
// audit log, and must have authenticated the caller in a [Call]. [Problem] turns errors into problems. A Broker is safe
// for concurrent use.
package broker

import (
	"context"
	"time"

	"countersign/access"
	"countersign/credentials"
	"countersign/endpoints"
	"countersign/sending"
	"countersign/signing"
)

// Sessions provides credentials.
type Sessions interface {
	Session(context.Context, credentials.SessionRequest) (credentials.Session, error)
	SessionFromRequest(context.Context, credentials.RequestCredentials) (credentials.Session, error)
	Identity(context.Context, credentials.SessionRequest) (credentials.Identity, error)
	Profiles() []credentials.Profile
	// Drop forgets a session that AWS refused as expired, and reports whether another one is available.
	Drop(credentials.Session) bool
}

var _ Sessions = (*credentials.Store)(nil)

// Audit writes audit records. After an error the record may be missing, and nothing may be returned to the caller.
type Audit interface {
	Write(context.Context, access.Record) error
	// NextID returns the id of a record that other records will refer to.
	NextID() string
}

// Options is what a broker needs, and what the operator allows.
type Options struct {
	Signer   *signing.Signer
	Sessions Sessions
	// Now is the clock, usually time.Now.
	Now func() time.Time
	// DefaultProfile is for requests that name no profile.
	DefaultProfile string
	// Hosts are the operator's host patterns, by profile.
	Hosts map[string]*endpoints.Hosts
	// UpstreamHeaders are the operator's headers that are added to sent requests, by profile.
	UpstreamHeaders map[string][]UpstreamHeader
	// Policy decides what callers may have signed.
	Policy *access.Policy
	// Audit writes the record of every decision.
	Audit Audit
	// HTTPHosts may be called over http: hosts with their port, in lower case. All others need https.
	HTTPHosts []string
	// LoopbackHTTP allows http for every loopback address, for the sandbox.
	LoopbackHTTP bool
	// AllowSigningTime and AllowCredentials let requests carry a signing time and credentials.
	AllowSigningTime bool
	AllowCredentials bool
	// Sender sends requests. Nil means that the operator does not allow sending.
	Sender *sending.Client
}

// Broker performs the operations.
type Broker struct{ Options }

// New returns a broker with the options.
func New(o Options) *Broker { return &Broker{o} }

// Call identifies the caller, and holds what else is recorded about the request that made the call.
type Call struct {
	RequestID string
	Caller    access.Caller
	ClientIP  string
	Workflow  access.Workflow // the workflow run ids in the request
	Trace     access.Trace

	// Profile, Service and Region are the ones that were decided on. The broker sets them, for the log.
	Profile, Service, Region string
	// SessionWait is how long the request waited for its session. The broker adds to it, for the log.
	SessionWait time.Duration
}

// signature is what is recorded about a signature.
type signature struct {
	value          string // recorded as a hash; empty if no signature was returned
	signedHeaders  string
	presignSeconds int64  // for a presigned URL; 0 otherwise
	date           string // in the form of X-Amz-Date, if already known
}

// perform authorizes an operation, gets the session, signs, and writes the one record of it: denied, failed or signed.
// It returns the result of sign only after the record is written.
func perform[T any](ctx context.Context, b *Broker, call *Call, op *operation, sign func() (T, signature, error)) (T, error) {
	record, err := b.authorize(call, op)
	return carryOut(ctx, b, call, op, record, err, sign)
}

// carryOut is [perform] after the decision: err is nil if the request is allowed.
func carryOut[T any](
	ctx context.Context, b *Broker, call *Call, op *operation, record access.Record, err error, sign func() (T, signature, error),
) (T, error) {
	var made, nothing T
	if err == nil {
		var given signature
		if err = b.getSession(ctx, call, op); err == nil {
			made, given, err = sign()
		}
		err = op.problem(err)
		op.recordSession(&record)
		if err != nil {
			record.Notes = append(record.Notes, "nothing was signed: "+Problem(err).Code)
		} else {
			op.recordSignature(&record, given)
		}
	}
	if failed := b.Audit.Write(ctx, record); failed != nil {
		return nothing, failed
	}
	if err != nil {
		return nothing, err
	}
	return made, nil
}

func (op *operation) recordSession(record *access.Record) {
	s := &op.session
	record.AccessKeyID, record.RoleARN, record.SessionName = s.Credentials.AccessKeyID, s.RoleARN, s.SessionName
	record.SourceIdentity, record.STSRequestID, record.IdentityID = s.SourceIdentity, s.RequestID, s.IdentityID
	if !s.Expires.IsZero() {
		record.SessionExpires = &s.Expires
	}
}

func (op *operation) recordSignature(record *access.Record, s signature) {
	if s.value != "" {
		record.SetSignature(s.value)
	}
	record.Algorithm = string(op.request.Algorithm)
	record.SignedHeaders, record.PayloadSHA256 = s.signedHeaders, op.request.PayloadHash
	if record.AmzDate = s.date; s.date == "" {
		record.AmzDate = op.request.Time.Format(signing.TimeFormat)
	}
	if s.presignSeconds > 0 {
		record.PresignSeconds = s.presignSeconds
	}
}
