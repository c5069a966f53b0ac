package endpoints

import "strings"

// cleanHost gives a host in lower case, without port and trailing dot, or says
// what is wrong with it. Lengths and characters are those of RFC 1035 §2.3.4
// and RFC 1123 §2.1, with the underscore that old buckets have.
func cleanHost(host string) (name, fault string) {
	if strings.HasPrefix(host, "[") {
		return "", "an IP address does not tell a service"
	}
	name = host
	if i := strings.LastIndexByte(host, ':'); i >= 0 {
		port := host[i+1:]
		if len(port) > 5 || !all(port, isDigit) {
			return "", "the port is not a number"
		}
		name = host[:i]
	}
	name = strings.TrimSuffix(name, ".")
	if name == "" {
		return "", "the host is empty"
	}
	if len(name) > 253 {
		return "", "the name is longer than the 253 bytes of DNS"
	}
	label, upper := 0, false
	for i := range len(name) {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			c, upper = c|0x20, true
		}
		switch {
		case c == '.' && label == 0:
			return "", "a label of the host is empty"
		case c == '.':
			label = 0
			continue
		case !isWord(c) && c != '-':
			return "", "the host holds a character that host names do not have"
		}
		if label++; label > 63 {
			return "", "a label of the host is longer than the 63 bytes of DNS"
		}
	}
	if label == 0 {
		return "", "a label of the host is empty"
	}
	if upper {
		name = strings.ToLower(name)
	}
	return name, ""
}

// cutLast parts the last label of a name from what is left of it.
func cutLast(name string) (left, label string) {
	i := strings.LastIndexByte(name, '.')
	if i < 0 {
		return "", name
	}
	return name[:i], name[i+1:]
}

// suffixOf finds the longest suffix of the table that the name ends in, and
// what is left of it.
func (t *table) suffixOf(name string) (s suffix, left string, ok bool) {
	const mostLabels = 5
	rest, at := name, len(name)
	for range mostLabels {
		var label string
		rest, label = cutLast(rest)
		at -= len(label)
		if found, has := t.suffixes[name[at:]]; has {
			s, left, ok = found, rest, true
		}
		if rest == "" {
			break
		}
		at-- // the dot
	}
	return s, left, ok
}
