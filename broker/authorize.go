package broker

import (
	"net/url"
	"slices"
	"strings"

	"countersign/access"
	"countersign/problem"
	"countersign/sending"
	"countersign/signing"
)

// authorize asks the policies about the very value that will be signed, before AWS is asked for a session, and begins the
// record of what they say. The error is nil where they allow it.
func (b *Broker) authorize(call *Call, op *operation) (access.Record, error) {
	call.Profile, call.Service, call.Region = op.policy.Profile, op.policy.Service, op.policy.Region
	question := access.Question{Caller: call.Caller, Action: op.action, Request: op.policy}
	decision := b.Policy.Decide(question)
	if other, differs := op.pathAsServiceDecodes(); differs && decision.Allowed {
		also := question
		also.Request.Path = other
		if second := b.Policy.Decide(also); !second.Allowed {
			decision = second
		}
	}
	record := access.NewRecord(question, decision)
	record.Step, record.RequestID, record.ClientIP, record.Workflow = op.step, call.RequestID, call.ClientIP, call.Workflow
	record.Trace = call.Trace
	if decision.Allowed {
		return record, nil
	}
	return record, denial(decision)
}

// denial is 403 for what a policy could allow, and 400 for what none could: that is the caller's mistake, which the
// operator cannot correct.
func denial(d access.Decision) error {
	if d.Malformed == "" {
		return &problem.Error{Code: "forbidden", Detail: "The policies do not allow this: " + sentence(d.Reason)}
	}
	code := "field_invalid"
	switch d.Malformed {
	case "url":
		code = "url_invalid"
	case "headers":
		code = "header_invalid"
	}
	return &problem.Error{
		Code: code, Fields: []problem.Field{{Part: d.Malformed, Detail: sentence(d.Reason)}},
	}
}

// sentence ends a reason, which may be a policy's own @reason, with one full stop.
func sentence(reason string) string {
	if reason = strings.TrimSpace(reason); strings.HasSuffix(reason, ".") || strings.HasSuffix(reason, "!") || strings.HasSuffix(reason, "?") {
		return reason
	}
	return reason + "."
}

// pathAsServiceDecodes is what the service would read out of the signature, where options.doubleEncode has the path
// encoded otherwise than the service does it: the signature is good for that path as well.
func (op *operation) pathAsServiceDecodes() (path string, differs bool) {
	r := &op.request
	if r.SingleEncode == op.quirks.S3Style {
		return "", false
	}
	given := r.URL.Path()
	if !r.SingleEncode {
		path = signing.CanonicalURI(given, false) // S3 decodes what it gets
		return path, path != given
	}
	path, err := url.PathUnescape(given)
	sent := !strings.ContainsFunc(path, func(c rune) bool { return c <= ' ' || c == '?' || c == '#' || c == 0x7f }) // or no client can send it
	return path, err == nil && sent && path != given
}

// policyRequest is what the policies look at.
func (op *operation) policyRequest() access.Request {
	r := &op.request
	out := access.Request{
		Profile: op.profile, OwnKeys: op.in.Credentials != nil, Service: r.Scope.Service, Region: r.Scope.Region, Method: r.Method,
		Scheme: r.URL.Scheme(), Host: r.URL.Host(), Path: r.URL.Path(), RawQuery: r.URL.RawQuery(),
		Headers: op.signedFields(), Body: op.payload.Bytes,
	}
	if op.action != access.ActionSend {
		out.ExpiresIn = r.Expires
	}
	switch {
	case r.PayloadHash == signing.UnsignedPayload, r.PayloadHash == signing.StreamingUnsignedPayloadTrailer:
		out.Payload = access.PayloadUnsigned
	case op.payload.hashOnly:
		out.Payload = access.PayloadHash
	default:
		out.Payload = access.PayloadSigned
	}
	return out
}

// signs tells whether the signature covers a header, named in lower case.
func (op *operation) signs(name string) bool {
	for signed := range strings.SplitSeq(op.signed, ";") {
		if signed == name {
			return true
		}
	}
	return false
}

// signedFields are the headers that the policies see: those that the signature covers, so that nobody can change afterwards what was
// decided on. Of what this service sends they see everything. Host is an attribute of its own, and what signing sets is no choice of the
// caller's.
func (op *operation) signedFields() []access.Field {
	fields := op.space.fields[:0]
	for i, h := range op.request.Headers {
		name := op.headerNames()[i]
		noChoice := signing.Reserved(name) || name == "x-amz-content-sha256" || name == "host"
		if !noChoice && (op.action == access.ActionSend || op.signs(name)) {
			fields = append(fields, access.Field{Name: name, Value: h.Value})
		}
	}
	return fields
}

// signWhatPoliciesRead adds the headers that some policy looks at to those that are signed. One that cannot be signed no policy sees. What
// this service sends nobody changes before it leaves, so only what says how AWS reads it is signed.
func (b *Broker) signWhatPoliciesRead(in *Input, op *operation) error {
	if op.action == access.ActionSend {
		for _, name := range sending.Signed(op.request.Headers) {
			if !op.quirks.NeverSigned(name) {
				op.request.SignedHeaders = append(op.request.SignedHeaders, name)
			}
		}
		return nil
	}
	if in.SignAllHeaders {
		return nil
	}
	for _, name := range op.headerNames() {
		reason, forbidden := signing.Fragile(op.request.Method, name)
		if forbidden || op.quirks.NeverSigned(name) || !b.Policy.ReadsHeader(name) || slices.Contains(op.request.SignedHeaders, name) {
			continue
		}
		op.request.SignedHeaders = append(op.request.SignedHeaders, name)
		if reason != "" {
			op.warnOf(headerPart(name), "header_signed_for_policy", "The header "+name+" was signed, since a policy looks at it. It may not "+
				"arrive as it is given: it "+reason+". AWS then refuses the signature.")
		}
	}
	return nil
}
