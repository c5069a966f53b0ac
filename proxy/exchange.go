package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"countersign/broker"
	"countersign/problem"
	"countersign/sending"
)

// exchange is one request and its response.
type exchange struct {
	proxy    *Proxy
	mode     Mode
	target   Target
	in       *http.Request // the client's
	call     *broker.Call
	client   *client
	headers  sending.Headers
	sent     *broker.Sent
	response *download
	release  []func()
	cancel   context.CancelFunc
}

// newExchange checks a request and finds its target.
func (p *Proxy) newExchange(w http.ResponseWriter, r *http.Request, m Mode) (*exchange, error) {
	switch {
	case r.Method == http.MethodConnect || r.Method == http.MethodTrace:
		return nil, &problem.Error{Code: "method_not_allowed", Detail: "The proxy does not take " + r.Method + "."}
	case !strings.HasPrefix(r.RequestURI, "/"):
		// RFC 9112, section 3.2.2: net/http takes the host of such a request line in place of the Host header.
		return nil, errNotPassed("The request line must begin with a path: this is a reverse proxy.")
	case hasUnknownBody(r):
		return nil, &problem.Error{
			Code: "header_invalid", Detail: "A " + r.Method + " request over HTTP/1.0 needs Content-Length, 0 if there is no body.",
			Fields: []problem.Field{{Part: "headers", Detail: "Send Content-Length, or use HTTP/1.1: HTTP/1.0 has no chunked bodies."}},
		}
	case lacksBody(r):
		return nil, &problem.Error{
			Code: "header_invalid", Detail: "Content-Length is not the length of the body.",
			Fields: []problem.Field{{Part: "headers", Detail: "Content-Length must be the length of the body. Over HTTP/2 it may be left out."}},
		}
	}
	target, err := m.Target(r)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(r.Context())
	x := &exchange{
		proxy: p, mode: m, target: target, in: r.WithContext(ctx), call: p.Call(r), cancel: cancel,
		headers: sending.Headers{Cookies: p.Cookies, AuthorizationAs: p.AuthorizationAs, Plain: r.TLS == nil},
	}
	x.client = newClient(p, w, cancel)
	x.client.waits, x.client.headers, x.client.shares = waits(r), x.headers, r.ProtoMajor > 1
	return x, nil
}

// hasUnknownBody reports whether a request may have a body that net/http takes for empty: it ignores
// Transfer-Encoding in HTTP/1.0, where such methods need Content-Length (RFC 1945, section 7.2.2).
func hasUnknownBody(r *http.Request) bool {
	switch r.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch:
		return !r.ProtoAtLeast(1, 1) && r.Header.Get("Content-Length") == ""
	}
	return false
}

// lacksBody reports whether a request announces a body that net/http takes for empty: over HTTP/2 one that does not follow,
// or whose length is not a number.
func lacksBody(r *http.Request) bool {
	return r.ContentLength == 0 && strings.Trim(r.Header.Get("Content-Length"), "0") != ""
}

// end releases everything the exchange holds.
func (x *exchange) end() {
	x.client.end()
	x.cancel()
	if x.response != nil && !x.response.closed.Load() { // a failed upgrade
		_ = x.response.Close()
	}
	for _, release := range x.release {
		release()
	}
}

// RoundTrip implements http.RoundTripper: it has the client's request signed and
// sent. It uses only the body and the context of the request that ReverseProxy made.
func (x *exchange) RoundTrip(out *http.Request) (response *http.Response, err error) {
	if !x.client.waits {
		return x.send(out)
	}
	apart(func() { response, err = x.send(out) }) //nolint:bodyclose // by ReverseProxy
	return response, err
}

func (x *exchange) send(out *http.Request) (*http.Response, error) {
	in := &broker.SendInput{
		Input: broker.Input{
			Method: x.in.Method, URL: withoutSignature(x.target.URL), Headers: x.headers.Out(x.in.Header),
			Profile: x.target.Profile,
		},
		Expect:   strings.EqualFold(x.in.Header.Get("Expect"), "100-continue"),
		Trailers: x.in.ProtoMajor > 1 && x.in.Header.Get("Te") == "trailers", // over HTTP/1.1 it is for the connection
		Waits:    x.client.waits,
	}
	if x.mode.Check != nil {
		in.Retry = sending.RetryStandard
	}
	var body io.Reader
	if out.Body != nil {
		body, x.client.unread = &upload{out.Body, x.client}, true
	} else if to := out.Header.Get("Upgrade"); strings.EqualFold(to, "websocket") && x.in.Method == http.MethodGet {
		if strings.Contains(x.target.URL, ".appsync-realtime-api.") {
			return nil, &problem.Error{
				Code: "host_not_signed", Detail: "AppSync takes the signature of a real-time connection in a subprotocol, which the client makes.",
			}
		}
		in.Upgrade = to // others, such as h2c, are offers that may be ignored
	}
	x.payload(in, body, x.in.ContentLength)
	sent, err := x.proxy.Broker.Send(out.Context(), x.call, in)
	if err != nil {
		return nil, err
	}
	response := sent.Response.Response
	if x.mode.Check == nil {
		sent.RedactRefusal() // Check needs the whole of it, so it is not redacted there
	}
	x.client.expect(response)
	x.sent, x.response = sent, &download{ReadCloser: response.Body, sent: sent}
	if to, ok := response.Body.(io.Writer); ok && response.StatusCode == http.StatusSwitchingProtocols {
		changed := *response // ReverseProxy removes the body
		changed.Body = &duplex{x.response, to}
		return &changed, nil
	}
	response.Body = x.response
	return response, nil
}

// back turns AWS's response into the client's.
func (x *exchange) back(response *http.Response) error {
	x.client.restore()
	if x.mode.Check != nil {
		if err := x.mode.Check(x.call.Caller.ID, x.sent); err != nil {
			return err
		}
		switch response.StatusCode {
		case http.StatusAccepted: // workflow engines would poll
			response.StatusCode = http.StatusOK
		case http.StatusNotModified: // and take this for a failure
			response.StatusCode = http.StatusNoContent
		}
		response.Header.Del("Location")
	}
	x.sent.Forget()
	x.headers.Back(response.Header, response.StatusCode)
	if to := response.Header.Get("Location"); to != "" {
		response.Header.Set("Location", x.target.location(to))
	}
	if response.Header.Get("X-Request-Id") != "" {
		x.client.Header().Del("X-Request-Id") // the log has ours
	}
	return nil
}

// fail responds to a request that got no response.
func (x *exchange) fail(_ http.ResponseWriter, _ *http.Request, err error) {
	if x.sent != nil && !errors.As(err, new(*problem.Error)) {
		err = &problem.Error{Code: "answer_broken", Detail: "The response could not be passed on.", Cause: err}
	}
	x.client.restore()
	x.proxy.WriteError(x.client, x.in, err)
}

// Get and Put implement [httputil.BufferPool]. An event stream keeps its buffer
// while nothing arrives, perhaps for hours, and there may be many streams, so it gets
// a small buffer.
func (x *exchange) Get() []byte {
	if x.sent.IsEvents() {
		return make([]byte, 1<<10)
	}
	return pool.Get().(*[large]byte)[:]
}

// Put implements [httputil.BufferPool].
func (x *exchange) Put(b []byte) {
	if len(b) == large {
		pool.Put((*[large]byte)(b))
	}
}

const large = 64 << 10

var pool = sync.Pool{New: func() any { return new([large]byte) }}

// download is the response body. Closing it completes the audit record.
type download struct {
	io.ReadCloser
	sent   *broker.Sent
	closed atomic.Bool
}

// Close implements io.Closer. Sent.Close may call it again.
func (d *download) Close() error {
	if d.closed.Swap(true) {
		return d.ReadCloser.Close()
	}
	d.sent.Close()
	return nil
}
