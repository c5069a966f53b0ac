package reading

import (
	"strings"
	"unicode/utf8"
)

// psToken is one argument of a PowerShell command.
type psToken struct {
	value Value
	table []Header // the entries of a hashtable
	kind  byte     // w word, s string, t hashtable, x expression
}

// powershell reads arguments as PowerShell does.
type powershell struct {
	r   *reader
	v   Value
	s   string
	pos int
}

// powerShellWords reads a command line with curl.exe.
func (r *reader) powerShellWords(v Value) ([]Value, int) {
	p := &powershell{r: r, v: v, s: v.Text()}
	var words []Value
	for {
		token, ok := p.token()
		if !ok {
			return words, p.pos
		}
		value := token.value
		if strings.Contains(value.Text(), `\"`) {
			// Before 7.3, PowerShell passes quotes on without escaping them. People therefore write \" for the
			// program, which removes the backslash.
			value = replaceAll(value, `\"`, `"`)
		} else if token.kind == 's' && strings.Contains(value.Text(), `"`) && len(words) > 0 {
			r.note("quotes_lost", value.Span(), false)
		}
		words = append(words, value)
	}
}

func replaceAll(v Value, old, text string) Value {
	var out builder
	s := v.Text()
	for pos := 0; ; {
		next := strings.Index(s[pos:], old)
		if next < 0 {
			out.copy(v.from(pos))
			return out.value()
		}
		out.copy(v.Slice(pos, pos+next))
		out.decode(text, v.Slice(pos+next, pos+next+len(old)))
		pos += next + len(old)
	}
}

// space skips blanks and continued lines. It returns false at the end of the command.
func (p *powershell) space(lines bool) bool {
	for p.pos < len(p.s) {
		rest := p.s[p.pos:]
		switch {
		case rest[0] == ' ' || rest[0] == '\t':
			p.pos++
		case strings.HasPrefix(rest, "`\n"):
			p.pos += 2
		case strings.HasPrefix(rest, "`\r\n"):
			p.pos += 3
		case rest[0] == '\r', lines && (rest[0] == '\n' || rest[0] == ';'):
			p.pos++
		case rest[0] == '\n' || rest[0] == ';':
			p.pos++
			return false
		case rest[0] == '|' || rest[0] == '>':
			p.r.note("pipe", p.v.Slice(p.pos, p.pos+1).Span(), false)
			p.pos += lineLength(rest)
			return false
		default:
			return true
		}
	}
	return false
}

func (p *powershell) token() (psToken, bool) {
	if !p.space(false) {
		return psToken{}, false
	}
	rest := p.s[p.pos:]
	switch {
	case strings.HasPrefix(rest, "@{"):
		return psToken{table: p.hashtable(), kind: 't'}, true
	case strings.HasPrefix(rest, "@'"), strings.HasPrefix(rest, `@"`):
		return psToken{value: p.hereString(rest[1]), kind: 's'}, true
	case rest[0] == '\'':
		return psToken{value: p.single(), kind: 's'}, true
	case rest[0] == '"':
		var out builder
		p.double(&out)
		return psToken{value: out.value(), kind: 's'}, true
	case rest[0] == '(' || strings.HasPrefix(rest, "$(") || strings.HasPrefix(rest, "@("):
		start := p.pos
		p.brackets()
		p.r.markPlaceholder(p.v.Slice(start, p.pos))
		return psToken{value: p.v.Slice(start, p.pos), kind: 'x'}, true
	}
	return p.bare()
}

// bare reads a word that does not begin with a quote.
func (p *powershell) bare() (psToken, bool) {
	var out builder
	token := psToken{kind: 'w'}
	for p.pos < len(p.s) {
		switch c := p.s[p.pos]; {
		case strings.IndexByte(" \t\r\n;|", c) >= 0, strings.HasPrefix(p.s[p.pos:], "`\n"), strings.HasPrefix(p.s[p.pos:], "`\r\n"):
			token.value = out.value()
			return token, true
		case c == '`' && p.pos+1 < len(p.s):
			p.escape(&out)
		case c == '\'':
			out.copy(p.single())
		case c == '"':
			p.double(&out)
		case c == '$' && psVariable().MatchString(p.s[p.pos:min(len(p.s), p.pos+200)]):
			if out.text.Len() == 0 {
				token.kind = 'x'
			}
			p.variable(&out)
		default:
			out.copy(p.v.Slice(p.pos, p.pos+1))
			p.pos++
		}
	}
	token.value = out.value()
	return token, true
}

var psVariable = lazy(`^\$(?:\{[^}]+\}|(?:[A-Za-z]+:)?[A-Za-z_]\w*(?:\.\w+)*)`)

func (p *powershell) variable(out *builder) {
	name := p.v.Slice(p.pos, p.pos+len(psVariable().FindString(p.s[p.pos:min(len(p.s), p.pos+200)])))
	p.r.markPlaceholder(name)
	out.copy(name)
	p.pos += name.Len()
}

func (p *powershell) single() Value {
	var out builder
	for p.pos++; p.pos < len(p.s); {
		next := strings.IndexByte(p.s[p.pos:], '\'')
		if next < 0 {
			next = len(p.s) - p.pos
			p.r.out.Cut = true
		}
		out.copy(p.v.Slice(p.pos, p.pos+next))
		p.pos = min(p.pos+next+1, len(p.s))
		if p.pos >= len(p.s) || p.s[p.pos] != '\'' {
			break
		}
		out.decode("'", p.v.Slice(p.pos-1, p.pos+1))
		p.pos++
	}
	return out.value()
}

func (p *powershell) double(out *builder) {
	for p.pos++; p.pos < len(p.s); {
		rest := p.s[p.pos:]
		switch {
		case strings.HasPrefix(rest, `""`):
			out.decode(`"`, p.v.Slice(p.pos, p.pos+2))
			p.pos += 2
		case rest[0] == '"':
			p.pos++
			return
		case rest[0] == '`' && len(rest) > 1:
			p.escape(out)
		case strings.HasPrefix(rest, "$("):
			start := p.pos
			p.brackets()
			p.r.markPlaceholder(p.v.Slice(start, p.pos))
			out.copy(p.v.Slice(start, p.pos))
		case rest[0] == '$' && psVariable().MatchString(rest[:min(len(rest), 200)]):
			p.variable(out)
		default:
			out.copy(p.v.Slice(p.pos, p.pos+1))
			p.pos++
		}
	}
	p.r.out.Cut = true
}

var psEscapes = map[byte]string{'n': "\n", 'r': "\r", 't': "\t", '0': "\x00", 'a': "\a", 'b': "\b", 'f': "\f", 'v': "\v", 'e': "\x1b"}

// escape reads a backtick and the character after it.
func (p *powershell) escape(out *builder) {
	_, size := utf8.DecodeRuneInString(p.s[p.pos+1:])
	text := p.s[p.pos+1 : p.pos+1+size]
	if special, ok := psEscapes[text[0]]; ok {
		text = special
	}
	out.decode(text, p.v.Slice(p.pos, p.pos+1+size))
	p.pos += 1 + size
}

// brackets skips an expression in brackets.
func (p *powershell) brackets() {
	open := 0
	for ; p.pos < len(p.s); p.pos++ {
		switch p.s[p.pos] {
		case '(', '{':
			open++
		case ')', '}':
			if open--; open == 0 {
				p.pos++
				return
			}
		}
	}
	p.r.out.Cut = true
}

func (p *powershell) hereString(quote byte) Value {
	start := p.pos + 2 + lineLength(p.s[p.pos+2:])
	end := strings.Index(p.s[start:], "\n"+string(quote)+"@")
	if end < 0 {
		p.pos = len(p.s)
		p.r.out.Cut = true
		return p.v.Slice(start, p.pos)
	}
	p.pos = start + end + 3
	text := p.v.Slice(start, start+end)
	return text.Slice(0, len(strings.TrimSuffix(text.Text(), "\r")))
}

// hashtable reads @{ name = value; … }.
func (p *powershell) hashtable() []Header {
	var list []Header
	p.pos += 2
	for p.space(true) && p.s[p.pos] != '}' {
		name := p.tableKey()
		if !p.space(true) || p.s[p.pos] != '=' {
			break
		}
		p.pos++
		p.space(true)
		start := p.pos
		token, ok := p.token()
		if !ok || p.pos == start || len(list) >= maxFields {
			break
		}
		if token.kind == 'w' { // a bracket also ends a word
			text := token.value.Text()
			if i := strings.IndexByte(text, '}'); i >= 0 {
				p.pos -= len(text) - i
				token.value = token.value.Slice(0, i)
			}
		}
		list = append(list, newHeader(name, token.value))
		for p.pos < len(p.s) && strings.IndexByte("\n;}", p.s[p.pos]) < 0 { // skip the rest of an expression
			p.pos++
		}
	}
	if p.pos < len(p.s) && p.s[p.pos] == '}' {
		p.pos++
	} else {
		p.r.out.Cut = true
	}
	return list
}

func (p *powershell) tableKey() Value {
	switch p.s[p.pos] {
	case '\'':
		return p.single()
	case '"':
		var out builder
		p.double(&out)
		return out.value()
	}
	start := p.pos
	for p.pos < len(p.s) && isNameByte(p.s[p.pos]) {
		p.pos++
	}
	return p.v.Slice(start, p.pos)
}
