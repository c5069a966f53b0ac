package broker

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"countersign/access"
	"countersign/endpoints"
	"countersign/problem"
	"countersign/signing"
)

// VerifyInput is a signed request as it was or will be sent. PayloadSHA256 may be [signing.UnsignedPayload]. If
// ContentSHA256Header is false, the hash was signed but not sent.
type VerifyInput struct {
	Input
	At *time.Time // nil means now
}

// Verdict says whether a signature is right, and what was computed.
type Verdict struct {
	signing.Verdict
	Explanation *Explanation
}

// Verify computes the signature of a request again and compares.
func (b *Broker) Verify(ctx context.Context, call *Call, in *VerifyInput) (*Verdict, error) {
	op, readings, err := b.readReceived(in)
	if err != nil {
		return nil, err
	}
	return perform(ctx, b, call, op, func() (*Verdict, signature, error) {
		expected := signing.Expected{
			Credentials: op.session.Credentials, OtherSessions: op.sessionMayDiffer(), Scope: signing.Scope{Service: in.Service, Region: in.Region},
			SingleEncode: op.request.SingleEncode, S3Style: op.quirks.S3Style, PayloadHash: op.request.PayloadHash, Token: op.request.Token,
			Time: b.Now().Add(op.session.Skew),
		}
		if op.quirks.S3Style {
			expected.Tolerance = signing.WindowS3
		}
		if in.At != nil {
			expected.Time = *in.At
		}
		v := verifyReadings(readings, &expected)
		out := &Verdict{Verdict: v}
		if v.CanonicalRequest != "" {
			// The right signature stays here: a response with it would be a signature for whatever a caller asks about.
			out.Explanation = &Explanation{
				CanonicalRequest:       op.session.Credentials.Redact(signing.RedactTokens(v.CanonicalRequest)),
				CanonicalRequestSHA256: signing.PayloadHash([]byte(v.CanonicalRequest)),
				CredentialScope:        v.Info.CredentialScope, StringToSign: v.StringToSign, Signature: v.Info.Signature,
			}
		}
		return out, signature{value: v.Info.Signature, signedHeaders: v.Info.SignedHeaders}, nil
	})
}

// verifyReadings returns the verdict on the first valid reading, or else on the first reading.
func verifyReadings(readings []*signing.Received, e *signing.Expected) signing.Verdict {
	first := signing.Verify(readings[0], e)
	for _, r := range readings[1:] {
		if first.Valid() {
			break
		}
		if v := signing.Verify(r, e); v.Valid() {
			return v
		}
	}
	return first
}

// sessionMayDiffer reports whether the same caller may have signed with another session: always, except with keys that
// came with the request.
func (op *operation) sessionMayDiffer() bool {
	c := op.in.Credentials
	keys := c != nil && c.RoleARN == "" && c.RoleName == ""
	return !keys && op.session.Credentials.SessionToken() != ""
}

// VerifyPolicyRequest returns the request that the policies see for a request to verify.
func (b *Broker) VerifyPolicyRequest(in *VerifyInput) (access.Request, error) {
	op, _, err := b.readReceived(in)
	if err != nil {
		return access.Request{}, err
	}
	return op.policy, nil
}

// readReceived turns the caller's input into the requests that AWS may read out of it, which are verified, and the one
// that is decided on.
func (b *Broker) readReceived(in *VerifyInput) (*operation, []*signing.Received, error) {
	like := in.Input
	op := b.newOperation(access.ActionVerify, &like)
	readings, err := b.readReceivedInto(in, &like, op)
	if err != nil {
		return nil, nil, op.problem(err)
	}
	op.policy = op.policyRequest()
	return op, readings, nil
}

func (b *Broker) readReceivedInto(in *VerifyInput, like *Input, op *operation) ([]*signing.Received, error) {
	if err := b.checkAllowed(like, op); err != nil {
		return nil, err
	}
	if err := signedBounds.check(like); err != nil {
		return nil, err
	}
	// Nothing is sent or signed, so http and an IP address are the sender's business.
	url, err := signing.ParseReceivedURL(in.URL)
	if err != nil {
		return nil, err
	}
	received := signing.Received{Method: in.Method, URL: url, Headers: slices.Clip(in.Headers)}
	op.request.Method, op.request.URL = in.Method, url
	info, _ := signing.ReadSignatureInfo(&received) // faults will be in the verdict
	like.Service, like.Region = cmp.Or(in.Service, info.Scope.Service), cmp.Or(in.Region, info.Scope.Region)
	if err := b.resolveScope(like, op); err != nil {
		return nil, err
	}
	in.setReading(op)
	if err := in.takePayload(op, &info); err != nil {
		return nil, err
	}
	// Clients add Content-Length, so it is derived from the body if that is given.
	if op.payload.Present && !hasHeader(received.Headers, "content-length") {
		received.Headers = append(received.Headers, signing.Header{Name: "Content-Length", Value: strconv.Itoa(len(op.payload.Bytes))})
	}
	received.PayloadHash = op.payload.hash
	readings := in.readings(received, op)
	if info.Presigned {
		op.request.URL = withoutSignature(op.request.URL)
	}
	op.request.Headers, op.signed = received.Headers, info.SignedHeaders
	return readings, nil
}

func hasHeader(headers []signing.Header, name string) bool {
	return slices.ContainsFunc(headers, func(h signing.Header) bool { return strings.EqualFold(h.Name, name) })
}

// setReading determines how the service reads the request: as the caller says, or else as known for the service.
func (in *VerifyInput) setReading(op *operation) {
	op.normalized = !op.quirks.S3Style
	if in.DoubleEncode != nil {
		op.request.SingleEncode = !*in.DoubleEncode
	}
	if in.NormalizePath != nil {
		op.normalized = *in.NormalizePath
	}
	op.request.Token = in.Token
	if in.Token == "" && op.quirks.TokenAppended {
		op.request.Token = signing.TokenAppended
	}
}

// readings returns the requests that AWS may read out of the received one, the likeliest first. If there are several
// for its path, the policies see the path as received, which for them is undetermined.
func (in *VerifyInput) readings(received signing.Received, op *operation) []*signing.Received {
	urls := []signing.URL{received.URL}
	switch {
	case op.normalized:
		urls = received.URL.RemoveDotSegments()
	case op.quirks.S3Style && endpoints.IsAWS(received.URL.Host()): // other vendors' stores read a plus as a plus
		urls[0] = received.URL.PlusIsSpace()
	}
	if len(urls) == 1 {
		op.request.URL = urls[0]
	}
	var readings []*signing.Received
	for _, url := range urls {
		reading := received
		reading.URL = url
		readings = append(readings, &reading)
	}
	// Without a Host header it is unknown how the client wrote the host: most write it normalized, some as in the URL.
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

// withoutSignature removes the parameters that presigning adds, so that policies see what they saw during presigning.
func withoutSignature(url signing.URL) signing.URL {
	target, query, _ := strings.Cut(url.String(), "?")
	separator := "?"
	for piece := range strings.SplitSeq(query, "&") {
		if name, _, _ := strings.Cut(piece, "="); piece != "" && !slices.Contains(signatureParameters, name) {
			target, separator = target+separator+piece, "&"
		}
	}
	without, _, err := signing.ParseURL(target, nil)
	if err != nil { // impossible for parts of a URL
		return url
	}
	return without
}

// signatureParameters are spelled as [signing.ReadSignatureInfo] reads them. In another spelling they are the caller's
// own, and the policies see them.
var signatureParameters = []string{
	"X-Amz-Algorithm", "X-Amz-Content-Sha256", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-Region-Set",
	"X-Amz-Security-Token", "X-Amz-Signature", "X-Amz-SignedHeaders",
}

// takePayload reads the body if it is given; the hash is empty if nothing is. It also determines the signed payload
// hash, for the policies and for requests that do not state it.
func (in *VerifyInput) takePayload(op *operation, info *signing.SignatureInfo) error {
	if in.Body != nil {
		body, err := in.Body()
		if err != nil {
			return err
		}
		op.payload.Body = body
	}
	given := op.payload.Present
	if given {
		op.payload.hash = signing.PayloadHash(op.payload.Bytes)
	}
	if said := in.PayloadSHA256; said != "" {
		if said != signing.UnsignedPayload {
			said = strings.ToLower(said)
		}
		if given && said != op.payload.hash && said != signing.UnsignedPayload {
			return &problem.Error{Code: "fields_conflict", Detail: "The hash is not that of the body.", Fields: []problem.Field{
				{Part: "payloadSha256", Detail: "It is not the SHA-256 of the given body."},
			}}
		}
		op.payload.hash, op.payload.hashOnly = said, !given
	}
	r := &op.request
	// The caller may say that the hash was signed but not sent.
	notSent := in.ContentSHA256Header != nil && !*in.ContentSHA256Header && in.PayloadSHA256 != ""
	switch r.PayloadHash = info.PayloadHash; {
	case r.PayloadHash != "":
	case info.Presigned && op.quirks.S3Style && !notSent:
		r.PayloadHash = signing.UnsignedPayload
	default:
		r.PayloadHash = cmp.Or(op.payload.hash, signing.PayloadHash(nil))
	}
	op.payload.hashOnly = op.payload.hashOnly || !given && r.PayloadHash != signing.PayloadHash(nil)
	return nil
}
