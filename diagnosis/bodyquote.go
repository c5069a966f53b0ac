package diagnosis

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// quoteJSON writes a JSON string with the given escapes.
func quoteJSON(text string, s jsonEscapes) string {
	var b strings.Builder
	b.Grow(len(text) + len(text)/8 + 2)
	b.WriteByte('"')
	copied := 0
	for i := 0; i < len(text); {
		if plainInJSON[text[i]] {
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		i += size
		other := ""
		switch {
		case r == '"' && s.upper:
			other = `\u0022`
		case r == '"':
			other = `\"`
		case r == '\\':
			other = `\\`
		case r == '/' && s.slash:
			other = `\/`
		case r < 0x20:
			other = controlJSON(r, s)
		case s.html && (r == '<' || r == '>' || r == '&') || s.upper && (r == '\'' || r == '+' || r == '`' || r == 0x7F):
			other = unicodeEscape(r, s.upper)
		case r >= 0x80 && s.ascii != 0:
			other = unicodeEscape(r, s.ascii == 'X')
		case r == utf8.RuneError:
			other = string(r)
		default:
			continue
		}
		b.WriteString(text[copied : i-size])
		b.WriteString(other)
		copied = i
	}
	b.WriteString(text[copied:])
	b.WriteByte('"')
	return b.String()
}

// plainInJSON are the characters that every program writes unescaped.
var plainInJSON = func() (plain [256]bool) {
	for c := byte(' '); c < 0x7F; c++ {
		plain[c] = strings.IndexByte("\"\\/<>&'+`", c) < 0
	}
	return plain
}()

func controlJSON(r rune, s jsonEscapes) string {
	if i := strings.IndexRune("\b\f\n\r\t", r); i >= 0 {
		return `\` + "bfnrt"[i:i+1]
	}
	return unicodeEscape(r, s.upper)
}

func unicodeEscape(r rune, upper bool) string {
	if r >= 0x10000 && r <= utf8.MaxRune {
		r -= 0x10000
		return unicodeEscape(0xD800+r>>10, upper) + unicodeEscape(0xDC00+r&0x3FF, upper)
	}
	text := strconv.FormatInt(int64(r), 16)
	text = strings.Repeat("0", max(0, 4-len(text))) + text
	if upper {
		text = strings.ToUpper(text)
	}
	return `\u` + text
}

// spellNumber writes a number as JavaScript or Python does after parsing it.
func spellNumber(text string, manner byte) string {
	if manner == 0 {
		return text
	}
	f, err := strconv.ParseFloat(text, 64)
	whole := !strings.ContainsAny(text, ".eE")
	if err != nil || math.IsInf(f, 0) || manner == 'p' && whole {
		return text
	}
	large := math.Abs(f) >= 1e21 || f != 0 && math.Abs(f) < 1e-6
	if manner == 'p' {
		large = math.Abs(f) >= 1e16 || f != 0 && math.Abs(f) < 1e-4
	}
	if !large {
		out := strconv.FormatFloat(f, 'f', -1, 64)
		if manner == 'p' && !strings.Contains(out, ".") {
			out += ".0"
		}
		return out
	}
	out := strconv.FormatFloat(f, 'e', -1, 64)
	if manner == 'j' { // 1e+21, 1e-7
		out = strings.NewReplacer("e+0", "e+", "e-0", "e-").Replace(out)
	}
	return out
}
