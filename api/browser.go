package api

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"countersign/handlers"
)

// refuseBrowsers keeps web pages of others from using the service through the browser of somebody who may. A page of
// another origin gets 403. Where callers are not authenticated, a page can also come under a name of its own that
// leads here (DNS rebinding): to the browser it is the same origin, so there only names count that nobody else can
// own. It holds for GET, too: /v1/identity has AWS asked, and among the requests that are passed on there are GETs that delete.
func (s *server) refuseBrowsers(next http.Handler) http.Handler {
	public, _ := url.Parse(s.PublicURL) // it was checked when it was configured
	origin := func(string) bool { return false }
	if public != nil && public.Host != "" { // behind a proxy, Host may be another
		own := public.Scheme + "://" + public.Host
		origin = func(given string) bool { return strings.EqualFold(given, own) }
	}
	return s.refusePages(origin, func(host string) bool { return ownName(host, public) })(next)
}

// refusePages is [server.refuseBrowsers] where origin and host tell the Origin and Host headers that are the service's own.
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

// ofOtherOrigin tells whether a page of another origin made a request: browsers say so in Origin or, where they leave that out, in
// Sec-Fetch-Site (W3C Fetch Metadata). What neither says no browser made.
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

// ownName tells whether a Host header names this service and nothing that a stranger could register: an address,
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
