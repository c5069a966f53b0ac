package api

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"countersign/access"
	"countersign/broker"
	"countersign/handlers"
	"countersign/problem"
	"countersign/proxy"

	"github.com/go-chi/chi/v5"
)

// NewProxy returns the proxy for [Options.Proxy]. p says where to hold bodies and what to let pass; the rest comes
// from o.
func NewProxy(o Options, p proxy.Options) *proxy.Proxy {
	p.Broker = broker.New(o.Handlers.Options.Options)
	p.Call = func(r *http.Request) *broker.Call { return &handlers.EventOf(r).Call }
	p.WriteError = handlers.WriteError
	p.Reserve = func(ctx context.Context, caller string, bytes int64) (func(), error) {
		if !o.Bodies.enter(caller, bytes) {
			return nil, &access.BusyError{RetryAfter: time.Second}
		}
		hold, err := o.Memory.Acquire(ctx, caller, bytes, false)
		if err != nil {
			o.Bodies.leave(caller, bytes)
			return nil, err
		}
		return func() {
			hold.Release()
			o.Bodies.leave(caller, bytes)
		}, nil
	}
	return proxy.New(p)
}

// mountProxy routes the paths whose requests are forwarded.
func (s *server) mountProxy(r chi.Router) {
	r.Group(func(r chi.Router) {
		r.Use(s.refuseBrowsers, s.authenticateProxied, s.limitCaller, s.limitStreams)
		pass := s.Proxy.Handler(proxy.Mode{Target: proxy.PathTarget("/proxy", s.Proxy.Broker.MayBeHTTP)})
		if s.BehindFunctions {
			pass = http.HandlerFunc(refuseFunctions)
		}
		r.Handle("/proxy/*", pass)
		r.Handle("/call/*", s.Proxy.Handler(proxy.Mode{Target: proxy.PathTarget("/call", s.Proxy.Broker.MayBeHTTP), Check: s.Handlers.Call}))
	})
}

// Passing says which requests a handler of [NewPassing] forwards, and where to.
type Passing struct {
	Target func(*http.Request) (proxy.Target, error)
	// Origins are the origins of pages that may use it, besides its own.
	Origins []string
	// Host reports whether clients may use a name of this service if they are not authenticated. Nil allows any.
	Host func(string) bool
}

// NewPassing returns the handler of a service that only forwards requests.
func NewPassing(o Options, p Passing) http.Handler {
	origin := func(given string) bool {
		return slices.ContainsFunc(p.Origins, func(o string) bool { return strings.EqualFold(o, given) })
	}
	host := p.Host
	if host == nil {
		host = func(string) bool { return true }
	}
	s, r := &server{Options: o}, chi.NewRouter()
	r.Use(recoverPanic, s.refusePages(origin, host), s.authenticateProxied, s.limitCaller, s.limitStreams)
	r.Handle("/*", o.Proxy.Handler(proxy.Mode{Target: p.Target}))
	r.MethodNotAllowed(handlers.MethodNotAllowed)
	return &loggedRoutes{r, s}
}

// OwnName reports whether a Host header names this machine and cannot be registered by a stranger.
func OwnName(host string) bool { return ownName(host, nil) }

// refuseFunctions refuses requests because the Functions host may rebuild them before they arrive here.
func refuseFunctions(w http.ResponseWriter, r *http.Request) {
	handlers.WriteError(w, r, &problem.Error{
		Code: "proxy_unsupported", Detail: "The Azure Functions host may change parameters, headers and bodies before they arrive, " +
			"and buffers streams.",
	})
}
