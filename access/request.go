package access

import "time"

// Action is what the caller wants done with a request.
type Action string

// The actions of the policies.
const (
	ActionSign    Action = "sign"
	ActionPresign Action = "presign"
	ActionVerify  Action = "verify"
	// ActionPostPolicy is an S3 upload form. Its Request has the method POST, as
	// Path the bucket's path and the key or key prefix that the form allows, and
	// as Headers the form's fields.
	ActionPostPolicy Action = "post-policy"
	// ActionSend is a request that this service itself sends to AWS, and whose
	// response the caller gets. The Headers of its Request are all that are sent.
	ActionSend Action = "send"
	// ActionConfigure is that a configuration takes effect. No policy is asked.
	ActionConfigure Action = "configure"
)

// Payload tells what the signature says about the body.
type Payload string

// The kinds of payload.
const (
	PayloadSigned   Payload = "signed"   // the hash is of the body that Request holds
	PayloadHash     Payload = "hash"     // the caller gave the hash and kept the body
	PayloadUnsigned Payload = "unsigned" // the body is open
)

// Field is a header or a form field.
type Field struct{ Name, Value string }

// Request is the request to be decided on. Every field comes from the one
// parsed value that is signed and sent, in wire form: what is decided here is
// what leaves. The zero value of a field says that it is not known.
type Request struct {
	// Profile names the credentials. It is empty when the caller brought its own,
	// and then OwnKeys says so.
	Profile string
	OwnKeys bool
	// Service and Region are the credential scope's; a region set is joined by commas.
	Service, Region string
	Method          string
	// Scheme is "https" or "http". Host is as the Host header is sent: in lower
	// case, with a port only where it is not the scheme's own.
	Scheme, Host string
	// Path and RawQuery are percent-encoded as they are sent.
	Path, RawQuery string
	// Headers are those that the signature covers, but for Host and what signing
	// sets: a header that is sent unsigned can be changed by whoever sends it. With
	// [ActionSend] that is nobody else, and they are all that are sent.
	Headers []Field
	Payload Payload
	// Body is the body under PayloadSigned. It is looked at only to find the
	// operation of services that are told it there; never kept.
	Body []byte
	// ExpiresIn is for [ActionPresign].
	ExpiresIn time.Duration
}

// Question asks whether a caller may have an action done.
type Question struct {
	Caller  Caller
	Action  Action
	Request Request
}

// Decision is the answer to a [Question].
type Decision struct {
	Allowed bool
	// Policies are the ids of the policies that decided; none when nothing
	// permitted the request, or when it is malformed.
	Policies []string
	// Reason says why not, in words that the caller may see.
	Reason string
	// Malformed is the field that no policy could have decided on: "service",
	// "method", "url", "headers" or "body". It is the caller's fault, not a lack of rights.
	Malformed string
	// Operation is the AWS operation, "" when the request does not name exactly one.
	Operation string
	// Notes say which policies could not be evaluated, and why: for the operator.
	Notes []string
}
