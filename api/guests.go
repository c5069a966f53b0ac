package api

import (
	"errors"
	"net/http"
	"net/netip"

	"countersign/access"
	"countersign/handlers"
)

// authenticateOrGuest is authenticate that lets in who brings no credentials, where the operator has guests.
func (s *server) authenticateOrGuest(next http.Handler) http.Handler {
	return s.authenticateBy(func(a *access.Authenticator, r *http.Request) (access.Caller, error) {
		caller, err := a.Authenticate(r)
		guest, may := a.Guest()
		if may && errors.Is(err, access.ErrNoCredentials) && !bringsCredentials(r) && (s.ofListedPage(r) || !ofPage(r)) {
			return guest, nil
		}
		return caller, err
	}, next)
}

// bringsCredentials holds for empty ones, too: whoever sends those meant to be somebody.
func bringsCredentials(r *http.Request) bool {
	return len(r.Header.Values("X-Api-Key")) > 0 || len(r.Header.Values("Authorization")) > 0
}

// ofPage tells whether a browser made a request for a page. One that comes under a name that leads here (DNS rebinding) looks
// like a page of the service's own, which needs no guests.
func ofPage(r *http.Request) bool {
	return len(r.Header.Values("Origin")) > 0 || len(r.Header.Values("Sec-Fetch-Site")) > 0
}

// limitGuests takes one request from the share of a guest's address.
func (s *server) limitGuests(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		event := handlers.EventOf(r)
		if event.Caller.Method == access.MethodGuest {
			if wait, ok := s.Guests.Allow(network(event.ClientIP)); !ok {
				handlers.WriteError(w, r, handlers.RateLimited(wait))
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// network is what one stranger has of addresses: of IPv6 whoever has one has 2⁶⁴ of them.
func network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil || ip.Unmap().Is4() {
		return address
	}
	prefix, _ := ip.Prefix(64) // it has so many bits
	return prefix.String()
}
