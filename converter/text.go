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

// leak finds what a definition tells of an account and makers have no use for: ARNs,
// as they are and in URLs, access keys, and templates. Account ids are numbers, and
// what may be a secret access key is fortyLong.
var leak = lazyregexp.New(`(?i:\b(?:arn:|arn%3a)[a-z0-9-]*(?::|%3a)[^\s"'<>,;)]*|arn(?::|%3a)aws[^\s"'<>,;)]*)` +
	`|(?:\b|_)(?:AKIA|ASIA|AROA|AIDA|ABIA|ACCA)[A-Z0-9]{12,124}` +
	`|\$(?:util|input|context|stageVariables|integration)\b[^\s"'<>,;]*`)

// number finds numbers, and what has account ids in it that are none: hashes, and UUIDs
// up to their last part, which may be twelve digits and is then taken for one.
var number = lazyregexp.New(`[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-|[0-9a-fA-F]{32,}|[0-9]{4}-[0-9]{4}-[0-9]{4}|[0-9]+`)

// isAccountID: the console writes 1234-5678-9012.
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

// looksSecret tells a key from hashes, which have capitals or small letters alone, and
// from paths and names, which change from one kind of character to another with each
// word, at most. Of 10,000 random keys two change less often.
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

// angled is a text that somebody has to replace, or an address of an API with one in it.
var angled = lazyregexp.New(`^<[A-Za-z][A-Za-z0-9 _-]*>$|^(https?://)?[a-z0-9./-]*<[A-Za-z][A-Za-z0-9 _-]*>[^\s]*\.amazonaws\.com`)

// isPlaceholder tells what a tool was to replace before the file is used.
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

// prose is a text for people on one line, without what leaks; one that holds a
// placeholder is none.
func prose(text string, longest int) string {
	const perByte = 4 // of what is kept: spaces and leaks make texts shorter
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

// Tags of HTML between words and within them, and entities.
var (
	blockTag = lazyregexp.New(`(?i)</?(?:p|br|div|ul|ol|li|dl|dt|dd|h[1-6]|pre|table|thead|tbody|tr|td|th|blockquote|note|important)` +
		`(?:\s[^<>]*)?/?>`)
	inlineTag = lazyregexp.New(`(?i)</?(?:a|b|i|u|em|strong|code|span|tt|small|sup|sub)(?:\s[^<>]*)?/?>`)
	entity    = lazyregexp.New(`&(?:[A-Za-z]+|#[0-9]+|#[xX][0-9A-Fa-f]+);`)
)

// withoutMarkup is a text without its HTML, which designers show as it is: AWS writes
// its descriptions so, and generators copy those of the code. Without a tag that ends
// something, <code> is what people replace.
func withoutMarkup(text string) string {
	if strings.Contains(text, "</") || strings.Contains(text, "<br") {
		text = inlineTag().ReplaceAllString(blockTag().ReplaceAllString(text, " "), "")
	}
	return entity().ReplaceAllStringFunc(text, html.UnescapeString)
}

// clip cuts a text to so many bytes, at a space where there is one near.
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

// words divides a name: orderId, order_id and order-id are two words.
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

// labelOf makes a label of a name: "Order id" of orderId.
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

// What the designers show of a label and of a description.
const (
	maxLabel       = 80
	maxDescription = 1000
)

// unpercent decodes percent escapes, and leaves what is none.
func unpercent(text string) string {
	if decoded, err := url.PathUnescape(text); err == nil {
		return decoded
	}
	return text
}

// withoutMark is a text without the mark that editors and shells on Windows begin it
// with. That of UTF-16 tells that it is not ours.
func withoutMark(text []byte) ([]byte, error) {
	for _, mark := range []string{"\xff\xfe", "\xfe\xff"} {
		if bytes.HasPrefix(text, []byte(mark)) {
			return nil, ofFile(notUTF8)
		}
	}
	return bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), nil
}
