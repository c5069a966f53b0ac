package credentials

import (
	"net/http"
	"sync"
	"time"
)

// Bounds on what AWS's clock and ours may disagree about. AWS itself refuses
// signatures that are 5 to 15 minutes off, depending on the service.
const (
	skewApplied  = 30 * time.Second // below this a Date header says nothing: it has whole seconds and travel time
	skewAlarming = time.Minute
	skewRefused  = 15 * time.Minute
	skewMaxTrip  = 2 * time.Second // a response that took longer is no clock
)

// clock is the wall clock with what STS's responses teach about it. It also sees
// when the wall clock was set or the process was suspended since: elapsed, which
// never steps, then disagrees with it.
type clock struct {
	now   func() instant
	alarm func(skew time.Duration)

	mu      sync.Mutex
	known   bool
	skew    time.Duration // AWS's clock minus ours
	wall    time.Time     // ours when skew was learnt,
	at      time.Duration // and the time elapsed then
	alarmed time.Duration // the last skew that was reported
}

// instant is what both clocks say at one time.
type instant struct {
	wall    time.Time
	elapsed time.Duration
}

// reading is what the clock says.
type reading struct {
	time    time.Time     // by AWS's clock, as far as known
	skew    time.Duration // already within time
	elapsed time.Duration
	// stepped is how far the wall clock moved against elapsed since the skew was
	// learnt: it stepped, or the machine slept. Only STS can tell which.
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

// observe learns from the Date header of a response that was asked for at sent.
// Responses out of a proxy's cache (Age) and slow ones are no clocks.
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
		c.skew += d / 4 // smooths the header's whole seconds
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
