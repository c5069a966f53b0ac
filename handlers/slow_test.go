package handlers_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"countersign/broker"
	"countersign/handlers"
)

// A slow body is hashed; a trickle is cut off, because it would occupy a place for hours.
func TestSlowPayloads(t *testing.T) {
	for _, tt := range []struct {
		name             string
		piece, pieces    int // one every twenty seconds
		status           int
		notBefore, until time.Duration
	}{
		{"a steady one of ten minutes", 64 << 10, 30, http.StatusOK, 9 * time.Minute, 11 * time.Minute},
		{"a trickle", 1, 1000, http.StatusBadRequest, 30 * time.Second, 41 * time.Second},
		{"less than the least rate", 19 << 10, 1000, http.StatusBadRequest, 5 * time.Minute, 11 * time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, server := net.Pipe()
				listener := &single{conns: make(chan net.Conn, 1), done: make(chan struct{})}
				listener.conns <- server
				s := &http.Server{
					Handler:     handlers.New(handlers.Options{Options: broker.Options{Now: time.Now}}).HashPayload(),
					ReadTimeout: 30 * time.Second,
				}
				go func() { _ = s.Serve(listener) }()
				defer func() { _ = s.Close() }()

				begun := time.Now()
				sent := make(chan struct{})
				go func() {
					defer close(sent)
					_, err := fmt.Fprintf(client, "POST /v1/payload-hash HTTP/1.1\r\nHost: example.com\r\nContent-Length: %d\r\n\r\n", tt.piece*tt.pieces)
					for piece := make([]byte, tt.piece); err == nil; time.Sleep(20 * time.Second) {
						_, err = client.Write(piece)
					}
				}()
				defer func() { _ = client.Close(); <-sent }()
				response, err := http.ReadResponse(bufio.NewReader(client), nil)
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = response.Body.Close() }()
				if took := time.Since(begun); response.StatusCode != tt.status || took < tt.notBefore || took > tt.until {
					t.Errorf("%d after %v, want %d after %v to %v", response.StatusCode, took, tt.status, tt.notBefore, tt.until)
				}
			})
		})
	}
}

// single is a listener with one connection.
type single struct {
	conns chan net.Conn
	done  chan struct{}
}

func (l *single) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *single) Close() error   { close(l.done); return nil }
func (l *single) Addr() net.Addr { return &net.TCPAddr{} }
