package credentials

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// Limits for one HTTP exchange with STS, Cognito or a token endpoint.
const (
	attemptTime = 3 * time.Second
	replyLimit  = 256 << 10
)

var errReplyTooLarge = errors.New("response larger than 256 KiB")

// transport sets a deadline for every exchange, headers and body together, and limits the size of every response: the
// SDK does neither, and reads whatever it is sent.
type transport struct {
	base  http.RoundTripper
	clock *clock // nil if the server's Date is not used
}

func newClient(base http.RoundTripper, c *clock) *http.Client {
	return &http.Client{
		Transport: &transport{base: base, clock: c},
		// No token endpoint redirects, and a redirect would carry secrets elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func newBase(proxy proxy, roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		Proxy:                  proxy,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		DialContext:            (&net.Dialer{Timeout: 2 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:    2 * time.Second,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           16,
		IdleConnTimeout:        60 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(r.Context(), attemptTime)
	defer cancel()
	var sent time.Duration
	if t.clock != nil {
		sent = t.clock.now().elapsed
	}
	resp, err := t.send(r.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if t.clock != nil {
		t.clock.observe(resp.Header, sent)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, replyLimit+1))
	if err != nil {
		return nil, fmt.Errorf("reading response: %w", err)
	}
	if len(body) > replyLimit {
		return nil, errReplyTooLarge
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	resp.ContentLength = int64(len(body))
	return resp, nil
}

// send turns a panic in the base transport into an error: the SDK makes some calls from its own goroutines, where it
// would end the process.
func (t *transport) send(r *http.Request) (resp *http.Response, err error) {
	defer func() {
		if p := recover(); p != nil {
			resp, err = nil, panicked(p)
		}
	}()
	return t.base.RoundTrip(r)
}

// panicked reports only the type of the value, which may contain anything.
func panicked(p any) *Error { return fail(ErrUnavailable, fmt.Sprintf("panic (%T)", p)) }
