package sending

import (
	"context"
	"net"
	"net/http"
)

// ConnectBy makes connect open all connections, without checking addresses.
func (c *Client) ConnectBy(connect func(ctx context.Context, network, address string) (net.Conn, error)) {
	for _, ways := range []transports{c.usual, c.waiting} {
		for _, t := range []*http.Transport{ways.overTLS, ways.overProxy, ways.plain} {
			t.DialContext = (&dialer{connect: connect}).dial
		}
	}
}

// ResolveBy makes r resolve names. Addresses are checked as usual.
func (c *Client) ResolveBy(o Options, r *net.Resolver) {
	hosts, err := parseHosts(o.HTTPHosts)
	if err != nil {
		panic(err)
	}
	for _, ways := range []transports{c.usual, c.waiting} {
		ways.overTLS.DialContext = (&dialer{exceptions: hosts, private: !o.DenyPrivate, resolver: r}).dial
		ways.plain.DialContext = (&dialer{exceptions: hosts, privateNames: !o.DenyPrivate, resolver: r}).dial
	}
}

// SetJitter replaces the random factor of delays.
func (c *Client) SetJitter(f func() float64) { c.jitter = f }

// HostsKept returns the number of hosts that the client remembers.
func (c *Client) HostsKept() int {
	c.hosts.mu.Lock()
	defer c.hosts.mu.Unlock()
	return len(c.hosts.byName)
}
