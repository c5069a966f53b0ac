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

// Traces records a span for each request, each STS call and each request sent to AWS, and sends them over OTLP. Like
// the log, spans hold no header, query, path, body or secret. A collector that does not respond delays no request: if
// too many spans are waiting for it, further ones are dropped and counted.
type Traces struct {
	tracer   trace.Tracer
	provider *sdktrace.TracerProvider
	queue    *queue
	now      func() time.Time
}

// NewTraces starts sending spans. Call [Traces.Shutdown] at the end. Spans that could not be sent are reported to lost,
// at most once a minute.
func NewTraces(s TraceSettings, version string, now func() time.Time, lost func(cause error, failed, dropped uint64)) *Traces {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {})) // variables have warnings already, and failed exports are counted
	form := otlptrace.NewUnstarted(newUploader(s.target, "countersign"+"/"+version))
	_ = form.Start(context.Background()) // it only sets a flag
	q := newQueue(s, form, now, lost)
	provider := sdktrace.NewTracerProvider(sdktrace.WithSampler(s.sampler), sdktrace.WithSpanProcessor(q),
		sdktrace.WithResource(resource.NewSchemaless(s.attributes...)))
	return &Traces{tracer: provider.Tracer("countersign", trace.WithInstrumentationVersion(version)), provider: provider, queue: q, now: now}
}

// Counts returns how many spans were sent, failed to be sent, and were dropped because too many were waiting.
func (t *Traces) Counts() (sent, failed, dropped uint64) {
	return t.queue.sent.Load(), t.queue.failed.Load(), t.queue.dropped.Load()
}

// Shutdown sends the remaining spans until ctx ends.
func (t *Traces) Shutdown(ctx context.Context) error { return t.provider.Shutdown(ctx) }

// Began starts the span of a request that belongs to the trace at, and sets at to the new span.
func (t *Traces) Began(ctx context.Context, method string, at *access.Trace) context.Context {
	if parent, ok := spanContext(*at); ok {
		ctx = trace.ContextWithRemoteSpanContext(ctx, parent)
	}
	ctx, span := t.tracer.Start(ctx, methodOf(method), trace.WithSpanKind(trace.SpanKindServer))
	is := span.SpanContext()
	*at = access.Trace{TraceID: is.TraceID().String(), SpanID: is.SpanID().String(), Flags: is.TraceFlags().String()}
	return ctx
}

// spanContext returns the caller's span, if there is one.
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

// Request ends the span of a request, which is in ctx.
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

// STSCall records a finished STS call, as a part of the request that waits for it if there is one.
func (t *Traces) STSCall(ctx context.Context, c credentials.STSCall) {
	code := ""
	if failure := (*credentials.Error)(nil); errors.As(c.Err, &failure) {
		code = failure.Code
	}
	t.record(ctx, "STS "+c.Operation, c.Took, c.Err != nil, texts("rpc.system", "aws-api", "rpc.service", "STS", "rpc.method", c.Operation,
		"cloud.region", c.Region, "aws.request_id", c.RequestID, "error.type", code))
}

// Record records the request sent to AWS, if the audit record is the outcome of one.
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

// record records a span of something that has finished.
func (t *Traces) record(ctx context.Context, name string, took time.Duration, failed bool, attributes []attribute.KeyValue) {
	end := t.now()
	_, span := t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(end.Add(-took)),
		trace.WithAttributes(attributes...))
	if failed {
		span.SetStatus(codes.Error, "")
	}
	span.End(trace.WithTimestamp(end))
}

// texts returns attributes from names and values. Empty values are left out.
func texts(pairs ...string) []attribute.KeyValue {
	out := make([]attribute.KeyValue, 0, len(pairs)/2+2)
	for pair := range slices.Chunk(pairs, 2) {
		if value := pair[1]; value != "" {
			out = append(out, attribute.String(pair[0], clip(value)))
		}
	}
	return out
}

// clip limits a text that a client may have chosen. It also makes it valid UTF-8, because one invalid span would make
// the collector reject others with it.
func clip(text string) string { return strings.ToValidUTF8(text[:min(len(text), 256)], "") }
