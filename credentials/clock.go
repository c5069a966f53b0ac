package credentials

import (
	"net/http"
	"sync"
	"time"
)

// Bounds on the difference between AWS's clock and ours. AWS itself refuses signatures that are 5 to 15 minutes off,
// depending on the service.
const (
	skewApplied  = 30 * time.Second // smaller values are noise: a Date header has whole seconds and includes network latency
	skewAlarming = time.Minute
	skewRefused  = 15 * time.Minute
	skewMaxTrip  = 2 * time.Second // a slower response says too little about the time
)

// clock is the wall clock, corrected by the Date headers of STS's responses. It also notices that the wall clock was
// set or the process was suspended: the time elapsed, which never steps, then disagrees with it.
type clock struct {
	now   func() instant
	alarm func(skew time.Duration)

	mu      sync.Mutex
	known   bool
	skew    time.Duration // AWS's clock minus ours
	wall    time.Time     // our time when the skew was measured
	at      time.Duration // the time elapsed at that moment
	alarmed time.Duration // the last skew that was reported
}

// instant is the time on both clocks at one moment.
type instant struct {
	wall    time.Time
	elapsed time.Duration
}

// reading is the result of reading the clock.
type reading struct {
	time    time.Time     // by AWS's clock, as far as known
	skew    time.Duration // already included in time
	elapsed time.Duration
	// stepped is how far the wall clock moved relative to elapsed since the skew was measured: either it stepped or the
	// machine slept. Only STS can tell which.
	stepped time.Duration
}

func (r reading) refused() bool { return abs(r.skew) > skewRefused }

func (c *clock) read() reading {
	now := c.now()
	r := reading{time: now.wall, elapsed: now.elapsed}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.known {
		return r
	}
	if d := now.wall.Round(0).Sub(c.wall) - (now.elapsed - c.at); abs(d) > skewApplied {
		r.stepped = d
	}
	if abs(c.skew) > skewApplied {
		r.skew = c.skew
		r.time = now.wall.Add(c.skew)
	}
	return r
}

// observe measures the skew from the Date header of the response to a request sent at the given time. It ignores
// responses from a proxy's cache (Age) and slow ones.
func (c *clock) observe(h http.Header, sent time.Duration) {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil || h.Get("Age") != "" {
		return
	}
	now := c.now()
	if trip := now.elapsed - sent; trip > skewMaxTrip || trip < 0 {
		return
	}
	if alarming, skew := c.learn(date.Sub(now.wall), now); alarming && c.alarm != nil {
		c.alarm(skew)
	}
}

func (c *clock) learn(sample time.Duration, now instant) (alarming bool, skew time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d := sample - c.skew; c.known && abs(d) < 10*time.Second {
		c.skew += d / 4 // smooths out the header's resolution of one second
	} else {
		c.skew = sample // the first sample, or a clock that was set
	}
	c.known, c.wall, c.at = true, now.wall.Round(0), now.elapsed
	if abs(c.skew) <= skewAlarming {
		c.alarmed = 0
		return false, c.skew
	}
	alarming = abs(c.skew-c.alarmed) > skewApplied
	if alarming {
		c.alarmed = c.skew
	}
	return alarming, c.skew
}

func abs(d time.Duration) time.Duration {
	if d < 0 {
		return -d
	}
	return d
}
