package sending_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"countersign/sending"
	"countersign/signing"
)

// strict refuses signatures that are more than five minutes off, as AWS does.
var strict = reading(func(s *script, conn net.Conn, r *http.Request) {
	now := time.Now().Add(s.ahead)
	at, err := time.Parse(signing.TimeFormat, r.Header.Get("X-Amz-Date"))
	status, code := 200, ""
	if off := now.Sub(at); err != nil || off > 5*time.Minute || off < -5*time.Minute {
		status, code = 403, "X-Amzn-Errortype: InvalidSignatureException\r\n"
	}
	_, _ = io.WriteString(
		conn,
		fmt.Sprintf("HTTP/1.1 %d X\r\nDate: %s\r\nConnection: close\r\n%s\r\n", status, now.UTC().Format(http.TimeFormat), code),
	)
})

// A host's clock is learned from one refusal, kept for later requests to this host
// only, and dropped when it is no longer right.
func TestSend_ClockIsKeptPerHost(t *testing.T) {
	s := &script{steps: []step{strict}, ahead: 20 * time.Minute}
	s.run(t, func(t *testing.T, c *sending.Client) {
		send := func(host, what string, attempts int) {
			t.Helper()
			r := message{method: "POST", url: "http://" + host + "/"}.request(t)
			sign, corrected := r.Sign, false
			r.Sign = func(ctx context.Context, at sending.Moment) (signing.Signed, *signing.Stream, error) {
				corrected = at.Corrected
				return sign(ctx, at)
			}
			a, err := c.Send(t.Context(), r)
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			readAll(t, a)
			if n := len(a.Report().Attempts); a.Response.StatusCode != 200 || n != attempts || corrected != (s.ahead != 0 || attempts == 2) {
				t.Errorf("%s: status %d after %d attempts, want %d; corrected %v", what, a.Response.StatusCode, n, attempts, corrected)
			}
		}
		send("a.example", "the first", 2)
		send("a.example", "the second", 1)
		time.Sleep(48 * time.Hour)
		send("a.example", "two days later", 1)
		send("b.example", "another host", 2)
		s.ahead = 3 * time.Hour
		send("a.example", "after its clock was set", 2)
		send("a.example", "and then", 1)
		s.ahead = 0
		send("a.example", "after ours was set", 2)
		send("a.example", "and then", 1)
	})
}

// A kept offset that is no longer right is dropped even if the response is no refusal.
func TestSend_ClockIsDroppedByAnyResponse(t *testing.T) {
	s := &script{steps: []step{strict}, ahead: 6 * time.Minute}
	s.run(t, func(t *testing.T, c *sending.Client) {
		if a, err := s.send(t, c, nil); err != nil || a.Response.StatusCode != 200 {
			t.Fatal(err)
		}
		s.ahead = time.Minute // a signature six minutes ahead is still accepted
		for i, want := range []time.Duration{6 * time.Minute, 0} {
			var used time.Duration
			_, err := s.send(t, c, func(r *sending.Request) {
				sign := r.Sign
				r.Sign = func(ctx context.Context, at sending.Moment) (signing.Signed, *signing.Stream, error) {
					used = time.Until(at.Time)
					return sign(ctx, at)
				}
			})
			if err != nil || used != want {
				t.Errorf("request %d: %v, signed %v ahead, want %v", i, err, used, want)
			}
		}
	})
}

// A caller may correct the clock by itself, as sessions do. What matters is the date of
// the signature.
func TestSend_CountsTheCallersClockCorrection(t *testing.T) {
	s := &script{steps: []step{strict}, ahead: 20 * time.Minute}
	s.run(t, func(t *testing.T, c *sending.Client) {
		a, err := s.send(t, c, func(r *sending.Request) {
			sign := r.Sign
			r.Sign = func(ctx context.Context, at sending.Moment) (signing.Signed, *signing.Stream, error) {
				if !at.Corrected {
					at.Time = at.Time.Add(19 * time.Minute)
				}
				return sign(ctx, at)
			}
		})
		if err != nil || a.Response.StatusCode != 200 || len(a.Report().Attempts) != 1 {
			t.Errorf("%v, report %+v", err, a.Report())
		}
	})
}

func TestSend_SessionIsRenewedOnce(t *testing.T) {
	expired := withCode(403, "ExpiredToken")
	for name, row := range map[string]struct {
		steps    []step
		can      bool
		streamed bool
		attempts int
		status   int
	}{
		"renewed":                        {[]step{expired, fine}, true, false, 2, 200},
		"refused again":                  {[]step{expired}, true, false, 2, 403},
		"no other session":               {[]step{expired, fine}, false, false, 1, 403},
		"body consumed, session dropped": {[]step{expired, fine}, true, true, 1, 403},
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{steps: row.steps}
			s.run(t, func(t *testing.T, c *sending.Client) {
				dropped := 0
				m := message{method: "POST", url: "http://a.example/"}
				if row.streamed {
					m.body = bodyKinds["streamed"](t)
				}
				r := m.request(t)
				r.SessionRefused = func() bool { dropped++; return row.can }
				a, err := c.Send(t.Context(), r)
				if err != nil {
					t.Fatal(err)
				}
				readAll(t, a)
				if a.Response.StatusCode != row.status || len(s.arrivals) != row.attempts || dropped != 1 {
					t.Errorf("status %d, %d attempts, dropped %d times", a.Response.StatusCode, len(s.arrivals), dropped)
				}
			})
		})
	}
}
