package handlers

import (
	"context"
	"net/http"
	"strings"
	"time"

	"countersign/access"
	"countersign/signing"
)

// toVerify is a signed request as it was or will be sent.
type toVerify struct {
	Method        string              `json:"method"`
	URL           string              `json:"url"`
	Headers       textMap             `json:"headers"`
	HeaderList    []header            `json:"headerList"`
	Body          *string             `json:"body"`
	BodyBase64    *string             `json:"bodyBase64"`
	PayloadSHA256 *string             `json:"payloadSha256"`
	Profile       string              `json:"profile"`
	Service       string              `json:"service"`
	Region        string              `json:"region"`
	Credentials   *requestCredentials `json:"credentials"`
	DoubleEncode  *bool               `json:"doubleEncode"`
	At            *string             `json:"at"`

	bodyBytes []byte
}

func (in *toVerify) check(found *fieldErrors) {
	// The fields that signing has too are held in one place.
	like := toSend{Method: in.Method, URL: in.URL, HeaderList: in.HeaderList, BodyBase64: in.BodyBase64, PayloadSHA256: in.PayloadSHA256, Credentials: in.Credentials}
	like.check(found)
	in.bodyBytes = like.bodyBytes
	if in.Body != nil {
		in.bodyBytes = []byte(*in.Body)
	}
	if in.At != nil {
		if _, err := parseTime(*in.At); err != nil {
			found.add("/at", "The value is not a time such as 2026-01-31T12:00:00Z.")
		}
	}
}

// verdict says whether a signature is right, and if not, which part of the request is wrong.
type verdict struct {
	Valid           bool           `json:"valid"`
	Faults          []verdictFault `json:"faults"`
	Form            string         `json:"form"`
	Algorithm       string         `json:"algorithm,omitzero"`
	AccessKeyID     string         `json:"accessKeyId,omitzero"`
	CredentialScope string         `json:"credentialScope,omitzero"`
	SignedHeaders   []string       `json:"signedHeaders"`
	SignedAt        *time.Time     `json:"signedAt,omitzero"`
	Explanation     *explanation   `json:"explanation,omitzero"`
}

type verdictFault struct {
	Part   string `json:"part"`
	Name   string `json:"name,omitzero"`
	Reason string `json:"reason"`
}

// VerifyRequest computes a signature again and compares.
func (h *Handlers) VerifyRequest() http.Handler { return serveJSON(h.verifyRequest) }

func (h *Handlers) verifyRequest(ctx context.Context, in *toVerify) (*verdict, error) {
	ask := in.ask()
	p, received, err := h.receive(in, ask)
	if err != nil {
		return nil, locate(err, ask)
	}
	if err := h.decide(ctx, p, p.asked()); err != nil {
		return nil, err
	}
	if err := h.addSession(ctx, ask, p); err != nil {
		return nil, locate(err, ask)
	}
	expected := signing.Expected{
		Credentials: p.session.Credentials, Scope: signing.Scope{Service: in.Service, Region: in.Region},
		DoubleEncode: p.request.DoubleEncode, Time: h.Now().Add(p.session.Skew),
	}
	if p.quirks.TokenAppended {
		expected.Token = signing.TokenAppended
	}
	if p.quirks.S3Style {
		expected.Tolerance = windowS3
	}
	if in.At != nil {
		expected.Time, _ = parseTime(*in.At) // checked when it was decoded
	}
	out := signing.Verify(received, &expected)
	if err := h.recordSigned(ctx, p, out.Claim.Signature, out.Claim.SignedHeaders); err != nil {
		return nil, err
	}
	return judged(out, p.session.Credentials), nil
}

// ask is what a request to verify has in common with one to sign.
func (in *toVerify) ask() *toSend {
	return &toSend{Method: in.Method, URL: in.URL, Headers: in.Headers, HeaderList: in.HeaderList, Profile: in.Profile, Service: in.Service, Region: in.Region, Credentials: in.Credentials}
}

// receive makes of what the caller sent the request as AWS would see it, which is decided on and verified.
func (h *Handlers) receive(in *toVerify, ask *toSend) (*prepared, *signing.Received, error) {
	p := h.newPrepared(access.ActionVerify, in.Profile, in.Credentials)
	if err := h.checkAllowed(ask, p); err != nil {
		return nil, nil, err
	}
	if err := checkBounds(ask, p); err != nil {
		return nil, nil, err
	}
	if err := h.readURL(ask, p); err != nil {
		return nil, nil, err
	}
	received := &signing.Received{Method: in.Method, URL: p.request.URL}
	for _, header := range in.Headers {
		received.Headers = append(received.Headers, signing.Header(header))
	}
	for _, header := range in.HeaderList {
		received.Headers = append(received.Headers, signing.Header{Name: header.Name, Value: *header.Value})
	}
	claim, err := signing.ReadClaim(received)
	if err == nil {
		ask.Service, ask.Region = orElse(in.Service, claim.Scope.Service), orElse(in.Region, claim.Scope.Region)
		p.signed = strings.Split(claim.SignedHeaders, ";")
	}
	if err := h.place(ask, p); err != nil {
		return nil, nil, err
	}
	p.request.DoubleEncode = !p.quirks.S3Style
	if in.DoubleEncode != nil {
		p.request.DoubleEncode = *in.DoubleEncode
	}
	p.request.Headers = received.Headers
	if p.payload, err = in.payload(); err != nil {
		return nil, nil, err
	}
	received.PayloadHash = p.payload.hash
	return p, received, nil
}

// payload is the body that came, as far as it is given; its hash is empty where nothing is.
func (in *toVerify) payload() (p payload, err error) {
	var given []FieldError
	only := func(pointer string, hash string) {
		given = append(given, FieldError{pointer, "Only one of body, bodyBase64 and payloadSha256 can be given."})
		p.hash = hash
	}
	p.bytes = in.bodyBytes
	if in.Body != nil {
		only("/body", signing.PayloadHash(in.bodyBytes))
	}
	if in.BodyBase64 != nil {
		only("/bodyBase64", signing.PayloadHash(in.bodyBytes))
	}
	if in.PayloadSHA256 != nil {
		only("/payloadSha256", strings.ToLower(*in.PayloadSHA256))
		p.kept = true
	}
	if len(given) > 1 {
		return p, &fault{code: "fields_conflict", detail: "The body is given in more than one way.", fields: given}
	}
	return p, nil
}

func orElse(value, other string) string {
	if value == "" {
		return other
	}
	return value
}

func judged(v signing.Verdict, c signing.Credentials) *verdict {
	out := &verdict{
		Valid: v.Valid(), Faults: []verdictFault{}, Form: "headers", Algorithm: string(v.Claim.Algorithm), AccessKeyID: v.Claim.AccessKeyID,
		CredentialScope: v.Claim.CredentialScope, SignedHeaders: []string{},
	}
	for _, f := range v.Faults {
		out.Faults = append(out.Faults, verdictFault{string(f.Part), f.Name, f.Reason})
	}
	if v.Claim.SignedHeaders != "" {
		out.SignedHeaders = strings.Split(v.Claim.SignedHeaders, ";")
	}
	if v.Claim.Presigned {
		out.Form = "query"
	}
	if !v.Claim.Time.IsZero() {
		out.SignedAt = &v.Claim.Time
	}
	if v.CanonicalRequest != "" {
		// The signature that would be right stays here: an answer that held it would be a signature for whatever is asked about.
		out.Explanation = &explanation{
			CanonicalRequest: c.Redact(v.CanonicalRequest), CanonicalRequestSHA256: signing.PayloadHash([]byte(v.CanonicalRequest)),
			CredentialScope: v.Claim.CredentialScope, StringToSign: v.StringToSign, Signature: v.Claim.Signature,
		}
	}
	return out
}
