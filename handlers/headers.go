package handlers

import (
	"slices"
	"strconv"
	"strings"

	"countersign/access"
	"countersign/signing"
)

// setHeaders takes the caller's headers into the request. Those that signing makes are dropped with a warning, so that
// a request that was signed before can be signed again; those that the way to AWS drops or changes get a warning.
func setHeaders(in *toSend, p *prepared) error {
	all := make([]signing.Header, 0, len(in.Headers)+len(in.HeaderList)+1)
	for _, h := range in.Headers {
		all = append(all, signing.Header(h))
	}
	for _, h := range in.HeaderList {
		all = append(all, signing.Header{Name: h.Name, Value: *h.Value})
	}
	warned := map[string]bool{}
	for _, h := range all {
		name := strings.ToLower(strings.TrimSpace(h.Name))
		switch {
		case !isASCII(h.Value) && !in.SignAllHeaders: // who asks for all says that its client sends headers as they are
			return &fault{code: "header_invalid", detail: "A header cannot be sent as it is.", fields: []FieldError{{headerPointer(in, h.Name), "The header holds characters that are not ASCII, which clients refuse or change. Encode them: S3 reads RFC 2047 in its metadata."}}}
		case madeHere(name):
			if !warned[name] {
				p.warn("header_replaced", "The header "+name+" is made by signing; the one given was dropped.")
			}
			warned[name] = true
			continue
		case name == "x-amz-content-sha256":
			if err := p.takeContentHash(h.Value, headerPointer(in, h.Name)); err != nil {
				return err
			}
			if p.action == access.ActionPresign && !warned[name] {
				p.warn("header_replaced", "The header "+name+` was dropped. A presigned URL has the hash in its query, and only at S3 with payload "signed" or payloadSha256.`)
			}
			warned[name] = true
			continue
		case name == "content-type":
			p.media = strings.TrimSpace(h.Value)
		}
		if reason, _ := signing.Fragile(in.Method, name); reason != "" && !warned[name] {
			warned[name] = true
			p.warn("header_fragile", "The header "+name+" may not arrive as it is given: "+reason+".")
		}
		p.request.Headers = append(p.request.Headers, h)
	}
	if p.media == "" {
		p.media = p.payload.media
		if p.payload.carried {
			p.request.Headers = append(p.request.Headers, signing.Header{Name: "Content-Type", Value: p.payload.media})
		}
	}
	for i, name := range in.SignedHeaders {
		lower := strings.ToLower(strings.TrimSpace(name))
		if p.quirks.NeverSigned(lower) {
			return fieldFault("/signedHeaders/"+strconv.Itoa(i), "The service "+p.request.Scope.Service+" refuses signatures that hold the header "+lower+". Leave it out; it is sent all the same.")
		}
		if lower != "host" && lower != "x-amz-content-sha256" && !madeHere(lower) {
			p.request.SignedHeaders = append(p.request.SignedHeaders, lower)
		}
	}
	p.listAllHeaders()
	return nil
}

// listAllHeaders puts names in place of "all headers" for a service that refuses signatures over some of them.
func (p *prepared) listAllHeaders() {
	refused := func(h signing.Header) bool { return p.quirks.NeverSigned(strings.ToLower(h.Name)) }
	if !p.request.SignAllHeaders || !slices.ContainsFunc(p.request.Headers, refused) {
		return
	}
	p.request.SignAllHeaders = false
	for _, h := range p.request.Headers {
		if _, forbidden := signing.Fragile(p.request.Method, h.Name); !forbidden && !refused(h) {
			p.request.SignedHeaders = append(p.request.SignedHeaders, strings.ToLower(h.Name))
		}
	}
}

// madeHere names what a caller cannot set: what signing sets, and what proxies write for one another.
func madeHere(name string) bool {
	return slices.Contains([]string{"authorization", "x-amz-date", "x-amz-security-token", "x-amz-region-set"}, name) ||
		strings.HasPrefix(name, "x-forwarded-")
}

// takeContentHash takes an x-amz-content-sha256 that says what will be signed anyway as the wish to send it.
func (p *prepared) takeContentHash(value, pointer string) error {
	value = strings.TrimSpace(value)
	switch {
	case strings.EqualFold(value, p.payload.hash), value == signing.UnsignedPayload && p.quirks.UnsignedPayloadOnly:
		p.request.ContentSHA256Header = true
		return nil
	case value == signing.UnsignedPayload:
		return fieldFault(pointer, `To leave the body out of the signature, set payload to "unsigned".`)
	case isSHA256(value):
		return fieldFault(pointer, "The value is not the hash of the body given. When the body stays with you, put its hash into payloadSha256.")
	case strings.HasPrefix(value, "STREAMING-"):
		return fieldFault(pointer, "A body that is sent in signed chunks cannot be signed here, where no chunk is seen.")
	}
	return fieldFault(pointer, "The value is not the hash of the body.")
}

// headerPointer finds the field that holds the header that signing refused.
func headerPointer(in *toSend, name string) string {
	for _, h := range in.Headers {
		if strings.EqualFold(h.Name, name) {
			return "/headers/" + escapePointer(h.Name)
		}
	}
	for i, h := range in.HeaderList {
		if strings.EqualFold(h.Name, name) {
			return "/headerList/" + strconv.Itoa(i)
		}
	}
	return "/headers"
}

// escapePointer writes a name as a token of a JSON Pointer (RFC 6901 section 3).
func escapePointer(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}
