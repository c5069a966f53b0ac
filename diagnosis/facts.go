package diagnosis

import (
	"slices"
	"strconv"
	"strings"

	"countersign/internal/cborjson"
	"countersign/internal/lazyregexp"
	"countersign/reading"
	"countersign/signing"
)

// facts are the input in one form, whatever it came in.
type facts struct {
	in *Input

	signed *message // what was signed, where that is known
	sent   *message // what was sent, where that is known
	claim  claim    // what the request says of its signature

	refusal  *reading.Refusal // never nil
	response *reading.Response
	status   int
	text     string // all that the refusal says, for wording that package reading does not know
	lower    string // the same in lower case

	arrived canonical // AWS's canonical request; the zero value where there is none
	edited  bool      // somebody cut or masked something, in AWS's own texts or in the request
	signers []string  // canonical requests that the signer logged

	stringsToSign []string // likewise

	rewritten bool // the paste was read without what a mail, a chat or a log made of it

	refused bool // there is a refusal or a response
}

// message is a request in wire form.
type message struct {
	method, url               string
	scheme, host, path, query string // as written; a fragment stays in rest
	user                      string // what stands before an @ in the host
	fragment                  bool
	headers                   []signing.Header
	body                      []byte
	known                     bool // the body is given
	bare                      bool // a line or an address alone: which headers it had is not known
	exact                     bool // byte for byte as it was sent
}

const maxResponse = 256 << 10 // bytes of a response that are looked at

func observe(in *Input) *facts {
	f := &facts{in: in, refusal: &reading.Refusal{}}
	if len(in.Paste) > 0 {
		f.takePaste()
	}
	if in.Response != nil {
		f.takeResponse(in.Response)
	}
	if in.Request != nil {
		m := messageOf(in.Request)
		f.place(m)
	}
	if in.Sent != nil {
		f.sent = messageOf(in.Sent)
	}
	f.claim = readClaim(f.request(), f.refusal)
	f.arrived = parseCanonical(f.refusal.CanonicalRequest.Text())
	// A request that somebody cut may lack the list, which AWS shows.
	if list := strings.ReplaceAll(f.arrived.signedHeaders, ";", ","); f.claim.signedHeaders == "" && idIn(list) == list {
		f.claim.signedHeaders = f.arrived.signedHeaders
	}
	if m := f.sent; m != nil && m.known && f.arrived.whole && hashOf(m.body) == f.arrived.payload {
		m.exact = true // what is shown is what arrived
	}
	f.edited = f.refusal.Whole == reading.WholeNo || f.request().masked() || f.claim.maskedKey || f.rewritten &&
		f.refusal.Whole != reading.WholeYes
	return f
}

// place keeps a request as what the caller says that it is.
func (f *facts) place(m *message) {
	if f.in.RequestIs == AsSigned {
		f.signed = m
		return
	}
	f.sent = m
}

// request is the given request, the signed one first.
func (f *facts) request() *message {
	if f.signed != nil {
		return f.signed
	}
	return f.sent
}

// takeResponse reads a response in parts as it came over the wire, so that one
// reader knows all refusals.
func (f *facts) takeResponse(a *Response) {
	var b strings.Builder
	b.WriteString("HTTP/1.1 " + strconv.Itoa(a.Status) + " \r\n")
	for _, h := range a.Headers {
		if oneLine(h.Name) && oneLine(h.Value) {
			b.WriteString(h.Name + ": " + h.Value + "\r\n")
		}
	}
	body := legible(a)
	b.WriteString("\r\n")
	b.Write(body)
	r := reading.Read(b.String())
	f.refusal, f.response, f.status, f.refused = &reading.Refusal{}, r.Response(), a.Status, a.Status >= 300 || a.Status == 0
	if found := r.Refusal(); found != nil && (a.Status < 200 || a.Status >= 300 || failure().Match(body)) {
		f.refusal, f.refused = found, true
	}
	f.words(string(body))
}

// legible is what a response says, as text.
func legible(a *Response) []byte {
	body := a.Body[:min(len(a.Body), maxResponse)]
	for _, h := range a.Headers {
		if strings.EqualFold(h.Name, "Content-Type") && strings.Contains(strings.ToLower(h.Value), "cbor") {
			body, _ = cborjson.JSON(body)
			return body[:min(len(body), maxResponse)] // escapes take more
		}
	}
	return body
}

// failure is what a response with a status of success has if it is none: S3 copies, lists
// of GraphQL and of batches. A response may hold anybody's texts.
var failure = lazyregexp.New(`(?i)^\s*(?:<\?xml[^>]*>\s*)?<Error>|"errors"\s*:\s*\[|"__type"|"failed"\s*:|"(?:error)?code"\s*:`)

func oneLine(s string) bool { return !strings.ContainsAny(s, "\r\n") }

// words keeps the text of a refusal: its messages, and what stands around them.
func (f *facts) words(raw string) {
	var b strings.Builder
	for _, m := range f.refusal.Messages {
		b.WriteString(m.Text() + "\n")
	}
	b.WriteString(raw[:min(len(raw), maxResponse)])
	f.text = unwrapped(b.String())
	f.lower = strings.ToLower(f.text)
}

func messageOf(q *Request) *message {
	m := &message{method: q.Method, headers: q.Headers, body: q.Body, known: !q.BodyUnknown, exact: !q.BodyUnknown}
	m.takeURL(q.URL)
	return m
}

func messageRead(q *reading.Request) *message {
	m := &message{method: q.Method.Text(), exact: q.Body.Exact}
	m.bare = len(q.Headers) == 0 && (q.Form == reading.FormHTTP || q.Form == reading.FormURL || q.Form == reading.FormText)
	for _, h := range q.Headers {
		m.headers = append(m.headers, signing.Header{Name: h.Name.Text(), Value: h.Value.Text()})
	}
	switch q.Body.State {
	case reading.BodyAbsent:
		// curl -v shows no bodies.
		m.known = q.Form != reading.FormCurlTrace || m.method == "GET" || m.method == "HEAD"
		m.exact = m.known
	case reading.BodyPresent:
		m.known, m.body = true, []byte(q.Body.Content.Text())
	}
	m.takeURL(q.URL.Text())
	return m
}

// takeURL divides an address without changing a byte of it.
func (m *message) takeURL(raw string) {
	m.url = raw
	rest := raw
	if scheme, after, ok := strings.Cut(raw, "://"); ok && !strings.ContainsAny(scheme, "/?#") {
		m.scheme, rest = strings.ToLower(scheme), after
		end := strings.IndexAny(rest, "/?#")
		if end < 0 {
			end = len(rest)
		}
		m.host, rest = strings.ToLower(rest[:end]), rest[end:]
		if i := strings.LastIndexByte(m.host, '@'); i >= 0 {
			m.user, m.host = raw[len(scheme)+3:len(scheme)+3+i], m.host[i+1:]
		}
	}
	rest, _, m.fragment = strings.Cut(rest, "#")
	m.path, m.query, _ = strings.Cut(rest, "?")
	if m.path == "" {
		m.path = "/"
	}
	if host := m.header("host"); host != "" {
		m.host = host
	}
}

// unsigned says whether the given request shows that it has no signature.
func (f *facts) unsigned() bool {
	m := f.request()
	return m != nil && !m.bare && !f.claim.sent() && f.claim.raw == ""
}

// header is the value of a header, those of a repeated name joined.
func (m *message) header(name string) string {
	var values []string
	for _, h := range m.headers {
		if strings.EqualFold(h.Name, name) {
			values = append(values, strings.TrimSpace(h.Value))
		}
	}
	if name == "host" { // nothing sends two, and who pastes a trace and more may show it twice
		values = slices.Compact(values)
	}
	return strings.Join(values, ",")
}

func (m *message) has(name string) bool {
	for _, h := range m.headers {
		if strings.EqualFold(h.Name, name) {
			return true
		}
	}
	return false
}

// responseHeader is a header of the response.
func (f *facts) responseHeader(name string) string {
	if f.response != nil {
		if h, ok := f.response.Header(name); ok {
			return strings.TrimSpace(h.Value.Text())
		}
	}
	return f.refusal.Field(name).Text()
}

// says tells whether package reading recognized a sentence.
func (f *facts) says(ids ...string) bool {
	for _, s := range f.refusal.Says {
		for _, id := range ids {
			if s.ID == id {
				return true
			}
		}
	}
	return false
}

// code tells whether the refusal has one of these error codes. The same code stands with
// and without Exception at its end, as the protocol of the service wants it.
func (f *facts) code(codes ...string) bool {
	for _, have := range f.refusal.Codes {
		for _, c := range codes {
			if strings.TrimSuffix(have.Text(), "Exception") == strings.TrimSuffix(c, "Exception") {
				return true
			}
		}
	}
	return false
}

// mentions tells whether the refusal holds one of these texts, in any case.
func (f *facts) mentions(texts ...string) bool {
	for _, t := range texts {
		if strings.Contains(f.lower, strings.ToLower(t)) {
			return true
		}
	}
	return false
}

// host is the host of the request, without port.
func (f *facts) host() string {
	if m := f.request(); m != nil {
		host, _, _ := strings.Cut(m.host, ":")
		return host
	}
	return ""
}
