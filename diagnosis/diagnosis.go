// Package diagnosis explains refusals. From what AWS said, the request and whatever else is known, it finds the
// cause, shows what proves it, and says what to do.
//
// It parses pasted text with package reading, compares the canonical request that AWS echoes with the one of the
// given request, recomputes the signature with the stages of package signing, and searches for the change of a body
// or the mistake of a signer that explains a difference. A cause is proved if a calculation shows it, stated if AWS
// says so in words, and likely if it fits best. If the text does not decide, the verdict is open and the report asks
// questions.
//
// Diagnose is a function of its arguments: no network, no clock, no environment. It never contacts an address that a
// paste holds. Its work is bounded by bytes, by candidates and by the deadline of the context, after which it reports
// what it has found.
//
// A report holds no secret, session token, bearer token or signature, neither the pasted signature nor the correct
// one. The caller decides who may diagnose with which credentials, because a report reveals whether a signature is
// right.
package diagnosis

import (
	"context"
	"time"

	"countersign/endpoints"
	"countersign/signing"
)

// RequestIs says at which point Input.Request was captured.
type RequestIs string

// The values of RequestIs. Without one, the request is taken to be as it was sent.
const (
	AsSigned RequestIs = "signed" // as signed; what was sent is not known
	AsSent   RequestIs = "sent"   // as sent; what was signed is not known
)

// Input is a refusal with everything that is known about it. Every part is optional, and every part helps to prove
// more.
type Input struct {
	// Paste is text in any form that package reading knows. Request and Response take precedence over what it holds.
	Paste string
	// Request is the refused request; RequestIs says at which point it was captured.
	Request   *Request
	RequestIs RequestIs
	// Sent is what was sent, if Request is what was signed.
	Sent *Request
	// Response is the refusal.
	Response *Response

	// Credentials are the ones that should have signed, or the zero value if they are not known. OtherSessions says
	// that they belong to only one of several sessions that may have signed.
	Credentials   signing.Credentials
	OtherSessions bool
	// SessionExpires is when the session of Credentials ends.
	SessionExpires time.Time
	// STSEndpoint is the host that issued the session, or empty if unknown.
	STSEndpoint string
	// Hosts are the operator's host rules, or nil.
	Hosts *endpoints.Hosts

	// SignedAt is when the request was signed, by a clock known to be right.
	SignedAt time.Time
	// ReceivedAt is when the refusal arrived. SignerClock says that this was read from the signer's clock.
	ReceivedAt  time.Time
	SignerClock bool
	// Attempt counts how often these very headers were sent; 0 if unknown.
	Attempt int
}

// Request is a request in parts.
type Request struct {
	Method, URL string
	Headers     []signing.Header // Host only if it is known
	Body        []byte
	// BodyUnknown says that the body is not given, or is not byte for byte what it was.
	BodyUnknown bool
}

// Response is a response in parts.
type Response struct {
	Status  int
	Headers []signing.Header
	Body    []byte
}

// Certainty says how certain a verdict is.
type Certainty string

// The certainties, weakest first.
const (
	Open   Certainty = "open"   // the text does not decide; answers to the questions would
	Likely Certainty = "likely" // fits best; alternatives are listed
	Stated Certainty = "stated" // AWS says so in words
	Proved Certainty = "proved" // a calculation or the request itself shows it
)

// Side says who has to change something.
type Side string

// The sides.
const (
	SideSigner      Side = "signer"
	SideClient      Side = "client"
	SideProxy       Side = "proxy"
	SideCredentials Side = "credentials"
	SideClock       Side = "clock"
	SidePolicy      Side = "policy"
	SideAccount     Side = "account"
	SideRoute       Side = "route"
	SideFront       Side = "front"
	SideNetwork     Side = "network"
	SideAWS         Side = "aws"
	SideRequest     Side = "request"
	SideUnknown     Side = "unknown"
)

// Report is a diagnosis.
type Report struct {
	Summary    string     `json:"summary"`   // two lines: the cause, and what to do
	Verdicts   []Verdict  `json:"verdicts"`  // most probable first; the others are alternatives
	RuledOut   []string   `json:"ruledOut"`  // sentences: what the refusal shows to be right
	Questions  []Question `json:"questions"` // what would decide or prove more
	Understood Understood `json:"understood"`
}

// Verdict is one cause with its evidence.
type Verdict struct {
	Cause     Cause     `json:"cause"`
	Detail    string    `json:"detail,omitempty"` // one of the details of the cause
	Title     string    `json:"title"`
	Place     string    `json:"place,omitempty"` // method, path, query, header:name, body, time, scope:region and the like
	Side      Side      `json:"side"`
	Certainty Certainty `json:"certainty"`
	// Reason is what shows the cause in this request.
	Reason        string     `json:"reason"`
	Evidence      []Evidence `json:"evidence,omitempty"`
	FixInWorkflow string     `json:"fixInWorkflow"`
	FixInCode     string     `json:"fixInCode"`
	Read          string     `json:"read"` // the section of the documentation
}

// Evidence is a place where two texts differ, with secrets redacted.
type Evidence struct {
	Part    string `json:"part"`
	Signed  string `json:"signed"`  // what the signature covers or the request says
	Arrived string `json:"arrived"` // what AWS saw or expects
}

// Question asks for something that would decide.
type Question struct {
	What string `json:"what"`
	Why  string `json:"why"`
	How  string `json:"how"`
}

// Understood is what was read from the input, with secrets redacted.
type Understood struct {
	Method        string `json:"method,omitempty"`
	URL           string `json:"url,omitempty"`
	AccessKeyID   string `json:"accessKeyId,omitempty"`
	Scope         string `json:"scope,omitempty"` // date/region/service/aws4_request
	SignedHeaders string `json:"signedHeaders,omitempty"`
	Date          string `json:"date,omitempty"`
	Body          string `json:"body,omitempty"` // "15 bytes", "not given"
	Status        int    `json:"status,omitzero"`
	Code          string `json:"code,omitempty"`
	Message       string `json:"message,omitempty"`
	// CanonicalRequest says whether AWS's own canonical request was found: whole, edited (its hash does not match),
	// unknown (there is no string to sign to check it with), or empty.
	CanonicalRequest string `json:"canonicalRequest,omitempty"`
	// Secret says whether credentials for the access key were available.
	Secret bool `json:"secret"`
}

// Diagnose explains a refusal. It always returns a verdict; if nothing was understood, the cause is unclear and the
// questions say what to provide.
func Diagnose(ctx context.Context, in Input) Report {
	f := observe(&in)
	c := &collector{facts: f, budget: &budget{ctx: ctx}}
	for _, rule := range rules {
		rule(c)
	}
	return c.report()
}

// rules are in order of precedence: the first to report a finding gives the verdict, unless a later finding is more
// certain.
var rules = []func(*collector){
	byWording,
	byMismatch,
	byDefault,
}
