package cli

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"countersign/access"
	"countersign/config"
	"countersign/signing"
)

// record writes an audit record that a configuration takes effect and how it differs from the one before; why is
// "start", "file" or "signal". A failed write does not stop it: as long as records cannot be written, nothing is
// signed anyway.
func (s *service) record(g, before *generation, why string) access.Configuration {
	if before == nil {
		before = new(generation)
	}
	c := access.Configuration{Generation: g.number, ConfigSHA256: g.conf.FileSHA256, PoliciesSHA256: g.handlers.Policy.SHA256()}
	c.CallersAdded, c.CallersRemoved, c.CallersChanged = compare(callersOf(&before.conf), callersOf(&g.conf))
	c.ProfilesAdded, c.ProfilesRemoved, c.ProfilesChanged = compare(profilesOf(&before.conf), profilesOf(&g.conf))
	if before.number > 0 {
		c.SettingsChanged = g.conf.Changes(&before.conf)
	}
	err := auditSink{s, g}.Write(context.Background(), access.Record{
		CallerID: "(operator)", AuthMethod: access.MethodNone, Action: access.ActionConfigure, Decision: "allow", Notes: []string{why},
		Configuration: c,
	})
	if err != nil {
		g.logs.config.Error().AnErr("cause", err).Msg("the configuration change could not be recorded")
	}
	return c
}

// compare returns the names that only one of two maps has, and those whose values differ.
func compare[V any](before, after map[string]V) (added, removed, changed []string) {
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if old, found := before[name]; !found {
			added = append(added, name)
		} else if !reflect.DeepEqual(old, after[name]) {
			changed = append(changed, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if _, found := after[name]; !found {
			removed = append(removed, name)
		}
	}
	return added, removed, changed
}

// callersOf returns the callers that a configuration names, each with everything that identifies it.
func callersOf(conf *config.Config) map[string][]string {
	callers := map[string][]string{}
	add := func(name, format string, by ...any) {
		callers[name] = append(callers[name], fmt.Sprintf(format, by...))
	}
	for _, key := range conf.APIKeys {
		if key.ID != "" {
			add(key.ID, "key %s until %v", key.SHA256, key.Expires)
		}
	}
	if conf.Entra != nil {
		for id, name := range conf.Entra.Callers {
			add(name, "entra %s", id)
		}
	}
	for _, issuer := range conf.OIDC {
		for id, name := range issuer.Callers {
			add(name, "token %s of %s", id, issuer.Issuer)
		}
	}
	if conf.TrustedHeader != nil {
		for id, name := range conf.TrustedHeader.Callers {
			add(name, "header %s", id)
		}
	}
	for _, by := range callers {
		slices.Sort(by)
	}
	return callers
}

// profilesOf returns the profiles of a configuration, with their host patterns and upstream headers.
func profilesOf(conf *config.Config) map[string][]any {
	profiles := map[string][]any{}
	for _, p := range conf.Profiles {
		keys := [3]string{p.Keys.AccessKeyID, p.Keys.SecretAccessKey(), p.Keys.SessionToken()}
		p.Keys = signing.Credentials{} // they hide their values from a comparison, too
		profiles[p.Name] = []any{p, conf.Hosts[p.Name], keys}
	}
	for _, h := range conf.UpstreamHeaders {
		profiles[h.Profile] = append(profiles[h.Profile], h)
	}
	return profiles
}
