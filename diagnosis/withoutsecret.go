package diagnosis

import "strings"

// fromRequestAlone: the given request itself shows why no signature fits.
func (m *mismatch) fromRequestAlone() bool {
	if m.given == nil {
		return byFormOnly(m.collector)
	}
	if byFormOnly(m.collector) {
		return true
	}
	for _, name := range m.claim.names() {
		if name == "host" || name == ":authority" || m.given.has(name) || m.in.RequestIs == AsSigned {
			continue
		}
		arrived, there := m.arrived.value(name)
		if arrived != "" {
			continue // a proxy or the client adds it
		}
		f := finding{
			cause: "dropped-header", certainty: Proved, place: "header:" + name,
			reason:   "SignedHeaders lists " + name + ", and the request that was sent has none.",
			evidence: []Evidence{{"header:" + name, "(signed, value not known)", ""}},
		}
		switch {
		case m.given.headersUnknown:
			f.certainty, f.reason = Likely, "SignedHeaders lists "+name+": it must be sent with the value that was signed."
		case m.arrived.given() && !there || !m.arrived.given() && setByClient(name):
			f.certainty = Likely
		}
		m.add(f)
		return true
	}
	return false
}

// byFormOnly handles malformed requests that AWS refuses with a mismatch.
func byFormOnly(c *collector) bool {
	if c.request() == nil || !c.claim.inHeader && !c.claim.presigned {
		return false
	}
	return byForm(c)
}

// setByClient reports whether clients set this header themselves, so that a trace of what was given to the client
// lacks it.
func setByClient(name string) bool {
	switch name {
	case "content-length", "user-agent", "accept", "accept-encoding", "connection", "content-type", "date", "expect", "transfer-encoding":
		return true
	}
	return false
}

// loggedString: the signer's own string to sign is given, and its canonical request is the same as AWS's.
func (m *mismatch) loggedString() bool {
	aws := strings.Split(strings.TrimRight(m.refusal.StringToSign.Text(), "\n"), "\n")
	for _, text := range m.stringsToSign {
		own := strings.Split(strings.TrimRight(text, "\n"), "\n")
		if len(aws) != 4 || len(own) != 4 || own[3] != aws[3] {
			continue
		}
		for i, part := range []string{"algorithm", "time", "scope"} {
			if own[i] == aws[i] {
				continue
			}
			f := finding{
				cause: "signed-string", certainty: m.proof(), place: "string-to-sign",
				reason:   "The signer's own string to sign has another " + part + " than AWS's; the canonical request is the same.",
				evidence: []Evidence{{Part: "string-to-sign", Signed: own[i], Arrived: aws[i]}},
			}
			if part == "time" {
				f.cause, f.place = "signed-time", "time"
			}
			m.ruleOut("The canonical request is right: AWS computed the same.")
			m.add(f)
			return true
		}
	}
	return false
}

// loggedBySigner: the canonical request that the signer logged is given.
func (m *mismatch) loggedBySigner() bool {
	if !m.arrived.given() {
		return false
	}
	for _, text := range m.signers {
		logged := parseCanonical(text)
		if !logged.given() || logged.text() == m.arrived.text() {
			continue
		}
		found := m.unmasked(differences(&logged, &m.arrived, m.style))
		if len(found) == 0 {
			continue
		}
		certainty := Likely
		if m.proof() == Proved && m.prover != nil && m.prover.signed(strings.TrimRight(text, "\n")) {
			certainty = Proved
		}
		if m.given != nil && m.in.RequestIs != AsSigned && len(differences(&m.own, &m.arrived, m.style)) == 0 {
			for i := range found {
				found[i].cause = bySigner(found[i].cause)
			}
		}
		m.changed(found, certainty, "The signer's own canonical request differs there from AWS's.", m.given)
		return true
	}
	return false
}

// bySigner returns the cause of a difference that already existed when the request was signed.
func bySigner(c Cause) Cause {
	switch c {
	case "changed-path":
		return "signed-path"
	case "changed-query":
		return "signed-query"
	case "changed-body":
		return "signed-payload"
	case "changed-header", "changed-host", "dropped-header":
		return "signed-headers"
	}
	return c
}

// withoutSecret compares the request with what arrived. The place of a difference is certain; who made it is not.
func (m *mismatch) withoutSecret() bool {
	if !m.arrived.given() || m.given == nil {
		return false
	}
	found := m.unmasked(differences(&m.own, &m.arrived, m.style))
	if len(found) == 0 {
		m.sameOnBothSides()
		return true
	}
	certainty := m.proof()
	reason := "AWS's canonical request differs there from that of the given request."
	if m.prover != nil || !m.style.known && found[0].place == "path" || !m.given.bodyExact && found[0].place == "body" {
		certainty = weaker(certainty, Likely)
	}
	if found[0].place == "path" && m.otherStyle() {
		certainty = weaker(certainty, Likely)
	}
	if found[0].place == "body" && !m.given.bodyExact && m.in.RequestIs != AsSigned {
		found[0].note = "The body given is not byte for byte the one that was sent."
	}
	m.changed(found, certainty, reason, m.given)
	return true
}

// otherStyle reports whether the path matches in the style of the other family of services.
func (m *mismatch) otherStyle() bool {
	other := m.style
	other.encodedOnce = !other.encodedOnce
	return canonicalPath(m.given.path, other) == m.arrived.path
}

// sameOnBothSides: the given request is what arrived, so the signature was made in another way or with another
// secret.
func (m *mismatch) sameOnBothSides() {
	if m.edited {
		m.add(finding{
			cause: "unclear", certainty: Open,
			reason: "Something was cut out or masked before pasting. What is left of AWS's canonical request and of the request agrees.",
		})
		m.ask(askCanonical, askProfile)
		return
	}
	if !m.given.bodyKnown || !m.given.bodyExact {
		if m.rewrittenBody() {
			return
		}
		if m.prover != nil && m.in.RequestIs == AsSigned {
			m.add(finding{
				cause: "changed-body", detail: "other", certainty: Likely, place: "body",
				reason: "Everything else arrived as it was signed, but the signature does not fit the body that arrived: the body changed.",
			})
			m.ask(askBody)
			return
		}
		m.add(finding{
			cause: "unclear", certainty: Open,
			reason: "What arrived is the given request, except for the body, whose exact bytes were not given.",
			fix:    "Give the body as it was signed and as it was sent: usually one of the two was serialized again.",
		})
		m.also("The body is what is left.", "changed-body", "signed-payload", "wrong-secret")
		m.ask(askBody, askProfile)
		return
	}
	m.ruleOut("Nothing changed on the way: what arrived at AWS is the given request.")
	reason := "What arrived is the given request, so the signer computed the signature differently from AWS, or with another secret."
	if m.prover != nil {
		reason += " None of the usual mistakes gives the signature that was sent."
	}
	m.add(finding{cause: "unclear", certainty: Open, side: SideSigner, reason: reason})
	m.also("An unknown mistake and another secret look alike.", "wrong-secret", "signed-payload", "signed-path", "signed-headers")
	m.ask(m.askSecret())
}

// rewrittenBody: a known change turns the text of the signed body into what arrived. Line feeds at its ends are
// ignored, since the paste may have added them.
func (m *mismatch) rewrittenBody() bool {
	if m.in.RequestIs != AsSigned || !m.given.bodyKnown || !m.arrived.whole {
		return false
	}
	d := difference{cause: "changed-body", place: "body", signed: hashOf(m.given.body), arrived: m.arrived.payload}
	found, ok := m.budget.explain(m.given.body, m.given.header("content-type"), d.arrived)
	if !ok || strings.HasPrefix(found.first.forward, "trailing-newline") {
		return false
	}
	m.changed([]difference{d}, Likely, "Everything else arrived as it was signed.", m.given)
	return true
}

// undecided: nothing is proved, and nothing differs.
func (m *mismatch) undecided() {
	reason := "AWS computed another signature, but the text does not show why."
	if m.lumped() {
		m.lumpedTogether()
		return
	}
	if kind, _ := m.arrived.value("content-type"); strings.HasPrefix(kind, "multipart/") && m.given == nil {
		m.add(finding{
			cause: "changed-body", certainty: Open, place: "body",
			reason: "It is a multipart form: its boundary and its bytes are made by the client, as a rule after signing.",
			fix:    "Build the multipart body before signing, with a boundary of your own, and send body and content-type as they were signed.",
		})
	}
	fix := "Paste the request as it was sent together with this response: method, URL, headers and body. Check the body first: it must " +
		"be sent as it was signed, as text; then content-type."
	switch {
	case m.given == nil && m.arrived.given():
		reason = "AWS computed another signature. It saw " + safeID(m.arrived.method) + " " + safePath(m.arrived.path) + "."
		fix = "Compare that with the request that was meant: path with its stage, query, headers, body. Paste the request together " +
			"with this response, and name the profile that signed: then the line that differs is shown."
	case m.given == nil:
		reason += " Works for GET and fails with a body? Then look at the payload hash first, and at content-type."
	}
	if m.prover != nil {
		reason += " None of the usual mistakes gives the signature that was sent."
	}
	m.add(finding{cause: "unclear", certainty: Open, reason: reason, fix: fix})
	m.also("What fails most often.", "signed-payload", "changed-body", "changed-header", "wrong-secret")
	if m.given == nil {
		m.ask(askRequest)
	}
	if !m.arrived.given() {
		m.ask(askCanonical)
	}
	if m.prover == nil {
		m.ask(m.askSecret())
	}
	m.ask(askSent)
}

// lumpedTogether: EC2 has one sentence for many causes.
func (m *mismatch) lumpedTogether() {
	f := finding{
		cause: "unclear", certainty: Open,
		reason: "EC2 says the same about an unknown key, a wrong signature, a clock that is off, and a region that is not enabled.",
		fix:    "Call another service with the same profile, such as GetCallerIdentity of STS: its response tells which it is.",
	}
	if r := m.claim.region(); optIn(r) {
		f = finding{
			cause: "region-disabled", certainty: Open, place: "account",
			reason: r + " is an opt-in region, and EC2 says this about regions that the account has not enabled, but also about keys and clocks.",
		}
	}
	m.add(f)
	m.also("EC2 does not tell them apart.", "unknown-key", "wrong-secret", "clock-behind", "region-disabled")
	m.ask(Question{
		What: "How does STS respond to GetCallerIdentity with the same profile?",
		Why:  "It tells key, signature and clock apart, which EC2 does not.",
		How:  "Sign and call https://sts.<region>.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15.",
	})
}
