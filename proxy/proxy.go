// Package proxy passes HTTP requests on to AWS, signed, and AWS's responses back: an
// HTTP request goes to package broker, which decides, records, signs and has it
// sent.
//
// Bodies stream both ways and are held nowhere, with one exception: a request body
// whose hash the client does not declare is read whole before it is signed, into
// memory and then a file, unless [Options.Unsigned] and the service let it go
// unsigned. Protocol upgrades, events, trailers and interim responses
// pass. Redirects are responses like others.
//
// It does not authenticate, limit or log, and it does not tell requests of browsers
// from others. The caller must do that, say who calls ([Options.Call]) and where
// requests go ([Target]), and must call [Proxy.Stop] when the server ends, since
// connections that changed their protocol are none of the server's any more.
//
// What it promises: nothing in which a client brings a key, and nothing that
// concerns one connection, reaches AWS; the client's own signature is replaced; a
// response or a body that breaks off never ends well. All methods are safe for
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

// Options is what a proxy needs.
type Options struct {
	Broker *broker.Broker
	// Call says who calls.
	Call func(*http.Request) *broker.Call
	// WriteError answers a request that is not passed on.
	WriteError func(http.ResponseWriter, *http.Request, error)
	// Reserve takes so many bytes of memory for a body, and returns what gives them
	// back.
	Reserve func(ctx context.Context, caller string, bytes int64) (release func(), err error)
	// Spool holds bodies whose hash is not declared.
	Spool sending.Spool
	// Unsigned leaves bodies unsigned whose hash is not declared, where the service
	// takes that and TLS protects them. They are then not held.
	Unsigned bool
	// Cookies lets cookies pass, both ways.
	Cookies bool
	// AuthorizationAs is the name by which a client's Authorization is passed on that is no credential for this service.
	// Whoever authenticates takes out those that are. Empty: none is passed on.
	AuthorizationAs string
}

// Proxy passes requests on.
type Proxy struct {
	Options
	quiet   *stdlog.Logger
	stopped context.Context // no request goes on
	stop    context.CancelFunc

	mu       sync.Mutex
	upgrades int
	idle     chan struct{} // closed once there is none, for those who wait
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
	// URL is what to send: scheme, host, and path and query as the client wrote them.
	URL string
	// Prefix stands before the path in the addresses that clients use: "" or
	// "/proxy/orders/host". A Location that leads to the same host gets it.
	Prefix string
}

// Mode is what differs between the ways to use a proxy.
type Mode struct {
	// Target finds where a request goes.
	Target func(*http.Request) (Target, error)
	// Refusal makes a problem of a response that must not be passed on as it is, for
	// clients that know AWS less well than its SDKs do; for them, requests are also
	// repeated as the SDKs repeat them. Nil: all responses pass.
	Refusal func(*broker.Sent) *problem.Error
}

// Handler passes requests on in a mode.
func (p *Proxy) Handler(m Mode) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x, err := p.newExchange(w, r, m)
		if err != nil {
			p.WriteError(w, r, err)
			return
		}
		defer x.end()
		forward := httputil.ReverseProxy{
			Rewrite:        func(*httputil.ProxyRequest) {}, // what is sent is made from the signed request
			Transport:      x,
			ModifyResponse: x.back,
			ErrorHandler:   x.fail,
			ErrorLog:       p.quiet,
			BufferPool:     x,
		}
		forward.ServeHTTP(x.client, x.in)
	})
}

// Stop breaks off what is under way. Clients of WebSockets are told before that the
// server goes away.
func (p *Proxy) Stop() { p.stop() }

// Wait returns when no connection is left whose protocol was changed, or with ctx.
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

// errNotPassed is for what no proxy of this kind passes on.
func errNotPassed(detail string) error {
	return &problem.Error{
		Code: "url_invalid", Detail: detail, Fields: []problem.Field{{Part: "url", Detail: detail}},
		Cause: errors.New("not a request for a proxy"),
	}
}
