package reading

import (
	"strings"
	"unicode/utf8"

	"mvdan.cc/sh/v3/syntax"
)

// maxNesting bounds what the shell parser, which is recursive, gets to see.
const maxNesting = 100

// bashWords reads one command as bash does, and returns its words and length.
// Variables and commands in it stay as they are written and become placeholders.
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
	if last := len(words) - 1; last > 0 && strings.TrimSpace(words[last].Text()) == "" && goesOnInBash(v.Text()[length:]) {
		r.note("continuation_broken", words[last].Span(), true)
		words = words[:last]
	}
	r.behind(line, int(after.Offset()))
	return words, length
}

// goesOnInBash tells whether what follows a command looks like the rest of it: options. A backslash with a blank behind it does not join
// the two lines, it makes a word of the blank.
func goesOnInBash(rest string) bool { return strings.HasPrefix(strings.TrimLeft(rest, " \t"), "-") }

// unreadable notes why there is no command.
func (r *reader) unreadable(line Value) {
	if at := strings.Index(line.Text(), "<<"); at >= 0 {
		r.note("redirect", line.Slice(at, at+2).Span(), true)
		return
	}
	r.note("command_not_read", line.Span(), true)
	r.out.Cut = true
}

// leftOpen is what documentation writes for a value of the reader's own, such as <your-api-id>.
var leftOpen = lazy(`^<[A-Za-z][\w .:-]{0,60}>`)

// simpleCommand is the command that the statement begins with. Pipes, redirects
// and what stands behind it are noted, since they may feed it.
func (r *reader) simpleCommand(stmt *syntax.Stmt, v Value) (*syntax.CallExpr, syntax.Pos) {
	for {
		if len(stmt.Redirs) > 0 {
			at := stmt.Redirs[0]
			text := v.Slice(int(at.Pos().Offset()), int(at.End().Offset()))
			isInput := at.Op == syntax.RdrIn || at.Op == syntax.Hdoc || at.Op == syntax.DashHdoc || at.Op == syntax.WordHdoc
			code := "redirect"
			if name := leftOpen().FindString(v.Text()[int(at.Pos().Offset()):]); name != "" {
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

// behind notes what a bare & does to a URL that is not quoted.
func (r *reader) behind(v Value, end int) {
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

// commandLength is the length of the command at the start of s: to the first
// line feed that is neither quoted nor escaped. It counts the brackets that the
// shell would look into.
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

// bash evaluates words whose places are known.
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

// double evaluates what is in double quotes. Of literals only the place counts:
// the parser's end of one is within the escape that joins two lines, and its
// beginning behind a carriage return.
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

// mark makes a placeholder of what the shell would fill in.
func (b *bash) mark(start, end int) {
	b.r.markPlaceholder(b.v.Slice(start, end))
}

// unescape takes backslashes off: outside of quotes before anything, in double
// quotes only before the characters given.
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

// ansi undoes the escapes of $'…'.
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
