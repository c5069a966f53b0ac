package sending

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

// exchange is a request and all its attempts.
type exchange struct {
	client    *Client
	request   *Request
	transport *http.Transport
	host      *host
	released  atomic.Bool // the slot was released
	report    Report

	ahead          time.Duration // by how much the host's clock is, if clockCorrected
	clockCorrected bool
	sessionRenewed bool
}

// Send signs and sends a request, repeats it as [Request.Retry] says, and returns the
// last response, whatever its status. The caller must close the response body.
//
// Only ctx limits the total time. It also applies to the response body and to a
// connection after an upgrade: both end when ctx ends.
//
// The error is an [*Error].
func (c *Client) Send(ctx context.Context, r *Request) (*Response, error) {
	x := &exchange{client: c, request: r}
	if err := x.begin(ctx); err != nil {
		return nil, x.fail(err)
	}
	response, err := x.run(ctx)
	if err != nil {
		x.release()
		return nil, x.fail(err)
	}
	return response, nil
}

// begin checks the request and waits for a slot.
func (x *exchange) begin(ctx context.Context) *Error {
	r := x.request
	if r.Upgrade != "" && r.Body != nil && r.Body.length != 0 {
		return &Error{Kind: ErrUnsendable, Cause: errors.New("a request for an upgrade cannot have a body")}
	}
	if r.Method == http.MethodConnect {
		return &Error{Kind: ErrUnsendable, Cause: errors.New("net/http does not write the path of a CONNECT request")}
	}
	var err error
	if x.transport, err = x.client.transport(r); err != nil {
		return &Error{Kind: ErrNotConnected, Cause: err}
	}
	if x.host, err = x.client.hosts.acquire(ctx, r.URL.Host()); err != nil {
		if errors.Is(err, ErrBusy) {
			return &Error{Kind: ErrBusy}
		}
		return contextError(ctx, ErrBusy, err)
	}
	return nil
}

// release releases the slot. It may be called more than once.
func (x *exchange) release() {
	if !x.released.Swap(true) {
		x.client.hosts.release(x.host)
	}
}

// moment returns the current time, by the host's clock if that is known to differ.
func (x *exchange) moment() Moment {
	now := x.client.now()
	if x.clockCorrected {
		return Moment{now.Add(x.ahead), true}
	}
	ahead, known := x.host.clock()
	return Moment{now.Add(ahead), known}
}

// run makes attempts until one is final.
func (x *exchange) run(ctx context.Context) (*Response, *Error) {
	for cost := 0; ; {
		a, err := x.sign(ctx)
		if err != nil {
			return nil, err
		}
		err = a.do(ctx)
		x.note(a)
		next := x.plan(ctx, a, err)
		if !next.again {
			if err != nil {
				a.abandon()
				return nil, err
			}
			x.repay(a, cost)
			return newResponse(ctx, x, a), nil
		}
		a.abandon()
		cost = next.cost
		if err := pause(ctx, next.delay); err != nil {
			return nil, contextError(ctx, ErrNoResponse, err)
		}
	}
}

// note adds an attempt to the report.
func (x *exchange) note(a *attempt) {
	x.report.Attempts = append(x.report.Attempts, a.record)
	x.report.Status, x.report.Code = a.record.Status, a.record.Code
	x.report.RemoteAddress = a.record.RemoteAddress
	x.report.BytesOut += a.record.BytesOut
	if a.resp != nil {
		x.report.RequestID = requestID(a.resp.Header)
	}
}

// repay refunds tokens after a success.
func (x *exchange) repay(a *attempt, cost int) {
	switch {
	case a.record.Status >= 400:
	case len(x.report.Attempts) == 1:
		x.host.refund(firstTryBonus)
	default:
		x.host.refund(cost)
	}
}

// fail adds the report to an error. It returns an error interface, because a nil *Error in one would not be nil.
func (x *exchange) fail(err *Error) error {
	x.report.Status, x.report.Code = 0, ""
	x.report.Outcome = x.report.outcomeOf(err.Kind)
	err.Report = x.report
	return err
}

// contextError returns the error for a context that ended: [ErrCallerGone] if it was
// canceled, and kind if its deadline passed.
func contextError(ctx context.Context, kind, cause error) *Error {
	if errors.Is(ctx.Err(), context.Canceled) {
		kind = ErrCallerGone
	}
	return &Error{Kind: kind, Cause: fmt.Errorf("waiting: %w", cause)}
}

// pause waits before a retry.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
