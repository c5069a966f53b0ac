package diagnosis

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
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
	apply         func(*parts)                  // to the canonical request
	toSign        func(canonical string) string // in place of the string to sign
	lead          string                        // in place of what the string to sign has before the hash
	key           []byte                        // in place of the key
	hash          hash.Hash                     // HMAC with it
	signed        string                        // what was signed, where the parts do not show it
	other         func() difference             // for headers that changed; made when it is needed
	moved         string                        // the time that was signed, where the request says another
	sent          string                        // the kind of change that turns the body that was signed into the given one
	rare          bool                          // not tried together with another
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
	s.plain = s.base.append(nil)
	list := m.mistakes(base, at)
	for i := range list {
		if s.fits(&list[i], nil) {
			m.found(base, at, &list[i])
			return true
		}
	}
	for k := range m.movedTimes(base) {
		if s.fits(&k, nil) {
			m.found(base, at, &k)
			return true
		}
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

// searcher tries mistakes over one canonical request.
type searcher struct {
	*prover
	base         parts
	plain        []byte // the base as text
	text, toSign []byte // of the candidate
}

// fits says whether one mistake, or two together, give the pasted signature. What
// changes nothing fits nothing.
func (s *searcher) fits(first, second *mistake) bool {
	p := s.base
	mac, lead, toSign := s.hash, s.lead, first.toSign
	special := false
	for _, k := range [...]*mistake{first, second} {
		if k == nil {
			continue
		}
		if k.apply != nil {
			k.apply(&p)
		}
		if k.key != nil {
			if k.hash == nil {
				k.hash = hmac.New(sha256.New, k.key)
			}
			mac, special = k.hash, true
		}
		if k.toSign != nil {
			toSign, special = k.toSign, true
		}
		if k.lead != "" {
			lead, special = k.lead, true
		}
	}
	s.text = p.append(s.text[:0])
	if !s.take(len(s.text)) || !special && bytes.Equal(s.text, s.plain) {
		return false
	}
	if toSign != nil {
		return s.has(mac, []byte(toSign(string(s.text))))
	}
	sum := sha256.Sum256(s.text)
	s.toSign = hex.AppendEncode(append(s.toSign[:0], lead...), sum[:])
	return s.has(mac, s.toSign)
}

// perDimension is how many mistakes of each are tried together with others.
var perDimension = [dimensions]int{inPath: 24, inQuery: 24, inHeaders: 64, inPayload: 60, inMethod: 8, inString: 34, inKey: 24}

// pairs tries two mistakes of different dimensions.
func (s *searcher) pairs(list []mistake) (first, second *mistake) {
	var by [dimensions][]*mistake
	for i := range list {
		k := &list[i]
		if !k.rare && len(by[k.dimension]) < perDimension[k.dimension] && s.changes(k) {
			by[k.dimension] = append(by[k.dimension], k)
		}
	}
	for d := range by {
		for e := d + 1; e < dimensions; e++ {
			for _, a := range by[d] {
				for _, b := range by[e] {
					if s.fits(a, b) {
						return a, b
					}
				}
				if s.spent {
					return nil, nil
				}
			}
		}
	}
	return nil, nil
}

// changes says whether a mistake makes another text than the base.
func (s *searcher) changes(k *mistake) bool {
	if k.apply == nil {
		return true
	}
	p := s.base
	k.apply(&p)
	s.text = p.append(s.text[:0])
	return !bytes.Equal(s.text, s.plain)
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
