package sending

import (
	"errors"
	"net"
	"net/http/httptrace"
	"testing"
	"time"
)

// TestWire_HTTP2 tests the orders in which net/http may report what happened on an HTTP/2 connection.
func TestWire_HTTP2(t *testing.T) {
	reset := streamError{StreamID: 5, Code: 2}
	refused := streamError{StreamID: 5, Code: 7}
	conn, other := net.Pipe()
	defer conn.Close()
	defer other.Close()
	for name, test := range map[string]struct {
		do   func(w *wire)
		err  error
		want bool
	}{
		"no connection":              {func(*wire) {}, errors.New("no route"), false},
		"a reset before the headers": {func(w *wire) { w.begin(conn, true) }, reset, true},
		"a reset after the headers":  {func(w *wire) { w.begin(conn, true); w.wroteHeaders() }, reset, true},
		"a reset in the hashed body": {
			func(w *wire) { w.begin(conn, true); w.wroteRequest(httptrace.WroteRequestInfo{Err: reset}) }, reset, false,
		},
		"a refused stream":             {func(w *wire) { w.begin(conn, true); w.wroteHeaders() }, refused, false},
		"refused, and then reset":      {func(w *wire) { w.begin(conn, true); w.wroteHeaders(); w.begin(conn, true) }, reset, true},
		"refused, and then refused":    {func(w *wire) { w.begin(conn, true); w.wroteHeaders(); w.begin(conn, true) }, refused, false},
		"no response":                  {func(w *wire) { w.begin(conn, true); w.wroteHeaders() }, errIdle, true},
		"a connection lost after that": {func(w *wire) { w.begin(conn, true) }, errors.New("http2: client connection lost"), true},
	} {
		w := &wire{watch: new(watch), headerTimeout: time.Hour, hashed: true}
		w.watch.start(func(error) {}, time.Now, time.Hour)
		defer w.watch.stop()
		test.do(w)
		var a Attempt
		w.record(&a, test.err)
		if a.Written != test.want {
			t.Errorf("%s: written is %v, want %v", name, a.Written, test.want)
		}
	}
}
