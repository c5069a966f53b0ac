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

// wire is what net/http tells of an attempt. It tells it from goroutines of its
// own, some of them after the attempt has ended.
type wire struct {
	watch         *watch
	headerTimeout time.Duration
	hashed        bool // the signature covers the payload
	once          bool // what may have been done must not be done again

	mu      sync.Mutex
	remote  string
	conns   int         // how often the request got a connection
	last    net.Conn    // the last of them
	conn    *connection // of HTTP/1, which has it to itself; nil with HTTP/2
	before  int64       // what was written to conn by then
	headers bool        // all headers were handed to conn, or may have been
	told    bool        // of them, by net/http
	partial bool        // what follows them was not
	written bool        // by an earlier connection than conn
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
	case w.once && w.told && conn != w.last:
		// Over HTTP/2, net/http sends a request without a body again where the server said that it was not processed, and also
		// where it reset the stream with PROTOCOL_ERROR, which does not say that. Only in the first case can the connection stay.
		w.written = true
		w.watch.end(errResent)
	}
	w.last = conn
	w.conns++
	w.remote = conn.RemoteAddr().String()
	// Over HTTP/2, net/http tells of the headers after they have left: a quick server's reset can be here before.
	w.headers, w.told, w.partial, w.conn = http2, false, false, nil
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
	w.headers, w.told = true, true
}

func (w *wire) wroteRequest(info httptrace.WroteRequestInfo) {
	w.watch.enter(phaseWaiting, w.headerTimeout)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.partial = info.Err != nil
}

// isWritten says whether a server may have acted on the request. It cannot act on
// headers that are not complete, nor on a payload of which it has to verify the
// hash first.
func (w *wire) isWritten() bool {
	if w.written || !w.headers || w.partial && w.hashed {
		return w.written
	}
	return w.conn == nil || w.conn.written.Load() > w.before
}

// tell fills in what is known of the attempt, which failed with err or not.
func (w *wire) tell(a *Attempt, err error) {
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

// permanent says whether a failure to connect would be the same again, or took as
// long as nobody waits for twice.
func permanent(err error) bool {
	var name *net.DNSError
	var certificate *tls.CertificateVerificationError
	return errors.Is(err, ErrAddressRefused) || errors.Is(err, errIdle) ||
		errors.As(err, &name) && name.IsNotFound || errors.As(err, &certificate)
}

// streamError has the form of net/http's own error of a stream of HTTP/2, which
// fills it in for errors.As by the names of its fields.
type streamError struct {
	StreamID uint32
	Code     uint32
	Cause    error
}

// Error implements error, as errors.As demands.
func (streamError) Error() string { return "stream error" }

// notProcessed says whether the server of HTTP/2 told that it did not look at the
// request (RFC 9113, section 8.7). net/http repeats these by itself where there
// is no body, and otherwise says so in a text only.
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
	return strings.HasPrefix(text, "http2: Transport received ") || // a GOAWAY, for a stream that is above the last processed
		strings.HasPrefix(text, "http2: Transport: cannot retry err [") &&
			(strings.Contains(text, "REFUSED_STREAM") || strings.Contains(text, "graceful shutdown GOAWAY"))
}
