package cli

import (
	"context"
	"time"

	"countersign/api"
	"countersign/telemetry"
)

// newTraces makes the span recorder if the environment asks for spans; otherwise nil.
func (s *service) newTraces(p *process) *telemetry.Traces {
	s.traceSettings = telemetry.ReadTraceSettings(p.getenv, version())
	if !s.traceSettings.Wanted {
		return nil
	}
	return telemetry.NewTraces(s.traceSettings, version(), p.now, func(cause error, failed, dropped uint64) {
		s.logger().Warn().AnErr("cause", cause).Uint64("failed", failed).Uint64("dropped", dropped).Msg("spans were not sent")
	})
}

// flushTime is how long sending the last spans may take.
const flushTime = 5 * time.Second

// flush sends the remaining spans, within a time limit. Only the first call does anything.
func (s *service) flush(ctx context.Context, within time.Duration) {
	if s.traces == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	if err := s.traces.Shutdown(ctx); err != nil {
		s.logger().Warn().AnErr("cause", err).Msg("spans were not sent")
	}
}

// served passes a finished request to metrics and traces.
func (s *service) served(ctx context.Context, r api.Served) {
	e := r.Event
	request := telemetry.Request{
		Method: r.Method, Route: r.Route, Status: r.Status, Took: r.Took, Code: e.Code, Caller: e.Caller.ID, AuthMethod: e.Caller.Method,
		RequestID: e.RequestID, InvocationID: e.Workflow.InvocationID, Profile: e.Profile, Service: e.Service, Region: e.Region,
	}
	if s.metrics != nil {
		s.metrics.Request(request)
	}
	if s.traces != nil {
		s.traces.Request(ctx, request)
	}
}
