// Package handlers turns HTTP requests into calls of the other rooms, and their results into answers: one file per operation.
//
// A handler decodes one strict JSON document, parses the URL in it once, and lets the scope, the session and the signature look at
// that one parsed value; what it answers is rebuilt from it, so that what is sent is what was signed. Every refusal is a
// problem document with a code, a pointer to the field where there is one, and a hint.
//
// It does not route, authenticate or log: package api does, and hands in the [Event] of the request by its context.
// The caller owes a clock, a signer and a source of sessions. All handlers are safe for concurrent use.
package handlers

import (
	"context"
	"net/http"
	"sync/atomic"

	"countersign/broker"
)

// Options is what the handlers need besides what the broker does.
type Options struct {
	broker.Options
	Version string
	// AuditBroken and SessionsReady tell whether the instance can do its work at the moment. Nil: it can.
	AuditBroken, SessionsReady func() bool
}

// Handlers holds one maker for each operation of the contract.
type Handlers struct {
	Options
	broker   *broker.Broker
	draining atomic.Bool
}

// New returns the handlers.
func New(o Options) *Handlers { return &Handlers{Options: o, broker: broker.New(o.Options)} }

// Event gathers what is known about a request as it travels; package api logs it once, at the end.
type Event struct {
	broker.Call
	Code   string // of the problem, when the answer is one
	Cause  error  // of the problem; for the log alone
	Detail string // what AWS or the network said when there is no session; for the log alone
	Hint   string // what the operator should look at then; for the log alone
}

type eventKey struct{}

// WithEvent puts the event of a request into its context.
func WithEvent(ctx context.Context, e *Event) context.Context {
	return context.WithValue(ctx, eventKey{}, e)
}

// EventOf returns the event of a request; never nil.
func EventOf(ctx context.Context) *Event {
	if e, ok := ctx.Value(eventKey{}).(*Event); ok {
		return e
	}
	return &Event{}
}

// serveJSON is the way of every operation: strict JSON in, JSON out, errors by the one table. Only here is it known which
// field of the document a part of the request came from.
func serveJSON[Q any, A any](do func(context.Context, *broker.Call, *Q) (*A, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in Q
		if err := decode(r, &in); err != nil {
			WriteError(w, r, err)
			return
		}
		out, err := do(r.Context(), &EventOf(r.Context()).Call, &in)
		if err != nil {
			WriteError(w, r, withPointers(err, &in))
			return
		}
		writeJSON(w, r, http.StatusOK, "application/json", out)
	})
}
