package handlers

import (
	"context"
	"net/http"
	"strings"
	"time"

	"countersign/problem"
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
	Options       *signingOptions     `json:"options"`
	At            *string             `json:"at"`

	bodyBytes []byte
}

func (in *toVerify) check(found *problem.Fields) {
	// The fields that signing has too are held in one place.
	like := toSend{
		Method: in.Method, URL: in.URL, HeaderList: in.HeaderList, BodyBase64: in.BodyBase64, Credentials: in.Credentials, Options: in.Options,
	}
	like.check(found)
	in.bodyBytes = like.bodyBytes
	if in.Body != nil {
		in.bodyBytes = []byte(*in.Body)
	}
	if hash := in.PayloadSHA256; hash != nil && *hash != signing.UnsignedPayload && !isSHA256(*hash) {
		found.Add("/payloadSha256", "The value is neither 64 hexadecimal digits nor UNSIGNED-PAYLOAD.")
	}
	if in.At != nil {
		if _, err := parseTime(*in.At); err != nil {
			found.Add("/at", "The value is not a time such as 2026-01-31T12:00:00Z.")
		}
	}
}

// verdict says whether a signature is right, and if not, which part of the request is wrong.
type verdict struct {
	Valid           bool           `json:"valid"`
	Verdict         string         `json:"verdict"`
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
		Credentials: p.session.Credentials, OtherSessions: p.mayChange(in.Credentials), Scope: signing.Scope{Service: in.Service, Region: in.Region},
		DoubleEncode: p.request.DoubleEncode, S3Style: p.quirks.S3Style, PayloadHash: p.request.PayloadHash, Token: p.request.Token,
		Time: h.Now().Add(p.session.Skew),
	}
	if p.quirks.S3Style {
		expected.Tolerance = windowS3
	}
	if in.At != nil {
		expected.Time, _ = parseTime(*in.At) // checked when it was decoded
	}
	out := verifyReadings(received, &expected)
	if err := h.recordSigned(ctx, p, out.Claim.Signature, out.Claim.SignedHeaders); err != nil {
		return nil, err
	}
	return judged(out, p.session.Credentials), nil
}

// verifyReadings returns the verdict on the first of the readings that is valid, or else on the first.
func verifyReadings(readings []*signing.Received, e *signing.Expected) signing.Verdict {
	first := signing.Verify(readings[0], e)
	for _, r := range readings[1:] {
		if first.Valid() {
			break
		}
		if v := signing.Verify(r, e); v.Valid() {
			return v
		}
	}
	return first
}

// mayChange says whether the session is one of several that the same caller may have signed with: all but keys that came with the request.
func (p *prepared) mayChange(c *requestCredentials) bool {
	keys := c != nil && c.RoleARN == "" && c.RoleName == ""
	return !keys && p.session.Credentials.SessionToken() != ""
}

// ask is what a request to verify has in common with one to sign.
func (in *toVerify) ask() *toSend {
	return &toSend{
		Method: in.Method, URL: in.URL, Headers: in.Headers, HeaderList: in.HeaderList, Profile: in.Profile, Service: in.Service, Region: in.Region,
		Credentials: in.Credentials, Options: in.Options,
	}
}

func orElse(value, other string) string {
	if value == "" {
		return other
	}
	return value
}

func judged(v signing.Verdict, c signing.Credentials) *verdict {
	out := &verdict{
		Valid: v.Valid(), Verdict: "invalid", Faults: []verdictFault{}, Form: "headers", Algorithm: string(v.Claim.Algorithm), AccessKeyID: v.Claim.AccessKeyID,
		CredentialScope: v.Claim.CredentialScope, SignedHeaders: []string{},
	}
	switch {
	case v.Valid():
		out.Verdict = "valid"
	case v.Unknown():
		out.Verdict = "unknown"
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
			CanonicalRequest: c.Redact(signing.RedactTokens(v.CanonicalRequest)), CanonicalRequestSHA256: signing.PayloadHash([]byte(v.CanonicalRequest)),
			CredentialScope: v.Claim.CredentialScope, StringToSign: v.StringToSign, Signature: v.Claim.Signature,
		}
	}
	return out
}
