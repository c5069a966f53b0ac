package sending

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

	"countersign/signing"
)

// Response is AWS's response.
type Response struct {
	// Response is the response as net/http reads it: nothing unpacked, headers as
	// they came, trailers once the body is read. Its body must be closed; it can be
	// written to after an upgrade. Its errors are an [*Error].
	*http.Response

	body *download
}

// IsEvents tells whether the body is a stream of events, which may last for hours
// without one.
func (a *Response) IsEvents() bool {
	media, _, _ := strings.Cut(a.Response.Header.Get("Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(media), "text/event-stream")
}

// Report is what happened so far; it is final once the body is closed.
func (a *Response) Report() Report { return a.body.snapshot() }

// ReadAll reads the body and closes it. With more than limit bytes the error is
// [ErrTooLarge], and what was read up to the limit is returned with it.
func (a *Response) ReadAll(limit int64) ([]byte, error) {
	defer func() { _ = a.Response.Body.Close() }() // what matters was read
	tooLarge := func() error {
		a.body.finish(a.body.answered())
		return &Error{Kind: ErrTooLarge, Report: a.Report()}
	}
	if a.Response.ContentLength > limit && a.Response.Request.Method != http.MethodHead {
		return nil, tooLarge()
	}
	content, err := io.ReadAll(io.LimitReader(a.Response.Body, limit+1))
	if err == nil && int64(len(content)) > limit {
		return content[:limit], tooLarge()
	}
	return content, err
}

// download is the response's body on its way to the caller.
type download struct {
	from    io.ReadCloser
	ctx     context.Context // the caller's
	attempt *attempt
	length  int64       // -1 where it is not known
	stop    func() bool // no longer looks at ctx

	mu     sync.Mutex
	report Report
	closed bool
}

func newResponse(ctx context.Context, x *exchange, a *attempt) *Response {
	d := &download{from: a.resp.Body, ctx: ctx, attempt: a, length: a.resp.ContentLength, report: x.report}
	if a.resp.Body == http.NoBody || a.resp.Request.Method == http.MethodHead {
		d.length = 0
	}
	d.stop = func() bool { return true }
	a.resp.Body = d
	if a.resp.StatusCode == http.StatusSwitchingProtocols {
		if to, ok := d.from.(io.Writer); ok {
			a.resp.Body = &upgraded{d, to}
		}
		a.watch.upgraded()
		// The connection is no longer net/http's, which would close it.
		d.stop = context.AfterFunc(a.resp.Request.Context(), func() { _ = d.from.Close() })
	}
	a.signed, x.request = signing.Signed{}, nil // the response may last for hours
	response := &Response{Response: a.resp, body: d}
	if response.IsEvents() {
		x.leave() // those who listen would soon hold all slots of the host, and no request got one
	}
	return response
}

// Read implements io.Reader.
func (d *download) Read(p []byte) (int, error) {
	n, err := d.from.Read(p)
	if n > 0 {
		d.attempt.watch.moved()
		d.mu.Lock()
		d.report.BytesIn += int64(n)
		d.mu.Unlock()
	}
	if err == nil {
		return n, nil
	}
	if errors.Is(err, io.EOF) {
		d.finish(d.answered())
		return n, io.EOF
	}
	return n, d.broken(err)
}

// broken is the error of a response that broke off.
func (d *download) broken(err error) error {
	kind, outcome := ErrBroken, OutcomeBroken
	if cause := context.Cause(d.attempt.resp.Request.Context()); cause != nil {
		err = cause
	}
	if errors.Is(d.ctx.Err(), context.Canceled) {
		kind, outcome = ErrCallerGone, OutcomeCallerGone
	}
	d.finish(outcome)
	return &Error{Kind: kind, Cause: err, Report: d.snapshot()}
}

// Close implements io.Closer.
func (d *download) Close() error {
	d.mu.Lock()
	read, closed := d.report.BytesIn, d.closed
	d.closed = true
	d.mu.Unlock()
	if closed {
		return nil
	}
	outcome := OutcomeCallerGone
	if d.length >= 0 && read >= d.length {
		outcome = d.answered()
	}
	d.finish(outcome)
	d.stop()
	err := d.from.Close()
	d.attempt.cancel(nil)
	return err
}

// finish notes the outcome, the first that is known, and gives back the slot.
func (d *download) finish(outcome Outcome) {
	d.attempt.watch.stop()
	d.attempt.exchange.leave()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.report.Outcome == "" {
		d.report.Outcome = outcome
	}
}

// answered is the outcome of a response that was read to its end.
func (d *download) answered() Outcome {
	if d.attempt.record.Status >= 400 {
		return OutcomeRefused
	}
	return OutcomeComplete
}

// snapshot also counts what was read of the request's body since the response began.
func (d *download) snapshot() Report {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.report
	r.Attempts = slices.Clone(r.Attempts)
	if last := &r.Attempts[len(r.Attempts)-1]; d.attempt.body != nil {
		late := d.attempt.body.read.Load() - last.BytesOut
		last.BytesOut += late
		r.BytesOut += late
	}
	return r
}

// upgraded is a connection that speaks another protocol now.
type upgraded struct {
	*download
	to io.Writer
}

// Write implements io.Writer.
func (u *upgraded) Write(p []byte) (int, error) {
	n, err := u.to.Write(p)
	if n > 0 {
		u.attempt.watch.moved()
		u.mu.Lock()
		u.report.BytesOut += int64(n)
		u.mu.Unlock()
	}
	return n, err
}

// CloseWrite ends the sending half.
func (u *upgraded) CloseWrite() error {
	if half, ok := u.to.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return http.ErrNotSupported
}
