package reading

import (
	"strings"
	"unicode/utf8"

	"mvdan.cc/sh/v3/syntax"
)

// maxNesting bounds the nesting that the recursive shell parser is given.
const maxNesting = 100

// bashWords reads one command as bash does, and returns its words and its length. Variables and command substitutions
// stay as written and become placeholders.
func (r *reader) bashWords(v Value) ([]Value, int) {
	length, nested := commandLength(v.Text())
	line := v.Slice(0, length)
	if nested > maxNesting {
		r.note("command_not_read", line.Span(), true)
		return nil, length
	}
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(line.Text()), "")
	if err != nil || len(file.Stmts) == 0 {
		r.unreadable(line)
		return nil, length
	}
	call, after := r.simpleCommand(file.Stmts[0], line)
	if call == nil {
		return nil, length
	}
	b := &bash{r: r, v: line, s: line.Text()}
	words := make([]Value, 0, len(call.Args))
	for _, word := range call.Args {
		words = append(words, b.word(word))
	}
	if last := len(words) - 1; last > 0 && strings.TrimSpace(words[last].Text()) == "" && continuesInBash(v.Text()[length:]) {
		r.note("continuation_broken", words[last].Span(), true)
		words = words[:last]
	}
	r.noteAmpersand(line, int(after.Offset()))
	return words, length
}

// continuesInBash reports whether what follows a command looks like more options of it. A backslash followed by a
// blank does not join two lines; it makes a word of the blank.
func continuesInBash(rest string) bool { return strings.HasPrefix(strings.TrimLeft(rest, " \t"), "-") }

// unreadable notes why there is no command.
func (r *reader) unreadable(line Value) {
	if at := strings.Index(line.Text(), "<<"); at >= 0 {
		r.note("redirect", line.Slice(at, at+2).Span(), true)
		return
	}
	r.note("command_not_read", line.Span(), true)
	r.out.Cut = true
}

// docPlaceholder matches what documentation writes where the reader must insert a value, such as <your-api-id>.
var docPlaceholder = lazy(`^<[A-Za-z][\w .:-]{0,60}>`)

// simpleCommand returns the command that the statement begins with. It notes pipes, redirects and what follows the
// command, since they may feed it.
func (r *reader) simpleCommand(stmt *syntax.Stmt, v Value) (*syntax.CallExpr, syntax.Pos) {
	for {
		if len(stmt.Redirs) > 0 {
			at := stmt.Redirs[0]
			text := v.Slice(int(at.Pos().Offset()), int(at.End().Offset()))
			isInput := at.Op == syntax.RdrIn || at.Op == syntax.Hdoc || at.Op == syntax.DashHdoc || at.Op == syntax.WordHdoc
			code := "redirect"
			if name := docPlaceholder().FindString(v.Text()[int(at.Pos().Offset()):]); name != "" {
				code, text = "value_missing", v.Slice(int(at.Pos().Offset()), int(at.Pos().Offset())+len(name))
			}
			r.note(code, text.Span(), isInput)
		}
		switch cmd := stmt.Cmd.(type) {
		case *syntax.CallExpr:
			return cmd, stmt.End()
		case *syntax.BinaryCmd:
			if cmd.Op == syntax.Pipe || cmd.Op == syntax.PipeAll {
				r.note("pipe", v.from(int(cmd.OpPos.Offset())).Span(), false)
			}
			stmt = cmd.X
		case *syntax.TimeClause:
			stmt = cmd.Stmt
		default:
			r.note("command_not_read", v.Span(), true)
			return nil, stmt.End()
		}
		if stmt == nil {
			return nil, syntax.Pos{}
		}
	}
}

// noteAmpersand notes that a bare & cuts an unquoted URL.
func (r *reader) noteAmpersand(v Value, end int) {
	s := v.Text()
	end = min(end, len(s))
	rest := strings.TrimLeft(s[end:], " \t")
	if end > 0 && s[end-1] == '&' {
		rest = "&" + rest
	}
	if len(rest) > 1 && rest[0] == '&' && rest[1] != '&' && rest[1] != '\n' && rest[1] != '\r' {
		r.note("bare_ampersand", v.from(max(0, end-1)).Span(), true)
	}
}

// commandLength returns the length of the command at the start of s, up to the first line feed that is neither quoted
// nor escaped. It also counts the brackets that the shell would look into.
func commandLength(s string) (length, nested int) {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\n':
			return i + 1, nested
		case c == '\\':
			if strings.HasPrefix(s[i+1:], "\r\n") {
				i++
			}
			i++
		case c == '\'':
			i = quoteEnd(s, i, i > 0 && s[i-1] == '$')
		case c == '"':
			var inside int
			i, inside = doubleQuoteEnd(s, i)
			nested += inside
		case strings.IndexByte("({[`", c) >= 0:
			nested++
		}
	}
	return len(s), nested
}

func quoteEnd(s string, start int, escapes bool) int {
	for i := start + 1; i < len(s); i++ {
		if s[i] == '\\' && escapes {
			i++
		} else if s[i] == '\'' {
			return i
		}
	}
	return len(s)
}

func doubleQuoteEnd(s string, start int) (end, nested int) {
	for i := start + 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i, nested
		case '`', '$':
			nested++
		}
	}
	return len(s), nested
}

// bash evaluates words and keeps their places in the paste.
type bash struct {
	r *reader
	v Value
	s string
}

func (b *bash) at(n syntax.Node) (int, int) {
	return int(n.Pos().Offset()), int(n.End().Offset())
}

func (b *bash) word(w *syntax.Word) Value {
	var out builder
	for i, part := range w.Parts {
		start, end := b.at(part)
		switch part := part.(type) {
		case *syntax.Lit:
			if i == 0 && strings.HasPrefix(part.Value, "~") {
				b.mark(start, end)
			}
			b.unescape(&out, start, end, "")
		case *syntax.SglQuoted:
			if part.Dollar {
				b.ansi(&out, start+2, end-1)
			} else {
				out.copy(b.v.Slice(start+1, end-1))
			}
		case *syntax.DblQuoted:
			b.double(&out, part)
		default:
			b.mark(start, end)
			out.copy(b.v.Slice(start, end))
		}
	}
	return out.value()
}

// double evaluates the content of double quotes. Of a literal, only the start is used, because the parser ends it
// within the escape that joins two lines, and starts it after a carriage return.
func (b *bash) double(out *builder, quoted *syntax.DblQuoted) {
	pos, last := b.at(quoted)
	pos++
	if quoted.Dollar {
		pos++
	}
	for _, part := range quoted.Parts {
		if _, ok := part.(*syntax.Lit); ok {
			continue
		}
		start, end := b.at(part)
		b.unescape(out, pos, start, "$`\"\\")
		b.mark(start, end)
		out.copy(b.v.Slice(start, end))
		pos = end
	}
	b.unescape(out, pos, last-1, "$`\"\\")
}

// mark makes a placeholder of what the shell would expand.
func (b *bash) mark(start, end int) {
	b.r.markPlaceholder(b.v.Slice(start, end))
}

// unescape removes backslashes: outside quotes before any character, in double quotes only before the given ones.
func (b *bash) unescape(out *builder, start, end int, only string) {
	for pos := start; pos < end; {
		next := strings.IndexByte(b.s[pos:end], '\\')
		if next < 0 || pos+next+1 >= end {
			out.copy(b.v.Slice(pos, end))
			return
		}
		out.copy(b.v.Slice(pos, pos+next))
		pos += next
		_, size := utf8.DecodeRuneInString(b.s[pos+1 : end])
		switch after := b.s[pos+1 : end]; {
		case after[0] == '\n':
		case strings.HasPrefix(after, "\r\n"):
			size = 2
		case only != "" && strings.IndexByte(only, after[0]) < 0:
			out.copy(b.v.Slice(pos, pos+1+size))
		default:
			out.decode(after[:size], b.v.Slice(pos, pos+1+size))
		}
		pos += 1 + size
	}
}

// ansi decodes the escapes of $'…'.
func (b *bash) ansi(out *builder, start, end int) {
	for pos := start; pos < end; {
		next := strings.IndexByte(b.s[pos:end], '\\')
		if next < 0 {
			out.copy(b.v.Slice(pos, end))
			return
		}
		out.copy(b.v.Slice(pos, pos+next))
		pos += next
		text, size := ansiEscape(b.s[pos:end])
		out.decode(text, b.v.Slice(pos, pos+size))
		pos += size
	}
}
