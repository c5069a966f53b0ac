package handlers

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"countersign/broker"
	"countersign/problem"
	"countersign/signing"
)

// canonicalStep is what step 1 returns and step 2 takes.
type canonicalStep struct {
	Method           string            `json:"method"`
	URL              string            `json:"url"`
	HeaderList       list[sentHeader]  `json:"headerList"`
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
	SignedHeaders    list[string]      `json:"signedHeaders"`
	CanonicalRequest string            `json:"canonicalRequest"`
	Warnings         []warning         `json:"warnings"`
}

// stringStep is what step 2 returns and step 3 takes.
type stringStep struct {
	canonicalStep
	CanonicalRequestSHA256 string              `json:"canonicalRequestSha256"`
	CredentialScope        string              `json:"credentialScope"`
	StringToSign           string              `json:"stringToSign"`
	Credentials            *requestCredentials `json:"credentials,omitzero"`
}

// signatureStep is what step 3 returns and step 4 takes.
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
		found.Add("/signingTime", "must be a time such as 2026-01-31T12:00:00Z.")
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
			found.Add(pointer, "must be Base64 with padding, such as aGVsbG8=.")
		}
	}
}

// nullFree marks documents in which null is refused: no step returns one for the next.
func (in *canonicalStep) nullFree() {}

func (in *stringStep) check(found *problem.Fields) {
	in.canonicalStep.check(found)
	if in.Credentials != nil {
		like := signRequest{Method: "-", URL: "-", Credentials: in.Credentials}
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

// step returns the step for the broker.
func (in *canonicalStep) step() broker.Step {
	at, _ := parseTime(in.SigningTime) // checked during decoding
	step := broker.Step{CanonicalRequest: in.CanonicalRequest}
	step.Method, step.URL, step.Profile, step.Service, step.Region = in.Method, in.URL, in.Profile, in.Service, in.Region
	step.PayloadSHA256, step.Algorithm, step.SigningTime, step.SignedHeaders = in.PayloadSHA256, in.Algorithm, &at, in.SignedHeaders
	step.Token, step.DoubleEncode = in.Options.SessionToken, &in.Options.DoubleEncode
	for _, h := range in.HeaderList {
		step.Headers = append(step.Headers, signing.Header(h))
	}
	step.Body = func() (broker.Body, error) {
		data, err := in.body()
		return broker.Body{Bytes: data}, err
	}
	return step
}

func (in *canonicalStep) namedParts() namedParts {
	parts := namedParts{signedHeaders: in.SignedHeaders}
	for _, h := range in.HeaderList {
		parts.headerList = append(parts.headerList, h.Name)
	}
	return parts
}

// verify refuses what step 1 would not have returned. The URL and headers to send are taken from the request that was
// made again.
func (in *canonicalStep) verify() error {
	step := in.step()
	if err := broker.CheckStep(&step); err != nil {
		return err
	}
	in.URL, in.HeaderList = step.URL, sentHeaders(step.Headers)
	return nil
}

func (in *canonicalStep) size() int { return bodySize(in.Body, in.BodyBase64, in.BodyEnvelope) }

// CreateCanonicalRequest is the first step of the algorithm.
func (h *Handlers) CreateCanonicalRequest() http.Handler { return serveJSON(h.canonicalRequest) }

func (h *Handlers) canonicalRequest(ctx context.Context, call *broker.Call, in *signRequest) (*canonicalStep, error) {
	if err := in.alwaysFull(); err != nil {
		return nil, err
	}
	s, err := h.broker.CanonicalRequest(ctx, call, in.input())
	if err != nil {
		return nil, err
	}
	out := &canonicalStep{
		Method: s.Method, URL: s.URL, HeaderList: sentHeaders(s.Headers), PayloadSHA256: s.PayloadHash,
		Service: s.Scope.Service, Region: s.Scope.Region,
		Algorithm: s.Algorithm, ScopeSource: scopeSource(s), Options: optionsOf(s), Profile: s.Profile,
		SigningTime: s.SignedAt.Format(time.RFC3339),
		ExpiresAt:   s.ExpiresAt.Format(time.RFC3339), SignedHeaders: s.SignedHeaders, CanonicalRequest: s.CanonicalRequest,
		Warnings: warningsOf(s.Warnings),
	}
	out.Body, out.BodyBase64, out.BodyEnvelope = bodyFields(s.Body, s.MediaType)
	return out, nil
}

// CreateStringToSign is the second step.
func (h *Handlers) CreateStringToSign() http.Handler { return serveJSON(h.stringToSign) }

func (h *Handlers) stringToSign(_ context.Context, _ *broker.Call, in *canonicalStep) (*stringStep, error) {
	if err := in.verify(); err != nil {
		return nil, err
	}
	at, err := parseTime(in.SigningTime)
	if err != nil {
		return nil, err
	}
	scope := signing.CredentialScope(in.Algorithm, at, signing.Scope{Service: in.Service, Region: in.Region})
	out := &stringStep{canonicalStep: *in, CredentialScope: scope}
	out.CanonicalRequestSHA256 = signing.PayloadHash([]byte(in.CanonicalRequest))
	out.StringToSign = signing.StringToSign(in.Algorithm, at, scope, in.CanonicalRequest)
	return out, nil
}

// CalculateSignature is the third step, the only one that needs a secret.
func (h *Handlers) CalculateSignature() http.Handler { return serveJSON(h.signature) }

func (h *Handlers) signature(ctx context.Context, call *broker.Call, in *stringStep) (*signatureStep, error) {
	step := in.step()
	step.CredentialScope, step.StringToSign, step.Credentials = in.CredentialScope, in.StringToSign, in.Credentials.credentials()
	s, err := h.broker.SignStep(ctx, call, step)
	if err != nil {
		return nil, err
	}
	out := &signatureStep{stringStep: *in, AccessKeyID: s.AccessKeyID, Signature: s.Signature}
	out.URL, out.HeaderList, out.Credentials = s.URL, sentHeaders(s.Headers), nil
	if s.Replaced {
		out.CanonicalRequest, out.StringToSign = s.CanonicalRequest, s.StringToSign
		out.CanonicalRequestSHA256 = signing.PayloadHash([]byte(s.CanonicalRequest))
		if end, err := parseTime(in.ExpiresAt); !s.SessionExpires.IsZero() && (err != nil || s.SessionExpires.Before(end)) {
			out.ExpiresAt = s.SessionExpires.UTC().Truncate(time.Second).Format(time.RFC3339)
		}
		out.Warnings = append(out.Warnings, warningsOf(s.Warnings)...)
	}
	return out, nil
}

// AddSignatureToRequest is the fourth step.
func (h *Handlers) AddSignatureToRequest() http.Handler { return serveJSON(h.authorization) }

func (h *Handlers) authorization(_ context.Context, _ *broker.Call, in *signatureStep) (*signedResponse, error) {
	if err := in.verify(); err != nil {
		return nil, err
	}
	at, err := parseTime(in.SigningTime)
	if err != nil {
		return nil, err
	}
	end, err := parseTime(in.ExpiresAt)
	if err != nil {
		end = at.Add(signing.Window)
	}
	value := signing.Authorization(in.Algorithm, in.AccessKeyID, in.CredentialScope, strings.Join(in.SignedHeaders, ";"), in.Signature)
	if strings.ContainsAny(value, "\r\n\x00") {
		return nil, problem.Invalid("/signature", "must not hold a line break.")
	}
	out := newSignedResponse(&broker.Result{
		Method: in.Method, URL: in.URL, Headers: append(in.step().Headers, signing.Header{Name: "Authorization", Value: value}),
		Authorization: value, Date: in.header("x-amz-date"), PayloadHash: in.PayloadSHA256,
		Scope: signing.Scope{Service: in.Service, Region: in.Region}, Algorithm: in.Algorithm, Inferred: in.ScopeSource == "inferred",
		SignedHeaders: in.SignedHeaders, SignedAt: at, ExpiresAt: end, AccessKeyID: in.AccessKeyID, Profile: in.Profile,
	})
	out.options, out.warnings = in.Options, in.Warnings
	out.bodyForms = bodyForms{text: in.Body != nil, encoded: in.BodyBase64 != nil, enveloped: in.BodyEnvelope != nil}
	out.Body.Bytes, err = in.body()
	if in.BodyEnvelope != nil {
		out.MediaType = in.BodyEnvelope.ContentType
	}
	return out, err
}

// body returns the body from whichever form is given.
func (in *canonicalStep) body() ([]byte, error) {
	switch {
	case in.Body != nil:
		return []byte(*in.Body), nil
	case in.BodyBase64 != nil:
		return decodeBase64(*in.BodyBase64)
	case in.BodyEnvelope != nil:
		return decodeBase64(in.BodyEnvelope.Content)
	}
	return nil, nil
}

func (in *canonicalStep) header(name string) string {
	for _, h := range in.HeaderList {
		if strings.EqualFold(h.Name, name) {
			return h.Value
		}
	}
	return ""
}
