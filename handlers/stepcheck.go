package handlers

import (
	"context"
	"strings"
	"time"

	"countersign/access"
	"countersign/signing"
)

// verified makes the canonical request again from its parts, and the time. A step that passed on a text which is not that of
// the request beside it would let the one be decided on and the other be signed.
func (in *canonicalStep) verified() (time.Time, error) {
	at, err := parseTime(in.SigningTime)
	if err != nil {
		return at, err // was found when it was decoded
	}
	if date := in.header("x-amz-date"); date != at.Format(amzDate) {
		return at, fieldFault("/signingTime", "The time is not that of the header X-Amz-Date.")
	}
	url, _, err := signing.ParseURL(in.URL, nil)
	if err != nil {
		return at, locate(err, &toSend{})
	}
	query, err := signing.CanonicalQuery(url.RawQuery())
	if err != nil {
		return at, locate(err, &toSend{})
	}
	signed := []signing.Header{{Name: "host", Value: url.Host()}}
	for _, h := range in.HeaderList {
		for _, name := range in.SignedHeaders {
			if strings.EqualFold(h.Name, name) && name != "host" {
				signed = append(signed, signing.Header(h))
			}
		}
	}
	headers, names, err := signing.CanonicalHeaders(signed)
	if err != nil {
		return at, &fault{code: "header_invalid", detail: "A header cannot be sent as it is.", fields: []FieldError{{"/headerList", err.Error()}}}
	}
	canonical := signing.CanonicalRequest(in.Method, signing.CanonicalURI(url.Path(), in.Options.DoubleEncode), query, headers, names, in.PayloadSHA256)
	if canonical != in.CanonicalRequest {
		return at, fieldFault("/canonicalRequest", "The text is not the canonical request of method, url, headerList, signedHeaders and payloadSha256.")
	}
	return at, nil
}

// admitStep has the request of step 3 decided like any other, and gets the session that step 1 had.
func (h *Handlers) admitStep(ctx context.Context, in *stringStep, at time.Time) (*prepared, error) {
	ask := &toSend{Method: in.Method, URL: in.URL, Profile: in.Profile, Service: in.Service, Region: in.Region, Credentials: in.Credentials}
	p := h.newPrepared(access.ActionSign, in.Profile, in.Credentials)
	if err := h.checkAllowed(ask, p); err != nil {
		return nil, err
	}
	if off := at.Sub(h.Now()).Abs(); !h.AllowSigningTime && off > window {
		return nil, &fault{code: "option_not_allowed", detail: "The time of the signature cannot be chosen here.", fields: []FieldError{{"/signingTime", "It is more than five minutes from now. Begin again with step 1."}}}
	}
	if err := h.readURL(ask, p); err != nil {
		return nil, locate(err, ask)
	}
	p.request.Scope, p.request.PayloadHash = in.scope(), in.PayloadSHA256
	for _, header := range in.HeaderList {
		if !madeHere(strings.ToLower(header.Name)) {
			p.request.Headers = append(p.request.Headers, signing.Header(header))
		}
	}
	if in.Body != nil {
		p.payload.bytes = []byte(*in.Body)
	} else if in.BodyBase64 != nil {
		p.payload.bytes, _ = decodeBase64(*in.BodyBase64)
	}
	p.payload.kept = signing.PayloadHash(p.payload.bytes) != in.PayloadSHA256
	if err := h.decide(ctx, p, p.asked()); err != nil {
		return nil, err
	}
	if err := h.addSession(ctx, ask, p); err != nil {
		return nil, err
	}
	p.request.Time = at
	if token := in.header("x-amz-security-token"); token != "" && token != p.session.Credentials.SessionToken() {
		return nil, h.recordUnsigned(ctx, p, &fault{code: "session_changed", detail: "The session of step 1 has been replaced by a new one.", fields: []FieldError{{"/headerList", "The header X-Amz-Security-Token is of another session."}}})
	}
	return p, nil
}
