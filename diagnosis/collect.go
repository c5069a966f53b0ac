package diagnosis

import (
	"slices"
	"strconv"
	"strings"

	"countersign/reading"
)

// finding is a verdict before the texts of its cause are added.
type finding struct {
	cause     Cause
	detail    string
	place     string
	side      Side
	certainty Certainty
	reason    string
	evidence  []Evidence
	fix       string // replaces the cause's fix for workflow authors
	code      string // replaces the cause's fix for developers
}

// collector gathers what the rules find.
type collector struct {
	*facts
	*budget
	findings  []finding
	ruledOut  []string
	questions []Question
}

func (c *collector) add(f finding) {
	for _, have := range c.findings {
		if have.cause == f.cause && have.place == f.place {
			return
		}
	}
	c.findings = append(c.findings, f)
}

// also adds further causes that are possible.
func (c *collector) also(reason string, causes ...Cause) {
	for _, id := range causes {
		c.add(finding{cause: id, certainty: Open, reason: reason})
	}
}

func (c *collector) ruleOut(sentences ...string) {
	for _, s := range sentences {
		if !slices.Contains(c.ruledOut, s) {
			c.ruledOut = append(c.ruledOut, s)
		}
	}
}

func (c *collector) ask(questions ...Question) {
	for _, q := range questions {
		if !slices.Contains(c.questions, q) {
			c.questions = append(c.questions, q)
		}
	}
}

// hasFinding reports whether a rule has given a verdict.
func (c *collector) hasFinding() bool { return len(c.findings) > 0 }

// The sentences that say what a refusal rules out.
const (
	rightSignature = "The signature was right: key, secret, canonical request and clock are not the reason."
	goodScope      = "The scope, the clock and the access key are good: they are checked before the signature."
	goodTime       = "The clock is good enough: the time is checked first."
	notSeen        = "AWS did not look at the signature: it says nothing about key, secret or clock."
)

// exclusiveSentences are sentences of which an AWS refusal has only one, for the check that failed first.
var exclusiveSentences = []string{
	"mismatch", "token-expired", "token-invalid", "token-malformed", "key-unknown", "signature-expired", "not-yet-current", "clock-skew",
	"no-signature", "not-authorized", "hash-mismatch", "throttled", "wrong-scope-date", "headers-not-signed",
}

// severalRefusals reports whether the input holds the refusals of more than one request.
func (c *collector) severalRefusals() bool {
	n := 0
	for _, id := range exclusiveSentences {
		if c.says(id) {
			n++
		}
	}
	return n > 1
}

var askWhich = Question{
	What: "Which of these refusals is the one to explain?",
	Why:  "The text has several, each with its own cause.",
	How:  "Paste one request with its response.",
}

func (c *collector) report() Report {
	if c.severalRefusals() {
		c.ask(askWhich)
		for i := range c.findings {
			c.findings[i].certainty = weaker(c.findings[i].certainty, Likely)
		}
	}
	r := Report{Verdicts: []Verdict{}, RuledOut: []string{}, Questions: []Question{}}
	hide := c.masker()
	for _, f := range c.ranked() {
		r.Verdicts = append(r.Verdicts, f.verdict(hide))
	}
	for _, s := range c.ruledOut {
		r.RuledOut = append(r.RuledOut, flat(hide(s)))
	}
	for _, q := range c.questions {
		r.Questions = append(r.Questions, Question{flat(hide(q.What)), flat(hide(q.Why)), flat(hide(q.How))})
	}
	r.Understood = c.understood(hide)
	r.Summary = summary(&r.Verdicts[0])
	return r
}

// ranked puts the verdict first: the first finding, unless another is more certain.
func (c *collector) ranked() []finding {
	list := slices.Clone(c.findings)
	if len(list) == 0 {
		list = []finding{{cause: "unclear", certainty: Open, reason: "Nothing in it says why."}}
	}
	slices.SortStableFunc(list, func(a, b finding) int {
		return slices.Index(certainties, b.certainty)/2 - slices.Index(certainties, a.certainty)/2
	})
	return list[:min(len(list), 6)]
}

func (f *finding) verdict(hide func(string) string) Verdict {
	info := infoOf(f.cause)
	v := Verdict{
		Cause: f.cause, Detail: f.detail, Title: info.Title, Place: flat(hide(f.place)), Side: info.Side,
		Certainty: weaker(f.certainty, info.Most), Reason: clip(flat(hide(f.reason)), 4000),
		FixInWorkflow: info.FixInWorkflow, FixInCode: info.FixInCode, Read: documentation(f.cause),
	}
	if !info.hasDetail(f.detail) {
		v.Detail = ""
	}
	if f.side != "" {
		v.Side = f.side
	}
	if f.fix != "" {
		v.FixInWorkflow = flat(hide(f.fix))
	}
	if f.code != "" {
		v.FixInCode = flat(hide(f.code))
	}
	for _, e := range f.evidence {
		v.Evidence = append(v.Evidence, Evidence{hide(e.Part), shown(e.Part, e.Signed, hide), shown(e.Part, e.Arrived, hide)})
	}
	return v
}

// summary is for readers who read no further: the cause and what to do.
func summary(v *Verdict) string {
	lead := v.Title
	if infoOf(v.Cause).Family == FamilyPermission && v.Cause != "unknown-route" && v.Cause != "other-authorizer" &&
		v.Certainty != Open && strings.HasPrefix(string(v.Cause), "denied-") && v.Cause != "denied-api-key" && v.Cause != "denied-aoss" {
		lead = "Your signature was right. " + lead
	}
	switch v.Certainty {
	case Likely:
		lead = "Likely: " + lead
	case Open:
		if v.Cause != "unclear" {
			lead = "Not certain. Possibly: " + lead
		}
	}
	if v.Reason != "" {
		lead += " " + v.Reason
	}
	return lead + "\nTo do: " + v.FixInWorkflow
}

func (c *collector) understood(hide func(string) string) Understood {
	u := Understood{
		AccessKeyID: hide(c.claim.keyID), Scope: hide(strings.Join(c.claim.scope, "/")), SignedHeaders: hide(c.claim.signedHeaders),
		Date: hide(c.claim.date), Status: c.status, Code: hide(c.refusal.Code.Text()), Message: hide(c.message(600)),
		Secret: c.secretKnown(),
	}
	if m := c.request(); m != nil {
		u.Method, u.URL, u.Body = hide(m.method), hide(clip(reading.Redact(m.url), 2000)), "not given"
		if m.bodyKnown {
			u.Body = strconv.Itoa(len(m.body)) + " bytes"
		}
	}
	if c.arrived.given() {
		u.CanonicalRequest = string(c.refusal.Whole)
	}
	return u
}

// message returns what the refusal says, for display.
func (c *collector) message(n int) string { return clip(reading.Redact(c.refusal.Message.Text()), n) }

// secretKnown reports whether there is a secret for the key that signed.
func (c *collector) secretKnown() bool {
	held := c.in.Credentials
	return held.AccessKeyID != "" && held.SecretAccessKey() != "" && (c.claim.keyID == "" || c.claim.keyID == held.AccessKeyID)
}

// clip shortens a text for display, at a character boundary.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n] + "…"
}
