package telemetry

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"countersign/access"
	"countersign/credentials"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Traces records a span of each request, of each call to STS and of each request that is sent to AWS, and sends them by OTLP.
// No span holds what the log may not hold: no header, query, path, body or secret. A collector that does not answer costs
// no request any time: beyond those that wait for it, spans are dropped and counted.
type Traces struct {
	tracer   trace.Tracer
	provider *sdktrace.TracerProvider
	queue    *queue
	now      func() time.Time
}

// NewTraces begins to send spans. Call [Traces.Shutdown] at the end. Lost is told of spans that were not sent, once a minute
// at most.
func NewTraces(s TraceSettings, version string, now func() time.Time, lost func(cause error, failed, dropped uint64)) *Traces {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {})) // of variables that have warnings, and of exports that are counted
	form := otlptrace.NewUnstarted(newUploader(s.target, "countersign"+"/"+version))
	_ = form.Start(context.Background()) // it only marks it as started
	q := newQueue(s, form, now, lost)
	provider := sdktrace.NewTracerProvider(sdktrace.WithSampler(s.sampler), sdktrace.WithSpanProcessor(q),
		sdktrace.WithResource(resource.NewSchemaless(s.attributes...)))
	return &Traces{tracer: provider.Tracer("countersign", trace.WithInstrumentationVersion(version)), provider: provider, queue: q, now: now}
}

// Counts are how many spans were sent, were not, and were dropped since too many waited.
func (t *Traces) Counts() (sent, failed, dropped uint64) {
	return t.queue.sent.Load(), t.queue.failed.Load(), t.queue.dropped.Load()
}

// Shutdown sends what is left, as long as ctx lasts.
func (t *Traces) Shutdown(ctx context.Context) error { return t.provider.Shutdown(ctx) }

// Began begins the span of a request that came as a part of at, which is then the span.
func (t *Traces) Began(ctx context.Context, method string, at *access.Trace) context.Context {
	if parent, ok := spanContext(*at); ok {
		ctx = trace.ContextWithRemoteSpanContext(ctx, parent)
	}
	ctx, span := t.tracer.Start(ctx, methodOf(method), trace.WithSpanKind(trace.SpanKindServer))
	is := span.SpanContext()
	*at = access.Trace{TraceID: is.TraceID().String(), SpanID: is.SpanID().String(), Flags: is.TraceFlags().String()}
	return ctx
}

// spanContext is the caller's span, if there is one.
func spanContext(at access.Trace) (trace.SpanContext, bool) {
	id, err := trace.TraceIDFromHex(at.TraceID)
	span, spanErr := trace.SpanIDFromHex(at.SpanID)
	if err != nil || spanErr != nil {
		return trace.SpanContext{}, false
	}
	var flags trace.TraceFlags
	return trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: id, SpanID: span, TraceFlags: flags.WithSampled(at.Flags == "01" || at.Flags == "03"), Remote: true,
	}), true
}

// Request ends the span of a request, which is in its context.
func (t *Traces) Request(ctx context.Context, r Request) {
	span := trace.SpanFromContext(ctx)
	defer span.End()
	if !span.IsRecording() {
		return
	}
	name := methodOf(r.Method)
	if r.Route != "" {
		name += " " + r.Route
	}
	span.SetName(name)
	span.SetAttributes(texts(
		"http.request.method", methodOf(r.Method), "http.route", r.Route, "faas.invocation_id", r.InvocationID,
		"countersign.request_id", r.RequestID, "countersign.caller", r.Caller, "countersign.profile", r.Profile,
		"countersign.service", r.Service, "countersign.region", r.Region, "error.type", r.Code,
	)...)
	span.SetAttributes(attribute.Int("http.response.status_code", r.Status))
	if r.Status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, "")
	}
}

// STSCall records a call to STS that is over: as a part of the request that waits for it, or for itself.
func (t *Traces) STSCall(ctx context.Context, c credentials.STSCall) {
	code := ""
	if failure := (*credentials.Error)(nil); errors.As(c.Err, &failure) {
		code = failure.Code
	}
	t.record(ctx, "STS "+c.Operation, c.Took, c.Err != nil, texts("rpc.system", "aws-api", "rpc.service", "STS", "rpc.method", c.Operation,
		"cloud.region", c.Region, "aws.request_id", c.RequestID, "error.type", code))
}

// Record records the request that was sent to AWS, where an audit record tells of one.
func (t *Traces) Record(ctx context.Context, r *access.Record) {
	if r.Outcome == "" {
		return
	}
	name := r.Service
	if r.Operation != "" {
		name += " " + r.Operation
	}
	attributes := texts("rpc.system", "aws-api", "rpc.service", r.Service, "rpc.method", r.Operation,
		"http.request.method", methodOf(r.Method), "cloud.region", r.Region, "aws.request_id", r.AWSRequestID, "countersign.profile", r.Profile,
		"countersign.outcome", r.Outcome, "error.type", r.AWSCode)
	attributes = append(attributes, attribute.Int("http.response.status_code", r.Status), attribute.Int("countersign.attempts", r.Attempts))
	failed := r.Outcome != "complete" || r.Status >= http.StatusBadRequest
	t.record(ctx, clip(name), time.Duration(r.DurationMilliseconds*float64(time.Millisecond)), failed, attributes)
}

// record records a span of something that is over.
func (t *Traces) record(ctx context.Context, name string, took time.Duration, failed bool, attributes []attribute.KeyValue) {
	end := t.now()
	_, span := t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(end.Add(-took)),
		trace.WithAttributes(attributes...))
	if failed {
		span.SetStatus(codes.Error, "")
	}
	span.End(trace.WithTimestamp(end))
}

// texts are attributes, given as names and values; those without a value are left out.
func texts(pairs ...string) []attribute.KeyValue {
	out := make([]attribute.KeyValue, 0, len(pairs)/2+2)
	for pair := range slices.Chunk(pairs, 2) {
		if value := pair[1]; value != "" {
			out = append(out, attribute.String(pair[0], clip(value)))
		}
	}
	return out
}

// clip bounds what a stranger can have written into a span, of which one that is not UTF-8 would take others along.
func clip(text string) string { return strings.ToValidUTF8(text[:min(len(text), 256)], "") }
