package diagnosis

import (
	"html"
	"strings"

	"countersign/internal/lazyregexp"
	"countersign/reading"
)

// readPaste reads a paste, and where mails, chats, logs and terminals wrote something
// around its lines, without that. It says whether the text was rewritten.
func readPaste(paste string) (r reading.Reading, text string, rewritten bool) {
	r, text = reading.Read(paste), paste
	best := worth(&r)
	for _, other := range plainer(paste) {
		o := reading.Read(other)
		if w := worth(&o); w > best {
			r, text, rewritten, best = o, other, true, w
		}
	}
	return r, text, rewritten
}

// plainer are the forms of a paste without what was written around it, each made of the
// one before.
func plainer(paste string) []string {
	var list []string
	last := paste
	for _, form := range []func(string) string{plainText, withoutQuoting, withoutPrefixes, joinedHeader} {
		if text := form(last); text != last {
			list, last = append(list, text), text
		}
	}
	return list
}

// worth counts what a reading found: sentences and codes, AWS's own texts, and a request
// with its signature.
func worth(r *reading.Reading) int {
	n := said(r)
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
			n += worthOf(q)
		}
	}
	return n
}

var wholeHeader = lazyregexp.New(`^AWS4-[A-Z0-9-]+ Credential=[^,]+, ?SignedHeaders=[^,]+, ?Signature=[0-9a-f]{64,}$`)

func worthOf(q *reading.Request) int {
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

// quotedResponse is a line of a response that a mail quotes, and that no trace of curl has.
var quotedResponse = lazyregexp.New(`(?m)^>+ ?(?:HTTP/[0-9.]+ [0-9]|<\?xml|<[A-Z]\w*>|\{")`)

// withoutQuoting takes away the marks of a quoted mail.
func withoutQuoting(text string) string {
	if !quotedResponse().MatchString(text) {
		return text
	}
	return mailMark().ReplaceAllString(text, "")
}

var mailMark = lazyregexp.New(`(?m)^(?:>[> ]*?)(?: |$)`)

// logPrefix is what logs write before the text of a line: time, level, source.
var logPrefix = lazyregexp.New(`^(?:` +
	`[A-Z], \[[^\]]{10,60}\] +[A-Z]{4,5} -- [^:]{0,40}: |` + // Ruby
	`[0-9:.]{8,16} \([0-9]+\)\|[A-Z_]+\|(?:\[[0-9]+\]\|)?(?:[A-Z]+\|)?|` + // Salesforce
	`[0-9]{10,13},"?|` + // the CSV of a log viewer
	`[A-Z][a-z]{2} [ 0-9]?[0-9] [0-9:]{8} [\w.-]+ [\w./-]+(?:\[[0-9]+\])?: |` + // syslog
	`\[?[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}[T ][0-9:]{8}(?:[.,][0-9]+)?(?: ?Z| ?[+-][0-9]{2}:?[0-9]{2})?\]?[ \t]+(?:\[[^\]]{1,60}\][ \t]*)*` +
	`(?:[A-Za-z]{4,8}:?[ \t]+)?(?:\[[^\]]{1,60}\][ \t]*)*(?:[\w.$/-]{2,60}[ \t]*(?:: | - ))?|` +
	`\[(?i:debug|info|warn|warning|error|trace)[^\]]{0,40}\]:?[ \t]+|(?i:debug|info|warn|warning|error|trace):[ \t]+|` +
	`[\w.-]{1,40} +\| |[│|] ?)`)

// direction is what tells request and response apart in a log.
var direction = lazyregexp.New(`^(?:(?i:request|response|sending|sent|received|req|res|out|in)(?: |: ?|[>=-]+ )|[<>=-]{1,3}>? |` +
	`[→←] ?)+`)

const fewLines = 3 // with a prefix, which are no log yet

// withoutPrefixes takes away what a log writes before its lines, and writes what some
// programs print of a request as HTTP does.
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
	apexRequest = lazyregexp.New(`^System\.HttpRequest\[Endpoint=(\S+), Method=(\w+)\]$`)
	printed     = lazyregexp.New(`^(?:System\.HttpResponse\[Status=[^,\]]*, StatusCode=|` +
		`(?i:status)(?: ?code)?:? )([1-5][0-9]{2})\]?\b.*$`)
	quotedHeader = lazyregexp.New(`^([A-Za-z0-9-]{2,60}): "([^"]*)"$`)
	anyHeader    = lazyregexp.New(`^[A-Za-z0-9-]{2,60}: ?\S`)
)

// asHTTP joins lines so that they read as HTTP: header values without quotes, an empty
// line before a body.
func asHTTP(lines []string) string {
	var out []string
	for i, line := range lines {
		line = strings.TrimRight(line, "\r")
		switch m := apexRequest().FindStringSubmatch(line); {
		case m != nil:
			line = m[2] + " " + m[1]
		case printed().MatchString(line):
			line = "HTTP/1.1 " + printed().FindStringSubmatch(line)[1]
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

// joinedHeader undoes the breaks that a terminal made within the Authorization header: as
// few as are needed.
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

// withoutBreaks is a text without its first n line breaks.
func withoutBreaks(text string, n int) string {
	var b strings.Builder
	for range n {
		at := lineMark().FindStringIndex(text)
		b.WriteString(text[:at[0]])
		text = text[at[1]:]
	}
	return b.String() + text
}
