package api

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"sync"
)

// mostJoined is how long a response may be that leaves in one write. Of a longer one, a write more is little of what it takes.
const mostJoined = 32 << 10

// Joining returns a listener for a server of net/http with [ConnContext]. Such a server writes each 4 KiB of a response by
// itself, which makes two writes of most signed responses. On connections of this listener a body that is written at once, and
// is the whole, leaves in one write with its header.
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

// ConnContext has requests find their connection.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	if j, ok := c.(*joiner); ok { // else it is one of TLS, which makes records of its own
		return context.WithValue(ctx, connKey{}, j)
	}
	return ctx
}

// joiner is a connection that gathers what the goroutine writes that answers a request, while that wants it to.
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

// writeWhole writes all of a response's body, and with it the header.
func (j *joiner) writeWhole(w http.ResponseWriter, body []byte) (n int, err error) {
	j.gathered = gatherings.Get().(*[]byte)
	defer func() { err = cmp.Or(err, j.send()) }()
	if n, err = w.Write(body); err == nil {
		err = http.NewResponseController(w).Flush()
	}
	return n, err
}

// send writes what was gathered. The server does not see when that fails, and would wait for another request.
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
