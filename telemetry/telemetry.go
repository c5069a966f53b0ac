// Package telemetry counts what happens in the service, and shows it as metrics in the text format of Prometheus; and it
// records spans of what happens, and sends them where OpenTelemetry's environment variables say.
//
// It is told: of requests, audit records, sessions, calls to STS and fetched keys when they happen, and it asks how things
// stand when somebody reads the metrics. It decides nothing and opens no port; the caller must serve [Metrics.Handler] where
// only those reach it who may know the names of callers and profiles.
//
// No value of a label is a stranger's choice: names that the configuration does not hold, services that AWS does not have and
// methods that HTTP does not have are counted together. So the number of series is bounded by the configuration. All methods
// are safe for concurrent use.
package telemetry

import (
	"net/http"
	"sync/atomic"
	"time"

	"countersign/access"
	"countersign/credentials"
	"countersign/endpoints"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Names are what the configuration in force names: the only names that labels may have.
type Names struct {
	// Profiles are the sources of the profiles, by name.
	Profiles map[string]string
	// Callers are the callers that the configuration names, and when their keys end; the zero time where there is no key, or no end.
	Callers map[string]time.Time
	// Regions are those whose STS the profiles call.
	Regions []string
	// ConfigHash tells the configuration from others, Generation counts the configurations that were in force.
	ConfigHash string
	Generation int64
	// TLSExpires is when the certificate ends that callers see; the zero time without TLS.
	TLSExpires time.Time
}

// Options are the process, and where to look when the metrics are read.
type Options struct {
	// Version is that of this process.
	Version string
	// Now is the clock.
	Now func() time.Time
	// Gates are the limiters by name.
	Gates map[string]*access.Limiter
	// Sessions, AuditBroken, Draining and Connections tell how things stand. Connections are those open, and the most there may be.
	Sessions              func() credentials.Status
	AuditBroken, Draining func() bool
	Connections           func() (open, most int)
	// Spans are how many were sent, failed and were dropped. Nil: none are recorded.
	Spans func() (sent, failed, dropped uint64)
}

// Metrics are all that is counted. Make them with [New].
type Metrics struct {
	o        Options
	registry *prometheus.Registry
	services map[string]bool
	names    atomic.Pointer[Names]
	reload   atomic.Pointer[reload] // the latest

	requests        kept[requestLabels, prometheus.Observer]
	active          kept[string, prometheus.Gauge]
	problems        kept[[2]string, prometheus.Counter]
	signatures      kept[signatureLabels, prometheus.Counter]
	authentications kept[[2]string, prometheus.Counter]
	decisions       kept[[2]string, prometheus.Counter]
	callerRequests  kept[[2]string, prometheus.Counter]
	auditRecords    kept[string, prometheus.Counter]
	sessionsServed  kept[[2]string, prometheus.Counter]
	sessionFetches  kept[[3]string, prometheus.Counter]
	fetchDurations  kept[string, prometheus.Observer]
	stsCalls        kept[[3]string, prometheus.Counter]
	keyFetches      kept[string, prometheus.Counter]
	reloads         kept[string, prometheus.Counter]
	rateLimited     prometheus.Counter
}

type requestLabels struct{ method, route, status string }

type signatureLabels struct{ operation, profile, service, algorithm string }

// Names that stand for all that have none of their own. No profile and no caller has such a name.
const (
	other       = "(other)"
	fromRequest = "(request)" // keys that came with the request
)

// New returns metrics, of which those whose labels are known stand at 0. [Metrics.Use] tells it the names of the configuration.
func New(o Options) *Metrics {
	m := &Metrics{o: o, registry: prometheus.NewPedanticRegistry(), services: map[string]bool{}}
	for _, s := range endpoints.Services() {
		m.services[s.Name] = true
	}
	m.names.Store(new(Names))
	m.reload.Store(&reload{ok: true, good: o.Now()})
	m.register()
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), newStanding(m))
	m.begin()
	return m
}

// Use takes the names of the configuration that is in force from now on. Series of names that are gone stay as they stand.
func (m *Metrics) Use(n Names) {
	m.names.Store(&n)
	for profile, source := range n.Profiles {
		for _, how := range []string{credentials.ServedHeld, credentials.ServedWaited, credentials.ServedStale, credentials.ServedRefused} {
			m.sessionsServed.of([2]string{profile, how})
		}
		for _, outcome := range outcomes {
			m.sessionFetches.of([3]string{profile, source, outcome})
		}
		m.fetchDurations.of(profile)
	}
	for caller := range n.Callers {
		for _, outcome := range []string{ok, denied, failed} {
			m.callerRequests.of([2]string{caller, outcome})
		}
	}
}

// reload is what came of the latest reading of the configuration.
type reload struct {
	ok   bool
	good time.Time // when one was taken last
}

// Reloaded counts a reading of the configuration after the first: err is nil where it was taken.
func (m *Metrics) Reloaded(err error) {
	if err != nil {
		m.reload.Store(&reload{good: m.reload.Load().good})
		m.reloads.of(failed).Inc()
		return
	}
	m.reload.Store(&reload{ok: true, good: m.o.Now()})
	m.reloads.of(ok).Inc()
}

// Handler serves the metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

func (m *Metrics) register() {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		vec := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		m.registry.MustRegister(vec)
		return vec
	}
	requests := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "http_server_request_duration_seconds", Help: "How long requests took.",
		Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"http_request_method", "http_route", "http_response_status_code"})
	active := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "http_server_active_requests", Help: "Requests that are being read or answered.",
	}, []string{"http_request_method"})
	durations := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "countersign_session_fetch_duration_seconds", Help: "How long it took to fetch sessions.",
		Buckets: []float64{.025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"profile"})
	m.registry.MustRegister(requests, active, durations)
	m.requests.make = func(l requestLabels) prometheus.Observer {
		return requests.WithLabelValues(l.method, l.route, l.status)
	}
	m.active.make = func(method string) prometheus.Gauge { return active.WithLabelValues(method) }
	m.fetchDurations.make = func(profile string) prometheus.Observer { return durations.WithLabelValues(profile) }

	m.problems.make = two(counter("countersign_problems_total", "Requests that were refused, by their code.", "route", "error_code"))
	signatures := counter("countersign_signatures_total", "Signatures that were given out.", "operation", "profile", "service", "algorithm")
	m.signatures.make = func(l signatureLabels) prometheus.Counter {
		return signatures.WithLabelValues(l.operation, l.profile, l.service, l.algorithm)
	}
	m.authentications.make = two(counter("countersign_authentications_total", "Callers that were let in or refused.", "method", "outcome"))
	m.decisions.make = two(counter("countersign_policy_decisions_total", "What the policies decided.", "action", "decision"))
	m.callerRequests.make = two(counter("countersign_caller_requests_total", "Requests by caller.", "caller", "outcome"))
	m.auditRecords.make = one(counter("countersign_audit_records_total", "Audit records, written on all sinks or not.", "outcome"))
	m.sessionsServed.make = two(counter("countersign_sessions_served_total", "How requests came to their sessions.", "profile", "result"))
	m.sessionFetches.make = three(counter("countersign_session_fetches_total", "Sessions that were fetched.", "profile", "source", "outcome"))
	m.stsCalls.make = three(counter("countersign_sts_requests_total", "Calls to STS.", "operation", "endpoint", "outcome"))
	m.keyFetches.make = one(counter("countersign_jwks_refreshes_total", "Fetches of issuers' signing keys.", "outcome"))
	m.reloads.make = one(counter("countersign_config_reloads_total", "Configurations read after the first, taken or not.", "outcome"))
	m.rateLimited = counter("countersign_rate_limited_total", "Requests beyond their caller's share in time.").WithLabelValues()
}

func one(vec *prometheus.CounterVec) func(string) prometheus.Counter {
	return func(label string) prometheus.Counter { return vec.WithLabelValues(label) }
}

func two(vec *prometheus.CounterVec) func([2]string) prometheus.Counter {
	return func(l [2]string) prometheus.Counter { return vec.WithLabelValues(l[0], l[1]) }
}

func three(vec *prometheus.CounterVec) func([3]string) prometheus.Counter {
	return func(l [3]string) prometheus.Counter { return vec.WithLabelValues(l[0], l[1], l[2]) }
}

// begin makes the series that are known to come. A rate does not see the first 1 of a series that was not there before.
func (m *Metrics) begin() {
	for _, action := range []access.Action{
		access.ActionSign, access.ActionPresign, access.ActionVerify, access.ActionPostPolicy, access.ActionSend,
	} {
		m.decisions.of([2]string{string(action), "allow"})
		m.decisions.of([2]string{string(action), "deny"})
	}
	for _, outcome := range []string{ok, failed} {
		m.auditRecords.of(outcome)
		m.keyFetches.of(outcome)
		m.reloads.of(outcome)
	}
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		m.active.of(method)
	}
}

// source is where a profile's keys come from.
func (m *Metrics) source(profile string) string {
	if profile == fromRequest {
		return "request"
	}
	return m.names.Load().Profiles[profile]
}
