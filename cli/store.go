package cli

import (
	"context"

	"countersign/config"
	"countersign/credentials"
	"countersign/telemetry"

	"github.com/rs/zerolog"
)

// newStore makes the sessions of the profiles; what they do is logged, counted and traced.
func newStore(
	p *process, conf config.Config, log zerolog.Logger, metrics *telemetry.Metrics, traces *telemetry.Traces,
) (*credentials.Store, error) {
	o := credentials.Options{
		Profiles: conf.Profiles, Default: conf.DefaultProfile, Now: p.now, Getenv: conf.Environment(p.getenv),
		Region: conf.Region, STSEndpoint: conf.STSEndpoint,
		Log: func(e credentials.Event) {
			if metrics != nil {
				metrics.Session(e)
			}
			line := log.Info()
			if e.Err != nil {
				line = log.Warn().AnErr("cause", e.Err)
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
		},
	}
	if metrics != nil {
		o.Served = metrics.SessionServed
	}
	if metrics != nil || traces != nil {
		o.Called = func(ctx context.Context, c credentials.STSCall) {
			if metrics != nil {
				metrics.STSCall(c)
			}
			if traces != nil {
				traces.STSCall(ctx, c)
			}
		}
	}
	return credentials.New(o)
}
