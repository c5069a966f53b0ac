package reading

import "strings"

var ansiLetters = map[byte]string{
	'a': "\a", 'b': "\b", 'e': "\x1b", 'E': "\x1b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v",
	'\\': "\\", '\'': "'", '"': "\"", '?': "?",
}

// ansiEscape decodes the escape at the start of s and returns its length.
func ansiEscape(s string) (string, int) {
	if len(s) < 2 {
		return s, len(s)
	}
	if text, ok := ansiLetters[s[1]]; ok {
		return text, 2
	}
	digits := func(start, most int, set string) (rune, int) {
		code, n := rune(0), 0
		for n < most && start+n < len(s) {
			d := strings.IndexByte(set, s[start+n]|0x20)
			if d < 0 {
				break
			}
			code = code*rune(len(set)) + rune(d) //nolint:gosec // at most sixteen digits of a set
			n++
		}
		return code, n
	}
	const octal, hex = "01234567", "0123456789abcdef"
	switch c := s[1]; {
	case c >= '0' && c <= '7':
		code, n := digits(1, 3, octal)
		return string([]byte{byte(code)}), 1 + n //nolint:gosec // bash also keeps only the low byte
	case c == 'x':
		if code, n := digits(2, 2, hex); n > 0 {
			return string([]byte{byte(code)}), 2 + n //nolint:gosec // two digits
		}
	case c == 'u' || c == 'U':
		most := 4
		if c == 'U' {
			most = 8
		}
		if code, n := digits(2, most, hex); n > 0 {
			return string(code), 2 + n
		}
	case c == 'c' && len(s) > 2:
		return string([]byte{s[2] & 0x1f}), 3
	}
	return s[:2], 2
}
