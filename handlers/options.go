package handlers

import (
	"strings"

	"countersign/access"
	"countersign/endpoints"
	"countersign/problem"
	"countersign/signing"
)

// setOptions settles payload hash, content hash header and token: what the caller says, else what the service wants.
func setOptions(in *toSend, p *prepared) error {
	r, presign := &p.request, p.action == access.ActionPresign
	unsigned := in.Payload != nil && *in.Payload == "unsigned"
	if unsigned && !p.takesUnsigned(in) {
		switch {
		case p.quirks.UnsignedPayloadPartly:
			p.warn("payload_unsigned", "The service "+r.Scope.Service+" takes an unsigned payload in some calls and refuses it in others. Sign the payload where you have it.")
		case endpoints.IsService(r.Scope.Service):
			return problem.Invalid("/payload", "The service "+r.Scope.Service+" does not take an unsigned payload.")
		default:
			p.warn("payload_unsigned", "Whether the service "+r.Scope.Service+" takes an unsigned payload is not known here. Most services do not.")
		}
	}
	hashGiven := in.Payload != nil || in.PayloadSHA256 != nil
	if !hashGiven && (p.quirks.UnsignedPayloadOnly || presign && p.quirks.S3Style) {
		p.payload.hash = signing.UnsignedPayload
	}
	r.PayloadHash = p.payload.hash
	r.ContentSHA256Header = r.ContentSHA256Header || p.quirks.ContentSHA256 || r.PayloadHash == signing.UnsignedPayload
	r.Token = signing.TokenSigned
	if p.quirks.TokenAppended && presign {
		r.Token = signing.TokenAppended
	}
	if o := in.Options; o != nil {
		if o.SessionToken != nil {
			r.Token = signing.TokenMode(*o.SessionToken)
		}
		if o.ContentSHA256Header != nil && *o.ContentSHA256Header != "auto" {
			r.ContentSHA256Header = *o.ContentSHA256Header == "always"
		}
	}
	// What presigning must say of the payload is what is not the rule: at S3 that it is signed, at a few others that it is not.
	switch unsigned = r.PayloadHash == signing.UnsignedPayload; {
	case !presign:
	case p.quirks.S3Style == unsigned, unsigned && !p.takesUnsigned(in):
		r.ContentSHA256Header = false
	}
	return nil
}

// takesUnsigned says whether the service is known to take a payload that is not signed.
func (p *prepared) takesUnsigned(in *toSend) bool {
	return p.quirks.UnsignedPayloadAllowed || p.operation(in).UnsignedPayload
}

// operation finds what departs from the service's way of signing.
func (p *prepared) operation(in *toSend) endpoints.Operation {
	call := endpoints.Call{Method: in.Method, Path: p.request.URL.Path()}
	for _, h := range p.request.Headers {
		if strings.EqualFold(h.Name, "x-amz-target") {
			call.Target = strings.TrimSpace(h.Value)
		}
	}
	for _, q := range p.request.URL.Query() {
		if q.Name == "Action" {
			call.Action = q.Value
		}
	}
	return endpoints.OperationOf(p.request.Scope.Service, call)
}

func warnOfOperation(in *toSend, p *prepared) error {
	if o := p.operation(in); o.Unsigned {
		p.warn("operation_unsigned", "The operation "+o.Name+" takes no signature and needs none.")
	}
	return nil
}
