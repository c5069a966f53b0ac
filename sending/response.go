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
	// Response is the response as net/http reads it: not decompressed, with unchanged
	// headers, and with trailers once the body has been read. Close the body. After an
	// upgrade, the body is also an [io.Writer]. The body's errors are [*Error].
	*http.Response

	body *download
}

// IsEvents reports whether the body is an event stream, which may be idle for hours.
func (a *Response) IsEvents() bool {
	media, _, _ := strings.Cut(a.Response.Header.Get("Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(media), "text/event-stream")
}

// Report returns what happened so far. It is final once the body is closed.
func (a *Response) Report() Report { return a.body.snapshot() }

// ReadAll reads and closes the body. If it is larger than limit, ReadAll returns
// [ErrTooLarge] and what was read up to the limit.
func (a *Response) ReadAll(limit int64) ([]byte, error) {
	defer func() { _ = a.Response.Body.Close() }() // all that is needed was read
	tooLarge := func() error {
		a.body.finish(a.body.readOutcome())
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

// download is the response body as the caller reads it.
type download struct {
	from    io.ReadCloser
	ctx     context.Context // the caller's
	attempt *attempt
	length  int64       // -1 if unknown
	stop    func() bool // stops watching the request's context

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
		// net/http no longer owns the connection, so it does not close it when the context ends.
		d.stop = context.AfterFunc(a.resp.Request.Context(), func() { _ = d.from.Close() })
	}
	a.signed, x.request = signing.Signed{}, nil // frees their memory, since the response may last for hours
	response := &Response{Response: a.resp, body: d}
	if response.IsEvents() {
		x.release() // event streams would soon hold all slots of the host
	}
	return response
}

// Read implements io.Reader.
func (d *download) Read(p []byte) (int, error) {
	n, err := d.from.Read(p)
	if n > 0 {
		d.attempt.watch.progress()
		d.mu.Lock()
		d.report.BytesIn += int64(n)
		d.mu.Unlock()
	}
	if err == nil {
		return n, nil
	}
	if errors.Is(err, io.EOF) {
		d.finish(d.readOutcome())
		return n, io.EOF
	}
	return n, d.broken(err)
}

// broken returns the error for a response that broke off.
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
		outcome = d.readOutcome()
	}
	d.finish(outcome)
	d.stop()
	err := d.from.Close()
	d.attempt.cancel(nil)
	return err
}

// finish records the outcome, unless there is one already, and releases the slot.
func (d *download) finish(outcome Outcome) {
	d.attempt.watch.stop()
	d.attempt.exchange.release()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.report.Outcome == "" {
		d.report.Outcome = outcome
	}
}

// readOutcome returns the outcome of a response that was read to the end.
func (d *download) readOutcome() Outcome {
	if d.attempt.record.Status >= 400 {
		return OutcomeRefused
	}
	return OutcomeComplete
}

// snapshot returns the report. It includes what was read of the request body since the response began.
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

// upgraded is a connection after a protocol upgrade.
type upgraded struct {
	*download
	to io.Writer
}

// Write implements io.Writer.
func (u *upgraded) Write(p []byte) (int, error) {
	n, err := u.to.Write(p)
	if n > 0 {
		u.attempt.watch.progress()
		u.mu.Lock()
		u.report.BytesOut += int64(n)
		u.mu.Unlock()
	}
	return n, err
}

// CloseWrite closes the writing side.
func (u *upgraded) CloseWrite() error {
	if half, ok := u.to.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return http.ErrNotSupported
}
