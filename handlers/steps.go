package handlers

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"countersign/access"
	"countersign/problem"
	"countersign/signing"
)

// canonicalStep is what step 1 answers and step 2 takes.
type canonicalStep struct {
	Method           string            `json:"method"`
	URL              string            `json:"url"`
	HeaderList       []sentHeader      `json:"headerList"`
	Body             *string           `json:"body,omitzero"`
	BodyBase64       *string           `json:"bodyBase64,omitzero"`
	BodyEnvelope     *envelope         `json:"bodyEnvelope,omitzero"`
	PayloadSHA256    string            `json:"payloadSha256"`
	Service          string            `json:"service"`
	Region           string            `json:"region"`
	Algorithm        signing.Algorithm `json:"algorithm"`
	ScopeSource      string            `json:"scopeSource"`
	Options          usedOptions       `json:"options"`
	Profile          string            `json:"profile,omitzero"`
	SigningTime      string            `json:"signingTime"`
	ExpiresAt        string            `json:"expiresAt"`
	SignedHeaders    []string          `json:"signedHeaders"`
	CanonicalRequest string            `json:"canonicalRequest"`
	Warnings         []warning         `json:"warnings"`
}

// stringStep is what step 2 answers and step 3 takes.
type stringStep struct {
	canonicalStep
	CanonicalRequestSHA256 string              `json:"canonicalRequestSha256"`
	CredentialScope        string              `json:"credentialScope"`
	StringToSign           string              `json:"stringToSign"`
	Credentials            *requestCredentials `json:"credentials,omitzero"`
}

// signatureStep is what step 3 answers and step 4 takes.
type signatureStep struct {
	stringStep
	AccessKeyID string `json:"accessKeyId"`
	Signature   string `json:"signature"`
}

func (in *canonicalStep) check(found *problem.Fields) {
	found.Require("/method", in.Method)
	found.Require("/url", in.URL)
	found.Require("/payloadSha256", in.PayloadSHA256)
	found.Require("/service", in.Service)
	found.Require("/region", in.Region)
	found.Require("/algorithm", string(in.Algorithm))
	found.Require("/signingTime", in.SigningTime)
	found.Require("/canonicalRequest", in.CanonicalRequest)
	if len(in.SignedHeaders) == 0 {
		found.Require("/signedHeaders", "")
	}
	algorithm := string(in.Algorithm)
	found.OneOf("/algorithm", &algorithm, string(signing.HMAC), string(signing.ECDSA))
	if _, err := parseTime(in.SigningTime); err != nil {
		found.Add("/signingTime", "The value is not a time such as 2026-01-31T12:00:00Z.")
	}
	for i, h := range in.HeaderList {
		found.Require("/headerList/"+strconv.Itoa(i)+"/name", h.Name)
	}
	encoded := map[string]*string{"/bodyBase64": in.BodyBase64}
	if in.BodyEnvelope != nil {
		encoded["/bodyEnvelope/$content"] = &in.BodyEnvelope.Content
	}
	for pointer, text := range encoded {
		if text == nil {
			continue
		}
		if _, err := decodeBase64(*text); err != nil {
			found.Add(pointer, "The value is not Base64 with padding.")
		}
	}
}

// nullFree: what one step answers and the next takes holds no null.
func (in *canonicalStep) nullFree() {}

func (in *stringStep) check(found *problem.Fields) {
	in.canonicalStep.check(found)
	if in.Credentials != nil {
		like := toSend{Method: "-", URL: "-", Credentials: in.Credentials}
		like.check(found)
	}
	found.Require("/stringToSign", in.StringToSign)
	found.Require("/credentialScope", in.CredentialScope)
}

func (in *signatureStep) check(found *problem.Fields) {
	in.stringStep.check(found)
	found.Require("/accessKeyId", in.AccessKeyID)
	found.Require("/signature", in.Signature)
}

// CreateCanonicalRequest is the first step of the algorithm.
func (h *Handlers) CreateCanonicalRequest() http.Handler { return serveJSON(h.canonicalRequest) }

func (h *Handlers) canonicalRequest(ctx context.Context, in *toSend) (*canonicalStep, error) {
	p, err := h.read(in, access.ActionSign, 0)
	if err == nil {
		p.step = 1
		err = h.admit(ctx, in, p)
	}
	if err != nil {
		return nil, locate(err, in)
	}
	made, err := signing.Canonicalize(&p.request)
	if err != nil {
		return nil, h.recordUnsigned(ctx, p, locate(err, in))
	}
	// The answer holds the session token, though no signature yet.
	if err := h.recordSigned(ctx, p, "", made.SignedHeaders); err != nil {
		return nil, err
	}
	r := &p.request
	out := &canonicalStep{
		Method: r.Method, URL: made.URL.String(), HeaderList: sentHeaders(made.Headers), PayloadSHA256: r.PayloadHash,
		Service: r.Scope.Service, Region: r.Scope.Region, Algorithm: r.Algorithm, ScopeSource: p.scopeSource(), Options: p.usedOptions(), Profile: p.session.Profile,
		SigningTime: r.Time.Format(time.RFC3339), ExpiresAt: p.expiresAt().Format(time.RFC3339),
		SignedHeaders: strings.Split(made.SignedHeaders, ";"), CanonicalRequest: made.CanonicalRequest, Warnings: p.warnings,
	}
	out.Body, out.BodyBase64, out.BodyEnvelope = p.payload.forms(p.media)
	return out, nil
}

// CreateStringToSign is the second step.
func (h *Handlers) CreateStringToSign() http.Handler { return serveJSON(h.stringToSign) }

func (h *Handlers) stringToSign(_ context.Context, in *canonicalStep) (*stringStep, error) {
	r, err := in.verified()
	if err != nil {
		return nil, err
	}
	out := &stringStep{canonicalStep: *in, CredentialScope: signing.CredentialScope(r.Algorithm, r.Time, r.Scope)}
	out.writeTexts(r)
	return out, nil
}

// writeTexts writes what follows from the canonical request.
func (in *stringStep) writeTexts(r *signing.Request) {
	in.CanonicalRequestSHA256 = signing.PayloadHash([]byte(in.CanonicalRequest))
	in.StringToSign = signing.StringToSign(r.Algorithm, r.Time, in.CredentialScope, in.CanonicalRequest)
}

func (in *canonicalStep) scope() signing.Scope {
	return signing.Scope{Service: in.Service, Region: in.Region}
}

// CalculateSignature is the third step, the only one that needs a secret. It signs no text of which it does not know the request: what
// the policies see is what is signed.
func (h *Handlers) CalculateSignature() http.Handler { return serveJSON(h.signature) }

func (h *Handlers) signature(ctx context.Context, in *stringStep) (*signatureStep, error) {
	r, err := in.verified()
	if err != nil {
		return nil, err
	}
	if in.CredentialScope != signing.CredentialScope(r.Algorithm, r.Time, r.Scope) {
		return nil, problem.Invalid("/credentialScope", "The value is not made of signingTime, region and service.")
	}
	if in.StringToSign != signing.StringToSign(r.Algorithm, r.Time, in.CredentialScope, in.CanonicalRequest) {
		return nil, problem.Invalid("/stringToSign", "The text is not made of algorithm, signingTime, credentialScope and the hash of canonicalRequest.")
	}
	p, err := h.admitStep(ctx, in, r)
	if err != nil {
		return nil, err
	}
	if err := in.takeSession(r, &p.session); err != nil {
		return nil, h.recordUnsigned(ctx, p, err)
	}
	key, err := signing.DeriveKey(r.Algorithm, p.session.Credentials, r.Time, r.Scope)
	if err != nil {
		return nil, h.recordUnsigned(ctx, p, locate(err, &toSend{Credentials: in.Credentials}))
	}
	signature, err := key.Sign(in.StringToSign)
	if err != nil {
		return nil, h.recordUnsigned(ctx, p, err)
	}
	if err := h.recordSigned(ctx, p, signature, strings.Join(in.SignedHeaders, ";")); err != nil {
		return nil, err
	}
	out := &signatureStep{stringStep: *in, AccessKeyID: p.session.Credentials.AccessKeyID, Signature: signature}
	out.Credentials = nil
	return out, nil
}

// AddSignatureToRequest is the fourth step.
func (h *Handlers) AddSignatureToRequest() http.Handler { return serveJSON(h.authorization) }

func (h *Handlers) authorization(_ context.Context, in *signatureStep) (*signedRequest, error) {
	r, err := in.verified()
	if err != nil {
		return nil, err
	}
	end, err := parseTime(in.ExpiresAt)
	if err != nil {
		end = r.Time.Add(window)
	}
	value := signing.Authorization(in.Algorithm, in.AccessKeyID, in.CredentialScope, strings.Join(in.SignedHeaders, ";"), in.Signature)
	if strings.ContainsAny(value, "\r\n\x00") {
		return nil, problem.Invalid("/signature", "The value holds a line break.")
	}
	out := &signedRequest{
		Method: in.Method, URL: in.URL, Headers: map[string]string{}, HeaderList: append(in.HeaderList, sentHeader{"Authorization", value}),
		Authorization: value, XAmzDate: in.header("x-amz-date"), XAmzSecurityToken: in.header("x-amz-security-token"), XAmzContentSHA256: in.header("x-amz-content-sha256"),
		Body: in.Body, BodyBase64: in.BodyBase64, BodyEnvelope: in.BodyEnvelope, PayloadSHA256: in.PayloadSHA256,
		Service: in.Service, Region: in.Region, Algorithm: in.Algorithm, ScopeSource: in.ScopeSource, Options: in.Options, SignedHeaders: in.SignedHeaders,
		SignedAt: r.Time, ExpiresAt: end, AccessKeyID: in.AccessKeyID, Profile: in.Profile, Warnings: in.Warnings,
	}
	if out.ScopeSource != "inferred" {
		out.ScopeSource = "explicit"
	}
	for _, h := range out.HeaderList {
		out.Headers[h.Name] = h.Value
	}
	return out, nil
}

func (in *canonicalStep) header(name string) string {
	for _, h := range in.HeaderList {
		if strings.EqualFold(h.Name, name) {
			return h.Value
		}
	}
	return ""
}
