package api

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"testing"
)

// pipes is an in-memory listener that reports every write.
type pipes struct {
	net.Listener
	conns chan net.Conn
}

func (p pipes) Accept() (net.Conn, error) {
	c, ok := <-p.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (pipes) Close() error { return nil }

// reportingConn is an in-memory connection that reports every write.
type reportingConn struct {
	net.Conn
	writes chan<- int
	broken error
}

func (c reportingConn) Write(b []byte) (int, error) {
	c.writes <- len(b)
	if c.broken != nil {
		return 0, c.broken
	}
	return c.Conn.Write(b)
}

// ask sends one request to a handler, and returns the response and the sizes of the writes in which it arrived.
func ask(t *testing.T, broken error, h http.HandlerFunc) (response []byte, writes []int) {
	t.Helper()
	client, server := net.Pipe()
	sizes := make(chan int, 100)
	listener := pipes{conns: make(chan net.Conn, 1)}
	listener.conns <- reportingConn{server, sizes, broken}
	s := &http.Server{ConnContext: ConnContext, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &countedResponse{ResponseWriter: w}
		c.conn, _ = r.Context().Value(connKey{}).(*joiner)
		h(c, r)
	})}
	ended := make(chan error)
	go func() { ended <- s.Serve(Joining(listener)) }()
	if _, err := io.WriteString(client, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	response, _ = io.ReadAll(client)
	close(listener.conns)
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("the server ended with %v", err)
	}
	for len(sizes) > 0 { // all are reported before their bytes arrive
		writes = append(writes, <-sizes)
	}
	return response, writes
}

func TestWholeResponses_LeaveInOneWrite(t *testing.T) {
	for _, size := range []int{1, 3 << 10, 3<<10 + 1, 4 << 10, 8 << 10, maxJoined} {
		body := bytes.Repeat([]byte("a"), size)
		text, writes := ask(t, nil, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(size))
			if n, err := w.Write(body); n != size || err != nil {
				t.Errorf("%d bytes: %d, %v", size, n, err)
			}
		})
		response, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(text)), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		got, err := io.ReadAll(response.Body)
		if err != nil || !bytes.Equal(got, body) || len(writes) != 1 {
			t.Errorf("%d bytes: %d arrived in the writes %v (%v)", size, len(got), writes, err)
		}
	}
}

// A body that is written in parts is not held back.
func TestWholeResponses_PartsLeaveAtOnce(t *testing.T) {
	part := bytes.Repeat([]byte("a"), 8<<10)
	for name, length := range map[string]string{"of a known length": strconv.Itoa(2 * len(part)), "of a stream": ""} {
		_, writes := ask(t, nil, func(w http.ResponseWriter, _ *http.Request) {
			if length != "" {
				w.Header().Set("Content-Length", length)
			}
			for range 2 {
				_, _ = w.Write(part)
			}
		})
		if len(writes) < 2 {
			t.Errorf("two parts %s arrived in the writes %v", name, writes)
		}
	}
}

// A response that could not be written ends its connection: its client has at most a part of it.
func TestWholeResponses_FailedWriteEndsTheConnection(t *testing.T) {
	broken := errors.New("broken")
	text, writes := ask(t, broken, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "8192")
		if _, err := w.Write(make([]byte, 8192)); !errors.Is(err, broken) {
			t.Errorf("the write returned %v", err)
		}
	})
	if len(text) > 0 || len(writes) != 1 {
		t.Errorf("%d bytes arrived in the writes %v", len(text), writes)
	}
}

func TestConnContext_OtherConnectionsAreLeftAlone(t *testing.T) {
	if c := ConnContext(context.Background(), reportingConn{}); c.Value(connKey{}) != nil {
		t.Error("a connection of another listener is used")
	}
}
