package cli

import (
	"context"

	"countersign/config"
	"countersign/credentials"
)

// storeOptions returns the options of a session store, without its observers.
func storeOptions(p *process, conf config.Config) credentials.Options {
	var issuers []string
	for _, issuer := range conf.OIDC {
		issuers = append(issuers, issuer.Issuer)
	}
	if conf.Entra != nil {
		issuers = append(issuers, conf.Entra.Issuers()...)
	}
	return credentials.Options{
		Profiles: conf.Profiles, Issuers: issuers, Default: conf.DefaultProfile, Now: p.now, Getenv: conf.Environment(p.getenv), ReadFile: p.read,
		Region: conf.Region, STSEndpoint: conf.STSEndpoint,
	}
}

// newStore makes the store of a generation, which takes over the sessions of the one before.
func (s *service) newStore(p *process, conf config.Config, before *generation) (*credentials.Store, error) {
	o := storeOptions(p, conf)
	o.Log = s.logSession
	if s.metrics != nil {
		o.Served = s.metrics.SessionServed
	}
	if s.metrics != nil || s.traces != nil {
		o.Called = s.calledSTS
	}
	if before != nil {
		return before.store.Next(o)
	}
	return credentials.New(o)
}

// logSession logs what happened to a session.
func (s *service) logSession(e credentials.Event) {
	if s.metrics != nil {
		s.metrics.Session(e)
	}
	line := s.logs().session.Info()
	if e.Err != nil {
		line = s.logs().session.Warn().AnErr("cause", e.Err)
	}
	if !e.Expires.IsZero() {
		line.Time("expires", e.Expires)
	}
	for name, text := range map[string]string{"detail": e.Detail, "hint": e.Hint} {
		if text != "" {
			line.Str(name, text)
		}
	}
	line.Str("profile", e.Profile).Str("code", e.Code).Str("sts_request_id", e.RequestID).Dur("dur_ms", e.Took).
		Dur("skew_ms", e.Skew).Msg("session " + e.Kind)
}

// calledSTS passes a call to STS to metrics and traces.
func (s *service) calledSTS(ctx context.Context, c credentials.STSCall) {
	if s.metrics != nil {
		s.metrics.STSCall(c)
	}
	if s.traces != nil {
		s.traces.STSCall(ctx, c)
	}
}
