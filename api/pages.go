package api

import (
	"net/http"
	"strings"

	"countersign/handlers"
	"countersign/workbench"

	"github.com/go-chi/chi/v5"
)

// pages adds the workbench and the API reference, which anybody may read: they do only what the API does, with the
// key of the person who uses them.
func (s *server) pages(r chi.Router) {
	if s.Workbench == nil {
		r.Method(http.MethodGet, "/", s.Handlers.GetRoot())
		return
	}
	r.Method(http.MethodGet, "/", browserTo("workbench", s.Handlers.GetRoot()))
	for path, name := range workbench.Paths {
		r.Method(http.MethodGet, path, workbench.File(name))
	}
	r.Method(http.MethodGet, "/workbench/", workbench.Redirect("../workbench", http.StatusPermanentRedirect))
	settings := workbench.ServeSettings(func() workbench.Settings {
		settings := *s.Workbench
		settings.Operations = s.operations(r)
		return settings
	})
	r.Method(http.MethodGet, "/workbench/settings.json", s.toOwnName(settings))
}

// browserTo redirects browsers, which ask for HTML, to a page.
func browserTo(page string, next http.Handler) http.Handler {
	there := workbench.Redirect(page, http.StatusSeeOther)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Accept")
		if strings.Contains(r.Header.Get("Accept"), "text/html") {
			there.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// toOwnName keeps the sandbox's key from a page whose own name resolves to this service.
func (s *server) toOwnName(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.Workbench.Key != "" && !ownName(r.Host, nil) {
			handlers.WriteError(w, r, handlers.ErrHostUnknown)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// operations lists the operations that the service offers, by method and path.
func (s *server) operations(routes chi.Routes) []string {
	var list []string
	_ = chi.Walk(routes, func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if strings.HasPrefix(route, "/v1/") && (route != "/v1/send" || s.Handlers.Sender != nil) {
			list = append(list, method+" "+route)
		}
		return nil
	})
	return list
}
