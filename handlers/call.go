package handlers

import (
	"io"
	"strings"

	"countersign/broker"
	"countersign/sending"
)

const eventStream = "application/vnd.amazon.eventstream"

// Call prepares a response for a client that knows AWS less well than its SDKs do. A refusal or failure by AWS becomes
// a problem. The body is read before anything is passed on if the request must not be repeated: once the status is
// written, a body that breaks off looks like a lost connection, and workflow engines repeat those. Streams of events
// and messages pass as they come.
func (h *Handlers) Call(caller string, sent *broker.Sent) error {
	a := &passedOn{sent: sent, limit: h.maxResponseBytes(), spool: h.Spool.For(caller)}
	if refusal := a.refusal(); refusal != nil {
		return refusal
	}
	resp := sent.Response
	media := mediaOf(resp.Header)
	if sending.Idempotent(sent.Method) || resp.IsEvents() || media == eventStream || strings.HasPrefix(media, "application/grpc") {
		return nil
	}
	if err := a.fits(); err != nil {
		return err
	}
	if err := a.hold(resp.Body); err != nil {
		return err
	}
	resp.Body = &readBody{a.body.reader(), a, resp.Body}
	return nil
}

// readBody is a response body that was read to its end.
type readBody struct {
	io.Reader
	held *passedOn
	from io.Closer
}

// Close implements io.Closer.
func (b *readBody) Close() error {
	b.held.close()
	return b.from.Close()
}
