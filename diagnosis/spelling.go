package diagnosis

import (
	"encoding/base64"
	"encoding/hex"
	"strings"

	"countersign/signing"
)

// formOfSignature: the signature is right but in another form, or does not have the form of a signature.
func (m *mismatch) formOfSignature() bool {
	sig := m.claim.signature
	if sig == "" || m.claim.algorithm == string(signing.ECDSA) {
		return false
	}
	f := finding{cause: "signature-form", certainty: Proved, place: "signature"}
	if m.prover != nil {
		texts := []string{m.awsToSign()}
		if m.given != nil {
			texts = append(texts, m.prover.toSign(m.own.text()))
		}
		for _, t := range texts {
			if t == "" {
				continue
			}
			right := m.prover.key.sum(t)
			if f.detail = spelling(sig, hex.EncodeToString(right[:])); f.detail != "" {
				f.reason = "It is the right signature, " + infoOf(f.cause).detailTitle(f.detail) + "."
				f.reason = strings.Replace(f.reason, "signature, it ", "signature, but it ", 1)
				m.add(f)
				return true
			}
		}
	}
	if f.detail = formFault(sig); f.detail == "" {
		return false
	}
	f.reason = "A signature is 64 hexadecimal digits in lower case, but this one is not: " + infoOf(f.cause).detailTitle(f.detail) + "."
	if f.detail == "upper-case" || m.in.Request == nil && f.detail == "length" { // a paste may be cut
		f.certainty = Likely
	}
	m.add(f)
	return true
}

// spelling returns in which other form a signature is the right one, or "".
func spelling(pasted, right string) string {
	raw, _ := hex.DecodeString(right)
	std := base64.StdEncoding.EncodeToString(raw)
	switch {
	case pasted == right:
		return ""
	case pasted == strings.ToUpper(right) || strings.EqualFold(pasted, right):
		return "upper-case"
	case pasted == std || pasted == strings.TrimRight(std, "=") || pasted == base64.URLEncoding.EncodeToString(raw) ||
		pasted == base64.RawURLEncoding.EncodeToString(raw) || unescape(pasted) == std ||
		pasted == base64.StdEncoding.EncodeToString([]byte(right)):
		return "base64"
	case len(pasted) != len(right) && almostEqual(pasted, right):
		return "length"
	case len(pasted) == len(right) && distance(pasted, right) == 1:
		return "digit"
	}
	return ""
}

// almostEqual reports whether one text is the other with some characters lost or added in one place.
func almostEqual(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(a) < 32 || len(b)-len(a) > 32 {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	return a[i:] == b[len(b)-(len(a)-i):]
}

// distance counts the positions at which two texts of equal length differ.
func distance(a, b string) int {
	n := 0
	for i := range len(a) {
		if a[i] != b[i] {
			n++
		}
	}
	return n
}

// formFault returns what is wrong with the form of a signature, as far as it shows without the right one.
func formFault(sig string) string {
	plain := unescape(sig)
	isHex := strings.Trim(sig, "0123456789abcdefABCDEF") == ""
	switch {
	case isHex && len(sig) == 64 && sig != strings.ToLower(sig):
		return "upper-case"
	case isHex && len(sig) != 64 && len(sig) >= 20:
		return "length"
	case isHex:
		return ""
	}
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		if raw, err := e.DecodeString(plain); err == nil && (len(raw) == 32 || len(raw) == 64) {
			return "base64"
		}
	}
	return ""
}
