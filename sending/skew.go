package sending

import (
	"net/http"
	"time"
)

const (
	skewThreshold = 4 * time.Minute  // AWS refuses signatures that are 5 to 15 minutes off
	longestTrip   = 15 * time.Minute // the date of a response that took longer is not used
)

// skewCodes may mean that the time of the signature is wrong. Each may also mean
// something else, so they count only if the date of the response agrees.
var skewCodes = set("InvalidSignatureException", "SignatureDoesNotMatch", "AuthFailure", "RequestTimeTooSkewed", "AccessDeniedException")

// clockReading is the range by which the host's clock may be ahead of ours, given the
// date of a response. It is a range because the date may have been written at any time
// between request and response.
type clockReading struct{ least, most time.Duration }

// readClock reads the date of a response, given when the request was sent and the
// response received. It does not use responses from a cache.
func readClock(h http.Header, sent, received time.Time) (clockReading, bool) {
	date, err := http.ParseTime(h.Get("Date"))
	trip := received.Sub(sent)
	if err != nil || h.Get("Age") != "" || trip < 0 || trip > longestTrip {
		return clockReading{}, false
	}
	ahead := date.Sub(received)
	return clockReading{ahead, ahead + trip}, true
}

// excludes reports whether AWS may refuse a signature by a clock that is ahead of ours by offset.
func (c clockReading) excludes(offset time.Duration) bool {
	return offset < c.least-skewThreshold || offset > c.most+skewThreshold
}
