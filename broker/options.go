package broker

import (
	"strings"
	"time"

	"countersign/access"
	"countersign/endpoints"
	"countersign/problem"
	"countersign/signing"
)

// setOptions decides on payload hash, content hash header and session token: as the caller says, or else as the service
// requires.
func setOptions(in *Input, op *operation) error {
	if op.upgrade && op.quirks.UpgradePresigned {
		op.request.Expires = upgradeExpiry
	}
	r, presign := &op.request, op.presigns()
	unsigned := in.Payload == "unsigned"
	if unsigned && !op.takesUnsigned(in) {
		switch {
		case op.quirks.UnsignedPayloadPartly:
			op.warn("payload_unsigned", "The service "+r.Scope.Service+" accepts an unsigned payload in some calls and "+
				"refuses it in others. Sign the payload if you have it.")
		case endpoints.IsService(r.Scope.Service):
			return problem.InvalidPart("payload", "", "The service "+r.Scope.Service+" does not accept an unsigned payload.")
		default:
			op.warn("payload_unsigned", "It is not known here whether the service "+r.Scope.Service+" accepts an "+
				"unsigned payload. Most services do not.")
		}
	}
	if s := op.stream; s != nil && s.Hash == "" && s.Unsigned != nil && r.URL.Scheme() == "https" &&
		(op.quirks.UnsignedPayloadOnly || s.PreferUnsigned && op.takesUnsigned(in)) {
		op.payload.hash, s.Open = signing.UnsignedPayload, s.Unsigned
	}
	hashGiven := in.Payload != "" || in.PayloadSHA256 != "" || op.stream != nil
	if !hashGiven && (op.quirks.UnsignedPayloadOnly || presign && op.quirks.S3Style) {
		op.payload.hash = signing.UnsignedPayload
	}
	r.PayloadHash = op.payload.hash
	r.ContentSHA256Header = r.ContentSHA256Header || op.quirks.ContentSHA256 || !isSHA256(r.PayloadHash)
	r.Token = signing.TokenSigned
	if op.quirks.TokenAppended && presign {
		r.Token = signing.TokenAppended
	}
	if in.Token != "" {
		r.Token = in.Token
	}
	if in.ContentSHA256Header != nil {
		r.ContentSHA256Header = *in.ContentSHA256Header
	}
	// In presigned URLs, only what departs from the rule is stated: at S3 that the payload is signed, at a few others
	// that it is not.
	switch unsigned = r.PayloadHash == signing.UnsignedPayload; {
	case !presign:
	case op.quirks.S3Style == unsigned, unsigned && !op.takesUnsigned(in):
		r.ContentSHA256Header = false
	}
	return nil
}

// upgradeExpiry is the lifetime of a URL that is presigned to be sent at once. Transcribe accepts no longer one.
const upgradeExpiry = 5 * time.Minute

// presigns reports whether the signature goes into the URL.
func (op *operation) presigns() bool {
	return op.action == access.ActionPresign || op.upgrade && op.quirks.UpgradePresigned
}

// takesUnsigned reports whether the service is known to accept an unsigned payload.
func (op *operation) takesUnsigned(in *Input) bool {
	return op.quirks.UnsignedPayloadAllowed || op.serviceOperation(in).UnsignedPayload
}

// serviceOperation returns how the operation departs from the service's usual signing. It is not for policies, which
// must not guess: package access determines the operation by stricter rules.
func (op *operation) serviceOperation(in *Input) endpoints.Operation {
	call := endpoints.Call{Method: in.Method, Path: op.request.URL.Path()}
	for _, h := range op.request.Headers {
		if strings.EqualFold(h.Name, "x-amz-target") {
			call.Target = strings.TrimSpace(h.Value)
		}
	}
	if strings.Contains(op.request.URL.RawQuery(), "Action=") {
		for _, q := range op.request.URL.Query() {
			if q.Name == "Action" {
				call.Action = q.Value
			}
		}
	}
	return endpoints.OperationOf(op.request.Scope.Service, call)
}

func warnOfOperation(in *Input, op *operation) error {
	if o := op.serviceOperation(in); o.Unsigned {
		op.warn("operation_unsigned", "The operation "+o.Name+" accepts no signature and needs none.")
	}
	return nil
}
