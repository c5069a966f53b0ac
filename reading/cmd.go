package reading

import (
	"strings"
)

var cmdVariable = lazy(`^%[A-Za-z_][A-Za-z0-9_]*%`)

// cmdWords reads a command as Windows does: first cmd.exe removes its carets, then the program splits the line by the
// rules of Microsoft's C runtime.
func (r *reader) cmdWords(v Value) ([]Value, int) {
	line, length := r.cmdLine(v)
	return splitArguments(line), length
}

// cmdLine undoes what cmd.exe interprets: ^ escapes the next character and joins lines; within quotes it is an
// ordinary character.
func (r *reader) cmdLine(v Value) (Value, int) {
	s := v.Text()
	var out builder
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\n' || c == '\r' && strings.HasPrefix(s[i:], "\r\n"):
			return out.value(), i + 1
		case c == '%' && cmdVariable().MatchString(s[i:min(len(s), i+100)]):
			end := i + len(cmdVariable().FindString(s[i:min(len(s), i+100)]))
			r.markPlaceholder(v.Slice(i, end))
			out.copy(v.Slice(i, end))
			i = end - 1
			continue
		case quoted:
		case c == '^':
			i += r.caret(&out, v.from(i)) - 1
			continue
		case strings.IndexByte("&|<>", c) >= 0:
			r.note("command_ends", v.Slice(i, i+1).Span(), c == '&')
			return out.value(), i + lineLength(s[i:])
		}
		out.copy(v.Slice(i, i+1))
	}
	return out.value(), len(s)
}

// caret reads what begins with ^ and returns its length.
func (r *reader) caret(out *builder, v Value) int {
	s := v.Text()
	if len(s) < 2 {
		return 1
	}
	size := 1
	if strings.HasPrefix(s[1:], "\r\n") {
		size = 2
	}
	if s[size] != '\n' {
		out.decode(s[1:2], v.Slice(0, 2))
		return 2
	}
	// A continued line: the character after the line feed is taken literally, which is how a line feed gets into an
	// argument.
	size++
	next := s[size:]
	switch {
	case strings.HasPrefix(next, "\r\n"):
		out.decode("\n", v.Slice(0, size+2))
		return size + 2
	case strings.HasPrefix(next, "\n"):
		out.decode("\n", v.Slice(0, size+1))
		return size + 1
	}
	return size
}

// splitArguments splits a line as Windows programs do: backslashes are special only before a quote, and "" within
// quotes is a quote.
func splitArguments(v Value) []Value {
	s := v.Text()
	var words []Value
	for i := 0; i < len(s); {
		if s[i] == ' ' || s[i] == '\t' {
			i++
			continue
		}
		var out builder
		i = argument(&out, v, i)
		words = append(words, out.value())
	}
	return words
}

func argument(out *builder, v Value, i int) int {
	s := v.Text()
	quoted := false
	for i < len(s) {
		slashes := i
		for slashes < len(s) && s[slashes] == '\\' {
			slashes++
		}
		n := slashes - i
		if slashes < len(s) && s[slashes] == '"' {
			out.copy(v.Slice(i, i+n/2))
			switch {
			case n%2 == 1:
				out.decode(`"`, v.Slice(i+n/2*2, slashes+1))
				i = slashes + 1
			case quoted && strings.HasPrefix(s[slashes:], `""`):
				out.decode(`"`, v.Slice(slashes, slashes+2))
				i = slashes + 2
			default:
				quoted = !quoted
				i = slashes + 1
			}
			continue
		}
		out.copy(v.Slice(i, slashes))
		i = slashes
		if i >= len(s) || !quoted && (s[i] == ' ' || s[i] == '\t') {
			break
		}
		out.copy(v.Slice(i, i+1))
		i++
	}
	return i
}
