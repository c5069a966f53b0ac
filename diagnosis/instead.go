package diagnosis

import (
	"slices"
	"strings"
	"time"

	"countersign/internal/lazyregexp"
)

// changeInstead looks for an alternative to a signer's mistake: the signature was right, and something changed the
// request before the point at which it was copied. Both give the same signature. There is no such change if the
// request is known to be the signed one, or if no correct signer would sign what the mistake gives.
func (m *mismatch) changeInstead(base *canonical, given *message, k *mistake) (difference, bool) {
	if given != nil && m.in.RequestIs == AsSigned {
		return difference{}, false
	}
	before, after := partsOf(base), partsOf(base)
	if k.apply != nil {
		k.apply(&after)
	}
	switch {
	case k.cause == "signed-path":
		return m.pathInstead(base, given, after.path)
	case k.cause == "signed-query":
		return queryInstead(base.query, after.query)
	case k.place == "header:host":
		return hostInstead(headerEvidence(after.headers, before.headers))
	case k.bodyChange != "":
		return difference{cause: "changed-body", detail: k.bodyChange, place: "body", signed: after.payload, arrived: before.payload}, true
	}
	return difference{}, false
}

// twiceEncoded matches a percent sign that was encoded although it belongs to an encoding.
var twiceEncoded = lazyregexp.New(`%25[0-9A-Fa-f]{2}`)

// pathInstead: what was signed is the right form of another path, which proxies and clients turn into the given one.
func (m *mismatch) pathInstead(base *canonical, given *message, signed string) (difference, bool) {
	now, was := onWire(base.path, m.style), onWire(signed, m.style)
	if given != nil {
		now = wirePath(given.path)
	}
	if !strings.HasPrefix(was, "/") || wirePath(was) != was || canonicalPath(was, m.style) != signed {
		return difference{}, false
	}
	d := pathDifference(signed, base.path, m.style)
	d.detail, d.note = pathDetail(was, now)
	switch d.detail {
	case "trailing-slash", "prefix-added", "prefix-removed", "hex-case", "normalised":
		return d, true
	case "decoded":
		return d, strings.Count(now, "%") < strings.Count(was, "%")
	case "encoded-again":
		return d, twiceEncoded().MatchString(now)
	}
	return d, false
}

// queryInstead: what was signed is the right form of another query, which clients turn into the given one.
func queryInstead(now, signed string) (difference, bool) {
	if canonicalQuery(signed) != signed {
		return difference{}, false
	}
	d := queryDifference(signed, now)
	switch d.detail {
	case "added":
		return d, signed != "" || !strings.Contains(now, "&") // a signer that omits all of several parameters forgot the query
	case "encoded-again":
		return d, twiceEncoded().MatchString(now)
	case "plus":
		return d, true
	}
	return d, false
}

// hostInstead: proxies and clients change the host or the port.
func hostInstead(e Evidence) (difference, bool) {
	signed, now := strings.TrimPrefix(e.Signed, "host:"), strings.TrimPrefix(e.Arrived, "host:")
	if signed == "" || strings.Contains(signed, "/") || signed != strings.ToLower(signed) {
		return difference{}, false
	}
	return headerDifference("host", signed, now), true
}

// changedFirst reports whether the change is more usual than the signer's mistake: people do not write addresses that
// are encoded twice, or hosts with the default port.
func changedFirst(d *difference) bool {
	switch d.place {
	case "path", "query":
		return d.detail == "encoded-again"
	case "header:host":
		return strings.HasSuffix(d.arrived, ":443") || strings.HasSuffix(d.arrived, ":80")
	}
	return false
}

// reportEither reports a signer's mistake and the change that gives the same signature, the more usual one first.
func (m *mismatch) reportEither(mistaken finding, d *difference) {
	mistaken.certainty = Likely
	mistaken.reason += " A change between signing and the point at which the request was copied gives the same signature."
	changed := d.finding(Open, "The signature is right for the request before this change; a signer's mistake gives the same signature.")
	named := d.place == "header:host" && slices.Contains(m.hostsInPaste(), d.signed)
	if changedFirst(d) || named || d.place == "body" && m.given != nil && !m.given.bodyExact { // workflows reserialize bodies
		mistaken.certainty, changed.certainty = Open, Likely
		m.add(changed)
	}
	m.add(mistaken)
	m.add(changed)
	m.ask(askSigned)
}

// datedAgain: the signature is for a time that differs from the request's, in header and string to sign alike. Either
// the program read the clock twice, or something set its own date after signing.
func (m *mismatch) datedAgain(changed finding, signed string) {
	mistaken := finding{
		cause: "signed-time", place: "time", certainty: changed.certainty, evidence: changed.evidence,
		reason: "The signature is the one for " + signed + ", and " + strings.TrimPrefix(changed.place, "header:") + " has another time.",
	}
	was, _ := parseTime(signed)
	switch {
	case m.in.RequestIs == AsSigned:
		m.add(mistaken)
		return
	case m.claim.time.Sub(was).Abs() <= 2*time.Second && changed.place == "header:x-amz-date", isZoneOffset(m.claim.time.Sub(was)):
		mistaken.certainty, changed.certainty = Likely, Open
		mistaken.reason += " As a rule the program reads the clock twice, or once in local time."
		m.add(mistaken)
		m.add(changed)
	default:
		changed.certainty, mistaken.certainty = Likely, Open
		m.add(changed)
		m.add(mistaken)
	}
	m.ask(askSigned)
}

var askSigned = Question{
	What: "The request as it was signed: URL, headers and body as they were given to the signer.",
	Why:  "The signature shows what was signed. It does not show whether the signer or something after it made the difference.",
	How:  "Copy the response of the signing step, or print what the program signs.",
}
