package signing

import (
	"bytes"
	"slices"
	"strings"
)

// CanonicalQuery returns the canonical form of a query (IAM User Guide, "Create
// a canonical request", CanonicalQueryString): each name and value decoded and
// encoded strictly, sorted by encoded name, then by encoded value. A name
// without '=' has an empty value, empty pieces are dropped, and '+' is a space.
func CanonicalQuery(rawQuery string) (string, error) {
	wire, reason := appendQuery(nil, rawQuery, '&')
	if reason != "" {
		return "", inputError("query", reason)
	}
	canonical, _ := appendCanonicalQuery(nil, bytes.TrimPrefix(wire, []byte("&")), nil)
	return string(canonical), nil
}

// pair is a parameter, encoded.
type pair struct{ name, value []byte }

// appendCanonicalQuery appends a query that is strictly encoded already,
// sorted. pairs is space to work in, and is returned to be used again.
func appendCanonicalQuery(dst, wire []byte, pairs []pair) ([]byte, []pair) {
	pairs = pairs[:0]
	for len(wire) > 0 {
		var piece []byte
		piece, wire, _ = bytes.Cut(wire, []byte("&"))
		name, value, _ := bytes.Cut(piece, []byte("="))
		pairs = append(pairs, pair{name, value})
	}
	slices.SortFunc(pairs, func(a, b pair) int {
		if c := bytes.Compare(a.name, b.name); c != 0 {
			return c
		}
		return bytes.Compare(a.value, b.value)
	})
	for i, p := range pairs {
		if i > 0 {
			dst = append(dst, '&')
		}
		dst = append(dst, p.name...)
		dst = append(dst, '=')
		dst = append(dst, p.value...)
	}
	return dst, pairs
}

// appendQuery appends a query strictly encoded, in its order, beginning with
// the given separator.
func appendQuery(dst []byte, query string, separator byte) (_ []byte, reason string) {
	for query != "" {
		var piece string
		if piece, query, _ = strings.Cut(query, "&"); piece == "" {
			continue
		}
		if strings.Contains(piece, ";") {
			return dst, "has a ; in its query, which some servers read as &; write %3B"
		}
		name, value, _ := strings.Cut(piece, "=")
		var ok bool
		if dst, ok = appendComponent(append(dst, separator), name); ok {
			dst, ok = appendComponent(append(dst, '='), value)
		}
		if !ok {
			return dst, "has a percent sign in its query that encodes nothing; a percent sign itself is %25"
		}
		separator = '&'
	}
	return dst, ""
}

// appendComponent appends a name or value of a query strictly encoded, with a
// '+' read as a space.
func appendComponent(dst []byte, s string) (_ []byte, ok bool) {
	for plus := true; plus; {
		var part string
		part, s, plus = strings.Cut(s, "+")
		if dst, ok = appendRecoded(dst, part, &unreserved); !ok {
			return dst, false
		}
		if plus {
			dst = append(dst, "%20"...)
		}
	}
	return dst, true
}

// appendParameter appends a decoded parameter.
func appendParameter(dst []byte, separator byte, name, value string) []byte {
	dst = appendEncoded(append(dst, separator), name, &unreserved)
	return appendEncoded(append(dst, '='), value, &unreserved)
}
