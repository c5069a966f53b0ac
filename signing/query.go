package signing

import (
	"bytes"
	"strings"
)

// CanonicalQuery returns the canonical form of a query (IAM User Guide, "Create a canonical
// request", CanonicalQueryString): each name and value decoded and strictly encoded, sorted by
// encoded name, then by encoded value. A name without '=' has an empty value, pieces with neither
// name nor value are dropped, and '+' is a space.
func CanonicalQuery(rawQuery string) (string, error) {
	wire, reason := appendQuery(nil, rawQuery, '&')
	if reason != "" {
		return "", inputError(InputQuery, reason)
	}
	d := scratch{query: bytes.TrimPrefix(wire, []byte("&"))}
	return string(d.appendCanonicalQuery(nil)), nil
}

// pair is the position of a parameter's name and value in a query.
type pair struct{ name, value, end int }

// appendCanonicalQuery appends the query of the scratch in sorted order. It is strictly encoded
// already.
func (d *scratch) appendCanonicalQuery(dst []byte) []byte {
	q := d.query
	if d.inOrder {
		return append(dst, q...)
	}
	for begin := 0; begin < len(q); {
		p := pair{name: begin, end: len(q)}
		if n := bytes.IndexByte(q[begin:], '&'); n >= 0 {
			p.end = begin + n
		}
		p.value = begin + bytes.IndexByte(q[begin:p.end], '=') + 1
		d.order = append(d.order, rank{firstBytes(q[p.name : p.value-1]), len(d.pairs)})
		d.pairs = append(d.pairs, p)
		begin = p.end + 1
	}
	sortRanks(d.order, func(i, j int) int {
		a, b := &d.pairs[i], &d.pairs[j]
		if c := bytes.Compare(q[a.name:a.value-1], q[b.name:b.value-1]); c != 0 {
			return c
		}
		return bytes.Compare(q[a.value:a.end], q[b.value:b.end])
	})
	for i, r := range d.order {
		if i > 0 {
			dst = append(dst, '&')
		}
		p := d.pairs[r.number]
		dst = append(dst, q[p.name:p.end]...)
	}
	return dst
}

// appendQuery appends a query, strictly encoded and in its own order, starting with the given
// separator.
func appendQuery(dst []byte, query string, separator byte) (_ []byte, reason string) {
	if strings.IndexByte(query, ';') >= 0 {
		return dst, "has a ; in its query, which some servers read as &; write %3B"
	}
	for query != "" {
		var piece string
		piece, query = cut(query, '&')
		name, value := cut(piece, '=')
		if name == "" && value == "" {
			continue
		}
		var ok bool
		if dst, ok = appendRecoded(append(dst, separator), name, &unreserved, true); ok {
			dst, ok = appendRecoded(append(dst, '='), value, &unreserved, true)
		}
		if !ok {
			return dst, "has a percent sign in its query that is not part of an escape; write %25 for a percent sign"
		}
		separator = '&'
	}
	return dst, ""
}

// isStrict reports whether appendQuery would append a query unchanged.
func isStrict(query string) bool {
	hasValue := false
	for i := 0; i < len(query); i++ {
		switch c := query[i]; {
		case unreserved[c]:
		case c == '=' && !hasValue && i > 0 && query[i-1] != '&':
			hasValue = true
		case c == '&' && hasValue:
			hasValue = false
		case c == '%':
			c, ok := decodeByte(query[i:])
			if !ok || unreserved[c] || query[i+1] != upperHex[c>>4] || query[i+2] != upperHex[c&15] {
				return false
			}
			i += 2
		default:
			return false
		}
	}
	return hasValue
}

// appendParameter appends a decoded parameter.
func appendParameter(dst []byte, separator byte, name, value string) []byte {
	dst = appendEncoded(append(dst, separator), name, &unreserved)
	return appendEncoded(append(dst, '='), value, &unreserved)
}
