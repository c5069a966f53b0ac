package handlers

import (
	"context"
	"encoding/base64"
	"net/http"

	"countersign/broker"
	"countersign/signing"

	"github.com/go-json-experiment/json"
)

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

// SignRequest signs a request in its headers.
func (h *Handlers) SignRequest() http.Handler { return serveJSON(h.sign) }

func (h *Handlers) sign(ctx context.Context, call *broker.Call, in *signRequest) (*signedResponse, error) {
	s, err := h.broker.Sign(ctx, call, in.input())
	if err != nil {
		return nil, err
	}
	out := newSignedResponse(s)
	out.choose(in.wanted())
	return out, out.explain(in.explanation(s, nil, out.warnings))
}

// SignDocument signs a request given as a document of POST /v1/sign, but not over HTTP.
func (h *Handlers) SignDocument(ctx context.Context, call *broker.Call, document []byte) (*broker.Result, error) {
	var in signRequest
	if err := decodeDocument(document, &in); err != nil {
		return nil, err
	}
	if err := in.alwaysFull(); err != nil {
		return nil, err
	}
	s, err := h.broker.Sign(ctx, call, in.input())
	if err != nil {
		return nil, withPointers(err, &in)
	}
	return s, nil
}

// IsRequestDocument reports whether text is a document for POST /v1/sign or POST /v1/presign.
func IsRequestDocument(text []byte) bool {
	return decodeDocument(text, new(presignRequest)) == nil
}

// RequestDocument returns a request as a document for POST /v1/sign.
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

// SignedDocument returns the response of POST /v1/sign and POST /v1/presign.
func SignedDocument(s *broker.Result) ([]byte, error) {
	a := newSignedResponse(s)
	if err := a.explain(newExplanation(s.Explanation)); err != nil {
		return nil, err
	}
	return documentOf(a)
}
