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

// Step is what goes from one of the four steps of the algorithm to the next: the request of the first, and the texts made
// of it. Of its Input, SigningTime, Algorithm and PayloadSHA256 are set, the last being [signing.UnsignedPayload] for a
// payload that is not signed; DoubleEncode is set where the path is encoded twice.
type Step struct {
	Input
	CanonicalRequest string
	CredentialScope  string
	StringToSign     string
}

// SignedStep is the third step's response.
type SignedStep struct {
	Step
	AccessKeyID, Signature string
	// Replaced: the profile has another session than in step 1. Its token is in Headers and in the texts; it ends at
	// SessionExpires, if at all.
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
		// The response holds the session token, though no signature yet.
		out := op.result(signing.Signed{URL: made.URL, Headers: made.Headers, SignedHeaders: made.SignedHeaders})
		out.CanonicalRequest = made.CanonicalRequest
		return out, signature{signedHeaders: made.SignedHeaders}, nil
	})
}

// CheckStep makes the request of the step again, as step 1 makes it, and refuses texts beside it that are not its
// own: a step that passed them on would let one request be decided on and another be signed. What must be sent is
// taken from the request that was made.
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
		return nil, problem.InvalidPart("signingTime", "", "The time is not that of the header X-Amz-Date.")
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
		return nil, problem.InvalidPart(AllHeaders, "", "The value of X-Amz-Security-Token is no session token.")
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
		if name != "host" && !strings.HasPrefix(name, "x-amz-") { // which are signed anyway
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

// SignStep is the third step, the only one that needs a secret. It signs no text of which it does not know the request: what
// the policies see is what is signed.
func (b *Broker) SignStep(ctx context.Context, call *Call, in Step) (*SignedStep, error) {
	r, err := in.verified()
	if err != nil {
		return nil, InputProblem(err)
	}
	if in.CredentialScope != signing.CredentialScope(r.Algorithm, r.Time, r.Scope) {
		return nil, problem.InvalidPart("credentialScope", "", "The value is not made of signingTime, region and service.")
	}
	if in.StringToSign != signing.StringToSign(r.Algorithm, r.Time, in.CredentialScope, in.CanonicalRequest) {
		return nil, problem.InvalidPart("stringToSign", "", "The text is not made of algorithm, signingTime, "+
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

// takeSession makes the step one of the session that signs. Another instance, or this one a minute ago, may have had another session of the
// profile; then its token takes the old one's place. A step of the caller's own keys, or one in which a token would come or go, is refused.
func (out *SignedStep) takeSession(r *signing.Request, s *credentials.Session) error {
	old, token := out.header("x-amz-security-token"), s.Credentials.SessionToken()
	if r.Token == signing.TokenOmitted || old == token {
		return nil
	}
	if out.Credentials != nil || old == "" || token == "" {
		return &problem.Error{Code: "session_changed", Detail: "The session of step 1 is not the one that would sign.", Fields: []problem.Field{
			{Part: AllHeaders, Detail: "The header X-Amz-Security-Token is of another session, or there is none."},
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
		Message: "The profile has a new session since step 1. Its token is in headerList and in the texts; send what step 4 answers.",
	}}
	return nil
}
