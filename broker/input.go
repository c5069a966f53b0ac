package broker

import (
	"strings"
	"time"

	"countersign/access"
	"countersign/credentials"
	"countersign/endpoints"
	"countersign/problem"
	"countersign/signing"
)

// Input is the request that a caller wants to send to AWS, and how to sign it. A zero value means that the caller does
// not say, except in Method and URL.
type Input struct {
	Method, URL string
	Query       []signing.Parameter // added to the URL's query
	Headers     []signing.Header
	// Body reads the body. It is called after URL and scope are found valid, so that nothing large is read for a
	// request that is refused anyway. Nil means that there is no body, or that it stays with the caller.
	Body func() (Body, error)
	// PayloadSHA256 is the hash of a body that stays with the caller.
	PayloadSHA256 string
	// Payload is "signed", "unsigned" or empty.
	Payload   string
	Profile   string
	Service   string
	Region    string
	Algorithm signing.Algorithm
	// SignedHeaders are the names of additional headers to sign.
	SignedHeaders  []string
	SignAllHeaders bool
	// MinValidity is the minimum remaining lifetime of the session.
	MinValidity *time.Duration
	SigningTime *time.Time
	// Credentials sign instead of a profile's session. Their Region, Caller and MinValidity are ignored.
	Credentials *credentials.RequestCredentials
	// NormalizePath, DoubleEncode, ContentSHA256Header and Token override what is usual for the service.
	NormalizePath, DoubleEncode, ContentSHA256Header *bool
	Token                                            signing.TokenMode
	// Expires is the lifetime of a presigned URL, a form or a token.
	Expires time.Duration
	Explain bool
}

// The media types of bodies for which the request names none.
const (
	MediaJSON   = "application/json"
	MediaText   = "text/plain; charset=utf-8"
	MediaBinary = "application/octet-stream"
	MediaForm   = "application/x-www-form-urlencoded"
)

// Body is the body in the form that is hashed.
type Body struct {
	Present   bool
	Bytes     []byte
	MediaType string // if no header says it
	// FromEnvelope says that the media type came with the body, so it must be sent.
	FromEnvelope bool
	// Text says that the body is returned as text, otherwise as Base64.
	Text bool
	// Null says that the caller explicitly gave null, which may be a mistake.
	Null bool
}

// payload is the body and its hash.
type payload struct {
	Body
	hash     string
	hashOnly bool // the body stays with the caller, who gave its hash
}

// operation is a request that is ready to be signed: one parsed value for the decision, the signature and the response.
type operation struct {
	in        *Input
	request   signing.Request
	payload   payload
	mediaType string // of the body
	action    access.Action
	step      int            // of four-step signing; otherwise 0
	policy    access.Request // the request as the policies see it
	profile   string         // the caller's, or the default one
	session   credentials.Session
	quirks    endpoints.Quirks
	// normalized says that dot segments and empty segments were collapsed, if there were any.
	normalized bool
	inferred   bool // service or region came from the host
	placed     bool // place and placeErr are set
	place      endpoints.Scope
	placeErr   error
	names      []string // of the request's headers; see headerNames
	signed     string   // the names of the headers that the signature covers, joined by semicolons
	warnings   []signing.Warning
	upstream   []UpstreamHeader // the operator's, sent but not signed
	upgrade    bool             // the request to send asks for another protocol
	stream     *Stream          // the body of a request to send, if it is not in memory
	// warned has the part of the request that each warning is about.
	warned   []problem.Field
	scopeWhy string // why the scope was inferred
	pattern  bool   // the scope came from a host pattern
	made     Result
	space    usualHeaders
}

// usualHeaders is preallocated space for deciding a request with few headers.
type usualHeaders struct {
	headers [4]signing.Header
	names   [4]string
	fields  [4]access.Field
}

func (b *Broker) newOperation(action access.Action, in *Input) *operation {
	profile := in.Profile
	if profile == "" && in.Credentials == nil {
		profile = b.DefaultProfile
	}
	return &operation{in: in, action: action, profile: profile, warnings: []signing.Warning{}}
}

// read turns the caller's input into the one value that is decided on, signed and returned.
func (b *Broker) read(in *Input, action access.Action) (*operation, error) {
	return b.readInto(b.newOperation(action, in))
}

func (b *Broker) readInto(op *operation) (*operation, error) {
	in := op.in
	op.request.Expires = in.Expires
	for _, step := range []func(*Input, *operation) error{
		b.checkAllowed, checkBounds, correctSpelling, b.readURL, b.checkSendable, b.resolveScope, b.chooseUpstreamHeaders, cleanPath,
		readPayload, setHeaders, b.signWhatPoliciesRead, setOptions, warnOfOperation, warnOfURL, warnOfExpressions, warnOfBody, warnOfParameters,
	} {
		if err := step(in, op); err != nil {
			return nil, b.allFaults(op, op.problem(err))
		}
	}
	if err := b.checkSignable(op); err != nil {
		return nil, b.allFaults(op, op.problem(err))
	}
	op.policy = op.policyRequest()
	return op, nil
}

// readPayload reads the body, or takes its hash in place of it.
func readPayload(in *Input, op *operation) error {
	var p payload
	if in.Body != nil {
		body, err := in.Body()
		if err != nil {
			return err
		}
		p.Body = body
	}
	p.hash = signing.PayloadHash(p.Bytes)
	if in.PayloadSHA256 != "" {
		p.hash, p.hashOnly = strings.ToLower(in.PayloadSHA256), true
	}
	if in.Payload == "unsigned" {
		if in.PayloadSHA256 != "" {
			return &problem.Error{Code: "fields_conflict", Detail: "An unsigned payload has no hash.", Fields: []problem.Field{
				{Part: "payload", Detail: "unsigned excludes payloadSha256."},
				{Part: "payloadSha256", Detail: "The hash must be left out when payload is unsigned."},
			}}
		}
		p.hash = signing.UnsignedPayload
	}
	if s := op.stream; s != nil {
		p.hashOnly = in.Body == nil
		if s.Hash != "" {
			p.hash = s.Hash
		}
	}
	op.payload = p
	return nil
}
