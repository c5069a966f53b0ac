package reading

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

const (
	canonicalLead = "The Canonical String for this request should have been"
	toSignLead    = "The String-to-Sign should have been"
)

// canonicalIn finds the canonical request and the string to sign in an AWS message, each in single quotes after its
// sentence.
func (g *gatherer) canonicalIn(v Value) {
	s := v.Text()
	lead := strings.Index(s, canonicalLead)
	toSign := strings.Index(s, toSignLead)
	if lead >= 0 {
		end := len(s)
		if toSign > lead {
			end = toSign
		}
		g.quotedText(&g.out.CanonicalRequest, 0, v.Slice(lead+len(canonicalLead), end))
	}
	if toSign >= 0 {
		g.quotedText(&g.out.StringToSign, 1, v.from(toSign+len(toSignLead)))
	}
}

func (g *gatherer) quotedText(field *Value, i int, v Value) {
	s := v.Text()
	open := strings.IndexByte(s, '\'')
	if open < 0 || strings.TrimSpace(s[:open]) != "" && !strings.HasPrefix(strings.TrimSpace(s), ":") {
		g.r.out.Cut = true
		return
	}
	// The string to sign never contains a quote. A canonical request may, but nothing follows its closing quote.
	end := strings.LastIndexByte(s, '\'')
	if i == 1 {
		end = open + 1 + max(0, strings.IndexByte(s[open+1:]+"'", '\''))
	}
	if end <= open || end >= len(s) {
		end = len(s)
		g.r.out.Cut = true
	}
	text := v.Slice(open+1, end)
	g.strong = true
	if !g.exact[i] && field.Len() == 0 {
		*field = text
	}
}

// echoEnd returns where the texts end that AWS puts after a message.
func echoEnd(s string, start int) int {
	at := start
	if i := strings.Index(s[start:], canonicalLead); i >= 0 {
		at = start + i
	}
	if i := strings.Index(s[at:], toSignLead); i >= 0 {
		at += i + len(toSignLead)
	}
	open := strings.IndexByte(s[at:], '\'')
	if open < 0 {
		return len(s)
	}
	closing := strings.IndexByte(s[at+open+1:], '\'')
	if closing < 0 {
		return len(s)
	}
	return at + open + 1 + closing + 1
}

// text keeps a canonical request or string to sign that stands alone.
func (r *reader) text(t SigningText) {
	if len(r.out.Texts) < maxExchanges {
		r.out.Texts = append(r.out.Texts, t)
	}
}

// readCanonical reads a canonical request that stands alone, up to the line with the payload hash.
func (r *reader) readCanonical(v Value, _ int) int {
	pos := 0
	for lines := 0; pos < v.Len() && lines < 300 && r.wasted < maxWasted; lines++ {
		line, next := v.line(pos)
		text := line.Text()
		if lines > 3 && isPayloadHash(text) {
			r.text(SigningText{Kind: CanonicalRequest, Value: v.Slice(0, pos+len(text)), Signer: r.signerSays(v)})
			r.part(FormSigning, "", v.Slice(0, pos+len(text)))
			return next
		}
		pos = next
	}
	r.wasted += pos
	return 0
}

var signerHeading = lazy(`(?:canonical ?request|string ?to ?sign):$`)

// signerSays reports whether the line before is a heading from a signer's log, such as botocore's CanonicalRequest:.
func (r *reader) signerSays(v Value) bool {
	start := v.Span().Start
	before := strings.ToLower(strings.TrimRight(r.paste.in.text[max(0, start-200):start], " \t\r\n"))
	return signerHeading().MatchString(before)
}

func isPayloadHash(text string) bool {
	if text == "UNSIGNED-PAYLOAD" || strings.HasPrefix(text, "STREAMING-") {
		return true
	}
	return len(text) == 64 && strings.Trim(text, "0123456789abcdefABCDEF") == ""
}

// readStringToSign reads four lines: algorithm, time, scope, hash.
func (r *reader) readStringToSign(v Value, _ int) int {
	pos, end := 0, 0
	for range 4 {
		if pos >= v.Len() {
			return 0
		}
		line, next := v.line(pos)
		end, pos = pos+line.Len(), next
	}
	if last := strings.LastIndexByte(v.Text()[:end], '\n'); !isPayloadHash(v.Text()[last+1 : end]) {
		return 0
	}
	r.text(SigningText{Kind: StringToSign, Value: v.Slice(0, end), Signer: r.signerSays(v)})
	r.part(FormSigning, "", v.Slice(0, end))
	return pos
}

// stringToSignLines restores the four lines of a Version 4 string to sign: web pages turn line feeds into blanks and
// add white space around it.
func stringToSignLines(v Value) Value {
	text := v.Text()
	parts := strings.Fields(text)
	if len(parts) != 4 || !strings.HasPrefix(parts[0], "AWS4-") {
		return v
	}
	if lines := strings.Join(parts, "\n"); strings.TrimRight(text, "\n") != lines {
		return derived(lines, v)
	}
	return v
}

// wholeness compares the canonical request with its hash in the string to sign. If a web page turned its line feeds
// into blanks, it cannot be compared.
func wholeness(canonical, toSign string) Whole {
	lines := strings.Split(strings.TrimRight(toSign, "\n"), "\n")
	if !strings.Contains(canonical, "\n") || len(lines) != 4 {
		return WholeUnknown
	}
	sum := sha256.Sum256([]byte(canonical))
	if strings.TrimSpace(lines[3]) == hex.EncodeToString(sum[:]) {
		return WholeYes
	}
	return WholeNo
}
