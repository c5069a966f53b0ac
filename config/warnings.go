package config

import (
	"fmt"
	"strings"
	"time"

	"countersign/credentials"
)

// keyWarning is how long before its end an API key is warned of: an operator looks once a month.
const keyWarning = 30 * 24 * time.Hour

// Warnings are what can be meant but hardly is, each with the line of the file or the variable that it comes from.
// getenv is the environment that the profiles' keys come from, now the time.
func (c *Config) Warnings(getenv func(string) string, now time.Time) []string {
	list := c.warnings
	warn := func(path, format string, args ...any) { list = append(list, c.fault(path, format, args...).Error()) }
	if c.Auth == "none" {
		warn("auth", "every caller is let in without a key")
	}
	for i, key := range c.APIKeys {
		if isRepeated(key.SHA256) {
			warn(fmt.Sprintf("callers.api_keys[%d].sha256", i),
				"is a placeholder that no key has, so nobody can call with it; make a key with countersign key new NAME")
		}
		at := fmt.Sprintf("callers.api_keys[%d].expires", i)
		switch left := key.Expires.Sub(now); {
		case key.Expires.IsZero():
		case left <= 0:
			warn(at, "has passed, so nobody can call with the key")
		case left < keyWarning:
			warn(at, "less than 30 days are left; make the next key with countersign key new %s", key.ID)
		}
	}
	if c.Guest != nil && c.AllowSend && len(c.HTTPHosts) > 0 && c.Policies == "" {
		warn("callers.guest", "guests may send to the http_hosts, too: no policies forbid it")
	}
	if c.Entra != nil && isSampleGUID(c.Entra.Tenant) {
		warn("callers.entra.tenant", "is a placeholder; put the ID of your directory")
	}
	if c.TrustedHeader != nil && isSampleGUID(c.TrustedHeader.Tenant) {
		warn("callers.trusted_header.tenant", "is a placeholder; put the ID of your directory")
	}
	for _, fault := range credentials.Warnings(c.Profiles, c.Environment(getenv)) {
		list = append(list, c.Located(fault))
	}
	return list
}

// isRepeated holds for what no hash is: one to sixteen characters over and over.
func isRepeated(hash string) bool {
	for n := 1; n <= 16; n *= 2 {
		if len(hash) == 64 && strings.Repeat(hash[:n], len(hash)/n) == hash {
			return true
		}
	}
	return false
}

// isSampleGUID: 00000000-0000-0000-0000-000000000000 and the like.
func isSampleGUID(id string) bool {
	return len(id) == 36 && strings.Trim(id, id[:1]+"-") == ""
}
