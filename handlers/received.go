package handlers

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"countersign/access"
	"countersign/endpoints"
	"countersign/problem"
	"countersign/signing"
)

// receive makes of what the caller sent the requests that AWS may read out of it, to be verified, and the one that is decided on.
func (h *Handlers) receive(in *toVerify, ask *toSend) (*prepared, []*signing.Received, error) {
	p := h.newPrepared(access.ActionVerify, in.Profile, in.Credentials)
	if err := h.checkAllowed(ask, p); err != nil {
		return nil, nil, err
	}
	if err := signedBounds.check(ask); err != nil {
		return nil, nil, err
	}
	// Nothing is sent or signed, so the scheme and an address in place of a name are the sender's affair.
	url, err := signing.ParseReceivedURL(in.URL)
	if err != nil {
		return nil, nil, err
	}
	received := signing.Received{Method: in.Method, URL: url, Headers: in.sentHeaders()}
	p.request.Method, p.request.URL = in.Method, url
	claim, _ := signing.ReadClaim(&received) // a fault will be in the verdict
	ask.Service, ask.Region = orElse(in.Service, claim.Scope.Service), orElse(in.Region, claim.Scope.Region)
	if err := h.place(ask, p); err != nil {
		return nil, nil, err
	}
	if err := in.setOptions(p); err != nil {
		return nil, nil, err
	}
	if err := in.takePayload(p, &claim); err != nil {
		return nil, nil, err
	}
	received.PayloadHash = p.payload.hash
	readings := in.readings(received, p)
	if claim.Presigned {
		p.request.URL = withoutSignature(p.request.URL)
	}
	p.request.Headers, p.signed = received.Headers, strings.Split(claim.SignedHeaders, ";")
	return p, readings, nil
}

// sentHeaders are the headers that came. Content-Length, which clients add, is that of the body where one is given.
func (in *toVerify) sentHeaders() []signing.Header {
	headers := make([]signing.Header, 0, len(in.Headers)+len(in.HeaderList)+1)
	for _, h := range in.Headers {
		headers = append(headers, signing.Header(h))
	}
	for _, h := range in.HeaderList {
		headers = append(headers, signing.Header{Name: h.Name, Value: *h.Value})
	}
	if (in.Body != nil || in.BodyBase64 != nil) && !hasHeader(headers, "content-length") {
		headers = append(headers, signing.Header{Name: "Content-Length", Value: strconv.Itoa(len(in.bodyBytes))})
	}
	return headers
}

func hasHeader(headers []signing.Header, name string) bool {
	return slices.ContainsFunc(headers, func(h signing.Header) bool { return strings.EqualFold(h.Name, name) })
}

// setOptions settles how the service reads the request: what the caller says, else what is known of the service.
func (in *toVerify) setOptions(p *prepared) error {
	o := in.Options
	if o == nil {
		o = new(signingOptions)
	}
	if in.DoubleEncode != nil && o.DoubleEncode != nil && *in.DoubleEncode != *o.DoubleEncode {
		return &problem.Error{Code: "fields_conflict", Detail: "The encoding of the path is given in two ways.", Fields: []problem.Field{
			{Pointer: "/doubleEncode", Detail: "It differs from options.doubleEncode."}, {Pointer: "/options/doubleEncode", Detail: "It differs from doubleEncode."},
		}}
	}
	p.request.DoubleEncode, p.normalized = !p.quirks.S3Style, !p.quirks.S3Style
	for _, given := range []*bool{in.DoubleEncode, o.DoubleEncode} {
		if given != nil {
			p.request.DoubleEncode = *given
		}
	}
	if o.NormalizePath != nil {
		p.normalized = *o.NormalizePath
	}
	if p.quirks.TokenAppended {
		p.request.Token = signing.TokenAppended
	}
	if o.SessionToken != nil {
		p.request.Token = signing.TokenMode(*o.SessionToken)
	}
	return nil
}

// readings are the requests that AWS may read out of the one that came, the likeliest first. Where there are several for its path, the
// policies see the path as it came, and so none.
func (in *toVerify) readings(received signing.Received, p *prepared) []*signing.Received {
	urls := []signing.URL{received.URL}
	switch {
	case p.normalized:
		urls = received.URL.RemoveDotSegments()
	case p.quirks.S3Style && ofAWS(received.URL):
		urls[0] = received.URL.PlusIsSpace()
	}
	if len(urls) == 1 {
		p.request.URL = urls[0]
	}
	var readings []*signing.Received
	for _, url := range urls {
		reading := received
		reading.URL = url
		readings = append(readings, &reading)
	}
	// Without a Host header it is not known how the client wrote the host: most do it as the URL is read, some as it is written.
	if written := writtenHost(in.URL); written != received.URL.Host() && !hasHeader(received.Headers, "host") {
		for _, reading := range readings {
			asWritten := *reading
			asWritten.Headers = append(slices.Clip(reading.Headers), signing.Header{Name: "Host", Value: written})
			readings = append(readings, &asWritten)
		}
	}
	return readings
}

func writtenHost(url string) string {
	_, rest, _ := strings.Cut(url, "://")
	if end := strings.IndexAny(rest, "/?"); end >= 0 {
		return rest[:end]
	}
	return rest
}

// ofAWS says whether a host is one of AWS's own: stores of others speak its protocol, but read some characters otherwise.
func ofAWS(url signing.URL) bool {
	scope, err := endpoints.Infer(url.Host(), url.Path())
	if refusal := new(endpoints.Refusal); errors.As(err, &refusal) {
		return refusal.Partition != ""
	}
	return err == nil && scope.Partition != ""
}

// withoutSignature takes the parameters out that presigning adds, so that policies see what they saw when it was presigned.
func withoutSignature(url signing.URL) signing.URL {
	target, query, _ := strings.Cut(url.String(), "?")
	separator := "?"
	for piece := range strings.SplitSeq(query, "&") {
		if name, _, _ := strings.Cut(piece, "="); piece != "" && !slices.Contains(signatureParameters, name) {
			target, separator = target+separator+piece, "&"
		}
	}
	without, _, err := signing.ParseURL(target, nil)
	if err != nil { // never of parts of a URL
		return url
	}
	return without
}

var signatureParameters = []string{
	"X-Amz-Algorithm", "X-Amz-Content-Sha256", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-Region-Set",
	"X-Amz-Security-Token", "X-Amz-Signature", "X-Amz-SignedHeaders",
}

// takePayload takes the body that came, as far as it is given; its hash is empty where nothing is. With it comes what the signature says
// of the payload, for the policies and for where the request does not say it.
func (in *toVerify) takePayload(p *prepared, claim *signing.Claim) error {
	if in.Body != nil && in.BodyBase64 != nil {
		return &problem.Error{Code: "fields_conflict", Detail: "The body is given in more than one way.", Fields: []problem.Field{
			{Pointer: "/body", Detail: "Only one of body and bodyBase64 can be given."}, {Pointer: "/bodyBase64", Detail: "Only one of body and bodyBase64 can be given."},
		}}
	}
	given := in.Body != nil || in.BodyBase64 != nil
	p.payload = payload{bytes: in.bodyBytes}
	if given {
		p.payload.hash = signing.PayloadHash(in.bodyBytes)
	}
	if hash := in.PayloadSHA256; hash != nil {
		said := *hash
		if said != signing.UnsignedPayload {
			said = strings.ToLower(said)
		}
		if given && said != p.payload.hash && said != signing.UnsignedPayload {
			return &problem.Error{Code: "fields_conflict", Detail: "The hash is not that of the body.", Fields: []problem.Field{
				{Pointer: "/payloadSha256", Detail: "It is not the SHA-256 of the body that is given beside it."},
			}}
		}
		p.payload.hash, p.payload.kept = said, !given
	}
	r := &p.request
	option := in.Options != nil && in.Options.ContentSHA256Header != nil && *in.Options.ContentSHA256Header == "never"
	notSent := option && in.PayloadSHA256 != nil // the caller says that the hash was signed and left out
	switch r.PayloadHash = claim.PayloadHash; {
	case r.PayloadHash != "":
	case claim.Presigned && p.quirks.S3Style && !notSent:
		r.PayloadHash = signing.UnsignedPayload
	default:
		r.PayloadHash = orElse(p.payload.hash, signing.PayloadHash(nil))
	}
	p.payload.kept = p.payload.kept || !given && r.PayloadHash != signing.PayloadHash(nil)
	return nil
}
