package logicapps

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// fill evaluates the expressions in a value, at any depth.
func (r *Run) fill(v any) (any, error) {
	switch v := v.(type) {
	case string:
		return r.fillText(v)
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			var err error
			if out[i], err = r.fill(item); err != nil {
				return nil, err
			}
		}
		return out, nil
	case Object:
		out := make(Object, len(v))
		for i, m := range v {
			value, err := r.fill(m.Value)
			if err != nil {
				return nil, err
			}
			out[i] = Member{m.Name, value}
		}
		return out, nil
	}
	return v, nil
}

// fillText evaluates one text: "@expression" yields a value of any type, "…@{expression}…" a text, "@@…" a text that
// begins with one @.
func (r *Run) fillText(text string) (any, error) {
	if strings.HasPrefix(text, "@@") {
		return text[1:], nil
	}
	if strings.HasPrefix(text, "@") && !strings.HasPrefix(text, "@{") {
		p := parser{text: text[1:], run: r}
		value, err := p.expression()
		if err == nil && p.rest() != "" {
			err = fmt.Errorf("%q follows the expression", p.rest())
		}
		if err != nil {
			return nil, templateError{text, err}
		}
		return value, nil
	}
	var out strings.Builder
	for {
		before, after, found := strings.Cut(text, "@{")
		out.WriteString(before)
		if !found {
			return out.String(), nil
		}
		p := parser{text: after, run: r}
		value, err := p.expression()
		if err == nil {
			err = p.expect("}")
		}
		if err != nil {
			return nil, templateError{text, err}
		}
		out.WriteString(r.textOf(value))
		text = p.text
	}
}

// textOf converts a value for use within a text.
func (r *Run) textOf(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool:
		return map[bool]string{true: "True", false: "False"}[v]
	}
	return string(r.encoder.encode(v))
}

// templateError reports an expression that cannot be evaluated. The engine fails the action with the code
// InvalidTemplate.
type templateError struct {
	text string
	err  error
}

func (e templateError) Error() string { return fmt.Sprintf("InvalidTemplate: %s: %v", e.text, e.err) }

func (e templateError) Unwrap() error { return e.err }

// parser evaluates an expression in the workflow definition language while it reads it. All arguments are evaluated,
// including those that a function ignores.
type parser struct {
	text string // the part that is not read yet
	run  *Run
}

func (p *parser) rest() string {
	p.text = strings.TrimLeft(p.text, " ")
	return p.text
}

func (p *parser) take(text string) bool {
	rest, found := strings.CutPrefix(p.rest(), text)
	if found {
		p.text = rest
	}
	return found
}

func (p *parser) expect(text string) error {
	if !p.take(text) {
		return fmt.Errorf("%q is expected before %q", text, p.text)
	}
	return nil
}

func (p *parser) expression() (any, error) {
	value, err := p.operand()
	for err == nil {
		switch {
		case p.take("?["):
			value, err = p.index(value, true)
		case p.take("["):
			value, err = p.index(value, false)
		case p.take("?."):
			value, err = member(value, p.word(), true)
		case p.take("."):
			value, err = member(value, p.word(), false)
		default:
			return value, nil
		}
	}
	return nil, err
}

func (p *parser) index(value any, lenient bool) (any, error) {
	key, err := p.expression()
	if err == nil {
		err = p.expect("]")
	}
	if err != nil {
		return nil, err
	}
	if position, ok := key.(Number); ok {
		list, _ := value.([]any)
		i, err := strconv.Atoi(string(position))
		switch {
		case err == nil && i >= 0 && i < len(list):
			return list[i], nil
		case lenient:
			return nil, nil
		}
		return nil, fmt.Errorf("there is no item %s", position)
	}
	name, ok := key.(string)
	if !ok {
		return nil, errors.New("an index must be a text or a number")
	}
	return member(value, name, lenient)
}

func member(value any, name string, lenient bool) (any, error) {
	o, _ := value.(Object)
	v, found := o.Get(name)
	if !found && !lenient {
		return nil, fmt.Errorf("the property %q does not exist", name)
	}
	return v, nil
}

func (p *parser) word() string {
	rest := p.rest()
	end := strings.IndexFunc(rest, func(c rune) bool {
		return c != '_' && c != '$' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
	})
	if end < 0 {
		end = len(rest)
	}
	p.text = rest[end:]
	return rest[:end]
}

// operand is a literal or a call.
func (p *parser) operand() (any, error) {
	rest := p.rest()
	switch {
	case rest == "":
		return nil, errors.New("the expression ends too soon")
	case rest[0] == '\'':
		return p.literal()
	case rest[0] == '-' || rest[0] >= '0' && rest[0] <= '9':
		end := strings.IndexFunc(rest, func(c rune) bool { return !strings.ContainsRune("+-.0123456789eE", c) })
		if end < 0 {
			end = len(rest)
		}
		p.text = rest[end:]
		return number(rest[:end])
	}
	name := p.word()
	switch {
	case p.take("("):
		return p.call(name)
	case name == "true" || name == "false":
		return name == "true", nil
	case name == "null":
		return nil, nil
	}
	return nil, fmt.Errorf("%q is not an expression", name+p.text)
}

// literal parses a text in single quotes; quotes within it are doubled.
func (p *parser) literal() (any, error) {
	var out strings.Builder
	rest := p.text[1:]
	for {
		before, after, found := strings.Cut(rest, "'")
		out.WriteString(before)
		if !found {
			return nil, errors.New("a text in quotes is not terminated")
		}
		if rest, found = strings.CutPrefix(after, "'"); !found {
			p.text = after
			return out.String(), nil
		}
		out.WriteByte('\'')
	}
}

func (p *parser) call(name string) (any, error) {
	var arguments []any
	for !p.take(")") {
		if len(arguments) > 0 {
			if err := p.expect(","); err != nil {
				return nil, err
			}
		}
		argument, err := p.expression()
		if err != nil {
			return nil, err
		}
		arguments = append(arguments, argument)
	}
	return p.run.call(name, arguments)
}
