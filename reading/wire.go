package reading

import (
	"strconv"
	"strings"
)

// wireLine matches a line in which a client logs what it sends or receives: Python's http.client, Ruby's Net::HTTP,
// or Apache's HttpClient for Java, after whatever prefix the logger adds.
var wireLine = lazy(`^(?:.{0,200}?[\s:])??(?:(send|reply): b?(['"].*)|(header): (\S.*)|(<-|->) (".*)|http-outgoing-\d+ (>>|<<) (.*))$`)

// wireStart matches such a line with a request line in it.
var wireStart = lazy(`(?:\bsend: b?['"]|<- "|http-outgoing-\d+ >> "?)[A-Za-z-]{2,20} \S.* HTTP/[0-9.]+(?:\\r|\[\\r\]|$)`)

// wireGap is how many other lines may come between two lines of a wire log.
const wireGap = 3

// wire collects what was sent and received.
type wire struct {
	r              *reader
	sent, received builder
	bare           [2]builder // unquoted header lines, which Apache's client logs in addition to quoted ones
}

// readWire reads a wire log: one request, and its response as far as it is logged.
func (r *reader) readWire(v Value, _ int) int {
	w := wire{r: r}
	end := 0
	for pos, gap := 0, 0; pos < v.Len() && gap <= wireGap; {
		line, next := v.line(pos)
		m := wireLine().FindStringSubmatchIndex(line.Text())
		if m == nil {
			gap++
			pos = next
			continue
		}
		if !w.take(line, m) {
			break
		}
		gap, pos, end = 0, next, next
	}
	sent, came := w.message(&w.sent, &w.bare[0]), w.message(&w.received, &w.bare[1])
	if !requestLine().MatchString(firstLine(sent.Text())) {
		return 0
	}
	r.readMessage(sent, 0)
	if statusLine().MatchString(firstLine(came.Text())) {
		r.readMessage(unchunk(came), 0)
	}
	return end
}

func (w *wire) message(quoted, bare *builder) Value {
	if quoted.text.Len() > 0 {
		return quoted.value()
	}
	return bare.value()
}

// take reads a line, unless it begins the next request.
func (w *wire) take(line Value, m []int) bool {
	group := func(i int) Value { return line.Slice(max(m[2*i], 0), max(m[2*i+1], 0)) }
	python, ruby, apache := group(1).Text(), group(5).Text(), group(7).Text()
	text := join(group(2), group(4), group(6), group(8))
	sent := python == "send" || ruby == "<-" || apache == ">>"
	out, bare := &w.received, &w.bare[1]
	if sent {
		out, bare = &w.sent, &w.bare[0]
	}
	if sent && w.received.text.Len()+w.bare[1].text.Len() > 0 {
		return false
	}
	switch quote, decoded := text.Text()[:1], inQuotes(text); {
	case group(3).Len() > 0: // as parsed by http.client
		out.copy(text)
		out.add("\r\n")
	case apache == "":
		out.copy(w.r.unescape(decoded, true))
	case quote == `"`:
		w.unbracket(out, decoded)
	default:
		bare.copy(text)
		bare.add("\r\n")
	}
	return true
}

// inQuotes returns the text between quotes. The closing quote may have been cut off.
func inQuotes(v Value) Value {
	s := v.Text()
	if len(s) > 1 && s[len(s)-1] == s[0] {
		return v.Slice(1, len(s)-1)
	}
	return v.from(1)
}

// unbracket undoes how Apache's client writes line endings and bytes: [\r], [\n], [0x1f].
func (w *wire) unbracket(out *builder, v Value) {
	s := v.Text()
	if !w.r.spend(len(s), v) {
		return
	}
	for pos := 0; pos < len(s); {
		size, text := 1, s[pos:pos+1]
		switch rest := s[pos:]; {
		case strings.HasPrefix(rest, `[\r]`):
			size, text = 4, "\r"
		case strings.HasPrefix(rest, `[\n]`):
			size, text = 4, "\n"
		case strings.HasPrefix(rest, "[0x"):
			if digits, _, ok := strings.Cut(rest[3:min(len(rest), 6)], "]"); ok {
				if code, err := strconv.ParseUint(digits, 16, 8); err == nil {
					size, text = 4+len(digits), string([]byte{byte(code)})
				}
			}
		}
		if size == 1 {
			out.copy(v.Slice(pos, pos+1))
		} else {
			out.decode(text, v.Slice(pos, pos+size))
		}
		pos += size
	}
}

// unchunk removes the chunk sizes from a message, if its body has them.
func unchunk(v Value) Value {
	headers, body, found := strings.Cut(v.Text(), "\r\n\r\n")
	if !found || !strings.Contains(strings.ToLower(headers), "\ntransfer-encoding: chunked") {
		return v
	}
	var b builder
	pos := v.Len() - len(body)
	b.copy(v.Slice(0, pos))
	for pos < v.Len() {
		line, next := v.line(pos)
		size, err := strconv.ParseUint(strings.TrimSpace(line.Text()), 16, 31)
		if err != nil {
			return v
		}
		b.copy(v.Slice(next, next+int(size)))
		pos = min(next+int(size), v.Len())
		if strings.HasPrefix(v.from(pos).Text(), "\r\n") {
			pos += 2
		}
	}
	return b.value()
}

var preparedRequest = lazy(`^<AWSPreparedRequest [^<>\n]{0,60}?method=([A-Z]+), url=(\S+), headers=\{`)

// readPrepared reads a request as botocore logs it before sending, without its body.
func (r *reader) readPrepared(v Value) int {
	m := preparedRequest().FindStringSubmatchIndex(v.Slice(0, 8192).Text())
	if m == nil {
		return 0
	}
	headers, length := r.document(v.from(m[1] - 1))
	q := (&document{r: r, claimed: map[*node]bool{}}).request(&node{kind: kindObject, items: []member{
		{literal("method"), &node{kind: kindString, text: v.Slice(m[2], m[3])}},
		{literal("url"), &node{kind: kindString, text: v.Slice(m[4], m[5])}},
		{literal("headers"), headers},
	}}, "")
	if q != nil {
		if h, ok := q.Header("Content-Length"); ok && h.Value.Text() != "0" {
			q.Body = Body{State: BodyUnknown}
		}
		r.add(Exchange{Form: FormJSON, Request: q})
	}
	return m[1] - 1 + length
}
