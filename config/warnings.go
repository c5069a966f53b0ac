package config

import (
	"fmt"
	"strings"

	"countersign/credentials"
)

// Warnings are what can be meant but hardly is, each with the line of the file or the variable that it comes from.
// getenv is the environment that the profiles' keys come from.
func (c *Config) Warnings(getenv func(string) string) []string {
	list := c.warnings
	warn := func(path, format string, args ...any) { list = append(list, c.fault(path, format, args...).Error()) }
	if c.Auth == "none" {
		warn("auth", "every caller is let in without a key")
	}
	for i, key := range c.APIKeys {
		if digit := key.SHA256; digit != "" && strings.Trim(digit, digit[:1]) == "" {
			warn(fmt.Sprintf("callers.api_keys[%d].sha256", i),
				"is a placeholder that no key has, so nobody can call with it; make a key with countersign key new NAME")
		}
	}
	if c.Entra != nil && isSampleGUID(c.Entra.Tenant) {
		warn("callers.entra.tenant", "is a placeholder; put the ID of your directory")
	}
	if c.TrustedHeader != nil && isSampleGUID(c.TrustedHeader.Tenant) {
		warn("callers.trusted_header.tenant", "is a placeholder; put the ID of your directory")
	}
	for _, fault := range credentials.Warnings(c.Profiles, c.Environment(getenv)) {
		list = append(list, c.located(fault))
	}
	return list
}

// isSampleGUID: 00000000-0000-0000-0000-000000000000 and the like.
func isSampleGUID(id string) bool {
	return len(id) == 36 && strings.Trim(id, id[:1]+"-") == ""
}
