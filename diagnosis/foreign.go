package diagnosis

import (
	"strings"
	"unicode"

	"countersign/internal/lazyregexp"
	"countersign/reading"
)

// The text of a refusal comes from a third party, and the report is ours. Whatever the report takes over is put in
// quotation marks, or must have the form of the name that it should be. A program or a person that follows the report
// must not follow instructions in the refusal.

// flat returns a text in one line, without control characters that a terminal or a page would interpret.
func flat(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r): // control and format characters
			return -1
		}
		return r
	}, text)
}

// quote returns a text in quotation marks, as someone else's words.
func quote(text string, n int) string {
	return `"` + clip(strings.Join(strings.Fields(strings.ReplaceAll(flat(text), `"`, "'")), " "), n) + `"`
}

// quoted returns what the refusal says, in quotation marks, or "" if it says nothing.
func (c *collector) quoted(n int) string {
	if c.refusal.Message.Len() == 0 {
		return ""
	}
	return quote(reading.Redact(c.refusal.Message.Text()), n)
}

var (
	plainName = lazyregexp.New(`^[A-Za-z0-9-]{1,60}$`)
	plainHost = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9.-]{0,252}(?::[0-9]{1,5})?$`)
	plainID   = lazyregexp.New(`^[\w:/.*@+=,#$%{}-]{1,400}$`) // an ARN and the like; only addresses have //
)

// safeName returns a text that has the form of a region, service or header name, and "" for any other text.
func safeName(text string) string {
	if plainName().MatchString(strings.ReplaceAll(text, "_", "-")) {
		return text
	}
	return ""
}

var plainPath = lazyregexp.New(`^/(?:[\w:.*@+=,#$%{}~!'();&|-][\w:/.*@+=,#$%{}~!'();&|-]{0,400})?$`)

// safePath returns a text that has the form of a path, and quotes any other text.
func safePath(text string) string {
	if plainPath().MatchString(text) {
		return text
	}
	return quote(text, 200)
}

// safeID returns a text that has the form of an ARN, and quotes any other text.
func safeID(text string) string {
	if text == "" || plainID().MatchString(text) && !strings.Contains(text, "//") {
		return text
	}
	return quote(text, 200)
}
