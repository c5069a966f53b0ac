package sending

import (
	"net/http"
	"time"
)

const (
	skewThreshold = 4 * time.Minute  // AWS refuses signatures that are 5 to 15 minutes off
	longestTrip   = 15 * time.Minute // a response that took longer is no clock
)

// skewCodes may mean that a signature's time is wrong. Each of them may mean
// other things too, so they count only together with the response's date.
var skewCodes = set("InvalidSignatureException", "SignatureDoesNotMatch", "AuthFailure", "RequestTimeTooSkewed", "AccessDeniedException")

// clockReading is what a response's date says about the host's clock: it is ahead
// of ours by something between the two, since the date may have been written at
// any time between request and response.
type clockReading struct{ least, most time.Duration }

// readClock reads the date of a response to a request that was sent and answered
// at these times. Responses out of a cache are no clock.
func readClock(h http.Header, sent, received time.Time) (clockReading, bool) {
	date, err := http.ParseTime(h.Get("Date"))
	trip := received.Sub(sent)
	if err != nil || h.Get("Age") != "" || trip < 0 || trip > longestTrip {
		return clockReading{}, false
	}
	ahead := date.Sub(received)
	return clockReading{ahead, ahead + trip}, true
}

// excludes says whether a clock that is ahead by offset is off by more than AWS
// may put up with.
func (c clockReading) excludes(offset time.Duration) bool {
	return offset < c.least-skewThreshold || offset > c.most+skewThreshold
}
