package reading

import "strings"

// readTrace reads what curl -v prints: lines with * are remarks, those with >
// were sent, those with < came back, and what has no mark is the body.
func (r *reader) readTrace(v Value, _ int) int {
	t := trace{r: r}
	pos := 0
	for pos < v.Len() {
		line, next := v.line(pos)
		text := line.Text()
		if t.body.Len() == 0 || isTraceMark(text) {
			if done := t.marked(line); done {
				break
			}
			pos = next
			continue
		}
		break
	}
	return t.finish(v, pos)
}

type trace struct {
	r            *reader
	scheme       string
	sent, came   []Header
	first, state Value
	phase        byte // 0, > or <
	closed       bool // the blank line of the answer's headers was seen
	body         Value
}

// isTraceMark tells a line of the trace from one of the body.
func isTraceMark(text string) bool {
	if text == ">" || text == "<" || text == "*" {
		return true
	}
	if len(text) < 2 || text[1] != ' ' {
		return false
	}
	switch text[0] {
	case '*', '>', '<':
		return true
	case '{', '}': // { [192 bytes data]
		return strings.HasPrefix(text[2:], "[") && strings.HasSuffix(text, " data]")
	}
	return false
}

// marked takes one line; it answers that the trace is over.
func (t *trace) marked(line Value) bool {
	text := line.Text()
	if !isTraceMark(text) {
		// Before the answer's headers this is a progress meter or the like.
		return t.phase == '<' && t.closed
	}
	content := line.from(1).trim()
	switch {
	case text[0] == '*':
		t.remark(content.Text())
	case text[0] == '>' && requestLine().MatchString(content.Text()):
		if t.phase != 0 && !t.toProxy() { // the next request of the same connection
			return true
		}
		t.phase, t.first, t.sent, t.came, t.state, t.closed = '>', content, nil, nil, Value{}, false
	case text[0] == '<' && statusLine().MatchString(content.Text()):
		t.phase, t.state, t.came, t.closed = '<', content, nil, false
	case content.Len() == 0 && text[0] == '<':
		t.closed = true
	case text[0] == '>' || text[0] == '<':
		if h, ok := header(content); ok && text[0] == '>' {
			t.sent = append(t.sent, h)
		} else if ok {
			t.came = append(t.came, h)
		}
	}
	return false
}

// toProxy: what was read so far opens a tunnel, through which the request comes.
func (t *trace) toProxy() bool { return strings.HasPrefix(t.first.Text(), "CONNECT ") }

func (t *trace) remark(text string) {
	switch {
	case strings.HasPrefix(text, "SSL connection"), strings.HasPrefix(text, "TLSv1"), strings.HasPrefix(text, "ALPN"):
		t.scheme = "https"
	case strings.HasPrefix(text, "Connected to") && strings.Contains(text, "port 443"):
		t.scheme = "https"
	case strings.HasPrefix(text, "Connected to") && t.scheme == "":
		t.scheme = "http"
	}
}

// finish reads the body, which has no marks, and adds the exchange.
func (t *trace) finish(v Value, pos int) int {
	r := t.r
	end := pos
	for at := pos; at < v.Len() && t.phase == '<' && t.closed; {
		line, next := v.line(at)
		text := line.Text()
		behind := text[len(prompt().FindString(text[:min(len(text), 400)])):]
		if isTraceMark(text) || statusLine().MatchString(text) || curlCommand().MatchString(behind) {
			break
		}
		at, end = next, next
	}
	content := v.Slice(pos, end)
	if i := strings.LastIndex(content.Text(), "* Connection #"); i >= 0 { // curl writes it behind a body without a line feed
		content = content.Slice(0, i)
	}
	if t.scheme == "" { // curl says nothing where it uses a connection again
		t.scheme = r.traceScheme
	}
	r.traceScheme = t.scheme
	e := Exchange{Form: FormCurlTrace}
	if t.first.Len() > 0 && !t.toProxy() {
		e.Request = r.newRequest(FormCurlTrace, t.first, t.sent, traceBody(t.sent), t.scheme)
	}
	if t.state.Len() > 0 {
		body, _ := r.readBody(content, 0, t.came)
		e.Response = r.newResponse(FormCurlTrace, statusLine().FindStringSubmatch(t.state.Text())[1], t.came, body)
		e.Refusal = r.refusalOf(e.Response)
	}
	if e.Request != nil || e.Response != nil {
		r.add(e)
	}
	r.part(FormCurlTrace, "curl", v.Slice(0, max(end, 1)))
	return max(end, 1)
}

// traceBody says what -v tells of the body: nothing but whether there is one.
func traceBody(sent []Header) Body {
	if h, ok := findHeader(sent, "Content-Length"); ok && h.Value.Text() != "0" {
		return Body{State: BodyUnknown}
	}
	if _, ok := findHeader(sent, "Transfer-Encoding"); ok {
		return Body{State: BodyUnknown}
	}
	return Body{State: BodyAbsent, Exact: true}
}
