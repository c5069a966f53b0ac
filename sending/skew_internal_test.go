package sending

import (
	"net/http"
	"testing"
	"time"
)

// TestReadClock tests when a signature counts as refused for its time: 20 cases from
// the AWS SDK for Go (aws/retry, clock skew) with immediate responses, and cases with
// slow responses, which the SDK does not distinguish.
func TestReadClock(t *testing.T) {
	const min = time.Minute
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	for name, row := range map[string]struct {
		code   string
		ahead  time.Duration // of the response date, compared with our clock on arrival
		trip   time.Duration
		used   time.Duration // how far the time of the signature was ahead of our clock
		noDate bool
		age    bool
		want   bool
	}{
		"InvalidSignatureException":           {code: "InvalidSignatureException", ahead: 5 * min, want: true},
		"SignatureDoesNotMatch":               {code: "SignatureDoesNotMatch", ahead: 5 * min, want: true},
		"AuthFailure":                         {code: "AuthFailure", ahead: 5 * min, want: true},
		"RequestTimeTooSkewed":                {code: "RequestTimeTooSkewed", ahead: 5 * min, want: true},
		"AccessDeniedException":               {code: "AccessDeniedException", ahead: 5 * min, want: true},
		"behind":                              {code: "InvalidSignatureException", ahead: -5 * min, want: true},
		"too little":                          {code: "InvalidSignatureException", ahead: 2 * min},
		"exactly as much as allowed":          {code: "InvalidSignatureException", ahead: 4 * min},
		"behind by as much as allowed":        {code: "InvalidSignatureException", ahead: -4 * min},
		"a second more":                       {code: "InvalidSignatureException", ahead: 4*min + time.Second, want: true},
		"no date":                             {code: "InvalidSignatureException", ahead: 5 * min, noDate: true},
		"out of a cache":                      {code: "InvalidSignatureException", ahead: 5 * min, age: true},
		"another code":                        {code: "ValidationException", ahead: 5 * min},
		"no code":                             {ahead: 5 * min},
		"RequestExpired":                      {code: "RequestExpired", ahead: 5 * min},
		"RequestInTheFuture":                  {code: "RequestInTheFuture", ahead: 5 * min},
		"an old correction, clocks agree":     {code: "RequestTimeTooSkewed", used: 5 * min, want: true},
		"an old correction, nearly right":     {code: "InvalidSignatureException", ahead: 2 * min, used: 5 * min},
		"an old correction, no date":          {code: "RequestTimeTooSkewed", used: 5 * min, noDate: true},
		"a small correction":                  {code: "RequestTimeTooSkewed", used: 2 * min},
		"an old correction, another code":     {code: "ValidationException", used: 5 * min},
		"a right correction":                  {code: "AccessDeniedException", ahead: time.Hour, used: time.Hour},
		"slow, dated at the end":              {code: "AccessDeniedException", trip: 10 * min},
		"slow, dated at the beginning":        {code: "AccessDeniedException", ahead: -10 * min, trip: 10 * min},
		"slow, and wrong by more":             {code: "AccessDeniedException", ahead: -15 * min, trip: 10 * min, want: true},
		"slow, and ahead":                     {code: "AccessDeniedException", ahead: 5 * min, trip: 10 * min, want: true},
		"too slow to be a clock":              {code: "AccessDeniedException", ahead: time.Hour, trip: 15*min + 1},
		"our clock went back during the trip": {code: "AccessDeniedException", ahead: time.Hour, trip: -1},
	} {
		h := http.Header{"Date": {now.Add(row.ahead).Format(http.TimeFormat)}}
		if row.noDate {
			h.Del("Date")
		}
		if row.age {
			h.Set("Age", "0")
		}
		sent := now.Add(-row.trip)
		a := &attempt{
			resp: &http.Response{Header: h}, sent: sent, received: now,
			record: Attempt{Time: sent.Add(row.used), Status: 403, Code: row.code},
		}
		x := &exchange{host: &host{}}
		if got := x.correctClock(a); got != row.want {
			t.Errorf("%s: %v, want %v", name, got, row.want)
		}
		if x.correctClock(a) {
			t.Errorf("%s: corrected twice", name)
		}
	}
}
