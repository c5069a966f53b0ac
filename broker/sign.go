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

// DefaultExpiry is the lifetime of a presigned URL or a form for which the caller gives none.
const DefaultExpiry = 15 * time.Minute

// Result is the request to send, and how it was signed.
type Result struct {
	Method  string
	URL     string
	Headers []signing.Header
	Body    Body
	// MediaType is that of the body.
	MediaType     string
	PayloadHash   string
	Scope         signing.Scope
	Algorithm     signing.Algorithm
	Inferred      bool // service or region came from the host
	Normalized    bool // the path was, if there was anything to normalize
	DoubleEncode  bool
	Token         signing.TokenMode
	SignedHeaders []string
	SignedAt      time.Time
	ExpiresAt     time.Time
	Expires       time.Duration // of a presigned URL
	AccessKeyID   string
	Profile       string
	Warnings      []signing.Warning

	// ContentSHA256Header: the hash is in a header of its own.
	ContentSHA256Header bool

	Authorization, Date string // of a request that is signed by headers
	CanonicalRequest    string // of the first step
	Explanation         *Explanation
}

// Explanation shows the intermediate texts. The session token is left out, since explanations end up in tickets and logs.
type Explanation struct {
	CanonicalRequest, CanonicalRequestSHA256, CredentialScope, StringToSign, Signature string

	Scope ScopeOrigin
	// Warned are the parts of the request that the warnings are about, one for each; empty where there is none.
	Warned []problem.Field
}

// ScopeOrigin says where service and region came from: "given", "host", or "profile" where a host pattern of the profile tells.
type ScopeOrigin struct{ Service, Region, Why string }

// Sign signs a request by headers.
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

// Presign puts the signature into the URL.
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

// lastsInSTS: a presigned URL of STS, which is a login at EKS and elsewhere, is good for a quarter of an hour whatever it says
// of itself; this one would be good after the end of the caller's token.
func (op *operation) lastsInSTS() bool {
	return op.session.AsCaller && op.policy.Service == "sts" && op.session.Expires.Sub(op.request.Time) < 15*time.Minute
}

func (b *Broker) readPresign(in *Input) (*operation, error) {
	if in.Expires == 0 {
		in.Expires = DefaultExpiry
	}
	return b.read(in, access.ActionPresign)
}

// PolicyRequest is what the policies look at for a request to sign or presign.
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

// capExpiry: a presigned URL dies with the session that signed it, whatever it says of itself (S3 API Reference, "Authenticating Requests:
// Using Query Parameters"), so it must not say more.
func (op *operation) capExpiry() {
	if op.session.Expires.IsZero() {
		return
	}
	if left := op.session.Expires.Sub(op.request.Time).Truncate(time.Second); left < op.request.Expires {
		op.request.Expires = max(left, time.Second)
		op.warn("expiry_shortened", "The session ends before the time asked for, and the URL with it. expiresInSeconds is what is left.")
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

// explain adds to the texts of the steps where the scope and the warnings came from.
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
