package reading

import (
	"strings"
	"unicode/utf8"
)

// setHeaders sets the headers that curl sends, in its order: its own headers first, then the given ones, then the
// content type of a form.
func (c *curl) setHeaders(q *Request) {
	own := c.ownHeaders()
	has := func(name string) bool {
		for _, line := range c.headers {
			if i := strings.IndexAny(line.Text(), ":;"); i > 0 && strings.EqualFold(line.Text()[:i], name) {
				return true
			}
		}
		return false
	}
	add := func(name string, value Value, implied bool) {
		if !has(name) {
			h := newHeader(literal(name), value)
			h.Implied = implied
			q.Headers = append(q.Headers, h)
		}
	}
	implied := func(name string, value Value) { add(name, value, true) }
	written := func(name string, value Value) { add(name, value, false) } // set by a dedicated option
	if login := c.login(); login.Len() > 0 {
		implied("Authorization", login)
	}
	if c.byteRange.Len() > 0 {
		written("Range", c.rangeValue())
	}
	if c.agent.Len() > 0 {
		written("User-Agent", c.agent)
	}
	if c.jsonAt.in == nil {
		implied("Accept", literal("*/*"))
	}
	if c.compressed.in != nil {
		implied("Accept-Encoding", derived("deflate, gzip", c.compressed))
		c.r.note("encodings_assumed", c.compressed.Span(), false)
	}
	if referer := c.referer.Text(); referer != "" && referer != ";auto" {
		written("Referer", c.referer.Slice(0, len(strings.TrimSuffix(referer, ";auto"))))
	}
	if len(c.cookies) > 0 {
		var b builder
		for i, v := range c.cookies {
			if i > 0 {
				b.add(";")
			}
			b.copy(v)
			c.r.secret("cookie", v)
		}
		written("Cookie", b.value())
	}
	q.Headers = append(q.Headers, own...)
	if c.jsonAt.in != nil {
		implied("Content-Type", derived("application/json", c.jsonAt))
		written("Accept", derived("application/json", c.jsonAt))
	} else if c.hasData && c.getAt.in == nil && c.uploaded.in == nil && !c.multipart {
		implied("Content-Type", derived("application/x-www-form-urlencoded", c.dataAt))
	}
}

// login returns the Authorization header for -u or --oauth2-bearer.
func (c *curl) login() Value {
	switch user := c.user; {
	case c.sigv4.Len() == 0 && user.Len() > 0:
		i := strings.IndexByte(user.Text(), ':')
		if i < 0 {
			return basic(join(user, literal(":")))
		}
		c.r.secret("password", user.from(i+1))
		return basic(user)
	case c.bearer.Len() > 0:
		c.r.secret("bearer", c.bearer)
		return prefixed("Bearer ", c.bearer)
	}
	return Value{}
}

// rangeValue returns what -r makes of its argument: curl adds the hyphen that a range needs to a number alone.
func (c *curl) rangeValue() Value {
	v := prefixed("bytes=", c.byteRange)
	if text := c.byteRange.Text(); text[0] >= '0' && text[0] <= '9' && !strings.Contains(text, "-") {
		v = join(v, literal("-"))
	}
	return v
}

func prefixed(prefix string, v Value) Value {
	var b builder
	b.add(prefix)
	b.copy(v)
	return b.value()
}

// ownHeaders returns the headers of -H. A name with a colon and no value removes a header; with a semicolon, the
// header is sent empty.
func (c *curl) ownHeaders() []Header {
	var headers []Header
	for _, line := range c.headers {
		text := line.Text()
		i := strings.IndexAny(text, ":;")
		switch {
		case strings.HasPrefix(text, "@"):
			c.r.note("headers_in_file", line.Span(), true)
		case i <= 0:
			c.r.note("header_ignored", line.Span(), false)
		case text[i] == ';' && strings.TrimSpace(text[i+1:]) == "":
			headers = append(headers, newHeader(line.Slice(0, i), line.Slice(i, i)))
		case text[i] == ';':
			c.r.note("header_ignored", line.Span(), false)
		default:
			if value := line.from(i + 1).trim(); value.Len() > 0 {
				headers = append(headers, newHeader(line.Slice(0, i), value))
			}
		}
	}
	return headers
}

// url rewrites a URL as curl does, and extracts a login from it.
func (c *curl) url(u Value) (whole, login Value) {
	if !c.globOff {
		u = c.unglob(u)
	}
	if i := strings.IndexByte(u.Text(), '#'); i >= 0 {
		u = u.Slice(0, i)
	}
	text := u.Text()
	scheme := strings.Index(text, "://")
	if scheme < 0 || strings.ContainsAny(text[:scheme], "/?") {
		c.r.note("scheme_assumed", u.Span(), false)
		u = prefixed("http://", u)
		text, scheme = u.Text(), len("http")
	}
	from := scheme + len("://")
	path := from + strings.IndexAny(text[from:]+"/", "/?")
	var b builder
	host := from
	if at := strings.LastIndexByte(text[from:path], '@'); at >= 0 {
		login, host = u.Slice(from, from+at), from+at+1
	}
	b.copy(u.Slice(0, from))
	b.copy(u.Slice(host, path))
	query := path + strings.IndexByte(text[path:]+"?", '?')
	if c.target.Len() > 0 {
		b.copy(c.target)
		return b.value(), login
	}
	c.path(&b, u.Slice(path, query))
	c.addQueryTo(&b, u.from(query))
	whole = b.value()
	c.checkBlanks(whole)
	return whole, login
}

// addQueryTo appends what -G and --url-query add to the query.
func (c *curl) addQueryTo(b *builder, query Value) {
	b.copy(query)
	separator := "?"
	if query.Len() > 0 {
		separator = "&"
	}
	switch {
	case c.hasData && c.getAt.in != nil:
		if data := c.data.value(); data.Len() > 0 || query.Len() > 0 {
			b.add(separator)
			c.addition(b, data)
		}
		if c.noData {
			c.r.note("option_not_read", c.dataAt.Span(), true)
		}
	case c.hasQuery:
		b.add(separator)
		c.addition(b, c.query.value())
	}
}

// addition writes what is appended to a query. A bare # begins a fragment, which is not sent.
func (c *curl) addition(b *builder, v Value) {
	c.checkBlanks(v)
	if i := strings.IndexByte(v.Text(), '#'); i >= 0 {
		v = v.Slice(0, i)
	}
	lowerEscapes(b, v)
}

var inBraces = lazy(`\{\{.*?\}\}`)

func (c *curl) checkBlanks(v Value) {
	if len(c.r.marks) > 0 {
		return // a placeholder may hold blanks as it is written
	}
	text := inBraces().ReplaceAllLiteralString(v.Text(), "")
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		c.r.note("url_invalid", v.Span(), true)
	}
}

// lowerEscapes writes %C3 as %c3, as curl does with what it adds to a query.
func lowerEscapes(b *builder, v Value) {
	text := v.Text()
	for pos := 0; pos < len(text); {
		next := strings.IndexByte(text[pos:], '%')
		if next < 0 || pos+next+3 > len(text) {
			b.copy(v.from(pos))
			return
		}
		b.copy(v.Slice(pos, pos+next))
		pos += next
		escaped := text[pos : pos+3]
		if _, ok := hexDigits(escaped, 1, 2); !ok || strings.ToLower(escaped) == escaped {
			b.copy(v.Slice(pos, pos+3))
		} else {
			b.decode(strings.ToLower(escaped), v.Slice(pos, pos+3))
		}
		pos += 3
	}
}

// path removes dot segments and encodes non-ASCII characters, as curl does.
func (c *curl) path(b *builder, path Value) {
	if path.Len() == 0 {
		b.add("/")
		return
	}
	var kept []Value
	text := path.Text()
	pos := 0
	for pos < len(text) {
		end := pos + 1 + strings.IndexByte(text[pos+1:]+"/", '/')
		segment, last := path.Slice(pos, end), end == len(text)
		switch name := segment.Text(); {
		case c.asIs:
			kept = append(kept, segment)
		case name == "/." || name == "/..":
			if name == "/.." && len(kept) > 0 {
				kept = kept[:len(kept)-1]
			}
			if last {
				kept = append(kept, segment.Slice(0, 1))
			}
		default:
			kept = append(kept, segment)
		}
		pos = end
	}
	for _, segment := range kept {
		name := segment.Text()
		for i := 0; i < len(name); {
			next := i
			for next < len(name) && name[next] < utf8.RuneSelf {
				next++
			}
			b.copy(segment.Slice(i, next))
			for i = next; i < len(name) && name[i] >= utf8.RuneSelf; i++ {
				b.decode(strings.ToLower(percentEncode(name[i:i+1])), segment.Slice(i, i+1))
			}
		}
	}
}

// placeholderAt reports whether a brace is part of {{name}}, ${name} or @{name}, which tools replace. In the
// arguments of a running command they have already been replaced, and curl takes each brace as a pattern.
func (c *curl) placeholderAt(text string, i int) bool {
	return c.r.file == nil && (strings.HasPrefix(text[i:], "{{") || i > 0 && strings.IndexByte("$@{", text[i-1]) >= 0)
}

// unglob undoes \{ and refuses {a,b} and [1-3], which make several requests.
func (c *curl) unglob(u Value) Value {
	text := u.Text()
	if !strings.ContainsAny(text, "{}[]") {
		return u
	}
	var b builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text) && strings.IndexByte("{}[]", text[i+1]) >= 0:
			b.decode(text[i+1:i+2], u.Slice(i, i+2))
			i++
			continue
		case strings.HasPrefix(text[i:], "[]"):
		case text[i] == '{' && !c.placeholderAt(text, i), text[i] == '[' && !strings.HasSuffix(text[:i], "//"):
			c.r.note("url_pattern", u.Slice(i, i+1).Span(), true)
		}
		b.copy(u.Slice(i, i+1))
	}
	return b.value()
}
