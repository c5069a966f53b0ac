package telemetry_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/access"
	"countersign/credentials"
	"countersign/telemetry"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

func newMetrics(t testing.TB) *telemetry.Metrics {
	t.Helper()
	gate, err := access.NewLimiter(10, 1, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	hold, err := gate.Acquire(t.Context(), "flow", 3, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hold.Release)
	m := telemetry.New(telemetry.Options{
		Version: "v1.2.3", Revision: "0123456789ab", Now: func() time.Time { return time.Unix(1750000000, 0) },
		AuditSinks: []string{access.SinkFile, access.SinkStdout}, Gates: map[string]func() access.LimiterStatus{"requests": gate.Status},
		Sessions: func() credentials.Status {
			return credentials.Status{
				Profiles: []credentials.ProfileStatus{
					{Name: "orders", Usable: true, Expires: time.Unix(1700000000, 0)},
					{Name: "erp", Usable: true, CertificateExpires: time.Unix(1800000000, 0), CertificateLife: time.Hour},
				},
				Sessions: 2, Skew: map[string]time.Duration{"": -90 * time.Second},
			}
		},
		AuditBroken: func() bool { return true }, Draining: func() bool { return false }, Connections: func() (int, int) { return 3, 100 },
		Spans: func() (uint64, uint64, uint64) { return 7, 0, 1 },
	})
	m.Use(telemetry.Names{
		Profiles: map[string]string{"orders": "static", "erp": credentials.SourceRolesAnywhere},
		Callers:  map[string]time.Time{"flow": time.Unix(1800000000, 0), "other": {}},
		Methods:  []string{"api-key", "entra"}, Regions: []string{"eu-west-1"},
		ConfigHash: "0123456789ab", Generation: 1, TLSExpires: time.Unix(1900000000, 0),
	})
	return m
}

// signed is the audit record of a signed request.
var signed = telemetry.Request{
	Method: "POST", Route: "/v1/sign", Status: 200, Took: time.Millisecond, Caller: "flow", AuthMethod: access.MethodAPIKey,
}

func read(m *telemetry.Metrics) string {
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return w.Body.String()
}

// feed reports one event of each kind to m.
func feed(t testing.TB, m *telemetry.Metrics) {
	t.Helper()
	m.Request(signed)
	forbidden, limited := signed, signed
	forbidden.Status, forbidden.Took, forbidden.Code = 403, 0, "forbidden"
	limited.Status, limited.Took, limited.Code = 429, 0, "rate_limited"
	m.Request(forbidden)
	m.Request(limited)
	m.Request(telemetry.Request{Method: "POST", Route: "/v1/sign", Status: 401, Code: "unauthorized"})
	m.Request(telemetry.Request{Method: "GET", Route: "/livez", Status: 200})
	signed := access.Record{
		Action: access.ActionSign, Decision: "allow", Profile: "orders", Service: "s3", SignatureSHA256: "x",
		Algorithm: "AWS4-HMAC-SHA256",
	}
	for _, r := range []access.Record{
		signed,
		{Action: access.ActionSign, Decision: "deny", Profile: "orders"},
		{Action: access.ActionSend, Decision: "allow", Sent: access.Sent{Outcome: "complete"}},
	} {
		m.Record(&r, nil)
	}
	full := fmt.Errorf("%w: %w", access.ErrAudit, &access.SinkError{Sink: access.SinkFile, Err: errors.New("full")})
	m.Record(&signed, full)
	m.SessionServed("orders", credentials.ServedHeld)
	m.SessionServed("", credentials.ServedWaited)
	m.Session(credentials.Event{Kind: credentials.EventFetched, Profile: "orders", Took: time.Second})
	m.Session(credentials.Event{Kind: credentials.EventFailed, Err: credentials.ErrDenied})
	m.Session(credentials.Event{Kind: credentials.EventSkew, Skew: time.Hour})
	m.STSCall(credentials.STSCall{Operation: "AssumeRole", Region: "eu-west-1"})
	m.STSCall(credentials.STSCall{Operation: "AssumeRole", Region: "mars-west-1", Err: full})
	m.KeysFetched(nil)
	m.KeysFetched(full)
	m.Reloaded(full)
}

func TestMetrics_CountWhatHappens(t *testing.T) {
	m := newMetrics(t)
	feed(t, m)
	answered := false
	m.Count(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		answered = strings.Contains(read(m), `http_server_active_requests{http_request_method="POST"} 1`)
	})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", nil))
	if !answered {
		t.Error("a request that is being served is not counted")
	}
	text := read(m)
	for _, want := range []string{
		`http_server_request_duration_seconds_count{http_request_method="POST",http_response_status_code="200",http_route="/v1/sign"} 1`,
		`http_server_active_requests{http_request_method="POST"} 0`,
		`countersign_problems_total{error_code="forbidden",route="/v1/sign"} 1`,
		`countersign_signatures_total{algorithm="AWS4-HMAC-SHA256",operation="sign",profile="orders",service="s3"} 1`,
		`countersign_authentications_total{method="api-key",outcome="ok"} 3`,
		`countersign_authentications_total{method="(other)",outcome="denied"} 1`,
		`countersign_authentications_total{method="entra",outcome="ok"} 0`,
		`countersign_policy_decisions_total{action="sign",decision="allow"} 1`,
		`countersign_policy_decisions_total{action="sign",decision="deny"} 1`,
		`countersign_policy_decisions_total{action="send",decision="allow"} 0`,
		`countersign_caller_requests_total{caller="flow",outcome="ok"} 1`,
		`countersign_caller_requests_total{caller="flow",outcome="denied"} 1`,
		`countersign_caller_requests_total{caller="flow",outcome="error"} 1`,
		`countersign_caller_requests_total{caller="other",outcome="ok"} 0`,
		`countersign_audit_records_total{outcome="ok",sink="file"} 3`, `countersign_audit_records_total{outcome="ok",sink="stdout"} 3`,
		`countersign_audit_records_total{outcome="error",sink="file"} 1`, `countersign_audit_records_total{outcome="error",sink="stdout"} 0`,
		`countersign_audit_broken 1`,
		`countersign_sessions_served_total{profile="orders",result="held"} 1`,
		`countersign_sessions_served_total{profile="(request)",result="waited"} 1`,
		`countersign_session_fetches_total{outcome="ok",profile="orders",source="static"} 1`,
		`countersign_session_fetches_total{outcome="unavailable",profile="orders",source="static"} 0`,
		`countersign_session_fetches_total{outcome="denied",profile="(request)",source="request"} 1`,
		`countersign_session_fetch_duration_seconds_count{profile="orders"} 1`,
		`countersign_session_expiry_timestamp_seconds{profile="orders"} 1.7e+09`, `countersign_session_usable{profile="orders"} 1`,
		`countersign_certificate_expiry_timestamp_seconds{profile="erp"} 1.8e+09`, `countersign_certificate_lifetime_seconds{profile="erp"} 3600`,
		`countersign_sessions_cached{kind="profile"} 2`, `countersign_clock_skew_seconds{clock="aws"} -90`,
		`countersign_sts_requests_total{endpoint="eu-west-1",operation="AssumeRole",outcome="ok"} 1`,
		`countersign_sts_requests_total{endpoint="(other)",operation="AssumeRole",outcome="error"} 1`,
		`countersign_jwks_refreshes_total{outcome="ok"} 1`, `countersign_jwks_refreshes_total{outcome="error"} 1`,
		`countersign_gate_in_use{gate="requests"} 3`, `countersign_gate_capacity{gate="requests"} 10`, `countersign_rate_limited_total 1`,
		`countersign_connections_open 3`, `countersign_connections_max 100`, `countersign_config_info{hash="0123456789ab"} 1`,
		`countersign_tls_certificate_expiry_timestamp_seconds 1.9e+09`,
		`countersign_api_key_expiry_timestamp_seconds{caller="flow"} 1.8e+09`, `countersign_draining 0`,
		`countersign_config_last_reload_successful 0`, `countersign_config_last_reload_success_timestamp_seconds 1.75e+09`,
		`countersign_config_reloads_total{outcome="error"} 1`, `countersign_config_reloads_total{outcome="ok"} 0`,
		`countersign_config_generation 1`,
		fmt.Sprintf(`countersign_build_info{goversion=%q,revision="0123456789ab",version="v1.2.3"} 1`, runtime.Version()),
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("there is no %s", want)
		}
	}
	if strings.Contains(text, `countersign_api_key_expiry_timestamp_seconds{caller="other"}`) {
		t.Error("a key without expiry has one")
	}
}

func TestMetrics_FollowTheConfiguration(t *testing.T) {
	m := newMetrics(t)
	m.Use(telemetry.Names{
		Profiles: map[string]string{"orders": "environment", "new": "static"}, Callers: map[string]time.Time{"newcomer": {}},
		ConfigHash: "another", Generation: 2,
	})
	m.Reloaded(nil)
	m.SessionServed("new", credentials.ServedHeld)
	m.Session(credentials.Event{Kind: credentials.EventFetched, Profile: "orders"})
	m.Request(telemetry.Request{Method: "GET", Route: "/v1/scope", Status: 200, Caller: "flow", AuthMethod: access.MethodAPIKey})
	text := read(m)
	for _, want := range []string{
		`countersign_sessions_served_total{profile="new",result="held"} 1`, `countersign_caller_requests_total{caller="newcomer",outcome="ok"} 0`,
		`countersign_session_fetches_total{outcome="ok",profile="orders",source="environment"} 1`, `countersign_config_generation 2`,
		`countersign_caller_requests_total{caller="(api-key)",outcome="ok"} 1`, `countersign_config_info{hash="another"} 1`,
		`countersign_config_reloads_total{outcome="ok"} 1`, `countersign_config_last_reload_successful 1`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("there is no %s", want)
		}
	}
	if strings.Contains(text, "countersign_api_key_expiry_timestamp_seconds{") {
		t.Error("a removed caller still has a key expiry")
	}
}

// Whatever many requests report at the same time is counted, with the names that were in force when it happened.
func TestMetrics_NothingIsLostInBatches(t *testing.T) {
	m := newMetrics(t)
	var requests sync.WaitGroup
	for range 7 {
		requests.Go(func() {
			for range 101 {
				m.SessionServed("orders", credentials.ServedHeld)
				m.Request(signed)
			}
		})
	}
	requests.Wait()
	m.Use(telemetry.Names{})
	text := read(m)
	for _, want := range []string{
		`countersign_sessions_served_total{profile="orders",result="held"} 707`,
		`countersign_caller_requests_total{caller="flow",outcome="ok"} 707`,
		`http_server_request_duration_seconds_count{http_request_method="POST",http_response_status_code="200",http_route="/v1/sign"} 707`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("there is no %s", want)
		}
	}
}

// Whatever 10,000 requests hold, there are as many series as after the first.
func TestMetrics_ClientsCannotCreateSeries(t *testing.T) {
	m := newMetrics(t)
	tell := func(n int) {
		word := fmt.Sprint("x", n)
		m.Request(telemetry.Request{Method: word, Status: 200, Caller: word, AuthMethod: access.MethodEntra})
		m.Request(telemetry.Request{Method: "GET", Route: "/v1/scope", Status: 1000 + n, Caller: word, AuthMethod: access.MethodEntra})
		m.SessionServed(word, credentials.ServedHeld)
		m.Session(credentials.Event{Profile: word})
		m.STSCall(credentials.STSCall{Operation: "AssumeRole", Region: word})
		m.Record(&access.Record{
			Action: access.ActionSign, Decision: "allow", Profile: word, Service: word, Host: word, Path: word, CallerID: word, RequestID: word,
			Region:          word,
			SignatureSHA256: word, Algorithm: "AWS4-HMAC-SHA256",
		}, nil)
		m.Count(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), &http.Request{Method: word})
	}
	tell(0)
	before := series(read(m))
	for n := range 10_000 {
		tell(n)
	}
	if after := series(read(m)); !slices.Equal(before, after) {
		t.Errorf("%d series, and %d afterwards", len(before), len(after))
	}
}

// series returns the names and labels of all series except the runtime's.
func series(text string) []string {
	var all []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "go_") && !strings.HasPrefix(line, "process_") &&
			!strings.HasPrefix(line, "promhttp_") {
			all = append(all, line[:strings.LastIndexByte(line, ' ')])
		}
	}
	slices.Sort(all)
	return all
}

var family = regexp.MustCompile(`(?m)^# TYPE ((?:countersign|http_server)_\w+) (\w+)$`)

// The registry has the metrics listed in docs/operations.md, with their types. The rules and the dashboard use no
// others, and the dashboard shows each.
func TestMetrics_AreDocumentedAndUsed(t *testing.T) {
	m := newMetrics(t)
	feed(t, m)
	registered := map[string]string{}
	for _, found := range family.FindAllStringSubmatch(read(m), -1) {
		registered[found[1]] = found[2]
	}
	documented := map[string]string{}
	docs := file(t, "../docs/operations.md")
	for _, row := range regexp.MustCompile("(?m)^\\| (`(?:countersign|http_server)_.*`) \\| (\\w+) \\|").FindAllStringSubmatch(docs, -1) {
		for name := range strings.SplitSeq(row[1], ", ") {
			documented[strings.Trim(name, "`")] = row[2]
		}
	}
	if !maps.Equal(registered, documented) {
		t.Errorf("the registry has\n%v\nand docs/operations.md\n%v", registered, documented)
	}
	rules, dashboard := file(t, "../deploy/prometheus/rules.yaml"), file(t, "../deploy/prometheus/dashboard.json")
	for name, text := range map[string]string{"rules": expressions(rules), "dashboard": dashboard} {
		for _, used := range regexp.MustCompile(`\b(?:countersign|http_server)_[a-z_]+\b`).FindAllString(text, -1) {
			bare := regexp.MustCompile(`_(bucket|count|sum)$`).ReplaceAllString(used, "")
			if registered[used] == "" && registered[bare] != "histogram" {
				t.Errorf("the %s use %s, which is not a metric", name, used)
			}
		}
	}
	for name := range registered {
		if !strings.Contains(dashboard, name) {
			t.Errorf("the dashboard does not show %s", name)
		}
	}
	for _, alert := range regexp.MustCompile(`(?m)alert: (\w+)$`).FindAllStringSubmatch(rules, -1) {
		if !strings.Contains(docs, "\n### "+alert[1]+"\n") || !strings.Contains(rules, "#"+strings.ToLower(alert[1])+"\n") {
			t.Errorf("docs/operations.md does not say what to do about %s", alert[1])
		}
	}
	if !json.Valid([]byte(dashboard)) {
		t.Error("the dashboard is not JSON")
	}
}

// expressions returns the rules without their annotations.
func expressions(rules string) string {
	var lines []string
	for line := range strings.Lines(rules) {
		if !strings.Contains(line, "runbook:") && !strings.Contains(line, "summary:") && !strings.Contains(line, "alert:") &&
			!strings.Contains(line, "name:") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

func file(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestMetrics_FollowTheRulesOfTheirFormat(t *testing.T) {
	m := newMetrics(t)
	feed(t, m)
	problems, err := promlint.New(strings.NewReader(read(m))).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}

// Prometheus's own tool, if it is installed (Debian package prometheus), checks the metrics and the rules, and tests
// what the rules make of given series.
func TestPromtool(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("CI must read metrics and rules with promtool: %v", err)
		}
		t.Skip("NOT CHECKED by promtool: it is not installed")
	}
	m := newMetrics(t)
	feed(t, m)
	run := func(input io.Reader, args ...string) {
		command := exec.CommandContext(t.Context(), promtool, args...)
		command.Stdin = input
		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	run(strings.NewReader(read(m)), "check", "metrics")
	run(nil, "check", "rules", "../deploy/prometheus/rules.yaml")
	run(nil, "test", "rules", "../deploy/prometheus/tests.yaml") // each alert, with series that trigger it and others that do not
	tests := file(t, "../deploy/prometheus/tests.yaml")
	for _, alert := range regexp.MustCompile(`(?m)alert: (\w+)$`).FindAllStringSubmatch(file(t, "../deploy/prometheus/rules.yaml"), -1) {
		if !strings.Contains(tests, "alertname: "+alert[1]+"\n") {
			t.Errorf("deploy/prometheus/tests.yaml does not test %s", alert[1])
		}
	}
}

// BenchmarkMetrics measures how long it takes to count a signature.
func BenchmarkMetrics(b *testing.B) {
	m := newMetrics(b)
	record := access.Record{
		Action: access.ActionSign, Decision: "allow", Profile: "orders", Service: "s3", SignatureSHA256: "x",
		Algorithm: "AWS4-HMAC-SHA256",
	}
	handler := m.Count(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		m.SessionServed("orders", credentials.ServedHeld)
		m.Record(&record, nil)
		m.Request(signed)
	}))
	r := httptest.NewRequest(http.MethodPost, "/v1/sign", nil)
	b.ReportAllocs()
	for b.Loop() {
		handler.ServeHTTP(nil, r)
	}
}
