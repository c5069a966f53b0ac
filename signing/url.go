package signing

import (
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"
)

// URL is a parsed target in the form in which it is sent. Only [ParseURL] makes URLs and they are
// immutable, so policies, the signature and the request sent all use the same value.
type URL struct {
	text              string // scheme://host/path?query
	host, path, query int    // where each begins; query is len(text) if there is none
}

// ParseURL parses raw and adds parameters to its query. It returns the scheme and host in lower
// case, without the scheme's default port; characters of the path that cannot be sent are
// percent-encoded as UTF-8; names and values of the query are encoded as AWS requires (all but
// unreserved characters encoded), in the order given.
//
// It rejects the following with an [*InputError]: schemes other than http and https, a missing
// host, an empty port, user information, a fragment, a backslash, control characters, invalid
// UTF-8, a percent sign that is not part of an escape, and ';' in the query. A '+' in the query is
// read as a space, as AWS does, with a [Warning].
func ParseURL(raw string, add []Parameter) (URL, []Warning, error) {
	var u URL
	var warnings []Warning
	if !u.take(raw) {
		text, reason := u.read(raw)
		if why := unreadable(raw); why != "" {
			reason = why
		}
		if reason != "" {
			return URL{}, nil, inputError(InputURL, reason)
		}
		u.text = string(text)
		if _, query := cut(raw, '?'); strings.IndexByte(query, '+') >= 0 {
			warnings = []Warning{{
				Code:    "plus_is_space",
				Message: "A + in the query was read as a space, as AWS reads it, and is sent as %20; write %2B for a plus sign.",
			}}
		}
	}
	if len(add) == 0 {
		return u, warnings, nil
	}
	text := []byte(u.text)
	for i, p := range add {
		if p.Name == "" {
			return URL{}, nil, &InputError{Part: InputQuery, Index: i, Reason: "has no name"}
		}
		separator := byte('&')
		if len(text) == u.query {
			separator = '?'
		}
		text = appendParameter(text, separator, p.Name, p.Value)
	}
	u.text = string(text)
	return u, warnings, nil
}

// ParseReceivedURL parses the URL of a request that someone else signed. It differs from [ParseURL]
// in accepting ';' in the query: AWS reads it literally, and some signers leave it unencoded in
// X-Amz-SignedHeaders.
func ParseReceivedURL(raw string) (URL, error) {
	if target, query, found := strings.Cut(raw, "?"); found {
		raw = target + "?" + strings.ReplaceAll(query, ";", "%3B")
	}
	u, _, err := ParseURL(raw, nil)
	return u, err
}

// take uses raw as it is if it is in wire form already, as most URLs are: https, no port, no
// brackets and no escapes in the path. It returns false for any other URL.
func (u *URL) take(raw string) bool {
	const scheme = "https://"
	if !strings.HasPrefix(raw, scheme) {
		return false
	}
	i := len(scheme)
	for i < len(raw) && lowerHostChars[raw[i]] {
		i++
	}
	host, path := len(scheme), i
	if i == len(raw) || raw[i] != '/' || badLabels(raw[host:path]) != "" {
		return false
	}
	for i < len(raw) && pathChars[raw[i]] {
		i++
	}
	if i < len(raw) && !(raw[i] == '?' && isStrict(raw[i+1:])) {
		return false
	}
	*u = URL{text: raw, host: host, path: path, query: i}
	return true
}

// read returns raw in wire form and sets the positions of its parts.
func (u *URL) read(raw string) (dst []byte, reason string) {
	scheme, defaultPort := "https://", 443
	switch {
	case beginsWith(raw, scheme):
	case beginsWith(raw, "http://"):
		scheme, defaultPort = "http://", 80
	default:
		return dst, "must begin with https:// or http://"
	}
	dst = append(make([]byte, 0, len(raw)+len(raw)/2), scheme...) // escapes need more space
	u.host = len(dst)

	target, query := cut(raw[len(scheme):], '?')
	host, path := target, ""
	if i := strings.IndexByte(target, '/'); i >= 0 {
		host, path = target[:i], target[i:]
	}
	if dst, reason = appendHost(dst, host, defaultPort); reason != "" {
		return dst, reason
	}
	u.path = len(dst)
	dst, ok := appendWirePath(dst, path, &pathChars)
	if !ok {
		return dst, "has a percent sign in its path that is not part of an escape; write %25 for a percent sign"
	}
	if u.query = len(dst); query == "" {
		return dst, ""
	}
	return appendQuery(dst, query, '?')
}

// beginsWith reports whether s begins with a scheme, ignoring case.
func beginsWith(s, scheme string) bool {
	return len(s) >= len(scheme) && strings.EqualFold(s[:len(scheme)], scheme)
}

// Scheme returns "https" or "http".
func (u URL) Scheme() string { return strings.TrimSuffix(u.text[:u.host], "://") }

// Host returns the host as it is sent in the Host header.
func (u URL) Host() string { return u.text[u.host:u.path] }

// Path returns the path in wire form; it begins with a slash.
func (u URL) Path() string { return u.text[u.path:u.query] }

// RawQuery returns the query in wire form, without the question mark.
func (u URL) RawQuery() string { return strings.TrimPrefix(u.text[u.query:], "?") }

// Query returns the decoded parameters in the order in which they are sent.
func (u URL) Query() []Parameter {
	var parameters []Parameter
	for rest := u.RawQuery(); rest != ""; {
		var piece string
		piece, rest, _ = strings.Cut(rest, "&")
		name, value, _ := strings.Cut(piece, "=")
		parameters = append(parameters, Parameter{Name: decoded(name), Value: decoded(value)})
	}
	return parameters
}

// String returns the URL to send.
func (u URL) String() string { return u.text }

// withPath returns u with another path, which must be in wire form.
func (u URL) withPath(path string) URL {
	if path == u.Path() {
		return u
	}
	u.text, u.query = u.text[:u.path]+path+u.text[u.query:], u.path+len(path)
	return u
}

// unreadable returns what makes a URL ambiguous, or "" if nothing does.
func unreadable(raw string) string {
	if !utf8.ValidString(raw) {
		return "is not valid UTF-8"
	}
	for i := range len(raw) {
		switch c := raw[i]; {
		case c < ' ' || c == 0x7f:
			return "contains a control character"
		case c == '\\':
			return "contains a backslash, which some clients send as a slash; write %5C"
		case c == '#':
			return "has a fragment, which is never sent; write %23 for a # in a name or value"
		}
	}
	return ""
}

// appendHost appends the host and port of an authority as the Host header has them.
func appendHost(dst []byte, authority string, defaultPort int) (_ []byte, reason string) {
	begin := len(dst)
	if dst, reason = appendHostName(dst, authority); reason == "" {
		return dst, ""
	}
	if strings.IndexByte(authority, '@') >= 0 {
		return dst, "contains user information; credentials do not belong in a URL"
	}
	bracket := strings.IndexByte(authority, ']') + 1 // after an IPv6 address
	host, port, hasPort := strings.Cut(authority[bracket:], ":")
	host = authority[:bracket+len(host)]
	if dst, reason = appendHostName(dst[:begin], host); reason != "" || !hasPort {
		return dst, reason
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return dst, "has a port that is not a number from 1 to 65535"
	}
	if int(n) != defaultPort {
		dst = strconv.AppendUint(append(dst, ':'), n, 10)
	}
	return dst, ""
}

// appendHostName appends a host.
func appendHostName(dst []byte, host string) (_ []byte, reason string) {
	begin := len(dst)
	dst, plain := hostChars.append(dst, host)
	switch {
	case plain:
		return dst, badLabels(host)
	case host[0] != '[':
		return dst, "has a host with characters other than letters, digits, dots and hyphens; write other names in their xn-- form"
	}
	dst = append(dst[:begin], strings.ToLower(host)...)
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	if err != nil || !addr.Is6() || addr.Zone() != "" || "["+addr.String()+"]" != string(dst[begin:]) {
		return dst, "has a host in brackets that is not an IPv6 address in its shortest form"
	}
	return dst, ""
}

// badLabels returns what is wrong with the labels of a host, or "". A numeric last label makes the
// host an IPv4 address (URL Standard, "host parsing"), which clients rewrite unless it is in the
// usual form.
func badLabels(host string) string {
	if len(host) == 0 {
		return "has no host"
	}
	label := host[strings.LastIndexByte(host, '.')+1:]
	if len(label) == 0 || host[0] == '.' || strings.Contains(host, "..") {
		return "has a host with an empty label"
	}
	if '0' <= label[0] && label[0] <= '9' {
		if _, err := strconv.ParseUint(label, 0, 64); err == nil {
			if _, err := netip.ParseAddr(host); err != nil {
				return "has a host that ends in a number without being an IPv4 address"
			}
		}
	}
	return ""
}
