package reading

import (
	"strings"
	"unicode/utf8"
)

// kind is the kind of a node.
type kind byte

const (
	kindWord kind = iota // a number, true, a name, an expression
	kindString
	kindArray
	kindObject
	kindCall // JSON.stringify(…): the name is the text, the arguments are the items
)

// node is a value in JSON or in a similar notation: JavaScript, Node's output, Python's repr. PowerShell hashtables
// have their own reader.
type node struct {
	kind   kind
	raw    Value // as written
	text   Value // a decoded string, or a word
	items  []member
	cut    bool // the text ended inside it
	mixed  bool // a string with expressions in it
	strict bool // in JSON's own syntax
}

type member struct {
	key   Value
	value *node
}

// get returns the first member with one of the names, ignoring case. Only the part of a name after its last slash is
// compared: Power Automate writes request/url.
func (n *node) get(names ...string) *node {
	if n == nil || n.kind != kindObject {
		return nil
	}
	for _, name := range names {
		for _, m := range n.items {
			key := m.key.Text()
			if strings.EqualFold(key, name) || strings.EqualFold(strings.TrimPrefix(key, "request/"), name) {
				return m.value
			}
		}
	}
	return nil
}

// str returns the text of a string, or of a word such as a number.
func (n *node) str() string {
	if n == nil || n.kind != kindString && n.kind != kindWord {
		return ""
	}
	return n.text.Text()
}

func (n *node) isNull() bool {
	if n == nil {
		return true
	}
	switch n.str() {
	case "null", "None", "undefined", "$null":
		return n.kind == kindWord
	}
	return false
}

// document parses leniently one value at the start of v. It returns the value, or nil if there is none, and how far
// it read. It never reads a byte twice, so a caller may continue from there.
func (r *reader) document(v Value) (*node, int) {
	p := &parser{r: r, v: v, s: v.Text()}
	n := p.value(0)
	if n != nil && p.end {
		n.cut = true
	}
	return n, p.pos
}

type parser struct {
	r   *reader
	v   Value
	s   string
	pos int
	end bool // the text ended where more was needed
	bad bool // the text is not such a value
}

func (p *parser) value(depth int) *node {
	p.space()
	if p.pos >= len(p.s) {
		p.end = true
		return nil
	}
	if depth > maxDepth || p.r.nodes >= maxNodes {
		p.bad = true
		p.r.note("too_many_values", p.v.Slice(p.pos, p.pos+1).Span(), true)
		return nil
	}
	p.r.nodes++
	start := p.pos
	var n *node
	switch c := p.s[p.pos]; c {
	case '{', '[':
		n = p.list(c, depth)
	case '"', '\'', '`':
		n = p.quoted()
	default:
		n = p.word(depth)
	}
	if n != nil {
		n.raw = p.v.Slice(start, p.pos)
		if n.kind == kindWord {
			n.raw = n.text
		}
	}
	return n
}

// space skips white space and comments.
func (p *parser) space() {
	for p.pos < len(p.s) {
		rest := p.s[p.pos:]
		switch {
		case strings.IndexByte(" \t\r\n\f\v", rest[0]) >= 0:
			p.pos++
		case strings.HasPrefix(rest, "\u00a0"), strings.HasPrefix(rest, "\ufeff"):
			_, size := utf8.DecodeRuneInString(rest)
			p.pos += size
		case strings.HasPrefix(rest, "//"), strings.HasPrefix(rest, "/*"):
			stop := "\n"
			if rest[1] == '*' {
				stop = "*/"
			}
			end := strings.Index(rest[2:], stop)
			if end < 0 {
				p.pos = len(p.s)
				return
			}
			p.pos += 2 + end + len(stop)
		default:
			return
		}
	}
}

func (p *parser) list(open byte, depth int) *node {
	n := &node{kind: kindObject}
	closing := byte('}')
	if open == '[' {
		n.kind, closing = kindArray, ']'
	}
	p.pos++
	for {
		p.space()
		if p.pos >= len(p.s) {
			p.end, n.cut = true, true
			return n
		}
		switch p.s[p.pos] {
		case closing:
			p.pos++
			return n
		case ',', ';':
			p.pos++
			continue
		}
		before := p.pos
		m, ok := p.item(n.kind, depth)
		if ok {
			n.items = append(n.items, m)
		}
		if p.bad || p.end {
			n.cut = n.cut || p.end
			return n
		}
		if p.pos == before {
			p.bad = true
			return n
		}
	}
}

// item reads one member of an object or array.
func (p *parser) item(in kind, depth int) (member, bool) {
	if in == kindArray {
		value := p.value(depth + 1)
		return member{value: value}, value != nil
	}
	key := p.key()
	if key == nil {
		return member{}, false
	}
	p.space()
	switch rest := p.s[p.pos:]; {
	case strings.HasPrefix(rest, "=>"):
		p.pos += 2
	case strings.HasPrefix(rest, ":"), strings.HasPrefix(rest, "="):
		p.pos++
	case rest == "":
		p.end = true
		return member{}, false
	case rest[0] == ',' || rest[0] == '}': // JavaScript's {body} is short for {body: body}
		return member{key: key.text, value: &node{kind: kindWord, raw: key.text, text: key.text, mixed: true}}, true
	default:
		p.bad = true
		return member{}, false
	}
	value := p.value(depth + 1)
	return member{key: key.text, value: value}, value != nil
}

func (p *parser) key() *node {
	if c := p.s[p.pos]; c == '"' || c == '\'' {
		return p.quoted()
	}
	start := p.pos
	for p.pos < len(p.s) && isNameByte(p.s[p.pos]) {
		p.pos++
	}
	if p.pos == start {
		p.bad = true
		return nil
	}
	return &node{kind: kindString, text: p.v.Slice(start, p.pos)}
}

func isNameByte(c byte) bool {
	return c == '_' || c == '$' || c == '-' || c == '.' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= 0x80
}
