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

// authorize lets the policies decide on exactly the value that will be signed, before a session is requested from AWS,
// and starts the audit record of the decision. The error is nil if they allow it.
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

// denial returns a 403 for what a policy could allow, and a 400 for what no policy could allow: that is the caller's
// mistake, which the operator cannot correct.
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

// sentence makes sure that a reason, which may come from a policy's @reason, ends with one full stop.
func sentence(reason string) string {
	if reason = strings.TrimSpace(reason); strings.HasSuffix(reason, ".") || strings.HasSuffix(reason, "!") || strings.HasSuffix(reason, "?") {
		return reason
	}
	return reason + "."
}

// pathAsServiceDecodes returns the path that the service would read out of the signature if options.doubleEncode makes
// the encoding differ from the service's own. The signature is valid for that path as well.
func (op *operation) pathAsServiceDecodes() (path string, differs bool) {
	r := &op.request
	if r.SingleEncode == op.quirks.S3Style {
		return "", false
	}
	given := r.URL.Path()
	if !r.SingleEncode {
		path = signing.CanonicalURI(given, false) // S3 decodes the path it receives
		return path, path != given
	}
	path, err := url.PathUnescape(given)
	// No client can send other paths.
	sent := !strings.ContainsFunc(path, func(c rune) bool { return c <= ' ' || c == '?' || c == '#' || c == 0x7f })
	return path, err == nil && sent && path != given
}

// policyRequest returns the request as the policies see it.
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

// signs reports whether the signature covers a header, named in lower case.
func (op *operation) signs(name string) bool {
	for signed := range strings.SplitSeq(op.signed, ";") {
		if signed == name {
			return true
		}
	}
	return false
}

// signedFields returns the headers that the policies see: those that the signature covers, so that what was decided
// cannot be changed afterwards. For requests that this service sends, they see every header. Left out are Host, which
// has its own attribute, and the headers that signing sets, which the caller does not choose.
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

// signWhatPoliciesRead adds the headers that some policy looks at to the signed ones. Policies never see headers that
// cannot be signed. Requests that this service sends cannot be changed before they leave, so only the headers that
// determine how AWS reads the request are added there.
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
			op.warnOf(headerPart(name), "header_signed_for_policy", "The header "+name+" was signed, because a policy looks at it. It may not "+
				"arrive unchanged: it "+reason+". AWS then refuses the signature.")
		}
	}
	return nil
}
