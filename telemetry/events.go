package telemetry

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"countersign/access"
	"countersign/credentials"
)

// The values of outcome labels.
const (
	ok     = "ok"
	denied = "denied"
	failed = "error"

	allow, deny = "allow", "deny"
)

// outcomes are the outcomes of fetching a session.
var outcomes = []string{ok, denied, "configuration", "clock", "unavailable"}

// Request is a finished request.
type Request struct {
	Method string
	Route  string // the pattern; empty if none matched
	Status int
	Took   time.Duration
	Code   string // of the problem; empty if there is none

	Caller     string // its name; empty if not authenticated
	AuthMethod access.Method

	// Only for spans:
	RequestID, InvocationID, Profile, Service, Region string
}

// served is what is counted of a finished request.
type served struct {
	method, route, code string
	status              int
	took                time.Duration
	caller              callerLabels
}

// Request counts a finished request.
func (m *Metrics) Request(r Request) {
	m.served.add(served{
		methodOf(r.Method), cmp.Or(r.Route, other), r.Code, r.Status, r.Took, callerLabels{r.AuthMethod, r.Caller},
	})
}

func (m *Metrics) countServed(r *served) {
	m.requests.of(requestLabels{r.method, r.route, statusOf(r.status)}).Observe(r.took.Seconds())
	if r.code != "" {
		m.problems.of([2]string{r.route, r.code}).Inc()
	}
	if r.code == "rate_limited" {
		m.rateLimited.Inc()
	}
	if r.caller.method == "" {
		if r.status == http.StatusUnauthorized || r.status == http.StatusForbidden && r.code != "cross_origin" {
			m.authentications.of([2]string{other, denied}).Inc()
		}
		return // without a caller there is nothing more to count
	}
	c := m.caller(r.caller)
	c.authentications.Inc()
	switch {
	case r.status == http.StatusForbidden:
		c.denied.Inc()
	case r.status >= http.StatusBadRequest:
		c.failed.Inc()
	default:
		c.ok.Inc()
	}
}

// caller returns a caller's series: by its name if the configuration has it, otherwise by how it was authenticated.
func (m *Metrics) caller(l callerLabels) callerSeries {
	n := m.names.Load()
	if s, found := n.callers.known(l); found {
		return s
	}
	if _, known := n.Callers[l.caller]; !known {
		l.caller = nameless[l.method]
	}
	return n.callers.of(l)
}

// nameless are the labels of callers that the configuration does not name. No caller may have such a name.
var nameless = map[access.Method]string{
	access.MethodAPIKey: "(api-key)", access.MethodEntra: "(entra)", access.MethodOIDC: "(oidc)",
	access.MethodTrustedHeader: "(trusted-header)", access.MethodGuest: "(guest)", access.MethodNone: access.Anonymous,
}

// methods are the HTTP methods, after OpenTelemetry's label for unknown ones, which a client may have made up.
var methods = [...]string{
	"_OTHER", http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
	http.MethodConnect, http.MethodTrace,
}

func methodOf(method string) string { return methods[methodIndex(method)] }

func methodIndex(method string) int { return slices.Index(methods[1:], method) + 1 }

func statusOf(status int) string {
	if status < 100 || status > 599 {
		return "0"
	}
	return statuses[status-100]
}

var statuses = func() (texts [500]string) {
	for i := range texts {
		texts[i] = strconv.Itoa(100 + i)
	}
	return texts
}()

// Count counts the requests that are being served by next.
func (m *Metrics) Count(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		active := &m.active[methodIndex(r.Method)]
		active.Add(1)
		defer active.Add(-1)
		next.ServeHTTP(w, r)
	})
}

// recorded is what is counted of a written audit record.
type recorded struct {
	signatureLabels
	decision        string
	decided, signed bool
}

// Record counts an audit record that was written or that could not be written, and its decision and signature. A
// request that was sent has more than one record, but is counted as one decision.
func (m *Metrics) Record(r *access.Record, err error) {
	if err != nil {
		m.auditRecords.of([2]string{m.sink(err), failed}).Inc()
		return
	}
	m.recorded.add(recorded{
		signatureLabels: signatureLabels{r.Action, r.Profile, r.Service, r.Algorithm},
		decision:        r.Decision,
		decided:         r.Outcome == "" && r.Attempt <= 1 && r.Action != access.ActionConfigure,
		signed:          r.Outcome == "" && r.SignatureSHA256 != "",
	})
}

func (m *Metrics) countRecorded(r *recorded) {
	for _, written := range m.audited {
		written.Inc()
	}
	if r.signed {
		s := m.signature(r.signatureLabels)
		s.signatures.Inc()
		if r.decided && r.decision == allow {
			s.allowed.Inc()
			return
		}
	}
	if r.decided {
		m.decisions.of(decisionLabels{r.action, r.decision}).Inc()
	}
}

func (m *Metrics) signature(l signatureLabels) signatureSeries {
	n := m.names.Load()
	if s, found := n.signatures.known(l); found {
		return s
	}
	l.profile = n.profile(l.profile)
	if !m.services[l.service] {
		l.service = other
	}
	return n.signatures.of(l)
}

// sink returns the label of the sink that failed to write a record.
func (m *Metrics) sink(err error) string {
	if at := (*access.SinkError)(nil); errors.As(err, &at) {
		return at.Sink
	}
	if len(m.o.AuditSinks) == 1 {
		return m.o.AuditSinks[0]
	}
	return other
}

// profile returns the label for a profile.
func (n *inForce) profile(name string) string {
	if name == "" {
		return fromRequest
	}
	if _, known := n.Profiles[name]; !known {
		return other
	}
	return name
}

// SessionServed counts how a request got its session.
func (m *Metrics) SessionServed(profile, how string) { m.sessions.add([2]string{profile, how}) }

func (m *Metrics) countSession(l *[2]string) {
	n := m.names.Load()
	served, found := n.sessionsServed.known(*l)
	if !found {
		served = n.sessionsServed.of([2]string{n.profile(l[0]), l[1]})
	}
	served.Inc()
}

// Session counts an event of a session.
func (m *Metrics) Session(e credentials.Event) {
	if e.Kind == credentials.EventSkew || e.Kind == credentials.EventCertificate {
		return // read when the metrics are collected
	}
	profile := m.names.Load().profile(e.Profile)
	m.sessionFetches.of([3]string{profile, m.source(profile), outcomeOf(e.Err)}).Inc()
	m.fetchDurations.of(profile).Observe(e.Took.Seconds())
}

func outcomeOf(err error) string {
	switch {
	case err == nil:
		return ok
	case errors.Is(err, credentials.ErrDenied), errors.Is(err, credentials.ErrLoginExpired):
		return denied
	case errors.Is(err, credentials.ErrConfiguration):
		return "configuration"
	case errors.Is(err, credentials.ErrClockSkew):
		return "clock"
	}
	return "unavailable"
}

// STSCall counts a call to STS. Requests with their own keys can name any region, so unknown ones are counted together.
func (m *Metrics) STSCall(c credentials.STSCall) {
	region := c.Region
	if !slices.Contains(m.names.Load().Regions, region) {
		region = other
	}
	outcome := ok
	if c.Err != nil {
		outcome = failed
	}
	m.stsCalls.of([3]string{c.Operation, region, outcome}).Inc()
}

// KeysFetched counts a fetch of an issuer's signing keys.
func (m *Metrics) KeysFetched(err error) {
	if err != nil {
		m.keyFetches.of(failed).Inc()
		return
	}
	m.keyFetches.of(ok).Inc()
}
