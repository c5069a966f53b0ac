package reading

import "strings"

// word reads a number, a name, a call or any other expression, up to the comma or bracket that ends it.
func (p *parser) word(depth int) *node {
	start := p.pos
	for p.pos < len(p.s) && (isNameByte(p.s[p.pos]) || p.s[p.pos] == '+' || p.s[p.pos] == ':' && p.pos > start && p.s[p.pos-1] != ' ') {
		p.pos++
	}
	name := p.v.Slice(start, p.pos)
	if p.pos < len(p.s) && (p.s[p.pos] == '\'' || p.s[p.pos] == '"') && (name.Text() == "b" || name.Text() == "u") { // Python's prefixes
		return p.quoted()
	}
	if p.pos < len(p.s) && p.s[p.pos] == '(' && p.pos > start {
		return p.call(name, depth)
	}
	p.blanks()
	if p.pos < len(p.s) && strings.IndexByte(",;}])\r\n", p.s[p.pos]) < 0 {
		if word := name.Text(); (word == "new" || word == "await") && p.pos > start {
			return p.value(depth + 1)
		}
		if n := p.classObject(name, depth); n != nil {
			return n
		}
		p.expression()
		n := &node{kind: kindWord, text: p.v.Slice(start, p.pos).trim(), mixed: true}
		return n
	}
	if p.pos == start {
		p.bad = true
		return nil
	}
	return &node{kind: kindWord, text: name}
}

// classObject reads an object after the name of its class, as Node prints it: Object [AxiosHeaders] {…}.
func (p *parser) classObject(name Value, depth int) *node {
	m := className().FindString(p.s[p.pos:min(len(p.s), p.pos+100)])
	if name.Len() == 0 || m == "" {
		return nil
	}
	p.pos += len(m) - 1
	return p.value(depth + 1)
}

var className = lazy(`^(?:\[[A-Za-z]+\] )?\{`)

func (p *parser) blanks() {
	for p.pos < len(p.s) && (p.s[p.pos] == ' ' || p.s[p.pos] == '\t') {
		p.pos++
	}
}

// call reads the arguments of JSON.stringify(…), Some(…) and the like.
func (p *parser) call(name Value, depth int) *node {
	n := &node{kind: kindCall, text: name}
	p.pos++
	for !p.bad {
		p.space()
		if p.pos >= len(p.s) {
			p.end = true
			return n
		}
		switch p.s[p.pos] {
		case ')':
			p.pos++
			return n
		case ',':
			p.pos++
			continue
		}
		before := p.pos
		if value := p.value(depth + 1); value != nil {
			n.items = append(n.items, member{value: value})
		}
		if p.pos == before {
			p.bad = true
		}
	}
	return n
}

// expression skips an expression, including brackets and strings in it.
func (p *parser) expression() {
	open := 0
	for p.pos < len(p.s) {
		switch c := p.s[p.pos]; c {
		case '"', '\'', '`':
			p.quoted()
			continue
		case '(', '[', '{':
			open++
		case ')', ']', '}':
			if open == 0 {
				return
			}
			open--
		case ',', ';', '\n':
			if open == 0 {
				return
			}
		}
		p.pos++
	}
	p.end = true
}
