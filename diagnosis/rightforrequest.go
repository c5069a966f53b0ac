package diagnosis

import (
	"strings"

	"countersign/internal/lazyregexp"
	"countersign/signing"
)

var hashPattern = lazyregexp.New(`\b[0-9a-f]{64}\b`)

// rightForRequest: the secret shows that the pasted signature is right for the pasted request. So it changed on the
// way, or AWS has another secret.
func (m *mismatch) rightForRequest() bool {
	if m.prover == nil || m.given == nil || !m.claim.wellFormed() || !m.signedAsIs() {
		return false
	}
	m.right = true
	if m.tokenMisplaced && !m.arrived.given() {
		m.tokenSigned()
		return true
	}
	m.ruleOut("The signature is right for the given request: secret, canonical request and key are correct.")
	if m.arrived.given() {
		found := m.unmasked(differences(&m.own, &m.arrived, m.style))
		if len(found) > 0 {
			m.changed(found, m.proof(), "The signature is right for the given request, but AWS's canonical request differs there.", m.given)
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

// tokenSigned: some services expect the session token of a presigned URL to be added after signing, others expect it
// to be signed.
func (m *mismatch) tokenSigned() {
	f := finding{
		cause: "signed-query", certainty: Likely, place: "query",
		reason: "X-Amz-Security-Token was signed with the other parameters, but this service expects it to be added after signing.",
	}
	if m.style.tokenAppended {
		f.reason = "X-Amz-Security-Token was added after signing, but this service expects it to be signed with the other parameters."
	}
	m.ruleOut("Key and secret are right: the signature is right for the URL with its token treated the other way.")
	m.add(f)
	m.also("AWS may have another secret for this key.", "wrong-secret")
}

// signedAsIs tries the request as the service would read it. The session token of a presigned URL may have been left
// out, and of a body only the hash may be known.
func (m *mismatch) signedAsIs() bool {
	if m.prover.signed(m.own.text()) {
		return true
	}
	if m.style.presigned && m.claim.token != "" {
		other := m.style
		other.tokenAppended = !other.tokenAppended
		own := m.canonicalOf(m.given, other, m.own.payload)
		if m.prover.signed(own.text()) {
			m.own, m.style, m.tokenMisplaced = own, other, m.style.known
			return true
		}
	}
	own := m.own
	switch {
	case m.given.bodyKnown && m.given.bodyExact:
		return false
	case !m.arrived.whole: // text after a request without a body is not a body
		own.payload = signing.PayloadHash(nil)
		if !bodyless(m.given.method) || !m.prover.signed(own.text()) {
			return false
		}
		m.own = own
		return true
	}
	for _, body := range m.bodiesInPaste() {
		own.payload = hashOf(body)
		if m.prover.signed(own.text()) {
			m.own, m.given.body, m.given.bodyKnown, m.given.bodyExact = own, body, true, true
			return true
		}
	}
	payloads := []string{m.arrived.payload, m.claim.payloadHash, signing.PayloadHash(m.given.body), signing.PayloadHash(nil)}
	for _, payload := range append(payloads, hashPattern().FindAllString(m.in.Paste, 20)...) { // from the signer's log or sha256sum
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
	for _, h := range m.given.headers {
		if n := strings.ToLower(h.Name); strings.HasPrefix(n, "x-amz-") && !m.claim.covers(n) && !m.style.presigned {
			names = append(names, n)
		}
	}
	return names
}

// rightAndUnknown: the signature is right for the given request, and AWS does not say what arrived.
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
		reason: "The signature is right for the given request with the profile's secret. Either AWS has another secret for " +
			"this key, or a proxy changed the request.",
	})
	m.also("A proxy may have changed something after the trace.", "changed-header", "changed-body", "changed-path", "changed-host")
	m.ask(Question{
		What: "Do other requests with this key succeed?",
		Why:  "If none does, the secret is not the one that AWS has; if some do, something on the way changes this one.",
		How:  "Sign a GetCallerIdentity of STS with the same profile and send it another way.",
	})
}

var askSent = Question{
	What: "The request as it was sent.",
	Why:  "It was signed correctly; what differs between signed and sent is the cause.",
	How:  "Turn on the client's trace, send the same request to a server that shows it, or copy the inputs of the action.",
}

// atRisk lists the signed parts that clients tend to change.
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
