package reading

import (
	"strconv"
	"strings"
)

// readDocument extracts the requests and responses of a document, and searches the rest of it for refusals.
func (r *reader) readDocument(n *node, depth int) Form {
	d := &document{r: r, claimed: map[*node]bool{}}
	list := d.walk(n, formOf(n, ""))
	r.add(list...)
	d.texts(n)
	r.loose.node(n, depth, d.claimed)
	if len(list) > 0 {
		return list[0].Form
	}
	return formOf(n, "")
}

// document searches one document for requests and responses.
type document struct {
	r       *reader
	claimed map[*node]bool // already read
}

// walk finds exchanges in document order. An object with one request and one response among its members is one
// exchange, whichever comes first.
func (d *document) walk(n *node, form Form) []Exchange {
	if n == nil || len(n.items) == 0 {
		return nil
	}
	if n.kind == kindObject {
		form = formOf(n, form)
		if q := d.request(n, form); q != nil {
			return []Exchange{{Form: q.Form, Request: q}}
		}
		if resp := d.response(n, form); resp != nil {
			e := Exchange{Form: resp.Form, Response: resp, Refusal: d.r.refusalOf(resp)}
			if own := n.get("originalRequest"); own != nil {
				e.Request = d.request(own, form)
			}
			return []Exchange{e}
		}
	}
	var list []Exchange
	for _, m := range n.items {
		for _, e := range d.walk(m.value, form) {
			if last := len(list) - 1; last >= 0 && joins(&list[last], &e) {
				merge(&list[last], &e)
				continue
			}
			list = append(list, e)
		}
	}
	if n.kind == kindObject && len(list) == 2 && list[0].Request == nil && joins(&list[1], &list[0]) {
		merge(&list[1], &list[0])
		return list[1:]
	}
	return list
}

// request reads an object that has a URL and the other parts of a request.
func (d *document) request(n *node, form Form) *Request {
	target := n.get("url", "uri", "requestUrl")
	u, ok := d.url(target)
	if !ok {
		return nil
	}
	method := n.get("method", "verb", "httpMethod")
	headers := n.get("headerList", "headers", "header", "headerParameters")
	bare := method.str() == "" && headers == nil && n.get("body", "data", "postData", "sendBody", "cookies") == nil
	if bare && form != FormPostman && form != FormN8N && !isPresigned(u.Text()) {
		return nil
	}
	if form == "" {
		form = FormJSON
	}
	if inner := d.nested(n, u); inner != nil {
		return inner
	}
	d.claimed[n] = true
	q := &Request{Form: form, URL: d.withQuery(d.expression(u, form), n, form)}
	if method.str() != "" {
		q.Method = d.expression(method.text, form)
		if upper := strings.ToUpper(q.Method.Text()); upper != q.Method.Text() && (form == FormAxios || form == FormFetch) {
			q.Method = derived(upper, q.Method)
		}
	} else {
		q.Method = literal("GET")
	}
	q.Headers = d.headers(headers, form)
	q.Body = d.body(n, q, form)
	q.pseudo()
	d.authentication(n, q)
	q.Service = firstText(q.Service, n.get("service"))
	q.Region = firstText(q.Region, n.get("region"))
	q.AccessKeyID = firstText(q.AccessKeyID, n.get("accessKeyId"))
	d.r.placeholders(q)
	return q
}

func firstText(have Value, n *node) Value {
	if have.Len() == 0 && n != nil && n.kind == kindString {
		return n.text
	}
	return have
}

var ownOperation = lazy(`/v1/(?:sign|presign|verify|send)\b`)

// nested returns the request inside a call of this service: someone who pastes a workflow's signing action means the
// request to be signed.
func (d *document) nested(n *node, u Value) *Request {
	if !ownOperation().MatchString(u.Text()) {
		return nil
	}
	body := n.get("body", "data")
	if body == nil || body.kind != kindObject {
		return nil
	}
	q := d.request(body, FormCountersign)
	if q != nil {
		d.claimed[n] = true
	}
	return q
}

// url reads a URL given as text or as Postman's object.
func (d *document) url(n *node) (Value, bool) {
	if n == nil {
		return Value{}, false
	}
	if n.kind == kindObject {
		return d.url(n.get("raw"))
	}
	text := n.str()
	if n.kind != kindString && !n.mixed {
		return Value{}, false
	}
	for _, start := range []string{"http://", "https://", "@", "{{", "={{", "=http", "`http", "${"} {
		if strings.HasPrefix(text, start) {
			return n.text, true
		}
	}
	return Value{}, false
}

// expression removes n8n's mark from a text with expressions.
func (d *document) expression(v Value, form Form) Value {
	if form == FormN8N && strings.HasPrefix(v.Text(), "=") {
		return v.from(1)
	}
	return v
}

// withQuery adds the parameters that are listed beside the URL.
func (d *document) withQuery(u Value, n *node, form Form) Value {
	list := n.get("queries", "params", "queryParameters", "qs")
	if list == nil && (form == FormCountersign || form == FormJSON) { // a document of this service
		list = n.get("query")
	}
	if form == FormHAR || form == FormPostman || list == nil {
		return u
	}
	pairs := d.pairs(list, form)
	if len(pairs) == 0 {
		return u
	}
	var b builder
	b.copy(u)
	separator := "?"
	if strings.Contains(u.Text(), "?") {
		separator = "&"
	}
	for _, p := range pairs {
		b.add(separator)
		escapeTo(&b, p.Name)
		b.add("=")
		escapeTo(&b, p.Value)
		separator = "&"
	}
	return b.value()
}

// escapeTo percent-encodes a value; expressions stay as they are.
func escapeTo(b *builder, v Value) {
	text := v.Text()
	if text == percentEncode(text) || strings.HasPrefix(text, "@") || strings.Contains(text, "@{") || strings.Contains(text, "{{") {
		b.copy(v)
		return
	}
	for i := 0; i < len(text); i++ {
		if encoded := percentEncode(text[i : i+1]); encoded != text[i:i+1] {
			b.decode(encoded, v.Slice(i, i+1))
			continue
		}
		b.copy(v.Slice(i, i+1))
	}
}

func percentEncode(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte("0123456789ABCDEF"[c>>4])
		b.WriteByte("0123456789ABCDEF"[c&15])
	}
	return b.String()
}

// response reads an object that has a status and headers or a body.
func (d *document) response(n *node, form Form) *Response {
	status := 0
	for _, name := range []string{"statusCode", "status", "httpStatusCode", "httpCode", "code"} {
		if code, err := strconv.Atoi(n.get(name).str()); err == nil && code >= 100 && code <= 599 {
			status = code
			break
		}
	}
	headers := n.get("headers", "header", "HTTPHeaders", "responseHeaders")
	content := n.get("body", "data", "content", "responseBody", "payload", "responseText", "rawBody", "text")
	if status == 0 || headers == nil && content == nil || n.get("url", "uri") != nil && n.get("method") != nil {
		return nil
	}
	d.claimed[n] = true
	if form == "" {
		form = FormJSON
	}
	resp := &Response{Form: form, Status: status, Headers: d.headers(headers, form)}
	var rest []Header
	for _, h := range resp.Headers {
		if !strings.HasPrefix(h.Name.Text(), ":") {
			rest = append(rest, h)
		}
	}
	resp.Headers = rest
	switch {
	case content == nil && n.get("HTTPHeaders") != nil:
		resp.Body = Body{State: BodyUnknown}
	case content == nil:
		resp.Body = Body{State: BodyAbsent}
	default:
		resp.Body = d.content(content, form)
	}
	return resp
}

// texts finds the canonical request and the string to sign in a response of this service, or in the output of another
// signer that shows its steps.
func (d *document) texts(n *node) {
	if n == nil {
		return
	}
	for _, m := range n.items {
		if m.value == nil {
			continue
		}
		key := strings.ToLower(m.key.Text())
		steps := n.kind == kindObject && n.get("Message", "SignatureProvided") == nil // not AWS's own
		if steps && m.value.kind == kindString && (key == "canonicalrequest" || key == "stringtosign") {
			kindOf := CanonicalRequest
			if key == "stringtosign" {
				kindOf = StringToSign
			}
			d.r.text(SigningText{kindOf, m.value.text, true})
			d.claimed[m.value] = true
			continue
		}
		d.texts(m.value)
	}
}
