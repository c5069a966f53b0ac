package snippets

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// literal returns a string literal that means the same in Python, JavaScript and C#.
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

// shellWord quotes text as one word of a POSIX shell.
func shellWord(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// powershellWord returns a PowerShell literal. PowerShell treats typographic quotes like plain
// ones.
func powershellWord(text string) string {
	return "'" + strings.NewReplacer("'", "''", "‘", "‘‘", "’", "’’", "‚", "‚‚", "‛", "‛‛").Replace(text) + "'"
}

// cmdWord quotes text as one argument at the Windows command prompt: first for the C runtime, which
// parses arguments, then for cmd, which parses lines. A percent sign cannot be escaped there; a
// caret within the name keeps cmd from finding a variable. Carriage returns are lost.
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
