package diagnosis

import (
	"strings"

	"countersign/signing"
)

// mismatched says whether AWS computed another signature, or may have: some
// services say the same of all faults.
func (c *collector) mismatched() bool {
	return c.arrived.given() || c.says("mismatch", "auth-failure") ||
		c.code("SignatureDoesNotMatch", "InvalidSignatureException", "AuthFailure")
}

// byMismatch finds what differs where AWS computed another signature: what
// arrived, what the request says, and what the secret shows to have been signed.
func byMismatch(c *collector) {
	if c.answered() {
		return
	}
	if c.says("hash-mismatch") || c.code("XAmzContentSHA256Mismatch") {
		hashMismatch(c)
		return
	}
	if !c.mismatched() {
		deniedOrMismatch(c)
		return
	}
	if !c.lumped() {
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
		m.otherSecret, m.traced, m.rightForRequest, m.formOfSignature, m.signersMistake, m.ofRequestAlone, m.loggedBySigner, m.withoutSecret,
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
	text := c.refusal.StringToSign.Text()
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
	how    manner
	prover *prover
	at     *message  // the request given, or nil
	own    canonical // our canonical request of it
	right  bool      // the pasted signature is that of our canonical request

	anywhere []mistake // made when they are needed, once
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
	if m.edited {
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
	m.changed(found, Proved, "The request as it was sent differs there from the one that was signed.", m.signed)
	return true
}

// rightForRequest: the secret shows that the pasted signature is right for the
// pasted request. Then it changed on the way, or AWS holds another secret.
func (m *mismatch) rightForRequest() bool {
	if m.prover == nil || m.at == nil || !m.claim.wellFormed() || !m.signedAsIs() {
		return false
	}
	m.right = true
	m.ruleOut("The signature is right for the request given: secret, canonical request and key are as they should be.")
	if m.arrived.given() {
		found := m.unmasked(differences(&m.own, &m.arrived, m.how))
		if len(found) > 0 {
			m.changed(found, m.proof(), "The signature is right for the request given, and AWS's canonical request differs there.", m.at)
			return true
		}
	}
	if unsigned := m.unsignedNames(); len(unsigned) > 0 && !m.arrived.given() {
		m.add(finding{
			cause: "unsigned-header", certainty: Likely, place: "header:" + unsigned[0],
			reason: "The signature is right for what it covers, and " + strings.Join(unsigned, ", ") + " was sent and is not signed.",
		})
		return true
	}
	m.rightAndUnknown()
	return true
}

// signedAsIs tries the request as the service would read it; a session token of a
// presigned URL may have been left out, and a body may be known by its hash alone.
func (m *mismatch) signedAsIs() bool {
	if m.prover.signed(m.own.text()) {
		return true
	}
	if m.how.presigned && m.claim.token != "" {
		other := m.how
		other.appended = !other.appended
		own := m.canonicalOf(m.at, other, m.own.payload)
		if m.prover.signed(own.text()) {
			m.own, m.how = own, other
			return true
		}
	}
	own := m.own
	switch {
	case m.at.known && m.at.exact:
		return false
	case !m.arrived.whole: // what stands behind a request without a body is no body
		own.payload = signing.PayloadHash(nil)
		if !bodyless(m.at.method) || !m.prover.signed(own.text()) {
			return false
		}
		m.own = own
		return true
	}
	for _, payload := range []string{m.arrived.payload, m.claim.payloadHash, signing.PayloadHash(m.at.body), signing.PayloadHash(nil)} {
		own.payload = payload
		if payload != "" && m.prover.signed(own.text()) {
			m.own = own
			return true
		}
	}
	return false
}

// proof is what a difference to AWS's canonical request is worth.
func (m *mismatch) proof() Certainty {
	switch {
	case m.edited:
		return Likely
	case m.refusal.Whole == "whole":
		return Proved
	}
	return Likely
}

func (m *mismatch) unsignedNames() []string {
	var names []string
	for _, h := range m.at.headers {
		if n := strings.ToLower(h.Name); strings.HasPrefix(n, "x-amz-") && !m.claim.covers(n) && !m.how.presigned {
			names = append(names, n)
		}
	}
	return names
}

// rightAndUnknown: the signature is right for the request given, and AWS does
// not tell what arrived.
func (m *mismatch) rightAndUnknown() {
	if m.in.RequestIs == AsSigned {
		m.add(finding{
			cause: "unclear", certainty: Open, side: SideClient,
			reason: "The signature is right for the request as it was signed, so something changed on the way, or AWS has another secret. " +
				"What changes most often: " + m.atRisk() + ".",
			fix: "Find out what was sent: look at content-type and body in the action's inputs. Send the answer's url, headers and " +
				"body as they came.",
		})
		m.also("One of them may have changed.", "changed-header", "changed-body", "wrong-secret")
		m.ask(askSent)
		return
	}
	m.add(finding{
		cause: "wrong-secret", detail: "other", certainty: Open, place: "secret",
		reason: "The signature is right for the request given with the profile's secret. Either AWS has another secret for " +
			"this key, or a proxy changed the request.",
	})
	m.also("A proxy may have changed something behind the trace.", "changed-header", "changed-body", "changed-path", "changed-host")
	m.ask(Question{
		What: "Do other requests with this key pass?",
		Why:  "If none does, the secret is not the one that AWS has; if some do, something between changes this one.",
		How:  "Sign a GetCallerIdentity of STS with the same profile and send it by another way.",
	})
}

var askSent = Question{
	What: "The request as it was sent.",
	Why:  "It was signed correctly; what differs between signed and sent is the cause.",
	How:  "Turn on the client's trace, send the same request to a server that shows it, or copy the inputs of the action.",
}

// atRisk are the signed parts that clients change.
func (m *mismatch) atRisk() string {
	var names []string
	for _, n := range m.claim.names() {
		if n != "host" && !strings.HasPrefix(n, "x-amz-") {
			names = append(names, n)
		}
	}
	if len(names) == 0 {
		return "the body, the query and the path"
	}
	return strings.Join(names, ", ") + ", the body, the query and the path"
}
