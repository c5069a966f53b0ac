package snippets

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// literal writes a text as a literal that Python, JavaScript and C# read alike.
func literal(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range text {
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
		case c < ' ' || c >= 0x7f && c <= 0x9f || c >= 0x2028 && c <= 0x202e || c >= 0x2066 && c <= 0x2069 || c == 0xfeff:
			fmt.Fprintf(&b, `\u%04x`, c)
		default:
			b.WriteRune(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func base64Of(data []byte) string { return base64.StdEncoding.EncodeToString(data) }

// shellWord makes text one word of a POSIX shell.
func shellWord(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// powershellWord is a literal of PowerShell, which takes typographic quotes for
// plain ones.
func powershellWord(text string) string {
	return "'" + strings.NewReplacer("'", "''", "‘", "‘‘", "’", "’’", "‚", "‚‚", "‛", "‛‛").Replace(text) + "'"
}

// cmdWord makes text one argument at the prompt of Windows: first as the C
// runtime reads arguments, then as cmd reads lines. There is no way to write a
// percent sign there; a caret within the name keeps a variable from being found.
// Carriage returns are lost.
func cmdWord(text string) string {
	var argument strings.Builder
	backslashes := 0
	for i := range len(text) {
		switch c := text[i]; c {
		case '\\':
			backslashes++
			argument.WriteByte(c)
			continue
		case '"':
			argument.WriteString(strings.Repeat(`\`, backslashes+1))
			argument.WriteByte(c)
		default:
			argument.WriteByte(c)
		}
		backslashes = 0
	}
	argument.WriteString(strings.Repeat(`\`, backslashes))
	quoted := `"` + argument.String() + `"`
	var b strings.Builder
	for i := range len(quoted) {
		switch c := quoted[i]; {
		case c == '\n':
			b.WriteString("^\n\n")
		case c == '%':
			b.WriteString("^%")
			if i+1 < len(quoted) && isWord(quoted[i+1]) {
				b.WriteByte('^')
			}
		case strings.IndexByte(`"&|<>^()!`, c) >= 0:
			b.WriteByte('^')
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func isWord(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || c == '_'
}
