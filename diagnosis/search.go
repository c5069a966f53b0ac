package diagnosis

import (
	"bytes"
	"strings"
)

// parts are the pieces of a canonical request in which signers make mistakes.
type parts struct {
	method, path, query string
	headers             string // the lines, each with its line ending
	list, payload       string
	crlf, short         bool // lines end in CR LF; the payload line is omitted
}

func partsOf(c *canonical) parts {
	headers := c.lines(canonicalLine)
	return parts{method: c.method, path: c.path, query: c.query, headers: headers, list: c.signedHeaders, payload: c.payload}
}

// append appends the canonical request that the parts make.
func (p *parts) append(b []byte) []byte {
	for _, line := range [...]string{p.method, p.path, p.query, p.headers, p.list} {
		b = append(append(b, line...), '\n')
	}
	if b = append(b, p.payload...); p.short {
		b = b[:len(b)-len(p.payload)-1]
	}
	if p.crlf {
		b = bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n"))
	}
	return b
}

// The dimensions of mistakes. Two mistakes of the same dimension are not combined.
const (
	inPath = iota
	inQuery
	inHeaders
	inPayload
	inMethod
	inString
	inKey
	dimensions
)

// mistake is something that a signer may do differently from AWS.
type mistake struct {
	dimension     int
	cause         Cause
	detail, place string
	note          string
	apply         func(*parts)               // changes the canonical request
	toSign        func(c *hashedText) string // replaces the string to sign
	prefix        string                     // replaces the string to sign up to the hash
	key           []byte                     // replaces the key
	signedText    string                     // what was signed, if the parts do not show it
	change        func() difference          // for headers that changed; computed when needed
	signedTime    string                     // the time that was signed, if the request has another
	bodyChange    string                     // the kind of change that turns the signed body into the given one
	rare          bool                       // not combined with another
}

// signersMistake searches for the mistake that gives exactly the signature that was sent, first in the given request,
// then in what arrived.
func (m *mismatch) signersMistake() bool {
	if m.prover == nil || m.prover.signature == nil {
		return false
	}
	if m.given != nil && m.searchFrom(&m.own, m.given) {
		return true
	}
	if m.arrived.whole && !m.edited && (m.given == nil || m.arrived.text() != m.own.text()) {
		return m.searchFrom(&m.arrived, nil)
	}
	return false
}

// searchFrom searches with one canonical request taken as the right one.
func (m *mismatch) searchFrom(base *canonical, given *message) bool {
	s := searcher{prover: m.prover, base: partsOf(base)}
	s.plain.set(s.base.append(nil))
	list := append(m.mistakes(base, given), m.mistakesElsewhere()...)
	for i := range list {
		if s.fits(&list[i]) {
			m.found(base, given, &list[i])
			return true
		}
	}
	if k := m.movedTime(&s, base); k != nil {
		m.found(base, given, k)
		return true
	}
	if given == nil && m.given != nil { // once is enough
		return false
	}
	first, second := s.pairs(list)
	if first == nil {
		return false
	}
	m.found(base, given, first, second)
	return true
}

// found reports the mistakes that give the pasted signature.
func (m *mismatch) found(base *canonical, given *message, mistakes ...*mistake) {
	inexact := given != nil && !given.bodyExact
	if inexact && m.in.RequestIs == AsSigned && len(mistakes) == 1 && mistakes[0].bodyChange != "" && m.arrived.given() {
		if m.inexactBody(mistakes[0]) {
			return
		}
	}
	for _, k := range mistakes {
		f := k.finding(base, m.sure())
		if inexact && k.dimension == inPayload && !m.arrived.given() {
			f.certainty = Likely // the body that was sent may not be the one that is shown
		}
		if k.signedTime != "" {
			m.datedAgain(f, k.signedTime)
			continue
		}
		if d, ok := m.changeInstead(base, given, k); ok {
			m.reportEither(f, &d)
			continue
		}
		m.add(f)
	}
	if m.in.RequestIs == AsSigned && m.arrived.given() && given != nil { // and also what changed on the way
		for _, d := range m.unmasked(differences(base, &m.arrived, m.style)) {
			m.add(d.finding(m.proof(), "AWS's canonical request differs there as well."))
		}
	}
	m.ruleOut("With this difference the profile's secret gives the signature that was sent: nothing else is wrong.")
}

// inexactBody: the tool shows the body parsed, so what the search found is only the bytes that were signed, not a
// mistake.
func (m *mismatch) inexactBody(k *mistake) bool {
	p := partsOf(&m.own)
	k.apply(&p)
	m.own.payload = p.payload
	found := m.unmasked(differences(&m.own, &m.arrived, m.style))
	if len(found) == 0 {
		return false
	}
	m.changed(found, m.proof(), "The signature is right for the request as it was signed, but AWS's canonical request differs there.", m.given)
	return true
}

// finding describes a mistake, with both texts of its place.
func (k *mistake) finding(base *canonical, certainty Certainty) finding {
	if k.change != nil {
		other := k.change()
		return other.finding(certainty, "The signature that was sent is the one of the other value.")
	}
	before, after := partsOf(base), partsOf(base)
	if k.apply != nil {
		k.apply(&after)
	}
	f := finding{cause: k.cause, detail: k.detail, place: k.place, certainty: certainty}
	f.reason = k.note + " With this mistake the signature is the one that was sent."
	var e Evidence
	switch k.dimension {
	case inPath:
		e = Evidence{"path", after.path, before.path}
	case inQuery:
		e = Evidence{"query", after.query, before.query}
	case inHeaders:
		e = headerEvidence(after.headers, before.headers)
	case inPayload:
		e = Evidence{"payload-hash", after.payload, before.payload}
	case inMethod:
		e = Evidence{"method", after.method, before.method}
	default:
		e = Evidence{k.place, k.signedText, ""}
	}
	f.evidence = []Evidence{e}
	return f
}

// headerEvidence returns the first header line that differs.
func headerEvidence(signed, arrived string) Evidence {
	s, a := strings.SplitAfter(signed, "\n"), strings.SplitAfter(arrived, "\n")
	for i := range min(len(s), len(a)) {
		if s[i] != a[i] {
			name, _, _ := strings.Cut(strings.TrimSpace(a[i]), ":")
			if name == "" {
				name, _, _ = strings.Cut(strings.TrimSpace(s[i]), ":")
			}
			return Evidence{"header:" + strings.ToLower(name), visible(s[i]), visible(a[i])}
		}
	}
	return Evidence{"header", visible(signed), visible(arrived)}
}

// visible makes line endings and the like visible.
func visible(s string) string {
	s = strings.TrimSuffix(s, "\n")
	return strings.NewReplacer("\r", `\r`, "\n", `\n`, "\t", `\t`).Replace(s)
}
