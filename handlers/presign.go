package handlers

import (
	"context"
	"net/http"
	"time"

	"countersign/broker"
	"countersign/problem"
	"countersign/signing"

	"github.com/go-json-experiment/json"
)

// presignRequest is a request to put a signature into the URL of.
type presignRequest struct {
	signRequest
	ExpiresInSeconds *wholeNumber `json:"expiresInSeconds"`
}

func (in *presignRequest) check(found *problem.Fields) {
	in.signRequest.check(found)
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

func (u *presignedURL) size() int { return bodySize(u.Body, u.BodyBase64, u.BodyEnvelope) }

func (in *presignRequest) input() *broker.Input {
	out := in.signRequest.input()
	out.Expires = valueOf(in.ExpiresInSeconds.duration())
	return out
}

// PresignURL puts the signature into the URL.
func (h *Handlers) PresignURL() http.Handler { return serveJSON(h.presign) }

func (h *Handlers) presign(ctx context.Context, call *broker.Call, in *presignRequest) (*presignedURL, error) {
	s, err := h.broker.Presign(ctx, call, in.input())
	if err != nil {
		return nil, err
	}
	out := newPresignedURL(s)
	out.Explanation = in.explanation(s, in.ExpiresInSeconds, out.Warnings)
	return out, nil
}

// PresignDocument presigns a request that comes as the document of POST /v1/presign, but by another way than HTTP.
func (h *Handlers) PresignDocument(ctx context.Context, call *broker.Call, document []byte) (*broker.Result, error) {
	var in presignRequest
	if err := decodeDocument(document, &in); err != nil {
		return nil, err
	}
	s, err := h.broker.Presign(ctx, call, in.input())
	if err != nil {
		return nil, withPointers(err, &in)
	}
	return s, nil
}

// PresignedDocument is what POST /v1/presign answers with.
func PresignedDocument(s *broker.Result) ([]byte, error) {
	return json.Marshal(newPresignedURL(s), json.Deterministic(true))
}

func newPresignedURL(s *broker.Result) *presignedURL {
	out := &presignedURL{
		Method: s.Method, URL: s.URL, Headers: headerMap(s.Headers), HeaderList: sentHeaders(s.Headers), PayloadSHA256: s.PayloadHash,
		Service: s.Scope.Service, Region: s.Scope.Region, Algorithm: s.Algorithm, ScopeSource: scopeSource(s), Options: optionsOf(s),
		SignedHeaders: s.SignedHeaders, SignedAt: s.SignedAt, ExpiresInSeconds: int64(s.Expires / time.Second), ExpiresAt: s.ExpiresAt,
		AccessKeyID: s.AccessKeyID, Profile: s.Profile, Warnings: warningsOf(s.Warnings), Explanation: newExplanation(s.Explanation),
	}
	out.Body, out.BodyBase64, out.BodyEnvelope = bodyForms(s.Body, s.MediaType)
	return out
}
