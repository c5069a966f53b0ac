// Package sending sends one signed request and returns the response: it dials,
// signs each attempt, streams both bodies, and repeats what is safe to
// repeat.
//
// It decides nothing about who may send what, it has no credentials, and it
// serves no HTTP. A redirect is a response like others; none is followed.
//
// # What the caller must do
//
// Hand [Client.Send] a [Request] with a function that signs it at a given time;
// write the record of intent in that function, since it runs before the first
// byte of every attempt. Close the body of the response, then the [Body]. Make the
// reader of a [Streamed] body return when its client stalls or the server stops,
// for instance by read deadlines: net/http waits for it. Call [Client.Close] at
// the end.
//
// # What it promises
//
//   - The bytes of method, path, query and signed headers on the wire are those
//     that were signed; a request of which this is not so is not sent.
//   - No connection is opened to an address that [Options] does not allow,
//     whatever a name resolves to.
//   - What may have been done is not repeated: a POST or PATCH that was written
//     and not answered is sent once.
//   - A request whose body fails never ends well for the server, and a response
//     that breaks off never ends well for the reader.
//   - Errors are an [*Error] with a kind. Their texts are for the log: they hold
//     addresses and names of hosts, and may quote a response that is not HTTP, but
//     nothing of the request.
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
	// ExtraCAs are certificates in PEM that are trusted beside the system's.
	ExtraCAs []byte
	// DenyPrivate refuses private addresses (RFC 1918, unique local, carrier-grade
	// NAT), to which names of VPC endpoints resolve. HTTPHosts are exempt where they
	// are addresses.
	DenyPrivate bool
	// HTTPHosts are hosts, with their port where it is not the scheme's default,
	// that the operator allows over http. An address among them may be called
	// whatever range it is in, at that port only. A name among them may resolve to
	// a private address, and localhost to a loopback address.
	HTTPHosts []string
	// Proxy returns the HTTP proxy for an https URL, nil for none; see
	// golang.org/x/net/http/httpproxy. Behind a proxy only the proxy sees the
	// address, so the check of addresses does not apply; the certificate is the
	// proof of the host. Requests over http go out directly. Default: no proxy.
	Proxy func(*url.URL) (*url.URL, error)
	// HeaderTimeout is how long a response's headers may take once the request is
	// written. Default: one minute.
	HeaderTimeout time.Duration
}

// Bounds that have no setting.
const (
	dialTimeout    = 5 * time.Second
	tlsTimeout     = 5 * time.Second
	idleTimeout    = 5 * time.Minute  // without a byte in a body
	upgradeTimeout = 10 * time.Minute // without a byte in either direction
	headerTimeout  = time.Minute
)

// Client sends requests. It keeps connections, and for each host how many
// requests are under way, how many retries it has left and by how much its clock
// differs from ours.
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

// Close closes the connections that are not in use.
func (c *Client) Close() {
	for _, t := range []transports{c.usual, c.waiting} {
		t.overTLS.CloseIdleConnections()
		t.overProxy.CloseIdleConnections()
		t.plain.CloseIdleConnections()
	}
}

// transport returns the one for a request.
func (c *Client) transport(r *Request) (*http.Transport, error) {
	u, ways := r.URL, &c.usual
	if r.Waits {
		ways = &c.waiting
	}
	if u.Scheme() == "http" {
		return ways.plain, nil
	}
	if c.proxy == nil {
		return ways.overTLS, nil
	}
	proxy, err := c.proxy(&url.URL{Scheme: u.Scheme(), Host: u.Host()})
	switch {
	case err != nil:
		return nil, fmt.Errorf("choosing a proxy: %w", err)
	case proxy == nil:
		return ways.overTLS, nil
	}
	return ways.overProxy, nil
}

// trusted returns the roots of trust, nil for the system's.
func trusted(extra []byte) (*x509.CertPool, error) {
	if len(extra) == 0 {
		return nil, nil
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("reading the system's certificates: %w", err)
	}
	if !roots.AppendCertsFromPEM(extra) {
		return nil, errors.New("the file of certificates holds none in PEM")
	}
	return roots, nil
}

// Request is what to send.
type Request struct {
	// Method is sent as it is. Required.
	Method string
	// URL is the target; what is sent is the URL of the signed request, which must
	// be of the same scheme and host. Required.
	URL signing.URL
	// Sign signs the request at a time; it is called before each attempt. The
	// stream is that of [signing.Signer.SignStream] where [Body.SignsChunks] says
	// so, else nil. An error ends the request: [ErrNotSigned]. Required.
	Sign func(context.Context, Moment) (signing.Signed, *signing.Stream, error)
	// SessionRefused is called, at most once, when AWS says that the session has
	// expired: to drop it. It says whether there can be another; then the
	// request is signed and sent once more. Nil stands for no.
	SessionRefused func() bool
	// Body is the payload; nil stands for none.
	Body *Body
	// Retry says what is repeated.
	Retry Retry
	// HeaderTimeout is how long the response's headers may take once the request is
	// written. Default: that of the client.
	HeaderTimeout time.Duration
	// Expect asks the server with Expect: 100-continue whether it wants a
	// [Streamed] body before that is read. It says nothing with other bodies.
	Expect bool
	// Upgrade is the protocol to change to, such as "websocket"; empty for none.
	// The response's body can be written to where its status is 101.
	Upgrade string
	// Waits says that the response may wait for hours and many do at once: over HTTP/1.1
	// its connection has small buffers.
	Waits bool
}

// Moment is the time for which to sign.
type Moment struct {
	Time time.Time
	// Corrected says that Time is by the host's own clock, as learnt from its
	// responses. A correction of the caller's own is not to be added then.
	Corrected bool
}

// Retry says what is repeated, at most twice.
type Retry int

// The zero value is for clients that repeat requests by themselves.
const (
	// RetryUnprocessed repeats what AWS cannot have acted on: requests that were
	// not written, were signed by a wrong clock, or with an expired session.
	RetryUnprocessed Retry = iota
	// RetryStandard repeats as AWS's SDKs do: besides, what was throttled, what
	// failed with a status of 500, 502, 503 or 504 and, where the method is
	// idempotent, what was not answered.
	RetryStandard
	// RetryNever sends once.
	RetryNever
)
