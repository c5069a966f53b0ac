package access

import (
	"net/url"
	"strings"
)

// decodePath returns the path as its receiver reads it, or "" when receivers may
// differ about that: dot segments in any spelling, backslashes between them,
// path parameters on them, under however many encodings, and empty segments
// outside S3.
//
// Outside S3, %2F and %25 stay encoded, so that no two paths look alike: an
// identifier with a slash in it remains one segment. An S3 key is the decoded path.
func decodePath(wire string, s3 bool) string {
	decoded, err := url.PathUnescape(wire)
	if err != nil || !plainText(decoded) || dotSegments(decoded) {
		return ""
	}
	if s3 {
		return decoded
	}
	if strings.Contains(wire, "//") {
		return ""
	}
	if !strings.Contains(decoded, "%") && strings.Count(decoded, "/") == strings.Count(wire, "/") {
		return decoded
	}
	return keepEscaped(wire)
}

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

// keepEscaped decodes all of a path but the escapes of slash and percent sign.
func keepEscaped(wire string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(wire, "%")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		c, err := url.PathUnescape("%" + after[:2])
		if err != nil {
			return ""
		}
		if c == "/" || c == "%" {
			c = "%" + strings.ToUpper(after[:2])
		}
		b.WriteString(c)
		wire = after[2:]
	}
}
