package api

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"sync"
)

// maxJoined is how long a response may be to be sent in one write. For a longer one, an additional write matters
// little.
const maxJoined = 32 << 10

// Joining returns a listener for a net/http server with [ConnContext]. Such a server writes each 4 KiB of a response
// separately, so that most signed responses take two writes. On this listener's connections, a body that the handler
// writes whole, in one call, is sent in one write with its header.
func Joining(l net.Listener) net.Listener { return joining{l} }

type joining struct{ net.Listener }

// Accept waits for a connection.
func (l joining) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &joiner{Conn: c}, nil
}

type connKey struct{}

// ConnContext puts a request's connection into its context.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	if j, ok := c.(*joiner); ok { // a TLS connection makes records of its own
		return context.WithValue(ctx, connKey{}, j)
	}
	return ctx
}

// joiner is a connection that gathers writes while the goroutine that serves a request wants it to.
type joiner struct {
	net.Conn
	gathered *[]byte // nil while nothing is gathered
}

var gatherings = sync.Pool{New: func() any { return new([]byte) }}

func (j *joiner) Write(b []byte) (int, error) {
	if j.gathered == nil {
		return j.Conn.Write(b)
	}
	*j.gathered = append(*j.gathered, b...)
	return len(b), nil
}

// writeWhole writes a response's whole body together with the header.
func (j *joiner) writeWhole(w http.ResponseWriter, body []byte) (n int, err error) {
	j.gathered = gatherings.Get().(*[]byte)
	defer func() { err = cmp.Or(err, j.send()) }()
	if n, err = w.Write(body); err == nil {
		err = http.NewResponseController(w).Flush()
	}
	return n, err
}

// send writes what was gathered. The server does not notice if that fails, and would wait for another request.
func (j *joiner) send() error {
	gathered := j.gathered
	j.gathered = nil
	_, err := j.Conn.Write(*gathered)
	if err != nil {
		_ = j.Close()
	}
	*gathered = (*gathered)[:0]
	gatherings.Put(gathered)
	return err
}
