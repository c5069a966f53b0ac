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

// pipes is a listener of connections in memory, of which each write is told.
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

type told struct {
	net.Conn
	writes chan<- int
	broken error
}

func (c told) Write(b []byte) (int, error) {
	c.writes <- len(b)
	if c.broken != nil {
		return 0, c.broken
	}
	return c.Conn.Write(b)
}

// ask sends one request to a handler, and returns the response and the sizes of the writes that it came in.
func ask(t *testing.T, broken error, h http.HandlerFunc) (response []byte, writes []int) {
	t.Helper()
	client, server := net.Pipe()
	sizes := make(chan int, 100)
	listener := pipes{conns: make(chan net.Conn, 1)}
	listener.conns <- told{server, sizes, broken}
	s := &http.Server{ConnContext: ConnContext, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &counted{ResponseWriter: w}
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
	for len(sizes) > 0 { // all were told before their bytes came
		writes = append(writes, <-sizes)
	}
	return response, writes
}

func TestWholeResponses_LeaveInOneWrite(t *testing.T) {
	for _, size := range []int{1, 3 << 10, 3<<10 + 1, 4 << 10, 8 << 10, mostJoined} {
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
			t.Errorf("%d bytes: %d came in the writes %v (%v)", size, len(got), writes, err)
		}
	}
}

// What is not a whole body is not kept back.
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
			t.Errorf("two parts %s came in the writes %v", name, writes)
		}
	}
}

// A response that could not be written ends its connection: its client has a part of it at the most.
func TestWholeResponses_FailedWriteEndsTheConnection(t *testing.T) {
	broken := errors.New("broken")
	text, writes := ask(t, broken, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "8192")
		if _, err := w.Write(make([]byte, 8192)); !errors.Is(err, broken) {
			t.Errorf("the write says %v", err)
		}
	})
	if len(text) > 0 || len(writes) != 1 {
		t.Errorf("%d bytes came in the writes %v", len(text), writes)
	}
}

func TestConnContext_OtherConnectionsAreLeftAlone(t *testing.T) {
	if c := ConnContext(context.Background(), told{}); c.Value(connKey{}) != nil {
		t.Error("a connection of another listener is used")
	}
}
