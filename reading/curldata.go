package reading

import "strings"

// addData adds to the body: several arguments are joined with &, and @ refers to a file.
func (c *curl) addData(option string, v, at Value) {
	if c.hasData {
		c.data.add("&")
	}
	c.begin(at)
	name, isFile := strings.CutPrefix(v.Text(), "@")
	switch {
	case !isFile || option == "data-raw":
		c.data.copy(v)
	case option == "data-binary":
		c.fromFile(name, v, func(text string) string { return text })
	default:
		c.fromFile(name, v, withoutLineEnds.Replace)
	}
}

func (c *curl) begin(at Value) {
	if !c.hasData {
		c.dataAt = at
	}
	c.hasData = true
}

// fromFile adds the content of a file after applying as.
func (c *curl) fromFile(name string, v Value, as func(string) string) {
	if text, ok := c.content(name); ok {
		c.data.decode(as(text), v)
		return
	}
	c.noData, c.dataAt = true, v
	c.r.note("body_in_file", v.Span(), false)
}

func (c *curl) addJSON(v, at Value) {
	c.begin(at)
	c.jsonAt = at
	if name, isFile := strings.CutPrefix(v.Text(), "@"); isFile {
		c.fromFile(name, v, func(text string) string { return text })
		return
	}
	c.data.copy(v)
}

// addEncoded adds what curl percent-encodes: content, =content, name=content, @file or name@file.
func (c *curl) addEncoded(v, at Value) {
	if c.hasData {
		c.data.add("&")
	}
	c.begin(at)
	text := v.Text()
	i := strings.IndexAny(text, "=@")
	if i >= 0 && text[i] == '@' {
		c.fromFile(text[i+1:], v, func(content string) string {
			if i > 0 {
				return text[:i] + "=" + formEscape(content)
			}
			return formEscape(content)
		})
		return
	}
	encodeForm(&c.data, v, i)
}

// encodeForm encodes what follows the equals sign at i, or everything.
func encodeForm(b *builder, v Value, i int) {
	if i > 0 {
		b.copy(v.Slice(0, i+1))
	}
	for at := i + 1; at < v.Len(); at++ {
		c := v.Slice(at, at+1)
		switch text := c.Text(); {
		case text == " ":
			b.decode("+", c)
		case percentEncode(text) == text:
			b.copy(c)
		default:
			b.decode(percentEncode(text), c)
		}
	}
}

func (c *curl) addQuery(v, at Value) {
	if c.hasQuery {
		c.query.add("&")
	}
	c.hasQuery = true
	text := v.Text()
	if strings.HasPrefix(text, "+") {
		c.query.copy(v.from(1))
		return
	}
	i := strings.IndexAny(text, "=@")
	if i >= 0 && text[i] == '@' {
		content, ok := c.content(text[i+1:])
		if !ok {
			c.r.note("option_not_read", at.Span(), true)
			return
		}
		if i > 0 {
			c.query.copy(v.Slice(0, i))
			c.query.add("=")
		}
		c.query.decode(formEscape(content), v.from(i+1))
		return
	}
	encodeForm(&c.query, v, i)
}

func (c *curl) addCookie(v, at Value) {
	if !strings.Contains(v.Text(), "=") {
		c.r.note("cookies_in_file", at.Span(), false)
		return
	}
	c.cookies = append(c.cookies, v)
}
