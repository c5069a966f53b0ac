// Package reading reads what people paste: a request in the form of one tool or another, the response to it, an AWS
// refusal, or several of these.
//
// It finds requests, responses and refusals, with the place of every value in the paste. For refusals it looks for
// the wording of errors, not for the structure of documents, because the same sentence occurs in JSON, in XML, in a
// log line and in the text of an exception. It does not judge: its callers find out whether a signature is right and
// why AWS refused.
//
// Nothing in a paste is executed, fetched or read from disk; XML has no entities except the five predefined ones and
// numeric characters. Work and memory are bounded by the length of the paste. The same paste always gives the same
// reading.
//
// Values hold secrets as pasted. Callers that show or log a value must pass its text through Redact. Notes never hold
// text of the paste.
package reading

// Limits of what is read. Anything beyond them is left out, and a note says so.
const (
	MaxText = 1 << 20 // bytes of a paste

	maxDepth     = 64      // nested arrays and objects
	maxLevels    = 8       // texts within texts: JSON in JSON, base64, hex
	maxExchanges = 200     // requests and responses
	maxNodes     = 100_000 // JSON values
	maxDecoded   = 4 << 20 // bytes of texts within texts
	maxWasted    = 4 << 20 // bytes that only looked like a document
	maxNotes     = 100
	maxHeaders   = 500 // in a command line
	maxFields    = 400 // named values in one refusal
)

// Form is the form in which a part of a paste was written.
type Form string

// The forms.
const (
	FormCurlBash       Form = "curl-bash"
	FormCurlCmd        Form = "curl-cmd"
	FormCurlPowerShell Form = "curl-powershell"
	FormPowerShell     Form = "powershell" // Invoke-RestMethod, Invoke-WebRequest
	FormCurlTrace      Form = "curl-trace" // what curl -v prints
	FormHTTP           Form = "http"
	FormFetch          Form = "fetch"
	FormAxios          Form = "axios"
	FormPostman        Form = "postman"
	FormHAR            Form = "har"
	FormLogicApps      Form = "logic-apps" // also Power Automate
	FormN8N            Form = "n8n"
	FormCountersign    Form = "countersign" // requests to this service and its responses
	FormJSON           Form = "json"        // another JSON document
	FormXML            Form = "xml"
	FormHTML           Form = "html"
	FormURL            Form = "url"     // a URL alone
	FormSigning        Form = "signing" // a canonical request or string to sign
	FormText           Form = "text"    // anything else, such as an exception
)

// Reading is the content of a paste.
type Reading struct {
	Exchanges []Exchange // in the order of the paste
	Texts     []SigningText
	Parts     []Part
	Notes     []Note
	Secrets   []Secret // in order, none inside another
	Cut       bool     // something in the paste ends early, or says that it was shortened

	paste Value
}

// Exchange is a request with the response to it, as far as the paste shows them.
type Exchange struct {
	Form     Form
	Request  *Request
	Response *Response
	Refusal  *Refusal
}

// Part is a range of the paste that was read as one form.
type Part struct {
	Form Form
	Tool string // the SDK or program whose wording it is, if clear
	Span Span
}

// Request is a request as the text shows it, sent or to be sent.
type Request struct {
	Form            Form
	Method          Value
	URL             Value
	Headers         []Header // in order; Host only if written
	Body            Body
	Region, Service Value // if given apart from the URL and the headers
	AccessKeyID     Value // likewise
	Placeholders    []Placeholder
}

// Header is one header.
type Header struct {
	Name, Value Value
	Implied     bool   // added by the tool itself
	Secret      string // what kind of secret the value is, or empty
}

// BodyState says how much of a body the paste shows.
type BodyState string

// The body states.
const (
	BodyAbsent    BodyState = "absent"    // there is none
	BodyPresent   BodyState = "present"   // all of it is in the paste
	BodyTruncated BodyState = "truncated" // only its beginning is in the paste
	BodyUnknown   BodyState = "unknown"   // not shown: a file, a trace, a form built when sending
)

// Body is the body of a message.
type Body struct {
	State   BodyState
	Content Value
	// Exact says that these are the exact bytes, not only their meaning. JSON that a tool shows parsed has lost white
	// space and the spelling of numbers, and the line feeds at the end of a pasted message may not belong to it.
	Exact bool
}

// Response is a response as the text shows it.
type Response struct {
	Form    Form
	Status  int // 0 if the paste does not say
	Headers []Header
	Body    Body
}

// Placeholder is something in a request that its tool fills in later: a variable, an expression, a command's output.
type Placeholder struct {
	Field      string // JSON Pointer into a signing request: /url, /headerList/0/value, /body
	Start, End int    // bytes of the field's value
	Text       Value
}

// The kinds of text that take part in signing.
const (
	CanonicalRequest = "canonical-request"
	StringToSign     = "string-to-sign"
)

// SigningText is a canonical request or a string to sign that stands alone or in a signer's log. The ones that AWS
// echoes are in a Refusal.
type SigningText struct {
	Kind   string
	Value  Value
	Signer bool // the text says that the signer made it
}

// Note is something that the reader ignored, guessed or dropped.
type Note struct {
	Code  string
	Text  string // never holds text of the paste
	Span  Span
	Error bool // the request that was read is not the one that would be sent
}

// Header returns the first header with a name, ignoring case.
func (r *Request) Header(name string) (Header, bool) { return findHeader(r.Headers, name) }

// Header returns the first header with a name, ignoring case.
func (r *Response) Header(name string) (Header, bool) { return findHeader(r.Headers, name) }

// Request returns the first request of the paste, or nil.
func (r *Reading) Request() *Request {
	for i := range r.Exchanges {
		if r.Exchanges[i].Request != nil {
			return r.Exchanges[i].Request
		}
	}
	return nil
}

// Response returns the first response of the paste, or nil.
func (r *Reading) Response() *Response {
	for i := range r.Exchanges {
		if r.Exchanges[i].Response != nil {
			return r.Exchanges[i].Response
		}
	}
	return nil
}

// Refusal returns the first refusal of the paste, or nil.
func (r *Reading) Refusal() *Refusal {
	for i := range r.Exchanges {
		if r.Exchanges[i].Refusal != nil {
			return r.Exchanges[i].Refusal
		}
	}
	return nil
}

// Read reads a paste. What it does not understand is in the notes.
func Read(text string) Reading {
	r := newReader(text)
	if len(text) > MaxText {
		r.note("too_long", Span{MaxText, len(text)}, true)
		r.out.Cut = true
	}
	r.scan(r.paste.trimSet("\ufeff"), 0)
	r.finish()
	return r.out
}
