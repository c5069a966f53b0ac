package telemetry

import (
	"runtime"

	"countersign/access"
	"countersign/credentials"

	"github.com/prometheus/client_golang/prometheus"
)

// standing collects the metrics that are computed when they are read.
type standing struct {
	m     *Metrics
	descs []*prometheus.Desc

	auditBroken, expiry, usable, cached, evictions, skew *prometheus.Desc
	inUse, capacity, waiting, refusals                   *prometheus.Desc
	connectionsOpen, connectionsMax, keyExpiry           *prometheus.Desc
	certificateExpiry, certificateLife, tlsExpiry        *prometheus.Desc
	draining, configInfo, buildInfo, spans               *prometheus.Desc
	reloadOK, reloadTime, generation, active             *prometheus.Desc
}

func newStanding(m *Metrics) *standing {
	s := &standing{m: m}
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		d := prometheus.NewDesc("countersign_"+name, help, labels, nil)
		s.descs = append(s.descs, d)
		return d
	}
	s.active = prometheus.NewDesc("http_server_active_requests", "Requests that are being read or served.",
		[]string{"http_request_method"}, nil)
	s.descs = append(s.descs, s.active)
	s.auditBroken = desc("audit_broken", "1 while audit records cannot be written, so that nothing is signed.")
	s.expiry = desc("session_expiry_timestamp_seconds", "Earliest expiry of the profile's sessions in use, 0 if there are none.", "profile")
	s.usable = desc("session_usable", "1 unless the profile's latest fetch failed and no session is left to sign with.", "profile")
	s.cached = desc("sessions_cached", "Sessions in memory.", "kind")
	s.evictions = desc("session_evictions_total", "Sessions that were evicted in favour of others.", "kind")
	s.skew = desc("clock_skew_seconds", "How far the STS clock is ahead of this server's.", "clock")
	s.inUse = desc("gate_in_use", "Capacity in use: requests, bytes of memory and of files, bodies to hash.", "gate")
	s.capacity = desc("gate_capacity", "Capacity that can be in use at once.", "gate")
	s.waiting = desc("gate_waiting", "Requests that wait for capacity.", "gate")
	s.refusals = desc("gate_refusals_total", "Requests that were refused because the service was busy.", "gate")
	s.connectionsOpen = desc("connections_open", "Open connections.")
	s.connectionsMax = desc("connections_max", "Limit of open connections.")
	s.keyExpiry = desc("api_key_expiry_timestamp_seconds", "When the caller's API key expires; only for keys that do.", "caller")
	s.certificateExpiry = desc("certificate_expiry_timestamp_seconds",
		"When the profile's certificate expires; 0 while there is no usable one.", "profile")
	s.certificateLife = desc("certificate_lifetime_seconds", "Total validity of the profile's certificate.", "profile")
	s.tlsExpiry = desc("tls_certificate_expiry_timestamp_seconds", "When the server's TLS certificate expires; only with TLS.")
	s.draining = desc("draining", "1 while the instance is stopping.")
	s.configInfo = desc("config_info", "1; the label has the beginning of a hash over the configuration and the files that it names.", "hash")
	s.reloadOK = desc("config_last_reload_successful",
		"0 if the configuration read last was invalid and the previous one stays in force.")
	s.reloadTime = desc("config_last_reload_success_timestamp_seconds", "When a configuration last took effect.")
	s.generation = desc("config_generation", "How many configurations have been in force, including this one.")
	s.buildInfo = desc("build_info", "1; the labels say what is running.", "version", "revision", "goversion")
	s.spans = desc("spans_total", "Spans that were sent, could not be sent, or were dropped because too many were waiting.", "outcome")
	return s
}

// Describe implements [prometheus.Collector].
func (s *standing) Describe(to chan<- *prometheus.Desc) {
	for _, d := range s.descs {
		to <- d
	}
}

// Collect implements [prometheus.Collector].
func (s *standing) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	counter := func(d *prometheus.Desc, value uint64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), labels...)
	}
	o, names, last := &s.m.o, s.m.names.Load(), s.m.reload.Load()
	for i, method := range methods {
		gauge(s.active, float64(s.m.active[i].Load()), method)
	}
	gauge(s.auditBroken, flag(o.AuditBroken()))
	gauge(s.draining, flag(o.Draining()))
	open, most := o.Connections()
	gauge(s.connectionsOpen, float64(open))
	gauge(s.connectionsMax, float64(most))
	gauge(s.buildInfo, 1, o.Version, o.Revision, runtime.Version())
	gauge(s.configInfo, 1, names.ConfigHash)
	gauge(s.reloadOK, flag(last.ok))
	gauge(s.reloadTime, float64(last.good.Unix()))
	gauge(s.generation, float64(names.Generation))
	if !names.TLSExpires.IsZero() {
		gauge(s.tlsExpiry, float64(names.TLSExpires.Unix()))
	}
	for caller, end := range names.Callers {
		if !end.IsZero() {
			gauge(s.keyExpiry, float64(end.Unix()), caller)
		}
	}
	for name, status := range o.Gates {
		s.gate(name, status(), gauge, counter)
	}
	s.sessions(gauge, counter)
	if o.Spans != nil {
		sent, lost, dropped := o.Spans()
		counter(s.spans, sent, ok)
		counter(s.spans, lost, failed)
		counter(s.spans, dropped, "dropped")
	}
}

func (s *standing) gate(name string, now access.LimiterStatus,
	gauge func(*prometheus.Desc, float64, ...string), counter func(*prometheus.Desc, uint64, ...string),
) {
	gauge(s.inUse, float64(now.InUse), name)
	gauge(s.capacity, float64(now.Capacity), name)
	gauge(s.waiting, float64(now.Waiting), name)
	counter(s.refusals, now.Refused, name)
}

func (s *standing) sessions(gauge func(*prometheus.Desc, float64, ...string), counter func(*prometheus.Desc, uint64, ...string)) {
	now := s.m.o.Sessions()
	for _, p := range now.Profiles {
		gauge(s.usable, flag(p.Usable), p.Name)
		end := 0.0
		if !p.Expires.IsZero() {
			end = float64(p.Expires.Unix())
		}
		gauge(s.expiry, end, p.Name)
		if s.m.names.Load().Profiles[p.Name] == credentials.SourceRolesAnywhere {
			s.certificate(p, gauge)
		}
	}
	gauge(s.cached, float64(now.Sessions), "profile")
	gauge(s.cached, float64(now.RequestSessions), "request")
	gauge(s.cached, float64(now.LoginSessions), "login")
	counter(s.evictions, now.Evictions, "profile")
	counter(s.evictions, now.RequestEvictions, "request")
	counter(s.evictions, now.LoginEvictions, "login")
	for endpoint, skew := range now.Skew {
		if endpoint == "" {
			endpoint = "aws"
		}
		gauge(s.skew, skew.Seconds(), endpoint)
	}
}

func (s *standing) certificate(p credentials.ProfileStatus, gauge func(*prometheus.Desc, float64, ...string)) {
	end := 0.0
	if !p.CertificateExpires.IsZero() {
		end = float64(p.CertificateExpires.Unix())
	}
	gauge(s.certificateExpiry, end, p.Name)
	gauge(s.certificateLife, p.CertificateLife.Seconds(), p.Name)
}

func flag(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
