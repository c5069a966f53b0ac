// Package broker signs one request for one caller: it parses it, resolves the scope, authorizes, gets the session, signs,
// and writes the audit record. All operations go through one function, which writes exactly one record and hands out
// nothing that was signed without it. [Broker.Send] also has the request sent: it writes that record before each attempt,
// and one of the outcome.
//
// It serves no HTTP and knows no documents: an [Input] holds the parts of a request, and errors name parts, not fields. Of
// the response that package sending gets it reads nothing, unless it is asked to take the session token out
// ([Sent.RedactRefusal]). The caller must provide a clock, a signer, policies, a source of sessions and an audit trail, and
// must have authenticated whom a [Call] names. Errors are those of [Problem]. A Broker is safe for concurrent use.
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

// Sessions is where credentials come from.
type Sessions interface {
	Session(context.Context, credentials.SessionRequest) (credentials.Session, error)
	SessionFromRequest(context.Context, credentials.RequestCredentials) (credentials.Session, error)
	Identity(context.Context, credentials.SessionRequest) (credentials.Identity, error)
	Profiles() []credentials.Profile
	// Drop forgets a session that AWS refused as expired, and says whether another one is available.
	Drop(credentials.Session) bool
}

var _ Sessions = (*credentials.Store)(nil)

// Audit takes the records. An error means that the record may not be there, and that nothing may be handed out.
type Audit interface {
	Write(context.Context, access.Record) error
	// NextID is the id of a record that others will name.
	NextID() string
}

// Options is what a broker needs and what the operator allows.
type Options struct {
	Signer   *signing.Signer
	Sessions Sessions
	// Now is the clock, usually time.Now.
	Now func() time.Time
	// DefaultProfile is the profile of requests that name none.
	DefaultProfile string
	// Hosts are the operator's host patterns, by profile.
	Hosts map[string]*endpoints.Hosts
	// UpstreamHeaders are headers of the operator's that requests are sent with, by profile.
	UpstreamHeaders map[string][]UpstreamHeader
	// Policy decides what a caller may have signed.
	Policy *access.Policy
	// Audit keeps the record of every decision.
	Audit Audit
	// HTTPHosts may be called by http; entries are hosts with their port, in lower case. All others need https.
	HTTPHosts []string
	// LoopbackHTTP lets every loopback address be called by http: the sandbox.
	LoopbackHTTP bool
	// AllowSigningTime and AllowCredentials let requests carry a signing time and credentials.
	AllowSigningTime bool
	AllowCredentials bool
	// Sender sends requests. Nil: the operator does not allow it.
	Sender *sending.Client
}

// Broker does the operations.
type Broker struct{ Options }

// New returns a broker.
func New(o Options) *Broker { return &Broker{o} }

// Call says who calls, and what else is recorded of the request that the call came in.
type Call struct {
	RequestID string
	Caller    access.Caller
	ClientIP  string
	Workflow  access.Workflow // the ids of the workflow run that the request names
	Trace     access.Trace

	// Profile, Service and Region are those that were decided on; the broker sets them, for the log.
	Profile, Service, Region string
	// SessionWait is how long the request waited for its session; the broker adds to it, for the log.
	SessionWait time.Duration
}

// signature is what an operation signed, as far as it is recorded.
type signature struct {
	value          string // of which a hash is recorded; empty where none was given out
	signedHeaders  string
	presignSeconds int64  // of a presigned URL; 0 for all others
	date           string // where it is known as text already
}

// perform has an operation decided, gets the session, signs, and writes the one record of it: denied, failed or signed.
// It returns what sign made only when the record is written.
func perform[T any](ctx context.Context, b *Broker, call *Call, op *operation, sign func() (T, signature, error)) (T, error) {
	record, err := b.authorize(call, op)
	return carryOut(ctx, b, call, op, record, err, sign)
}

// carryOut is [perform] after the decision: err is nil where that allows the request.
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
