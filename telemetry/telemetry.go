// Package telemetry counts what happens in the service and exposes it as Prometheus metrics, and records spans and
// sends them as OpenTelemetry's environment variables say.
//
// The service reports requests, audit records, sessions, STS calls and key fetches as they happen. Other metrics are
// computed when the metrics are read. The package decides nothing and opens no port. The caller must serve
// [Metrics.Handler] only to those who may know the names of callers and profiles.
//
// Clients cannot choose the value of a label: names that are not in the configuration, services that AWS does not have
// and methods that HTTP does not have are counted together. So the configuration bounds the number of series. All
// methods are safe for concurrent use.
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

// Names are the names in the current configuration, and the only names that labels may have.
type Names struct {
	// Profiles maps the profiles' names to the source of their credentials.
	Profiles map[string]string
	// Callers maps the callers' names to when their keys expire: the zero time if there is no key or no expiry.
	Callers map[string]time.Time
	// Methods are the methods by which callers may authenticate.
	Methods []string
	// Regions are the regions whose STS the profiles call.
	Regions []string
	// ConfigHash identifies the configuration. Generation counts the configurations that have been in force.
	ConfigHash string
	Generation int64
	// TLSExpires is when the server's TLS certificate expires; the zero time without TLS.
	TLSExpires time.Time
}

// Options describe the process, and provide what is read when the metrics are read.
type Options struct {
	// Version and Revision are the release of this process and the commit that it was built from.
	Version, Revision string
	// Now is the clock.
	Now func() time.Time
	// AuditSinks are the audit sinks: access.SinkFile, access.SinkStdout, or both.
	AuditSinks []string
	// Gates are the states of the limiters, by name.
	Gates map[string]func() access.LimiterStatus
	// Sessions, AuditBroken, Draining and Connections return the current state. Connections returns how many are open
	// and how many may be.
	Sessions              func() credentials.Status
	AuditBroken, Draining func() bool
	Connections           func() (open, most int)
	// Spans returns how many spans were sent, failed and were dropped. Nil if no spans are recorded.
	Spans func() (sent, failed, dropped uint64)
}

// Metrics holds everything that is counted. Make one with [New].
type Metrics struct {
	o        Options
	registry *prometheus.Registry
	services map[string]bool
	names    atomic.Pointer[inForce]
	reload   atomic.Pointer[reload] // of the latest configuration

	active          [len(methods)]atomic.Int64 // requests being served
	requests        kept[requestLabels, prometheus.Observer]
	problems        kept[[2]string, prometheus.Counter]
	authentications kept[[2]string, prometheus.Counter]
	decisions       kept[decisionLabels, prometheus.Counter]
	auditRecords    kept[[2]string, prometheus.Counter]
	audited         []prometheus.Counter // written records, for each sink
	sessionFetches  kept[[3]string, prometheus.Counter]
	fetchDurations  kept[string, prometheus.Observer]
	stsCalls        kept[[3]string, prometheus.Counter]
	keyFetches      kept[string, prometheus.Counter]
	reloads         kept[string, prometheus.Counter]
	rateLimited     prometheus.Counter

	signatures, callerRequests, sessionsServed *prometheus.CounterVec

	// These are counted for every request, so they are counted in batches.
	served   batch[served]
	recorded batch[recorded]
	sessions batch[[2]string]
}

// inForce holds the names of the current configuration, and series found by the labels in a request, without looking
// whether the configuration has that name.
type inForce struct {
	Names
	callers        kept[callerLabels, callerSeries]
	sessionsServed kept[[2]string, prometheus.Counter]
	signatures     kept[signatureLabels, signatureSeries]
}

type requestLabels struct{ method, route, status string }

type callerLabels struct {
	method access.Method
	caller string
}

// callerSeries are the series that a caller's request is counted in.
type callerSeries struct{ authentications, ok, denied, failed prometheus.Counter }

type decisionLabels struct {
	action   access.Action
	decision string
}

// signatureSeries are the series that a signature is counted in.
type signatureSeries struct{ signatures, allowed prometheus.Counter }

type signatureLabels struct {
	action                      access.Action
	profile, service, algorithm string
}

// Labels for everything without a name of its own. No profile and no caller can have these names.
const (
	other       = "(other)"
	fromRequest = "(request)" // keys that came with the request
)

// New returns metrics. Series whose labels are known start at 0. [Metrics.Use] sets the names of the configuration.
func New(o Options) *Metrics {
	m := &Metrics{o: o, registry: prometheus.NewPedanticRegistry(), services: map[string]bool{}}
	for _, s := range endpoints.Services() {
		m.services[s.Name] = true
	}
	m.reload.Store(&reload{ok: true, good: o.Now()})
	m.served.count, m.recorded.count, m.sessions.count = m.countServed, m.countRecorded, m.countSession
	m.register()
	m.Use(Names{})
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), newStanding(m))
	m.begin()
	return m
}

// Use sets the names of the configuration that is now in force. Series of names that are gone keep their values.
func (m *Metrics) Use(n Names) {
	m.flush() // with the previous names
	in := &inForce{Names: n}
	in.callers.make = func(l callerLabels) callerSeries {
		of := m.callerRequests.WithLabelValues
		return callerSeries{
			m.authentications.of([2]string{string(l.method), ok}), of(l.caller, ok), of(l.caller, denied), of(l.caller, failed),
		}
	}
	in.sessionsServed.make = two(m.sessionsServed)
	in.signatures.make = func(l signatureLabels) signatureSeries {
		return signatureSeries{
			m.signatures.WithLabelValues(string(l.action), l.profile, l.service, l.algorithm),
			m.decisions.of(decisionLabels{l.action, allow}),
		}
	}
	m.names.Store(in)
	for profile, source := range n.Profiles {
		for _, how := range []string{credentials.ServedHeld, credentials.ServedWaited, credentials.ServedStale, credentials.ServedRefused} {
			in.sessionsServed.of([2]string{profile, how})
		}
		for _, outcome := range outcomes {
			m.sessionFetches.of([3]string{profile, source, outcome})
		}
		m.fetchDurations.of(profile)
	}
	for _, method := range n.Methods {
		m.authentications.of([2]string{method, ok})
	}
	for caller := range n.Callers {
		for _, outcome := range []string{ok, denied, failed} {
			m.callerRequests.WithLabelValues(caller, outcome)
		}
	}
}

// reload is the result of the latest reading of the configuration.
type reload struct {
	ok   bool
	good time.Time // when one was taken last
}

// Reloaded counts a configuration read after the first: err is nil if it took effect.
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
	registry := promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.flush()
		registry.ServeHTTP(w, r)
	})
}

// flush counts what is in the batches.
func (m *Metrics) flush() {
	m.served.flush()
	m.recorded.flush()
	m.sessions.flush()
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
	durations := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "countersign_session_fetch_duration_seconds", Help: "How long it took to fetch sessions.",
		Buckets: []float64{.025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"profile"})
	m.registry.MustRegister(requests, durations)
	m.requests.make = func(l requestLabels) prometheus.Observer {
		return requests.WithLabelValues(l.method, l.route, l.status)
	}
	m.fetchDurations.make = func(profile string) prometheus.Observer { return durations.WithLabelValues(profile) }

	m.problems.make = two(counter("countersign_problems_total", "Refused requests, by their error code.", "route", "error_code"))
	m.signatures = counter("countersign_signatures_total", "Signatures returned or sent.", "operation", "profile", "service", "algorithm")
	m.authentications.make = two(counter("countersign_authentications_total", "Callers that were accepted or refused.", "method", "outcome"))
	decisions := counter("countersign_policy_decisions_total", "What the policies decided.", "action", "decision")
	m.decisions.make = func(l decisionLabels) prometheus.Counter {
		return decisions.WithLabelValues(string(l.action), l.decision)
	}
	m.callerRequests = counter("countersign_caller_requests_total", "Requests by caller.", "caller", "outcome")
	m.auditRecords.make = two(counter("countersign_audit_records_total", "Audit records, written or not.", "sink", "outcome"))
	m.sessionsServed = counter("countersign_sessions_served_total", "How requests got their sessions.", "profile", "result")
	m.sessionFetches.make = three(counter("countersign_session_fetches_total", "Sessions that were fetched.", "profile", "source", "outcome"))
	m.stsCalls.make = three(counter("countersign_sts_requests_total", "Calls to STS.", "operation", "endpoint", "outcome"))
	m.keyFetches.make = one(counter("countersign_jwks_refreshes_total", "Fetches of issuers' signing keys.", "outcome"))
	m.reloads.make = one(counter("countersign_config_reloads_total", "Configurations read after the first, valid or not.", "outcome"))
	m.rateLimited = counter("countersign_rate_limited_total", "Requests refused because of the caller's rate limit.").WithLabelValues()
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

// begin creates the series that are sure to come. Otherwise rate() would miss the first increment of a new series.
func (m *Metrics) begin() {
	for _, action := range []access.Action{
		access.ActionSign, access.ActionPresign, access.ActionVerify, access.ActionPostPolicy, access.ActionSend,
	} {
		m.decisions.of(decisionLabels{action, allow})
		m.decisions.of(decisionLabels{action, deny})
	}
	for _, sink := range m.o.AuditSinks {
		m.auditRecords.of([2]string{sink, failed})
		m.audited = append(m.audited, m.auditRecords.of([2]string{sink, ok}))
	}
	for _, outcome := range []string{ok, failed} {
		m.keyFetches.of(outcome)
		m.reloads.of(outcome)
	}
	m.authentications.of([2]string{other, denied})
}

// source returns where a profile's keys come from.
func (m *Metrics) source(profile string) string {
	if profile == fromRequest {
		return "request"
	}
	return m.names.Load().Profiles[profile]
}
