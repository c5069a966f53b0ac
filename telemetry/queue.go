package telemetry

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// queue limits the number of waiting spans. The SDK's own queue also drops spans, but does not report how many, so this
// one never passes it more than it takes. It also counts the spans that the exporter fails to send.
type queue struct {
	sdktrace.SpanProcessor
	most    int64
	waiting atomic.Int64

	sent, failed, dropped atomic.Uint64

	lost     func(cause error, failed, dropped uint64)
	now      func() time.Time
	reported atomic.Int64 // when lost was last called, in nanoseconds
}

func newQueue(s TraceSettings, to sdktrace.SpanExporter, now func() time.Time, lost func(error, uint64, uint64)) *queue {
	q := &queue{most: int64(s.queue), lost: lost, now: now}
	q.SpanProcessor = sdktrace.NewBatchSpanProcessor(counting{to, q}, sdktrace.WithMaxQueueSize(s.queue),
		sdktrace.WithMaxExportBatchSize(s.batch), sdktrace.WithBatchTimeout(s.delay), sdktrace.WithExportTimeout(s.target.timeout))
	return q
}

var errFull = errors.New("too many spans are waiting")

// OnEnd queues a finished span, or drops it.
func (q *queue) OnEnd(s sdktrace.ReadOnlySpan) {
	if !s.SpanContext().IsSampled() {
		return
	}
	if q.waiting.Add(1) > q.most {
		q.waiting.Add(-1)
		q.dropped.Add(1)
		q.report(errFull)
		return
	}
	q.SpanProcessor.OnEnd(s)
}

// reportEvery is how often lost spans are reported at most.
const reportEvery = time.Minute

func (q *queue) report(cause error) {
	now, last := q.now().UnixNano(), q.reported.Load()
	if now-last >= int64(reportEvery) && q.reported.CompareAndSwap(last, now) {
		q.lost(cause, q.failed.Load(), q.dropped.Load())
	}
}

// counting is an exporter that counts the spans that were sent and that failed.
type counting struct {
	sdktrace.SpanExporter
	queue *queue
}

// ExportSpans sends spans. It counts and reports errors, and never returns one.
func (c counting) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	q, n := c.queue, uint64(len(spans))
	err := c.SpanExporter.ExportSpans(ctx, spans)
	q.waiting.Add(-int64(len(spans)))
	failed := n
	var some rejected
	switch {
	case err == nil:
		failed = 0
	case errors.As(err, &some):
		failed = min(n, uint64(some))
	}
	q.sent.Add(n - failed)
	q.failed.Add(failed)
	if err != nil {
		q.report(err)
	}
	return nil
}
