package sending

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/url"
	"time"
)

const (
	continueTimeout = time.Second // with zero, bodies are sent along at once
	idlePerHost     = 64
	idleInAll       = 1024
	idleConnection  = 30 * time.Second // load balancers close at 60
	maxHeaderBytes  = 256 << 10
	pingAfter       = 15 * time.Second
)

// transports are those for the ways to a host.
type transports struct {
	overTLS, overProxy, plain *http.Transport
}

// newTransport returns a transport that changes nothing: no unpacking, no
// redirects, no cookies. A connection of HTTP/1.1 has two buffers of so many bytes.
func newTransport(d *dialer, roots *x509.CertPool, buffer int) *http.Transport {
	return &http.Transport{
		ReadBufferSize:  buffer,
		WriteBufferSize: buffer,
		DialContext:     d.dial,
		TLSClientConfig: &tls.Config{
			MinVersion: tls.VersionTLS12, RootCAs: roots,
			// Else each connection verifies the host's chain again, and keeps the buffers that it came in.
			ClientSessionCache: tls.NewLRUClientSessionCache(0),
		},
		TLSHandshakeTimeout:    tlsTimeout,
		DisableCompression:     true,
		ExpectContinueTimeout:  continueTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
		MaxIdleConnsPerHost:    idlePerHost,
		MaxIdleConns:           idleInAll,
		IdleConnTimeout:        idleConnection,
		ForceAttemptHTTP2:      true, // a dialer of one's own switches it off
		// Without pings every stream of a dead connection waits for its own timeout.
		HTTP2: &http.HTTP2Config{SendPingTimeout: pingAfter},
	}
}

// proxyOf returns the proxy for a URL. The transport for proxies checks no
// addresses, so it must not dial anything else.
func proxyOf(choose func(*url.URL) (*url.URL, error), u *url.URL) (*url.URL, error) {
	proxy, err := choose(u)
	if err == nil && proxy == nil {
		return nil, errors.New("no proxy for this host any more")
	}
	return proxy, err
}
