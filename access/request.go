package access

import "time"

// Action is what the caller wants to do with a request.
type Action string

// The actions that policies can name, and ActionConfigure.
const (
	ActionSign    Action = "sign"
	ActionPresign Action = "presign"
	ActionVerify  Action = "verify"
	// ActionPostPolicy is an S3 upload form. Its Request has the method POST. Its Path is the bucket's path and the key
	// or key prefix that the form allows, and its Headers are the form's fields.
	ActionPostPolicy Action = "post-policy"
	// ActionSend is a request that this service itself sends to AWS, and whose response the caller gets. The Headers of
	// its Request are all the headers that are sent.
	ActionSend Action = "send"
	// ActionConfigure is in the record of a configuration that takes effect. Policies do not decide it.
	ActionConfigure Action = "configure"
)

// Payload says how the signature covers the body.
type Payload string

// The kinds of payload.
const (
	PayloadSigned   Payload = "signed"   // the hash is of Request.Body
	PayloadHash     Payload = "hash"     // the caller gave the hash and kept the body
	PayloadUnsigned Payload = "unsigned" // the signature does not cover the body
)

// Field is a header or a form field.
type Field struct{ Name, Value string }

// Request is the request to decide. Every field is taken, in wire form, from the one parsed value that is signed and
// sent, so that the decision is about exactly what leaves. The zero value of a field means unknown.
type Request struct {
	// Profile names the credentials. It is empty if the caller brought its own keys; then OwnKeys is true.
	Profile string
	OwnKeys bool
	// Service and Region are from the credential scope; a region set is joined by commas.
	Service, Region string
	Method          string
	// Scheme is "https" or "http". Host is the Host header as sent: in lower case, with a port only if it is not the
	// scheme's default.
	Scheme, Host string
	// Path and RawQuery are percent-encoded, as sent.
	Path, RawQuery string
	// Headers are the headers that the signature covers, except Host and those that signing sets. Unsigned headers are
	// left out because whoever sends the request can change them. With [ActionSend] this service is the sender, and
	// Headers are all the headers that are sent.
	Headers []Field
	Payload Payload
	// Body is the body, for PayloadSigned. It is read only to find the operation of services that name it there, and
	// never kept.
	Body []byte
	// ExpiresIn is for [ActionPresign].
	ExpiresIn time.Duration
}

// Question asks whether a caller may perform an action on a request.
type Question struct {
	Caller  Caller
	Action  Action
	Request Request
}

// Decision is the result of deciding a [Question].
type Decision struct {
	Allowed bool
	// Policies are the ids of the deciding policies; none if nothing permitted the request or if it is malformed.
	Policies []string
	// Reason says why the request was denied, in words that the caller may see.
	Reason string
	// Malformed is the field because of which no policy could decide: "service", "method", "url", "headers" or "body".
	// It means an invalid request, not missing permission.
	Malformed string
	// Operation is the AWS operation, or "" if the request does not name exactly one.
	Operation string
	// Notes say, for the operator, which policies could not be evaluated and why.
	Notes []string
}
