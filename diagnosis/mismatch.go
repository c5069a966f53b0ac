package diagnosis

import (
	"strings"
)

// mismatched says whether AWS computed another signature, or may have: some
// services say the same of all faults.
func (c *collector) mismatched() bool {
	return c.arrived.given() || c.says("mismatch", "auth-failure") ||
		c.code("SignatureDoesNotMatch", "InvalidSignatureException", "AuthFailure") || c.mismatchInWords()
}

// byMismatch finds what differs where AWS computed another signature: what
// arrived, what the request says, and what the secret shows to have been signed.
func byMismatch(c *collector) {
	if c.answered() {
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
	m := &mismatch{collector: c, how: c.mannerOf(), prover: c.prover(), at: c.request()}
	if m.at != nil {
		m.own = c.canonicalOf(m.at, m.how, c.payloadOf(m.at, m.how))
	}
	for _, step := range []func() bool{
		m.otherSecret, m.traced, m.rightForRequest, m.formOfSignature, m.signersMistake, m.ofRequestAlone, m.loggedString,
		m.loggedBySigner, m.withoutSecret,
	} {
		if step() {
			return
		}
	}
	m.undecided()
}

// lumped says whether the refusal is one that EC2 gives for key, signature, clock and
// region alike.
func (c *collector) lumped() bool { return c.says("auth-failure") || c.code("AuthFailure") }

// deniedOrMismatch: a bare denial may hide a mismatch, as at Ceph. Only the secret
// can show it.
func deniedOrMismatch(c *collector) {
	bare := c.says("access-denied") || c.code("AccessDenied") || c.status == 403 && c.refusal.Code.Text() == ""
	m := &mismatch{collector: c, how: c.mannerOf(), prover: c.prover(), at: c.request()}
	if !bare || m.prover == nil || m.at == nil || c.says("not-authorized", "function-url", "encoded-message") {
		return
	}
	m.own = c.canonicalOf(m.at, m.how, c.payloadOf(m.at, m.how))
	switch {
	case m.claim.wellFormed() && m.signedAsIs():
		c.ruleOut("The signature is right for the request given, by the profile's secret.")
	default:
		_ = m.formOfSignature() || m.signersMistake()
	}
}

// oldSignature: a string to sign without a scope is that of Version 2.
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
	how         manner
	prover      *prover
	at          *message  // the request given, or nil
	own         canonical // our canonical request of it
	otherTokens bool      // the token of the URL was signed, or left out, as this service does not want it

	right bool // the pasted signature is that of our canonical request

	anywhere []mistake // made when they are needed, once
	named    [][]byte  // likewise: bodies that the paste may show
}

// otherSecret: the profile's secret gives the pasted signature over AWS's own
// string to sign, so AWS holds another one. It takes no request.
func (m *mismatch) otherSecret() bool {
	toSign := m.awsToSign()
	if m.prover == nil || toSign == "" || !m.claim.wellFormed() {
		return false
	}
	if m.prover.take(len(toSign)) && m.prover.matches(&m.prover.key, toSign) {
		m.add(finding{
			cause: "wrong-secret", detail: slipIn(m.prover.secret), certainty: m.sure(), place: "secret",
			reason: "With the profile's secret AWS's own string to sign gives the signature that was sent: AWS has another secret for this key.",
			code:   "Everything but the secret is right: set access key id and secret of one new key.",
		})
		return true
	}
	return false
}

// awsToSign is AWS's string to sign, or the one of its canonical request.
func (m *mismatch) awsToSign() string {
	if text := strings.TrimRight(m.refusal.StringToSign.Text(), "\n"); text != "" && !m.edited {
		return text
	}
	if m.prover != nil && m.arrived.whole && !m.edited {
		return m.prover.toSign(m.arrived.text())
	}
	return ""
}

// sure is proof, unless somebody edited AWS's text.
func (m *mismatch) sure() Certainty {
	if m.edited || m.rewritten {
		return Likely
	}
	return Proved
}

// slipIn is a copying mistake that the secret itself shows.
func slipIn(secret string) string {
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

// traced: the request as signed and as sent are both given.
func (m *mismatch) traced() bool {
	if m.signed == nil || m.sent == nil || m.prover != nil && !m.claim.wellFormed() {
		return false
	}
	sent := m.canonicalOf(m.sent, m.how, m.payloadOf(m.sent, m.how))
	found := differences(&m.own, &sent, m.how)
	if len(found) == 0 {
		return false
	}
	if m.prover != nil && !m.prover.signed(m.own.text()) {
		return false // the mistake is the signer's
	}
	m.ruleOut("The signature is right for the request as it was signed.")
	certainty := Proved
	if m.prover == nil && m.in.Sent == nil { // both are of a paste
		certainty = Likely
	}
	m.changed(found, certainty, "The request as it was sent differs there from the one that was signed.", m.signed)
	return true
}

// proof is what a difference to AWS's canonical request is worth.
func (m *mismatch) proof() Certainty {
	switch {
	case m.edited || m.rewritten:
		return Likely
	case m.refusal.Whole == "whole":
		return Proved
	}
	return Likely
}
