package diagnosis

import (
	"html"
	"strings"

	"countersign/internal/lazyregexp"
	"countersign/reading"
)

// readPaste reads a paste. If mail programs, chats, logs or terminals added text around its lines and more is
// understood without it, the text is removed. It reports whether the text was rewritten.
func readPaste(paste string) (r reading.Reading, text string, rewritten bool) {
	r, text = reading.Read(paste), paste
	best := readingScore(&r)
	for _, other := range cleanedForms(paste) {
		o := reading.Read(other)
		if w := readingScore(&o); w > best {
			r, text, rewritten, best = o, other, true, w
		}
	}
	return r, text, rewritten
}

// cleanedForms returns forms of a paste with more and more of the added text removed, each made from the one before.
func cleanedForms(paste string) []string {
	var list []string
	last := paste
	for _, form := range []func(string) string{plainText, withoutQuoting, withoutPrefixes, joinedHeader} {
		if text := form(last); text != last {
			list, last = append(list, text), text
		}
	}
	return list
}

// readingScore counts what a reading found: sentences and codes, AWS's own texts, and a request with its signature.
func readingScore(r *reading.Reading) int {
	n := recognized(r)
	for i := range r.Exchanges {
		if f := r.Exchanges[i].Refusal; f != nil && f.CanonicalRequest.Len() > 0 {
			n++
			switch f.Whole {
			case reading.WholeYes:
				n += 2
			case reading.WholeNo:
				n--
			}
		}
		if q := r.Exchanges[i].Request; q != nil {
			n += requestScore(q)
		}
	}
	return n
}

var wholeHeader = lazyregexp.New(`^AWS4-[A-Z0-9-]+ Credential=[^,]+, ?SignedHeaders=[^,]+, ?Signature=[0-9a-f]{64,}$`)

func requestScore(q *reading.Request) int {
	n := 0
	if q.Method.Len() > 0 && q.URL.Len() > 0 {
		n++
	}
	if h, ok := q.Header("Authorization"); ok && wholeHeader().MatchString(h.Value.Text()) {
		n++
	}
	if q.Body.State == reading.BodyPresent {
		n++
	}
	return n
}

// straightQuotes replaces the typographic characters of mail programs and chats with the ones they stand for.
var straightQuotes = strings.NewReplacer(
	"\u201c", `"`, "\u201d", `"`, "\u201e", `"`, "\u201f", `"`, "\u00ab", `"`, "\u00bb", `"`,
	"\u2018", "'", "\u2019", "'", "\u201a", "'", "\u2032", "'", "\u00a0", " ", "\u202f", " ", "\u200b", "", "\u00ad", "",
)

// plainText undoes what mails, chats and pages do to a text: typographic quotes and spaces, and markup characters
// written as entities.
func plainText(text string) string {
	if strings.Contains(text, "&lt;") || strings.Contains(text, "&quot;") || strings.Contains(text, "&#39;") {
		text = html.UnescapeString(text)
	}
	return straightQuotes.Replace(text)
}

// quotedResponse matches a line of a response that a mail quotes and that curl's traces never have.
var quotedResponse = lazyregexp.New(`(?m)^>+ ?(?:HTTP/[0-9.]+ [0-9]|<\?xml|<[A-Z]\w*>|\{")`)

// withoutQuoting removes the marks of a quoted mail.
func withoutQuoting(text string) string {
	if !quotedResponse().MatchString(text) {
		return text
	}
	return mailMark().ReplaceAllString(text, "")
}

var mailMark = lazyregexp.New(`(?m)^(?:>[> ]*?)(?: |$)`)

// logPrefix matches what logs write before the text of a line: time, level, source.
var logPrefix = lazyregexp.New(`^(?:` +
	`[A-Z], \[[^\]]{10,60}\] +[A-Z]{4,5} -- [^:]{0,40}: |` + // Ruby
	`[0-9:.]{8,16} \([0-9]+\)\|[A-Z_]+\|(?:\[[0-9]+\]\|)?(?:[A-Z]+\|)?|` + // Salesforce
	`[0-9]{10,13},"?|` + // CSV from a log viewer
	`[A-Z][a-z]{2} [ 0-9]?[0-9] [0-9:]{8} [\w.-]+ [\w./-]+(?:\[[0-9]+\])?: |` + // syslog
	`\[?[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}[T ][0-9:]{8}(?:[.,][0-9]+)?(?: ?Z| ?[+-][0-9]{2}:?[0-9]{2})?\]?[ \t]+(?:\[[^\]]{1,60}\][ \t]*)*` +
	`(?:[A-Za-z]{4,8}:?[ \t]+)?(?:\[[^\]]{1,60}\][ \t]*)*(?:[\w.$/-]{2,60}[ \t]*(?:: | - ))?|` +
	`\[(?i:debug|info|warn|warning|error|trace)[^\]]{0,40}\]:?[ \t]+|(?i:debug|info|warn|warning|error|trace):[ \t]+|` +
	`[\w.-]{1,40} +\| |[│|] ?)`)

// direction matches the marks that distinguish request and response in a log.
var direction = lazyregexp.New(`^(?:(?i:request|response|sending|sent|received|req|res|out|in)(?: |: ?|[>=-]+ )|[<>=-]{1,3}>? |` +
	`[→←] ?)+`)

const fewLines = 3 // fewer lines with a prefix do not make a log

// withoutPrefixes removes what a log writes before its lines, and rewrites what some programs print of a request as
// HTTP.
func withoutPrefixes(text string) string {
	lines := strings.Split(text, "\n")
	found := 0
	for i, line := range lines {
		rest := line[len(logPrefix().FindString(line)):]
		if len(rest) < len(line) {
			found++
			lines[i] = rest[len(direction().FindString(rest)):]
		}
	}
	if found < fewLines {
		return text
	}
	return asHTTP(lines)
}

var (
	apexRequest   = lazyregexp.New(`^System\.HttpRequest\[Endpoint=(\S+), Method=(\w+)\]$`)
	printedStatus = lazyregexp.New(`^(?:System\.HttpResponse\[Status=[^,\]]*, StatusCode=|` +
		`(?i:status)(?: ?code)?:? )([1-5][0-9]{2})\]?\b.*$`)
	quotedHeader = lazyregexp.New(`^([A-Za-z0-9-]{2,60}): "([^"]*)"$`)
	anyHeader    = lazyregexp.New(`^[A-Za-z0-9-]{2,60}: ?\S`)
)

// asHTTP joins lines so that they read as HTTP: header values without quotes, and an empty line before the body.
func asHTTP(lines []string) string {
	var out []string
	for i, line := range lines {
		line = strings.TrimRight(line, "\r")
		switch m := apexRequest().FindStringSubmatch(line); {
		case m != nil:
			line = m[2] + " " + m[1]
		case printedStatus().MatchString(line):
			line = "HTTP/1.1 " + printedStatus().FindStringSubmatch(line)[1]
		default:
			line = quotedHeader().ReplaceAllString(line, "$1: $2")
		}
		body := line != "" && strings.IndexByte("{[<", line[0]) >= 0
		if body && i > 0 && (anyHeader().MatchString(out[len(out)-1]) || strings.HasPrefix(out[len(out)-1], "HTTP/1.1 ")) {
			out = append(out, "")
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

var (
	brokenHeader = lazyregexp.New(`AWS4-HMAC-SHA256 Credential=[^"'{}<>]{20,900}`)
	unbroken     = lazyregexp.New(`^AWS4-HMAC-SHA256 Credential=\S+?, ?SignedHeaders=[a-z0-9;:-]+?, ?Signature=[0-9a-f]{64}`)
	lineMark     = lazyregexp.New(`\r?\n(?:[ \t]*[|>│][ \t]*)?`)
)

// joinedHeader removes the line breaks that a terminal made within the Authorization header, as few as needed.
func joinedHeader(text string) string {
	for _, part := range brokenHeader().FindAllString(text, 20) {
		if unbroken().MatchString(part) {
			continue
		}
		for n := range len(lineMark().FindAllString(part, 8)) {
			if joined := withoutBreaks(part, n+1); unbroken().MatchString(joined) {
				text = strings.Replace(text, part, joined, 1)
				break
			}
		}
	}
	return text
}

// withoutBreaks removes the first n line breaks.
func withoutBreaks(text string, n int) string {
	var b strings.Builder
	for range n {
		at := lineMark().FindStringIndex(text)
		b.WriteString(text[:at[0]])
		text = text[at[1]:]
	}
	return b.String() + text
}
