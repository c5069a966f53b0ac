package diagnosis

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
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
	var b strings.Builder
	for _, h := range c.headers {
		b.WriteString(h.Name + ":" + h.Value + "\n")
	}
	return parts{method: c.method, path: c.path, query: c.query, headers: b.String(), list: c.signedHeaders, payload: c.payload}
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

// hashedText is a canonical request with its hash.
type hashedText struct {
	text []byte
	sum  [sha256.Size]byte
}

func (t *hashedText) set(text []byte) { t.text, t.sum = text, sha256.Sum256(text) }

func (t *hashedText) hash() string { return hex.EncodeToString(t.sum[:]) }

// searcher tries mistakes over one canonical request.
type searcher struct {
	*prover
	base    parts
	plain   hashedText // the base as text
	changed parts      // the candidate
	other   hashedText // the same as text
	toSign  []byte
}

// fits says whether one mistake gives the pasted signature. What changes nothing fits
// nothing.
func (s *searcher) fits(k *mistake) bool {
	if k.apply == nil {
		return s.signs(&s.plain, k, nil)
	}
	return s.write(&s.other, k, nil) && s.signs(&s.other, k, nil)
}

// write makes the canonical request that one or two mistakes give, and says whether it
// is another one.
func (s *searcher) write(t *hashedText, first, second *mistake) bool {
	s.changed = s.base
	first.apply(&s.changed)
	if second != nil {
		second.apply(&s.changed)
	}
	if t.text = s.changed.append(t.text[:0]); bytes.Equal(t.text, s.plain.text) {
		return false
	}
	t.set(t.text)
	return s.take(len(t.text))
}

// signs says whether the pasted signature is that of a canonical request, with the
// string to sign and the key of one or two mistakes.
func (s *searcher) signs(t *hashedText, first, second *mistake) bool {
	key, lead, toSign := s.key, s.lead, first.toSign
	for _, k := range [...]*mistake{first, second} {
		if k == nil {
			continue
		}
		if k.key != nil {
			key = newMACKey(k.key)
		}
		if k.toSign != nil {
			toSign = k.toSign
		}
		if k.lead != "" {
			lead = k.lead
		}
	}
	s.toSign = key.begin(s.toSign)
	if toSign != nil {
		s.toSign = append(s.toSign, toSign(t)...)
	} else {
		s.toSign = hex.AppendEncode(append(s.toSign, lead...), t.sum[:])
	}
	return s.take(len(s.toSign)) && s.is(key.end(s.toSign))
}

// perDimension is how many mistakes of each are tried together with others.
var perDimension = [dimensions]int{inPath: 24, inQuery: 24, inHeaders: 64, inPayload: 60, inMethod: 8, inString: 34, inKey: 24}

// pairs tries two mistakes of different dimensions.
func (s *searcher) pairs(list []mistake) (first, second *mistake) {
	var by [dimensions][]*mistake
	texts := map[[sha256.Size]byte]bool{}
	for i := range list {
		k := &list[i]
		if k.rare || len(by[k.dimension]) == perDimension[k.dimension] {
			continue
		}
		if k.apply != nil { // some come out alike
			if !s.write(&s.other, k, nil) || texts[s.other.sum] {
				continue
			}
			texts[s.other.sum] = true
		}
		by[k.dimension] = append(by[k.dimension], k)
	}
	for d := range by {
		for e := d + 1; e < dimensions; e++ {
			for _, a := range by[d] {
				if b := s.second(a, by[e]); b != nil {
					return a, b
				}
				if s.spent {
					return nil, nil
				}
			}
		}
	}
	return nil, nil
}

// second finds the mistake of a dimension that gives the pasted signature together
// with a first one. Those that leave the canonical request as it is share its hash.
func (s *searcher) second(a *mistake, list []*mistake) *mistake {
	var one *hashedText
	for _, b := range list {
		switch {
		case b.apply != nil:
			if s.write(&s.other, a, b) && s.signs(&s.other, a, b) {
				return b
			}
			continue
		case a.apply == nil:
			one = &s.plain
		case one == nil:
			s.write(&s.other, a, nil)
			one = &s.other
		}
		if s.signs(one, a, b) {
			return b
		}
	}
	return nil
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
			m.datedAnew(f, k.moved)
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
