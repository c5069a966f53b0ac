package credentials

import (
	"math"
	"time"

	"golang.org/x/time/rate"
)

// budget is how many fetches of a line may begin.
type budget struct {
	rate  rate.Limit // a second
	burst int
	size  int // how many may wait
}

// pace is how fast fetches begin: as the budget says, until AWS throttles one. Then it is slowest, and doubles with every
// recovery: so instances that know nothing of each other share a quota.
type pace struct {
	budget
	*rate.Limiter
	throttled time.Time // the last time; zero: never
}

func newPace(b budget) pace { return pace{budget: b, Limiter: rate.NewLimiter(b.rate, b.burst)} }

// adapt has the pace recover.
func (p *pace) adapt(now time.Time) {
	if p.throttled.IsZero() {
		return
	}
	r := min(p.rate, slowest*rate.Limit(math.Exp2(float64(now.Sub(p.throttled))/float64(recovery))))
	p.SetLimitAt(now, r)
	p.SetBurstAt(now, max(1, int(float64(p.burst)*float64(r/p.rate))))
}
