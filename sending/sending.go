// Package sending sends a signed request to AWS and returns the response. It dials,
// signs each attempt, streams both bodies, and repeats requests if that is safe.
//
// It does not decide who may send what, has no credentials, and serves no HTTP. It
// follows no redirects, but returns them like any other response.
//
// # What the caller must do
//
// Pass [Client.Send] a [Request] with a function that signs it for a given time. This
// function runs before the first byte of every attempt, so it is the place to write
// the audit record of the intent. Close the response body, then the [Body]. net/http
// waits for the reader of a [Streamed] body, so make it return if its client stalls
// or the server stops, for instance by read deadlines. Call [Client.Close] at the end.
//
// # What the package guarantees
//
//   - Method, path, query and signed headers reach the wire byte for byte as they were
//     signed. A request for which this is impossible is not sent.
//   - It opens no connection to an address that [Options] does not allow, whatever a
//     name resolves to.
//   - It does not repeat what AWS may have acted on: a POST or PATCH that was written
//     and got no response is sent once.
//   - If a request body fails, the server never sees a complete request. If a response
//     breaks off, the reader gets an error, never an early io.EOF.
//   - Errors are [*Error] values with a kind. Their texts are for the log: they contain
//     addresses and host names, and may quote a response that is not HTTP, but they
//     contain nothing of the request.
//
// All methods of a [Client] are safe for concurrent use.
package sending

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"countersign/signing"
)

// Options configure a [Client].
type Options struct {
	// Now is the clock. Required.
	Now func() time.Time
	// ExtraCAs are PEM certificates to trust in addition to the system's.
	ExtraCAs []byte
	// DenyPrivate refuses private addresses (RFC 1918, unique local, carrier-grade
	// NAT), to which the names of VPC endpoints resolve. Addresses in HTTPHosts are
	// exempt.
	DenyPrivate bool
	// HTTPHosts are the hosts that the operator allows over http, with the port if it
	// is not the scheme's default. An address among them may be called at that port
	// only, whatever its range. A name among them may resolve to a private address,
	// and localhost to a loopback address.
	HTTPHosts []string
	// Proxy returns the HTTP proxy for an https URL, or nil for none; see
	// golang.org/x/net/http/httpproxy. Only the proxy sees the address of the host, so
	// addresses are not checked, and the certificate alone proves the host. Requests
	// over http use no proxy. Default: no proxy.
	Proxy func(*url.URL) (*url.URL, error)
	// HeaderTimeout is how long the response headers may take once the request has
	// been written. Default: one minute.
	HeaderTimeout time.Duration
}

// Timeouts that cannot be configured.
const (
	dialTimeout    = 5 * time.Second
	tlsTimeout     = 5 * time.Second
	idleTimeout    = 5 * time.Minute  // without progress in a body
	upgradeTimeout = 10 * time.Minute // without a byte in either direction
	headerTimeout  = time.Minute
)

// Client sends requests. It keeps connections open and remembers for each host the
// number of requests in progress, the retry budget and the difference between its
// clock and ours.
type Client struct {
	now           func() time.Time
	headerTimeout time.Duration
	proxy         func(*url.URL) (*url.URL, error)
	jitter        func() float64
	hosts         hosts

	usual   transports
	waiting transports // for [Request.Waits]
}

// New returns a Client.
func New(o Options) (*Client, error) {
	if o.Now == nil {
		return nil, errors.New("sending: Options.Now is required")
	}
	roots, err := trusted(o.ExtraCAs)
	if err != nil {
		return nil, err
	}
	hosts, err := parseHosts(o.HTTPHosts)
	if err != nil {
		return nil, err
	}
	c := &Client{now: o.Now, headerTimeout: o.HeaderTimeout, proxy: o.Proxy, jitter: rand.Float64}
	if c.headerTimeout == 0 {
		c.headerTimeout = headerTimeout
	}
	checked := &dialer{exceptions: hosts, private: !o.DenyPrivate}
	plain := &dialer{exceptions: hosts, privateNames: !o.DenyPrivate}
	transportsOf := func(buffer int) transports {
		overProxy := newTransport(&dialer{unchecked: true}, roots, buffer)
		overProxy.Proxy = func(r *http.Request) (*url.URL, error) { return proxyOf(c.proxy, r.URL) }
		return transports{overTLS: newTransport(checked, roots, buffer), overProxy: overProxy, plain: newTransport(plain, nil, buffer)}
	}
	c.usual, c.waiting = transportsOf(4<<10), transportsOf(1<<10)
	return c, nil
}

// Close closes idle connections.
func (c *Client) Close() {
	for _, t := range []transports{c.usual, c.waiting} {
		t.overTLS.CloseIdleConnections()
		t.overProxy.CloseIdleConnections()
		t.plain.CloseIdleConnections()
	}
}

// transport returns the transport for a request.
func (c *Client) transport(r *Request) (*http.Transport, error) {
	u, via := r.URL, &c.usual
	if r.Waits {
		via = &c.waiting
	}
	if u.Scheme() == "http" {
		return via.plain, nil
	}
	if c.proxy == nil {
		return via.overTLS, nil
	}
	proxy, err := c.proxy(&url.URL{Scheme: u.Scheme(), Host: u.Host()})
	switch {
	case err != nil:
		return nil, fmt.Errorf("choosing a proxy: %w", err)
	case proxy == nil:
		return via.overTLS, nil
	}
	return via.overProxy, nil
}

// trusted returns the trusted root certificates, or nil for the system's.
func trusted(extra []byte) (*x509.CertPool, error) {
	if len(extra) == 0 {
		return nil, nil
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("reading the system's certificates: %w", err)
	}
	if !roots.AppendCertsFromPEM(extra) {
		return nil, errors.New("the certificate file contains no PEM certificate")
	}
	return roots, nil
}

// Request is what to send.
type Request struct {
	// Method is sent as it is. Required.
	Method string
	// URL is the target. The URL sent is that of the signed request, which must have
	// the same scheme and host. Required.
	URL signing.URL
	// Sign signs the request for the given time. It is called before each attempt. If
	// [Body.SignsChunks], it must return the stream of [signing.Signer.SignStream],
	// else nil. If it fails, Send returns [ErrNotSigned]. Required.
	Sign func(context.Context, Moment) (signing.Signed, *signing.Stream, error)
	// SessionRefused is called, at most once, if AWS says that the session has
	// expired. It must drop the session and report whether there can be a new one. If
	// so, the request is signed and sent once more. Nil is the same as returning false.
	SessionRefused func() bool
	// Body is the payload, or nil for none.
	Body *Body
	// Retry decides which failures are repeated.
	Retry Retry
	// HeaderTimeout is how long the response headers may take once the request has
	// been written. Default: that of the client.
	HeaderTimeout time.Duration
	// Expect sends Expect: 100-continue before a [Streamed] body, so that the server can
	// refuse the request before the body is read. It has no effect on other bodies.
	Expect bool
	// Trailers sends TE: trailers, without which some gRPC servers refuse a call.
	Trailers bool
	// Upgrade is the protocol to upgrade to, such as "websocket", or empty for none.
	// If the response status is 101, its body is also an [io.Writer].
	Upgrade string
	// Waits means that the response may take hours, and that there may be many such
	// requests. Over HTTP/1.1, the connection gets small buffers.
	Waits bool
}

// Moment is the time to sign for.
type Moment struct {
	Time time.Time
	// Corrected means that Time follows the host's clock, as learned from its
	// responses. The caller must not add a clock correction of its own then.
	Corrected bool
}

// Retry decides which failures are repeated, at most twice.
type Retry int

// The zero value suits callers whose clients repeat requests by themselves.
const (
	// RetryUnprocessed repeats requests that AWS cannot have acted on: those that were
	// not written, or were signed by a wrong clock or with an expired session.
	RetryUnprocessed Retry = iota
	// RetryStandard repeats as the AWS SDKs do: also requests that were throttled or
	// failed with status 500, 502, 503 or 504 and, if the method is idempotent, requests
	// that got no response.
	RetryStandard
	// RetryNever sends the request once.
	RetryNever
)
