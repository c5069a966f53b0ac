package sending

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// The retry rules of the AWS SDKs, as of 2026.
const (
	maxAttempts  = 3
	baseDelay    = 50 * time.Millisecond
	throttleBase = time.Second
	maxDelay     = 20 * time.Second
	maxAsked     = 5 * time.Second // the most that x-amz-retry-after can add
)

var (
	throttleCodes = set("Throttling", "ThrottlingException", "ThrottledException", "RequestThrottledException",
		"TooManyRequestsException", "ProvisionedThroughputExceededException", "TransactionInProgressException",
		"RequestLimitExceeded", "BandwidthLimitExceeded", "LimitExceededException", "RequestThrottled", "SlowDown",
		"PriorRequestNotComplete", "EC2ThrottledException")
	timeoutCodes = set("RequestTimeout", "RequestTimeoutException")
	sessionCodes = set("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired")
)

// Throttled reports whether AWS throttled the request.
func Throttled(status int, code string) bool {
	return status == http.StatusTooManyRequests || status >= 400 && throttleCodes[code]
}

// TimedOut reports whether the code means that AWS did not receive the whole request in time, and so did not act on it.
func TimedOut(code string) bool { return timeoutCodes[code] }

// SessionExpired reports whether the code means that the session has expired.
func SessionExpired(code string) bool { return sessionCodes[code] }

// retry is the decision whether to make another attempt.
type retry struct {
	again bool
	cost  int
	delay time.Duration
}

// plan decides whether to repeat the request after an attempt, which got a response
// unless err is set. In either case, it corrects the clock and drops an expired session.
func (x *exchange) plan(ctx context.Context, a *attempt, err *Error) retry {
	throttled := a.resp != nil && Throttled(a.record.Status, a.record.Code)
	allowed := x.worthRepeating(a, err)
	if !allowed || len(x.report.Attempts) >= maxAttempts || !a.canRepeatBody() {
		return retry{}
	}
	r := retry{again: true, cost: retryCost, delay: x.client.delay(len(x.report.Attempts)-1, throttled)}
	if throttled {
		r.cost = throttleCost
	}
	if a.resp != nil {
		r.delay = asked(a.resp.Header, r.delay)
	}
	if deadline, ok := ctx.Deadline(); ok && deadline.Sub(x.client.now()) <= r.delay {
		return retry{}
	}
	r.again = x.host.spend(r.cost)
	return r
}

// worthRepeating reports whether another attempt may succeed and is safe.
func (x *exchange) worthRepeating(a *attempt, err *Error) bool {
	never, standard := x.request.Retry == RetryNever, x.request.Retry == RetryStandard
	switch {
	case err == nil:
	case errors.Is(err.Kind, ErrNoResponse):
		return standard && Idempotent(x.request.Method)
	case errors.Is(err.Kind, ErrName), errors.Is(err.Kind, ErrNotConnected), errors.Is(err.Kind, ErrTLS):
		return !never && !permanent(err.Cause)
	default:
		return false
	}
	status, code := a.record.Status, a.record.Code
	switch {
	case x.correctClock(a), x.renewSession(code):
		return !never
	case Throttled(status, code), status >= 400 && TimedOut(code):
		return standard
	}
	switch status {
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return standard
	}
	return false
}

// correctClock corrects the host's clock by the date of the response. It reports
// whether the request was refused for its time, the first time this happens.
func (x *exchange) correctClock(a *attempt) bool {
	offset, known := x.host.clock()
	refused := a.record.Status >= 400 && skewCodes[a.record.Code]
	if !known && !refused {
		return false
	}
	reading, ok := readClock(a.resp.Header, a.sent, a.received)
	if !ok {
		return false
	}
	if known && reading.excludes(offset) {
		x.host.setClock(0, false)
	}
	if used := a.record.Time.Sub(a.sent); !refused || !reading.excludes(used) {
		return false
	}
	x.host.setClock(reading.least, reading.excludes(0))
	again := !x.clockCorrected
	x.clockCorrected, x.ahead = true, reading.least
	return again
}

// renewSession drops an expired session, at most once, and reports whether there can be a new one.
func (x *exchange) renewSession(code string) bool {
	if !SessionExpired(code) || x.sessionRenewed || x.request.SessionRefused == nil {
		return false
	}
	x.sessionRenewed = true
	return x.request.SessionRefused()
}

// delay returns how long to wait after the given number of retries.
func (c *Client) delay(retries int, throttled bool) time.Duration {
	base := baseDelay
	if throttled {
		base = throttleBase
	}
	return time.Duration(c.jitter() * float64(min(base<<retries, maxDelay)))
}

// asked returns the delay that AWS asks for, within bounds.
func asked(h http.Header, delay time.Duration) time.Duration {
	ms, err := strconv.ParseInt(h.Get("X-Amz-Retry-After"), 10, 64)
	if err != nil || ms < 0 {
		return delay
	}
	wish := time.Duration(min(ms, int64(time.Hour/time.Millisecond))) * time.Millisecond
	return min(max(wish, delay), delay+maxAsked)
}

func set(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, name := range names {
		m[name] = true
	}
	return m
}
