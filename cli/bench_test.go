package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// BenchmarkSign signs one request with everything that a request involves: a key, a policy, an audit record in a
// file, a log line, metrics. It excludes net/http.
func BenchmarkSign(b *testing.B) {
	for _, output := range []string{"full", "short"} {
		b.Run(output, func(b *testing.B) {
			dir := b.TempDir()
			handler, ask := benchService(b, output, filepath.Join(dir, "log"), map[string]string{
				"COUNTERSIGN_AUDIT_FILE": filepath.Join(dir, "audit"), "COUNTERSIGN_METRICS_ADDRESS": "127.0.0.1:9090",
			})
			b.ReportAllocs()
			before := processorTime(b)
			for b.Loop() {
				handler.ServeHTTP(ask())
			}
			b.ReportMetric(float64(processorTime(b)-before)/float64(b.N), "cpu-ns/op")
		})
	}
}

func benchService(
	b *testing.B, output, logFile string, environment map[string]string,
) (http.Handler, func() (http.ResponseWriter, *http.Request)) {
	folder := b.TempDir()
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = log.Close() })
	env := map[string]string{
		"AWS_ACCESS_KEY_ID": "ASIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
		"AWS_SESSION_TOKEN": strings.Repeat("sessiontoken/EXAMPLE", 45), "AWS_REGION": "eu-west-1",
		"COUNTERSIGN_API_KEY_SHA256": sha256Hex(dosKey), "COUNTERSIGN_RATE_PER_SECOND": "1000000", "COUNTERSIGN_RATE_BURST": "1000000",
		"COUNTERSIGN_POLICIES": filepath.Join(folder, "policies.cedar"),
	}
	maps.Copy(env, environment)
	const policy = `permit (principal == Caller::"default", action == Action::"sign", resource) when { resource.service == "execute-api" };`
	if err := os.WriteFile(env["COUNTERSIGN_POLICIES"], []byte(policy), 0o600); err != nil {
		b.Fatal(err)
	}
	s := serviceFor(b, &process{
		ctx: b.Context(), getenv: func(name string) string { return env[name] }, stdout: log, stderr: io.Discard,
		now: time.Now, contract: contract,
	})
	document, err := json.Marshal(map[string]any{
		"method": "POST", "url": "https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/prod/orders?status=open&limit=50",
		"headers": map[string]string{"Content-Type": "text/plain", "X-Correlation-Id": "2b1f0a52-5f63-4c0e-9a41-6d7f1f3c2e11"},
		"body":    strings.Repeat("The order \"1042\" is open, and waits for the goods.\n", 20), "output": output,
	})
	if err != nil {
		b.Fatal(err)
	}
	header := http.Header{"X-Api-Key": {dosKey}, "Content-Type": {"application/json"}, "Content-Length": {fmt.Sprint(len(document))}}
	target := &url.URL{Path: "/v1/sign"}
	response := &discarded{header: http.Header{}}
	handler := s.handler
	if s.metrics != nil {
		handler = s.metrics.Count(handler)
	}
	return handler, func() (http.ResponseWriter, *http.Request) {
		if response.status != 0 && response.status != http.StatusOK {
			b.Fatal(response.status)
		}
		clear(response.header)
		return response, &http.Request{
			Method: http.MethodPost, URL: target, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header, Host: "localhost",
			Body: io.NopCloser(bytes.NewReader(document)), ContentLength: int64(len(document)), RemoteAddr: "127.0.0.1:41234",
		}
	}
}

// discarded is a response of which only the status is kept.
type discarded struct {
	header http.Header
	status int
}

func (c *discarded) Header() http.Header         { return c.header }
func (c *discarded) WriteHeader(status int)      { c.status = status }
func (c *discarded) Write(b []byte) (int, error) { return len(b), nil }
