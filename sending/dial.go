package sending

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
)

// dialer opens connections to allowed addresses only. It checks each resolved
// address right before dialing it, so DNS rebinding does not help an attacker.
type dialer struct {
	exceptions   exceptions
	private      bool // every name may resolve to a private address
	privateNames bool // names among the exceptions may
	unchecked    bool // only for proxies, which the operator chooses
	resolver     *net.Resolver
	connect      func(ctx context.Context, network, address string) (net.Conn, error) // replaces TCP in tests
}

// dial opens a connection to host:port.
func (d *dialer) dial(ctx context.Context, network, target string) (net.Conn, error) {
	connect := d.connect
	if connect == nil {
		n := net.Dialer{Timeout: dialTimeout, Resolver: d.resolver}
		if !d.unchecked {
			n.Control = func(_, address string, _ syscall.RawConn) error { return d.check(target, address) }
		}
		connect = n.DialContext
	}
	conn, err := connect(ctx, network, target)
	if err != nil {
		return nil, err
	}
	return &connection{Conn: conn}, nil
}

// check returns an error unless an address that target resolved to may be dialed.
func (d *dialer) check(target, address string) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %q", ErrAddressRefused, address)
	}
	at = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
	if d.exceptions.addresses[at] {
		return nil
	}
	named := d.exceptions.names[strings.ToLower(target)]
	switch reachOf(at.Addr()) {
	case reachPublic:
		return nil
	case reachPrivate:
		if d.private || named && d.privateNames {
			return nil
		}
	case reachLoopback:
		if host, _, _ := strings.Cut(target, ":"); named && strings.EqualFold(host, "localhost") {
			return nil
		}
	case reachNever:
	}
	return fmt.Errorf("%w: %s resolved to %s", ErrAddressRefused, target, at.Addr())
}

// exceptions are the hosts of [Options.HTTPHosts].
type exceptions struct {
	addresses map[netip.AddrPort]bool
	names     map[string]bool // host:port
}

// parseHosts parses hosts. A host without a port stands for both default ports.
func parseHosts(list []string) (exceptions, error) {
	e := exceptions{map[netip.AddrPort]bool{}, map[string]bool{}}
	for _, host := range list {
		targets := []string{host}
		if _, _, err := net.SplitHostPort(host); err != nil {
			bare := strings.Trim(host, "[]")
			targets = []string{net.JoinHostPort(bare, "80"), net.JoinHostPort(bare, "443")}
		}
		for _, target := range targets {
			name, port, err := net.SplitHostPort(target)
			at, notAddress := netip.ParseAddrPort(target)
			switch {
			case notAddress == nil:
				e.addresses[netip.AddrPortFrom(at.Addr().Unmap(), at.Port())] = true
			case err != nil || name == "" || port == "" || strings.Contains(name, ":"):
				return e, fmt.Errorf("%q is not a host or host:port", host)
			default:
				e.names[strings.ToLower(target)] = true
			}
		}
	}
	return e, nil
}

// connection counts the bytes written to it. A request can be repeated if none were.
type connection struct {
	net.Conn
	written atomic.Int64
}

func (c *connection) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.written.Add(int64(n))
	return n, err
}

// ReadFrom implements io.ReaderFrom, so that bodies are copied in larger pieces than
// io.Copy uses.
func (c *connection) ReadFrom(r io.Reader) (int64, error) {
	buffer := pieces.Get().(*piece)
	defer pieces.Put(buffer)
	return io.CopyBuffer(struct{ io.Writer }{c}, struct{ io.Reader }{r}, buffer[:])
}

// piece is the buffer for copying bodies. It fits a 64 KiB chunk, as SDKs sign them, and its header line.
type piece [65 << 10]byte

var pieces = sync.Pool{New: func() any { return new(piece) }}

// CloseWrite closes the writing side, as a protocol may require after an upgrade.
func (c *connection) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return net.ErrClosed
}
