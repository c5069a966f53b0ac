package reading

import (
	"encoding/base64"
	"strings"
)

// body reads the body of a request from the object that describes the request.
func (d *document) body(n *node, q *Request, form Form) Body {
	if encoded := n.get("bodyBase64"); encoded != nil && encoded.kind == kindString {
		if decoded, ok := d.r.fromBase64(encoded.text); ok {
			return bodyOf(decoded, true)
		}
	}
	if form == FormN8N && n.get("sendBody", "bodyParameters", "jsonBody", "contentType") != nil {
		return d.bodyN8N(n, q)
	}
	content := n.get("body", "data", "payload", "postData", "bodyEnvelope")
	switch {
	case content.isNull() && form == FormHAR && announcesBody(q):
		return Body{State: BodyUnknown} // browsers omit bodies
	case content.isNull(), form == FormPostman && len(content.items) == 0:
		return Body{State: BodyAbsent, Exact: true}
	}
	if content.kind == kindObject {
		if kindOf := content.get("$content-type"); kindOf != nil {
			d.contentType(q, kindOf.text)
		}
		if mode := content.get("mode"); mode != nil && form == FormPostman {
			return d.bodyPostman(content, mode.str(), q)
		}
	}
	body := d.content(content, form)
	if form == FormLogicApps || form == FormAxios {
		if content.kind == kindObject || content.kind == kindArray {
			d.contentType(q, derived("application/json", content.raw.Slice(0, 1)))
		}
	}
	return body
}

func (d *document) contentType(q *Request, value Value) {
	if _, have := q.Header("Content-Type"); !have {
		h := newHeader(derived("Content-Type", value), value)
		h.Implied = true
		q.Headers = append(q.Headers, h)
	}
}

// content reads a body given as text, as a document, or in an envelope with base64.
func (d *document) content(n *node, form Form) Body {
	switch {
	case n.isNull():
		return Body{State: BodyAbsent}
	case n.mixed, n.kind == kindWord && !isLiteral(n.text.Text()):
		return Body{State: BodyUnknown, Content: n.text}
	case n.kind == kindString:
		return d.cutBody(bodyOf(d.expression(n.text, form), true), n)
	case n.kind == kindCall:
		return d.callBody(n)
	case n.kind == kindObject:
		if encoded := n.get("$content"); encoded != nil {
			if decoded, ok := d.r.fromBase64(encoded.text); ok {
				return d.cutBody(bodyOf(decoded, true), encoded)
			}
			return Body{State: BodyUnknown}
		}
		if form == FormHAR || n.get("mimeType") != nil {
			return d.contentHAR(n)
		}
	}
	if form == FormAxios || form == FormFetch {
		var b builder
		n.compact(&b, 0)
		return d.cutBody(bodyOf(b.value(), false), n)
	}
	return d.cutBody(bodyOf(n.raw, false), n)
}

// callBody reads a body that JavaScript builds. JSON.stringify of a literal can be read; other calls cannot.
func (d *document) callBody(n *node) Body {
	if strings.HasSuffix(n.text.Text(), "JSON.stringify") && len(n.items) >= 1 && plain(n.items[0].value) {
		var b builder
		n.items[0].value.compact(&b, 0)
		return bodyOf(b.value(), false)
	}
	return Body{State: BodyUnknown, Content: n.raw}
}

// plain reports whether a node contains no expression.
func plain(n *node) bool {
	if n == nil || n.mixed || n.kind == kindCall || n.kind == kindWord && !isLiteral(n.text.Text()) {
		return false
	}
	for _, m := range n.items {
		if !plain(m.value) {
			return false
		}
	}
	return true
}

// isLiteral reports whether a word is a number, true, false or null, rather than a variable.
func isLiteral(word string) bool {
	switch word {
	case "true", "false", "null", "undefined", "None", "True", "False":
		return true
	}
	return word != "" && (word[0] == '-' || word[0] >= '0' && word[0] <= '9')
}

// cutBody marks a body whose end is missing from the paste.
func (d *document) cutBody(b Body, n *node) Body {
	if n.cut && b.State == BodyPresent {
		b.State, b.Exact = BodyTruncated, false
		d.r.out.Cut = true
	}
	return b
}

// contentHAR reads HAR's postData or content.
func (d *document) contentHAR(n *node) Body {
	text := n.get("text")
	if text.isNull() {
		if pairs := d.pairs(n.get("params"), FormHAR); len(pairs) > 0 {
			return Body{State: BodyUnknown}
		}
		if size := n.get("size").str(); size == "0" || size == "" {
			return Body{State: BodyAbsent}
		}
		return Body{State: BodyUnknown}
	}
	if n.get("encoding").str() == "base64" {
		if decoded, ok := d.r.fromBase64(text.text); ok {
			return d.cutBody(bodyOf(decoded, true), text)
		}
	}
	return d.cutBody(bodyOf(text.text, true), text)
}

// bodyPostman reads each of Postman's body modes.
func (d *document) bodyPostman(n *node, mode string, q *Request) Body {
	switch mode {
	case "raw":
		if n.get("options").get("raw").get("language").str() == "json" {
			d.contentType(q, derived("application/json", n.get("mode").raw))
		}
		if raw := n.get("raw"); raw != nil {
			return d.content(raw, FormPostman)
		}
	case "urlencoded":
		d.contentType(q, derived("application/x-www-form-urlencoded", n.get("mode").raw))
		return d.formBody(n.get("urlencoded"), FormPostman)
	case "graphql":
		d.contentType(q, derived("application/json", n.get("mode").raw))
		return Body{State: BodyUnknown, Content: n.raw}
	case "formdata":
		d.r.noteMultipart(n.raw.Span())
		return Body{State: BodyUnknown}
	case "file":
		return Body{State: BodyUnknown}
	}
	return Body{State: BodyAbsent, Exact: true}
}

func (r *reader) noteMultipart(at Span) {
	r.note("multipart", at, true)
}

func (d *document) formBody(list *node, form Form) Body {
	var b builder
	for i, p := range d.pairs(list, form) {
		if i > 0 {
			b.add("&")
		}
		escapeTo(&b, p.Name)
		b.add("=")
		escapeTo(&b, p.Value)
	}
	return bodyOf(b.value(), false)
}

// bodyN8N reads the parameters of n8n's HTTP Request node.
func (d *document) bodyN8N(n *node, q *Request) Body {
	source := n.get("body", "jsonBody", "bodyParameters", "inputDataFieldName")
	if n.get("sendBody").str() != "true" && n.get("sendBody") != nil || source == nil {
		return Body{State: BodyAbsent, Exact: true}
	}
	at := func(text string) Value {
		return derived(text, source.raw.Slice(0, 1))
	}
	switch n.get("contentType").str() {
	case "raw":
		if kindOf := n.get("rawContentType"); kindOf != nil {
			d.contentType(q, kindOf.text)
		}
		return d.content(n.get("body"), FormN8N)
	case "form-urlencoded":
		d.contentType(q, at("application/x-www-form-urlencoded"))
		if n.get("bodyParameters") == nil {
			return d.content(n.get("body"), FormN8N)
		}
		return d.formBody(n.get("bodyParameters"), FormN8N)
	case "multipart-form-data":
		d.r.noteMultipart(n.raw.Span())
		return Body{State: BodyUnknown}
	case "binaryData":
		return Body{State: BodyUnknown}
	}
	d.contentType(q, at("application/json"))
	if n.get("bodyParameters") == nil {
		return d.content(n.get("jsonBody", "body"), FormN8N)
	}
	var b builder
	b.add("{")
	for i, p := range d.pairs(n.get("bodyParameters"), FormN8N) {
		if i > 0 {
			b.add(",")
		}
		b.decode(quoteJSON(p.Name.Text()), p.Name)
		b.add(":")
		b.decode(quoteJSON(p.Value.Text()), p.Value)
	}
	b.add("}")
	return bodyOf(b.value(), false)
}

// authentication reads Postman's AWS fields, and notes authentication that the tool adds itself.
func (d *document) authentication(n *node, q *Request) {
	auth := n.get("auth", "authentication")
	if auth == nil || auth.kind != kindObject {
		return
	}
	kindOf := auth.get("type").str()
	fields := auth.get("awsv4")
	if fields == nil {
		if kindOf != "" && !strings.EqualFold(kindOf, "noauth") && !strings.EqualFold(kindOf, "none") {
			d.r.note("authentication_added", auth.raw.Span(), false)
		}
		return
	}
	for _, p := range d.pairs(fields, FormPostman) {
		switch name := p.Name.Text(); name {
		case "region":
			q.Region = p.Value
		case "service":
			q.Service = p.Value
		case "accessKey":
			q.AccessKeyID = p.Value
		case "secretKey", "sessionToken":
			d.r.secret(name, p.Value)
		}
	}
}

var placeholderForms = map[Form]expression{
	FormLogicApps:   lazy(`@\{[^{}]*\}|^@[A-Za-z(][^@]*$`),
	FormCountersign: lazy(`@\{[^{}]*\}|^@[A-Za-z(][^@]*$|\{\{[^{}]*\}\}`),
	FormN8N:         lazy(`\{\{[^{}]*\}\}`),
	FormPostman:     lazy(`\{\{[^{}]*\}\}`),
	FormHTTP:        lazy(`\{\{[^{}]*\}\}`),
	FormFetch:       lazy(`\$\{[^{}]*\}`),
	FormAxios:       lazy(`\$\{[^{}]*\}`),
}

// placeholders finds what the request's tool fills in later.
func (r *reader) placeholders(q *Request) {
	pattern := placeholderForms[q.Form]
	if pattern == nil {
		return
	}
	q.Each(func(field string, v Value) {
		for _, at := range pattern().FindAllStringIndex(v.Text(), 100) {
			q.addPlaceholder(field, v, at[0], at[1])
		}
	})
	if q.Body.State == BodyUnknown && q.Body.Content.Len() > 0 && len(q.Placeholders) < maxNotes {
		q.addPlaceholder("/body", q.Body.Content, 0, q.Body.Content.Len())
	}
}

func (q *Request) addPlaceholder(field string, v Value, start, end int) {
	if len(q.Placeholders) < maxNotes {
		q.Placeholders = append(q.Placeholders, Placeholder{field, start, end, v.Slice(start, end)})
	}
}

// basic returns a Basic Authorization value for a name and a password.
func basic(pair Value) Value {
	return derived("Basic "+base64.StdEncoding.EncodeToString([]byte(pair.Text())), pair)
}
