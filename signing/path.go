package signing

import "strings"

// NormalizePath returns the URL with its path as clients that follow RFC 3986, such as .NET's,
// would send it anyway: escapes of unreserved characters decoded and other escapes in upper case
// (section 6.2.2), dot segments removed (section 5.2.4), and empty segments too, as every service
// outside the S3 family does (IAM User Guide, "Create a canonical request", URI). A trailing slash
// stays.
func (u URL) NormalizePath() URL {
	path := u.Path()
	if strings.IndexByte(path, '%') < 0 && plainSegments(path) {
		return u
	}
	path = normalEscapes(path)
	if !plainSegments(path) {
		path = withoutDots(path)
	}
	return u.withPath(path)
}

func normalEscapes(path string) string {
	out := make([]byte, 0, len(path))
	for i := 0; i < len(path); i++ {
		if path[i] != '%' {
			out = append(out, path[i])
			continue
		}
		c, _ := decodeByte(path[i:]) // a URL's escapes are valid
		if unreserved[c] {
			out = append(out, c)
		} else {
			out = append(out, '%', upperHex[c>>4], upperHex[c&15])
		}
		i += 2
	}
	return string(out)
}

// plainSegments reports whether no segment is empty or begins with a dot, so that nothing needs to
// be removed.
func plainSegments(path string) bool {
	for i := 1; i < len(path); i++ {
		if path[i-1] == '/' && (path[i] == '/' || path[i] == '.') {
			return false
		}
	}
	return true
}

// withoutDots removes dot segments and empty ones.
func withoutDots(path string) string {
	kept := make([]string, 0, 8)
	segment := ""
	for rest, more := path[1:], true; more; {
		segment, rest, more = strings.Cut(rest, "/")
		switch segment {
		case "", ".":
		case "..":
			kept = kept[:max(len(kept)-1, 0)]
		default:
			kept = append(kept, segment)
		}
	}
	normal := "/" + strings.Join(kept, "/")
	if len(kept) > 0 && (segment == "" || segment == "." || segment == "..") {
		normal += "/"
	}
	return normal
}

// RemoveDotSegments returns the URLs that a service may derive from the one it received: without
// dot segments and empty segments, and with every escape as it is spelled, since that is what gets
// encoded again. There are two if the path ends in a dot segment: RFC 3986 section 5.2.4 leaves a
// slash there; the AWS signers in Python, JavaScript and C do not.
func (u URL) RemoveDotSegments() []URL {
	path := u.Path()
	if plainSegments(path) {
		return []URL{u}
	}
	normal := withoutDots(path)
	urls := []URL{u.withPath(normal)}
	if last := path[strings.LastIndexByte(path, '/'):]; (last == "/." || last == "/..") && normal != "/" {
		urls = append(urls, u.withPath(strings.TrimSuffix(normal, "/")))
	}
	return urls
}

// PlusIsSpace returns the URL with each literal plus sign in its path read as a space, as Amazon S3
// reads them in a key.
func (u URL) PlusIsSpace() URL {
	return u.withPath(strings.ReplaceAll(u.Path(), "+", "%20"))
}

// CleanS3Key encodes the path as S3 does before it verifies a signature: it decodes the path, then
// encodes everything except unreserved characters and slashes. Empty segments are part of a key and
// stay. Dot segments are rejected, since most clients would remove them on the way.
func (u URL) CleanS3Key() (URL, error) {
	path := u.Path()
	if unreservedPath.all(path) && plainSegments(path) {
		return u, nil
	}
	path = CanonicalURI(path, true)
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." {
			return URL{}, inputError(InputURL, "has a . or .. segment in its S3 key, which HTTP clients remove")
		}
	}
	return u.withPath(path), nil
}

// EscapeS3Key is for a key whose escapes must be kept, such as those that hide a dot segment from
// clients: it encodes what is not escaped in the path yet, except unreserved characters and
// slashes. S3 would read a literal plus sign as a space.
func (u URL) EscapeS3Key() URL {
	path, _ := appendWirePath(nil, u.Path(), &unreservedPath) // a URL's escapes are valid
	return u.withPath(string(path))
}

// CanonicalURI returns the canonical form of a path in wire form (IAM User Guide, "Create a
// canonical request", URI). Services encode the path again, except the S3 family: with
// singleEncode, which is for that family, the path is decoded and encoded once.
func CanonicalURI(path string, singleEncode bool) string {
	return string(appendCanonicalURI(nil, path, singleEncode))
}

func appendCanonicalURI(dst []byte, path string, singleEncode bool) []byte {
	switch {
	case path == "":
		return append(dst, '/')
	case !singleEncode:
		return appendEncoded(dst, path, &unreservedPath)
	}
	begin := len(dst)
	dst, ok := appendRecoded(dst, path, &unreservedPath, false)
	if !ok { // impossible for a URL: its escapes are valid
		return appendEncoded(dst[:begin], path, &unreservedPath)
	}
	return dst
}

// appendWirePath appends a path with every byte percent-encoded except the plain ones and existing
// escapes. It returns false at a percent sign that is not part of an escape.
func appendWirePath(dst []byte, path string, plain *charset) (_ []byte, ok bool) {
	if path == "" {
		return append(dst, '/'), true
	}
	for {
		escape := strings.IndexByte(path, '%')
		if escape < 0 {
			return appendEncoded(dst, path, plain), true
		}
		dst = appendEncoded(dst, path[:escape], plain)
		if _, ok := decodeByte(path[escape:]); !ok {
			return dst, false
		}
		dst = append(dst, path[escape:escape+3]...)
		path = path[escape+3:]
	}
}
