package broker

import (
	"slices"
	"strings"

	"countersign/access"
	"countersign/endpoints"
	"countersign/problem"
	"countersign/signing"
)

// setHeaders copies the caller's headers into the request. Headers that signing sets are dropped with a warning, so
// that a request that was signed before can be signed again. Headers that may be dropped or changed on the way to AWS
// get a warning.
func setHeaders(in *Input, op *operation) error {
	warned, sends := map[string]bool{}, op.action == access.ActionSend
	op.request.Headers, op.names = op.space.headers[:0], op.space.names[:0]
	if n := len(in.Headers) + 1; n > len(op.space.names) {
		op.request.Headers, op.names = make([]signing.Header, 0, n), make([]string, 0, n)
	}
	var hashes []signing.Header
	for _, h := range in.Headers {
		name := lowerName(strings.TrimSpace(h.Name))
		if reason := unsendable(name, h, in.SignAllHeaders); reason != "" {
			return &problem.Error{
				Code: "header_invalid", Detail: "A header is not valid.",
				Fields: []problem.Field{{Part: "header", Name: h.Name, Detail: reason}},
			}
		}
		switch by := op.madeBy(name); {
		case by != "":
			if !warned[name] {
				op.warnOf(headerPart(name), "header_replaced", "The header "+name+" is set by "+by+"; the one given was dropped.")
			}
			warned[name] = true
			continue
		case name == "x-amz-content-sha256":
			hashes = append(hashes, h)
			continue
		case name == "content-type":
			op.mediaType = strings.TrimSpace(h.Value)
		case name == "accept-encoding" && sends:
			h.Value = searchable(h.Value)
		}
		if reason, _ := signing.Fragile(in.Method, name); reason != "" && !warned[name] && !sends {
			warned[name] = true
			op.warnOf(headerPart(name), "header_fragile", "The header "+name+" may not arrive unchanged: it "+reason+".")
		}
		op.request.Headers, op.names = append(op.request.Headers, h), append(op.names, name)
	}
	op.warnOfRepeated()
	if op.mediaType == "" {
		op.mediaType = op.payload.MediaType
		if op.payload.FromEnvelope || sends && op.payload.Present {
			op.request.Headers = append(op.request.Headers, signing.Header{Name: "Content-Type", Value: op.payload.MediaType})
		}
	}
	for _, name := range in.SignedHeaders {
		lower := strings.ToLower(strings.TrimSpace(name))
		if op.quirks.NeverSigned(lower) {
			return problem.InvalidPart("signedHeader", lower, "The service "+op.request.Scope.Service+" refuses signatures "+
				"that hold the header "+lower+". Leave it out; it is still sent.")
		}
		if lower != "host" && lower != "x-amz-content-sha256" && !setBySigner(lower) {
			op.request.SignedHeaders = append(op.request.SignedHeaders, lower)
		}
	}
	op.listAllHeaders()
	return op.takeContentHashes(in, hashes)
}

// searchable returns the encodings that a client accepts in which a response can be searched for secrets.
func searchable(accepted string) string {
	var kept []string
	for encoding := range strings.SplitSeq(accepted, ",") {
		if name, _, _ := strings.Cut(encoding, ";"); isSearchable(name) {
			kept = append(kept, strings.TrimSpace(encoding))
		}
	}
	if kept == nil {
		return "identity"
	}
	return strings.Join(kept, ", ")
}

// lowerName is [strings.ToLower] without an allocation for the most common name.
func lowerName(name string) string {
	if name == "Content-Type" {
		return "content-type"
	}
	return strings.ToLower(name)
}

// headerNames returns the lower-case names of the headers. Headers are only ever appended.
func (op *operation) headerNames() []string {
	for _, h := range op.request.Headers[len(op.names):] {
		op.names = append(op.names, strings.ToLower(strings.TrimSpace(h.Name)))
	}
	return op.names
}

// warnOfRepeated warns about single-value headers that are given twice: joined by a comma, they mean something else.
func (op *operation) warnOfRepeated() {
	given := map[string]int{}
	for _, name := range op.headerNames() {
		if given[name]++; given[name] == 2 && holdsOneValue(name) {
			op.warnOf(headerPart(name), "header_repeated", "The header "+name+" is given twice but takes one value. Both were "+
				"joined by a comma; keep one of them.")
		}
	}
}

// holdsOneValue reports whether a header is not a list. Only some of AWS's own headers are lists; the caller's own may
// be.
func holdsOneValue(name string) bool {
	switch name {
	case "content-type", "content-disposition", "range", "x-apigw-api-id":
		return true
	case "x-amz-object-attributes", "x-amz-optional-object-attributes":
		return false
	}
	return strings.HasPrefix(name, "x-amz-") && !strings.HasPrefix(name, "x-amz-meta-") && !strings.HasPrefix(name, "x-amz-grant-")
}

// unsendable returns why clients cannot send a header, and how to encode the value so that AWS reads it, or "". A
// caller who has all headers signed asserts that its client sends them unchanged.
func unsendable(name string, h signing.Header, asTheyAre bool) string {
	if kind := unevaluated(h.Name); kind != "" {
		return "The name holds " + kind + ", which looks like an expression that was not evaluated."
	}
	if isASCII(h.Value) || asTheyAre {
		return ""
	}
	const reason = "The header holds characters that are not ASCII, which clients refuse or change. "
	switch {
	case name == "x-amz-copy-source" || name == "x-amz-rename-source" || name == "x-amz-website-redirect-location":
		return reason + "Percent-encode the value as UTF-8, as in a URL."
	case name == "x-amz-tagging":
		return reason + "Percent-encode the names and values of the tags as UTF-8, as in a query."
	case name == "content-disposition":
		return reason + "Percent-encode the name of the file as UTF-8 (RFC 8187): filename*=UTF-8''caf%C3%A9.txt."
	case strings.HasPrefix(name, "x-amz-meta-"):
		return reason + "Encode the value by RFC 2047, which S3 decodes in metadata: =?UTF-8?B?…?= with " +
			"the Base64 of its UTF-8; or percent-encode it if only your own programs read it."
	}
	return reason + "Write the value in ASCII."
}

// listAllHeaders replaces "all headers" by their names for a service that refuses signatures over some of them.
func (op *operation) listAllHeaders() {
	refused := func(h signing.Header) bool { return op.quirks.NeverSigned(strings.ToLower(h.Name)) }
	if !op.request.SignAllHeaders || !slices.ContainsFunc(op.request.Headers, refused) {
		return
	}
	op.request.SignAllHeaders = false
	for _, h := range op.request.Headers {
		if _, forbidden := signing.Fragile(op.request.Method, h.Name); !forbidden && !refused(h) {
			op.request.SignedHeaders = append(op.request.SignedHeaders, strings.ToLower(h.Name))
		}
	}
}

// setBySigner reports whether callers cannot set a header: signing sets it, or proxies write it for one another.
func setBySigner(name string) bool {
	return signing.Reserved(name) || strings.HasPrefix(name, "x-forwarded-")
}

// madeBy returns who sets a header that callers cannot set, or "" for other headers.
func (op *operation) madeBy(name string) string {
	switch {
	case setBySigner(name):
		return "signing"
	case op.isUpstream(name):
		return "the operator, for this host"
	case op.action == access.ActionSend && setBySender(name):
		return "whoever sends the request"
	}
	return ""
}

// setBySender reports whether a header belongs to the connection, or is written by proxies for one another: the sender
// sets those itself.
func setBySender(name string) bool {
	switch name {
	case "connection", "content-length", "expect", "forwarded", "http2-settings", "keep-alive", "te", "trailer",
		"transfer-encoding", "upgrade", "via":
		return true
	}
	return strings.HasPrefix(name, "proxy-")
}

// takeContentHashes handles x-amz-content-sha256. A value equal to what will be signed anyway means that the header
// should be sent, and UNSIGNED-PAYLOAD means that the body should not be signed. It runs after the other headers, which
// determine the operation.
func (op *operation) takeContentHashes(in *Input, headers []signing.Header) error {
	for _, h := range headers {
		value := strings.TrimSpace(h.Value)
		switch {
		case strings.EqualFold(value, signing.UnsignedPayload):
			if err := op.leaveUnsigned(in, h.Name); err != nil {
				return err
			}
		case strings.EqualFold(value, op.payload.hash):
		case isSHA256(value) && op.action == access.ActionSend:
			return problem.InvalidPart("header", h.Name, "The value is not the hash of the body given. Leave the header out; it is set here.")
		case isSHA256(value):
			return problem.InvalidPart("header", h.Name, "The value is not the hash of the body given. When the body stays with "+
				"you, put its hash into payloadSha256.")
		case strings.HasPrefix(value, "STREAMING-"):
			return problem.InvalidPart("header", h.Name, "A body in signed chunks cannot be signed here, because the "+
				"chunks are not available.")
		default:
			return problem.InvalidPart("header", h.Name, "The value is not the hash of the body.")
		}
		op.request.ContentSHA256Header = true
	}
	if len(headers) > 0 && op.action == access.ActionPresign && !op.quirks.UnsignedPayloadOnly {
		op.warnOf(headerPart("x-amz-content-sha256"), "header_replaced", "The header x-amz-content-sha256 was dropped. A "+
			`presigned URL has the hash in its query, and only at S3 with payload "signed" or payloadSha256.`)
	}
	return nil
}

// leaveUnsigned handles the header value UNSIGNED-PAYLOAD, which means the same as the field payload.
func (op *operation) leaveUnsigned(in *Input, header string) error {
	service := op.request.Scope.Service
	switch {
	case in.PayloadSHA256 != "":
		return problem.InvalidPart("header", header, "The header leaves the payload out of the signature, and payloadSha256 "+
			"gives its hash. Keep one of the two.")
	case in.Payload == "signed":
		return problem.InvalidPart("header", header, "The header leaves the payload out of the signature, and the field payload "+
			"signs it. Keep one of the two.")
	case !op.takesUnsigned(in) && endpoints.IsService(service):
		return problem.InvalidPart("header", header, "The service "+service+" does not accept an unsigned payload.")
	}
	in.Payload, op.payload.hash = "unsigned", signing.UnsignedPayload
	return nil
}
