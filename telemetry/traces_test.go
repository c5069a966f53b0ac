package telemetry_test

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/access"
	"countersign/credentials"
	"countersign/telemetry"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// collector receives spans, decoded with the types that OpenTelemetry publishes. With the build tag peers, it also does
// so over gRPC.
type collector struct {
	// refusals are sent first, one for each request: HTTP or gRPC statuses.
	refusals []int
	rejects  uint64

	mu       sync.Mutex
	requests []*tracepb.TracesData
	headers  []string
}

func (c *collector) take(r *tracepb.TracesData, header string) (refusal int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.refusals) > 0 {
		refusal, c.refusals = c.refusals[0], c.refusals[1:]
		return refusal
	}
	c.requests, c.headers = append(c.requests, r), append(c.headers, header)
	return 0
}

// response returns an ExportTraceServiceResponse, with rejected_spans and error_message if some are rejected. Its Go
// types are only in the gRPC library.
func (c *collector) response() []byte {
	if c.rejects == 0 {
		return nil
	}
	partial := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), c.rejects)
	partial = protowire.AppendString(protowire.AppendTag(partial, 2, protowire.BytesType), "no")
	return protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), partial)
}

// ServeHTTP receives spans over HTTP.
func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body := r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		var err error
		if body, err = gzip.NewReader(body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
	text, err := io.ReadAll(body)
	in := &tracepb.TracesData{}
	if err = errors.Join(err, proto.Unmarshal(text, in)); err != nil || r.Method != http.MethodPost ||
		r.Header.Get("Content-Type") != "application/x-protobuf" {
		http.Error(w, "no spans", http.StatusBadRequest)
		return
	}
	if r.URL.Path != "/v1/traces" {
		http.NotFound(w, r)
		return
	}
	if refusal := c.take(in, r.Header.Get("X-Token")); refusal != 0 {
		w.WriteHeader(refusal)
		return
	}
	_, _ = w.Write(c.response())
}

// spans returns the received spans by name.
func (c *collector) spans() map[string]*tracepb.Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := map[string]*tracepb.Span{}
	for _, r := range c.requests {
		for _, s := range r.ResourceSpans {
			for _, s := range s.ScopeSpans {
				for _, s := range s.Spans {
					out[s.Name] = s
				}
			}
		}
	}
	return out
}

// overHTTP serves the collector and returns the variables for it.
func (c *collector) overHTTP(t *testing.T) map[string]string {
	s := httptest.NewServer(c)
	t.Cleanup(s.Close)
	return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": s.URL}
}

// certified returns a certificate for 127.0.0.1, and the file that has it.
func certified(t *testing.T) (tls.Certificate, string) {
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	name := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return s.TLS.Certificates[0], name
}

func (c *collector) overHTTPS(t *testing.T) map[string]string {
	certificate, ca := certified(t)
	s := httptest.NewUnstartedServer(c)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	s.StartTLS()
	t.Cleanup(s.Close)
	return map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": s.URL + "/v1/traces", "OTEL_EXPORTER_OTLP_CERTIFICATE": ca}
}

var ways = map[string]func(*collector, *testing.T) map[string]string{
	"HTTP": (*collector).overHTTP, "HTTPS": (*collector).overHTTPS,
}

// newTraces returns traces for the variables, which must be valid.
func newTraces(t testing.TB, variables map[string]string) *telemetry.Traces {
	t.Helper()
	s := telemetry.ReadTraceSettings(func(name string) string { return variables[name] }, "v1.2.3")
	if !s.Wanted || len(s.Warnings) > 0 {
		t.Fatalf("wanted %v, %q", s.Wanted, s.Warnings)
	}
	traces := telemetry.NewTraces(s, "v1.2.3", time.Now, func(cause error, failed, dropped uint64) {
		t.Logf("lost: %v, %d failed, %d dropped", cause, failed, dropped)
	})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = traces.Shutdown(ctx)
	})
	return traces
}

const (
	someTrace = "0af7651916cd43dd8448eb211c80319c"
	someSpan  = "b7ad6b7169203331"
)

// request records a request that waits for STS and is sent to AWS.
func request(traces *telemetry.Traces, at *access.Trace) {
	ctx := traces.Began(context.Background(), http.MethodPost, at)
	traces.STSCall(ctx, credentials.STSCall{
		Operation: "AssumeRole", Region: "eu-west-1", RequestID: "sts-1", Took: time.Second, Err: &credentials.Error{
			Kind: credentials.ErrDenied, Code: "AccessDenied",
		},
	})
	traces.Record(ctx, &access.Record{
		Service: "s3", Operation: "GetObject", Method: "GET", Region: "eu-west-1", Path: "/secret-path",
		Sent: access.Sent{Outcome: "complete", Status: 200, Attempts: 1, AWSRequestID: "s3-1", DurationMilliseconds: 12},
	})
	traces.Request(ctx, telemetry.Request{
		Method: http.MethodPost, Route: "/v1/send", Status: http.StatusBadGateway, Code: "session_unavailable", RequestID: "r-1",
		Caller: "flow\xff", InvocationID: "i-1",
	})
}

func TestTraces_ArriveAtACollector(t *testing.T) {
	for name, way := range ways {
		for _, compression := range []string{"none", "gzip"} {
			t.Run(name+" "+compression, func(t *testing.T) {
				t.Parallel()
				c := new(collector)
				variables := way(c, t)
				variables["OTEL_EXPORTER_OTLP_COMPRESSION"] = compression
				variables["OTEL_EXPORTER_OTLP_HEADERS"] = "x-token=a%20secret%3D, other=1"
				variables["OTEL_SERVICE_NAME"] = "orders-signer"
				variables["OTEL_RESOURCE_ATTRIBUTES"] = "deployment.environment.name=pro%20d,service.name=other"
				traces := newTraces(t, variables)
				at := access.Trace{TraceID: someTrace, SpanID: someSpan, Flags: "01"}
				request(traces, &at)
				traces.STSCall(context.Background(), credentials.STSCall{Operation: "GetCallerIdentity"})
				if err := traces.Shutdown(t.Context()); err != nil {
					t.Fatal(err)
				}
				if sent, failed, dropped := traces.Counts(); sent != 4 || failed != 0 || dropped != 0 {
					t.Errorf("%d sent, %d failed, %d dropped", sent, failed, dropped)
				}
				c.check(t, at)
			})
		}
	}
}

// check compares the received spans with what [request] did.
func (c *collector) check(t *testing.T, at access.Trace) {
	t.Helper()
	spans := c.spans()
	server, call, sent, background := spans["POST /v1/send"], spans["STS AssumeRole"], spans["s3 GetObject"], spans["STS GetCallerIdentity"]
	if server == nil || call == nil || sent == nil || background == nil {
		t.Fatalf("the spans are %v", spans)
	}
	if id := hex.EncodeToString(server.TraceId); id != someTrace || at.TraceID != id || hex.EncodeToString(server.ParentSpanId) != someSpan ||
		at.SpanID != hex.EncodeToString(server.SpanId) || at.Flags != "01" {
		t.Errorf("the request is span %v, and %+v in the log", server, at)
	}
	for _, part := range []*tracepb.Span{call, sent} {
		if string(part.TraceId) != string(server.TraceId) || string(part.ParentSpanId) != string(server.SpanId) ||
			part.Kind != tracepb.Span_SPAN_KIND_CLIENT {
			t.Errorf("%v is not part of the request", part)
		}
	}
	if len(background.ParentSpanId) > 0 || string(background.TraceId) == string(server.TraceId) {
		t.Errorf("a call without a request is part of %x", background.ParentSpanId)
	}
	if server.Kind != tracepb.Span_SPAN_KIND_SERVER || server.Status.GetCode() != tracepb.Status_STATUS_CODE_ERROR {
		t.Errorf("the request has kind %v and status %v", server.Kind, server.Status)
	}
	if took := time.Duration(call.EndTimeUnixNano - call.StartTimeUnixNano); took != time.Second {
		t.Errorf("the call took %v", took)
	}
	text := c.requests[0].String()
	for _, want := range []string{
		"orders-signer", "pro d", "v1.2.3", "AccessDenied", "sts-1", "s3-1", "session_unavailable", "r-1", "i-1", `"flow"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no span has %s: %s", want, text)
		}
	}
	if strings.Contains(text, "secret") {
		t.Errorf("a secret is in %s", text)
	}
	if c.headers[0] != "a secret=" {
		t.Errorf("the header is %q", c.headers[0])
	}
}

func TestTraces_ARequestThatWasNotTracedIsNotRecorded(t *testing.T) {
	c := new(collector)
	traces := newTraces(t, c.overHTTP(t))
	at := access.Trace{TraceID: someTrace, SpanID: someSpan, Flags: "00"}
	request(traces, &at)
	if err := traces.Shutdown(t.Context()); err != nil || len(c.requests) > 0 || at.TraceID != someTrace || at.Flags != "00" {
		t.Errorf("%v; %d uploads; %+v", err, len(c.requests), at)
	}
}

func TestTraces_ARequestWithoutATraceStartsOne(t *testing.T) {
	c := new(collector)
	traces := newTraces(t, c.overHTTP(t))
	at := access.TraceOf(http.Header{})
	request(traces, &at)
	if err := traces.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := c.spans()["POST /v1/send"]; s == nil || hex.EncodeToString(s.TraceId) != at.TraceID || len(s.ParentSpanId) > 0 {
		t.Errorf("%v, and %+v in the log", s, at)
	}
}

type refusal struct {
	name         string
	way          func(*collector, *testing.T) map[string]string
	refusals     []int
	rejects      uint64
	sent, failed uint64
}

var refusals = []refusal{
	{"HTTP, busy", (*collector).overHTTP, []int{503, 429}, 0, 3, 0},
	{"HTTP, bad", (*collector).overHTTP, []int{400}, 0, 0, 3},
	{"HTTP, a redirect", (*collector).overHTTP, []int{302}, 0, 0, 3},
	{"HTTP, some rejected", (*collector).overHTTP, nil, 2, 1, 2},
}

func TestTraces_TemporaryRefusalsAreRetried(t *testing.T) {
	for _, tt := range refusals {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := &collector{refusals: tt.refusals, rejects: tt.rejects}
			traces := newTraces(t, tt.way(c, t))
			request(traces, &access.Trace{})
			if err := traces.Shutdown(t.Context()); err != nil {
				t.Fatal(err)
			}
			if sent, failed, dropped := traces.Counts(); sent != tt.sent || failed != tt.failed || dropped != 0 {
				t.Errorf("%d sent, %d failed, %d dropped", sent, failed, dropped)
			}
		})
	}
}

// Using gRPC on the HTTP port, or the other way round, is a likely mistake.
func TestTraces_TheWrongProtocolIsAFailure(t *testing.T) {
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := new(collector)
			variables := way(c, t)
			variables["OTEL_EXPORTER_OTLP_TIMEOUT"] = "300"
			if variables["OTEL_EXPORTER_OTLP_PROTOCOL"] == "" {
				variables["OTEL_EXPORTER_OTLP_PROTOCOL"] = "grpc"
			} else {
				variables["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf"
				if e := variables["OTEL_EXPORTER_OTLP_ENDPOINT"]; !strings.Contains(e, "://") {
					variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = "https://" + e
				}
			}
			traces := newTraces(t, variables)
			request(traces, &access.Trace{})
			_ = traces.Shutdown(t.Context())
			if sent, failed, _ := traces.Counts(); sent != 0 || failed != 3 {
				t.Errorf("%d sent, %d failed", sent, failed)
			}
		})
	}
}

// The collector accepts connections and never responds. Spans beyond the queue are dropped and counted, and the
// shutdown waits no longer than its context.
func TestTraces_ADeadCollectorDelaysNothing(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	traces := newTraces(t, map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + listener.Addr().String(), "OTEL_BSP_MAX_QUEUE_SIZE": "10",
		"OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "5",
	})
	for range 100 {
		request(traces, &access.Trace{})
	}
	if sent, _, dropped := traces.Counts(); sent != 0 || dropped != 290 {
		t.Errorf("%d sent, %d dropped of 300", sent, dropped)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := traces.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the shutdown returned %v", err)
	}
}

func BenchmarkTraces(b *testing.B) {
	traces := newTraces(b, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"})
	b.ReportAllocs()
	for b.Loop() {
		ctx := traces.Began(context.Background(), http.MethodPost, &access.Trace{})
		traces.Request(ctx, telemetry.Request{Method: http.MethodPost, Route: "/v1/sign", Status: http.StatusOK, RequestID: "r-1"})
	}
}
