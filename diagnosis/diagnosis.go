// Package diagnosis explains refusals: from what AWS said, the request and what
// else is known it finds the cause, shows what proves it, and says what to do.
//
// It reads whatever was pasted with package reading, compares the canonical
// request that AWS echoes with the one of the given request, computes the
// signature again with the stages of package signing, and searches for the
// change of a body or the mistake of a signer that explains a difference. What a
// calculation shows is called proved, what AWS says in words stated, what fits
// best likely; where the text does not decide, the verdict is open and asks.
//
// It is a function of its arguments: no network, no clock, no environment. It
// calls nobody and fetches no address that a paste holds. Its work is bounded by
// bytes and by candidates, and by the deadline of the context, after which it
// answers with what it has found.
//
// A report holds no secret, no session token, no bearer value and no signature,
// neither the pasted one nor the one that would have been right. The caller
// decides who may diagnose with which credentials: a report tells whether a
// signature is right.
package diagnosis

import (
	"context"
	"time"

	"countersign/endpoints"
	"countersign/signing"
)

// RequestIs says what Input.Request shows.
type RequestIs string

// The responses. Without one the request is taken as it was sent.
const (
	AsSigned RequestIs = "signed" // what was signed; what was sent is not known
	AsSent   RequestIs = "sent"   // what was sent; how it was signed is not known
)

// Input is a refusal with everything that is known about it. All of it is
// optional, and every part proves more.
type Input struct {
	// Paste is text in any form that package reading knows. Request and Response
	// take the place of what it holds.
	Paste string
	// Request is the refused request, and RequestIs says at which point.
	Request   *Request
	RequestIs RequestIs
	// Sent is what was sent, where Request is what was signed.
	Sent *Request
	// Response is the refusal.
	Response *Response

	// Credentials are those that should have signed, the zero value where they
	// are not known. OtherSessions says that they are those of one session of
	// several that may have signed.
	Credentials   signing.Credentials
	OtherSessions bool
	// SessionExpires is when the session of Credentials ends.
	SessionExpires time.Time
	// STSEndpoint is the host that the session came from, empty where unknown.
	STSEndpoint string
	// Hosts are the operator's rules, nil where there are none.
	Hosts *endpoints.Hosts

	// SignedAt is when the request was signed, by a clock known to be right.
	SignedAt time.Time
	// ReceivedAt is when the refusal came; SignerClock says that this is by the
	// clock of whoever signed.
	ReceivedAt  time.Time
	SignerClock bool
	// Attempt counts the times that these very headers were sent, 0 where unknown.
	Attempt int
}

// Request is a request in parts.
type Request struct {
	Method, URL string
	Headers     []signing.Header // Host only where it is known
	Body        []byte
	// BodyUnknown says that the body is not given, or not byte for byte.
	BodyUnknown bool
}

// Response is a response in parts.
type Response struct {
	Status  int
	Headers []signing.Header
	Body    []byte
}

// Certainty says what a verdict is worth.
type Certainty string

// The certainties, from the least.
const (
	Open   Certainty = "open"   // the text does not decide; the questions would
	Likely Certainty = "likely" // fits best; others are listed
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
	Verdicts   []Verdict  `json:"verdicts"`  // the first is the most probable, the others what else may be
	RuledOut   []string   `json:"ruledOut"`  // sentences: what the refusal shows to be right
	Questions  []Question `json:"questions"` // what would decide or prove more
	Understood Understood `json:"understood"`
}

// Verdict is one cause, with what speaks for it.
type Verdict struct {
	Cause     Cause     `json:"cause"`
	Detail    string    `json:"detail,omitempty"` // one of the details of the cause
	Title     string    `json:"title"`
	Place     string    `json:"place,omitempty"` // method, path, query, header:name, body, time, scope:region and the like
	Side      Side      `json:"side"`
	Certainty Certainty `json:"certainty"`
	// Reason is what shows it, for this very request.
	Reason        string     `json:"reason"`
	Evidence      []Evidence `json:"evidence,omitempty"`
	FixInWorkflow string     `json:"fixInWorkflow"`
	FixInCode     string     `json:"fixInCode"`
	Read          string     `json:"read"` // the section of the documentation
}

// Evidence is a place where two texts differ, redacted.
type Evidence struct {
	Part    string `json:"part"`
	Signed  string `json:"signed"`  // what the signature covers or the request says
	Arrived string `json:"arrived"` // what AWS saw or expects
}

// Question is something that would decide.
type Question struct {
	What string `json:"what"`
	Why  string `json:"why"`
	How  string `json:"how"`
}

// Understood is what was read from the input, redacted.
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
	// CanonicalRequest says whether AWS's own canonical request was found: whole,
	// edited (its hash does not fit), unknown (no string to sign beside it), or empty.
	CanonicalRequest string `json:"canonicalRequest,omitempty"`
	// Secret says whether credentials for the access key were available.
	Secret bool `json:"secret"`
}

// Diagnose explains a refusal. It answers always; where nothing was understood,
// the verdict is unclear and the questions say what to provide.
func Diagnose(ctx context.Context, in Input) Report {
	f := observe(&in)
	c := &collector{facts: f, budget: &budget{ctx: ctx}}
	for _, rule := range rules {
		rule(c)
	}
	return c.report()
}

// rules are in the order of precedence: whoever speaks first gives the verdict,
// unless a later verdict is more certain.
var rules = []func(*collector){
	byWording,
	byMismatch,
	byDefault,
}
