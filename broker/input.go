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

// Input is the request that a caller wants to send to AWS, and how it must be signed. The zero value of all but Method and
// URL means that the caller does not say.
type Input struct {
	Method, URL string
	Query       []signing.Parameter // added to that of the URL
	Headers     []signing.Header
	// Body reads the body. It is called when URL and scope are found right, so that nothing large is read for a request
	// that is refused anyway. Nil: there is none, or it stays with the caller.
	Body func() (Body, error)
	// PayloadSHA256 is the hash of a body that stays with the caller.
	PayloadSHA256 string
	// Payload is "signed", "unsigned" or empty.
	Payload   string
	Profile   string
	Service   string
	Region    string
	Algorithm signing.Algorithm
	// SignedHeaders are names of headers to sign besides those that must be.
	SignedHeaders  []string
	SignAllHeaders bool
	// MinValidity is how long the session must last at least.
	MinValidity *time.Duration
	SigningTime *time.Time
	// Credentials sign in place of a profile's session. Region, Caller and MinValidity in them are not used.
	Credentials *credentials.RequestCredentials
	// NormalizePath, DoubleEncode, ContentSHA256Header and Token depart from what the service wants.
	NormalizePath, DoubleEncode, ContentSHA256Header *bool
	Token                                            signing.TokenMode
	// Expires is the lifetime of a presigned URL, a form or a token.
	Expires time.Duration
	Explain bool
}

// Media types of bodies whose request names none.
const (
	MediaJSON   = "application/json"
	MediaText   = "text/plain; charset=utf-8"
	MediaBinary = "application/octet-stream"
	MediaForm   = "application/x-www-form-urlencoded"
)

// Body is a body in the one form that is hashed.
type Body struct {
	Present   bool
	Bytes     []byte
	MediaType string // where no header says it
	// FromEnvelope: the media type came with the body, so it must be sent.
	FromEnvelope bool
	// Text: the body goes back as text, else as Base64.
	Text bool
	// Null: the caller wrote that there is none, which may be a slip.
	Null bool
}

// payload is the body, and what is signed of it.
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
	step      int            // of the four steps, where they are taken apart
	policy    access.Request // what the policies look at
	profile   string         // the caller's, or the default one
	session   credentials.Session
	quirks    endpoints.Quirks
	// normalized: dot segments and empty segments were collapsed, if there were any.
	normalized bool
	inferred   bool // service or region came from the host
	placed     bool // what the host tells is known:
	place      endpoints.Scope
	placeErr   error
	names      []string // those of the request's headers, as headerNames has them
	signed     string   // the names of the headers that the signature covers, joined by semicolons
	warnings   []signing.Warning
	upstream   []UpstreamHeader // of the operator, sent and not signed
	upgrade    bool             // a request to send asks for another protocol
	stream     *Stream          // the body of a request to send that is not held in memory
	// warned are the parts that the warnings are about, one for each.
	warned   []problem.Field
	scopeWhy string // what the host tells of its scope
	pattern  bool   // a host pattern does
	made     Result
	space    usualHeaders
}

// usualHeaders is space for what a request with few headers needs to be decided on.
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

// read makes of what the caller sent the one value that is decided on, signed and answered.
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

// readPayload reads the body, or takes the hash that stands for it.
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
			return &problem.Error{Code: "fields_conflict", Detail: "A payload that is not signed has no hash.", Fields: []problem.Field{
				{Part: "payload", Detail: "unsigned leaves no use for payloadSha256."},
				{Part: "payloadSha256", Detail: "The hash has no use when payload is unsigned."},
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
