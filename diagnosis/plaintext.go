package diagnosis

import (
	"html"
	"strings"

	"countersign/reading"
)

// straight are the characters that mail programs and chats put in place of others.
var straight = strings.NewReplacer(
	"\u201c", `"`, "\u201d", `"`, "\u201e", `"`, "\u201f", `"`, "\u00ab", `"`, "\u00bb", `"`,
	"\u2018", "'", "\u2019", "'", "\u201a", "'", "\u2032", "'", "\u00a0", " ", "\u202f", " ", "\u200b", "", "\u00ad", "",
)

// plainText undoes what mails, chats and pages make of a text: typographic quotes and
// blanks, and the characters of markup written as entities.
func plainText(text string) string {
	if strings.Contains(text, "&lt;") || strings.Contains(text, "&quot;") || strings.Contains(text, "&#39;") {
		text = html.UnescapeString(text)
	}
	return straight.Replace(text)
}

// said counts what a reading recognised of a refusal.
func said(r *reading.Reading) int {
	n := 0
	for i := range r.Exchanges {
		if refusal := r.Exchanges[i].Refusal; refusal != nil {
			n += len(refusal.Says) + len(refusal.Codes) + min(refusal.Region.Len()+refusal.Service.Len(), 1)
		}
	}
	return n
}

// unwrapped is a text in one line, so that sentences are found that were broken into
// lines, quoted in a mail or framed on a terminal.
func unwrapped(text string) string {
	if !strings.Contains(text, "\n") {
		return text
	}
	var b strings.Builder
	b.Grow(len(text))
	for line := range strings.SplitSeq(text, "\n") {
		b.WriteString(strings.TrimLeft(strings.TrimRight(line, " \t\r"), " \t>│|"))
		b.WriteByte(' ')
	}
	return b.String()
}
