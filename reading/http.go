package reading

import (
	"strconv"
	"strings"
)

// line returns one line of a message without its end, and where the next line begins.
func (v Value) line(pos int) (Value, int) {
	s := v.Text()[pos:]
	return v.Slice(pos, pos+len(firstLine(s))), pos + lineLength(s)
}

// readMessage reads a request or a response in HTTP/1 form, or as a .http file writes it.
func (r *reader) readMessage(v Value, _ int) int {
	first, pos := v.line(0)
	headers, next := r.readHeaders(v, pos+consoleLabels(v.from(pos).Text()))
	body, end := r.readBody(v, next, headers)
	e := Exchange{Form: FormHTTP}
	if m := statusLine().FindStringSubmatch(first.trim().Text()); m != nil {
		e.Response = r.newResponse(FormHTTP, m[1], headers, body)
		e.Refusal = r.refusalOf(e.Response)
	} else {
		e.Request = r.newRequest(FormHTTP, first.trim(), headers, body, "")
		r.splitResponse(&e)
	}
	r.part(FormHTTP, "", v.Slice(0, end))
	r.add(e)
	return end
}

// consoleLabels returns the length of what consoles write between the first line and the headers: status, duration,
// and a heading.
func consoleLabels(s string) int {
	for pos, n := 0, 0; pos < len(s) && n < 8; n++ {
		line := strings.ToLower(strings.Trim(firstLine(s[pos:]), " \t\r▼▶:"))
		pos += lineLength(s[pos:])
		switch {
		case line == "request headers":
			return pos
		case len(line) > 40 || strings.ContainsAny(line, "{<=:"):
			return 0
		}
	}
	return 0
}

// readHeaders reads header lines up to and including the blank line.
func (r *reader) readHeaders(v Value, pos int) ([]Header, int) {
	var headers []Header
	for pos < v.Len() {
		line, next := v.line(pos)
		text := line.Text()
		switch {
		case strings.TrimSpace(text) == "":
			return headers, next
		case (text[0] == ' ' || text[0] == '\t') && len(headers) > 0 && !headerLine().MatchString(text):
			last := &headers[len(headers)-1]
			var b builder
			b.copy(last.Value)
			b.decode(" ", line.Slice(0, 1))
			b.copy(line.trim())
			last.Value = b.value()
			r.note("folded_header", line.Span(), false)
		default:
			h, ok := header(line)
			if !ok {
				return headers, pos // the body begins without a blank line
			}
			headers = append(headers, h)
		}
		pos = next
	}
	return headers, pos
}

func header(line Value) (Header, bool) {
	m := headerLine().FindStringSubmatchIndex(line.Text())
	if m == nil {
		return Header{}, false
	}
	return newHeader(line.Slice(m[2], m[3]), line.Slice(m[4], m[5]).trim()), true
}

func newHeader(name, value Value) Header {
	return Header{Name: name, Value: value, Secret: headerSecret(name.Text(), value.Text())}
}

func findHeader(headers []Header, name string) (Header, bool) {
	for _, h := range headers {
		if strings.EqualFold(h.Name.Text(), name) {
			return h, true
		}
	}
	return Header{}, false
}

// readBody reads what follows the headers: as much as Content-Length says if that fits, otherwise everything up to
// the next message.
func (r *reader) readBody(v Value, pos int, headers []Header) (Body, int) {
	s := v.Text()
	end := len(s)
	for at := pos; at < len(s); at += lineLength(s[at:]) {
		line := firstLine(s[at:])
		fence := strings.HasPrefix(line, "###") || strings.HasPrefix(line, "```")
		if fence || beginsMessage(line) || curlCommand().MatchString(line) || traceLine().MatchString(line) {
			end = at
			break
		}
	}
	content := v.Slice(pos, end)
	length := -1
	if h, ok := findHeader(headers, "Content-Length"); ok {
		if n, err := strconv.Atoi(h.Value.Text()); err == nil && n >= 0 {
			length = n
		}
	}
	bare := content.trimSet("\r\n")
	if !strings.HasPrefix(content.Text(), bare.Text()) { // blank lines before the body belong to it
		bare = content.Slice(0, len(strings.TrimRight(content.Text(), "\r\n")))
	}
	switch {
	case length >= 0 && length <= content.Len() && strings.TrimSpace(content.from(length).Text()) == "":
		return bodyOf(content.Slice(0, length), true), end
	case length >= 0 && length < content.Len() && strings.ContainsRune("\r\n", rune(s[pos+length])) || length == 0:
		return bodyOf(content.Slice(0, length), true), pos + length // the rest is not part of the message
	case bare.Len() == 0:
		return Body{State: BodyAbsent, Exact: length <= 0}, end
	case length > content.Len():
		return r.shortBody(bare, length), end
	}
	return bodyOf(bare, false), end
}

func beginsMessage(line string) bool {
	return requestLine().MatchString(line) || statusLine().MatchString(line)
}

// shortBody reads a body with fewer bytes than Content-Length says: it was cut, or copied through a form that turned
// CR LF into LF.
func (r *reader) shortBody(content Value, length int) Body {
	lines := strings.Count(content.Text(), "\n")
	if missing := length - content.Len(); missing <= lines+2 {
		r.note("line_ends_lost", content.Span(), false)
		return Body{State: BodyPresent, Content: content}
	}
	r.out.Cut = true
	r.note("body_truncated", content.Span(), false)
	return Body{State: BodyTruncated, Content: content}
}

func bodyOf(content Value, exact bool) Body {
	if content.Len() == 0 {
		return Body{State: BodyAbsent, Exact: exact}
	}
	return Body{State: BodyPresent, Content: content, Exact: exact}
}

// newRequest makes a request from its first line, which does not hold the scheme. The scheme is https, unless the
// host is this machine or the port is 80.
func (r *reader) newRequest(form Form, first Value, headers []Header, body Body, scheme string) *Request {
	text := first.Text()
	space := strings.IndexByte(text, ' ')
	target := first.from(space + 1)
	if last := strings.LastIndex(target.Text(), " HTTP/"); last >= 0 {
		target = target.Slice(0, last)
	}
	q := &Request{Form: form, Method: first.Slice(0, space), Headers: headers, Body: body}
	q.pseudo()
	host, _ := q.Header("Host")
	switch {
	case strings.Contains(target.Text(), "://"):
		q.URL = target
	case host.Value.Len() > 0:
		if scheme == "" {
			scheme = schemeFor(host.Value.Text())
			r.note("scheme_assumed", target.Span(), false)
		}
		var b builder
		b.add(scheme + "://")
		b.copy(host.Value)
		b.copy(target)
		q.URL = b.value()
	default:
		r.note("host_missing", target.Span(), true)
		q.URL = target
	}
	return q
}

// readHeadersAlone reads headers without a first line, as browsers copy them. In HTTP/2 they include the method and
// the path.
func (r *reader) readHeadersAlone(v Value, _ int) int {
	headers, end := r.readHeaders(v, 0)
	find := func(name string) Value {
		h, _ := findHeader(headers, name)
		return h.Value
	}
	host := find(":authority")
	if host.Len() == 0 {
		host = find("Host")
	}
	q := &Request{Form: FormHTTP, Method: find(":method"), Headers: headers, Body: Body{State: BodyUnknown}}
	scheme := find(":scheme")
	if scheme.Len() == 0 {
		scheme = literal(schemeFor(host.Text()))
	}
	if host.Len() > 0 {
		q.URL = join(scheme, literal("://"), host, find(":path"))
	} else {
		r.note("host_missing", v.Slice(0, end).Span(), true)
	}
	if q.Method.Len() == 0 {
		r.note("method_unknown", v.Slice(0, end).Span(), false)
	}
	q.pseudo()
	r.add(Exchange{Form: FormHTTP, Request: q})
	r.part(FormHTTP, "", v.Slice(0, end))
	return end
}

// pseudo turns HTTP/2's :authority into Host and drops the other pseudo-headers.
func (q *Request) pseudo() {
	var rest []Header
	for _, h := range q.Headers {
		switch name := h.Name.Text(); {
		case name == ":authority":
			h.Name = derived("Host", h.Name)
			rest = append([]Header{h}, rest...)
		case !strings.HasPrefix(name, ":"):
			rest = append(rest, h)
		}
	}
	q.Headers = rest
}

func (r *reader) newResponse(form Form, status string, headers []Header, body Body) *Response {
	code, _ := strconv.Atoi(status)
	return &Response{Form: form, Status: code, Headers: headers, Body: body}
}
