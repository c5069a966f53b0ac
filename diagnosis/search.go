package diagnosis

import (
	"encoding/hex"
	"strings"

	"countersign/signing"
)

// parts are a canonical request in the pieces in which signers go wrong.
type parts struct {
	method, path, query string
	headers             string // the lines, each with its end
	list, payload       string
	crlf, short         bool // lines end in CR LF; the line of the payload is left out
}

func partsOf(c *canonical) parts {
	var b strings.Builder
	for _, h := range c.headers {
		b.WriteString(h.Name + ":" + h.Value + "\n")
	}
	return parts{method: c.method, path: c.path, query: c.query, headers: b.String(), list: c.signedHeaders, payload: c.payload}
}

func (p *parts) text() string {
	text := signing.CanonicalRequest(p.method, p.path, p.query, p.headers, p.list, p.payload)
	if p.short {
		text = strings.TrimSuffix(text, "\n"+p.payload)
	}
	if p.crlf {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	return text
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

// mistake is a way in which signers depart from AWS's.
type mistake struct {
	dimension     int
	cause         Cause
	detail, place string
	note          string
	apply         func(*parts)                  // to the canonical request
	toSign        func(canonical string) string // in place of the string to sign
	key           []byte                        // in place of the key
	signed        string                        // what was signed, where the parts do not show it
	other         difference                    // for headers that changed
	rare          bool                          // not tried together with another
}

// signersMistake searches for the mistake that gives the very signature that was
// sent, first over the request at hand, then over what arrived.
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
	p := partsOf(base)
	list := m.mistakes(base, at)
	tried := map[string]bool{p.text(): true}
	for i := range list {
		if m.fits(&p, tried, &list[i]) {
			m.found(base, at, &list[i])
			return true
		}
		if m.budget.spent {
			return false
		}
	}
	return m.pairs(base, at, &p, list)
}

// fits says whether mistakes together give the pasted signature.
func (m *mismatch) fits(base *parts, tried map[string]bool, mistakes ...*mistake) bool {
	p := *base
	key, toSign, special := m.prover.key, m.prover.toSign, false
	for _, k := range mistakes {
		if k.apply != nil {
			k.apply(&p)
		}
		if k.key != nil {
			key, special = k.key, true
		}
		if k.toSign != nil {
			toSign, special = k.toSign, true
		}
	}
	text := p.text()
	if !special {
		if tried[text] {
			return false
		}
		tried[text] = true
	}
	return m.budget.take(len(text)) && m.prover.matches(key, toSign(text))
}

// perDimension is how many mistakes of each are tried together with others.
var perDimension = [dimensions]int{inPath: 24, inQuery: 24, inHeaders: 64, inPayload: 60, inMethod: 8, inString: 34, inKey: 24}

// pairs tries two mistakes of different dimensions.
func (m *mismatch) pairs(base *canonical, at *message, p *parts, list []mistake) bool {
	var by [dimensions][]*mistake
	before := p.text()
	for i := range list {
		k := &list[i]
		after := *p
		if k.apply != nil {
			k.apply(&after)
		}
		same := k.apply != nil && after.text() == before
		if !k.rare && !same && len(by[k.dimension]) < perDimension[k.dimension] {
			by[k.dimension] = append(by[k.dimension], k)
		}
	}
	tried := map[string]bool{before: true}
	for first := range by {
		for second := first + 1; second < dimensions; second++ {
			for _, a := range by[first] {
				for _, b := range by[second] {
					if m.fits(p, tried, a, b) {
						m.found(base, at, a, b)
						return true
					}
					if m.budget.spent {
						return false
					}
				}
			}
		}
	}
	return false
}

// found reports mistakes that give the pasted signature.
func (m *mismatch) found(base *canonical, at *message, mistakes ...*mistake) {
	if at != nil && !at.exact && len(mistakes) == 1 && mistakes[0].dimension == inPayload && m.arrived.given() {
		if m.inexactBody(mistakes[0]) {
			return
		}
	}
	for _, k := range mistakes {
		m.add(k.finding(base, m.sure()))
	}
	if m.in.RequestIs == AsSigned && m.arrived.given() && at != nil { // and what changed on the way as well
		for _, d := range m.unmasked(differences(base, &m.arrived, m.how)) {
			m.add(d.finding(m.proof(), "AWS's canonical request differs there as well."))
		}
	}
	m.ruleOut("With this one mistake the profile's secret gives the signature that was sent: nothing else is wrong.")
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
	if k.other.cause != "" {
		return k.other.finding(certainty, "The signature that was sent is the one of the other value.")
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
		e = Evidence{"payloadHash", after.payload, before.payload}
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

// formOfSignature: the right signature in another form, or something that has not
// the form of one.
func (m *mismatch) formOfSignature() bool {
	sig := m.claim.signature
	if sig == "" || m.claim.algorithm == string(signing.ECDSA) {
		return false
	}
	f := finding{cause: "signature-form", certainty: Proved, place: "signature"}
	if m.prover != nil {
		texts := []string{m.awsToSign()}
		if m.at != nil {
			texts = append(texts, m.prover.toSign(m.own.text()))
		}
		for _, t := range texts {
			if t == "" {
				continue
			}
			if f.detail = spelling(sig, hex.EncodeToString(mac(m.prover.key, t))); f.detail != "" {
				f.reason = "It is the right signature, " + infoOf(f.cause).detailTitle(f.detail) + "."
				f.reason = strings.Replace(f.reason, "signature, it ", "signature, but it ", 1)
				m.add(f)
				return true
			}
		}
	}
	if f.detail = badForm(sig); f.detail == "" {
		return false
	}
	f.reason = "A signature is 64 hexadecimal digits in lower case, and this one is not: " + infoOf(f.cause).detailTitle(f.detail) + "."
	if f.detail == "upper-case" || m.in.Request == nil && f.detail == "length" { // a paste may be cut
		f.certainty = Likely
	}
	m.add(f)
	return true
}

func (c *CauseInfo) detailTitle(id string) string {
	for _, d := range c.Details {
		if d.ID == id {
			return d.Title
		}
	}
	return ""
}
