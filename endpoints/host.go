package endpoints

import (
	"net/netip"
	"strings"
)

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
			return "", "the host holds a character that host names do not have"
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

// cutLast parts the last label of a name from what is left of it.
func cutLast(name string) (left, label string) {
	i := strings.LastIndexByte(name, '.')
	if i < 0 {
		return "", name
	}
	return name[:i], name[i+1:]
}

// suffixLabels is the most labels that a suffix has; the fewest are two.
const suffixLabels = 5

// suffixOf finds the longest suffix of the table that the name ends in, and
// what is left of it.
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

// IsAWS tells whether a host is under one of AWS's names, whatever it serves.
func IsAWS(host string) bool {
	name, fault := cleanHost(host)
	if fault != "" {
		return false
	}
	_, left, ok := facts().suffixOf(name)
	return ok && left != ""
}

// IsLoopback holds for a name or an address, without brackets, that does not leave the
// machine.
func IsLoopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}
