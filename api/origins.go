package api

import (
	"net/http"
	"slices"

	"countersign/access"
	"countersign/handlers"
)

// admitPages is [server.refuseBrowsers], except that it admits pages of the origins that the operator lists, and
// tells their browsers so, even in refusals.
func (s *server) admitPages(next http.Handler) http.Handler {
	others := s.refuseBrowsers(next)
	if len(s.Origins) == 0 {
		return others
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Origin")
		if !s.ofListedPage(r) {
			others.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
		w.Header().Set("Access-Control-Expose-Headers", "Retry-After, X-Request-Id")
		next.ServeHTTP(w, r)
	})
}

// ofListedPage reports whether a page of a listed origin made the request. Browsers spell an origin in only one way.
func (s *server) ofListedPage(r *http.Request) bool {
	origins := r.Header.Values("Origin")
	return len(origins) == 1 && slices.Contains(s.Origins, origins[0])
}

// requireTokenOfPages requires that pages come with their user's token, or as guests: a key in a page is known to
// everybody who opens it, and what a platform adds for a cookie is sent without the page's intent.
func (s *server) requireTokenOfPages(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if caller := handlers.EventOf(r).Caller; s.ofListedPage(r) && caller.Login == nil && caller.Method != access.MethodGuest {
			handlers.WriteError(w, r, handlers.ErrPageWithoutToken)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// preflight responds to a browser's question before it sends a page's request (Fetch Standard, "CORS-preflight
// fetch"). It is sent without credentials.
func (s *server) preflight(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Add("Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers")
	switch {
	case !s.ofListedPage(r):
		handlers.WriteError(w, r, handlers.ErrCrossOrigin)
	case r.Header.Get("Access-Control-Request-Method") == "":
		h.Set("Allow", http.MethodPost)
		handlers.MethodNotAllowed(w, r)
	default:
		h.Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
		h.Set("Access-Control-Allow-Methods", http.MethodPost)
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Traceparent, X-Request-Id")
		h.Set("Access-Control-Max-Age", "600")
		w.WriteHeader(http.StatusNoContent)
	}
}
