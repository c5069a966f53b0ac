package handlers

import (
	"context"
	"net/http"
	"strings"
	"time"

	"countersign/access"
	"countersign/problem"
	"countersign/signing"
)

// toPresign is a request to put a signature into the URL of.
type toPresign struct {
	toSend
	ExpiresInSeconds *wholeNumber `json:"expiresInSeconds"`
}

func (in *toPresign) check(found *problem.Fields) {
	in.toSend.check(found)
	between(found, "/expiresInSeconds", in.ExpiresInSeconds, 1, int64(signing.MaxExpires/time.Second))
}

// presignedURL is the answer: the URL, and what must be sent with it.
type presignedURL struct {
	Method           string            `json:"method"`
	URL              string            `json:"url"`
	Headers          map[string]string `json:"headers"`
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
	SignedHeaders    []string          `json:"signedHeaders"`
	SignedAt         time.Time         `json:"signedAt"`
	ExpiresInSeconds int64             `json:"expiresInSeconds"`
	ExpiresAt        time.Time         `json:"expiresAt"`
	AccessKeyID      string            `json:"accessKeyId"`
	Profile          string            `json:"profile,omitzero"`
	Warnings         []warning         `json:"warnings"`
	Explanation      *explanation      `json:"explanation,omitzero"`
}

const defaultExpiry = 15 * time.Minute

func (in *toPresign) expires() time.Duration {
	if in.ExpiresInSeconds == nil {
		return defaultExpiry
	}
	return time.Duration(*in.ExpiresInSeconds) * time.Second
}

// PresignURL puts the signature into the URL.
func (h *Handlers) PresignURL() http.Handler { return serveJSON(h.presignURL) }

func (h *Handlers) presignURL(ctx context.Context, in *toPresign) (*presignedURL, error) {
	p, err := h.prepare(ctx, &in.toSend, access.ActionPresign, in.expires())
	if err != nil {
		return nil, locate(err, &in.toSend)
	}
	p.capExpiry()
	signed, err := h.Signer.Presign(&p.request)
	if err != nil {
		return nil, h.recordUnsigned(ctx, p, locate(err, &in.toSend))
	}
	p.record.PresignSeconds = int64(p.request.Expires / time.Second)
	if err := h.recordSigned(ctx, p, signed.Signature, signed.SignedHeaders); err != nil {
		return nil, err
	}
	r := &p.request
	out := &presignedURL{
		Method: r.Method, URL: signed.URL.String(), Headers: make(map[string]string, len(signed.Headers)), HeaderList: make([]sentHeader, len(signed.Headers)),
		PayloadSHA256: r.PayloadHash, Service: r.Scope.Service, Region: r.Scope.Region, Algorithm: r.Algorithm, ScopeSource: p.scopeSource(), Options: p.usedOptions(),
		SignedHeaders: strings.Split(signed.SignedHeaders, ";"), SignedAt: r.Time, ExpiresInSeconds: int64(r.Expires / time.Second), ExpiresAt: r.Time.Add(r.Expires),
		AccessKeyID: r.Credentials.AccessKeyID, Profile: p.session.Profile, Warnings: p.warnings, Explanation: explain(r, signed),
	}
	for i, h := range signed.Headers {
		out.Headers[h.Name], out.HeaderList[i] = h.Value, sentHeader(h)
	}
	out.Body, out.BodyBase64, out.BodyEnvelope = p.payload.forms(p.media)
	return out, nil
}

// capExpiry: a presigned URL dies with the session that signed it, whatever it says of itself (S3 API Reference, "Authenticating Requests:
// Using Query Parameters"), so it shall not say more.
func (p *prepared) capExpiry() {
	if p.session.Expires.IsZero() {
		return
	}
	if left := p.session.Expires.Sub(p.request.Time).Truncate(time.Second); left < p.request.Expires {
		p.request.Expires = max(left, time.Second)
		p.warn("expiry_shortened", "The session ends before the time asked for, and the URL with it. expiresInSeconds is what is left.")
	}
}
