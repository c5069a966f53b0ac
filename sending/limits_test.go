package sending_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"countersign/sending"
	"countersign/signing"
)

// timedSend sends a request and returns how long it took until the response ended or
// broke off.
func timedSend(t *testing.T, c *sending.Client, ctx context.Context, r *sending.Request) (time.Duration, sending.Report, error) {
	t.Helper()
	begun := time.Now()
	a, err := c.Send(ctx, r)
	if err != nil {
		var e *sending.Error
		if !errors.As(err, &e) {
			t.Fatalf("%v is not an *Error", err)
		}
		return time.Since(begun), e.Report, err
	}
	_, err = io.Copy(io.Discard, a.Response.Body)
	took := time.Since(begun)
	a.Response.Body.Close()
	return took, a.Report(), err
}

// slow is an io.Reader that calls a function, which may sleep.
type slow func() (string, error)

func (s slow) Read(p []byte) (int, error) {
	text, err := s()
	return copy(p, text), err
}

func TestSend_TimeLimits(t *testing.T) {
	const min = time.Minute
	bytesEvery := func(d time.Duration, n int) step {
		return reading(func(_ *script, conn net.Conn, _ *http.Request) {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
			for range n {
				time.Sleep(d)
				_, _ = io.WriteString(conn, "x")
			}
		})
	}
	answeringAfter := func(d time.Duration) step {
		return reading(func(_ *script, conn net.Conn, _ *http.Request) {
			time.Sleep(d)
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		})
	}
	stalling := func(_ *script, conn net.Conn, _ *http.Request) { // reads a little, then stalls
		_, _ = conn.Read(make([]byte, 64))
		time.Sleep(time.Hour)
	}
	bodyEvery := func(d time.Duration, n int) func(*testing.T) *sending.Body {
		return func(t *testing.T) *sending.Body {
			left := n
			b, err := sending.Streamed(signing.PayloadHash(nil), slow(func() (string, error) {
				if left == 0 {
					return "", io.EOF
				}
				left--
				time.Sleep(d)
				return "x", nil
			}), -1)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
	}
	for name, row := range map[string]struct {
		do     step
		body   func(*testing.T) *sending.Body
		change func(*sending.Request)
		kind   error
		took   time.Duration
	}{
		"headers in time":  {do: answeringAfter(59 * time.Second), took: 59 * time.Second},
		"headers too late": {do: answeringAfter(61 * time.Second), kind: sending.ErrNoResponse, took: min},
		"headers as late as allowed": {
			do: answeringAfter(14 * min), change: func(r *sending.Request) { r.HeaderTimeout = 15 * min }, took: 14 * min,
		},
		"headers later than allowed": {
			do: answeringAfter(16 * min), change: func(r *sending.Request) { r.HeaderTimeout = 15 * min }, kind: sending.ErrNoResponse,
			took: 15 * min,
		},
		"a response that takes hours": {do: bytesEvery(4*min, 60), took: 240 * min},
		"a response that stops":       {do: bytesEvery(6*min, 2), kind: sending.ErrBroken, took: 5 * min},
		"a body that takes hours":     {do: fine, body: bodyEvery(4*min, 60), took: 240 * min},
		"a server that stops reading": {do: stalling, body: bodyEvery(0, 1<<20), kind: sending.ErrNotConnected, took: 5 * min},
		"a deadline of the caller, written": {
			do: answeringAfter(59 * time.Second), kind: sending.ErrNoResponse, took: 10 * time.Second, change: func(*sending.Request) {},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{steps: []step{row.do}}
			s.run(t, func(t *testing.T, c *sending.Client) {
				m := message{method: "PUT", url: "http://a.example/"}
				if row.body != nil {
					m.body = row.body(t)
				}
				r := m.request(t)
				if row.change != nil {
					row.change(r)
				}
				ctx, cancel := t.Context(), context.CancelFunc(func() {})
				if strings.HasPrefix(name, "a deadline") {
					ctx, cancel = context.WithTimeout(ctx, row.took)
				}
				defer cancel()
				took, report, err := timedSend(t, c, ctx, r)
				if took.Round(time.Second) != row.took || row.kind != nil && !errors.Is(err, row.kind) || row.kind == nil && err != nil {
					t.Errorf("took %v, %v, report %+v; want %v, %v", took, err, report, row.took, row.kind)
				}
			})
		})
	}
}

// An upgraded connection ends if neither side sends anything for too long.
func TestSend_UpgradeEndsWhenIdle(t *testing.T) {
	changing := reading(func(_ *script, conn net.Conn, _ *http.Request) {
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
		_, _ = io.Copy(conn, conn)
	})
	s := &script{steps: []step{changing}}
	s.run(t, func(t *testing.T, c *sending.Client) {
		r := message{method: "GET", url: "http://a.example/"}.request(t)
		r.Upgrade = "x"
		a, err := c.Send(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		conn := a.Response.Body.(io.ReadWriteCloser)
		for range 3 {
			time.Sleep(9 * time.Minute)
			if _, err := io.WriteString(conn, "x"); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
		}
		begun := time.Now()
		_, err = conn.Read(make([]byte, 1))
		wantError(t, err, sending.ErrBroken)
		if took := time.Since(begun); took != 10*time.Minute {
			t.Errorf("ended after %v", took)
		}
		conn.Close()
	})
}

// At most 256 requests to a host may be in progress. The next one waits a second for
// one of them to end. Other hosts are not affected.
func TestSend_WaitsForASlot(t *testing.T) {
	s := &script{steps: []step{answer(200, "", "x")}}
	s.run(t, func(t *testing.T, c *sending.Client) {
		open := func(host string) (*sending.Response, error) {
			return c.Send(t.Context(), message{method: "GET", url: "http://" + host + "/"}.request(t))
		}
		var responses []*sending.Response
		for range 256 {
			a, err := open("a.example")
			if err != nil {
				t.Fatal(err)
			}
			responses = append(responses, a)
		}
		begun := time.Now()
		_, err := open("a.example")
		e := wantError(t, err, sending.ErrBusy)
		if took := time.Since(begun); took != time.Second || e.Outcome != sending.OutcomeUnreachable || len(e.Attempts) != 0 {
			t.Errorf("after %v, report %+v", took, e)
		}
		b, err := open("b.example")
		if err != nil {
			t.Fatal(err)
		}
		readAll(t, b)

		time.AfterFunc(500*time.Millisecond, func() { responses[7].Response.Body.Close() })
		begun = time.Now()
		if a, err := open("a.example"); err != nil || time.Since(begun) != 500*time.Millisecond {
			t.Errorf("after %v: %v", time.Since(begun), err)
		} else {
			readAll(t, a)
		}
		// A response that was read to the end has released its slot, closed or not.
		if _, err := io.ReadAll(responses[8].Response.Body); err != nil {
			t.Error(err)
		}
		a, err := open("a.example")
		if err != nil {
			t.Fatal(err)
		}
		readAll(t, a)
		for _, a := range responses {
			a.Response.Body.Close()
			a.Response.Body.Close()
		}
		synctest.Wait()
		for range 256 { // no slot was released twice
			a, err := open("a.example")
			if err != nil {
				t.Fatal(err)
			}
			defer a.Response.Body.Close()
		}
		if _, err := open("a.example"); !errors.Is(err, sending.ErrBusy) {
			t.Errorf("the 257th: %v", err)
		}
	})
}

// Event streams hold no slots, or other requests would soon get none.
func TestSend_EventStreamsHoldNoSlot(t *testing.T) {
	s := &script{steps: []step{answer(200, "Content-Type: Text/Event-Stream; charset=utf-8\r\n", "data: x\n\n")}}
	s.run(t, func(t *testing.T, c *sending.Client) {
		for range 300 {
			a, err := c.Send(t.Context(), message{method: "GET", url: "http://a.example/"}.request(t))
			if err != nil {
				t.Fatal(err)
			}
			defer a.Response.Body.Close()
		}
	})
}

// A caller may name any number of hosts, but the client remembers only so many.
func TestSend_RemembersAThousandHosts(t *testing.T) {
	s := &script{steps: []step{nil}}
	s.run(t, func(t *testing.T, c *sending.Client) {
		for i := range 5000 {
			r := message{method: "GET", url: fmt.Sprintf("http://b%d.example/", i)}.request(t)
			r.Retry = sending.RetryNever
			_, err := c.Send(t.Context(), r)
			wantError(t, err, sending.ErrNotConnected)
		}
		if n := c.HostsKept(); n > 1024 || n < 512 {
			t.Errorf("%d hosts are kept", n)
		}
	})
}

// Many concurrent requests, some of them abandoned midway, leak no goroutines, which
// TestMain checks.
func TestSend_ManyAtOnce(t *testing.T) {
	server := newRawServer(t, func(conn net.Conn, r *bufio.Reader) {
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, req.Body)
			if _, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"+strings.Repeat("x", 100000)); err != nil {
				return
			}
		}
	})
	c := newClient(t, sending.Options{HTTPHosts: []string{server.host()}})
	rounds := 20
	if testing.Short() {
		rounds = 8
	}
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			for j := range rounds {
				ctx, cancel := context.WithCancel(t.Context())
				r := message{method: "PUT", url: "http://" + server.host() + "/", body: sending.Bytes(make([]byte, 5000))}.request(t)
				if (i+j)%5 == 0 {
					time.AfterFunc(time.Duration(j)*time.Millisecond, cancel)
				}
				a, err := c.Send(ctx, r)
				if err == nil {
					if (i+j)%3 == 0 {
						_, _ = a.Response.Body.Read(make([]byte, 100))
					} else {
						_, _ = io.Copy(io.Discard, a.Response.Body)
					}
					a.Response.Body.Close()
					if a.Report().Outcome == "" {
						t.Error("no outcome after the end")
					}
				} else if !errors.Is(err, sending.ErrCallerGone) {
					t.Error(err)
				}
				cancel()
			}
		})
	}
	wg.Wait()
}
