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
	// Methods are those by which callers may authenticate.
	Methods []string
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
	// Version and Revision are those of this process: its release, and the commit that it was built from.
	Version, Revision string
	// Now is the clock.
	Now func() time.Time
	// AuditSinks are where audit records go: access.SinkFile, access.SinkStdout, or both.
	AuditSinks []string
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
	names    atomic.Pointer[inForce]
	reload   atomic.Pointer[reload] // the latest

	active          [len(methods)]atomic.Int64 // requests that are being answered
	requests        kept[requestLabels, prometheus.Observer]
	problems        kept[[2]string, prometheus.Counter]
	authentications kept[[2]string, prometheus.Counter]
	decisions       kept[decisionLabels, prometheus.Counter]
	auditRecords    kept[[2]string, prometheus.Counter]
	audited         []prometheus.Counter // those that are on a sink, for each
	sessionFetches  kept[[3]string, prometheus.Counter]
	fetchDurations  kept[string, prometheus.Observer]
	stsCalls        kept[[3]string, prometheus.Counter]
	keyFetches      kept[string, prometheus.Counter]
	reloads         kept[string, prometheus.Counter]
	rateLimited     prometheus.Counter

	signatures, callerRequests, sessionsServed *prometheus.CounterVec

	// What requests have every time is counted later.
	served   batch[served]
	recorded batch[recorded]
	sessions batch[[2]string]
}

// inForce are the names of the configuration that is in force, and the series that have them: found by what a request
// says, without a look whether the configuration has that name.
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

// callerSeries are those of a request of a caller.
type callerSeries struct{ authentications, ok, denied, failed prometheus.Counter }

type decisionLabels struct {
	action   access.Action
	decision string
}

// signatureSeries are those of a signature that was given out.
type signatureSeries struct{ signatures, allowed prometheus.Counter }

type signatureLabels struct {
	action                      access.Action
	profile, service, algorithm string
}

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
	m.reload.Store(&reload{ok: true, good: o.Now()})
	m.served.count, m.recorded.count, m.sessions.count = m.countServed, m.countRecorded, m.countSession
	m.register()
	m.Use(Names{})
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), newStanding(m))
	m.begin()
	return m
}

// Use takes the names of the configuration that is in force from now on. Series of names that are gone stay as they stand.
func (m *Metrics) Use(n Names) {
	m.flush() // with the names that were in force
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
	registry := promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.flush()
		registry.ServeHTTP(w, r)
	})
}

// flush counts what waits.
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

	m.problems.make = two(counter("countersign_problems_total", "Requests that were refused, by their code.", "route", "error_code"))
	m.signatures = counter("countersign_signatures_total", "Signatures that were given out.", "operation", "profile", "service", "algorithm")
	m.authentications.make = two(counter("countersign_authentications_total", "Callers that were let in or refused.", "method", "outcome"))
	decisions := counter("countersign_policy_decisions_total", "What the policies decided.", "action", "decision")
	m.decisions.make = func(l decisionLabels) prometheus.Counter {
		return decisions.WithLabelValues(string(l.action), l.decision)
	}
	m.callerRequests = counter("countersign_caller_requests_total", "Requests by caller.", "caller", "outcome")
	m.auditRecords.make = two(counter("countersign_audit_records_total", "Audit records, written or not.", "sink", "outcome"))
	m.sessionsServed = counter("countersign_sessions_served_total", "How requests came to their sessions.", "profile", "result")
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

// source is where a profile's keys come from.
func (m *Metrics) source(profile string) string {
	if profile == fromRequest {
		return "request"
	}
	return m.names.Load().Profiles[profile]
}
