package credentials

import (
	"math"
	"time"
)

// When a session is fetched again, and how often a failed fetch is repeated. The windows depend on the remaining
// lifetime of the session; they follow the "credential refresh behavior" that the AWS SDKs moved to in 2026, with two
// differences: nothing is served past its end, and back-off is seconds, not minutes, since this is one process and not
// a fleet.
const (
	// slowest is how many shared sessions are fetched a second once AWS has throttled one, so that a thousand instances
	// leave some of STS's quota. The rate doubles after every recovery interval.
	slowest  = 0.5
	recovery = 15 * time.Second

	// margin: a session that ends within this time is not served, since clocks differ and signing takes time.
	margin = 30 * time.Second
	// mandatory: if less than this is left, requests wait for the fetch.
	mandatory = time.Minute
	// reread is the age at which keys without an expiry are read again from their source.
	reread = 15 * time.Minute
	// settled: if a session younger than this is too short, another fetch would not return a longer one.
	settled = time.Minute

	flightTime = 15 * time.Second // for one fetch, including the profiles below
	waitTime   = 15 * time.Second // for one request

	deniedFor  = 30 * time.Second // ±33 %: IAM changes take seconds to spread
	configFor  = 60 * time.Second
	skewFor    = 15 * time.Second
	longestOff = 2 * time.Minute // longer than any back-off: a deadline further away means that the clock jumped

	requestFor = 5 * time.Minute // how long a session made with a request's keys is kept

	cacheSize   = 256 // sessions that belong to one caller; there is one shared session per profile
	callerQuota = 32

	loginSize = 10_000 // sessions made with callers' own tokens, and callers' identities in a Cognito pool

	turnTime = flightTime - callTime
)

var (
	// sharedBudget is for sessions that all callers share and for background refreshes, whose number is limited: an
	// instance with a thousand profiles has all their sessions within half a minute.
	sharedBudget = budget{rate: 50, burst: 20, size: math.MaxInt}
	// profileBudget is for callers' own sessions of profiles, and once more for sessions made with requests' keys: STS
	// allows an account 600 calls a second for all its users. If more than size waited, the last of them would wait for
	// longer than turnTime.
	profileBudget = budget{rate: 5, burst: 10, size: 32}
	// loginBudget is for sessions made with callers' own tokens: Cognito accepts 25 GetId calls a second.
	loginBudget = budget{rate: 25, burst: 50, size: 125}
)

// advisory is the window before the end of a session in which it is renewed in the background: long enough to outlast
// an outage, depending on the session's lifetime. Jitter only widens it, so that every session has the full window.
func advisory(life time.Duration, jitter float64) time.Duration {
	w := time.Hour
	switch {
	case life < 20*time.Minute:
		w = 5 * time.Minute
	case life < 90*time.Minute:
		w = 15 * time.Minute
	}
	return w + time.Duration(jitter*0.2*float64(w))
}

// advisoryPause is the time between a failure and the next background fetch.
func advisoryPause(jitter float64) time.Duration {
	return 30*time.Second + time.Duration(jitter*float64(30*time.Second))
}

// mandatoryPause is how long requests are refused without another try after the nth failure in a row: full jitter, with
// a ceiling that grows from 1 to 15 seconds.
func mandatoryPause(n int, jitter float64) time.Duration {
	ceiling := time.Second << min(n, 4)
	return time.Duration(jitter * float64(min(ceiling, 15*time.Second)))
}
