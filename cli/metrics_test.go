package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// serviceWith is the service with the given environment, without a listener.
func serviceWith(t testing.TB, environment map[string]string) *service {
	t.Helper()
	env := map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "AWS_REGION": "eu-west-1",
		"COUNTERSIGN_AUTH": "none", "COUNTERSIGN_LOG_LEVEL": "error", "COUNTERSIGN_RATE_PER_SECOND": "1000000",
		"COUNTERSIGN_RATE_BURST": "1000000",
	}
	maps.Copy(env, environment)
	return serviceFor(t, &process{
		ctx: t.Context(), getenv: func(name string) string { return env[name] }, stdout: io.Discard, stderr: io.Discard,
		now: time.Now, contract: contract,
	})
}

func serviceFor(t testing.TB, p *process) *service {
	t.Helper()
	conf, err := loadConfig(p, "")
	if err != nil {
		t.Fatal(err)
	}
	s, err := newService(p, conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s
}

// 10,000 requests in which everything is made up leave no more series than the first few.
func TestMetrics_RequestsOfStrangersMakeNoSeries(t *testing.T) {
	s := serviceWith(t, map[string]string{"COUNTERSIGN_METRICS_ADDRESS": "127.0.0.1:9090", "COUNTERSIGN_ALLOW_REQUEST_CREDENTIALS": "true"})
	ask := func(method, path, body, id string) {
		r := httptest.NewRequest(method, "http://localhost"+path, strings.NewReader(body))
		r.Header.Set("X-Request-Id", id)
		r.Header.Set("X-Api-Key", id)
		r.Header.Set("User-Agent", id)
		s.handler.ServeHTTP(httptest.NewRecorder(), r)
	}
	round := func(n int) {
		word := fmt.Sprintf("w%d", n)
		ask(
			"POST", "/v1/sign",
			fmt.Sprintf(`{"method":"GET","url":"https://%s.execute-api.eu-west-1.amazonaws.com/%s?%s=1"}`, word, word, word), word,
		)
		ask(
			"POST", "/v1/sign",
			fmt.Sprintf(`{"method":"GET","url":"https://%s.example.com/","service":"%s","region":"%s"}`, word, word, word), word,
		)
		ask("POST", "/v1/sign", fmt.Sprintf(`{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/","profile":"%s"}`, word), word)
		ask("POST", "/v1/presign", fmt.Sprintf(`{"method":"%s","url":"https://%s.s3.amazonaws.com/%s"}`, strings.ToUpper(word), word, word), word)
		ask(
			"POST", "/v1/sign",
			fmt.Sprintf(
				`{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/","credentials":{"accessKeyId":"%s","secretAccessKey":"%s"}}`,
				word, word,
			),
			word,
		)
		ask("POST", "/"+word, "{}", word)
		ask("GET", "/v1/"+word+"?profile="+word, "", word)
		ask(strings.ToUpper(word), "/v1/sign", "", word)
		ask("GET", "/v1/scope?url=https://"+word+".example.com/", "", word)
		ask("POST", "/proxy/"+word+"/"+word+".example.com/"+word, "", word)
	}
	for n := range 5 {
		round(n)
	}
	before := seriesOf(t, s)
	rounds := 1000
	if testing.Short() {
		rounds = 100
	}
	for n := range rounds {
		round(100 + n)
	}
	if after := seriesOf(t, s); !slices.Equal(before, after) {
		t.Errorf("%d series, and %d after %d requests", len(before), len(after), 10*rounds)
	}
}

// seriesOf are the names and labels of the service's metrics.
func seriesOf(t *testing.T, s *service) []string {
	t.Helper()
	w := httptest.NewRecorder()
	s.metrics.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	var all []string
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, "countersign_") || strings.HasPrefix(line, "http_") {
			all = append(all, line[:strings.LastIndexByte(line, ' ')])
		}
	}
	slices.Sort(all)
	if len(all) < 100 {
		t.Fatalf("only %d series:\n%s", len(all), w.Body)
	}
	return all
}

// The program runs in its own process and is scraped over and over while requests are signed. The counts match what
// was sent; the main address serves no metrics; the health check fails while the process stops.
func TestMetrics_AreServedDuringLoad(t *testing.T) {
	metrics := "127.0.0.1:" + freePort(t)
	s := serveApart(t, "COUNTERSIGN_METRICS_ADDRESS="+metrics, unended)
	get := func(url string) (int, string) {
		response, err := http.Get(url) //nolint:noctx // the test limits the client's time
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(text)
	}
	stop := make(chan struct{})
	var scraping sync.WaitGroup
	scrapes := 0
	scraping.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if status, _ := get("http://" + metrics + "/metrics"); status != http.StatusOK {
				t.Errorf("/metrics: %d", status)
			}
			scrapes++
			time.Sleep(10 * time.Millisecond)
		}
	})
	took := s.measure(100, 100, s.client)
	close(stop)
	scraping.Wait()
	_, text := get("http://" + metrics + "/metrics")
	for _, want := range []string{
		`http_server_request_duration_seconds_count{http_request_method="POST",http_response_status_code="200",http_route="/v1/sign"} 100`,
		`countersign_signatures_total{algorithm="AWS4-HMAC-SHA256",operation="sign",profile="default",service="sqs"} 100`,
		`countersign_authentications_total{method="api-key",outcome="ok"} 100`, `countersign_audit_records_total{outcome="ok",sink="file"} 101`,
		"\nprocess_open_fds ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %s", want)
		}
	}
	if strings.Contains(text, "\ncountersign_connections_open 0\n") {
		t.Error("no connection is open")
	}
	for path, want := range map[string]int{
		metrics + "/livez": 200, metrics + "/readyz": 200, metrics + "/v1/sign": 404, s.address + "/metrics": 404,
	} {
		if status, _ := get("http://" + path); status != want {
			t.Errorf("%s: %d, want %d", path, status, want)
		}
	}
	t.Logf("%d scrapes while requests were signed; p50 %v, p99 %v", scrapes, took.at(50), took.at(99))
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for range 500 {
		status, body := get("http://" + metrics + "/readyz")
		if status == http.StatusServiceUnavailable {
			var problem struct{ Code string }
			if err := json.Unmarshal([]byte(body), &problem); err != nil || problem.Code == "" {
				t.Errorf("the response when not ready is %s", body)
			}
			if _, text := get("http://" + metrics + "/metrics"); !strings.Contains(text, "\ncountersign_draining 1\n") {
				t.Error("the instance does not say that it is draining")
			}
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("the instance stays ready")
}

func TestMetrics_AddressInUseIsAnError(t *testing.T) {
	port := freePort(t)
	p := program{env: map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "EXAMPLESECRET", "COUNTERSIGN_AUTH": "none",
		"PORT": port, "COUNTERSIGN_METRICS_ADDRESS": "127.0.0.1:" + port,
	}}
	if code := p.run(t.Context(), "serve"); code != 1 || !strings.Contains(p.err.String(), "metrics_address: listen") {
		t.Errorf("exit code %d, %s", code, &p.err)
	}
}
