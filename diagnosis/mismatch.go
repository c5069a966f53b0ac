package diagnosis

import (
	"strings"
)

// mismatched reports whether AWS computed another signature, or may have: some services say the same about every
// error.
func (c *collector) mismatched() bool {
	return c.arrived.given() || c.says("mismatch", "auth-failure") ||
		c.code("SignatureDoesNotMatch", "InvalidSignatureException", "AuthFailure") || c.mismatchInWords()
}

// byMismatch finds the difference when AWS computed another signature, from what arrived, what the request says, and
// what the secret shows to have been signed.
func byMismatch(c *collector) {
	if c.hasFinding() {
		return
	}
	if c.says("hash-mismatch") || c.code("XAmzContentSHA256Mismatch") || c.mentions("does not match x-amz-content-sha256") {
		hashMismatch(c)
		return
	}
	if !c.mismatched() {
		deniedOrMismatch(c)
		return
	}
	if !c.lumped() && !c.mismatchInWords() {
		c.ruleOut(goodScope)
	}
	if oldSignature(c) {
		return
	}
	m := &mismatch{collector: c, style: c.styleOf(), prover: c.prover(), given: c.request()}
	if m.given != nil {
		m.own = c.canonicalOf(m.given, m.style, c.payloadOf(m.given, m.style))
	}
	for _, step := range []func() bool{
		m.otherSecret, m.traced, m.rightForRequest, m.formOfSignature, m.signersMistake, m.fromRequestAlone, m.loggedString,
		m.loggedBySigner, m.withoutSecret,
	} {
		if step() {
			return
		}
	}
	m.undecided()
}

// lumped reports whether the refusal is the one that EC2 gives for key, signature, clock and region alike.
func (c *collector) lumped() bool { return c.says("auth-failure") || c.code("AuthFailure") }

// deniedOrMismatch: a bare denial may hide a mismatch, as with Ceph. Only the secret can show it.
func deniedOrMismatch(c *collector) {
	bare := c.says("access-denied") || c.code("AccessDenied") || c.status == 403 && c.refusal.Code.Text() == ""
	m := &mismatch{collector: c, style: c.styleOf(), prover: c.prover(), given: c.request()}
	if !bare || m.prover == nil || m.given == nil || c.says("not-authorized", "function-url", "encoded-message") {
		return
	}
	m.own = c.canonicalOf(m.given, m.style, c.payloadOf(m.given, m.style))
	switch {
	case m.claim.wellFormed() && m.signedAsIs():
		c.ruleOut("The signature is right for the given request, by the profile's secret.")
	default:
		_ = m.formOfSignature() || m.signersMistake()
	}
}

// oldSignature: a string to sign without a scope belongs to Signature Version 2.
func oldSignature(c *collector) bool {
	text := strings.TrimSpace(c.refusal.StringToSign.Text())
	old := text != "" && !strings.HasPrefix(text, "AWS4-") && strings.Contains(text, "\n")
	if !c.claim.v2 && !old {
		return false
	}
	f := finding{
		cause: "sigv2", certainty: Stated, place: "header:authorization",
		reason: "AWS's string to sign is that of Signature Version 2.",
	}
	if !old {
		f.certainty, f.reason = Proved, "The request has the form of Signature Version 2."
	}
	c.add(f)
	return true
}

// mismatch is the work on one refusal.
type mismatch struct {
	*collector
	style          canonicalStyle
	prover         *prover
	given          *message  // the given request, or nil
	own            canonical // our canonical request of it
	tokenMisplaced bool      // the token of the URL was signed, or left out, unlike what this service expects

	right bool // the pasted signature is right for our canonical request

	elsewhere []mistake // computed on first use
	pasted    [][]byte  // bodies in the paste, computed on first use
}

// otherSecret: the profile's secret gives the pasted signature over AWS's own string to sign, so AWS has another
// secret. This needs no request.
func (m *mismatch) otherSecret() bool {
	toSign := m.awsToSign()
	if m.prover == nil || toSign == "" || !m.claim.wellFormed() {
		return false
	}
	if m.prover.take(len(toSign)) && m.prover.matches(&m.prover.key, toSign) {
		m.add(finding{
			cause: "wrong-secret", detail: copyingMistake(m.prover.secret), certainty: m.sure(), place: "secret",
			reason: "With the profile's secret AWS's own string to sign gives the signature that was sent: AWS has another secret for this key.",
			code:   "Everything but the secret is right: set access key id and secret of one new key.",
		})
		return true
	}
	return false
}

// awsToSign returns AWS's string to sign, or the one made from its canonical request.
func (m *mismatch) awsToSign() string {
	if text := strings.TrimRight(m.refusal.StringToSign.Text(), "\n"); text != "" && !m.edited {
		return text
	}
	if m.prover != nil && m.arrived.whole && !m.edited {
		return m.prover.toSign(m.arrived.text())
	}
	return ""
}

// sure returns Proved, unless AWS's text was edited.
func (m *mismatch) sure() Certainty {
	if m.edited || m.rewritten {
		return Likely
	}
	return Proved
}

// copyingMistake returns the kind of copying mistake that the secret itself shows.
func copyingMistake(secret string) string {
	switch {
	case strings.TrimSpace(secret) != secret:
		return "white-space"
	case strings.HasPrefix(secret, `"`) || strings.HasPrefix(secret, "'"):
		return "quoted"
	case strings.Contains(secret, "%2F") || strings.Contains(secret, "%2B") || strings.Contains(secret, "%2f"):
		return "url-encoded"
	}
	return "other"
}

// traced: the request is given both as signed and as sent.
func (m *mismatch) traced() bool {
	if m.signed == nil || m.sent == nil || m.prover != nil && !m.claim.wellFormed() {
		return false
	}
	sent := m.canonicalOf(m.sent, m.style, m.payloadOf(m.sent, m.style))
	found := differences(&m.own, &sent, m.style)
	if len(found) == 0 {
		return false
	}
	if m.prover != nil && !m.prover.signed(m.own.text()) {
		return false // the signer made the mistake
	}
	m.ruleOut("The signature is right for the request as it was signed.")
	certainty := Proved
	if m.prover == nil && m.in.Sent == nil { // both come from a paste
		certainty = Likely
	}
	m.changed(found, certainty, "The request as it was sent differs there from the one that was signed.", m.signed)
	return true
}

// proof says how certain a difference from AWS's canonical request is.
func (m *mismatch) proof() Certainty {
	switch {
	case m.edited || m.rewritten:
		return Likely
	case m.refusal.Whole == "whole":
		return Proved
	}
	return Likely
}
