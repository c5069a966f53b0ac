package credentials

import (
	"math"
	"time"

	"golang.org/x/time/rate"
)

// budget limits the fetches of a line.
type budget struct {
	rate  rate.Limit // fetches a second
	burst int
	size  int // how many may wait
}

// pace is the rate at which fetches start: the budget's, until AWS throttles one. Then it drops to slowest and doubles
// after every recovery interval, so that instances that know nothing of each other share a quota.
type pace struct {
	budget
	*rate.Limiter
	throttled time.Time // when it last happened; zero: never
}

func newPace(b budget) pace { return pace{budget: b, Limiter: rate.NewLimiter(b.rate, b.burst)} }

// adapt raises the pace according to the time since the last throttling.
func (p *pace) adapt(now time.Time) {
	if p.throttled.IsZero() {
		return
	}
	r := min(p.rate, slowest*rate.Limit(math.Exp2(float64(now.Sub(p.throttled))/float64(recovery))))
	p.SetLimitAt(now, r)
	p.SetBurstAt(now, max(1, int(float64(p.burst)*float64(r/p.rate))))
}
