package diagnosis

import (
	"strings"
	"unicode"

	"countersign/internal/lazyregexp"
	"countersign/reading"
)

// What a refusal says is somebody else's text, and a report is ours: what it takes over
// stands in quotation marks, or has the form of the name that it should be. A program or
// a person that follows the report must not follow the refusal.

// flat is a text in one line, without characters that a terminal or a page obeys.
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

// quote is a text as what somebody said.
func quote(text string, n int) string {
	return `"` + clip(strings.Join(strings.Fields(strings.ReplaceAll(flat(text), `"`, "'")), " "), n) + `"`
}

// quoted is what the refusal says, in quotation marks; empty where it says nothing.
func (c *collector) quoted(n int) string {
	if c.refusal.Message.Len() == 0 {
		return ""
	}
	return quote(reading.Redact(c.refusal.Message.Text()), n)
}

var (
	plainName = lazyregexp.New(`^[A-Za-z0-9-]{1,60}$`)
	plainHost = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9.-]{0,252}(?::[0-9]{1,5})?$`)
	plainID   = lazyregexp.New(`^[\w:/.*@+=,#$%{}-]{1,400}$`) // an ARN and the like; an address has //
)

// nameIn is a text that has the form of the name of a region, a service or a header, or
// nothing.
func nameIn(text string) string {
	if plainName().MatchString(strings.ReplaceAll(text, "_", "-")) {
		return text
	}
	return ""
}

var plainPath = lazyregexp.New(`^/(?:[\w:.*@+=,#$%{}~!'();&|-][\w:/.*@+=,#$%{}~!'();&|-]{0,400})?$`)

// pathIn is a text that has the form of a path, or the same in quotation marks.
func pathIn(text string) string {
	if plainPath().MatchString(text) {
		return text
	}
	return quote(text, 200)
}

// idIn is a text that has the form of an ARN, or the same in quotation marks.
func idIn(text string) string {
	if text == "" || plainID().MatchString(text) && !strings.Contains(text, "//") {
		return text
	}
	return quote(text, 200)
}
