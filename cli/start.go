package cli

import (
	"cmp"
	"maps"
	"slices"

	"countersign/access"
	"countersign/config"

	"github.com/rs/zerolog"
)

// logStart logs in one line what is in force, and then the warnings.
func (s *service) logStart(p *process, address string) {
	g := s.current.Load()
	conf := g.conf
	line := g.logs.lifecycle.Info().Str("version", version()).Str("address", address)
	if commit := revision(); commit != "" {
		line.Str("revision", commit)
	}
	if conf.MetricsAddress != "" {
		line.Str("metrics_address", conf.MetricsAddress)
	}
	if _, host, _ := upstreamProxy(p.getenv); host != "" {
		line.Str("https_proxy", host)
	}
	if conf.FileName != "" {
		line.Str("config", conf.FileName).Str("config_sha256", conf.FileSHA256)
	}
	line.Strs("auth", authKinds(conf)).Int("api_keys", len(conf.APIKeys)).Strs("callers", callerNames(conf)).
		Int("profiles", len(conf.Profiles)).Dict("sources", profileSources(conf)).Dict("roles", profileRoles(conf))
	if hash := g.handlers.Policy.SHA256(); hash != "" {
		line.Str("policies", conf.Policies).Str("policies_sha256", hash)
	} else {
		line.Str("policies", "default")
	}
	line.Strs("audit", auditSinks(conf)).Bool("request_credentials", conf.AllowCredentials).Bool("signing_time", conf.AllowSigningTime).
		Bool("send", conf.AllowSend).Strs("http_hosts", conf.HTTPHosts).
		Dict("limits", zerolog.Dict().Float64("rate_per_second", conf.RatePerSecond).Int("rate_burst", conf.RateBurst).
			Int("max_requests", conf.MaxRequests).Int64("max_bytes", conf.MaxBytes).Int64("max_body_bytes", conf.MaxBodyBytes).
			Int("max_connections", conf.MaxConnections).Int("drain_seconds", conf.DrainSeconds).Stringer("shutdown_delay", conf.ShutdownDelay)).
		Bool("tls", g.certificate != nil).Str("traces", s.traceSettings.Target).Msg("listening")
	g.logWarnings(s.warnings(p, g))
}

// mostWarnings is enough to see what is wrong: one fault in ten thousand profiles does not need a line for each.
const mostWarnings = 100

func (g *generation) logWarnings(all []string) {
	for _, warning := range all[:min(len(all), mostWarnings)] {
		g.logs.config.Warn().Msg(warning)
	}
	if more := len(all) - mostWarnings; more > 0 {
		g.logs.config.Warn().Msg(count(more, "more warning") + "; countersign serve --check prints all of them")
	}
}

// warnings returns what the operator should look at in the configuration and the policies.
func (s *service) warnings(p *process, g *generation) []string {
	all := append(g.conf.Warnings(p.getenv, p.now()), g.handlers.Policy.Warnings()...)
	for _, fault := range g.store.CertificateWarnings() {
		all = append(all, g.conf.Located(fault))
	}
	all = append(all, warnOfProxy(p, g.conf)...)
	all = append(all, warnOfSpool(g.conf)...)
	all = append(all, g.certificateWarnings(p.now())...)
	return append(all, s.traceSettings.Warnings...)
}

// authKinds returns how callers may authenticate.
func authKinds(conf config.Config) []string {
	var kinds []string
	if conf.Auth == string(access.AuthNone) {
		kinds = append(kinds, "none")
	}
	if len(conf.APIKeys) > 0 {
		kinds = append(kinds, string(access.MethodAPIKey))
	}
	if conf.Entra != nil {
		kinds = append(kinds, string(access.MethodEntra))
	}
	if len(conf.OIDC) > 0 {
		kinds = append(kinds, string(access.MethodOIDC))
	}
	if conf.Guest != nil {
		kinds = append(kinds, string(access.MethodGuest))
	}
	if conf.TrustedHeader != nil {
		kinds = append(kinds, string(access.MethodTrustedHeader))
	}
	return kinds
}

// callerNames returns the callers that the configuration names; a key from the environment gives its name when it is
// used.
func callerNames(conf config.Config) []string { return slices.Sorted(maps.Keys(callersOf(&conf))) }

// profileSources returns the sources of the profiles, by name.
func profileSources(conf config.Config) *zerolog.Event {
	sources := zerolog.Dict()
	for _, profile := range conf.Profiles {
		sources.Str(profile.Name, profile.Source)
	}
	return sources
}

// profileRoles returns the roles of the profiles that assume one, by name.
func profileRoles(conf config.Config) *zerolog.Event {
	roles := zerolog.Dict()
	for _, profile := range conf.Profiles {
		if role := profile.AssumeRole; role != nil {
			roles.Str(profile.Name, cmp.Or(role.RoleARN, role.RoleName+" of "+role.AccountID))
		}
	}
	return roles
}

func auditSinks(conf config.Config) []string {
	var sinks []string
	if conf.AuditFile == "" || conf.AuditStdout {
		sinks = append(sinks, access.SinkStdout)
	}
	if conf.AuditFile != "" {
		sinks = append(sinks, conf.AuditFile)
	}
	return sinks
}
