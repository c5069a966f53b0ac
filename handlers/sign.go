package handlers

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"countersign/broker"
	"countersign/signing"

	"github.com/go-json-experiment/json"
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

func (s *signedRequest) size() int { return bodySize(s.Body, s.BodyBase64, s.BodyEnvelope) }

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

// SignRequest signs a request by headers.
func (h *Handlers) SignRequest() http.Handler { return serveJSON(h.sign) }

func (h *Handlers) sign(ctx context.Context, call *broker.Call, in *signRequest) (*signedRequest, error) {
	s, err := h.broker.Sign(ctx, call, in.input())
	if err != nil {
		return nil, err
	}
	out := newSignedRequest(s)
	out.Explanation = in.explanation(s, nil, out.Warnings)
	return out, nil
}

// SignDocument signs a request that comes as the document of POST /v1/sign, but by another way than HTTP.
func (h *Handlers) SignDocument(ctx context.Context, call *broker.Call, document []byte) (*broker.Result, error) {
	var in signRequest
	if err := decodeDocument(document, &in); err != nil {
		return nil, err
	}
	s, err := h.broker.Sign(ctx, call, in.input())
	if err != nil {
		return nil, withPointers(err, &in)
	}
	return s, nil
}

// IsRequestDocument tells whether a text is a document as POST /v1/sign or POST /v1/presign takes it.
func IsRequestDocument(text []byte) bool {
	return decodeDocument(text, new(presignRequest)) == nil
}

// RequestDocument is a request as POST /v1/sign takes it.
func RequestDocument(in *broker.Input) ([]byte, error) {
	out := struct {
		requestRead
		Profile string `json:"profile,omitzero"`
	}{requestRead{Method: in.Method, URL: in.URL, Service: in.Service, Region: in.Region}, in.Profile}
	if len(in.Headers) > 0 {
		out.HeaderList = sentHeaders(in.Headers)
	}
	if in.Body != nil {
		body, err := in.Body()
		if err != nil {
			return nil, err
		}
		switch text := string(body.Bytes); {
		case body.Present && body.Text:
			out.Body = &text
		case body.Present:
			encoded := base64.StdEncoding.EncodeToString(body.Bytes)
			out.BodyBase64 = &encoded
		}
	}
	return json.Marshal(out, json.Deterministic(true))
}

// SignedDocument is what POST /v1/sign answers with.
func SignedDocument(s *broker.Result) ([]byte, error) {
	return json.Marshal(newSignedRequest(s), json.Deterministic(true))
}

func newSignedRequest(s *broker.Result) *signedRequest {
	out := &signedRequest{
		Method: s.Method, URL: s.URL, Headers: headerMap(s.Headers), HeaderList: sentHeaders(s.Headers),
		Authorization: s.Authorization, XAmzDate: s.Date,
		PayloadSHA256: s.PayloadHash, Service: s.Scope.Service, Region: s.Scope.Region, Algorithm: s.Algorithm,
		ScopeSource: scopeSource(s), Options: optionsOf(s),
		SignedHeaders: s.SignedHeaders, SignedAt: s.SignedAt, ExpiresAt: s.ExpiresAt, AccessKeyID: s.AccessKeyID, Profile: s.Profile,
		Warnings: warningsOf(s.Warnings), Explanation: newExplanation(s.Explanation),
	}
	for _, h := range s.Headers {
		switch {
		case strings.EqualFold(h.Name, "x-amz-security-token"):
			out.XAmzSecurityToken = h.Value
		case strings.EqualFold(h.Name, "x-amz-content-sha256"):
			out.XAmzContentSHA256 = h.Value
		}
	}
	out.Body, out.BodyBase64, out.BodyEnvelope = bodyForms(s.Body, s.MediaType)
	return out
}

func headerMap(headers []signing.Header) map[string]string {
	byName := make(map[string]string, len(headers))
	for _, h := range headers {
		byName[h.Name] = h.Value
	}
	return byName
}

// usedOptions says how the request was signed, whether that was asked for or is what the service wants.
type usedOptions struct {
	NormalizePath       bool              `json:"normalizePath"`
	DoubleEncode        bool              `json:"doubleEncode"`
	ContentSHA256Header string            `json:"contentSha256Header"`
	SessionToken        signing.TokenMode `json:"sessionToken"`
}

func optionsOf(s *broker.Result) usedOptions {
	used := usedOptions{NormalizePath: s.Normalized, DoubleEncode: s.DoubleEncode, ContentSHA256Header: "never", SessionToken: s.Token}
	if s.ContentSHA256Header {
		used.ContentSHA256Header = "always"
	}
	return used
}

func scopeSource(s *broker.Result) string {
	if s.Inferred {
		return "inferred"
	}
	return "explicit"
}
