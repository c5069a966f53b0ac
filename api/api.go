// Package api routes requests: it has the routes, their middleware, and the OpenAPI document that is served.
//
// It does not decode requests or perform operations; package handlers does. The caller must provide a checked
// document, an authenticator and a logger. The handler that [New] returns responds to every request with JSON: a
// request that has no route, is not authenticated, is too large or causes a panic gets a problem document like any
// other.
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
	// NewID makes the id of a request without one.
	NewID func() string
	// MaxBodyBytes is the largest request body.
	MaxBodyBytes int64
	// Rate limits the requests per second of each caller.
	Rate *access.Rate
	// Requests, Memory and Hashes limit what the process does at the same time: requests in progress, the bytes of
	// memory for their bodies, and bodies that are only hashed.
	Requests, Memory, Hashes *access.Limiter
	// Sends limits requests that are sent to AWS and wait for its response; Senders limits those of each caller. Bodies
	// limits the memory that each caller has for bodies to forward, which count in Memory too.
	Sends           *access.Limiter
	Senders, Bodies *Halves
	// BehindFunctions says that clients connect through the Azure Functions host on this machine, which is trusted to
	// give their addresses.
	BehindFunctions bool
	// Open says that callers are not authenticated.
	Open bool
	// Guests limits the requests per second of guests from one address; see [access.Guest].
	Guests *access.Rate
	// Origins are the origins of web pages that may call /v1/sign and /v1/send with their user's token. Not with
	// Open.
	Origins []string
	// Proxy forwards requests; see [NewProxy]. If nil, its paths do not exist.
	Proxy *proxy.Proxy
	// Workbench is the settings of the page that shows how a signature is made. If nil, there is no page.
	Workbench *workbench.Settings
	// Began is called when a request begins, except for health checks. It returns the request's context, may replace
	// the request's span in the trace, and must be quick. May be nil.
	Began func(ctx context.Context, method string, t *access.Trace) context.Context
	// Served is called when a request has ended. May be nil.
	Served func(context.Context, Served)
	// PublicURL is where callers reach the service, without a trailing slash. If empty, it is derived from each
	// request.
	PublicURL string
}

// Served is a request that has ended.
type Served struct {
	Method string
	Route  string // the pattern; empty if none matched
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
		r.With(s.limitHashes).Method(http.MethodPost, "/v1/payload-hash", h.HashPayload()) // limits its body itself, and keeps none of it
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
	return &loggedRoutes{r, s}
}

// addresses returns the paths of the API, for responses to misspelt ones.
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

// methodNotAllowed lists the allowed methods, as a 405 must (RFC 9110 section 15.5.6); chi leaves that to custom
// handlers.
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
