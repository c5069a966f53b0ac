package cli

import (
	"errors"
	"fmt"
	stdlog "log"
	"net"
	"net/http"
	"time"

	"countersign/access"
	"countersign/config"
	"countersign/credentials"
	"countersign/handlers"
	"countersign/telemetry"

	"golang.org/x/net/netutil"
)

// newMetrics makes the metrics if the configuration has an address for them; otherwise nil. Their functions read s
// only when the metrics are read, and by then it is complete.
func newMetrics(p *process, conf config.Config, s *service) *telemetry.Metrics {
	if conf.MetricsAddress == "" {
		return nil
	}
	o := telemetry.Options{
		Version: version(), Revision: revision(), Now: p.now, AuditSinks: sinkNames(conf),
		Gates: map[string]func() access.LimiterStatus{
			"requests": s.limits.Requests.Status, "bytes": s.limits.Memory.Status, "hashes": s.limits.Hashes.Status,
			"sends": s.limits.Sends.Status, "spool": s.spoolStatus,
		},
		Sessions:    func() credentials.Status { return s.current.Load().store.Status() },
		AuditBroken: func() bool { return s.audit.Broken() },
		Draining:    s.leaving.Load,
		Connections: func() (int, int) { return int(s.openConnections.Load()), int(s.mostConnections.Load()) },
	}
	if s.traces != nil {
		o.Spans = s.traces.Counts
	}
	return telemetry.New(o)
}

func (s *service) spoolStatus() access.LimiterStatus {
	used, total, refused := s.quota.Status()
	return access.LimiterStatus{InUse: used, Capacity: total, Refused: refused}
}

// sinkNames names where audit records go, without the name of the file.
func sinkNames(conf config.Config) []string {
	switch {
	case conf.AuditFile == "":
		return []string{access.SinkStdout}
	case conf.AuditStdout:
		return []string{access.SinkFile, access.SinkStdout}
	}
	return []string{access.SinkFile}
}

// metricNames returns the names in a generation's configuration.
func metricNames(g *generation) telemetry.Names {
	conf := &g.conf
	n := telemetry.Names{
		Profiles: map[string]string{}, Callers: map[string]time.Time{}, Methods: authKinds(*conf),
		ConfigHash: g.hash, Generation: g.number,
	}
	if g.certificate != nil {
		n.TLSExpires = g.certificate.Leaf.NotAfter
	}
	for _, p := range conf.Profiles {
		n.Profiles[p.Name] = p.Source
		n.Regions = append(append(n.Regions, p.Region, p.STSRegion, p.RolesAnywhere.Region()), p.FallbackRegions...)
	}
	for _, name := range callerNames(*conf) {
		n.Callers[name] = time.Time{}
	}
	for _, key := range conf.APIKeys {
		// A caller may have two keys during a rotation: the one that expires later counts.
		if last := n.Callers[key.ID]; key.ID != "" && key.Expires.After(last) {
			n.Callers[key.ID] = key.Expires
		}
	}
	return n
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

// startMetrics serves, at an address of its own and until stop is called, /metrics and the health checks, for clients
// that cannot reach the main address.
func (s *service) startMetrics() (stop func(), err error) {
	listener, err := net.Listen("tcp", s.current.Load().conf.MetricsAddress)
	if err != nil {
		return nil, fmt.Errorf("metrics_address: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.metrics.Handler())
	for path, health := range map[string]func(*handlers.Handlers) http.Handler{
		"GET /livez": (*handlers.Handlers).GetLiveness, "GET /readyz": (*handlers.Handlers).GetReadiness,
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			g := s.enter()
			defer g.leave()
			health(g.handlers).ServeHTTP(w, r)
		})
	}
	server := &http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10, ErrorLog: stdlog.New(serverErrors{s}, "", 0),
	}
	s.logger().Info().Str("metrics_address", listener.Addr().String()).Msg("serving metrics")
	go func() {
		if err := server.Serve(netutil.LimitListener(listener, metricsConnections)); !errors.Is(err, http.ErrServerClosed) {
			s.logger().Error().AnErr("cause", err).Msg("serving metrics failed")
		}
	}()
	return func() { _ = server.Close() }, nil
}

// metricsConnections is enough for several scrapers and health checks.
const metricsConnections = 64
