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
	continueTimeout = time.Second // with zero, net/http would not wait
	idlePerHost     = 64
	idleTotal       = 1024
	idleConnection  = 30 * time.Second // load balancers close after 60 s
	maxHeaderBytes  = 256 << 10
	pingAfter       = 15 * time.Second
)

// transports are the transports for https, https through a proxy, and http.
type transports struct {
	overTLS, overProxy, plain *http.Transport
}

// newTransport returns a transport that changes nothing: no decompression, no
// redirects, no cookies. An HTTP/1.1 connection has two buffers of the given size.
func newTransport(d *dialer, roots *x509.CertPool, buffer int) *http.Transport {
	return &http.Transport{
		ReadBufferSize:  buffer,
		WriteBufferSize: buffer,
		DialContext:     d.dial,
		TLSClientConfig: &tls.Config{
			MinVersion: tls.VersionTLS12, RootCAs: roots,
			// Without it, each connection would verify the host's certificate chain again, and keep its buffers.
			ClientSessionCache: tls.NewLRUClientSessionCache(0),
		},
		TLSHandshakeTimeout:    tlsTimeout,
		DisableCompression:     true,
		ExpectContinueTimeout:  continueTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
		MaxIdleConnsPerHost:    idlePerHost,
		MaxIdleConns:           idleTotal,
		IdleConnTimeout:        idleConnection,
		ForceAttemptHTTP2:      true, // a custom dialer disables it
		// Without pings, every stream of a dead connection would wait for its own timeout.
		HTTP2: &http.HTTP2Config{SendPingTimeout: pingAfter},
	}
}

// proxyOf returns the proxy for a URL. It fails if there is none, because the proxy
// transport checks no addresses and so must dial nothing but proxies.
func proxyOf(choose func(*url.URL) (*url.URL, error), u *url.URL) (*url.URL, error) {
	proxy, err := choose(u)
	if err == nil && proxy == nil {
		return nil, errors.New("there is no longer a proxy for this host")
	}
	return proxy, err
}
