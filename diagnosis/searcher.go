package diagnosis

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
)

// hashedText is a canonical request with its hash.
type hashedText struct {
	text []byte
	sum  [sha256.Size]byte
}

func (t *hashedText) set(text []byte) { t.text, t.sum = text, sha256.Sum256(text) }

func (t *hashedText) hash() string { return hex.EncodeToString(t.sum[:]) }

// searcher tries mistakes on one canonical request.
type searcher struct {
	*prover
	base    parts
	plain   hashedText // the base as text
	changed parts      // the candidate
	other   hashedText // the same as text
	toSign  []byte
}

// fits reports whether one mistake gives the pasted signature. A mistake that changes nothing never fits.
func (s *searcher) fits(k *mistake) bool {
	if k.apply == nil {
		return s.signs(&s.plain, k, nil)
	}
	return s.write(&s.other, k, nil) && s.signs(&s.other, k, nil)
}

// write builds the canonical request that one or two mistakes give, and reports whether it differs from the base.
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

// signs reports whether the pasted signature is right for a canonical request, with the string to sign and the key of
// one or two mistakes.
func (s *searcher) signs(t *hashedText, first, second *mistake) bool {
	key, lead := s.key, s.prefix
	var toSign func(*hashedText) string
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
		if k.prefix != "" {
			lead = k.prefix
		}
	}
	s.toSign = key.begin(s.toSign)
	if toSign != nil {
		s.toSign = append(s.toSign, toSign(t)...)
	} else {
		s.toSign = hex.AppendEncode(append(s.toSign, lead...), t.sum[:])
	}
	return s.take(len(s.toSign)) && s.equalsPasted(key.end(s.toSign))
}

// perDimension is how many mistakes of each dimension are combined with others.
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
		if k.apply != nil { // skip duplicates
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

// second finds the mistake of a dimension that, together with a first one, gives the pasted signature. Mistakes that
// leave the canonical request unchanged share its hash.
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
