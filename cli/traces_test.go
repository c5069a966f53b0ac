package cli

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

const callersTrace = "0af7651916cd43dd8448eb211c80319c"

// With spans and without, given by the caller or begun here.
func TestTraces_LogAndAuditNameTheSameTrace(t *testing.T) {
	var mu sync.Mutex
	var uploaded strings.Builder
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		_, _ = io.Copy(&uploaded, r.Body)
	}))
	defer collector.Close()
	id := regexp.MustCompile(`^[0-9a-f]{32}$`)
	for _, endpoint := range []string{"", collector.URL} {
		file := filepath.Join(t.TempDir(), "audit")
		var p program
		p.env = map[string]string{
			"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": secret(1), "AWS_REGION": "eu-west-1", "COUNTERSIGN_AUTH": "none",
			"COUNTERSIGN_AUDIT_FILE": file, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_HEADERS": "x-token=" + secret(2),
		}
		s := serviceOf(t, &p)
		given := []string{"00-" + callersTrace + "-b7ad6b7169203331-01", "00-" + callersTrace + "-0000000000000000-01", ""}
		for _, traceparent := range given {
			r := httptest.NewRequest(
				http.MethodPost, "http://localhost/v1/sign?"+secret(3),
				strings.NewReader(`{"method":"POST","url":"https://sqs.eu-west-1.amazonaws.com/","body":"Action=`+secret(4)+`"}`),
			)
			r.Header.Set("Traceparent", traceparent)
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Cookie", secret(5))
			s.handler.ServeHTTP(httptest.NewRecorder(), r)
		}
		s.flush(t.Context(), 10*time.Second)
		s.close()
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		logged, recorded := tracesIn(t, p.out.String()), tracesIn(t, string(text))
		if len(logged) != len(given) || strings.Join(logged, " ") != strings.Join(recorded, " ") {
			t.Fatalf("%q: the log has the traces %q, the audit %q", endpoint, logged, recorded)
		}
		if logged[0] != callersTrace || !id.MatchString(logged[1]) || logged[1] == callersTrace || !id.MatchString(logged[2]) ||
			logged[2] == logged[1] {
			t.Errorf("%q: the traces are %q", endpoint, logged)
		}
	}
	if text := uploaded.String(); strings.Count(text, "POST /v1/sign") != 3 || secrets.MatchString(text) {
		t.Errorf("the spans are %q", text)
	}
}

// tracesIn are the traces of the lines about a request.
func tracesIn(t *testing.T, text string) []string {
	t.Helper()
	var all []string
	for line := range strings.Lines(text) {
		var l map[string]any
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		if l["request_id"] != nil {
			trace, _ := l["trace_id"].(string)
			all = append(all, trace)
		}
	}
	return all
}

func TestTraces_CheckPrintsWarnings(t *testing.T) {
	p := program{env: map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "EXAMPLESECRET", "COUNTERSIGN_AUTH": "none", "AWS_REGION": "eu-west-1",
		"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json",
	}}
	if code := p.run(t.Context(), "serve", "--check"); code != 0 ||
		!strings.Contains(p.out.String(), `warning: OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" is not supported`) {
		t.Errorf("exit code %d, %s%s", code, &p.out, &p.err)
	}
}

// serviceOf is a program's service, without a listener.
func serviceOf(t *testing.T, p *program) *service {
	t.Helper()
	at := &process{
		ctx: t.Context(), getenv: func(name string) string { return p.env[name] }, stdout: &p.out, stderr: &p.err, now: time.Now,
		contract: contract,
	}
	conf, err := loadConfig(at, "")
	if err != nil {
		t.Fatal(err)
	}
	s, err := newService(at, conf)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
