package handlers

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

// verified makes the request of the step again, as step 1 makes it, and refuses texts beside it that are not its own: a step
// that passed them on would let one request be decided on and another be signed. What is to be sent is taken from the request that was made.
func (in *canonicalStep) verified() (*signing.Request, error) {
	like := &toSend{Method: in.Method, URL: in.URL, Profile: in.Profile, Service: in.Service, Region: in.Region, SignedHeaders: in.SignedHeaders}
	for _, h := range in.HeaderList {
		like.HeaderList = append(like.HeaderList, header{h.Name, &h.Value})
	}
	if err := signedBounds.check(like); err != nil {
		return nil, err
	}
	at, err := parseTime(in.SigningTime)
	if err != nil {
		return nil, err // was found when it was decoded
	}
	if date := in.header("x-amz-date"); date != at.Format(signing.TimeFormat) {
		return nil, problem.Invalid("/signingTime", "The time is not that of the header X-Amz-Date.")
	}
	if in.PayloadSHA256 != signing.UnsignedPayload && !isSHA256(in.PayloadSHA256) {
		return nil, problem.Invalid("/payloadSha256", "The value is neither 64 hexadecimal digits nor UNSIGNED-PAYLOAD.")
	}
	url, _, err := signing.ParseURL(in.URL, nil)
	if err != nil {
		return nil, locate(err, like)
	}
	r := &signing.Request{
		Method: in.Method, URL: url, PayloadHash: in.PayloadSHA256, Scope: in.scope(), Algorithm: in.Algorithm, Time: at,
		Credentials: signing.NewCredentials("-", "-", in.header("x-amz-security-token")), Token: in.Options.SessionToken, DoubleEncode: in.Options.DoubleEncode,
	}
	if r.Credentials.Check() != nil {
		return nil, problem.Invalid("/headerList", "The value of X-Amz-Security-Token is no session token.")
	}
	for _, h := range in.HeaderList {
		switch name := strings.ToLower(h.Name); {
		case name == "x-amz-content-sha256":
			r.ContentSHA256Header = true
		case !madeHere(name):
			r.Headers = append(r.Headers, signing.Header(h))
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
		return nil, locate(err, like)
	case made.SignedHeaders != strings.Join(in.SignedHeaders, ";"):
		return nil, problem.Invalid("/signedHeaders", "The names are not those of the headers that are signed, in lower case and in order.")
	case made.CanonicalRequest != in.CanonicalRequest:
		return nil, problem.Invalid("/canonicalRequest", "The text is not the canonical request of method, url, headerList, signedHeaders and payloadSha256.")
	}
	in.URL, in.HeaderList = url.String(), sentHeaders(made.Headers)
	return r, nil
}

// admitStep has the request of step 3 decided like any other, and gets a session for it.
func (h *Handlers) admitStep(ctx context.Context, in *stringStep, r *signing.Request) (*prepared, error) {
	ask := &toSend{Method: in.Method, URL: in.URL, Profile: in.Profile, Service: in.Service, Region: in.Region, Credentials: in.Credentials}
	p := h.newPrepared(access.ActionSign, in.Profile, in.Credentials)
	p.step = 3
	if err := h.checkAllowed(ask, p); err != nil {
		return nil, err
	}
	if err := h.readURL(ask, p); err != nil {
		return nil, locate(err, ask)
	}
	p.request, p.signed, p.quirks = *r, in.SignedHeaders, endpoints.QuirksOf(in.Service)
	if in.Body != nil {
		p.payload.bytes = []byte(*in.Body)
	} else if in.BodyBase64 != nil {
		p.payload.bytes, _ = decodeBase64(*in.BodyBase64)
	}
	p.payload.kept = signing.PayloadHash(p.payload.bytes) != in.PayloadSHA256
	if err := h.admit(ctx, ask, p); err != nil {
		return nil, locate(err, ask)
	}
	if off := r.Time.Sub(p.request.Time).Abs(); !h.AllowSigningTime && off > window {
		return nil, h.recordUnsigned(ctx, p, &problem.Error{Code: "option_not_allowed", Detail: "The time of the signature cannot be chosen here.", Fields: []problem.Field{{Pointer: "/signingTime", Detail: "It is more than five minutes from now. Begin again with step 1."}}})
	}
	p.request.Time = r.Time
	return p, nil
}

// takeSession makes the step one of the session that signs. Another instance, or this one a minute ago, may have had another session of the
// profile; then its token takes the old one's place. A step of the caller's own keys, or one in which a token would come or go, is refused.
func (in *stringStep) takeSession(r *signing.Request, s *credentials.Session) error {
	old, token := in.header("x-amz-security-token"), s.Credentials.SessionToken()
	if r.Token == signing.TokenOmitted || old == token {
		return nil
	}
	if in.Credentials != nil || old == "" || token == "" {
		return &problem.Error{Code: "session_changed", Detail: "The session of step 1 is not the one that would sign.", Fields: []problem.Field{
			{Pointer: "/headerList", Detail: "The header X-Amz-Security-Token is of another session, or there is none."},
		}}
	}
	r.Credentials = s.Credentials
	made, err := signing.Canonicalize(r)
	if err != nil {
		return locate(err, &toSend{})
	}
	in.HeaderList, in.CanonicalRequest = sentHeaders(made.Headers), made.CanonicalRequest
	in.writeTexts(r)
	if end, err := parseTime(in.ExpiresAt); !s.Expires.IsZero() && (err != nil || s.Expires.Before(end)) {
		in.ExpiresAt = s.Expires.UTC().Truncate(time.Second).Format(time.RFC3339)
	}
	in.Warnings = append(in.Warnings, warning{
		"session_replaced", "The profile has a new session since step 1. Its token is in headerList and in the texts; send what step 4 answers.",
	})
	return nil
}
