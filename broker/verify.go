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

// VerifyInput is a signed request as it was or will be sent. PayloadSHA256 may be [signing.UnsignedPayload], and
// ContentSHA256Header false says that the hash was signed and not sent.
type VerifyInput struct {
	Input
	At *time.Time // nil: now
}

// Verdict says whether a signature is right, with what was computed.
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
			// The signature that would be right stays here: a response that held it would be a signature for whatever is asked about.
			out.Explanation = &Explanation{
				CanonicalRequest:       op.session.Credentials.Redact(signing.RedactTokens(v.CanonicalRequest)),
				CanonicalRequestSHA256: signing.PayloadHash([]byte(v.CanonicalRequest)),
				CredentialScope:        v.Info.CredentialScope, StringToSign: v.StringToSign, Signature: v.Info.Signature,
			}
		}
		return out, signature{value: v.Info.Signature, signedHeaders: v.Info.SignedHeaders}, nil
	})
}

// verifyReadings returns the verdict on the first of the readings that is valid, or else on the first.
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

// sessionMayDiffer says whether the session is one of several that the same caller may have signed with: all but keys
// that came with the request.
func (op *operation) sessionMayDiffer() bool {
	c := op.in.Credentials
	keys := c != nil && c.RoleARN == "" && c.RoleName == ""
	return !keys && op.session.Credentials.SessionToken() != ""
}

// VerifyPolicyRequest is what the policies look at for a request to verify.
func (b *Broker) VerifyPolicyRequest(in *VerifyInput) (access.Request, error) {
	op, _, err := b.readReceived(in)
	if err != nil {
		return access.Request{}, err
	}
	return op.policy, nil
}

// readReceived makes of what the caller sent the requests that AWS may read out of it, to be verified, and the one that is decided on.
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
	// Nothing is sent or signed, so the scheme and an address in place of a name are the sender's affair.
	url, err := signing.ParseReceivedURL(in.URL)
	if err != nil {
		return nil, err
	}
	received := signing.Received{Method: in.Method, URL: url, Headers: slices.Clip(in.Headers)}
	op.request.Method, op.request.URL = in.Method, url
	info, _ := signing.ReadSignatureInfo(&received) // what is wrong will be in the verdict
	like.Service, like.Region = cmp.Or(in.Service, info.Scope.Service), cmp.Or(in.Region, info.Scope.Region)
	if err := b.resolveScope(like, op); err != nil {
		return nil, err
	}
	in.setReading(op)
	if err := in.takePayload(op, &info); err != nil {
		return nil, err
	}
	// Content-Length, which clients add, is that of the body where one is given.
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

// setReading settles how the service reads the request: what the caller says, else what is known of the service.
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

// readings are the requests that AWS may read out of the one that came, the likeliest first. Where there are several for its path, the
// policies see the path as it came, and so none.
func (in *VerifyInput) readings(received signing.Received, op *operation) []*signing.Received {
	urls := []signing.URL{received.URL}
	switch {
	case op.normalized:
		urls = received.URL.RemoveDotSegments()
	case op.quirks.S3Style && endpoints.IsAWS(received.URL.Host()): // stores of others read a plus otherwise
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

// signatureParameters as [signing.ReadSignatureInfo] reads them: in another spelling they are the caller's own, and the policies see them.
var signatureParameters = []string{
	"X-Amz-Algorithm", "X-Amz-Content-Sha256", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-Region-Set",
	"X-Amz-Security-Token", "X-Amz-Signature", "X-Amz-SignedHeaders",
}

// takePayload takes the body that came, as far as it is given; its hash is empty where nothing is. With it comes what the signature says
// of the payload, for the policies and for where the request does not say it.
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
				{Part: "payloadSha256", Detail: "It is not the SHA-256 of the body that is given beside it."},
			}}
		}
		op.payload.hash, op.payload.hashOnly = said, !given
	}
	r := &op.request
	// The caller may say that the hash was signed and left out.
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
