package access

import (
	"net/url"
	"strings"
)

// decodePath returns the path as its receiver reads it, or "" when receivers may
// differ about that: dot segments in any spelling, backslashes between them and
// path parameters on them, under however many encodings.
//
// Outside S3 they differ about more, since API gateways, load balancers and
// application servers part a path before or after they decode it, or decode it
// twice: empty segments; a slash, a backslash, a question mark, a number sign or a
// semicolon that is encoded, and the raw ones of these that a path may hold; and
// whatever is encoded twice. Of percent signs alone nothing can be made, so they
// stay, encoded once: no two paths look alike. An S3 key is the decoded path.
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

// encodedTwice tells whether decoding a decoded path again makes more of it than
// fewer percent signs.
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

// ways are the paths that receivers outside S3 may read out of one, each parted
// at its slashes and decoded: one where they agree; two where slashes are encoded,
// as they are in identifiers such as ARNs; none where more is in doubt.
func ways(wire string) [][]string {
	if path := decodePath(wire, false); path != "" {
		return [][]string{strings.Split(path, "/")}
	}
	path := decodePath(encodedSlashes.Replace(wire), false)
	if path == "" {
		return nil
	}
	sent := strings.Split(wire, "/")
	for i, segment := range sent {
		sent[i], _ = url.PathUnescape(segment) // it is decodable as a part of what is
	}
	return [][]string{sent, strings.Split(path, "/")}
}

var encodedSlashes = strings.NewReplacer("%2F", "/", "%2f", "/", "%252F", "/", "%252f", "/")

// dotSegments looks for "." and ".." segments in a decoded path, and in what a
// lenient receiver makes of it by decoding it again.
func dotSegments(decoded string) bool {
	const tooDeep = 4
	for range tooDeep {
		for segment := range strings.FieldsFuncSeq(decoded, func(r rune) bool { return r == '/' || r == '\\' }) {
			name, _, _ := strings.Cut(segment, ";") // RFC 3986 section 3.3: parameters of a segment
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
