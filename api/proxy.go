package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"countersign/broker"
	"countersign/handlers"
	"countersign/problem"
	"countersign/proxy"

	"github.com/go-chi/chi/v5"
)

// NewProxy returns what passes requests on for [Options.Proxy]: given where it holds bodies and what it lets pass, it gets the rest from
// o.
func NewProxy(o Options, p proxy.Options) *proxy.Proxy {
	p.Broker = broker.New(o.Handlers.Options.Options)
	p.Call = func(r *http.Request) *broker.Call { return &handlers.EventOf(r).Call }
	p.WriteError = handlers.WriteError
	p.Reserve = func(ctx context.Context, caller string, bytes int64) (func(), error) {
		hold, err := o.Memory.Acquire(ctx, caller, bytes, false)
		if err != nil {
			return nil, err
		}
		return hold.Release, nil
	}
	return proxy.New(p)
}

// mountProxy routes the paths under which requests are passed on.
func (s *server) mountProxy(r chi.Router) {
	r.Group(func(r chi.Router) {
		r.Use(s.refuseBrowsers, s.authenticateProxied, s.limitCaller, s.limitStreams)
		pass := s.Proxy.Handler(proxy.Mode{Target: proxy.PathTarget("/proxy", s.Proxy.Broker.MayBeHTTP)})
		if s.BehindFunctions {
			pass = http.HandlerFunc(refuseFunctions)
		}
		r.Handle("/proxy/*", pass)
		r.Handle("/call/*", s.Proxy.Handler(proxy.Mode{Target: proxy.PathTarget("/call", s.Proxy.Broker.MayBeHTTP), Refusal: handlers.Refusal}))
	})
}

// Passing says which requests a handler of [NewPassing] passes on, and where to.
type Passing struct {
	Target func(*http.Request) (proxy.Target, error)
	// Origins are those of pages that may use it, beside its own.
	Origins []string
	// Host tells which names of this service clients may use where they are not authenticated. Nil: any.
	Host func(string) bool
}

// NewPassing returns the handler of a service that does nothing else than to pass requests on.
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
	return &logged{r, s}
}

// OwnName tells whether a Host header names this machine and nothing that a stranger could register.
func OwnName(host string) bool { return ownName(host, nil) }

// refuseFunctions: the Functions host may rebuild requests before they arrive here.
func refuseFunctions(w http.ResponseWriter, r *http.Request) {
	handlers.WriteError(w, r, &problem.Error{
		Code: "proxy_unsupported", Detail: "The Azure Functions host may change parameters, headers and bodies before they arrive here, " +
			"and holds streams back.",
	})
}
