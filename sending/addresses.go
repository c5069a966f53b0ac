package sending

import "net/netip"

// neverDialed are the ranges that contain no AWS service: this machine and its
// link, the internal servers of cloud providers, address translation, which would
// hide the real address from the check, and documentation and tests (IANA
// special-purpose address registries).
var neverDialed = prefixes(
	"0.0.0.0/8",          // this network
	"169.254.0.0/16",     // link-local: EC2, ECS, Azure and other metadata
	"100.100.100.200/32", // Alibaba Cloud metadata
	"168.63.129.16/32",   // Azure's wire server
	"192.0.0.0/24",       // IETF protocols; Oracle Cloud metadata
	"192.0.2.0/24",       // documentation
	"192.88.99.0/24",     // 6to4 relays
	"198.18.0.0/15",      // benchmarks
	"198.51.100.0/24",    // documentation
	"203.0.113.0/24",     // documentation
	"224.0.0.0/4",        // multicast
	"240.0.0.0/4",        // reserved, broadcast

	"fd00:ec2::/32",    // EC2 metadata, time and DNS
	"fd20:ce::254/128", // Google Cloud metadata
	"fd00:42::42/128",  // Scaleway metadata
	"2001::/23",        // IETF protocols, Teredo
	"2001:db8::/32",    // documentation
	"2002::/16",        // 6to4
	"3fff::/20",        // documentation
)

var (
	private = prefixes("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
	// IPv6 assigns no public addresses outside this range: the rest is loopback,
	// link-local, multicast, NAT64 (64:ff9b::/96), IPv4-compatible or reserved.
	globalIPv6 = netip.MustParsePrefix("2000::/3")
)

// reach is the scope in which an address can be reached.
type reach int

const (
	reachNever reach = iota
	reachLoopback
	reachPrivate
	reachPublic
)

// reachOf classifies an address. It treats an IPv4-mapped IPv6 address as IPv4.
func reachOf(a netip.Addr) reach {
	if !a.IsValid() || a.Zone() != "" {
		return reachNever
	}
	a = a.Unmap()
	switch {
	case a.IsLoopback():
		return reachLoopback
	case inAny(neverDialed, a):
		return reachNever
	case inAny(private, a):
		return reachPrivate
	case a.Is6() && !globalIPv6.Contains(a):
		return reachNever
	}
	return reachPublic
}

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}

func inAny(list []netip.Prefix, a netip.Addr) bool {
	for _, p := range list {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
