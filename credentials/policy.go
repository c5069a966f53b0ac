package credentials

import (
	"math"
	"time"
)

// When a session is fetched again, and how often a failing fetch is repeated.
// Windows are by what remains of the session; they follow the "credential
// refresh behavior" that the AWS SDKs moved to in 2026, with two differences:
// nothing is served past its end, and back-off is seconds, not minutes, for
// this is one process and not a fleet.
const (
	// slowest is how many sessions that all callers share are fetched a second once AWS has throttled one: a thousand
	// instances leave some of STS's quota. It doubles with every recovery.
	slowest  = 0.5
	recovery = 15 * time.Second

	// margin: a session that ends within it is not served; clocks differ and signing takes time.
	margin = 30 * time.Second
	// mandatory: within it a request waits for the fetch.
	mandatory = time.Minute
	// reread is how old keys without an end grow before their source is read again.
	reread = 15 * time.Minute
	// settled: a session younger than this that is too short will not get longer by asking again.
	settled = time.Minute

	flightTime = 15 * time.Second // of one fetch, chain included
	waitTime   = 15 * time.Second // of one caller

	deniedFor  = 30 * time.Second // ±33 %: IAM changes take seconds to spread
	configFor  = 60 * time.Second
	skewFor    = 15 * time.Second
	longestOff = 2 * time.Minute // no back-off is longer: a deadline further away is a clock's jump

	requestFor = 5 * time.Minute // a session made from a request's keys is kept

	cacheSize   = 256 // sessions that are one caller's; those that all share are as many as there are profiles
	callerQuota = 32

	loginSize = 10_000 // sessions that come of callers' own tokens, and identities of a Cognito pool for their callers

	turnTime = flightTime - callTime
)

var (
	// sharedBudget is for what all callers share and for refreshes, of which there is only so much: an instance with a
	// thousand profiles has all their sessions within half a minute.
	sharedBudget = budget{rate: 50, burst: 20, size: math.MaxInt}
	// profileBudget is for callers' own sessions of profiles, and as much for sessions from requests' keys: STS allows an
	// account 600 calls a second for all its users. If more than size waited, the last of them would wait for longer than
	// turnTime.
	profileBudget = budget{rate: 5, burst: 10, size: 32}
	// loginBudget is for sessions that come of callers' own tokens: Cognito takes 25 GetId a second.
	loginBudget = budget{rate: 25, burst: 50, size: 125}
)

// advisory is the window before the end in which a session is renewed in the
// background: long enough to sit out an outage, by the session's lifetime.
// Jitter widens it, so that the promise holds in full for every session.
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

// advisoryPause is how long after a failure the background tries again.
func advisoryPause(jitter float64) time.Duration {
	return 30*time.Second + time.Duration(jitter*float64(30*time.Second))
}

// mandatoryPause is how long requests are refused without another try after
// the nth failure in a row: full jitter, from 1 to 15 seconds.
func mandatoryPause(n int, jitter float64) time.Duration {
	ceiling := time.Second << min(n, 4)
	return time.Duration(jitter * float64(min(ceiling, 15*time.Second)))
}
