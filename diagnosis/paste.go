package diagnosis

import (
	"strconv"
	"strings"

	"countersign/internal/lazyregexp"
	"countersign/reading"
)

func (f *facts) takePaste() {
	r, paste, rewritten := readPaste(f.in.Paste)
	f.rewritten = rewritten
	f.takeExchanges(r.Exchanges)
	if f.response == nil {
		f.response = r.Response()
	}
	if f.response != nil && f.response.Status > 0 {
		f.status, f.refused = f.response.Status, f.refused || f.response.Status >= 300
	}
	if f.status >= 200 && f.status < 300 && (len(f.refusal.Says) == 0 || f.response != nil &&
		!failure().MatchString(f.response.Body.Content.Text())) {
		f.refused, f.refusal = false, &reading.Refusal{} // a code beside it comes from the workflow engine
	}
	if m := headStatus().FindStringSubmatch(paste); m != nil && f.status == 0 {
		f.status, _ = strconv.Atoi(m[1])
		f.refused = true
	}
	for _, t := range r.Texts {
		if t.Kind == reading.StringToSign {
			f.stringsToSign = append(f.stringsToSign, t.Value.Text())
		} else {
			f.signers = append(f.signers, t.Value.Text())
		}
	}
	if f.response != nil && f.response.Body.Content.Len() > 0 {
		f.setText(f.response.Body.Content.Text()) // not what the request says
	} else {
		f.setText(paste)
	}
	f.rejoin()
}

// rejoin looks for sentences that a mail program or a terminal broke into lines.
func (f *facts) rejoin() {
	if len(f.refusal.Says) > 0 || !strings.Contains(f.in.Paste, "\n") {
		return
	}
	r := reading.Read(f.text)
	found := r.Refusal()
	if found == nil || len(found.Says) == 0 {
		return
	}
	if f.refused && len(f.refusal.Codes) > 0 {
		found.Codes, found.Code = f.refusal.Codes, f.refusal.Code
	}
	found.Fields = append(found.Fields, f.refusal.Fields...)
	f.refusal, f.refused = found, true
}

// headStatus matches botocore's report of the response to a HEAD request, which has no body.
var headStatus = lazyregexp.New(`An error occurred \(([345]\d\d)\) when calling the`)

// recognized counts what a reading recognized in a refusal.
func recognized(r *reading.Reading) int {
	n := 0
	for i := range r.Exchanges {
		if refusal := r.Exchanges[i].Refusal; refusal != nil {
			n += len(refusal.Says) + len(refusal.Codes) + min(refusal.Region.Len()+refusal.Service.Len(), 1)
		}
	}
	return n
}

// unwrap returns a text in one line, so that sentences are found that were broken into lines, quoted in a mail or
// framed by a terminal.
func unwrap(text string) string {
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
