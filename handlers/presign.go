package handlers

import (
	"context"
	"net/http"
	"time"

	"countersign/broker"
	"countersign/problem"
	"countersign/signing"
)

// presignRequest is a request whose URL gets the signature.
type presignRequest struct {
	signRequest
	ExpiresInSeconds *wholeNumber `json:"expiresInSeconds"`
}

func (in *presignRequest) check(found *problem.Fields) {
	in.signRequest.check(found)
	between(found, "/expiresInSeconds", in.ExpiresInSeconds, 1, int64(signing.MaxExpires/time.Second))
}

func (in *presignRequest) input() *broker.Input {
	out := in.signRequest.input()
	out.Expires = valueOf(in.ExpiresInSeconds.duration())
	return out
}

// PresignURL puts the signature into the URL.
func (h *Handlers) PresignURL() http.Handler { return serveJSON(h.presign) }

func (h *Handlers) presign(ctx context.Context, call *broker.Call, in *presignRequest) (*signedResponse, error) {
	s, err := h.broker.Presign(ctx, call, in.input())
	if err != nil {
		return nil, err
	}
	out := newSignedResponse(s)
	out.choose(in.wanted())
	return out, out.explain(in.explanation(s, in.ExpiresInSeconds, out.warnings))
}

// PresignDocument presigns a request given as a document of POST /v1/presign, but not over HTTP.
func (h *Handlers) PresignDocument(ctx context.Context, call *broker.Call, document []byte) (*broker.Result, error) {
	var in presignRequest
	if err := decodeDocument(document, &in); err != nil {
		return nil, err
	}
	if err := in.alwaysFull(); err != nil {
		return nil, err
	}
	s, err := h.broker.Presign(ctx, call, in.input())
	if err != nil {
		return nil, withPointers(err, &in)
	}
	return s, nil
}
