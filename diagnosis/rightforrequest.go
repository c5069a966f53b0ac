package diagnosis

import (
	"strings"

	"countersign/internal/lazyregexp"
	"countersign/signing"
)

var hashPattern = lazyregexp.New(`\b[0-9a-f]{64}\b`)

// rightForRequest: the secret shows that the pasted signature is right for the
// pasted request. Then it changed on the way, or AWS holds another secret.
func (m *mismatch) rightForRequest() bool {
	if m.prover == nil || m.at == nil || !m.claim.wellFormed() || !m.signedAsIs() {
		return false
	}
	m.right = true
	if m.otherTokens && !m.arrived.given() {
		m.tokenSigned()
		return true
	}
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

// tokenSigned: some services want the session token of a presigned URL to be added after
// signing, and others want it signed.
func (m *mismatch) tokenSigned() {
	f := finding{
		cause: "signed-query", certainty: Likely, place: "query",
		reason: "X-Amz-Security-Token was signed with the other parameters, and this service wants it to be added after signing.",
	}
	if m.how.appended {
		f.reason = "X-Amz-Security-Token was added after signing, and this service wants it to be signed with the other parameters."
	}
	m.ruleOut("Key and secret are right: the signature is that of the URL with its token treated in the other way.")
	m.add(f)
	m.also("AWS may have another secret for this key.", "wrong-secret")
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
			m.own, m.how, m.otherTokens = own, other, m.how.known
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
	for _, body := range m.bodiesNamed() {
		own.payload = hashOf(body)
		if m.prover.signed(own.text()) {
			m.own, m.at.body, m.at.known, m.at.exact = own, body, true, true
			return true
		}
	}
	payloads := []string{m.arrived.payload, m.claim.payloadHash, signing.PayloadHash(m.at.body), signing.PayloadHash(nil)}
	for _, payload := range append(payloads, hashPattern().FindAllString(m.in.Paste, 20)...) { // of the signer's log, or of sha256sum
		own.payload = payload
		if payload != "" && m.prover.signed(own.text()) {
			m.own = own
			return true
		}
	}
	return false
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
			fix: "Find out what was sent: look at content-type and body in the action's inputs. Send the response's url, headers and " +
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
