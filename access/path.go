package access

import (
	"net/url"
	"strings"
)

// decodePath returns the path as its receiver reads it, or "" if receivers may differ about it because of dot segments
// in any spelling, with backslashes between them or path parameters on them, under any number of encodings.
//
// Outside S3, receivers differ about more, because API gateways, load balancers and application servers split a path
// before or after they decode it, or decode it twice: empty segments; an encoded slash, backslash, question mark,
// number sign or semicolon, and the raw ones that a path may hold; and whatever is encoded twice. Percent signs alone
// mean nothing more when decoded again, so they stay, encoded once, and no two paths look alike. An S3 key is the
// decoded path.
func decodePath(wire string, s3 bool) string {
	decoded, err := url.PathUnescape(wire)
	if err != nil || !plainText(decoded) || dotSegments(decoded) {
		return ""
	}
	if s3 {
		return decoded
	}
	if strings.Contains(wire, "//") || strings.Count(decoded, "/") != strings.Count(wire, "/") ||
		strings.ContainsAny(decoded, `\?#;`) || encodedTwice(decoded) {
		return ""
	}
	return strings.ReplaceAll(decoded, "%", "%25")
}

// encodedTwice reports whether decoding a decoded path again yields more than fewer percent signs.
func encodedTwice(decoded string) bool {
	for strings.Contains(decoded, "%") {
		for i := range len(decoded) - 2 {
			if escape := decoded[i : i+3]; escape[0] == '%' && escape != "%25" && allBytes(escape[1:], hexDigit) {
				return true
			}
		}
		next := strings.ReplaceAll(decoded, "%25", "%")
		if next == decoded {
			return false
		}
		decoded = next
	}
	return false
}

func hexDigit(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// pathReadings returns how receivers outside S3 may read a path, each reading split at its slashes and decoded:
// one if they agree; two if slashes are encoded, as they are in identifiers such as ARNs; none if more is ambiguous.
func pathReadings(wire string) [][]string {
	if path := decodePath(wire, false); path != "" {
		return [][]string{strings.Split(path, "/")}
	}
	path := decodePath(encodedSlashes.Replace(wire), false)
	if path == "" {
		return nil
	}
	sent := strings.Split(wire, "/")
	for i, segment := range sent {
		sent[i], _ = url.PathUnescape(segment) // cannot fail: the whole is decodable
	}
	return [][]string{sent, strings.Split(path, "/")}
}

var encodedSlashes = strings.NewReplacer("%2F", "/", "%2f", "/", "%252F", "/", "%252f", "/")

// dotSegments reports whether a decoded path has "." or ".." segments, also after a lenient receiver decodes it again.
func dotSegments(decoded string) bool {
	const tooDeep = 4
	for range tooDeep {
		for segment := range strings.FieldsFuncSeq(decoded, func(r rune) bool { return r == '/' || r == '\\' }) {
			name, _, _ := strings.Cut(segment, ";") // RFC 3986 section 3.3: a segment's parameters
			if name == "." || name == ".." {
				return true
			}
		}
		if !strings.Contains(decoded, "%") {
			return false
		}
		next := strings.NewReplacer("%2e", ".", "%2E", ".", "%2f", "/", "%2F", "/",
			"%5c", "\\", "%5C", "\\", "%3b", ";", "%3B", ";", "%25", "%").Replace(decoded)
		if next == decoded {
			return false
		}
		decoded = next
	}
	return true
}
