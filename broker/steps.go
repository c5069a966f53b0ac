package broker

import (
	"context"
	"strings"
	"time"

	"countersign/access"
	"countersign/credentials"
	"countersign/endpoints"
	"countersign/problem"
	"countersign/signing"
)

// Step is the data that passes from one step of four-step signing to the next: the request of the first step, and the
// texts made from it. Of its Input, SigningTime, Algorithm and PayloadSHA256 are set; PayloadSHA256 is
// [signing.UnsignedPayload] for an unsigned payload. DoubleEncode says whether the path is encoded twice.
type Step struct {
	Input
	CanonicalRequest string
	CredentialScope  string
	StringToSign     string
}

// SignedStep is the result of the third step.
type SignedStep struct {
	Step
	AccessKeyID, Signature string
	// Replaced says that the profile has another session than in step 1. The new session's token is in Headers and in
	// the texts; the session ends at SessionExpires, if at all.
	Replaced       bool
	SessionExpires time.Time
	Warnings       []signing.Warning
}

// CanonicalRequest is the first step: what would be signed, and with which session.
func (b *Broker) CanonicalRequest(ctx context.Context, call *Call, in *Input) (*Result, error) {
	op, err := b.read(in, access.ActionSign)
	if err != nil {
		return nil, err
	}
	op.step = 1
	return perform(ctx, b, call, op, func() (*Result, signature, error) {
		made, err := signing.Canonicalize(&op.request)
		if err != nil {
			return nil, signature{}, err
		}
		// The response has the session token, but no signature yet.
		out := op.result(signing.Signed{URL: made.URL, Headers: made.Headers, SignedHeaders: made.SignedHeaders})
		out.CanonicalRequest = made.CanonicalRequest
		return out, signature{signedHeaders: made.SignedHeaders}, nil
	})
}

// CheckStep makes the request of the step again, as step 1 does, and refuses texts that do not match it: otherwise one
// request could be decided on and another signed. What must be sent is taken from the request that was made again.
func CheckStep(in *Step) error {
	_, err := in.verified()
	return InputProblem(err)
}

func (in *Step) verified() (*signing.Request, error) {
	like := &Input{
		Method: in.Method, URL: in.URL, Headers: in.Headers, Profile: in.Profile, Service: in.Service, Region: in.Region,
		SignedHeaders: in.SignedHeaders,
	}
	if err := signedBounds.check(like); err != nil {
		return nil, err
	}
	if date := in.header("x-amz-date"); date != in.SigningTime.Format(signing.TimeFormat) {
		return nil, problem.InvalidPart("signingTime", "", "The time differs from the header X-Amz-Date.")
	}
	if in.PayloadSHA256 != signing.UnsignedPayload && !isSHA256(in.PayloadSHA256) {
		return nil, problem.InvalidPart("payloadSha256", "", "must be 64 hexadecimal digits, or UNSIGNED-PAYLOAD.")
	}
	url, _, err := signing.ParseURL(in.URL, nil)
	if err != nil {
		return nil, err
	}
	r := &signing.Request{
		Method: in.Method, URL: url, PayloadHash: in.PayloadSHA256, Scope: in.scope(), Algorithm: in.Algorithm, Time: *in.SigningTime,
		Credentials: signing.NewCredentials("-", "-", in.header("x-amz-security-token")), Token: in.Token, SingleEncode: !*in.DoubleEncode,
	}
	if r.Credentials.Check() != nil {
		return nil, problem.InvalidPart(AllHeaders, "", "The value of X-Amz-Security-Token is not a session token.")
	}
	for _, h := range in.Headers {
		switch name := strings.ToLower(h.Name); {
		case name == "x-amz-content-sha256":
			r.ContentSHA256Header = true
		case !setBySigner(name):
			r.Headers = append(r.Headers, h)
		}
	}
	for _, name := range in.SignedHeaders {
		if name != "host" && !strings.HasPrefix(name, "x-amz-") { // those are always signed
			r.SignedHeaders = append(r.SignedHeaders, name)
		}
	}
	made, err := signing.Canonicalize(r)
	switch {
	case err != nil:
		return nil, err
	case made.SignedHeaders != strings.Join(in.SignedHeaders, ";"):
		return nil, problem.InvalidPart("signedHeaders", "", "The names are not those of the headers that are signed, "+
			"in lower case and in order.")
	case made.CanonicalRequest != in.CanonicalRequest:
		return nil, problem.InvalidPart("canonicalRequest", "", "The text is not the canonical request of method, url, "+
			"headerList, signedHeaders and payloadSha256.")
	}
	in.URL, in.Headers = url.String(), made.Headers
	return r, nil
}

func (in *Step) scope() signing.Scope {
	return signing.Scope{Service: in.Service, Region: in.Region}
}

func (in *Step) header(name string) string {
	for _, h := range in.Headers {
		if strings.EqualFold(h.Name, name) {
			return h.Value
		}
	}
	return ""
}

// SignStep is the third step, the only one that needs a secret. It signs only texts whose request it knows, so that the
// policies see what is signed.
func (b *Broker) SignStep(ctx context.Context, call *Call, in Step) (*SignedStep, error) {
	r, err := in.verified()
	if err != nil {
		return nil, InputProblem(err)
	}
	if in.CredentialScope != signing.CredentialScope(r.Algorithm, r.Time, r.Scope) {
		return nil, problem.InvalidPart("credentialScope", "", "The value does not match signingTime, region and service.")
	}
	if in.StringToSign != signing.StringToSign(r.Algorithm, r.Time, in.CredentialScope, in.CanonicalRequest) {
		return nil, problem.InvalidPart("stringToSign", "", "The text does not match algorithm, signingTime, "+
			"credentialScope and the hash of canonicalRequest.")
	}
	op, err := b.readStep(&in, r)
	if err != nil {
		return nil, err
	}
	return perform(ctx, b, call, op, func() (*SignedStep, signature, error) {
		out, err := b.signStep(op, &in, r)
		if err != nil {
			return nil, signature{}, err
		}
		return out, signature{value: out.Signature, signedHeaders: strings.Join(in.SignedHeaders, ";")}, nil
	})
}

// readStep makes the operation of step 3, which is decided on like any other.
func (b *Broker) readStep(in *Step, r *signing.Request) (*operation, error) {
	like := &Input{Method: in.Method, URL: in.URL, Profile: in.Profile, Service: in.Service, Region: in.Region, Credentials: in.Credentials}
	op := b.newOperation(access.ActionSign, like)
	op.step = 3
	if err := b.checkAllowed(like, op); err != nil {
		return nil, err
	}
	if err := b.readURL(like, op); err != nil {
		return nil, op.problem(err)
	}
	op.request, op.signed, op.quirks = *r, strings.Join(in.SignedHeaders, ";"), endpoints.QuirksOf(in.Service)
	if in.Body != nil {
		body, err := in.Body()
		if err != nil {
			return nil, err
		}
		op.payload.Body = body
	}
	op.payload.hashOnly = signing.PayloadHash(op.payload.Bytes) != in.PayloadSHA256
	op.policy = op.policyRequest()
	return op, nil
}

func (b *Broker) signStep(op *operation, in *Step, r *signing.Request) (*SignedStep, error) {
	if off := r.Time.Sub(op.request.Time).Abs(); !b.AllowSigningTime && off > signing.Window {
		return nil, &problem.Error{Code: "option_not_allowed", Detail: "The time of the signature cannot be chosen " +
			"here.", Fields: []problem.Field{
			{Part: "signingTime", Detail: "It is more than five minutes from now. Begin again with step 1."},
		}}
	}
	if err := op.checkSigningTime(r.Time); err != nil {
		return nil, err
	}
	op.request.Time = r.Time
	out := &SignedStep{Step: *in, SessionExpires: op.session.Expires}
	if err := out.takeSession(r, &op.session); err != nil {
		return nil, err
	}
	key, err := signing.DeriveKey(r.Algorithm, op.session.Credentials, r.Time, r.Scope)
	if err != nil {
		return nil, err
	}
	out.AccessKeyID = op.session.Credentials.AccessKeyID
	out.Signature, err = key.Sign(out.StringToSign)
	return out, err
}

// takeSession adapts the step to the session that signs. Another instance, or this one a minute ago, may have had
// another session of the profile; then the new token replaces the old one. Steps with the caller's own keys, and steps
// in which a token would appear or disappear, are refused.
func (out *SignedStep) takeSession(r *signing.Request, s *credentials.Session) error {
	old, token := out.header("x-amz-security-token"), s.Credentials.SessionToken()
	if r.Token == signing.TokenOmitted || old == token {
		return nil
	}
	if out.Credentials != nil || old == "" || token == "" {
		return &problem.Error{Code: "session_changed", Detail: "The session of step 1 is not the one that would sign.", Fields: []problem.Field{
			{Part: AllHeaders, Detail: "The header X-Amz-Security-Token is from another session, or is missing."},
		}}
	}
	r.Credentials = s.Credentials
	made, err := signing.Canonicalize(r)
	if err != nil {
		return err
	}
	out.Replaced, out.Headers, out.CanonicalRequest = true, made.Headers, made.CanonicalRequest
	out.StringToSign = signing.StringToSign(r.Algorithm, r.Time, out.CredentialScope, out.CanonicalRequest)
	out.Warnings = []signing.Warning{{
		Code:    "session_replaced",
		Message: "The profile has a new session since step 1. Its token is in headerList and in the texts; send what step 4 returns.",
	}}
	return nil
}
