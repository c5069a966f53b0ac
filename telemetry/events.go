package telemetry

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"countersign/access"
	"countersign/credentials"
)

// What comes of things.
const (
	ok     = "ok"
	denied = "denied"
	failed = "error"
)

// outcomes are those of a fetch of a session.
var outcomes = []string{ok, denied, "configuration", "clock", "unavailable"}

// Request is a request that is over.
type Request struct {
	Method string
	Route  string // the pattern; empty for what has none
	Status int
	Took   time.Duration
	Caller access.Caller // empty where none was authenticated
	Code   string        // of the problem; empty where there is none

	// For spans alone:
	RequestID, InvocationID, Profile, Service, Region string
}

// Request counts a request that is over.
func (m *Metrics) Request(r Request) {
	route := r.Route
	if route == "" {
		route = other
	}
	m.requests.of(requestLabels{methodOf(r.Method), route, statusOf(r.Status)}).Observe(r.Took.Seconds())
	if r.Code != "" {
		m.problems.of([2]string{route, r.Code}).Inc()
	}
	if r.Code == "rate_limited" {
		m.rateLimited.Inc()
	}
	switch {
	case r.Caller.Method != "":
		m.authentications.of([2]string{string(r.Caller.Method), ok}).Inc()
	case r.Status == http.StatusUnauthorized, r.Status == http.StatusForbidden && r.Code != "cross_origin":
		m.authentications.of([2]string{other, denied}).Inc()
		return
	default:
		return // what needs no caller
	}
	outcome := ok
	switch {
	case r.Status == http.StatusForbidden:
		outcome = denied
	case r.Status >= http.StatusBadRequest:
		outcome = failed
	}
	m.callerRequests.of([2]string{m.caller(r.Caller), outcome}).Inc()
}

// caller is the label of a caller: its name where the configuration holds it, else how it was authenticated.
func (m *Metrics) caller(c access.Caller) string {
	if _, known := m.names.Load().Callers[c.ID]; known {
		return c.ID
	}
	if c.Method == access.MethodNone {
		return access.Anonymous // which no caller may be called
	}
	return "(" + string(c.Method) + ")"
}

// methods are those of HTTP; others a stranger may have made up.
var methods = map[string]bool{
	http.MethodGet: true, http.MethodHead: true, http.MethodPost: true, http.MethodPut: true, http.MethodPatch: true, http.MethodDelete: true,
	http.MethodOptions: true, http.MethodConnect: true, http.MethodTrace: true,
}

func methodOf(method string) string {
	if methods[method] {
		return method
	}
	return "_OTHER" // OpenTelemetry's word for it
}

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

// Count counts the requests that next is answering.
func (m *Metrics) Count(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		active := m.active.of(methodOf(r.Method))
		active.Inc()
		defer active.Dec()
		next.ServeHTTP(w, r)
	})
}

// Auditor is where audit records go.
type Auditor interface {
	Write(context.Context, access.Record) error
	NextID() string
}

// Audited counts the records that go to next.
func (m *Metrics) Audited(next Auditor) Auditor { return counted{next, m} }

type counted struct {
	Auditor
	metrics *Metrics
}

func (c counted) Write(ctx context.Context, r access.Record) error {
	err := c.Auditor.Write(ctx, r)
	c.metrics.record(&r, err)
	return err
}

// record counts a record, and the decision and the signature that it tells of. What was sent has more records than one.
func (m *Metrics) record(r *access.Record, err error) {
	if err != nil {
		m.auditRecords.of(failed).Inc()
		return
	}
	m.auditRecords.of(ok).Inc()
	if r.Outcome == "" && r.Attempt <= 1 && r.Action != access.ActionConfigure {
		m.decisions.of([2]string{string(r.Action), r.Decision}).Inc()
	}
	if r.Outcome == "" && r.SignatureSHA256 != "" {
		service := r.Service
		if !m.services[service] {
			service = other
		}
		m.signatures.of(signatureLabels{string(r.Action), m.profile(r.Profile), service, r.Algorithm}).Inc()
	}
}

// profile is the label of a profile.
func (m *Metrics) profile(name string) string {
	if name == "" {
		return fromRequest
	}
	if _, known := m.names.Load().Profiles[name]; !known {
		return other
	}
	return name
}

// SessionServed counts how a request came to its session.
func (m *Metrics) SessionServed(profile, how string) {
	m.sessionsServed.of([2]string{m.profile(profile), how}).Inc()
}

// Session counts what happened to a session.
func (m *Metrics) Session(e credentials.Event) {
	if e.Kind == credentials.EventSkew || e.Kind == credentials.EventCertificate {
		return // asked for when the metrics are read
	}
	profile := m.profile(e.Profile)
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

// STSCall counts a call to STS. Requests that bring keys choose the region.
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
