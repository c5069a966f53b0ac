package api

import (
	"errors"
	"net/http"
	"net/netip"

	"countersign/access"
	"countersign/handlers"
)

// authenticateOrGuest is authenticate, but accepts requests without credentials as guests if the operator allows
// guests.
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

// bringsCredentials reports whether a request has credentials, even empty ones: its sender did not mean to be a
// guest.
func bringsCredentials(r *http.Request) bool {
	return len(r.Header.Values("X-Api-Key")) > 0 || len(r.Header.Values("Authorization")) > 0
}

// ofPage reports whether a browser made the request for a page. A page whose name resolves to this service (DNS
// rebinding) looks like one of the service's own pages, which need no guests.
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

// network is the range of addresses that one stranger controls: with IPv6, 2⁶⁴ of them.
func network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil || ip.Unmap().Is4() {
		return address
	}
	prefix, _ := ip.Prefix(64) // IPv6 has enough bits
	return prefix.String()
}
