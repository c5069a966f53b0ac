package handlers

import (
	"context"
	"net/http"
	"strings"
	"time"

	"countersign/access"
	"countersign/credentials"
	"countersign/signing"
)

// signedRequest is the answer: the request to send, and what it was signed with.
type signedRequest struct {
	Method            string            `json:"method"`
	URL               string            `json:"url"`
	Headers           map[string]string `json:"headers"`
	HeaderList        []sentHeader      `json:"headerList"`
	Authorization     string            `json:"authorization"`
	XAmzDate          string            `json:"xAmzDate"`
	XAmzSecurityToken string            `json:"xAmzSecurityToken,omitzero"`
	XAmzContentSHA256 string            `json:"xAmzContentSha256,omitzero"`
	Body              *string           `json:"body,omitzero"`
	BodyBase64        *string           `json:"bodyBase64,omitzero"`
	BodyEnvelope      *envelope         `json:"bodyEnvelope,omitzero"`
	PayloadSHA256     string            `json:"payloadSha256"`
	Service           string            `json:"service"`
	Region            string            `json:"region"`
	Algorithm         signing.Algorithm `json:"algorithm"`
	ScopeSource       string            `json:"scopeSource"`
	Options           usedOptions       `json:"options"`
	SignedHeaders     []string          `json:"signedHeaders"`
	SignedAt          time.Time         `json:"signedAt"`
	ExpiresAt         time.Time         `json:"expiresAt"`
	AccessKeyID       string            `json:"accessKeyId"`
	Profile           string            `json:"profile,omitzero"`
	Warnings          []warning         `json:"warnings"`
	Explanation       *explanation      `json:"explanation,omitzero"`
}

type sentHeader struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func sentHeaders(headers []signing.Header) []sentHeader {
	list := make([]sentHeader, len(headers))
	for i, h := range headers {
		list[i] = sentHeader(h)
	}
	return list
}

type explanation struct {
	CanonicalRequest       string `json:"canonicalRequest"`
	CanonicalRequestSHA256 string `json:"canonicalRequestSha256"`
	CredentialScope        string `json:"credentialScope"`
	StringToSign           string `json:"stringToSign"`
	Signature              string `json:"signature"`
}

// SignRequest signs a request by headers.
func (h *Handlers) SignRequest() http.Handler { return serveJSON(h.signRequest) }

func (h *Handlers) signRequest(ctx context.Context, in *toSend) (*signedRequest, error) {
	p, err := h.prepare(ctx, in, access.ActionSign, 0)
	if err != nil {
		return nil, locate(err, in)
	}
	signed, err := h.Signer.Sign(&p.request)
	if err != nil {
		return nil, h.recordUnsigned(ctx, p, locate(err, in))
	}
	if err := h.recordSigned(ctx, p, signed.Signature, signed.SignedHeaders); err != nil {
		return nil, err
	}
	return p.answer(signed), nil
}

// Windows in which AWS takes a signature: five minutes, fifteen at the S3 family (S3 API Reference, RequestTimeTooSkewed).
const (
	window   = 5 * time.Minute
	windowS3 = 15 * time.Minute
)

func (p *prepared) answer(s signing.Signed) *signedRequest {
	r := &p.request
	out := &signedRequest{
		Method: r.Method, URL: s.URL.String(), Headers: make(map[string]string, len(s.Headers)), HeaderList: make([]sentHeader, len(s.Headers)),
		Authorization: s.Authorization, XAmzDate: s.Date, PayloadSHA256: r.PayloadHash,
		Service: r.Scope.Service, Region: r.Scope.Region, Algorithm: r.Algorithm, ScopeSource: p.scopeSource(), Options: p.usedOptions(),
		SignedHeaders: strings.Split(s.SignedHeaders, ";"), SignedAt: r.Time, ExpiresAt: p.expiresAt(),
		AccessKeyID: r.Credentials.AccessKeyID, Profile: p.session.Profile, Warnings: p.warnings,
	}
	for i, h := range s.Headers {
		out.Headers[h.Name], out.HeaderList[i] = h.Value, sentHeader(h)
		switch {
		case strings.EqualFold(h.Name, "x-amz-security-token"):
			out.XAmzSecurityToken = h.Value
		case strings.EqualFold(h.Name, "x-amz-content-sha256"):
			out.XAmzContentSHA256 = h.Value
		}
	}
	out.Body, out.BodyBase64, out.BodyEnvelope = p.payload.forms(p.media)
	out.Explanation = explain(r, s)
	return out
}

// usedOptions says how the request was signed, whether that was asked for or is what the service wants.
type usedOptions struct {
	NormalizePath       bool              `json:"normalizePath"`
	DoubleEncode        bool              `json:"doubleEncode"`
	ContentSHA256Header string            `json:"contentSha256Header"`
	SessionToken        signing.TokenMode `json:"sessionToken"`
}

func (p *prepared) usedOptions() usedOptions {
	used := usedOptions{NormalizePath: p.normalized, DoubleEncode: p.request.DoubleEncode, ContentSHA256Header: "never", SessionToken: p.request.Token}
	if p.request.ContentSHA256Header {
		used.ContentSHA256Header = "always"
	}
	return used
}

func (p *prepared) scopeSource() string {
	if p.inferred {
		return "inferred"
	}
	return "explicit"
}

func (p *prepared) expiresAt() time.Time {
	end := p.request.Time.Add(window)
	if p.quirks.S3Style {
		end = p.request.Time.Add(windowS3)
	}
	if !p.session.Expires.IsZero() && p.session.Expires.Before(end) {
		end = p.session.Expires
	}
	return end.UTC().Truncate(time.Second)
}

// explain shows the intermediate texts. The session token is left out, since explanations end up in tickets and logs.
func explain(r *signing.Request, s signing.Signed) *explanation {
	if !r.Explain {
		return nil
	}
	hash := s.StringToSign[strings.LastIndexByte(s.StringToSign, '\n')+1:]
	return &explanation{
		CanonicalRequest: r.Credentials.Redact(signing.RedactTokens(s.CanonicalRequest)), CanonicalRequestSHA256: hash,
		CredentialScope: s.CredentialScope, StringToSign: s.StringToSign, Signature: s.Signature,
	}
}

var _ Sessions = (*credentials.Store)(nil)
