package signing

import "strings"

// NormalizePath removes dot segments (RFC 3986 section 5.2.4), plain or
// percent-encoded, and empty segments, as every service does but the S3 family
// (IAM User Guide, "Create a canonical request", URI). A trailing slash stays.
func (u URL) NormalizePath() URL {
	path := u.Path()
	if plainSegments(path) {
		return u
	}
	kept := make([]string, 0, 8)
	segment := ""
	for rest, more := path[1:], true; more; {
		segment, rest, more = strings.Cut(rest, "/")
		switch dots(segment) {
		case 2:
			kept = kept[:max(len(kept)-1, 0)]
		case 0:
			if segment != "" {
				kept = append(kept, segment)
			}
		}
	}
	if len(kept) == 0 {
		return u.withPath("/")
	}
	normal := "/" + strings.Join(kept, "/")
	if segment == "" || dots(segment) > 0 {
		normal += "/"
	}
	return u.withPath(normal)
}

// CleanS3Key encodes the path as S3 does before it verifies: decoded, then all
// but unreserved characters and slashes encoded. Empty segments are part of a
// key and stay. Dot segments are refused, since most clients would remove them
// on the way.
func (u URL) CleanS3Key() (URL, error) {
	path := u.Path()
	if unreservedPath.all(path) && plainSegments(path) {
		return u, nil
	}
	path = CanonicalURI(path, false)
	for segment := range strings.SplitSeq(path, "/") {
		if dots(segment) > 0 {
			return URL{}, inputError("url", "has a . or .. segment in its S3 key, which clients remove on the way")
		}
	}
	return u.withPath(path), nil
}

// plainSegments says whether no segment is empty or begins like a dot segment,
// so that there is nothing to remove.
func plainSegments(path string) bool {
	for i := 1; i < len(path); i++ {
		if path[i-1] == '/' && (path[i] == '/' || path[i] == '.' || path[i] == '%') {
			return false
		}
	}
	return true
}

// dots returns 1 for a "." segment, 2 for a ".." segment, 0 for others. A dot
// that is percent-encoded counts, as it does for clients that follow the URL
// Standard.
func dots(segment string) int {
	n := 0
	for segment != "" && n < 3 {
		if segment[0] == '.' {
			segment = segment[1:]
		} else if len(segment) >= 3 && segment[:2] == "%2" && segment[2]|0x20 == 'e' {
			segment = segment[3:]
		} else {
			return 0
		}
		n++
	}
	return n % 3
}

// CanonicalURI returns the canonical form of a path that is in wire form (IAM
// User Guide, "Create a canonical request", URI). With doubleEncode the path is
// encoded again, as every service does but the S3 family; S3 decodes what was
// sent and encodes it once.
func CanonicalURI(path string, doubleEncode bool) string {
	return string(appendCanonicalURI(nil, path, doubleEncode))
}

func appendCanonicalURI(dst []byte, path string, doubleEncode bool) []byte {
	switch {
	case path == "":
		return append(dst, '/')
	case doubleEncode:
		return appendEncoded(dst, path, &unreservedPath)
	}
	begin := len(dst)
	dst, ok := appendRecoded(dst, path, &unreservedPath, false)
	if !ok { // never of a URL: its escapes are sound
		return appendEncoded(dst[:begin], path, &unreservedPath)
	}
	return dst
}

// appendWirePath appends a path with the characters that cannot be sent
// percent-encoded; what is encoded already stays as it is. It reports false at
// a percent sign that encodes nothing.
func appendWirePath(dst []byte, path string) (_ []byte, ok bool) {
	if path == "" {
		return append(dst, '/'), true
	}
	for {
		plain, escaped, found := strings.Cut(path, "%")
		dst = appendEncoded(dst, plain, &pathChars)
		if !found {
			return dst, true
		}
		escape := path[len(plain):]
		if _, ok := decodeByte(escape); !ok {
			return dst, false
		}
		dst = append(dst, escape[:3]...)
		path = escaped[2:]
	}
}
