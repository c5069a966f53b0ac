package reading

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// quoted reads a string in double or single quotes or in backticks.
func (p *parser) quoted() *node {
	quote, start := p.s[p.pos], p.pos+1
	n := &node{kind: kindString}
	escaped := false
	for p.pos++; ; p.pos++ {
		if p.pos >= len(p.s) {
			p.end, n.cut = true, true
			break
		}
		c := p.s[p.pos]
		if c == quote {
			break
		}
		switch {
		case c == '\\':
			escaped = true
			p.pos++
		case quote == '`' && strings.HasPrefix(p.s[p.pos:], "${"):
			n.mixed = true
		}
	}
	p.pos = min(p.pos, len(p.s))
	n.text = p.v.Slice(start, p.pos)
	if escaped {
		n.text = p.r.unescape(n.text, start > 1 && p.s[start-2] == 'b')
	}
	if n.cut {
		return n
	}
	p.pos++
	n.strict = quote == '"'
	after := p.pos
	p.blanks()
	if p.pos < len(p.s) && p.s[p.pos] == '+' {
		p.expression()
		n.text, n.mixed = p.v.Slice(start-1, p.pos).trim(), true
		return n
	}
	p.pos = after
	return n
}

// unescape decodes the escapes of JSON, JavaScript and Python. If bytes is set, \x and two digits mean a byte, not a
// character.
func (r *reader) unescape(v Value, bytes bool) Value {
	s := v.Text()
	if strings.IndexByte(s, '\\') < 0 || !r.spend(len(s), v) {
		return v
	}
	var b builder
	for pos := 0; pos < len(s); {
		next := strings.IndexByte(s[pos:], '\\')
		if next < 0 {
			b.copy(v.from(pos))
			break
		}
		if next > 0 {
			b.copy(v.Slice(pos, pos+next))
		}
		pos += next
		text, size := escape(s[pos:])
		if bytes && size == 4 && s[pos+1] == 'x' {
			code, _ := hexDigits(s[pos:], 2, 2)
			text = string([]byte{byte(code)}) //nolint:gosec // two digits
		}
		b.decode(text, v.Slice(pos, pos+size))
		pos += size
	}
	return b.value()
}

// escape decodes the escape at the start of s and returns its length.
func escape(s string) (string, int) {
	if len(s) < 2 {
		return s, len(s)
	}
	switch s[1] {
	case 'n':
		return "\n", 2
	case 'r':
		return "\r", 2
	case 't':
		return "\t", 2
	case 'b':
		return "\b", 2
	case 'f':
		return "\f", 2
	case 'v':
		return "\v", 2
	case '0':
		return "\x00", 2
	case '\n': // a continued source line
		return "", 2
	case 'x':
		if code, ok := hexDigits(s, 2, 2); ok {
			return string(rune(code)), 4
		}
	case 'u':
		return unicodeEscape(s)
	}
	_, size := utf8.DecodeRuneInString(s[1:])
	return s[1 : 1+size], 1 + size
}

func unicodeEscape(s string) (string, int) {
	if strings.HasPrefix(s, `\u{`) {
		end := strings.IndexByte(s[:min(len(s), 12)], '}')
		if end > 3 {
			if code, ok := hexDigits(s, 3, end-3); ok {
				return string(code), end + 1
			}
		}
		return "u", 2
	}
	code, ok := hexDigits(s, 2, 4)
	if !ok {
		return "u", 2
	}
	if utf16.IsSurrogate(code) && strings.HasPrefix(s[6:], `\u`) {
		if low, ok := hexDigits(s, 8, 4); ok {
			if pair := utf16.DecodeRune(code, low); pair != utf8.RuneError {
				return string(pair), 12
			}
		}
	}
	return string(code), 6
}

func hexDigits(s string, start, n int) (rune, bool) {
	if len(s) < start+n {
		return 0, false
	}
	code, err := strconv.ParseUint(s[start:start+n], 16, 32)
	return rune(code), err == nil && code <= utf8.MaxRune //nolint:gosec // checked in the same line
}

// unescapeOnce finds the end of a document inside a text whose quotes are escaped, {\"a\":…}, and undoes one level of
// escapes. The document ends at the first quote that is escaped less, or at the end of the line.
func (r *reader) unescapeOnce(v Value) (Value, int) {
	s := v.Text()
	end := 0
	for end < len(s) && s[end] != '"' && s[end] != '\n' {
		if s[end] == '\\' {
			end++
		}
		end++
	}
	end = min(end, len(s))
	return r.unescape(v.Slice(0, end), false), end
}

// compact writes a node as JSON.stringify would.
func (n *node) compact(b *builder, depth int) {
	switch n.kind {
	case kindString:
		if n.strict && strings.IndexByte(n.raw.Text(), '\\') < 0 {
			b.copy(n.raw)
			return
		}
		b.decode(quoteJSON(n.text.Text()), n.raw)
	case kindArray, kindObject:
		open, closing := "[", "]"
		if n.kind == kindObject {
			open, closing = "{", "}"
		}
		b.add(open)
		for i, m := range n.items {
			if i > 0 {
				b.add(",")
			}
			if n.kind == kindObject {
				b.decode(quoteJSON(m.key.Text()), m.key)
				b.add(":")
			}
			m.value.compact(b, depth+1)
		}
		b.add(closing)
	default:
		b.copy(n.raw)
	}
}

// quoteJSON writes a string as JavaScript does.
func quoteJSON(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\t':
			b.WriteString(`\t`)
		case c == '\b':
			b.WriteString(`\b`)
		case c == '\f':
			b.WriteString(`\f`)
		case c < 0x20:
			b.WriteString(`\u00` + string("0123456789abcdef"[c>>4]) + string("0123456789abcdef"[c&15]))
		default:
			b.WriteRune(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
