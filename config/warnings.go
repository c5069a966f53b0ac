package config

import (
	"fmt"
	"strings"
	"time"

	"countersign/credentials"
)

// keyWarning is how long before an API key expires a warning is logged: operators may look only once a month.
const keyWarning = 30 * 24 * time.Hour

// Warnings returns the settings that are valid but unlikely to be intended, each with the line in the file or the
// variable that it comes from. getenv is the environment that the profiles' keys come from, now the current time.
func (c *Config) Warnings(getenv func(string) string, now time.Time) []string {
	list := c.warnings
	warn := func(path, format string, args ...any) { list = append(list, c.fault(path, format, args...).Error()) }
	switch {
	case c.Auth != "none":
	case c.AllowSend && c.origins["address"].name == "FUNCTIONS_CUSTOMHANDLER_PORT":
		warn("auth", "every caller is admitted without a key, and may send requests to AWS: the Functions host asks for no key as long as "+
			"authLevel in function.json is anonymous")
	default:
		warn("auth", "every caller is admitted without a key")
	}
	for i, key := range c.APIKeys {
		if isRepeated(key.SHA256) {
			warn(fmt.Sprintf("callers.api_keys[%d].sha256", i),
				"is a placeholder that matches no key, so no one can call with it; make a key with countersign key new NAME")
		}
		at := fmt.Sprintf("callers.api_keys[%d].expires", i)
		switch left := key.Expires.Sub(now); {
		case key.Expires.IsZero():
		case left <= 0:
			warn(at, "has passed, so no one can call with the key")
		case left < keyWarning:
			warn(at, "less than 30 days left; make the next key with countersign key new %s", key.ID)
		}
	}
	if c.Guest != nil && c.AllowSend && len(c.HTTPHosts) > 0 && c.Policies == "" {
		warn("callers.guest", "guests may also send to the http_hosts: no policies forbid it")
	}
	if c.Entra != nil && isSampleGUID(c.Entra.Tenant) {
		warn("callers.entra.tenant", "is a placeholder; set the ID of your directory")
	}
	if c.TrustedHeader != nil && isSampleGUID(c.TrustedHeader.Tenant) {
		warn("callers.trusted_header.tenant", "is a placeholder; set the ID of your directory")
	}
	for _, fault := range credentials.Warnings(c.Profiles, c.Environment(getenv)) {
		list = append(list, c.Located(fault))
	}
	return list
}

// isRepeated reports whether hash cannot be a hash because it repeats one to sixteen characters.
func isRepeated(hash string) bool {
	for n := 1; n <= 16; n *= 2 {
		if len(hash) == 64 && strings.Repeat(hash[:n], len(hash)/n) == hash {
			return true
		}
	}
	return false
}

// isSampleGUID reports whether id is 00000000-0000-0000-0000-000000000000 or the like.
func isSampleGUID(id string) bool {
	return len(id) == 36 && strings.Trim(id, id[:1]+"-") == ""
}
