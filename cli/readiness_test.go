package cli

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"countersign/sandbox"
)

// Each fault shows only after a request has met it, and clears without another request.
func TestReadiness_FollowsAuditAndSessions(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, code string }{
		{"audit", "audit_unavailable"},
		{"STS", "session_unavailable"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var faulty atomic.Bool
			faulty.Store(true)
			aws, err := sandbox.New(sandbox.Options{Now: time.Now, Region: "eu-west-1", Fault: func(*http.Request) http.Handler {
				if faulty.Load() && test.name == "STS" {
					return sandbox.Refuse(500, "InternalFailure", "down")
				}
				return nil
			}}).Start()
			if err != nil {
				t.Fatal(err)
			}
			defer aws.Close()
			env := sandboxEnvironment(aws)
			out := &faultyWriter{faulty: func() bool { return faulty.Load() && test.name == "audit" }}
			p := &process{
				ctx: t.Context(), getenv: func(name string) string { return env[name] }, stdout: out, stderr: out, now: time.Now,
				flags: map[string]string{"auth": "none"}, contract: contract,
			}
			conf, err := loadConfig(p, "")
			if err != nil {
				t.Fatal(err)
			}
			service, err := newService(p, conf)
			if err != nil {
				t.Fatal(err)
			}
			defer service.close()
			ask := func(method, path, body string) *httptest.ResponseRecorder {
				w := httptest.NewRecorder()
				service.handler.ServeHTTP(w, httptest.NewRequest(method, "http://localhost"+path, strings.NewReader(body)))
				return w
			}
			if w := ask("GET", "/readyz", ""); w.Code != http.StatusOK {
				t.Errorf("before the first request: %d %s", w.Code, w.Body)
			}
			const get = `{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/"}`
			if w := ask("POST", "/v1/sign", get); w.Code != http.StatusServiceUnavailable {
				t.Fatalf("the request met no fault: %d %s", w.Code, w.Body)
			}
			w := ask("GET", "/readyz", "")
			if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), `"code":"`+test.code+`"`) ||
				w.Header().Get("Retry-After") == "" {
				t.Errorf("while the fault lasts: %d %s", w.Code, w.Body)
			}
			if w := ask("GET", "/livez", ""); w.Code != http.StatusOK {
				t.Errorf("livez, which would have the instance restarted: %d", w.Code)
			}
			faulty.Store(false)
			for range 600 {
				if w = ask("GET", "/readyz", ""); w.Code == http.StatusOK {
					return
				}
				time.Sleep(50 * time.Millisecond)
			}
			t.Errorf("after the fault: %d %s", w.Code, w.Body)
		})
	}
}

// faultyWriter refuses audit records while it is faulty.
type faultyWriter struct {
	buffer
	faulty func() bool
}

func (w *faultyWriter) Write(p []byte) (int, error) {
	if w.faulty() && strings.Contains(string(p), `"event_id"`) {
		return 0, os.ErrClosed
	}
	return w.buffer.Write(p)
}
