package proxy_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Each piece reaches the client before AWS writes the next.
func TestProxy_DoesNotDelayEvents(t *testing.T) {
	for name, head := range map[string]string{
		"events":                 "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked",
		"events of Bedrock":      "Content-Type: application/vnd.amazon.eventstream\r\nTransfer-Encoding: chunked",
		"lines of JSON":          "Content-Type: application/json\r\nTransfer-Encoding: chunked",
		"until the end":          "Content-Type: text/plain\r\nConnection: close",
		"a length that is known": "Content-Type: text/plain\r\nContent-Length: 30",
	} {
		t.Run(name, func(t *testing.T) {
			next := make(chan struct{})
			server := newRawServer(t, func(conn net.Conn, r *bufio.Reader) {
				if _, err := readRequest(r); err != nil {
					return
				}
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n"+head+"\r\n\r\n")
				for range 10 {
					select {
					case <-next:
					case <-time.After(10 * time.Second):
						return // the client did not get the piece before
					}
					if strings.Contains(head, "chunked") {
						_, _ = io.WriteString(conn, "3\r\nabc\r\n")
					} else {
						_, _ = io.WriteString(conn, "abc")
					}
				}
				if strings.Contains(head, "chunked") {
					_, _ = io.WriteString(conn, "0\r\n\r\n")
				}
			})
			f := newFront(t, options{}, server.host())
			_, r := f.send(t, "POST "+path(server.host(), "/")+" HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
			next <- struct{}{}
			response, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			piece := make([]byte, 3)
			for i := range 10 {
				if _, err := io.ReadFull(response.Body, piece); err != nil {
					t.Fatalf("piece %d: %v", i, err)
				}
				if i < 9 {
					next <- struct{}{}
				}
			}
			if rest, err := io.ReadAll(response.Body); err != nil || len(rest) > 0 {
				t.Errorf("then %q, %v", rest, err)
			}
			if got := f.audit.outcome(t); got.Outcome != "complete" || got.BytesIn != 30 {
				t.Errorf("outcome %+v", got.Sent)
			}
		})
	}
}

// Each piece reaches AWS before the client writes the next.
func TestProxy_DoesNotDelayUploads(t *testing.T) {
	got := make(chan string)
	server := newRawServer(t, func(conn net.Conn, r *bufio.Reader) {
		if _, err := readRequest(r); err != nil {
			return
		}
		for range 10 {
			piece := make([]byte, 3)
			if _, err := io.ReadFull(r, piece); err != nil {
				return
			}
			got <- string(piece)
		}
		_, _ = io.WriteString(conn, noContent)
	})
	f := newFront(t, options{}, server.host())
	text := strings.Repeat("abc", 10)
	conn, r := f.send(
		t,
		fmt.Sprintf(
			"PUT %s HTTP/1.1\r\nHost: x\r\nX-Amz-Content-Sha256: %s\r\nContent-Length: 30\r\n\r\n", path(server.host(), "/"),
			sha256Hex(text),
		),
	)
	for i := range 10 {
		if _, err := io.WriteString(conn, "abc"); err != nil {
			t.Fatal(err)
		}
		select {
		case <-got:
		case <-time.After(10 * time.Second):
			t.Fatalf("piece %d was held back", i)
		}
	}
	if response, err := http.ReadResponse(r, nil); err != nil || response.StatusCode != 204 {
		t.Errorf("%v %v", response, err)
	}
}

// The server's timeouts suit requests that are answered at once; a stream that keeps moving may take longer.
func TestProxy_StreamsOutlastTheServerTimeouts(t *testing.T) {
	rest := make(chan struct{})
	defer close(rest)
	server := newRawServer(t, func(conn net.Conn, r *bufio.Reader) {
		s, err := readRequest(r)
		if err != nil {
			return
		}
		if _, err := s.readBody(r); err != nil {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nxxxxx")
		<-rest
		_, _ = io.WriteString(conn, "xxxxx")
	})
	f := newFront(t, options{}, server.host())
	for name, row := range map[string]struct{ begin, end string }{
		"down":        {"GET %s HTTP/1.1\r\nHost: x\r\n\r\n", ""},
		"up and down": {"PUT %s HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nxxxxx", "xxxxx"},
	} {
		t.Run(name, func(t *testing.T) {
			conn, r := f.send(t, fmt.Sprintf(row.begin, path(server.host(), "/")))
			f.mayWait(t, conn)
			_, _ = io.WriteString(conn, row.end)
			response, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(response.Body, make([]byte, 5)); err != nil {
				t.Fatal(err)
			}
			at := f.mayWait(t, conn)
			rest <- struct{}{}
			if body, err := io.ReadAll(response.Body); err != nil || string(body) != "xxxxx" {
				t.Errorf("%s %q, %v", response.Status, body, err)
			}
			at.wasNotHurried(t)
		})
	}
}

func TestProxy_ADisconnectedClientEndsTheRequest(t *testing.T) {
	gone := make(chan struct{})
	server := newRawServer(t, func(conn net.Conn, r *bufio.Reader) {
		if _, err := readRequest(r); err != nil {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
		_, _ = r.ReadByte()
		close(gone)
	})
	f := newFront(t, options{}, server.host())
	conn, r := f.send(t, "GET "+path(server.host(), "/")+" HTTP/1.1\r\nHost: x\r\n\r\n")
	if _, err := http.ReadResponse(r, nil); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	select {
	case <-gone:
	case <-time.After(10 * time.Second):
		t.Fatal("AWS is still sending")
	}
	if got := f.audit.outcome(t); got.Outcome != "caller_gone" {
		t.Errorf("outcome %+v", got.Sent)
	}
}

// echo accepts an upgrade and then returns whatever arrives.
func echo(t testing.TB) (*rawServer, <-chan seen) {
	saw := make(chan seen, 64)
	return newRawServer(t, func(conn net.Conn, r *bufio.Reader) {
		s, err := readRequest(r)
		if err != nil {
			return
		}
		saw <- s
		_, _ = io.WriteString(
			conn,
			"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: "+
				"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
		)
		_, _ = io.Copy(conn, r)
	}), saw
}

const upgrade = " HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: " +
	"13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

func (f *front) webSocket(t testing.TB, host string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, r := f.send(t, "GET "+path(host, "/prod")+upgrade)
	response, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != 101 || response.Header.Get("Sec-Websocket-Accept") == "" || response.Header.Get("Upgrade") != "websocket" {
		t.Fatalf("%s %q", response.Status, response.Header)
	}
	return conn, r
}

func TestProxy_WebSockets(t *testing.T) {
	server, saw := echo(t)
	f := newFront(t, options{}, server.host())
	conn, r := f.webSocket(t, server.host())
	got := arrived(t, saw)
	got.mustBeSigned(t, "execute-api")
	if got.value("Sec-Websocket-Key") == "" || got.value("Connection") != "Upgrade" {
		t.Errorf("sent %q", got.headers)
	}
	at := f.mayWait(t, conn)
	for range 3 {
		_, _ = io.WriteString(conn, "hello")
		back := make([]byte, 5)
		if _, err := io.ReadFull(r, back); err != nil || string(back) != "hello" {
			t.Fatalf("%q, %v", back, err)
		}
	}
	at.wasNotHurried(t)
	conn.Close()
	if got := f.audit.outcome(t); got.Status != 101 || got.BytesIn != 15 || got.BytesOut != 15 {
		t.Errorf("outcome %+v", got.Sent)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if f.Wait(ctx); ctx.Err() != nil {
		t.Error("the connection is still counted")
	}
}

func TestProxy_ARefusedUpgradeIsAResponse(t *testing.T) {
	server, _ := answering(t, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n{}")
	f := newFront(t, options{}, server.host())
	response, body := f.exchange(t, "GET", "GET "+path(server.host(), "/")+upgrade)
	if response.StatusCode != 403 || body != "{}" {
		t.Errorf("%s %q", response.Status, body)
	}
}

// IoT Core and Transcribe open a WebSocket only with a presigned URL, and IoT's token is not signed. Everything else is signed
// with headers.
func TestProxy_PresignsUpgradesIfTheServiceNeedsIt(t *testing.T) {
	for service, row := range map[string]struct {
		presigned bool
		signs     string // the token that the signature covers
	}{"iotdevicegateway": {true, ""}, "transcribe": {true, token}, "execute-api": {false, token}} {
		t.Run(service, func(t *testing.T) {
			server, saw := echo(t)
			policies := `permit (principal, action == Action::"send", resource) when { resource.service == "` + service + `" };`
			f := newFront(t, options{service: service, policies: policies}, server.host())
			_, r := f.send(t, "GET "+path(server.host(), "/mqtt?a=1")+strings.TrimSuffix(upgrade, "\r\n")+"Sec-WebSocket-Protocol: mqtt\r\n\r\n")
			response, err := http.ReadResponse(r, nil)
			if err != nil || response.StatusCode != 101 {
				t.Fatalf("%v, %v", response, err)
			}
			got := arrived(t, saw)
			if !row.presigned {
				got.mustBeSigned(t, service)
				return
			}
			if got.value("Authorization")+got.value("X-Amz-Security-Token")+got.value("X-Amz-Date") != "" ||
				got.value("Sec-WebSocket-Protocol") != "mqtt" {
				t.Errorf("headers %q", got.headers)
			}
			got.mustBePresigned(t, service, row.signs)
			intent := f.audit.records()[0]
			if intent.Action != "send" || intent.PresignSeconds != 300 || strings.Contains(fmt.Sprintf("%+v", intent), "X-Amz-Signature") {
				t.Errorf("recorded %+v", intent)
			}
		})
	}
}

func TestProxy_RefusesSignaturesInASubprotocol(t *testing.T) {
	f := newFront(t, options{})
	response, _ := f.exchange(t, "GET", "GET /proxy/orders/abc.appsync-realtime-api.eu-west-1.amazonaws.com/graphql"+upgrade)
	if response.StatusCode != 400 || response.Header.Get("X-Problem") != "host_not_signed" {
		t.Errorf("%s %s", response.Status, response.Header.Get("X-Problem"))
	}
}

// Streams and bodies break off, WebSockets get a close frame, and nothing is left running.
func TestStop_EndsRequestsInProgress(t *testing.T) {
	runtime.GC()
	before := runtime.NumGoroutine()
	done := make(chan struct{})
	t.Run("under way", func(t *testing.T) {
		defer close(done)
		streams := newRawServer(t, func(conn net.Conn, r *bufio.Reader) {
			if _, err := readRequest(r); err != nil {
				return
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
			_, _ = r.ReadByte()
		})
		sockets, _ := echo(t)
		f := newFront(t, options{}, streams.host(), sockets.host())
		var conns []net.Conn
		var readers []*bufio.Reader
		for range 50 {
			conn, r := f.send(t, "GET "+path(streams.host(), "/")+" HTTP/1.1\r\nHost: x\r\n\r\n")
			response, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := response.Body.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			conns = append(conns, conn)
		}
		for range 10 { // bodies that do not go on, one way to send them and the other
			for _, claim := range []string{"", "X-Amz-Content-Sha256: " + sha256Hex("hello") + "\r\n"} {
				conn, _ := f.send(t, "PUT "+path(streams.host(), "/")+" HTTP/1.1\r\nHost: x\r\n"+claim+"Content-Length: 5\r\n\r\nhe")
				conns = append(conns, conn)
			}
		}
		for range 20 {
			conn, r := f.webSocket(t, sockets.host())
			conns, readers = append(conns, conn), append(readers, r)
		}
		f.Stop()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		f.Wait(ctx)
		if err := f.server.Shutdown(ctx); err != nil {
			t.Errorf("requests are under way still: %v", err)
		}
		for _, r := range readers {
			if rest, _ := io.ReadAll(r); !bytes.Equal(rest, []byte{0x88, 0x02, 0x03, 0xe9}) {
				t.Errorf("a WebSocket was told %x", rest)
			}
		}
		for _, conn := range conns {
			conn.Close()
		}
	})
	<-done
	var after int
	for range 500 {
		if after = runtime.NumGoroutine(); after <= before {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	stacks := make([]byte, 1<<20)
	t.Errorf("%d goroutines before, %d after:\n%s", before, after, stacks[:runtime.Stack(stacks, true)])
}

// AWS may begin its response before it has the whole body. net/http would then take the rest of the body from the upload.
func TestProxy_StreamsBothWays(t *testing.T) {
	server := newRawServer(t, func(conn net.Conn, r *bufio.Reader) {
		if _, err := readRequest(r); err != nil {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
		body := httputil.NewChunkedReader(r)
		for {
			piece := make([]byte, 3)
			if _, err := io.ReadFull(body, piece); err != nil {
				break
			}
			_, _ = fmt.Fprintf(conn, "3\r\n%s\r\n", piece)
		}
		_, _ = io.WriteString(conn, "0\r\n\r\n")
	})
	f := newFront(t, options{}, server.host())
	head := "PUT %s HTTP/1.1\r\nHost: x\r\nX-Amz-Content-Sha256: " + sha256Hex("") + "\r\nTransfer-Encoding: chunked\r\n\r\n"
	conn, r := f.send(t, fmt.Sprintf(head, path(server.host(), "/")))
	response, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !response.Close {
		t.Error("what is left of the body may be taken for a request")
	}
	for i := range 10 {
		_, _ = io.WriteString(conn, "3\r\nabc\r\n")
		piece := make([]byte, 3)
		if _, err := io.ReadFull(response.Body, piece); err != nil || string(piece) != "abc" {
			t.Fatalf("piece %d: %q, %v", i, piece, err)
		}
	}
	_, _ = io.WriteString(conn, "0\r\n\r\n")
	if rest, err := io.ReadAll(response.Body); err != nil || len(rest) > 0 {
		t.Errorf("then %q, %v", rest, err)
	}
	if got := f.audit.outcome(t); got.Outcome != "complete" || got.BytesOut != 30 || got.BytesIn != 30 {
		t.Errorf("outcome %+v", got.Sent)
	}
}

// A client that goes on sending a body that AWS no longer wants can read the response, also if it reads only after it has
// sent everything.
func TestProxy_AnswersClientsThatGoOnSending(t *testing.T) {
	denied := "<Error>" + strings.Repeat("x", 2000) + "</Error>"
	for name, row := range map[string]struct {
		size  int
		later bool // the client reads when it has sent everything
		claim string
	}{
		"a small body": {200 << 10, true, sha256Hex("")}, "a large body": {10 << 20, false, sha256Hex("")},
	} {
		t.Run(name, func(t *testing.T) {
			server := newRawServer(t, func(conn net.Conn, r *bufio.Reader) {
				if _, err := readRequest(r); err == nil {
					_, _ = fmt.Fprintf(conn, "HTTP/1.1 403 F\r\nContent-Length: %d\r\n\r\n%s", len(denied), denied)
					_, _ = io.Copy(io.Discard, r) // until the proxy closes the connection
				}
			})
			f := newFront(t, options{}, server.host())
			conn, r := f.send(t, fmt.Sprintf("PUT %s HTTP/1.1\r\nHost: x\r\nX-Amz-Content-Sha256: %s\r\nContent-Length: %d\r\n\r\n",
				path(server.host(), "/"), row.claim, row.size))
			sent := make(chan struct{})
			go func() {
				defer close(sent)
				_, _ = io.Copy(conn, bytes.NewReader(make([]byte, row.size))) // may fail
			}()
			if row.later {
				<-sent
			}
			response, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			if body, err := io.ReadAll(response.Body); err != nil || response.StatusCode != 403 || string(body) != denied {
				t.Errorf("%s %.20q, %v", response.Status, body, err)
			}
		})
	}
}
