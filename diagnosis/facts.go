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

// facts is the input in one form, however it was given.
type facts struct {
	in *Input

	signed *message // what was signed, or nil
	sent   *message // what was sent, or nil
	claim  claim    // what the request says about its signature

	refusal  *reading.Refusal // never nil
	response *reading.Response
	status   int
	text     string // everything the refusal says, for wording that package reading does not know
	lower    string // text in lower case

	arrived canonical // AWS's canonical request; the zero value if there is none
	edited  bool      // AWS's own texts or the request were cut or masked
	signers []string  // canonical requests that the signer logged

	stringsToSign []string // strings to sign that the signer logged

	rewritten bool // what a mail, a chat or a log added to the paste was removed

	refused bool // there is a refusal or a response
}

// message is a request as on the wire.
type message struct {
	method, url               string
	scheme, host, path, query string // as written, without the fragment
	user                      string // the user info before @ in the host
	fragment                  bool
	headers                   []signing.Header
	body                      []byte
	bodyKnown                 bool // the body is given
	headersUnknown            bool // only a request line or an address is given: the headers are not known
	bodyExact                 bool // the body is byte for byte what was sent
}

const maxResponse = 256 << 10 // bytes of a response that are read

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
		f.setRequest(m)
	}
	if in.Sent != nil {
		f.sent = messageOf(in.Sent)
	}
	f.claim = readClaim(f.request(), f.refusal)
	f.arrived = parseCanonical(f.refusal.CanonicalRequest.Text())
	// A cut request may lack the list, which AWS echoes.
	if list := strings.ReplaceAll(f.arrived.signedHeaders, ";", ","); f.claim.signedHeaders == "" && safeID(list) == list {
		f.claim.signedHeaders = f.arrived.signedHeaders
	}
	if m := f.sent; m != nil && m.bodyKnown && f.arrived.whole && hashOf(m.body) == f.arrived.payload {
		m.bodyExact = true // the given body is what arrived
	}
	f.edited = f.refusal.Whole == reading.WholeNo || f.request().masked() || f.claim.maskedKey || f.rewritten &&
		f.refusal.Whole != reading.WholeYes
	return f
}

// setRequest stores a request as signed or as sent, whichever the caller says it is.
func (f *facts) setRequest(m *message) {
	if f.in.RequestIs == AsSigned {
		f.signed = m
		return
	}
	f.sent = m
}

// request returns the given request, preferably the signed one.
func (f *facts) request() *message {
	if f.signed != nil {
		return f.signed
	}
	return f.sent
}

// takeResponse writes a response out as it came over the wire and reads that, so that one parser handles all
// refusals.
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
	f.setText(string(body))
}

// legible returns the body of a response as text.
func legible(a *Response) []byte {
	body := a.Body[:min(len(a.Body), maxResponse)]
	for _, h := range a.Headers {
		if strings.EqualFold(h.Name, "Content-Type") && strings.Contains(strings.ToLower(h.Value), "cbor") {
			body, _ = cborjson.JSON(body)
			return body[:min(len(body), maxResponse)] // escapes make it longer
		}
	}
	return body
}

// failure matches the body of a response that has a success status and still reports an error: S3 copies, GraphQL and
// batch responses. Other responses may hold any text.
var failure = lazyregexp.New(`(?i)^\s*(?:<\?xml[^>]*>\s*)?<Error>|"errors"\s*:\s*\[|"__type"|"failed"\s*:|"(?:error)?code"\s*:`)

func oneLine(s string) bool { return !strings.ContainsAny(s, "\r\n") }

// setText keeps the text of a refusal: its messages and the text around them.
func (f *facts) setText(raw string) {
	var b strings.Builder
	for _, m := range f.refusal.Messages {
		b.WriteString(m.Text() + "\n")
	}
	b.WriteString(raw[:min(len(raw), maxResponse)])
	f.text = unwrap(b.String())
	f.lower = strings.ToLower(f.text)
}

func messageOf(q *Request) *message {
	m := &message{method: q.Method, headers: q.Headers, body: q.Body, bodyKnown: !q.BodyUnknown, bodyExact: !q.BodyUnknown}
	m.takeURL(q.URL)
	return m
}

func messageFrom(q *reading.Request) *message {
	m := &message{method: q.Method.Text(), bodyExact: q.Body.Exact}
	m.headersUnknown = len(q.Headers) == 0 && (q.Form == reading.FormHTTP || q.Form == reading.FormURL || q.Form == reading.FormText)
	for _, h := range q.Headers {
		m.headers = append(m.headers, signing.Header{Name: h.Name.Text(), Value: h.Value.Text()})
	}
	switch q.Body.State {
	case reading.BodyAbsent:
		// curl -v shows no bodies.
		m.bodyKnown = q.Form != reading.FormCurlTrace || m.method == "GET" || m.method == "HEAD"
		m.bodyExact = m.bodyKnown
	case reading.BodyPresent:
		m.bodyKnown, m.body = true, []byte(q.Body.Content.Text())
	}
	m.takeURL(q.URL.Text())
	return m
}

// takeURL splits a URL without changing a byte of it.
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

// unsigned reports whether the given request shows that it has no signature.
func (f *facts) unsigned() bool {
	m := f.request()
	return m != nil && !m.headersUnknown && !f.claim.signed() && f.claim.raw == ""
}

// header returns the value of a header; repeated headers are joined.
func (m *message) header(name string) string {
	var values []string
	for _, h := range m.headers {
		if strings.EqualFold(h.Name, name) {
			values = append(values, strings.TrimSpace(h.Value))
		}
	}
	if name == "host" { // clients never send two, but a paste may show the same request twice
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

// responseHeader returns a header of the response.
func (f *facts) responseHeader(name string) string {
	if f.response != nil {
		if h, ok := f.response.Header(name); ok {
			return strings.TrimSpace(h.Value.Text())
		}
	}
	return f.refusal.Field(name).Text()
}

// says reports whether package reading recognized one of these sentences.
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

// code reports whether the refusal has one of these error codes. The same code appears with and without the suffix
// Exception, depending on the service's protocol.
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

// mentions reports whether the refusal contains one of these texts, ignoring case.
func (f *facts) mentions(texts ...string) bool {
	for _, t := range texts {
		if strings.Contains(f.lower, strings.ToLower(t)) {
			return true
		}
	}
	return false
}

// host returns the host of the request without its port.
func (f *facts) host() string {
	if m := f.request(); m != nil {
		host, _, _ := strings.Cut(m.host, ":")
		return host
	}
	return ""
}
