package diagnosis

import (
	"html"
	"strconv"
	"strings"

	"countersign/internal/lazyregexp"
	"countersign/reading"
)

func (f *facts) takePaste() {
	paste := f.in.Paste
	r := reading.Read(paste)
	if plain := plainText(paste); plain != paste {
		if other := reading.Read(plain); said(&other) > said(&r) {
			r, paste, f.rewritten = other, plain, true
		}
	}
	for i := range r.Exchanges {
		e := &r.Exchanges[i]
		if e.Refusal != nil && !f.refused {
			f.refusal, f.refused = e.Refusal, true
			f.status = e.Refusal.Status
			if e.Response != nil {
				f.answer = e.Response
			}
		}
	}
	if q := requestBeside(&r); q != nil {
		f.place(messageRead(q))
	}
	if f.answer == nil {
		f.answer = r.Response()
	}
	if f.answer != nil && f.answer.Status > 0 {
		f.status, f.refused = f.answer.Status, f.refused || f.answer.Status >= 300
	}
	if m := headStatus().FindStringSubmatch(paste); m != nil && f.status == 0 {
		f.status, _ = strconv.Atoi(m[1])
		f.refused = true
	}
	for _, t := range r.Texts {
		f.signers = append(f.signers, t.Value.Text())
	}
	if f.answer != nil && f.answer.Body.Content.Len() > 0 {
		f.words(f.answer.Body.Content.Text()) // not what the request says
	} else {
		f.words(paste)
	}
}

// headStatus is how botocore reports the answer to a HEAD request, which has no body.
var headStatus = lazyregexp.New(`An error occurred \(([345]\d\d)\) when calling the`)

// requestBeside is the request of the refusal's own exchange, or else the first.
func requestBeside(r *reading.Reading) *reading.Request {
	for i := range r.Exchanges {
		if r.Exchanges[i].Refusal != nil && r.Exchanges[i].Request != nil {
			return r.Exchanges[i].Request
		}
	}
	return r.Request()
}

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

// said counts what a reading recognized in a refusal.
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
