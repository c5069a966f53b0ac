package sending_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"countersign/sending"
	"countersign/signing"
)

// step is what the scripted AWS does with a connection or a request.
type step func(s *script, conn net.Conn, r *http.Request)

// script is an in-memory AWS in virtual time. It performs one step per connection, and
// repeats the last one.
type script struct {
	t     *testing.T
	steps []step
	ahead time.Duration // how far its clock is ahead of ours

	mu       sync.Mutex
	dials    int
	arrivals []time.Time
	dates    []string
	bodies   []string
	sums     []string
	wg       sync.WaitGroup
}

func (s *script) next() step {
	n := s.dials
	s.dials++
	return s.steps[min(n, len(s.steps)-1)]
}

// connect gives each attempt its own connection.
func (s *script) connect(ctx context.Context, _, _ string) (net.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do := s.next()
	if do == nil {
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	}
	ours, theirs := net.Pipe()
	s.wg.Go(func() {
		defer theirs.Close()
		do(s, theirs, nil)
	})
	return addressed{ours}, ctx.Err()
}

type addressed struct{ net.Conn }

func (addressed) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 80} }

// unread closes the connection without reading from it.
func unread(*script, net.Conn, *http.Request) {}

// withoutTLS responds to a TLS handshake in plain text.
func withoutTLS(_ *script, conn net.Conn, _ *http.Request) {
	_, _ = conn.Read(make([]byte, 16<<10))
	_, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
}

// reading reads and records a request before the next step.
func reading(then step) step {
	return func(s *script, conn net.Conn, _ *http.Request) {
		r, err := http.ReadRequest(bufio.NewReader(conn))
		if err != nil {
			s.t.Errorf("reading the request: %v", err)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			s.t.Errorf("reading the body: %v", err)
			return
		}
		s.mu.Lock()
		s.arrivals = append(s.arrivals, time.Now())
		s.dates = append(s.dates, r.Header.Get("X-Amz-Date"))
		s.bodies = append(s.bodies, string(body))
		s.sums = append(s.sums, r.Header.Get("X-Amz-Content-Sha256"))
		s.mu.Unlock()
		then(s, conn, r)
	}
}

func answer(status int, headers, body string) step {
	return reading(func(s *script, conn net.Conn, r *http.Request) {
		body := body
		if r.Method == "HEAD" {
			body = ""
		}
		date := time.Now().Add(s.ahead).UTC().Format(http.TimeFormat)
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 %d X\r\nDate: %s\r\nConnection: close\r\n%s\r\n%s", status, date, headers, body)
	})
}

var (
	silent  = reading(func(*script, net.Conn, *http.Request) {})
	garbled = reading(func(_ *script, conn net.Conn, _ *http.Request) { _, _ = io.WriteString(conn, "HTTP/1.1 2") })
	hanging = reading(func(_ *script, conn net.Conn, _ *http.Request) { _, _ = conn.Read(make([]byte, 1)) })
	fine    = answer(200, "", "fine")
)

func withCode(status int, code string) step {
	return answer(status, "X-Amzn-Errortype: "+code+"\r\n", "")
}

// run runs a test in a synctest bubble with a scripted AWS.
func (s *script) run(t *testing.T, test func(*testing.T, *sending.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s.t = t
		c, err := sending.New(sending.Options{Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		c.ConnectBy(s.connect)
		test(t, c)
		c.Close()
		s.wg.Wait()
	})
}

// bodyKinds are the ways to make a body.
var bodyKinds = map[string]func(*testing.T) *sending.Body{
	"none":  func(*testing.T) *sending.Body { return nil },
	"empty": func(*testing.T) *sending.Body { return sending.Bytes(nil) },
	"bytes": func(*testing.T) *sending.Body { return sending.Bytes([]byte("payload")) },
	"spooled": func(t *testing.T) *sending.Body {
		b, err := new(sending.Spool).Read(strings.NewReader("payload"), -1)
		if err != nil {
			t.Fatal(err)
		}
		return b
	},
	"on disk": func(t *testing.T) *sending.Body {
		b, err := (&sending.Spool{Dir: t.TempDir()}).Read(bytes.NewReader(make([]byte, 1<<20+1)), 1<<20+1)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { b.Close() })
		return b
	},
	"streamed": func(t *testing.T) *sending.Body {
		b, err := sending.Streamed(sha256Hex([]byte("payload")), strings.NewReader("payload"), 7)
		if err != nil {
			t.Fatal(err)
		}
		return b
	},
	"streamed chunks": func(t *testing.T) *sending.Body {
		body := inChunks([]byte("payload"), 7, "")
		b, err := sending.Streamed(signing.StreamingPayload, strings.NewReader(body), int64(len(body)))
		if err != nil {
			t.Fatal(err)
		}
		return b
	},
}

var methods = []string{"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "POST", "PATCH"}

// Classes of events, by what may be repeated.
const (
	notWritten  = "not written"  // any method, unless the body was begun
	unanswered  = "not answered" // idempotent methods
	failed      = "failed"       // any method
	unprocessed = "unprocessed"  // any method, once, also with RetryUnprocessed
	final       = "final"
)

// events are the rows of the retry table.
var events = map[string]struct {
	class  string
	scheme string // default: http
	do     step
	ahead  time.Duration
	status int   // if there is a response
	err    error // if there is none
}{
	"connection refused":             {class: notWritten, do: nil, err: sending.ErrNotConnected},
	"no TLS":                         {class: notWritten, scheme: "https", do: withoutTLS, err: sending.ErrTLS},
	"closed before anything written": {class: notWritten, do: unread, err: sending.ErrNotConnected},
	"closed without a response":      {class: unanswered, do: silent, err: sending.ErrNoResponse},
	"half a response":                {class: unanswered, do: garbled, err: sending.ErrNoResponse},
	"no response in time":            {class: unanswered, do: hanging, err: sending.ErrNoResponse},
	"500":                            {class: failed, do: answer(500, "", ""), status: 500},
	"502":                            {class: failed, do: answer(502, "", ""), status: 502},
	"503":                            {class: failed, do: answer(503, "", ""), status: 503},
	"504":                            {class: failed, do: answer(504, "", ""), status: 504},
	"503 SlowDown":                   {class: failed, do: withCode(503, "SlowDown"), status: 503},
	"429":                            {class: failed, do: answer(429, "", ""), status: 429},
	"400 ThrottlingException":        {class: failed, do: withCode(400, "ThrottlingException:http://x"), status: 400},
	"400 throughput exceeded": {
		class: failed, do: withCode(400, "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"), status: 400,
	},
	"400 RequestTimeout": {class: failed, do: withCode(400, "RequestTimeout"), status: 400},
	"403 clock ahead":    {class: unprocessed, do: withCode(403, "RequestTimeTooSkewed"), ahead: 10 * time.Minute, status: 403},
	"403 clock behind": {
		class: unprocessed, do: withCode(403, "SignatureDoesNotMatch"), ahead: -10 * time.Minute, status: 403,
	},
	"400 clock an hour ahead":   {class: unprocessed, do: withCode(400, "InvalidSignatureException"), ahead: time.Hour, status: 400},
	"403 clock 3 minutes ahead": {class: final, do: withCode(403, "RequestTimeTooSkewed"), ahead: 3 * time.Minute, status: 403},
	"403 denied, clock right":   {class: final, do: withCode(403, "AccessDeniedException"), status: 403},
	"403 denied, another code":  {class: final, do: withCode(403, "AccessDenied"), ahead: time.Hour, status: 403},
	"403 ahead, out of a cache": {
		class: final, do: answer(403, "Age: 1\r\nX-Amzn-Errortype: RequestTimeTooSkewed\r\n", ""), ahead: time.Hour, status: 403,
	},
	"403 ExpiredToken":                 {class: unprocessed, do: withCode(403, "ExpiredToken"), status: 403},
	"400 ExpiredTokenException":        {class: unprocessed, do: withCode(400, "ExpiredTokenException"), status: 400},
	"400 TokenRefreshRequired":         {class: unprocessed, do: withCode(400, "TokenRefreshRequired"), status: 400},
	"400 ValidationException":          {class: final, do: withCode(400, "ValidationException"), status: 400},
	"404":                              {class: final, do: answer(404, "", ""), status: 404},
	"409":                              {class: final, do: answer(409, "", ""), status: 409},
	"501":                              {class: final, do: answer(501, "", ""), status: 501},
	"301":                              {class: final, do: answer(301, "Location: /\r\n", ""), status: 301},
	"304":                              {class: final, do: answer(304, "", ""), status: 304},
	"200":                              {class: final, do: fine, status: 200},
	"200 with a code and a wrong date": {class: final, do: withCode(200, "RequestTimeTooSkewed"), ahead: time.Hour, status: 200},
}

// TestSend_RetryTable tests every event, method, kind of body and rule: how often the
// request arrives if the event happens every time, and if it happens once.
func TestSend_RetryTable(t *testing.T) {
	rules := map[string]sending.Retry{"standard": sending.RetryStandard, "unprocessed": sending.RetryUnprocessed, "never": sending.RetryNever}
	postsRepeated, rows := 0, 0
	for name, event := range events {
		t.Run(name, func(t *testing.T) {
			for _, method := range methods {
				if testing.Short() && method != "POST" && method != "PUT" {
					continue
				}
				for kind, body := range bodyKinds {
					for rule, retry := range rules {
						if retry == sending.RetryNever && method != "GET" && method != "POST" {
							continue
						}
						if strings.HasPrefix(kind, "streamed") && name == "closed before anything written" {
							continue // net/http may or may not have begun to read it
						}
						if kind == "on disk" && (method != "PUT" || rule != "standard") ||
							(kind == "empty" || kind == "spooled") && method != "PUT" && method != "POST" {
							continue // slow, or like the others: a few are enough
						}
						for _, once := range []bool{false, true} {
							if once && name == "no TLS" {
								continue // the second attempt would need a certificate
							}
							rows++
							s := &script{steps: []step{event.do}, ahead: event.ahead}
							if once {
								s.steps = append(s.steps, fine)
							}
							label := fmt.Sprintf("%s with body %s, rule %s, once %v", method, kind, rule, once)
							again := attemptsFor(event.class, name, method, kind, retry)
							s.run(t, func(t *testing.T, c *sending.Client) {
								r := message{method: method, url: cmp.Or(event.scheme, "http") + "://a.example/", body: body(t)}.request(t)
								r.Retry = retry
								r.SessionRefused = func() bool { return true }
								check(t, label, s, c, r, again, once, event.status, event.err)
							})
							if event.class == unanswered && (method == "POST" || method == "PATCH") && len(s.arrivals) > 1 {
								postsRepeated++
							}
						}
					}
				}
			}
		})
	}
	t.Logf("%d rows, %d POSTs repeated after they were written and not answered", rows, postsRepeated)
	if postsRepeated != 0 || rows < 7*len(events) {
		t.Errorf("%d rows, %d POSTs repeated", rows, postsRepeated)
	}
}

// attemptsFor returns the number of attempts if an event happens every time.
func attemptsFor(class, name, method, kind string, retry sending.Retry) int {
	idempotent := method != "POST" && method != "PATCH"
	gone := strings.HasPrefix(kind, "streamed") && name != "connection refused" && name != "no TLS" // the body was begun
	if gone {
		return 1
	}
	switch {
	case class == notWritten && retry != sending.RetryNever,
		class == unanswered && retry == sending.RetryStandard && idempotent,
		class == failed && retry == sending.RetryStandard:
		return 3
	case class == unprocessed && retry != sending.RetryNever:
		return 2
	}
	return 1
}

func check(t *testing.T, label string, s *script, c *sending.Client, r *sending.Request, again int, once bool, status int, wantErr error) {
	t.Helper()
	if once {
		again = min(again, 2)
	}
	recovered := once && again > 1 || status == 200
	if recovered {
		status, wantErr = 200, nil
	}
	signatures := 0
	sign := r.Sign
	r.Sign = func(ctx context.Context, at sending.Moment) (signing.Signed, *signing.Stream, error) {
		signatures++
		if off := time.Until(at.Time); off != 0 && off.Round(time.Minute) != s.ahead {
			t.Errorf("%s: signed for a time %v off", label, off)
		}
		return sign(ctx, at)
	}
	a, err := c.Send(t.Context(), r)
	var report sending.Report
	if wantErr != nil {
		report = wantError(t, err, wantErr)
	} else {
		if err != nil {
			t.Fatalf("%s: %v", label, err)
		}
		if a.Response.StatusCode != status {
			t.Errorf("%s: status %d, want %d", label, a.Response.StatusCode, status)
		}
		readAll(t, a)
		report = a.Report()
	}
	synctest.Wait()
	if s.dials != again || len(report.Attempts) != again || signatures != again {
		t.Errorf("%s: %d attempts reported, %d signatures, %d connections, want %d", label, len(report.Attempts), signatures, s.dials, again)
	}
	for i, sum := range s.sums {
		if sum != "" && !strings.HasPrefix(sum, "STREAMING") && sum != sha256Hex([]byte(s.bodies[i])) {
			t.Errorf("%s: body %d arrived changed", label, i)
		}
		if !slices.Contains(datesOf(report), s.dates[i]) {
			t.Errorf("%s: date %s is in no report", label, s.dates[i])
		}
	}
	if written := slices.ContainsFunc(report.Attempts, func(a sending.Attempt) bool { return a.Written }); written != (len(s.arrivals) > 0) {
		t.Errorf("%s: written %v, and %d arrived", label, written, len(s.arrivals))
	}
}

func datesOf(r sending.Report) []string {
	var dates []string
	for _, a := range r.Attempts {
		dates = append(dates, a.Time.Format(signing.TimeFormat))
	}
	return dates
}

func (s *script) send(t *testing.T, c *sending.Client, change func(*sending.Request)) (*sending.Response, error) {
	t.Helper()
	r := message{method: "GET", url: "http://a.example/"}.request(t)
	r.Retry = sending.RetryStandard
	if change != nil {
		change(r)
	}
	a, err := c.Send(t.Context(), r)
	if err == nil {
		readAll(t, a)
	}
	return a, err
}

// gaps returns the times between arrivals.
func (s *script) gaps() []time.Duration {
	var gaps []time.Duration
	for i := range len(s.arrivals) - 1 {
		gaps = append(gaps, s.arrivals[i+1].Sub(s.arrivals[i]))
	}
	return gaps
}

func TestSend_WaitsLikeTheSDKs(t *testing.T) {
	const ms = time.Millisecond
	for name, row := range map[string]struct {
		do     step
		jitter float64
		want   []time.Duration
	}{
		"failed":                   {answer(500, "", ""), 1, []time.Duration{50 * ms, 100 * ms}},
		"failed, half the jitter":  {answer(500, "", ""), 0.5, []time.Duration{25 * ms, 50 * ms}},
		"failed, no jitter":        {answer(500, "", ""), 0, []time.Duration{0, 0}},
		"not answered":             {silent, 1, []time.Duration{50 * ms, 100 * ms}},
		"throttled":                {withCode(400, "Throttling"), 1, []time.Duration{time.Second, 2 * time.Second}},
		"429":                      {answer(429, "", ""), 1, []time.Duration{time.Second, 2 * time.Second}},
		"asked for more":           {answer(500, "X-Amz-Retry-After: 700\r\n", ""), 1, []time.Duration{700 * ms, 700 * ms}},
		"asked for less":           {answer(500, "X-Amz-Retry-After: 10\r\n", ""), 1, []time.Duration{50 * ms, 100 * ms}},
		"asked for too much":       {answer(500, "X-Amz-Retry-After: 60000\r\n", ""), 1, []time.Duration{5050 * ms, 5100 * ms}},
		"asked for an overflow":    {answer(500, "X-Amz-Retry-After: 9223372036854775807\r\n", ""), 1, []time.Duration{5050 * ms, 5100 * ms}},
		"asked for less than none": {answer(500, "X-Amz-Retry-After: -5\r\n", ""), 1, []time.Duration{50 * ms, 100 * ms}},
		"asked for nonsense":       {answer(500, "X-Amz-Retry-After: soon\r\n", ""), 1, []time.Duration{50 * ms, 100 * ms}},
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{steps: []step{row.do}}
			s.run(t, func(t *testing.T, c *sending.Client) {
				c.SetJitter(func() float64 { return row.jitter })
				_, _ = s.send(t, c, nil)
				if got := s.gaps(); !slices.Equal(got, row.want) {
					t.Errorf("waited %v, want %v", got, row.want)
				}
			})
		})
	}
}

// If everything fails, each host gets as many retries as its budget allows, and
// successes refill it.
func TestSend_RetryBudgetPerHost(t *testing.T) {
	for name, row := range map[string]struct {
		do   step
		want int
	}{
		"failures": {answer(500, "", ""), 35}, "throttling": {answer(429, "", ""), 100}, "no responses": {silent, 35},
		"refused connections": {nil, 35},
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{steps: []step{row.do}}
			s.run(t, func(t *testing.T, c *sending.Client) {
				const requests = 120
				for range requests {
					_, _ = s.send(t, c, nil)
				}
				if retries := s.dials - requests; retries != row.want {
					t.Errorf("%d retries of %d requests, want %d", retries, requests, row.want)
				}
				before := s.dials
				r := message{method: "GET", url: "http://b.example/"}.request(t)
				r.Retry = sending.RetryStandard
				if a, err := c.Send(t.Context(), r); err == nil {
					readAll(t, a)
				}
				if s.dials-before != 3 {
					t.Errorf("another host got %d attempts", s.dials-before)
				}
				s.steps = []step{fine}
				for range 28 {
					_, _ = s.send(t, c, nil)
				}
				s.steps, before = []step{row.do}, s.dials
				_, _ = s.send(t, c, nil)
				if s.dials-before < 2 {
					t.Error("successes did not refill the budget")
				}
			})
		})
	}
}

func TestSend_RetriesNeverPassTheDeadline(t *testing.T) {
	s := &script{steps: []step{answer(429, "", "")}}
	s.run(t, func(t *testing.T, c *sending.Client) {
		c.SetJitter(func() float64 { return 1 })
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		begun := time.Now()
		r := message{method: "GET", url: "http://a.example/"}.request(t)
		r.Retry = sending.RetryStandard
		a, err := c.Send(ctx, r)
		if err != nil {
			t.Fatal(err)
		}
		readAll(t, a)
		if a.Response.StatusCode != 429 || len(s.arrivals) != 2 || time.Since(begun) != time.Second {
			t.Errorf("status %d after %v and %d attempts, want the second response at once",
				a.Response.StatusCode, time.Since(begun), len(s.arrivals))
		}
	})
}

// If the deadline passes during an attempt, the error distinguishes written from never sent.
func TestSend_DeadlineReportsWhetherItWasWritten(t *testing.T) {
	for name, row := range map[string]struct {
		do   step
		kind error
	}{
		"written": {hanging, sending.ErrNoResponse},
		"unread":  {func(_ *script, conn net.Conn, _ *http.Request) { time.Sleep(time.Minute) }, sending.ErrNotConnected},
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{steps: []step{row.do}}
			s.run(t, func(t *testing.T, c *sending.Client) {
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				_, err := c.Send(ctx, message{method: "POST", url: "http://a.example/"}.request(t))
				e := wantError(t, err, row.kind)
				if !errors.Is(err, context.DeadlineExceeded) || e.Written() != errors.Is(row.kind, sending.ErrNoResponse) {
					t.Errorf("%v, report %+v", err, e)
				}
			})
		})
	}
}

func TestSend_EndsIfTheCallerLeaves(t *testing.T) {
	for name, do := range map[string]step{
		"waiting for the response": hanging, "waiting to repeat": answer(500, "X-Amz-Retry-After: 4000\r\n", ""),
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{steps: []step{do}}
			s.run(t, func(t *testing.T, c *sending.Client) {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(2*time.Second, cancel)
				begun := time.Now()
				r := message{method: "GET", url: "http://a.example/"}.request(t)
				r.Retry = sending.RetryStandard
				_, err := c.Send(ctx, r)
				e := wantError(t, err, sending.ErrCallerGone)
				if e.Outcome != sending.OutcomeCallerGone || time.Since(begun) != 2*time.Second {
					t.Errorf("after %v, report %+v", time.Since(begun), e)
				}
			})
		})
	}
}
