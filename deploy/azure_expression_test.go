package deploy_test

import (
	"fmt"
	"strings"
	"testing"
)

// expression is an ARM template expression: a call with its arguments, or a literal. Accessors of the result, .name and [index],
// are kept as text.
type expression struct {
	function string // empty: a literal
	literal  string
	args     []expression
	access   string
	indexes  []expression
}

// String returns the expression in canonical form, so that two can be compared.
func (e expression) String() string {
	if e.function == "" {
		return "'" + e.literal + "'"
	}
	args := make([]string, len(e.args))
	for i, a := range e.args {
		args[i] = a.String()
	}
	return e.function + "(" + strings.Join(args, ", ") + ")" + e.access
}

// each visits the expression and everything inside it.
func (e expression) each(visit func(expression)) {
	visit(e)
	for _, a := range e.args {
		a.each(visit)
	}
	for _, a := range e.indexes {
		a.each(visit)
	}
}

// parse reads a value of a template: text in brackets is an expression, any other text is a literal.
func parse(t *testing.T, value string) expression {
	t.Helper()
	if !strings.HasPrefix(value, "[") || strings.HasPrefix(value, "[[") {
		return expression{literal: value}
	}
	if !strings.HasSuffix(value, "]") {
		t.Fatalf("%q does not end with a bracket", value)
	}
	p := &parser{text: value[1 : len(value)-1]}
	e, err := p.expression()
	if err == nil && p.at != len(p.text) {
		err = fmt.Errorf("%q is left over", p.text[p.at:])
	}
	if err != nil {
		t.Fatalf("%s: %v", value, err)
	}
	return e
}

type parser struct {
	text string
	at   int
}

func (p *parser) blanks() {
	for p.at < len(p.text) && p.text[p.at] == ' ' {
		p.at++
	}
}

func (p *parser) take(c byte) bool {
	p.blanks()
	if p.at < len(p.text) && p.text[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *parser) word() string {
	p.blanks()
	from := p.at
	for p.at < len(p.text) && (p.text[p.at] == '_' || p.text[p.at] >= '0' && p.text[p.at] <= '9' || p.text[p.at]|0x20 >= 'a' &&
		p.text[p.at]|0x20 <= 'z') {
		p.at++
	}
	return p.text[from:p.at]
}

func (p *parser) expression() (expression, error) {
	if p.take('\'') {
		end := strings.IndexByte(p.text[p.at:], '\'')
		if end < 0 {
			return expression{}, fmt.Errorf("unterminated string")
		}
		literal := p.text[p.at : p.at+end]
		p.at += end + 1
		return expression{literal: literal}, nil
	}
	name := p.word()
	if name == "" {
		return expression{}, fmt.Errorf("unexpected text at %q", p.text[p.at:])
	}
	if !p.take('(') {
		if strings.Trim(name, "0123456789") == "" || name == "true" || name == "false" {
			return expression{literal: name}, nil
		}
		return expression{}, fmt.Errorf("%s is not a call", name)
	}
	e := expression{function: name}
	for !p.take(')') {
		if len(e.args) > 0 && !p.take(',') {
			return e, fmt.Errorf("a comma is missing at %q", p.text[p.at:])
		}
		a, err := p.expression()
		if err != nil {
			return e, err
		}
		e.args = append(e.args, a)
	}
	return e, p.accessors(&e)
}

func (p *parser) accessors(e *expression) error {
	for {
		switch {
		case p.take('.'):
			e.access += "." + p.word()
		case p.take('['):
			index, err := p.expression()
			if err != nil {
				return err
			}
			if !p.take(']') {
				return fmt.Errorf("unterminated index")
			}
			e.indexes = append(e.indexes, index)
			e.access += "[" + index.String() + "]"
		default:
			return nil
		}
	}
}
