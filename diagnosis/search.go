package diagnosis

import (
	"bytes"
	"strings"
)

// parts are a canonical request in the pieces in which signers go wrong.
type parts struct {
	method, path, query string
	headers             string // the lines, each with its end
	list, payload       string
	crlf, short         bool // lines end in CR LF; the line of the payload is left out
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

// The dimensions of mistakes: two of one dimension do not meet.
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

// mistake is how a signer may differ from AWS's.
type mistake struct {
	dimension     int
	cause         Cause
	detail, place string
	note          string
	apply         func(*parts)               // to the canonical request
	toSign        func(c *hashedText) string // in place of the string to sign
	lead          string                     // in place of what the string to sign has before the hash
	key           []byte                     // in place of the key
	signed        string                     // what was signed, where the parts do not show it
	other         func() difference          // for headers that changed; made when it is needed
	moved         string                     // the time that was signed, where the request says another
	sent          string                     // the kind of change that turns the body that was signed into the given one
	rare          bool                       // not tried together with another
}

// signersMistake searches for the mistake that gives the very signature that was
// sent, first over the given request, then over what arrived.
func (m *mismatch) signersMistake() bool {
	if m.prover == nil || m.prover.signature == nil {
		return false
	}
	if m.at != nil && m.over(&m.own, m.at) {
		return true
	}
	if m.arrived.whole && !m.edited && (m.at == nil || m.arrived.text() != m.own.text()) {
		return m.over(&m.arrived, nil)
	}
	return false
}

// over searches with one canonical request as the right one.
func (m *mismatch) over(base *canonical, at *message) bool {
	s := searcher{prover: m.prover, base: partsOf(base)}
	s.plain.set(s.base.append(nil))
	list := append(m.mistakes(base, at), m.mistakesAnywhere()...)
	for i := range list {
		if s.fits(&list[i]) {
			m.found(base, at, &list[i])
			return true
		}
	}
	if k := m.movedTime(&s, base); k != nil {
		m.found(base, at, k)
		return true
	}
	if at == nil && m.at != nil { // once is enough
		return false
	}
	first, second := s.pairs(list)
	if first == nil {
		return false
	}
	m.found(base, at, first, second)
	return true
}

// found reports mistakes that give the pasted signature.
func (m *mismatch) found(base *canonical, at *message, mistakes ...*mistake) {
	inexact := at != nil && !at.exact
	if inexact && m.in.RequestIs == AsSigned && len(mistakes) == 1 && mistakes[0].sent != "" && m.arrived.given() {
		if m.inexactBody(mistakes[0]) {
			return
		}
	}
	for _, k := range mistakes {
		f := k.finding(base, m.sure())
		if inexact && k.dimension == inPayload && !m.arrived.given() {
			f.certainty = Likely // the body that was sent may be another than the one that is shown
		}
		if k.moved != "" {
			m.datedAgain(f, k.moved)
			continue
		}
		if d, ok := m.changeInstead(base, at, k); ok {
			m.either(f, &d)
			continue
		}
		m.add(f)
	}
	if m.in.RequestIs == AsSigned && m.arrived.given() && at != nil { // and what changed on the way as well
		for _, d := range m.unmasked(differences(base, &m.arrived, m.how)) {
			m.add(d.finding(m.proof(), "AWS's canonical request differs there as well."))
		}
	}
	m.ruleOut("With this difference the profile's secret gives the signature that was sent: nothing else is wrong.")
}

// inexactBody: the tool shows the body parsed, so that the search found no mistake
// but the bytes that were signed.
func (m *mismatch) inexactBody(k *mistake) bool {
	p := partsOf(&m.own)
	k.apply(&p)
	m.own.payload = p.payload
	found := m.unmasked(differences(&m.own, &m.arrived, m.how))
	if len(found) == 0 {
		return false
	}
	m.changed(found, m.proof(), "The signature is right for the request as it was signed, and AWS's canonical request differs there.", m.at)
	return true
}

// finding says what a mistake is, with both texts of its place.
func (k *mistake) finding(base *canonical, certainty Certainty) finding {
	if k.other != nil {
		other := k.other()
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
		e = Evidence{k.place, k.signed, ""}
	}
	f.evidence = []Evidence{e}
	return f
}

// headerEvidence is the first header line that differs.
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

// visible shows line ends and the like.
func visible(s string) string {
	s = strings.TrimSuffix(s, "\n")
	return strings.NewReplacer("\r", `\r`, "\n", `\n`, "\t", `\t`).Replace(s)
}
