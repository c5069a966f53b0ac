package broker

import (
	"context"
	"strings"
	"time"

	"countersign/access"
	"countersign/credentials"
	"countersign/problem"
	"countersign/signing"
)

// DefaultExpiry is the lifetime of a presigned URL or form if the caller specifies none.
const DefaultExpiry = 15 * time.Minute

// Result is a signed request to send, and how it was signed.
type Result struct {
	Method  string
	URL     string
	Headers []signing.Header
	Body    Body
	// MediaType is the body's media type.
	MediaType     string
	PayloadHash   string
	Scope         signing.Scope
	Algorithm     signing.Algorithm
	Inferred      bool // service or region was inferred from the host
	Normalized    bool // dot segments and empty segments were removed, if there were any
	DoubleEncode  bool
	Token         signing.TokenMode
	SignedHeaders []string
	SignedAt      time.Time
	ExpiresAt     time.Time
	Expires       time.Duration // of a presigned URL
	AccessKeyID   string
	Profile       string
	Warnings      []signing.Warning

	// ContentSHA256Header says that the hash is sent in its own header.
	ContentSHA256Header bool

	Authorization, Date string // for signatures in headers
	CanonicalRequest    string // of four-step signing
	Explanation         *Explanation
}

// Explanation shows the intermediate texts. The session token is removed, because explanations end up in tickets and
// logs.
type Explanation struct {
	CanonicalRequest, CanonicalRequestSHA256, CredentialScope, StringToSign, Signature string

	Scope ScopeOrigin
	// Warned has the part of the request that each warning is about; the part is empty if there is none.
	Warned []problem.Field
}

// ScopeOrigin says where service and region came from: "given", "host", or "profile" for a host pattern of the profile.
type ScopeOrigin struct{ Service, Region, Why string }

// Sign signs a request in its headers.
func (b *Broker) Sign(ctx context.Context, call *Call, in *Input) (*Result, error) {
	op, err := b.read(in, access.ActionSign)
	if err != nil {
		return nil, err
	}
	return perform(ctx, b, call, op, func() (*Result, signature, error) {
		signed, err := b.Signer.Sign(&op.request)
		if err != nil {
			return nil, signature{}, err
		}
		return op.result(signed), signature{value: signed.Signature, signedHeaders: signed.SignedHeaders, date: signed.Date}, nil
	})
}

// Presign signs a request in its URL.
func (b *Broker) Presign(ctx context.Context, call *Call, in *Input) (*Result, error) {
	op, err := b.readPresign(in)
	if err != nil {
		return nil, err
	}
	return perform(ctx, b, call, op, func() (*Result, signature, error) {
		op.capExpiry()
		if op.lastsInSTS() {
			return nil, signature{}, credentials.ErrLoginExpired
		}
		signed, err := b.Signer.Presign(&op.request)
		if err != nil {
			return nil, signature{}, err
		}
		out := op.result(signed)
		out.ExpiresAt = op.request.Time.Add(op.request.Expires)
		return out, signature{signed.Signature, signed.SignedHeaders, int64(op.request.Expires / time.Second), ""}, nil
	})
}

// lastsInSTS reports whether a presigned STS URL, which is a login at EKS and elsewhere, would be valid beyond the
// caller's token: such a URL is valid for a quarter of an hour, whatever it says.
func (op *operation) lastsInSTS() bool {
	return op.session.AsCaller && op.policy.Service == "sts" && op.session.Expires.Sub(op.request.Time) < 15*time.Minute
}

func (b *Broker) readPresign(in *Input) (*operation, error) {
	if in.Expires == 0 {
		in.Expires = DefaultExpiry
	}
	return b.read(in, access.ActionPresign)
}

// PolicyRequest returns the request that the policies see for a request to sign or presign.
func (b *Broker) PolicyRequest(action access.Action, in *Input) (access.Request, error) {
	read := func(in *Input) (*operation, error) { return b.read(in, action) }
	if action == access.ActionPresign {
		read = b.readPresign
	}
	op, err := read(in)
	if err != nil {
		return access.Request{}, err
	}
	return op.policy, nil
}

// capExpiry limits the stated lifetime to that of the session: a presigned URL expires with the session that signed it,
// whatever it says (S3 API Reference, "Authenticating Requests: Using Query Parameters").
func (op *operation) capExpiry() {
	if op.session.Expires.IsZero() {
		return
	}
	if left := op.session.Expires.Sub(op.request.Time).Truncate(time.Second); left < op.request.Expires {
		op.request.Expires = max(left, time.Second)
		op.warn("expiry_shortened", "The session ends before the requested time, and so does the URL. expiresInSeconds is the remaining time.")
	}
}

func (op *operation) result(s signing.Signed) *Result {
	r := &op.request
	op.made = Result{
		Method: r.Method, URL: s.URL.String(), Headers: s.Headers, Body: op.payload.Body, MediaType: op.mediaType, PayloadHash: r.PayloadHash,
		Scope: r.Scope, Algorithm: r.Algorithm, Inferred: op.inferred, Normalized: op.normalized, DoubleEncode: !r.SingleEncode,
		ContentSHA256Header: r.ContentSHA256Header, Token: r.Token, SignedHeaders: strings.Split(s.SignedHeaders, ";"),
		SignedAt: r.Time, ExpiresAt: op.expiresAt(), Expires: r.Expires, AccessKeyID: r.Credentials.AccessKeyID, Profile: op.session.Profile,
		Warnings: op.warnings, Authorization: s.Authorization, Date: s.Date, Explanation: op.explain(explain(r, s)),
	}
	return &op.made
}

// explain adds the origin of the scope and the parts of the warnings to an explanation.
func (op *operation) explain(e *Explanation) *Explanation {
	if e == nil {
		return nil
	}
	e.Warned = op.warned
	e.Scope = ScopeOrigin{Service: "given", Region: "given", Why: "The request gives service and region."}
	if !op.inferred {
		return e
	}
	source := "host"
	if op.pattern {
		source = "profile"
	}
	e.Scope.Why = op.scopeWhy
	if op.in.Service == "" {
		e.Scope.Service = source
	}
	if op.in.Region == "" {
		e.Scope.Region = source
	}
	return e
}

func (op *operation) expiresAt() time.Time {
	end := op.request.Time.Add(signing.Window)
	if op.quirks.S3Style {
		end = op.request.Time.Add(signing.WindowS3)
	}
	if !op.session.Expires.IsZero() && op.session.Expires.Before(end) {
		end = op.session.Expires
	}
	return end.UTC().Truncate(time.Second)
}

func explain(r *signing.Request, s signing.Signed) *Explanation {
	if !r.Explain || s.StringToSign == "" {
		return nil
	}
	hash := s.StringToSign[strings.LastIndexByte(s.StringToSign, '\n')+1:]
	return &Explanation{
		CanonicalRequest: r.Credentials.Redact(signing.RedactTokens(s.CanonicalRequest)), CanonicalRequestSHA256: hash,
		CredentialScope: s.CredentialScope, StringToSign: s.StringToSign, Signature: s.Signature,
	}
}
