package diagnosis

import (
	"bytes"
	"strings"

	"countersign/signing"
)

// changed reports what differs between the signed request and what arrived. It names every place; the first explains
// the others, since a redirect, for example, changes method and body at once.
func (m *mismatch) changed(found []difference, certainty Certainty, reason string, from *message) {
	for i := range found {
		d := &found[i]
		if d.cause == "changed-body" {
			m.explainBody(d, from)
		}
		f := d.finding(certainty, reason)
		if d.place == "body" && (from == nil || !from.bodyKnown) && (m.in.RequestIs == AsSigned) == (d.cause == "signed-payload") {
			f.certainty = weaker(certainty, Likely) // either what was sent or what was signed is not known
		}
		if i == 0 {
			for _, other := range found[1:] {
				f.evidence = append(f.evidence, Evidence{other.place, other.signed, other.arrived})
			}
		}
		m.add(f)
	}
}

// explainBody finds out how the body changed on its way.
func (m *mismatch) explainBody(d *difference, from *message) {
	d.detail = "other"
	empty := signing.PayloadHash(nil)
	switch {
	case d.arrived == empty:
		d.detail, d.note = "emptied", "A body was signed, and none arrived: "+empty+" is the hash of nothing."
		return
	case d.signed == empty && from != nil && (!from.bodyKnown || len(from.body) > 0):
		d.cause, d.detail, d.note = "signed-payload", "empty", "The hash of an empty body was signed, "+empty+"."
		return
	case d.arrived == signing.UnsignedPayload:
		d.cause, d.detail, d.note = "signed-payload", "other", "AWS expects UNSIGNED-PAYLOAD here, but a hash was signed."
		return
	}
	if word := emptyBodyWord(d.arrived); word != "" {
		d.note = "What arrived is " + word + ": programs write that for a missing body or an object."
		return
	}
	if m.sent != nil && m.signed != nil && m.sent.bodyKnown && hashOf(m.sent.body) == d.arrived && m.gzipped(m.sent) {
		d.detail, d.note = "gzip", "It was compressed."
		return
	}
	if from == nil || !from.bodyKnown {
		d.note = "How it changed is not known: its bytes were not given."
		m.ask(askBody)
		return
	}
	if found, ok := m.budget.explain(from.body, from.header("content-type"), d.arrived); ok {
		d.detail = found.first.forward
		d.note = "What arrived is the body after this change: " + bodyNote(d.detail)
		if found.second != nil {
			d.note += ", and " + bodyNote(found.second.forward)
			if !from.bodyExact && found.first.forward == "json-reserialised" { // as the workflow shows it, parsed
				d.detail = found.second.forward
			}
		}
		d.note += "."
		return
	}
	m.unexplained(d, from)
}

func (m *mismatch) unexplained(d *difference, from *message) {
	encoding, _ := m.arrived.value("content-encoding")
	if strings.Contains(encoding, "gzip") || strings.Contains(from.header("content-encoding"), "gzip") {
		d.detail, d.note = "gzip", "It seems to have been compressed: content-encoding says gzip."
		return
	}
	d.note = "None of the usual changes gives what arrived: a placeholder filled in later, a multipart boundary, a time " +
		"stamp or compression are the usual reasons."
	m.ask(askBody)
}

func (m *mismatch) gzipped(q *message) bool { return bytes.HasPrefix(q.body, []byte{0x1F, 0x8B}) }

var askBody = Question{
	What: "The bytes of the body as they were sent.",
	Why:  "Only its hash is known, and none of the usual changes gives it.",
	How:  "Send the same request to a server that shows what it receives, or take the client's trace.",
}

// hashMismatch: the signature was right, but the hash of the bytes is not the one in the header.
func hashMismatch(c *collector) {
	c.ruleOut(rightSignature)
	client, server := c.refusal.Field("ClientComputedContentSHA256").Text(), c.refusal.Field("S3ComputedContentSHA256").Text()
	if client == "" {
		client = c.claim.payloadHash
	}
	if server == "" && c.signed != nil && c.sent != nil && c.sent.bodyKnown {
		server = hashOf(c.sent.body)
	}
	m := &mismatch{collector: c, style: c.styleOf(), given: c.request()}
	d := difference{cause: "changed-body", detail: "other", place: "body", signed: client, arrived: server}
	reason := "AWS says that x-amz-content-sha256 is not the hash of what arrived."
	certainty := Stated
	at := c.request()
	empty := signing.PayloadHash(nil)
	switch {
	case client == empty && server != empty:
		d.cause, d.detail, d.note = "signed-payload", "empty", "The hash of an empty body was signed, "+empty+", and a body was sent."
	case server == empty:
		d.detail, d.note = "emptied", "No body arrived: "+empty+" is the hash of nothing."
	case at != nil && at.bodyKnown && client != "" && client != hashOf(at.body):
		m.sentOtherwise(&d, at, client)
	case server != "":
		m.explainBody(&d, at)
	}
	if d.detail != "other" && client != "" && (server != "" || at != nil) {
		certainty = Proved
	}
	f := d.finding(certainty, reason)
	f.evidence[0].Part = "payload-hash"
	c.add(f)
	if len(c.questions) == 0 && d.detail == "other" {
		c.ask(askBody)
	}
}

// sentOtherwise: the given body is not the one that was hashed. It looks for the change between the two.
func (m *mismatch) sentOtherwise(d *difference, given *message, signed string) {
	hash := hashOf(given.body)
	switch raw := strings.ToLower(signed); {
	case raw == hash:
		d.cause, d.detail, d.note = "signed-payload", "upper-case", "The hash was written in capitals."
		return
	case signed == hexHash(hash):
		d.cause, d.detail, d.note = "signed-payload", "hash-of-hash", "The hash of the hash was signed."
		return
	}
	if found, ok := m.budget.explain(given.body, given.header("content-type"), signed); ok {
		last := found.first
		if found.second != nil {
			last = found.second
		}
		d.detail = last.backward
		d.note = "What was hashed is the body before this change: " + bodyNote(d.detail) + "."
		if last.backward == "empty" {
			d.cause = "signed-payload"
		}
		return
	}
	m.unexplained(d, given)
}
