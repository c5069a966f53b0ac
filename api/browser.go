package api

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"countersign/handlers"
)

// refuseBrowsers prevents web pages of other origins from using the service through the browser of a user who may. A
// page of another origin gets 403. If callers are not authenticated, a page can also be loaded under its own name,
// which then resolves to this service (DNS rebinding). To the browser that is the same origin, so then only host
// names count that no stranger can own. This applies to GET, too: /v1/identity calls AWS, and forwarded requests can
// include GETs that delete.
func (s *server) refuseBrowsers(next http.Handler) http.Handler {
	public, _ := url.Parse(s.PublicURL) // checked with the configuration
	origin := func(string) bool { return false }
	if public != nil && public.Host != "" { // behind a proxy, Host may differ
		own := public.Scheme + "://" + public.Host
		origin = func(given string) bool { return strings.EqualFold(given, own) }
	}
	return s.refusePages(origin, func(host string) bool { return ownName(host, public) })(next)
}

// refusePages is [server.refuseBrowsers] with functions that report whether an Origin or Host header is the service's
// own.
func (s *server) refusePages(origin, host func(string) bool) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case ofOtherOrigin(r, origin):
				handlers.WriteError(w, r, handlers.ErrCrossOrigin)
			case s.Open && !host(r.Host):
				handlers.WriteError(w, r, handlers.ErrHostUnknown)
			default:
				next.ServeHTTP(w, r)
			}
		})
	}
}

// ofOtherOrigin reports whether a page of another origin made the request. Browsers say so in Origin or, if they omit
// that, in Sec-Fetch-Site (W3C Fetch Metadata). A request with neither does not come from a browser.
func ofOtherOrigin(r *http.Request, trusted func(string) bool) bool {
	origins := r.Header.Values("Origin")
	for _, origin := range origins {
		at, err := url.Parse(origin)
		if !trusted(origin) && (err != nil || at.Host == "" || !strings.EqualFold(at.Host, r.Host)) {
			return true
		}
	}
	for _, site := range r.Header.Values("Sec-Fetch-Site") {
		if site != "same-origin" && site != "none" && (len(origins) == 0 || !trusted(origins[0])) {
			return true
		}
	}
	return false
}

// ownName reports whether a Host header names this service and cannot be registered by a stranger: an IP address,
// localhost, a name without a dot, as containers have, or the host of public_url.
func ownName(host string, public *url.URL) bool {
	if public != nil && public.Host != "" && strings.EqualFold(host, public.Host) {
		return true
	}
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.Trim(name, "[]"))
	_, err := netip.ParseAddr(name)
	return err == nil || name != "" && !strings.Contains(name, ".") || strings.HasSuffix(name, ".localhost")
}
