package cli

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// lasting is an AWS that sends one byte of each response every 50 milliseconds, or echoes what a WebSocket sends.
func lasting(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				r, err := http.ReadRequest(bufio.NewReader(conn))
				if err != nil {
					return
				}
				if r.Header.Get("Upgrade") != "" {
					_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
					_, _ = io.Copy(conn, conn)
					return
				}
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
				for err == nil {
					time.Sleep(50 * time.Millisecond)
					_, err = io.WriteString(conn, "1\r\nx\r\n")
				}
			}()
		}
	}()
	return l.Addr().String()
}

// passing is a service that forwards requests to an upstream over http.
func passing(t *testing.T, upstream string, environment ...string) *server {
	t.Helper()
	file := filepath.Join(t.TempDir(), "countersign.yaml")
	text := fmt.Sprintf("allow_send: true\nhttp_hosts: ['%s']\nprofiles:\n  orders:\n    source: environment\n    region: "+
		"eu-west-1\n    hosts:\n"+
		"      127.0.0.1: {service: execute-api, region: eu-west-1}\n", upstream)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return serveApart(t, append([]string{"COUNTERSIGN_CONFIG=" + file}, environment...)...)
}

// pass writes the head of a request to forward, and reads the head of the response.
func (s *server) pass(upstream, rest string) (net.Conn, *bufio.Reader, *http.Response) {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(5 * time.Minute)) // however busy the machine is
	fmt.Fprintf(conn, "GET /proxy/orders/%s/ HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\n%s\r\n", upstream, dosKey, rest)
	r := bufio.NewReader(conn)
	response, err := http.ReadResponse(r, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return conn, r, response
}

// 50 streams and 20 WebSockets go on for all of drain_seconds. Then each WebSocket gets a close frame, and the program ends
// by itself.
func TestShutdown_StreamsGoOnUntilTheDrainEnds(t *testing.T) {
	const drain = time.Second
	upstream := lasting(t)
	s := passing(t, upstream, "COUNTERSIGN_DRAIN_SECONDS=1")
	var bodies []io.Reader
	for range 50 {
		_, _, response := s.pass(upstream, "")
		if response.StatusCode != 200 {
			t.Fatal(response.Status)
		}
		bodies = append(bodies, response.Body)
	}
	type socket struct {
		net.Conn
		*bufio.Reader
	}
	var sockets []socket
	for range 20 {
		conn, r, response := s.pass(upstream, "Connection: Upgrade\r\nUpgrade: websocket\r\n")
		if response.StatusCode != 101 {
			t.Fatal(response.Status)
		}
		sockets = append(sockets, socket{conn, r})
	}
	signalled := time.Now()
	s.signal(syscall.SIGTERM)
	var checked sync.WaitGroup
	ends := make(chan time.Duration, len(bodies)+len(sockets))
	for _, body := range bodies {
		checked.Go(func() {
			_, err := io.Copy(io.Discard, body)
			ends <- time.Since(signalled)
			if err == nil {
				t.Error("a stream that was cut ended without an error")
			}
		})
	}
	for _, socket := range sockets {
		checked.Go(func() {
			var got []byte
			buffer := make([]byte, 64)
			for err := error(nil); err == nil; time.Sleep(50 * time.Millisecond) {
				_, _ = io.WriteString(socket.Conn, "x") // fails once the connection has ended
				var n int
				n, err = socket.Reader.Read(buffer)
				got = append(got, buffer[:n]...)
			}
			ends <- time.Since(signalled)
			if goingAway := []byte{0x88, 0x02, 0x03, 0xe9}; !bytes.Equal(bytes.TrimLeft(got, "x"), goingAway) {
				t.Errorf("a WebSocket received %x, want %x at the end", got, goingAway)
			}
		})
	}
	hangs := time.AfterFunc(20*time.Second, func() { _ = s.process.Process.Kill() })
	code := s.exit()
	if !hangs.Stop() {
		t.Fatal("the program goes on after the drain")
	}
	if code != 1 {
		t.Errorf("exit code %d", code)
	}
	for range cap(ends) { // the program is gone, so nothing can keep a connection open
		if took := <-ends; took < drain*9/10 {
			t.Errorf("cut %v after the signal", took)
		}
	}
	checked.Wait()
	t.Logf("the program ended %v after the signal", time.Since(signalled))
}

// An instance without streams ends at once.
func TestShutdown_DoesNotWaitWithoutStreams(t *testing.T) {
	upstream := lasting(t)
	s := passing(t, upstream, "COUNTERSIGN_DRAIN_SECONDS=600")
	conn, _, response := s.pass(upstream, "Connection: Upgrade\r\nUpgrade: websocket\r\n")
	if response.StatusCode != 101 || !strings.EqualFold(response.Header.Get("Upgrade"), "websocket") {
		t.Fatal(response.Status)
	}
	conn.Close()
	s.signal(syscall.SIGTERM)
	if code := s.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
