package proxy

import (
	"bufio"
	"context"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"countersign/sending"
)

const (
	// idle is how long a client may take to send or to read the next piece of a body.
	idle    = 5 * time.Minute
	renewal = idle / 60
	// parting is how long a client may go on sending a body that is no longer wanted,
	// so that it can still read the response.
	parting = 5 * time.Second
	// small is the size below which an incomplete response would wait in a buffer for
	// more data.
	small = 4 << 10
)

var past = time.Unix(1, 0)

// client is the connection to the client. The server's timeouts suit requests that
// are answered at once; here each piece of a body has a timeout of its own.
type client struct {
	http.ResponseWriter
	proxy   *Proxy
	control *http.ResponseController
	cancel  context.CancelFunc
	unwatch func() bool
	headers sending.Headers
	own     http.Header // of the service, for any response
	cleared bool        // by ReverseProxy, with those of an interim response

	begun    bool   // AWS has responded
	shares   bool   // its connection with other requests, as over HTTP/2
	left     int64  // bytes of the response body still to come, if its length is known
	protocol string // that the response upgrades to
	hijacked bool
	waits    bool // see waits

	reading sync.Mutex // held while the request body is being read

	mu     sync.Mutex
	over   bool // deadlines are final, and nothing more is read
	unread bool // part of the request body has not been read

	readAt, writeAt time.Time // when the deadlines were set
}

func newClient(p *Proxy, w http.ResponseWriter, cancel context.CancelFunc) *client {
	c := &client{ResponseWriter: w, proxy: p, control: http.NewResponseController(w), cancel: cancel, own: maps.Clone(w.Header())}
	// After the body, net/http keeps reading to notice when the client leaves. Over HTTP/2, a deadline ends the stream even
	// while nothing is being read or written. Both calls fail only for recorders in tests.
	_ = c.control.SetReadDeadline(time.Time{})
	_ = c.control.SetWriteDeadline(time.Time{})
	c.unwatch = context.AfterFunc(p.stopped, c.breakOff)
	return c
}

// Unwrap is for http.ResponseController.
func (c *client) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// breakOff ends the exchange, whatever it is waiting for. After the exchange there are no deadlines to set: over HTTP/2
// net/http would panic.
func (c *client) breakOff() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return
	}
	c.over = true
	c.cancel()
	_ = c.control.SetReadDeadline(past)
	_ = c.control.SetWriteDeadline(past)
}

func (c *client) end() {
	c.unwatch()
	if c.hijacked {
		c.proxy.upgraded(-1)
		return
	}
	c.mu.Lock()
	broken := c.over
	c.over = true
	unread := c.unread
	c.mu.Unlock()
	if !unread {
		return
	}
	// A read that net/http interrupts itself would leave no deadline.
	_ = c.control.SetReadDeadline(past)
	c.reading.Lock()
	defer c.reading.Unlock()
	if !broken {
		_ = c.control.SetReadDeadline(c.proxy.Broker.Now().Add(parting))
	}
}

// mayRead and mayWrite give the client time for the next piece, unless the exchange is over.
func (c *client) mayRead() { c.renew(&c.readAt, c.control.SetReadDeadline) }

func (c *client) mayWrite() { c.renew(&c.writeAt, c.control.SetWriteDeadline) }

// renew sets a deadline. It need not be exact, so it is not renewed for every piece. Over HTTP/2 it passes as well while
// AWS is waited for, which may take up to idle, so it is never shorter.
func (c *client) renew(last *time.Time, set func(time.Time) error) {
	now := c.proxy.Broker.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over && now.Sub(*last) > renewal {
		*last = now
		_ = set(now.Add(idle + renewal))
	}
}

// expect notes the length and the protocol of the response to come.
func (c *client) expect(response *http.Response) {
	c.begun, c.left, c.protocol = true, response.ContentLength, response.Header.Get("Upgrade")
}

// WriteHeader implements http.ResponseWriter.
func (c *client) WriteHeader(status int) {
	c.mayWrite()
	h := c.Header()
	if status < http.StatusOK && status != http.StatusSwitchingProtocols {
		c.headers.Back(h, status)
		c.cleared = true
	} else if _, given := h["Content-Type"]; !given {
		h["Content-Type"] = nil // or net/http guesses one
	}
	if status >= http.StatusOK && c.begun && !c.shares && c.isUnread() {
		// Else net/http would read the rest of the body itself before it writes the header, and take it from the upload.
		h.Set("Connection", "close")
	}
	lowerMetadata(h)
	if !c.waits || status != http.StatusOK {
		c.ResponseWriter.WriteHeader(status)
		return
	}
	apart(func() {
		c.ResponseWriter.WriteHeader(status)
		_ = c.control.Flush() // else the headers would wait for the first piece
	})
}

func (c *client) isOver() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.over
}

func (c *client) isUnread() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.unread
}

// restore gives the next response the headers of the service.
func (c *client) restore() {
	if c.cleared {
		maps.Copy(c.Header(), c.own)
		c.cleared = false
	}
}

// lowerMetadata spells the names of an object's metadata as S3 does. SDKs use them as keys, and net/http has changed
// their case.
func lowerMetadata(h http.Header) {
	for name, values := range h {
		if strings.HasPrefix(name, "X-Amz-Meta-") {
			delete(h, name)
			h[strings.ToLower(name)] = values
		}
	}
}

// Write implements http.ResponseWriter. It flushes every piece but the last, so that
// none waits for the next.
func (c *client) Write(p []byte) (int, error) {
	c.mayWrite()
	n, err := c.ResponseWriter.Write(p)
	if c.left -= int64(n); err == nil && n < small && c.left > 0 {
		err = c.control.Flush()
	}
	return n, err
}

// Hijack implements http.Hijacker. The server no longer owns a hijacked connection,
// so it is closed from here.
func (c *client) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := c.control.Hijack()
	if err != nil {
		return nil, nil, err
	}
	c.hijacked = true
	c.proxy.upgraded(+1)
	c.unwatch()
	socket := &socket{Conn: conn}
	rw.Writer.Reset(socket) // the response header is written through it
	c.unwatch = context.AfterFunc(c.proxy.stopped, func() {
		_ = conn.SetDeadline(c.proxy.Broker.Now().Add(time.Second / 2))
		socket.part(strings.EqualFold(c.protocol, "websocket"))
		c.cancel() // ReverseProxy then closes the connection
		_ = conn.Close()
	})
	return socket, rw, nil
}

// socket is a client connection after a protocol upgrade.
type socket struct {
	net.Conn

	mu      sync.Mutex
	written int   // bytes written
	err     error // why no more may be written
}

// Write implements io.Writer.
func (s *socket) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.Conn.Write(p)
	s.written, s.err = s.written+n, err
	return n, err
}

// part sends a WebSocket close frame if the client can understand it: not before the
// response header, and not after a failed write. Nothing is written after it.
func (s *socket) part(webSocket bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if webSocket && s.written > 0 && s.err == nil {
		_, _ = s.Conn.Write([]byte{0x88, 0x02, 0x03, 0xe9}) // close, going away (RFC 6455, section 7.4.1)
	}
	s.err = net.ErrClosed
}

// CloseWrite closes the writing side.
func (s *socket) CloseWrite() error { return closeWrite(s.Conn) }

// upload is the request body as the client sends it.
type upload struct {
	io.Reader
	client *client
}

// Read implements io.Reader.
func (u *upload) Read(p []byte) (int, error) {
	c := u.client
	c.reading.Lock()
	defer c.reading.Unlock()
	if c.isOver() {
		return 0, http.ErrBodyReadAfterClose
	}
	c.mayRead()
	n, err := u.Reader.Read(p)
	if err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.unread = false; !c.over {
			c.readAt = time.Time{}
			_ = c.control.SetReadDeadline(time.Time{})
		}
	}
	return n, err
}
