package cli

import (
	"errors"
	"fmt"
	stdlog "log"
	"net"
	"net/http"
	"time"

	"countersign/access"
	"countersign/api"
	"countersign/config"
	"countersign/credentials"
	"countersign/telemetry"

	"golang.org/x/net/netutil"
)

// newMetrics makes what counts, where the configuration says that somebody reads it; else nil. What it looks at when it
// is read, s has by then.
func newMetrics(conf config.Config, s *service, limits api.Options) *telemetry.Metrics {
	if conf.MetricsAddress == "" {
		return nil
	}
	o := telemetry.Options{
		Profiles: map[string]string{}, Callers: map[string]time.Time{},
		Version: version(), ConfigHash: conf.FileSHA256[:min(12, len(conf.FileSHA256))],
		Gates: map[string]*access.Limiter{
			"requests": limits.Requests, "bytes": limits.Memory, "hashes": limits.Hashes, "sends": limits.Sends,
		},
		Sessions:    func() credentials.Status { return s.store.Status() },
		AuditBroken: func() bool { return s.audit.Broken() },
		Draining:    s.leaving.Load,
		Connections: func() (int, int) { return int(s.openConnections.Load()), int(s.mostConnections.Load()) },
	}
	if s.traces != nil {
		o.Spans = s.traces.Counts
	}
	for _, p := range conf.Profiles {
		o.Profiles[p.Name] = p.Source
		o.Regions = append(append(o.Regions, p.Region, p.STSRegion, p.RolesAnywhere.Region()), p.FallbackRegions...)
	}
	for _, name := range callerNames(conf) {
		o.Callers[name] = time.Time{}
	}
	for _, key := range conf.APIKeys {
		// A caller may have two keys, while one replaces the other: the later one counts.
		if last := o.Callers[key.ID]; key.ID != "" && key.Expires.After(last) {
			o.Callers[key.ID] = key.Expires
		}
	}
	return telemetry.New(o)
}

// countConnections is the ConnState of a server.
func (s *service) countConnections(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.openConnections.Add(1)
	case http.StateClosed, http.StateHijacked:
		s.openConnections.Add(-1)
	case http.StateActive, http.StateIdle:
	}
}

// startMetrics answers at an address of its own until stop is called: /metrics, and the health checks for who cannot
// reach the other address.
func (s *service) startMetrics() (stop func(), err error) {
	listener, err := net.Listen("tcp", s.metricsAddress)
	if err != nil {
		return nil, fmt.Errorf("metrics_address: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.metrics.Handler())
	mux.Handle("GET /livez", s.handlers.GetLiveness())
	mux.Handle("GET /readyz", s.handlers.GetReadiness())
	server := &http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10, ErrorLog: stdlog.New(s.log, "", 0),
	}
	s.log.Info().Str("metrics_address", listener.Addr().String()).Msg("serving metrics")
	go func() {
		if err := server.Serve(netutil.LimitListener(listener, metricsConnections)); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error().AnErr("cause", err).Msg("serving metrics")
		}
	}()
	return func() { _ = server.Close() }, nil
}

// metricsConnections is enough for several scrapers and health checks.
const metricsConnections = 64
