// Package proxy forwards HTTP requests to AWS, signed, and returns AWS's responses.
// It hands each request to package broker, which authorizes, records, signs and
// sends it.
//
// Bodies stream in both directions and are not buffered, with two exceptions: a
// request body whose hash the client does not declare is read completely before it
// is signed, first into memory and then into a file, unless [Options.Unsigned] is
// set and the service accepts unsigned bodies; and [Mode.Check] may read a response.
// Protocol upgrades, events, trailers and interim responses pass through. Redirects
// are returned like any other response.
//
// Package proxy does not authenticate, limit or log, and it does not distinguish
// browsers from other clients. The caller must do all that, must say who is calling
// ([Options.Call]) and where requests go ([Target]), and must call [Proxy.Stop] when
// the server shuts down, because the server no longer owns connections that have
// changed their protocol.
//
// It promises that no header that carries a client's key, and no hop-by-hop header,
// reaches AWS; that the client's own signature is replaced; and that a truncated
// request or response body is never passed on as complete. All methods are safe for
// concurrent use.
package proxy

import (
	"context"
	"errors"
	"io"
	stdlog "log"
	"net/http"
	"net/http/httputil"
	"sync"

	"countersign/broker"
	"countersign/problem"
	"countersign/sending"
)

// Options configure a [Proxy].
type Options struct {
	Broker *broker.Broker
	// Call returns who is calling.
	Call func(*http.Request) *broker.Call
	// WriteError responds to a request that is not forwarded.
	WriteError func(http.ResponseWriter, *http.Request, error)
	// Reserve reserves memory for a body and returns the function that releases it.
	Reserve func(ctx context.Context, caller string, bytes int64) (release func(), err error)
	// Spool stores bodies whose hash the client does not declare.
	Spool sending.Spool
	// Unsigned leaves bodies without a declared hash unsigned if the service accepts
	// that and TLS protects them. They are then not stored.
	Unsigned bool
	// Cookies lets cookies pass in both directions.
	Cookies bool
	// AuthorizationAs is the header in which a client's Authorization is forwarded if it is not a credential for this service;
	// whoever authenticates the client removes those that are. Empty: Authorization is never forwarded.
	AuthorizationAs string
}

// Proxy forwards requests.
type Proxy struct {
	Options
	quiet   *stdlog.Logger
	stopped context.Context // done once requests must end
	stop    context.CancelFunc

	mu       sync.Mutex
	upgrades int
	idle     chan struct{} // closed when the last upgraded connection ends; nil if nobody waits
}

// New returns a proxy.
func New(o Options) *Proxy {
	p := &Proxy{Options: o, quiet: stdlog.New(io.Discard, "", 0)}
	p.stopped, p.stop = context.WithCancel(context.Background())
	return p
}

// Target is where a request goes.
type Target struct {
	Profile string
	// URL is the URL to call: scheme, host, and path and query as the client wrote them.
	URL string
	// Prefix precedes the path in the addresses that clients use: "" or
	// "/proxy/orders/host". It is added to a Location on the same host.
	Prefix string
}

// Mode is what differs between the mounts of a proxy.
type Mode struct {
	// Target finds where a request goes.
	Target func(*http.Request) (Target, error)
	// Check returns why a response must not be passed on as it is, to clients that know
	// less about AWS than its SDKs do. It may read the body and replace it. For such
	// clients requests are also retried as the SDKs would. Nil: all responses pass.
	Check func(caller string, sent *broker.Sent) error
}

// Handler forwards requests in the given mode.
func (p *Proxy) Handler(m Mode) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x, err := p.newExchange(w, r, m)
		if err != nil {
			p.WriteError(w, r, err)
			return
		}
		defer x.end()
		forward := httputil.ReverseProxy{
			Rewrite:        func(*httputil.ProxyRequest) {}, // the outgoing request is built from the signed one
			Transport:      x,
			ModifyResponse: x.back,
			ErrorHandler:   x.fail,
			ErrorLog:       p.quiet,
			BufferPool:     x,
		}
		forward.ServeHTTP(x.client, x.in)
	})
}

// Stop ends all requests in progress. WebSocket clients first get a close frame that
// says the server is going away.
func (p *Proxy) Stop() { p.stop() }

// Wait returns when the last upgraded connection has ended, or when ctx is done.
func (p *Proxy) Wait(ctx context.Context) {
	p.mu.Lock()
	if p.upgrades == 0 {
		p.mu.Unlock()
		return
	}
	if p.idle == nil {
		p.idle = make(chan struct{})
	}
	idle := p.idle
	p.mu.Unlock()
	select {
	case <-idle:
	case <-ctx.Done():
	}
}

func (p *Proxy) upgraded(change int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.upgrades += change; p.upgrades == 0 && p.idle != nil {
		close(p.idle)
		p.idle = nil
	}
}

// errNotPassed refuses a request that no reverse proxy forwards.
func errNotPassed(detail string) error {
	return &problem.Error{
		Code: "url_invalid", Detail: detail, Fields: []problem.Field{{Part: "url", Detail: detail}},
		Cause: errors.New("not a request for a proxy"),
	}
}
