// Package reading reads what people paste: a request in the form of one tool
// or another, the response to it, a refusal by AWS, or several of these.
//
// It finds requests, responses and refusals with the place of every value in
// the paste. It looks for the wording of errors, not for the structure of
// documents, since the same sentence comes in JSON, in XML, in a log line and
// in the text of an exception. It does not judge: whether a signature is right
// and why AWS refused are for its callers to find out.
//
// Nothing in a paste is run, fetched or read from disk; XML has no entities but
// the five predefined ones and characters by number. Work and memory are bounded
// by the length of the paste. The same paste always reads the same.
//
// Values hold secrets as pasted. Callers that show or log a value must pass its
// text through Redact; notes never hold text of the paste.
package reading

// Bounds of what is read. What is beyond them is left out with a note.
const (
	MaxText = 1 << 20 // bytes of a paste

	maxDepth     = 64      // arrays and objects within each other
	maxLevels    = 8       // texts within texts: JSON in JSON, base64, hex
	maxExchanges = 200     // requests and responses
	maxNodes     = 100_000 // values of JSON
	maxDecoded   = 4 << 20 // bytes of texts within texts
	maxWasted    = 4 << 20 // bytes that only looked like a document
	maxNotes     = 100
	maxHeaders   = 500 // of a command line
	maxFields    = 400 // named values of one refusal
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
	FormLogicApps      Form = "logic-apps" // and Power Automate
	FormN8N            Form = "n8n"
	FormCountersign    Form = "countersign" // requests to and responses of this service
	FormJSON           Form = "json"        // another JSON document
	FormXML            Form = "xml"
	FormHTML           Form = "html"
	FormURL            Form = "url"     // a URL alone
	FormSigning        Form = "signing" // a canonical request or string to sign
	FormText           Form = "text"    // anything else, such as an exception
)

// Reading is what a paste holds.
type Reading struct {
	Exchanges []Exchange // in the order of the paste
	Texts     []SigningText
	Parts     []Part
	Notes     []Note
	Secrets   []Secret // by place, none within another
	Cut       bool     // something in the paste ends early, or says that it was shortened

	paste Value
}

// Exchange is a request with the response to it, as far as the paste has them.
type Exchange struct {
	Form     Form
	Request  *Request
	Response *Response
	Refusal  *Refusal
}

// Part is a range of the paste that was read as one form.
type Part struct {
	Form Form
	Tool string // the SDK or program whose wording it is, where that is clear
	Span Span
}

// Request is a request as its text says it was or will be sent.
type Request struct {
	Form            Form
	Method          Value
	URL             Value
	Headers         []Header // in order, Host only where it is written
	Body            Body
	Region, Service Value // where the text names them apart from the URL and the headers
	AccessKeyID     Value // likewise
	Placeholders    []Placeholder
}

// Header is one header.
type Header struct {
	Name, Value Value
	Implied     bool   // the tool adds it by itself
	Secret      string // the kind of secret that the value is, or empty
}

// BodyState says how much of a body the paste shows.
type BodyState string

// The states.
const (
	BodyAbsent    BodyState = "absent"    // there is none
	BodyPresent   BodyState = "present"   // all of it is in the paste
	BodyTruncated BodyState = "truncated" // the paste has its beginning
	BodyUnknown   BodyState = "unknown"   // the paste does not show it: a file, a trace, a form made on sending
)

// Body is the body of a message.
type Body struct {
	State   BodyState
	Content Value
	// Exact says that these are the bytes, not only their meaning: JSON that a
	// tool shows parsed has lost white space and the spelling of numbers, and the
	// line feeds at the end of a pasted message are anyone's.
	Exact bool
}

// Response is a response as its text shows it.
type Response struct {
	Form    Form
	Status  int // 0 where the paste does not tell
	Headers []Header
	Body    Body
}

// Placeholder is something in a request that its tool fills in later: a
// variable, an expression, a command's output.
type Placeholder struct {
	Field      string // JSON Pointer into a request to sign: /url, /headerList/0/value, /body
	Start, End int    // bytes of the field's value
	Text       Value
}

// Text that takes part in signing.
const (
	CanonicalRequest = "canonical-request"
	StringToSign     = "string-to-sign"
)

// SigningText is a canonical request or a string to sign that stands by itself
// or in the log of a signer; those that AWS echoes are in a Refusal.
type SigningText struct {
	Kind   string
	Value  Value
	Signer bool // the text says that the signer made it
}

// Note is something that the reader did not take, guessed or dropped.
type Note struct {
	Code  string
	Text  string // never holds text of the paste
	Span  Span
	Error bool // the request that was read is not the one that would be sent
}

// Header finds the first header of a name, in any case.
func (r *Request) Header(name string) (Header, bool) { return findHeader(r.Headers, name) }

// Header finds the first header of a name, in any case.
func (r *Response) Header(name string) (Header, bool) { return findHeader(r.Headers, name) }

// Request is the first request of the paste, or nil.
func (r *Reading) Request() *Request {
	for i := range r.Exchanges {
		if r.Exchanges[i].Request != nil {
			return r.Exchanges[i].Request
		}
	}
	return nil
}

// Response is the first response of the paste, or nil.
func (r *Reading) Response() *Response {
	for i := range r.Exchanges {
		if r.Exchanges[i].Response != nil {
			return r.Exchanges[i].Response
		}
	}
	return nil
}

// Refusal is the first refusal of the paste, or nil.
func (r *Reading) Refusal() *Refusal {
	for i := range r.Exchanges {
		if r.Exchanges[i].Refusal != nil {
			return r.Exchanges[i].Refusal
		}
	}
	return nil
}

// Read reads a paste. What it does not understand it says in the notes.
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
