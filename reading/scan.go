package reading

import (
	"strings"
)

// partReader reads the part at the start of v and returns its length.
type partReader func(v Value, depth int) int

// scan splits a text into parts, line by line, and reads each. Text in no known form is prose, which is searched for
// sentences and documents.
func (r *reader) scan(v Value, depth int) {
	s, prose := v.Text(), 0
	for pos := 0; pos < len(s); {
		read := r.detect(v.from(pos))
		if read == nil {
			pos += lineLength(s[pos:])
			continue
		}
		r.prose(v.Slice(prose, pos), depth)
		n := read(v.from(pos), depth)
		if n == 0 { // it only looked like one
			n = lineLength(s[pos:])
			r.prose(v.Slice(pos, pos+n), depth)
		}
		pos += n
		prose = pos
	}
	r.prose(v.from(prose), depth)
}

// lineLength returns the length of the first line, including its line feed.
func lineLength(s string) int {
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		return i + 1
	}
	return len(s)
}

// firstLine returns the first line without its end.
func firstLine(s string) string {
	return strings.TrimSuffix(strings.TrimSuffix(s[:lineLength(s)], "\n"), "\r")
}

var (
	requestLine = lazy(`^([A-Za-z][A-Za-z-]{1,19}) (\S.*?) (HTTP/[0-9](?:\.[0-9])?)\s*$`)
	bareRequest = lazy(`^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (https?://\S+|/\S*)\s*$`)
	statusLine  = lazy(`^HTTP/[0-9](?:\.[0-9])? ([1-5][0-9][0-9])(?: .*)?$`)
	headerLine  = lazy("^(:?[A-Za-z0-9!#$%&'*+.^_`|~-]+)[ \t]*:(.*)$")
	traceLine   = lazy(`^(?:> [A-Za-z-]{2,20} \S.* HTTP/[0-9.]+|< HTTP/[0-9.]+ [0-9]{3}.*|\* +(?:` + traceRemarks + `).*)\s*$`)
	pseudoLine  = lazy(`^:(?:authority|method|path|scheme): \S`)
	signedLine  = lazy(`(?i)^(?:authorization: AWS4-|x-amz-[a-z0-9-]+: |host: )\S`)
	bareURL     = lazy(`^["'<]?(https?://[^\s"'<>]+)["'>]?\s*$`)
	prompt      = lazy(`^(?:PS [^>\n]{0,200}>\s*|[A-Za-z]:\\[^>\n]{0,200}>\s*|[\w.@~:/\[\] -]{0,80}[$#%❯>] +)`)
	curlCommand = lazy(`^(?:[A-Za-z_]\w*=[^\s"'$;&|]* +){0,8}(?:time +|sudo +)?(?:[\w./\\:-]*[/\\])?curl(?:\.exe)?(?:\s|$)`)
	psCommand   = lazy(`(?i)^(?:\$\w+\s*=\s*)?(?:Invoke-RestMethod|Invoke-WebRequest|irm|iwr)(?:[ \t]+[^\s:]|[ \t]*$)`)
	psName      = lazy(`(?i)^(?:\$\w+\s*=\s*)?[a-z-]+`)
	jsCall      = lazy(`^[^\n]{0,120}?(?:^|[^\w.])(fetch|axios(?:\.(?:request|get|delete|head|options|post|put|patch))?)\(`)
	// Not just any element: Java has <init>, Python <module>, and C# and Go write types in angle brackets.
	xmlStart   = lazy(`^[▼▶▸▾+\-–\s]*` + xmlElement)
	methodLine = lazy(`^(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)$`)
	algorithm  = lazy(`^AWS4-(?:HMAC|ECDSA-P256)-SHA256(?:-PAYLOAD|-TRAILER)?$`)
)

// detect returns the reader for the part that begins at the start of v, or nil.
func (r *reader) detect(v Value) partReader {
	s := v.Text()
	line := firstLine(s)
	trimmed := strings.TrimLeft(line, " \t\ufeff")
	if trimmed == "" {
		return nil
	}
	if read := r.detectDocument(trimmed, s); read != nil {
		return read
	}
	rest := s[lineLength(s):]
	head := trimmed[:min(len(trimmed), 8192)]
	switch command := head[len(prompt().FindString(head)):]; {
	case traceLine().MatchString(trimmed):
		return r.readTrace
	case strings.Contains(head, " HTTP/") && wireStart().MatchString(head):
		return r.limitCommands(r.readWire)
	case strings.Contains(trimmed, "HTTP/") && (requestLine().MatchString(trimmed) || statusLine().MatchString(trimmed)):
		return r.readMessage
	case bareRequest().MatchString(trimmed) && (strings.Contains(head, " http") || strings.HasPrefix(strings.ToLower(rest), "host:")):
		return r.readMessage
	case curlCommand().MatchString(head), curlCommand().MatchString(command):
		return r.limitCommands(r.readCurl)
	case psCommand().MatchString(head), psCommand().MatchString(command):
		return r.limitCommands(r.readPowerShell)
	case jsCall().MatchString(head):
		return r.readJS
	case bareURL().MatchString(trimmed):
		return r.readURL
	case methodLine().MatchString(trimmed) && strings.HasPrefix(rest, "/"):
		return r.readCanonical
	case pseudoLine().MatchString(trimmed), signedLine().MatchString(trimmed) && headerLine().MatchString(firstLine(rest)):
		return r.readHeadersAlone
	case algorithm().MatchString(trimmed) && len(rest) > 8 && isDigits(rest[:8]):
		return r.readStringToSign
	}
	return nil
}

// limitCommands bounds how many commands are read, whether or not they hold a request.
func (r *reader) limitCommands(read partReader) partReader {
	if r.commands++; r.commands > 5*maxExchanges {
		r.note("too_many_requests", Span{}, true)
		return nil
	}
	return read
}

func (r *reader) detectDocument(trimmed, s string) partReader {
	switch {
	case strings.HasPrefix(trimmed, "{\\"):
		return r.readEscaped
	case trimmed[0] == '{', trimmed[0] == '[' && startsList(strings.TrimLeft(s[strings.IndexByte(s, '[')+1:], " \t\r\n")):
		return r.readJSON
	case strings.HasPrefix(trimmed, `"{`), strings.HasPrefix(trimmed, `"[{`), strings.HasPrefix(trimmed, `"<`):
		return r.readJSON
	case strings.HasPrefix(trimmed, "const ") || strings.HasPrefix(trimmed, "let ") || strings.HasPrefix(trimmed, "var "):
		if i := strings.IndexByte(trimmed, '='); i > 0 && strings.HasPrefix(strings.TrimLeft(trimmed[i+1:], " "), "{") {
			return r.readJSON
		}
	case xmlStart().MatchString(trimmed):
		return r.readXML
	}
	return nil
}

func startsList(rest string) bool {
	return rest != "" && (rest[0] == '{' || rest[0] == '[' || rest[0] == '"' && !strings.HasPrefix(rest, `""`))
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// readJSON reads a document of JSON, or of something similar.
func (r *reader) readJSON(v Value, depth int) int {
	if r.wasted > maxWasted {
		return 0
	}
	s := v.Text()
	start := strings.IndexAny(s, "{[\"")
	if strings.HasPrefix(strings.TrimLeft(s, " \t\ufeff"), "\"") {
		start = strings.IndexByte(s, '"')
	}
	n, length := r.document(v.from(start))
	length += start
	if n == nil || len(n.items) == 0 && n.kind != kindString {
		r.wasted += length
		return 0
	}
	if n.cut {
		r.out.Cut = true
	}
	if n.kind == kindString {
		if depth == 0 {
			r.part(FormJSON, "", v.Slice(start, length))
		}
		if depth < maxLevels {
			r.scan(n.text, depth+1)
		}
		return length
	}
	form := r.readDocument(n, depth)
	if form == "" {
		form = FormJSON
	}
	if depth == 0 {
		r.part(form, "", v.Slice(start, length))
	}
	return length
}

// readQuoted reads a document in single quotes, such as Python's b'<?xml …'.
func (r *reader) readQuoted(v Value, depth int) int {
	if r.wasted > maxWasted {
		return 0
	}
	n, length := r.document(v)
	if n == nil || n.kind != kindString || n.cut || n.mixed {
		r.wasted += length
		return 0
	}
	r.scan(n.text, depth+1)
	return length
}

// readEscaped reads a document with escaped quotes, taken from a log line.
func (r *reader) readEscaped(v Value, depth int) int {
	start := strings.IndexByte(v.Text(), '{')
	text, length := r.unescapeOnce(v.from(start))
	if depth >= maxLevels || text.Len() == 0 {
		return start + max(length, 1)
	}
	r.scan(text, depth+1)
	return start + max(length, 1)
}

// prose searches a text for documents, and all of it for sentences.
func (r *reader) prose(v Value, depth int) {
	s := v.Text()
	if strings.TrimSpace(s) == "" {
		return
	}
	found := r.loose.sentences(v)
	gap := 0 // since the last document
	for pos := 0; pos < len(s); {
		next := strings.IndexAny(s[pos:], "{<\"'")
		if next < 0 {
			break
		}
		pos += next
		n := 0
		if depth < maxLevels {
			r.presignedIn(v.Slice(gap, pos))
			gap = pos
			n = r.embedded(v.from(pos), depth)
		}
		pos += max(n, 1)
		if n > 0 {
			gap = pos
		}
	}
	r.presignedIn(v.from(gap))
	if depth == 0 {
		r.loose.codeAlone(v)
		found = found || len(r.loose.out.Codes) > 0
	}
	if depth == 0 && found {
		r.part(FormText, r.loose.tool, v)
	}
}

const (
	traceRemarks = `Trying|Connected to|Host |Rebuilt URL|Uses proxy|IPv[46]:|ALPN|Using HTTP`
	xmlElement   = `<(?i:\?xml|!DOCTYPE|html|head|body|title|code|message|errors?|response|` +
		`SignatureProvided|StringToSign(?:Bytes)?|CanonicalRequest(?:Bytes)?|AWSAccessKeyId|RequestId|HostId|` +
		`[A-Za-z]+(?:Exception|Error|Fault|Response|Result))\b`
)

var embeddedXML = lazy(`^` + xmlElement)

// embedded reads a document in the middle of a line.
func (r *reader) embedded(v Value, depth int) int {
	s := v.Text()
	switch {
	case s[0] == '<':
		if strings.HasPrefix(s, "<AWSPreparedRequest ") {
			return r.readPrepared(v)
		}
		if embeddedXML().MatchString(s[:min(len(s), 600)]) {
			return r.readXML(v, depth+1)
		}
	case strings.HasPrefix(s, "'{"), strings.HasPrefix(s, "'<"):
		return r.readQuoted(v, depth)
	case strings.HasPrefix(s, `{\`):
		return r.readEscaped(v, depth)
	case s[0] == '{', strings.HasPrefix(s, `"{`), strings.HasPrefix(s, `"<`):
		return r.readJSON(v, depth+1)
	}
	return 0
}
