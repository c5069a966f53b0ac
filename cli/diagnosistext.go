package cli

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"countersign/diagnosis"
)

// diagnosisText writes a diagnosis for people. Its first two lines say what is wrong and what to do.
type diagnosisText struct {
	bytes.Buffer
	colour bool
}

func (e *diagnosisText) report(r *diagnosis.Report) {
	v := &r.Verdicts[0]
	lead, todo, _ := strings.Cut(r.Summary, "\nTo do: ")
	e.line("", e.paint(bold, certaintyOf(v.Certainty)), lead)
	e.line("", e.paint(bold, "To do:"), todo)
	for i := range v.Evidence {
		e.evidence(&v.Evidence[i])
	}
	if v.FixInCode != v.FixInWorkflow {
		e.line("\n", e.paint(bold, "In code:"), v.FixInCode)
	}
	if len(r.Verdicts) > 1 {
		e.line("\n", e.paint(bold, "Other possible causes:"), "")
		for _, other := range r.Verdicts[1:] {
			e.line("  ", "-", other.Title+" "+other.Reason)
			for i := range other.Evidence {
				e.evidence(&other.Evidence[i])
			}
		}
	}
	if len(r.RuledOut) > 0 {
		e.line("\n", e.paint(bold, "Ruled out:"), "")
		for _, sentence := range r.RuledOut {
			e.line("  ", "-", sentence)
		}
	}
	if len(r.Questions) > 0 {
		e.line("\n", e.paint(bold, "What would help:"), "")
		for _, q := range r.Questions {
			e.line("  ", "-", q.What+" "+q.Why+" "+q.How)
		}
	}
	cause := string(v.Cause)
	if v.Detail != "" {
		cause += ", " + v.Detail
	}
	e.line("\n", e.paint(bold, "Read:"), v.Read+" ("+cause+")")
}

func certaintyOf(c diagnosis.Certainty) string {
	switch c {
	case diagnosis.Proved:
		return "Proved."
	case diagnosis.Stated:
		return "AWS says so."
	}
	return "" // the summary says whether it is likely
}

func (e *diagnosisText) line(before, label, text string) {
	if label != "" && text != "" {
		label += " "
	}
	fmt.Fprintf(e, "%s%s%s\n", before, label, strings.TrimSpace(visible(text)))
}

// evidence shows two values one below the other, and marks the difference below them.
func (e *diagnosisText) evidence(v *diagnosis.Evidence) {
	signed, arrived := orNothing(visible(v.Signed)), orNothing(visible(v.Arrived))
	same, tail := commonEnds(signed, arrived)
	lead := ""
	if same > shownBefore {
		cut := same - shownBefore
		for !utf8.RuneStart(signed[cut]) {
			cut++
		}
		lead, signed, arrived, same = "…", signed[cut:], arrived[cut:], same-cut
	}
	fmt.Fprintf(e, "\n  %s\n", visible(v.Part))
	for _, side := range []struct{ name, value, colour string }{{"signed ", signed, red}, {"arrived", arrived, green}} {
		differs := side.value[same : len(side.value)-tail]
		fmt.Fprintf(e, "    %s  %s%s%s%s\n", side.name, lead, side.value[:same], e.paint(side.colour, differs), side.value[len(side.value)-tail:])
	}
	if signed == arrived {
		return
	}
	width := max(utf8.RuneCountInString(signed), utf8.RuneCountInString(arrived)) - utf8.RuneCountInString(signed[:same]) -
		utf8.RuneCountInString(signed[len(signed)-tail:])
	before := len("    arrived  ") + utf8.RuneCountInString(lead+signed[:same])
	fmt.Fprintf(e, "%s%s\n", strings.Repeat(" ", before), strings.Repeat("^", max(width, 1)))
}

// shownBefore is how much of the common beginning of two values is shown before the difference.
const shownBefore = 60

func orNothing(value string) string {
	if value == "" {
		return "(nothing)"
	}
	return value
}

// commonEnds counts the bytes that two texts share at the beginning and, of the rest, at the end, in whole
// characters.
func commonEnds(a, b string) (head, tail int) {
	for head < min(len(a), len(b)) && a[head] == b[head] {
		head++
	}
	for head > 0 && (head < len(a) && !utf8.RuneStart(a[head]) || head < len(b) && !utf8.RuneStart(b[head])) {
		head--
	}
	for tail < min(len(a), len(b))-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	for tail > 0 && !utf8.RuneStart(a[len(a)-tail]) {
		tail--
	}
	return head, tail
}

// visible escapes, as JSON does, what a terminal would obey or not show: the text of a refusal is not ours.
func visible(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case unicode.IsPrint(r): // no control or format characters, and no blanks but the plain one
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// visibleJSON escapes the same characters in a JSON document.
func visibleJSON(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r == '\n' || unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}

// The colours of a terminal (ECMA-48, "Select graphic rendition").
const (
	bold  = "1"
	red   = "31"
	green = "32"
)

func (e *diagnosisText) paint(colour, text string) string {
	if !e.colour || text == "" {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}
