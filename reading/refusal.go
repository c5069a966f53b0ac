package reading

import "strings"

// Whole says whether AWS's own texts in a refusal are as AWS wrote them.
type Whole string

// The values of Whole.
const (
	WholeYes     Whole = "whole"   // the string to sign has the hash of the canonical request
	WholeNo      Whole = "edited"  // it has another hash: the text was cut or masked
	WholeUnknown Whole = "unknown" // one of the two texts is missing
)

// Refusal is what AWS, or something in front of it, said.
type Refusal struct {
	Status   int   // 0 if the text does not say
	Code     Value // the error code, without what services put around it
	Message  Value
	Codes    []Value  // all codes found, Code first
	Messages []Value  // all messages found, Message first
	Says     []Saying // the sentences that were recognized

	CanonicalRequest  Value // as AWS computed it
	StringToSign      Value
	SignatureProvided Value
	Whole             Whole

	AccessKeyID       Value
	RequestID, HostID Value
	ServerTime        Value // as written
	SignedTime        Value // when the request was signed, according to AWS
	Region, Service   Value // the ones that AWS expects
	HeadersNotSigned  Value
	Fields            []Field // every named value, in order
}

// Field is a named value: an XML element, a JSON member, a header.
type Field struct{ Name, Value Value }

// Field returns the first field with a name, ignoring case.
func (f *Refusal) Field(name string) Value {
	for _, field := range f.Fields {
		if strings.EqualFold(field.Name.Text(), name) {
			return field.Value
		}
	}
	return Value{}
}

// gatherer collects what one response or one text says.
type gatherer struct {
	r             *reader
	out           Refusal
	tool          string
	exact         [2]bool // canonical request and string to sign were given as bytes
	strong        bool    // an AWS sentence was found, or a code in a place for codes
	wholeText     bool    // the current text is a whole message
	namedMessages []Value // messages in a member of that name that are not known sentences
	otherTexts    []Value // other texts that may be the message
}

// refusalOf reads a response: its body, then its headers.
func (r *reader) refusalOf(resp *Response) *Refusal {
	g := &gatherer{r: r}
	g.out.Status = resp.Status
	for _, h := range resp.Headers {
		if strings.EqualFold(h.Name.Text(), "x-amzn-errortype") {
			g.code(h.Value)
		}
	}
	g.text(resp.Body.Content, 0)
	for _, h := range resp.Headers {
		if strings.Contains(strings.ToLower(h.Name.Text()), "error") { // all that a HEAD response can say
			g.leaf(h.Name, h.Value, 0)
		} else {
			g.field(h.Name, h.Value)
		}
	}
	return g.refusal()
}

// refusal returns what was collected, or nil if nothing indicates a refusal.
func (g *gatherer) refusal() *Refusal {
	f := &g.out
	if len(f.Messages) == 0 {
		f.Messages = append(g.namedMessages, g.otherTexts...)
	}
	if f.Status < 300 && !g.strong {
		if f.Status > 0 || len(f.Codes) == 0 && len(f.Says) == 0 && f.CanonicalRequest.Len() == 0 {
			return nil
		}
	}
	if len(f.Codes) > 0 {
		f.Code = f.Codes[0]
	}
	if len(f.Messages) > 0 {
		f.Message = f.Messages[0]
	}
	f.StringToSign = stringToSignLines(f.StringToSign)
	f.Whole = wholeness(f.CanonicalRequest.Text(), f.StringToSign.Text())
	out := *f
	return &out
}

// text reads a body: a document, or a text with sentences.
func (g *gatherer) text(v Value, depth int) {
	v = v.trimSet(" \t\r\n\ufeff")
	s := v.Text()
	if s == "" || depth > maxLevels {
		return
	}
	switch {
	case s[0] == '{' || s[0] == '[' || s[0] == '"':
		if n, _ := g.r.document(v); n != nil {
			if n.cut {
				g.r.out.Cut = true
			}
			if n.kind == kindString {
				g.text(n.text, depth+1)
				return
			}
			g.node(n, depth, nil)
			return
		}
	case s[0] == '<' || xmlStart().MatchString(firstLine(s)):
		if n, _ := g.xml(v.from(strings.IndexByte(s, '<')), depth); n > 0 {
			return
		}
	}
	g.sentences(v)
	g.plain(v)
}

// plain keeps a short text that is not a document as a message.
func (g *gatherer) plain(v Value) {
	if line, _ := v.line(0); line.Len() > 0 && v.Len() < 4096 {
		g.otherTexts = append(g.otherTexts, v)
	}
}

// node reads a JSON document. Nodes that were read as requests and responses are skipped.
func (g *gatherer) node(n *node, depth int, claimed map[*node]bool) {
	if n == nil || claimed[n] || depth > maxDepth+maxLevels {
		return
	}
	for _, m := range n.items {
		value := m.value
		if value == nil || claimed[value] {
			continue
		}
		switch {
		case value.kind == kindString:
			g.leaf(m.key, value.text, depth)
		case value.kind == kindWord && value.mixed && isMessage(normalName(m.key.Text())): // {message=Access Denied}
			g.leaf(m.key, value.text, depth)
		case value.kind == kindWord && n.kind == kindObject && !value.isNull():
			g.field(m.key, value.text)
		case value.kind == kindCall && len(value.items) == 1 && value.items[0].value.kind == kindString: // Rust's Some("…")
			g.leaf(m.key, value.items[0].value.text, depth)
		default:
			g.list(m.key, value, depth)
			g.node(value, depth+1, claimed)
		}
	}
}

// list keeps a list of texts as one field: headersNotSigned, for example.
func (g *gatherer) list(key Value, n *node, _ int) {
	if n.kind == kindArray && len(n.items) == 1 && n.items[0].value.kind == kindString {
		g.field(key, n.items[0].value.text)
	}
}

// leaf reads a named text: a field, possibly with sentences or documents in it.
func (g *gatherer) leaf(name, v Value, depth int) {
	g.field(name, v)
	s := v.Text()
	if len(s) < 12 || isEcho(name.Text()) {
		return
	}
	g.wholeText = isMessage(normalName(name.Text()))
	defer func() { g.wholeText = false }()
	nested := strings.ContainsAny(s, "{<") || strings.Contains(s, "HTTP/1")
	switch {
	case nested && g == g.r.loose && depth < maxLevels:
		g.r.scan(v, depth+1)
	case nested && depth < maxLevels && strings.IndexAny(strings.TrimSpace(s), "{[<\"") == 0:
		g.text(v, depth+1)
	default:
		g.sentences(v)
		if nested && depth < maxLevels {
			g.embeddedIn(v, depth)
		}
	}
}

// embeddedIn reads the first document in the middle of a text: 403 - {"message":…}.
func (g *gatherer) embeddedIn(v Value, depth int) {
	if i := strings.IndexAny(v.Text(), "{<"); i > 0 && len(v.Text())-i > 12 {
		g.text(v.from(i), depth+1)
	}
}

var codePattern = lazy(`^[A-Z][A-Za-z0-9]{2,60}(?:\.[A-Za-z][A-Za-z0-9]{2,60}){0,2}$`)

// toolCodes are tools' own codes, which only say that there was a response.
var toolCodes = map[string]bool{
	"ActionFailed": true, "Failed": true, "Succeeded": true, "Error": true, "NodeApiError": true, "AxiosError": true, "TypeError": true,
	"ClientError": true, "Sender": true, "Receiver": true, "Client": true, "Server": true, "BadRequestError": true, "NotSpecified": true,
	"Http": true, "ApiConnection": true, "OpenApiConnection": true, "HTTP": true, "UserErrorsError": true,
	"HostID": true, "RequestID": true,
}

// code keeps an error code, without a prefix up to # and without what follows : or /.
func (g *gatherer) code(v Value) {
	v = v.trim()
	if i := strings.IndexByte(v.Text(), ':'); i >= 0 {
		if prefix := v.Text()[:i]; prefix == strings.ToLower(prefix) && !strings.HasPrefix(v.Text()[i:], "://") {
			v = v.from(i + 1) // soap:Client.AccessDenied
		} else {
			v = v.Slice(0, i)
		}
	}
	if i := strings.LastIndexByte(v.Text(), '#'); i >= 0 {
		v = v.from(i + 1)
	}
	for _, side := range []string{"Client.", "Server.", "Sender."} {
		if strings.HasPrefix(v.Text(), side) {
			v = v.from(len(side))
		}
	}
	text := v.Text()
	if !codePattern().MatchString(text) || toolCodes[text] {
		return
	}
	for _, have := range g.out.Codes {
		if have.Text() == text {
			return
		}
	}
	g.strong = true
	if len(g.out.Codes) < 20 {
		g.out.Codes = append(g.out.Codes, v)
	}
}

func (g *gatherer) message(v Value) {
	v = v.trim()
	if v.Len() == 0 || len(g.out.Messages) >= 20 {
		return
	}
	for i, have := range g.out.Messages {
		if at := strings.Index(have.Text(), v.Text()); at >= 0 {
			if v.Len() >= 20 && (hasMarks(have.Text()) || strings.HasSuffix(have.Text()[:at], ": ")) {
				g.out.Messages[i] = v // without what a log or an SDK puts around it
			}
			return
		}
	}
	g.out.Messages = append(g.out.Messages, v)
}

func set(field *Value, v Value) {
	if v = v.trim(); field.Len() == 0 {
		*field = v
	}
}
