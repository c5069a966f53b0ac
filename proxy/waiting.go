package proxy

import (
	"io"
	"net/http"
	"runtime/debug"
	"strings"
)

// waits reports whether a client asks for something that may take hours: events, or a
// protocol upgrade. Many clients may wait at once, so each must hold little memory.
func waits(r *http.Request) bool {
	return r.Method == http.MethodGet &&
		(strings.Contains(r.Header.Get("Accept"), "text/event-stream") || strings.EqualFold(r.Header.Get("Upgrade"), "websocket"))
}

// apart runs do on another goroutine's stack. A goroutine's stack does not shrink while
// it waits, and authorizing, signing and sending need four times the stack that waiting
// does.
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
		panic(fault) // for the middleware that recovers
	}
}

// Panic is the value with which a [Proxy.Handler] panics if the fault happened on another
// goroutine, whose stack the handler's own does not show.
type Panic struct {
	Value any
	Stack []byte
}

// duplex is an upstream connection after a protocol upgrade.
type duplex struct {
	*download
	io.Writer
}

// CloseWrite closes the writing side.
func (d *duplex) CloseWrite() error { return closeWrite(d.ReadCloser) }

func closeWrite(conn any) error {
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return http.ErrNotSupported
}

// WriteTo implements io.WriterTo, and ReadFrom io.ReaderFrom, because io.Copy would hold
// 32 KiB per direction while nothing arrives.
func (d *duplex) WriteTo(to io.Writer) (int64, error) { return relay(to, d.download) }

// ReadFrom implements io.ReaderFrom.
func (d *duplex) ReadFrom(from io.Reader) (int64, error) { return relay(d.Writer, from) }

// relay copies with a small buffer, and with a large one while much data arrives.
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
