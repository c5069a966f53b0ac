package reading

import (
	"strings"
)

// readCurl reads a curl command line as the shell it is written for would.
func (r *reader) readCurl(v Value, _ int) int {
	start := commandStart(v.Text())
	form := curlDialect(v.Text(), start)
	if form == FormCurlCmd && r.shell == FormCurlPowerShell && !strings.Contains(firstLine(v.Text()), "^") {
		form = r.shell
	}
	r.shell = form
	rest := v.from(start)
	var words []Value
	var length int
	switch form {
	case FormCurlCmd:
		words, length = r.cmdWords(rest)
	case FormCurlPowerShell:
		words, length = r.powerShellWords(rest)
	default:
		words, length = r.bashWords(rest)
	}
	for len(words) > 0 && (strings.EqualFold(words[0].Text(), "time") || words[0].Text() == "sudo") {
		words = words[1:]
	}
	for _, word := range words {
		if at := word.Span(); at.Start > 0 && strings.Contains(`"'`, r.paste.Text()[at.Start-1:at.Start]) {
			continue // within quotes they are text
		}
		if strings.HasPrefix(word.Text(), "“") || strings.HasPrefix(word.Text(), "‘") {
			r.note("smart_quotes", word.Span(), true)
		}
	}
	end := start + max(length, 1)
	if len(words) > 0 {
		r.curlOptions(words[1:], form, (*curl).finish)
	}
	r.part(form, "curl", v.Slice(start, end))
	return end
}

// commandStart returns where the command begins after blanks and a prompt.
func commandStart(s string) int {
	blanks := len(s) - len(strings.TrimLeft(s, " \t\ufeff"))
	head := s[blanks:min(len(s), blanks+8192)]
	head = firstLine(head)
	if curlCommand().MatchString(head) || psCommand().MatchString(head) {
		return blanks
	}
	return blanks + len(prompt().FindString(head))
}

// curlDialect tells from the quoting which shell a line was written for.
func curlDialect(s string, start int) Form {
	before := s[:start]
	line := firstLine(s[start:])
	windows := strings.Contains(line[:min(len(line), 200)], "curl.exe")
	trimmed := strings.TrimRight(line, " \t")
	switch {
	case strings.Contains(before, "PS "):
		return FormCurlPowerShell
	case strings.Contains(before, `:\`), continuesInCmd(trimmed), firstQuote(line) == '^':
		return FormCurlCmd
	case strings.HasSuffix(trimmed, " `") && strings.Count(line, "`")%2 == 1:
		return FormCurlPowerShell
	case windows && (strings.Contains(line, " '") || strings.Contains(line, "`")):
		return FormCurlPowerShell
	case windows:
		return FormCurlCmd
	}
	return FormCurlBash
}

// continuesInCmd reports whether a line ends with cmd's ^, and not with a ^ inside the quotes of another shell.
func continuesInCmd(line string) bool {
	return (strings.HasSuffix(line, " ^") || strings.HasSuffix(line, `"^`)) && strings.Count(line, `"`)%2 == 0
}

// firstQuote returns the first quote of a line, or ^ if that comes first.
func firstQuote(line string) byte {
	i := strings.IndexAny(line, "'\"")
	if i > 0 && line[i] == '"' && line[i-1] == '^' {
		return '^'
	}
	if i < 0 {
		return 0
	}
	return line[i]
}

func (c *curl) finish() {
	if len(c.urls) == 0 {
		if c.dataAt.Len() > 0 || len(c.headers) > 0 || c.method.Len() > 0 {
			c.r.note("url_missing", Span{}, true)
		}
		return
	}
	for i, u := range c.urls {
		if i >= maxExchanges || !c.r.spend(c.data.text.Len()+c.query.text.Len(), u) {
			c.r.note("too_many_requests", u.Span(), true)
			return
		}
		c.r.add(Exchange{Form: c.form, Request: c.request(u)})
	}
}

// request returns what curl sends to one of its URLs.
func (c *curl) request(u Value) *Request {
	q := &Request{Form: c.form, Method: c.verb()}
	u, login := c.url(c.withFileName(u))
	q.URL = u
	if c.uploaded.in != nil && c.hasData && c.getAt.in == nil {
		c.r.note("options_conflict", c.dataAt.Span(), true)
	}
	if c.headAt.in != nil && c.hasData && c.getAt.in == nil {
		c.r.note("options_conflict", c.headAt.Span(), true)
	}
	switch {
	case c.uploaded.Len() > 0 && c.r.file == nil && !c.noData:
		c.r.note("body_in_file", c.upload.Span(), false)
		q.Body = Body{State: BodyUnknown}
	case c.multipart, c.noData:
		q.Body = Body{State: BodyUnknown}
	case c.uploaded.Len() > 0:
		q.Body = c.uploadedBody()
	case c.hasData && c.getAt.in == nil:
		q.Body = bodyOf(c.data.value(), true)
	default:
		q.Body = Body{State: BodyAbsent, Exact: true}
	}
	if c.user.in == nil {
		c.user = login
	}
	c.setHeaders(q)
	c.signing(q)
	c.r.mark(q)
	if c.noData {
		q.addPlaceholder("/body", c.dataAt, 0, c.dataAt.Len())
	} else if c.uploaded.Len() > 0 && q.Body.State == BodyUnknown {
		q.addPlaceholder("/body", c.upload, 0, c.upload.Len())
	}
	return q
}

func (c *curl) verb() Value {
	switch {
	case c.method.Len() > 0:
		return c.method
	case c.headAt.in != nil:
		return derived("HEAD", c.headAt)
	case c.uploaded.in != nil:
		return derived("PUT", c.uploaded)
	case c.getAt.in != nil:
		return derived("GET", c.getAt)
	case c.hasData || c.multipart:
		return derived("POST", c.dataAt)
	}
	return literal("GET")
}

// signing reads region and service from --aws-sigv4, and the key id from the login. The secret key is not kept.
func (c *curl) signing(q *Request) {
	if c.sigv4.Len() == 0 {
		return
	}
	pos := 0
	for i, text := range strings.Split(c.sigv4.Text(), ":") {
		if i == 0 && otherProvider(text) {
			c.r.note("sigv4_provider", c.sigv4At.Span(), true)
		}
		part := c.sigv4.Slice(pos, pos+len(text))
		switch i {
		case 2:
			q.Region = part
		case 3:
			q.Service = part
		}
		pos += len(text) + 1
	}
	if i := strings.IndexByte(c.user.Text(), ':'); i > 0 {
		q.AccessKeyID = c.user.Slice(0, i)
		c.r.secret("secret-key", c.user.from(i+1))
		c.r.note("secret_dropped", c.user.from(i+1).Span(), false)
	}
}

// otherProvider reports whether the provider is not AWS, such as osc or goog4_request: other providers' signatures
// use other names for headers and scope.
func otherProvider(text string) bool {
	return text != "" && !strings.EqualFold(text, "aws") && strings.IndexByte("$%{<", text[0]) < 0
}
