package proxy

import (
	"io"
	"net/http"
	"runtime/debug"
	"strings"
)

// waits tells whether a client asks for what may take hours to come: events, or another
// protocol. Many clients do at once, so what each holds meanwhile has to be little.
func waits(r *http.Request) bool {
	return r.Method == http.MethodGet &&
		(strings.Contains(r.Header.Get("Accept"), "text/event-stream") || strings.EqualFold(r.Header.Get("Upgrade"), "websocket"))
}

// apart does something on a stack of its own: the stack of a goroutine that waits stays
// as large as it ever was, and to decide, sign and send takes four times as much as to
// wait.
func apart(do func()) {
	var fault any
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if fault = recover(); fault != nil && fault != any(http.ErrAbortHandler) {
				fault = &Panic{fault, debug.Stack()}
			}
		}()
		do()
	}()
	if <-done; fault != nil {
		panic(fault) // for those who handle it
	}
}

// Panic is what a handler of [Proxy.Handler] panics with where the fault was on another
// stack than the handler's, which tells nothing of it.
type Panic struct {
	Value any
	Stack []byte
}

// duplex is a connection that speaks another protocol now.
type duplex struct {
	*download
	io.Writer
}

// CloseWrite ends the sending half.
func (d *duplex) CloseWrite() error { return closeWrite(d.ReadCloser) }

func closeWrite(conn any) error {
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return http.ErrNotSupported
}

// WriteTo implements io.WriterTo, and ReadFrom io.ReaderFrom, for io.Copy, which would
// hold 32 KiB for each direction while nothing comes.
func (d *duplex) WriteTo(to io.Writer) (int64, error) { return relay(to, d.download) }

// ReadFrom implements io.ReaderFrom.
func (d *duplex) ReadFrom(from io.Reader) (int64, error) { return relay(d.Writer, from) }

// relay copies with a small buffer, and with a large one while much comes.
func relay(to io.Writer, from io.Reader) (moved int64, err error) {
	few := make([]byte, 1<<10)
	var many *[large]byte
	defer func() {
		if many != nil {
			pool.Put(many)
		}
	}()
	for buffer := few; ; {
		n, readErr := from.Read(buffer)
		if n > 0 {
			written, err := to.Write(buffer[:n])
			moved += int64(written)
			if err != nil {
				return moved, err
			}
		}
		switch {
		case readErr == io.EOF:
			return moved, nil
		case readErr != nil:
			return moved, readErr
		case many == nil && n == len(few):
			many = pool.Get().(*[large]byte)
			buffer = many[:]
		case many != nil && n < large/4:
			pool.Put(many)
			many, buffer = nil, few
		}
	}
}
