package sending

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http/httptrace"
	"strings"
	"sync"
	"time"
)

// wire records what net/http reports about an attempt. The reports come from several
// goroutines, and some come after the attempt has ended.
type wire struct {
	watch         *watch
	headerTimeout time.Duration
	hashed        bool // the signature covers the payload
	once          bool // must not be repeated if the server may have acted on it

	mu      sync.Mutex
	remote  string
	conns   int         // how often the request got a connection
	last    net.Conn    // the last of these connections
	conn    *connection // the HTTP/1 connection; nil for HTTP/2, whose connections are shared
	before  int64       // bytes written to conn before this request
	headers bool        // all headers were written to conn, or may have been
	sure    bool        // net/http reported that the headers were written
	partial bool        // the body was not written completely
	written bool        // see isWritten, on a connection before conn
	tlsErr  error
}

func (w *wire) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GotConn:          w.gotConn,
		TLSHandshakeDone: w.shookHands,
		WroteHeaders:     w.wroteHeaders,
		WroteRequest:     w.wroteRequest,
	}
}

func (w *wire) gotConn(info httptrace.GotConnInfo) {
	conn, http2 := info.Conn, false
	if secure, ok := conn.(*tls.Conn); ok {
		conn, http2 = secure.NetConn(), secure.ConnectionState().NegotiatedProtocol == "h2"
	}
	w.begin(conn, http2)
}

func (w *wire) begin(conn net.Conn, http2 bool) {
	w.watch.enter(phaseWriting, idleTimeout)
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.conn != nil:
		w.written = w.isWritten()
	case w.once && w.sure && conn != w.last:
		// Over HTTP/2, net/http repeats a request without a body if the server says that it did not process it, but also if
		// the server resets the stream with PROTOCOL_ERROR, which does not mean that. Only in the first case may the connection be
		// the same again.
		w.written = true
		w.watch.end(errResent)
	}
	w.last = conn
	w.conns++
	w.remote = conn.RemoteAddr().String()
	// Over HTTP/2, net/http reports the headers after it has sent them. A fast server's reset can arrive before.
	w.headers, w.sure, w.partial, w.conn = http2, false, false, nil
	if own, ok := conn.(*connection); ok && !http2 {
		w.conn, w.before = own, own.written.Load()
	}
}

func (w *wire) shookHands(_ tls.ConnectionState, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tlsErr = err
}

func (w *wire) wroteHeaders() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.headers, w.sure = true, true
}

func (w *wire) wroteRequest(info httptrace.WroteRequestInfo) {
	w.watch.enter(phaseWaiting, w.headerTimeout)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.partial = info.Err != nil
}

// isWritten reports whether a server may have acted on the request. It cannot act on
// incomplete headers, nor on an incomplete payload whose hash it must verify first.
func (w *wire) isWritten() bool {
	if w.written || !w.headers || w.partial && w.hashed {
		return w.written
	}
	return w.conn == nil || w.conn.written.Load() > w.before
}

// record fills in what is known about an attempt, which failed with err unless it is nil.
func (w *wire) record(a *Attempt, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	a.RemoteAddress = w.remote
	a.Resent = max(w.conns-1, 0)
	a.Written = w.isWritten() && !notProcessed(err)
}

// connectError classifies the error of an attempt that was not written.
func (w *wire) connectError(err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var name *net.DNSError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(err, ErrAddressRefused):
		return ErrAddressRefused
	case errors.As(err, &name):
		return ErrName
	case w.tlsErr != nil, errors.As(err, &certificate):
		return ErrTLS
	}
	return ErrNotConnected
}

// permanent reports whether connecting again would fail in the same way, or has taken
// too long to try again.
func permanent(err error) bool {
	var name *net.DNSError
	var certificate *tls.CertificateVerificationError
	return errors.Is(err, ErrAddressRefused) || errors.Is(err, errIdle) ||
		errors.As(err, &name) && name.IsNotFound || errors.As(err, &certificate)
}

// streamError has the same fields as the HTTP/2 stream error of net/http, which is not
// exported. Its As method fills any type with these fields.
type streamError struct {
	StreamID uint32
	Code     uint32
	Cause    error
}

// Error implements error, as errors.As requires.
func (streamError) Error() string { return "stream error" }

// notProcessed reports whether an HTTP/2 server said that it did not process the
// request (RFC 9113, section 8.7). net/http repeats such requests by itself if there
// is no body. Otherwise only the text of its error says so.
func notProcessed(err error) bool {
	const refusedStream = 0x7
	var stream streamError
	if err == nil {
		return false
	}
	if errors.As(err, &stream) && stream.Code == refusedStream {
		return true
	}
	text := err.Error()
	return strings.HasPrefix(text, "http2: Transport received ") || // a GOAWAY, and the stream is above the last processed one
		strings.HasPrefix(text, "http2: Transport: cannot retry err [") &&
			(strings.Contains(text, "REFUSED_STREAM") || strings.Contains(text, "graceful shutdown GOAWAY"))
}
