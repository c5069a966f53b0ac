package config

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"countersign/credentials"
)

// checkOrigins checks allow_origins. Pages call with tokens, so there must be callers who have one.
func (c *Config) checkOrigins() (faults []error) {
	switch {
	case len(c.AllowOrigins) == 0:
		return nil
	case c.Auth == "none":
		faults = append(faults, c.fault("allow_origins", "cannot be used with auth none: every page of these origins could have anything signed"))
	case len(c.OIDC) == 0 && c.Entra == nil && c.Guest == nil:
		faults = append(faults, c.fault("allow_origins", "needs callers.oidc, callers.entra or callers.guest: pages call with a token "+
			"of their user, or as guests"))
	}
	for i, origin := range c.AllowOrigins {
		path := "allow_origins"
		if at := fmt.Sprintf("allow_origins[%d]", i); c.origins[at].name != "" {
			path = at
		}
		if !isOrigin(origin) {
			faults = append(faults, c.fault(path, "must be an origin as browsers write it, such as https://app.example.com or "+
				"http://localhost:5173: https or a loopback host, in lower case, without a path, a slash at the end, * or the usual port"))
		}
	}
	return faults
}

// checkGuests checks that the profiles that guests may use exist.
func (c *Config) checkGuests() (faults []error) {
	if c.Guest == nil {
		return nil
	}
	for i, name := range c.Guest.Profiles {
		if !slices.ContainsFunc(c.Profiles, func(p credentials.Profile) bool { return p.Name == name }) {
			faults = append(faults, c.fault(fmt.Sprintf("callers.guest.profiles[%d]", i), "is not a profile"))
		}
	}
	return faults
}

// isOrigin reports whether text is a scheme, a host, and a port unless it is the default one (RFC 6454 section 6.2).
func isOrigin(text string) bool {
	u, err := url.Parse(text)
	if err != nil || text != u.Scheme+"://"+u.Host || text != strings.ToLower(text) || !isHostPort(u.Host) {
		return false
	}
	return u.Scheme == "https" && u.Port() != "443" || u.Scheme == "http" && u.Port() != "80" && loopback(u.Hostname())
}
