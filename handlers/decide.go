package handlers

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"countersign/access"
	"countersign/problem"
	"countersign/signing"
)

// decide asks the policies about the very value that will be signed, before AWS is asked for a session.
func (h *Handlers) decide(ctx context.Context, p *prepared, asked access.Request) error {
	event := EventOf(ctx)
	event.Profile, event.Service, event.Region = asked.Profile, asked.Service, asked.Region
	question := access.Question{Caller: event.Caller, Action: p.action, Request: asked}
	decision := h.Policy.Decide(question)
	if other, differs := p.otherPath(); differs && decision.Allowed {
		also := question
		also.Request.Path = other
		if second := h.Policy.Decide(also); !second.Allowed {
			decision = second
		}
	}
	p.record = access.NewRecord(question, decision)
	p.record.Step = p.step
	p.record.RequestID, p.record.ClientIP, p.record.Workflow = event.RequestID, event.ClientIP, event.Workflow
	if decision.Allowed {
		return nil
	}
	if err := h.Audit.Write(ctx, p.record); err != nil {
		return err
	}
	return denial(decision)
}

// denial is 403 for what a policy could allow, and 400 for what none could: that is the caller's slip, and not for the operator to mend.
func denial(d access.Decision) error {
	if d.Malformed == "" {
		return &problem.Error{Code: "forbidden", Detail: "The policies do not allow this: " + d.Reason + "."}
	}
	code, pointer := "field_invalid", "/"+d.Malformed
	switch d.Malformed {
	case "url":
		code = "url_invalid"
	case "headers":
		code = "header_invalid"
	}
	return &problem.Error{Code: code, Detail: "The request cannot be decided on: " + d.Reason + ".", Fields: []problem.Field{{Pointer: pointer, Detail: "It cannot be signed: " + d.Reason + "."}}}
}

// otherPath is what the service would read out of the signature, where options.doubleEncode has the path encoded otherwise than the
// service does it: the signature is good for that path as well.
func (p *prepared) otherPath() (path string, differs bool) {
	r := &p.request
	if r.DoubleEncode != p.quirks.S3Style {
		return "", false
	}
	given := r.URL.Path()
	if r.DoubleEncode {
		path = signing.CanonicalURI(given, true) // S3 decodes what it gets
		return path, path != given
	}
	path, err := url.PathUnescape(given)
	sent := !strings.ContainsFunc(path, func(c rune) bool { return c <= ' ' || c == '?' || c == '#' || c == 0x7f }) // or no client can send it
	return path, err == nil && sent && path != given
}

// asked is what the policies look at.
func (p *prepared) asked() access.Request {
	r := &p.request
	out := access.Request{
		Profile: p.profile, OwnKeys: p.ownKeys, Service: r.Scope.Service, Region: r.Scope.Region, Method: r.Method,
		Scheme: r.URL.Scheme(), Host: r.URL.Host(), Path: r.URL.Path(), RawQuery: r.URL.RawQuery(),
		Headers: p.signedFields(), Body: p.payload.bytes, ExpiresIn: r.Expires,
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

// signedFields are the headers that the policies see: those that the signature covers, so that nobody can change afterwards what was
// decided on. Host is an attribute of its own, what signing sets is no choice of the caller's, and an empty header leaves the same line in the
// canonical request as a missing one that a lenient receiver takes for empty.
func (p *prepared) signedFields() []access.Field {
	fields := make([]access.Field, 0, len(p.request.Headers))
	for _, h := range p.request.Headers {
		name := strings.ToLower(h.Name)
		setBySigner := signing.Reserved(name) || name == "x-amz-content-sha256" || name == "host"
		if !setBySigner && slices.Contains(p.signed, name) && !p.onlyEmpty(name) {
			fields = append(fields, access.Field(h))
		}
	}
	return fields
}

// onlyEmpty tells whether the values of a header, joined as they are signed, are nothing.
func (p *prepared) onlyEmpty(name string) bool {
	times, empty := 0, true
	for _, h := range p.request.Headers {
		if strings.EqualFold(h.Name, name) {
			times++
			empty = empty && strings.Trim(h.Value, " \t") == ""
		}
	}
	return times == 1 && empty
}

// signWhatPoliciesRead adds the headers that some policy looks at to those that are signed. One that cannot be signed no policy sees.
func (h *Handlers) signWhatPoliciesRead(in *toSend, p *prepared) error {
	if in.SignAllHeaders {
		return nil
	}
	for _, header := range p.request.Headers {
		name := strings.ToLower(header.Name)
		reason, forbidden := signing.Fragile(p.request.Method, name)
		if forbidden || p.quirks.NeverSigned(name) || !h.Policy.ReadsHeader(name) || slices.Contains(p.request.SignedHeaders, name) {
			continue
		}
		p.request.SignedHeaders = append(p.request.SignedHeaders, name)
		if reason != "" {
			p.warn("header_signed_for_policy", "The header "+name+" was signed, since a policy looks at it. It may not arrive as it is given: it "+reason+". AWS then refuses the signature.")
		}
	}
	return nil
}

// recordSigned puts on record what is about to be given out. Nothing may be answered when it fails.
func (h *Handlers) recordSigned(ctx context.Context, p *prepared, signature, signedHeaders string) error {
	p.recordSession()
	if signature != "" {
		p.record.SetSignature(signature)
	}
	p.record.SignedHeaders, p.record.PayloadSHA256 = signedHeaders, p.request.PayloadHash
	p.record.AmzDate = p.request.Time.Format(signing.TimeFormat)
	return h.Audit.Write(ctx, p.record)
}

// recordUnsigned puts on record that what was allowed came to nothing, and why.
func (h *Handlers) recordUnsigned(ctx context.Context, p *prepared, cause error) error {
	p.recordSession()
	p.record.Notes = append(p.record.Notes, "nothing was signed: "+problemOf(cause).Code)
	if err := h.Audit.Write(ctx, p.record); err != nil {
		return err
	}
	return cause
}

func (p *prepared) recordSession() {
	s := &p.session
	p.record.AccessKeyID, p.record.RoleARN, p.record.SessionName = s.Credentials.AccessKeyID, s.RoleARN, s.SessionName
	p.record.SourceIdentity, p.record.STSRequestID = s.SourceIdentity, s.RequestID
	if !s.Expires.IsZero() {
		p.record.SessionExpires = &s.Expires
	}
}

// Asked is what the policies would look at for a document as the action's operation takes it, for tests of policies.
func (h *Handlers) Asked(action access.Action, document []byte) (access.Request, error) {
	switch action {
	case access.ActionPresign:
		in := new(toPresign)
		if err := decodeDocument(document, in); err != nil {
			return access.Request{}, err
		}
		return h.askedToSign(&in.toSend, action, in.expires())
	case access.ActionVerify:
		in := new(toVerify)
		if err := decodeDocument(document, in); err != nil {
			return access.Request{}, err
		}
		ask := in.ask()
		p, _, err := h.receive(in, ask)
		if err != nil {
			return access.Request{}, locate(err, ask)
		}
		return p.asked(), nil
	case access.ActionPostPolicy:
		in := new(toUpload)
		if err := decodeDocument(document, in); err != nil {
			return access.Request{}, err
		}
		ask := in.ask()
		p, policy, err := h.readUpload(in, ask)
		if err != nil {
			return access.Request{}, locate(err, ask)
		}
		return p.askedUpload(policy), nil
	}
	in := new(toSend)
	if err := decodeDocument(document, in); err != nil {
		return access.Request{}, err
	}
	return h.askedToSign(in, action, 0)
}

func (h *Handlers) askedToSign(in *toSend, action access.Action, expires time.Duration) (access.Request, error) {
	p, err := h.read(in, action, expires)
	if err != nil {
		return access.Request{}, locate(err, in)
	}
	return p.asked(), nil
}
