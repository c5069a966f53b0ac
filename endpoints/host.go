package endpoints

import (
	"net/netip"
	"strings"
)

// cleanHost returns a host in lower case, without port and trailing dot, or what is wrong with it.
// Lengths and characters are those of RFC 1035 §2.3.4 and RFC 1123 §2.1, plus the underscore of old
// bucket names.
func cleanHost(host string) (name, fault string) {
	if strings.HasPrefix(host, "[") {
		return "", "an IP address does not name a service"
	}
	name = host
	if i := strings.LastIndexByte(host, ':'); i >= 0 {
		port := host[i+1:]
		if len(port) > 5 || !allBytes(port, isDigit) {
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
	start, upper := 0, false
	for i := 0; i <= len(name); i++ {
		switch {
		case i == len(name) || name[i] == '.':
			if fault := labelFault(i - start); fault != "" {
				return "", fault
			}
			start = i + 1
		case isWord(name[i]) || name[i] == '-':
		case 'A' <= name[i] && name[i] <= 'Z':
			upper = true
		default:
			return "", "the host contains a character that is not allowed in host names"
		}
	}
	if upper {
		name = strings.ToLower(name)
	}
	return name, ""
}

func labelFault(length int) string {
	switch {
	case length == 0:
		return "a label of the host is empty"
	case length > 63:
		return "a label of the host is longer than the 63 bytes of DNS"
	}
	return ""
}

// cutLast splits a name into its last label and the part to the left of it.
func cutLast(name string) (left, label string) {
	i := strings.LastIndexByte(name, '.')
	if i < 0 {
		return "", name
	}
	return name[:i], name[i+1:]
}

// suffixLabels is the maximum number of labels in a suffix; the minimum is two.
const suffixLabels = 5

// suffixOf finds the longest suffix in the table that the name ends in, and returns it with the
// part to the left of it.
func (t *table) suffixOf(name string) (s suffix, left string, ok bool) {
	at := len(name)
	for n := 1; n <= suffixLabels && at > 0; n++ {
		dot := strings.LastIndexByte(name[:at], '.')
		if n > 1 {
			if found, has := t.suffixes[name[dot+1:]]; has {
				s, left, ok = found, name[:max(dot, 0)], true
			}
		}
		at = dot
	}
	return s, left, ok
}

// IsAWS reports whether a host is under one of AWS's domains, whatever it serves.
func IsAWS(host string) bool {
	name, fault := cleanHost(host)
	if fault != "" {
		return false
	}
	_, left, ok := facts().suffixOf(name)
	return ok && left != ""
}

// IsLoopback reports whether a name or address, without brackets, stays on the machine.
func IsLoopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}
