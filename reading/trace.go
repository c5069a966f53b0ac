package reading

import (
	"strconv"
	"strings"
)

// readTrace reads what curl -v prints: lines with * are remarks, lines with > were sent, lines with < were received,
// and unmarked lines are the body.
func (r *reader) readTrace(v Value, _ int) int {
	t := trace{r: r}
	pos, told := 0, 0
	for pos < v.Len() {
		line, next := v.line(pos)
		if t.markedLine(line) {
			break
		}
		if t.phase == '>' && t.whole && !isTraceMark(line.Text()) && !meterLine().MatchString(line.Text()) {
			if t.shownBody.Len() == 0 {
				told = pos
			}
			if told+t.shownBody.Len() == pos {
				t.shownBody = v.Slice(told, next)
			}
		}
		pos = next
	}
	return t.finish(v, pos)
}

// meterLine matches a line of curl's progress meter.
var meterLine = lazy(`^\s*(?:$|% Total|Dload |[\d.]+[kMG]?(?:\s+\S+){10,}\s*$)`)

type trace struct {
	r            *reader
	scheme       string
	sent, came   []Header
	first, state Value
	phase        byte  // 0, > or <
	whole        bool  // the blank line after the request's headers was seen
	closed       bool  // and the one after the response's headers
	shownBody    Value // the request's body, if someone put it after the headers: curl does not show it
}

// isTraceMark distinguishes a line of the trace from a line of the body.
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

// markedLine reads one line, and reports whether the trace is over.
func (t *trace) markedLine(line Value) bool {
	text := line.Text()
	if !isTraceMark(text) {
		// Before the response's headers, this is a progress meter or the like.
		return t.phase == '<' && t.closed
	}
	content := line.from(1).trim()
	switch {
	case text[0] == '*':
		t.remark(content.Text())
	case text[0] == '>' && requestLine().MatchString(content.Text()):
		if t.phase != 0 && !t.toProxy() { // the next request on the same connection
			return true
		}
		*t = trace{r: t.r, scheme: t.scheme, phase: '>', first: content}
	case text[0] == '<' && statusLine().MatchString(content.Text()):
		t.phase, t.state, t.came, t.closed = '<', content, nil, false
	case content.Len() == 0 && text[0] == '<':
		t.closed = true
	case content.Len() == 0 && text[0] == '>':
		t.whole = true
	case text[0] == '>' || text[0] == '<':
		if h, ok := header(content); ok && text[0] == '>' {
			t.sent = append(t.sent, h)
		} else if ok {
			t.came = append(t.came, h)
		}
	}
	return false
}

// toProxy reports whether the request read so far opens a tunnel, through which the real request follows.
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

// finish reads the body, whose lines have no marks, and adds the exchange.
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
	if i := strings.LastIndex(content.Text(), "* Connection #"); i >= 0 { // curl writes it right after a body without a line feed
		content = content.Slice(0, i)
	}
	if t.scheme == "" { // curl prints none when it reuses a connection
		t.scheme = r.traceScheme
	}
	r.traceScheme = t.scheme
	e := Exchange{Form: FormCurlTrace}
	if t.first.Len() > 0 && !t.toProxy() {
		e.Request = r.newRequest(FormCurlTrace, t.first, t.sent, t.requestBody(), t.scheme)
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

// requestBody returns the body, if someone has inserted it into the trace. curl -v shows only whether there is one.
func (t *trace) requestBody() Body {
	content := t.shownBody.trimSet("\r\n")
	length, announced := findHeader(t.sent, "Content-Length")
	_, chunked := findHeader(t.sent, "Transfer-Encoding")
	switch size := length.Value.Text(); {
	case content.Len() > 0 && (!announced || size == strconv.Itoa(content.Len())):
		return bodyOf(content, announced)
	case announced && size != "0", chunked:
		return Body{State: BodyUnknown}
	}
	return Body{State: BodyAbsent, Exact: true}
}
