// Package api routes requests: the routes, their middleware, and the OpenAPI document that is served.
//
// It does not decode or answer operations; package handlers does. The caller must provide a checked document, an authenticator
// and a logger. The handler that [New] returns answers every request with JSON: what has no route, is not authenticated, is too
// large or panics gets a problem document like any other.
package api

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"countersign/access"
	"countersign/handlers"
	"countersign/proxy"
	"countersign/workbench"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/rs/zerolog"
)

// Options is what [New] needs.
type Options struct {
	Handlers *handlers.Handlers
	Contract []byte // openapi.yaml
	Auth     *access.Authenticator
	Log      zerolog.Logger
	// Now is the clock, usually time.Now.
	Now func() time.Time
	// NewID makes the id of a request that brings none.
	NewID func() string
	// MaxBodyBytes is the largest request body.
	MaxBodyBytes int64
	// Rate holds each caller to its share of requests in time.
	Rate *access.Rate
	// Requests, Memory and Hashes bound what the process does at once: requests that are being answered, the bytes of memory that their
	// bodies take, and bodies that are only hashed.
	Requests, Memory, Hashes *access.Limiter
	// Sends bounds requests that are sent to AWS and wait for its response, Senders those of each caller.
	Sends   *access.Limiter
	Senders *Senders
	// BehindFunctions: the connection's other end is the Azure Functions host on this machine, whose word for the client's address counts.
	BehindFunctions bool
	// Open: callers are not authenticated.
	Open bool
	// Guests holds each address of guests to its share; see [access.Guest].
	Guests *access.Rate
	// Origins are those of web pages that may call /v1/sign and /v1/send with a token of their user. Not with Open.
	Origins []string
	// Proxy passes requests on; see [NewProxy]. Nil: there is no such path.
	Proxy *proxy.Proxy
	// Workbench is what the page is told that shows how a signature comes about. Nil: there is no page.
	Workbench *workbench.Settings
	// Began learns of each request when it begins, polls of health aside. It returns the context for it, may change which span
	// of the trace the request is, and must be quick. Nil: nobody listens.
	Began func(ctx context.Context, method string, t *access.Trace) context.Context
	// Served learns of each request when it is over. Nil: nobody listens.
	Served func(context.Context, Served)
	// PublicURL is where callers reach the service, without a slash at its end. Empty: as each request says.
	PublicURL string
}

// Served is a request that is over.
type Served struct {
	Method string
	Route  string // the pattern; empty for what has none
	Status int
	Took   time.Duration
	Event  *handlers.Event
}

// server has the middleware as its methods.
type server struct {
	Options
	refusals refusals
}

// New returns the handler of the whole service.
func New(o Options) http.Handler {
	s, h := &server{Options: o}, o.Handlers
	r := chi.NewRouter()
	r.Use(recoverPanic, middleware.GetHead)
	r.NotFound(h.Elsewhere(sync.OnceValue(func() []string { return addresses(r) })).ServeHTTP)
	r.MethodNotAllowed(methodNotAllowed(r))

	s.pages(r)
	r.Method(http.MethodGet, "/livez", h.GetLiveness())
	r.Method(http.MethodGet, "/readyz", h.GetReadiness())
	r.Method(http.MethodGet, "/openapi.yaml", serveDocument("application/yaml", s.Contract))
	r.Method(http.MethodGet, "/openapi.json", serveDocument("application/json", OpenAPI))
	r.Method(http.MethodGet, "/swagger.json", s.serveSwagger())

	if o.Proxy != nil {
		s.mountProxy(r)
	}
	r.Group(func(r chi.Router) {
		r.Use(s.admitPages, s.authenticateOrGuest, s.requireTokenOfPages, s.limitGuests, s.limitCaller)
		r.With(s.readBody, s.limitSends).Method(http.MethodPost, "/v1/send", h.CallAWS())
		r.With(s.reuseBody, s.limitRequests).Method(http.MethodPost, "/v1/sign", h.SignRequest())
	})
	if len(o.Origins) > 0 {
		r.Options("/v1/send", s.preflight)
		r.Options("/v1/sign", s.preflight)
	}
	r.Group(func(r chi.Router) {
		r.Use(s.refuseBrowsers, s.authenticate, s.limitCaller)
		r.With(s.limitHashes).Method(http.MethodPost, "/v1/payload-hash", h.HashPayload()) // bounds its body by itself, and keeps none of it
		r.Group(func(r chi.Router) {
			r.Use(s.limitRequests)
			r.Method(http.MethodGet, "/v1/profiles", h.ListProfiles())
			r.Method(http.MethodGet, "/v1/services", h.ListServices())
			r.Method(http.MethodGet, "/v1/regions", h.ListRegions())
			r.Method(http.MethodGet, "/v1/scope", h.InferScope())
			r.Method(http.MethodGet, "/v1/identity", h.TestConnection())
		})
		r.Group(func(r chi.Router) {
			r.Use(s.reuseBody, s.limitRequests)
			r.Method(http.MethodPost, "/v1/presign", h.PresignURL())
			r.Method(http.MethodPost, "/v1/steps/canonical-request", h.CreateCanonicalRequest())
			r.Method(http.MethodPost, "/v1/steps/string-to-sign", h.CreateStringToSign())
			r.Method(http.MethodPost, "/v1/steps/signature", h.CalculateSignature())
			r.Method(http.MethodPost, "/v1/steps/authorization", h.AddSignatureToRequest())
			r.Method(http.MethodPost, "/v1/verify", h.VerifyRequest())
			r.Method(http.MethodPost, "/v1/s3/post-policy", h.CreatePostPolicy())
			r.Method(http.MethodPost, "/v1/tokens", h.CreateConnectToken())
			r.Method(http.MethodPost, "/v1/read", h.ReadRequest())
			r.Method(http.MethodPost, "/v1/diagnose", h.DiagnoseRefusal())
			r.Method(http.MethodPost, "/v1/snippets", h.CreateSnippet())
		})
	})
	return &logged{r, s}
}

// addresses are the paths of the API, for whoever misspells one.
func addresses(routes chi.Routes) []string {
	var list []string
	_ = chi.Walk(routes, func(_, path string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if strings.HasPrefix(path, "/v1/") && !strings.ContainsAny(path, "*{") {
			list = append(list, path)
		}
		return nil
	})
	return list
}

// methodNotAllowed lists the methods that are allowed, as a 405 must (RFC 9110 section 15.5.6); chi leaves that to custom handlers.
func methodNotAllowed(routes chi.Routes) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			if routes.Match(chi.NewRouteContext(), method, r.URL.Path) {
				w.Header().Add("Allow", method)
			}
		}
		handlers.MethodNotAllowed(w, r)
	}
}
