package converter

import (
	"bytes"
	"html"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"countersign/internal/lazyregexp"
)

// leak matches what a definition reveals about an account and workflow authors do not need: ARNs, plain and in URLs,
// access keys, and templates. Account ids are numbers, and possible secret access keys are fortyLong.
var leak = lazyregexp.New(`(?i:\b(?:arn:|arn%3a)[a-z0-9-]*(?::|%3a)[^\s"'<>,;)]*|arn(?::|%3a)aws[^\s"'<>,;)]*)` +
	`|(?:\b|_)(?:AKIA|ASIA|AROA|AIDA|ABIA|ACCA)[A-Z0-9]{12,124}` +
	`|\$(?:util|input|context|stageVariables|integration)\b[^\s"'<>,;]*`)

// number matches numbers, and what contains account ids without being one: hashes, and UUIDs up to their last part,
// which may be twelve digits and is then treated as an account id.
var number = lazyregexp.New(`[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-|[0-9a-fA-F]{32,}|[0-9]{4}-[0-9]{4}-[0-9]{4}|[0-9]+`)

// isAccountID also accepts 1234-5678-9012, as the console writes it.
func isAccountID(number string) bool {
	return len(number) == 12 || len(number) == 14 && number[4] == '-'
}

// fortyLong may be a secret access key, or a path or a long name.
var fortyLong = lazyregexp.New(`(^|[^A-Za-z0-9/+=])([A-Za-z0-9/+]{40})([^A-Za-z0-9/+=]|$)`)

func withoutLeaks(text string) string {
	text = leak().ReplaceAllString(text, "…")
	text = number().ReplaceAllStringFunc(text, func(found string) string {
		if isAccountID(found) {
			return "…"
		}
		return found
	})
	return fortyLong().ReplaceAllStringFunc(text, func(found string) string {
		part := fortyLong().FindStringSubmatch(found)
		if !looksSecret(part[2]) {
			return found
		}
		return part[1] + "…" + part[3]
	})
}

// looksSecret distinguishes a key from hashes, which have only capitals or only lower-case letters, and from paths
// and names, in which the kind of character changes at most once per word. Of 10,000 random keys, two change less
// often.
func looksSecret(s string) bool {
	const least = 14
	if !strings.ContainsAny(s, "0123456789") || strings.ToLower(s) == s || strings.ToUpper(s) == s {
		return false
	}
	changes := 0
	for i := 1; i < len(s); i++ {
		if kindOfByte(s[i]) != kindOfByte(s[i-1]) {
			changes++
		}
	}
	return changes >= least
}

func kindOfByte(b byte) int {
	switch {
	case b >= 'a' && b <= 'z':
		return 1
	case b >= 'A' && b <= 'Z':
		return 2
	case b >= '0' && b <= '9':
		return 3
	}
	return 4
}

func leaks(text string) bool { return withoutLeaks(text) != text }

// angled matches a text that the reader must replace, or an address of an API with such a text in it.
var angled = lazyregexp.New(`^<[A-Za-z][A-Za-z0-9 _-]*>$|^(https?://)?[a-z0-9./-]*<[A-Za-z][A-Za-z0-9 _-]*>[^\s]*\.amazonaws\.com`)

// isPlaceholder reports whether a value is a placeholder that a tool should have replaced.
func isPlaceholder(value any) bool {
	switch v := value.(type) {
	case string:
		return strings.Contains(v, "${") || strings.Contains(v, "{{") || strings.Contains(v, "<") && angled().MatchString(v)
	case object:
		for name := range v {
			if name == "Ref" || strings.HasPrefix(name, "Fn::") {
				return true
			}
		}
	}
	return false
}

// prose returns a text for people in one line, without secrets. A text with a placeholder gives "".
func prose(text string, longest int) string {
	const perByte = 4 // of the result: removing spaces and secrets shortens texts
	text = withoutMarkup(clip(text, perByte*longest))
	if isPlaceholder(text) {
		return ""
	}
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r), unicode.IsControl(r):
			return ' '
		case r == utf8.RuneError || !unicode.IsPrint(r):
			return -1
		}
		return r
	}, withoutLeaks(text))
	return clip(strings.Join(strings.Fields(text), " "), longest)
}

// HTML tags between words and inside them, and entities.
var (
	blockTag = lazyregexp.New(`(?i)</?(?:p|br|div|ul|ol|li|dl|dt|dd|h[1-6]|pre|table|thead|tbody|tr|td|th|blockquote|note|important)` +
		`(?:\s[^<>]*)?/?>`)
	inlineTag = lazyregexp.New(`(?i)</?(?:a|b|i|u|em|strong|code|span|tt|small|sup|sub)(?:\s[^<>]*)?/?>`)
	entity    = lazyregexp.New(`&(?:[A-Za-z]+|#[0-9]+|#[xX][0-9A-Fa-f]+);`)
)

// withoutMarkup removes HTML, which designers show as it is: AWS writes its descriptions in HTML, and generators copy
// it from code. If no tag is closed, <code> is a placeholder.
func withoutMarkup(text string) string {
	if strings.Contains(text, "</") || strings.Contains(text, "<br") {
		text = inlineTag().ReplaceAllString(blockTag().ReplaceAllString(text, " "), "")
	}
	return entity().ReplaceAllStringFunc(text, html.UnescapeString)
}

// clip cuts a text to a number of bytes, at a space if there is one near.
func clip(text string, longest int) string {
	if len(text) <= longest {
		return text
	}
	text = text[:longest]
	for !utf8.ValidString(text) && len(text) > 0 {
		text = text[:len(text)-1]
	}
	if at := strings.LastIndexByte(text, ' '); at > longest/2 {
		text = text[:at]
	}
	return strings.TrimRight(text, " ")
}

// sentence ends a text with a full stop.
func sentence(text string) string {
	text = strings.TrimRight(text, " .,;:!…。")
	if text == "" {
		return ""
	}
	return text + "."
}

// words splits a name: orderId, order_id and order-id have two words.
func words(name string) []string {
	var list []string
	var word []rune
	flush := func() {
		if len(word) > 0 {
			list = append(list, string(word))
			word = nil
		}
	}
	runes := []rune(name)
	for i, r := range runes {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			flush()
			continue
		case unicode.IsUpper(r) && i > 0 && (unicode.IsLower(runes[i-1]) || unicode.IsDigit(runes[i-1])),
			unicode.IsUpper(r) && i > 0 && i+1 < len(runes) && unicode.IsUpper(runes[i-1]) && unicode.IsLower(runes[i+1]):
			flush()
		}
		word = append(word, r)
	}
	flush()
	return list
}

// labelOf makes a label from a name: "Order id" from orderId.
func labelOf(name string) string {
	list := words(prose(name, maxLabel))
	for i, w := range list {
		if strings.ToUpper(w) != w || len(w) == 1 {
			list[i] = strings.ToLower(w)
		}
	}
	if len(list) == 0 {
		return "Value"
	}
	return clip(capital(strings.Join(list, " ")), maxLabel)
}

func capital(text string) string {
	r, size := utf8.DecodeRuneInString(text)
	if size == 0 {
		return ""
	}
	return string(unicode.ToUpper(r)) + text[size:]
}

// The lengths of labels and descriptions that designers show.
const (
	maxLabel       = 80
	maxDescription = 1000
)

// decodePercent decodes percent escapes and leaves invalid ones as they are.
func decodePercent(text string) string {
	if decoded, err := url.PathUnescape(text); err == nil {
		return decoded
	}
	return text
}

// withoutBOM removes the byte order mark that editors and shells on Windows write. A UTF-16 mark is an error.
func withoutBOM(text []byte) ([]byte, error) {
	for _, mark := range []string{"\xff\xfe", "\xfe\xff"} {
		if bytes.HasPrefix(text, []byte(mark)) {
			return nil, fileError(notUTF8)
		}
	}
	return bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), nil
}
