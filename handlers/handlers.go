// Package handlers implements the operations of the API, one file for each: it decodes one strict JSON document,
// calls package broker, and writes the response. It knows which field of the document each part of the request came
// from: every refusal is a problem document with a code, a pointer to the field if there is one, and a hint.
//
// It does not route, authenticate or log: package api does, and gives each request its [Event]. It does not
// authorize, sign or record either: package broker does. The caller must provide what [broker.Options] requires. All
// handlers are safe for concurrent use.
package handlers

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"countersign/broker"
	"countersign/sending"
)

// Options is what the handlers need in addition to the broker's options.
type Options struct {
	broker.Options
	Version string
	// MaxResponseBytes is the largest response from AWS that is passed on. Default: 25 MiB.
	MaxResponseBytes int64
	// Spool makes files for the parts of such responses that are not held in memory.
	Spool sending.Spool
	// AuditBroken and SessionsReady report whether the instance can currently write records and get sessions. If nil,
	// it can.
	AuditBroken, SessionsReady func() bool
}

// Handlers has one method for each operation of the contract, which returns its handler.
type Handlers struct {
	Options
	broker   *broker.Broker
	draining atomic.Bool
}

// New returns the handlers.
func New(o Options) *Handlers { return &Handlers{Options: o, broker: broker.New(o.Options)} }

// Event gathers what is known about a request as it is handled; package api logs it once, at the end.
type Event struct {
	broker.Call
	Code   string // of the problem, if the response is one
	Cause  error  // of the problem; only for the log
	Detail string // what AWS or the network said if there is no session; only for the log
	Hint   string // what the operator should then check; only for the log
	// Passed says that the request will be forwarded; it may come from an SDK.
	Passed bool
	// QueueWait is how long the request waited for others to end; only for the log.
	QueueWait time.Duration
}

type eventKey struct{}

// EventContext is the context of a request and contains its event.
type EventContext struct {
	context.Context
	Event Event
}

// Value makes EventContext a [context.Context] in which [EventOf] finds the event.
func (c *EventContext) Value(key any) any {
	if key == (eventKey{}) {
		return &c.Event
	}
	return c.Context.Value(key)
}

// WithEvent returns the request with its event.
func WithEvent(r *http.Request, e *Event) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), eventKey{}, e))
}

// EventOf returns the event of a request; never nil. Only middleware and the outermost handlers call it; the
// functions that they call get the event, or the call in it, as an argument.
func EventOf(r *http.Request) *Event {
	if e, ok := r.Context().Value(eventKey{}).(*Event); ok {
		return e
	}
	return new(Event)
}

// serveJSON serves an operation: strict JSON in, JSON out, and all errors mapped by the same table. Only here is it
// known which field of the document a part of the request came from.
func serveJSON[Q any, A any](do func(context.Context, *broker.Call, *Q) (*A, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in Q
		if err := decode(r, &in); err != nil {
			WriteError(w, r, err)
			return
		}
		out, err := do(r.Context(), &EventOf(r).Call, &in)
		if err != nil {
			WriteError(w, r, withPointers(err, &in))
			return
		}
		writeJSON(w, r, http.StatusOK, "application/json", out)
	})
}
