package sending

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"time"

	"countersign/signing"
)

// attempt is one signed transmission of a request.
type attempt struct {
	exchange *exchange
	signed   signing.Signed
	body     *upload // nil if there is none
	unsigned bool    // only TLS protects the payload
	wire     wire
	watch    watch
	cancel   context.CancelCauseFunc

	sent, received time.Time
	resp           *http.Response // nil if there was no response
	record         Attempt
}

// sign prepares an attempt, signed for the current time.
func (x *exchange) sign(ctx context.Context) (*attempt, *Error) {
	signed, stream, err := x.request.Sign(ctx, x.moment())
	if err != nil {
		if ctx.Err() != nil {
			return nil, contextError(ctx, ErrNotSigned, err)
		}
		return nil, &Error{Kind: ErrNotSigned, Cause: err}
	}
	at, err := time.Parse(signing.TimeFormat, signed.Date)
	switch b := x.request.Body; {
	case err != nil:
		err = errors.New("the signature has no date")
	case signed.URL.Scheme() != x.request.URL.Scheme() || signed.URL.Host() != x.request.URL.Host():
		err = errors.New("the signature is for another host")
	case (stream != nil) != (b != nil && b.chunks):
		err = errors.New("only one of the signature and the body has signed chunks")
	}
	a := &attempt{exchange: x, signed: signed, unsigned: unsignedPayload(signed), record: Attempt{Time: at, Signature: signed.Signature}}
	if err == nil && a.unsigned && signed.URL.Scheme() != "https" {
		err = errors.New("an unsigned payload needs https")
	}
	if err != nil {
		return nil, &Error{Kind: ErrUnsendable, Cause: err}
	}
	if b := x.request.Body; b != nil && b.length != 0 {
		a.body = &upload{from: b.open(stream), length: b.length}
	}
	return a, nil
}

// unsignedPayload reports whether x-amz-content-sha256 leaves the payload unsigned.
func unsignedPayload(signed signing.Signed) bool {
	return slices.ContainsFunc(signed.Headers, func(h signing.Header) bool {
		return strings.EqualFold(h.Name, "x-amz-content-sha256") &&
			(h.Value == signing.UnsignedPayload || h.Value == signing.StreamingUnsignedPayloadTrailer)
	})
}

// do sends the request and waits for the response headers. If the response is an
// error, it also reads the error code.
func (a *attempt) do(ctx context.Context) *Error {
	inner, cancel := context.WithCancelCause(ctx)
	a.cancel = cancel
	a.wire.watch, a.wire.headerTimeout = &a.watch, a.exchange.headerTimeout()
	a.watch.start(cancel, a.exchange.client.now, a.wire.headerTimeout)
	a.wire.once = !Idempotent(a.exchange.request.Method)
	a.wire.hashed = !a.unsigned && a.signed.Authorization != "" // for a presigned URL this is unknown
	if a.body != nil {
		a.body.watch = &a.watch
	}
	req, err := a.httpRequest(httptrace.WithClientTrace(inner, a.wire.trace()))
	if err != nil {
		a.record.Err = ErrUnsendable
		return &Error{Kind: ErrUnsendable, Cause: err}
	}
	a.sent = a.exchange.client.now()
	resp, err := a.exchange.transport.RoundTrip(req)
	a.received = a.exchange.client.now()
	if a.body != nil {
		a.record.BytesOut = a.body.read.Load()
	}
	a.wire.record(&a.record, err)
	if err != nil {
		failure := a.failure(ctx, inner, err)
		a.record.Err = failure.Kind
		return failure
	}
	a.record.Written = true
	if !a.isFinal(resp.StatusCode) {
		_ = resp.Body.Close()
		a.record.Err = ErrBroken
		return &Error{Kind: ErrBroken, Cause: fmt.Errorf("status %d is not a valid response to this request", resp.StatusCode)}
	}
	a.watch.enter(phaseResponse, idleTimeout)
	a.resp, a.record.Status = resp, resp.StatusCode
	if resp.StatusCode >= 300 { // redirects have error codes, too
		if a.record.Code = ErrorCode(resp.Header, nil); a.record.Code == "" && namesErrors(resp.Header) {
			a.record.Code = ErrorCode(resp.Header, Peek(resp, maxErrorBody))
		}
	}
	return nil
}

// isFinal reports whether a status is that of a final response. net/http passes on invalid ones below 100, and a 101 to
// a request without Upgrade (RFC 9110, section 7.8).
func (a *attempt) isFinal(status int) bool {
	return status >= 200 || status == http.StatusSwitchingProtocols && a.exchange.request.Upgrade != ""
}

func (x *exchange) headerTimeout() time.Duration {
	if x.request.HeaderTimeout > 0 {
		return x.request.HeaderTimeout
	}
	return x.client.headerTimeout
}

// failure classifies the error of an attempt without a response.
func (a *attempt) failure(ctx, inner context.Context, err error) *Error {
	if bodyErr := a.body.failure(); bodyErr != nil && ctx.Err() == nil {
		return &Error{Kind: ErrBody, Cause: bodyErr}
	}
	if cause := context.Cause(inner); cause != nil {
		err = cause // net/http may report only a consequence of it
	}
	kind := ErrNoResponse
	if !a.record.Written {
		kind = a.wire.connectError(err)
	}
	if ctx.Err() != nil {
		return contextError(ctx, kind, err)
	}
	return &Error{Kind: kind, Cause: err}
}

// canRepeatBody reports whether another attempt can send the whole body.
func (a *attempt) canRepeatBody() bool {
	return a.body == nil || a.exchange.request.Body.again || a.body.withdraw()
}

// abandon ends an attempt whose response, if any, the caller will not see.
func (a *attempt) abandon() {
	a.watch.stop()
	if a.resp != nil {
		_ = a.resp.Body.Close() // if Peek read it to the end, the connection can be reused
	}
	a.cancel(nil)
}

// httpRequest builds the net/http request. It fails if net/http would not write the URL as it was signed.
func (a *attempt) httpRequest(ctx context.Context) (*http.Request, error) {
	target := a.signed.URL
	u, err := url.Parse(target.String())
	if err != nil {
		return nil, errors.New("the URL cannot be written as it was signed")
	}
	wanted := target.Path()
	if query := target.RawQuery(); query != "" {
		wanted += "?" + query
	}
	if u.RequestURI() != wanted || u.Host != target.Host() {
		return nil, errors.New("the URL cannot be written as it was signed")
	}
	headers, err := a.headers()
	if err != nil {
		return nil, err
	}
	req := &http.Request{
		Method: a.exchange.request.Method, URL: u, Host: target.Host(), Header: headers,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		// An empty reader would be sent chunked. There is no GetBody, because net/http
		// would use it to repeat the request with the same signature.
		Body: http.NoBody,
	}
	if a.body != nil {
		req.Body, req.ContentLength = a.body, a.body.length
	}
	return req.WithContext(ctx), nil
}

// headers returns the signed headers and those that concern the connection.
func (a *attempt) headers() (http.Header, error) {
	r := a.exchange.request
	headers := http.Header{"User-Agent": nil} // or net/http would add its own
	for _, h := range a.signed.Headers {
		name := textproto.CanonicalMIMEHeaderKey(h.Name)
		switch {
		case perConnection[name] || name == "Host" || name == "Content-Length":
			return nil, fmt.Errorf("the header %s is set by the sender", name)
		case name == "Idempotency-Key" || name == "X-Idempotency-Key":
			// With these headers in canonical spelling, net/http repeats even a POST by
			// itself. It does not recognize the lower-case names.
			name = lower(name)
		}
		headers[name] = append(headers[name], h.Value)
	}
	if r.Expect && a.body != nil && !r.Body.again {
		headers.Set("Expect", "100-continue")
	}
	if r.Trailers {
		headers.Set("Te", "trailers")
	}
	if r.Upgrade != "" {
		headers.Set("Connection", "Upgrade")
		headers.Set("Upgrade", r.Upgrade)
	}
	return headers, nil
}
