package handlers

import (
	"context"

	"countersign/access"
	"countersign/signing"
)

// decide asks the policies about the very value that will be signed, before AWS is asked for a session.
func (h *Handlers) decide(ctx context.Context, p *prepared) error {
	return h.ask(p, access.Question{Caller: EventOf(ctx).Caller, Action: p.action, Request: p.asked()})
}

func (h *Handlers) ask(p *prepared, q access.Question) error {
	p.decision = h.Policy.Decide(q)
	if p.decision.Allowed {
		return nil
	}
	return &fault{code: "forbidden", detail: "The policies do not allow this: " + p.decision.Reason + "."}
}

// asked is what the policies look at.
func (p *prepared) asked() access.Request {
	r := &p.request
	out := access.Request{
		Profile: p.profile, Service: r.Scope.Service, Region: r.Scope.Region, Method: r.Method,
		Scheme: r.URL.Scheme(), Host: r.URL.Host(), Path: r.URL.Path(), RawQuery: r.URL.RawQuery(),
		Headers: make([]access.Field, len(r.Headers)), Body: p.payload.bytes, ExpiresIn: r.Expires,
	}
	for i, h := range r.Headers {
		out.Headers[i] = access.Field(h)
	}
	switch {
	case r.PayloadHash == signing.UnsignedPayload:
		out.Payload = access.PayloadUnsigned
	case p.payload.kept:
		out.Payload = access.PayloadHash
	default:
		out.Payload = access.PayloadSigned
	}
	return out
}
