package credentials

import "time"

// Status describes the state of a [Store], without secrets.
type Status struct {
	// Profiles are in the order given.
	Profiles []ProfileStatus
	// Sessions and Evictions count sessions of profiles, RequestSessions and RequestEvictions those made with keys from
	// requests, LoginSessions and LoginEvictions those made with callers' own tokens. An eviction makes space for
	// another session.
	Sessions, RequestSessions, LoginSessions    int
	Evictions, RequestEvictions, LoginEvictions uint64
	// Skew is how far AWS's clock is ahead of ours, per STS endpoint; "" is AWS's own.
	Skew map[string]time.Duration
}

// ProfileStatus describes the state of a profile.
type ProfileStatus struct {
	Name string
	// Usable: the latest fetch left something to sign with, or there was none yet.
	Usable bool
	// Expires is the earliest end of the sessions that are in use. Zero: there are none, or they have no end.
	Expires time.Time
	// CertificateExpires is when the profile's certificate ends, and CertificateLife its whole lifetime. Zero: it has
	// no usable certificate.
	CertificateExpires time.Time
	CertificateLife    time.Duration
}

// How a session was obtained, for [Options.Served].
const (
	ServedHeld    = "held"    // it was in the cache
	ServedWaited  = "waited"  // the request waited for STS
	ServedStale   = "stale"   // it was in the cache and is still valid, although it could not be renewed
	ServedRefused = "refused" // there was none
)

// STSCall is one call to STS, including retries.
type STSCall struct {
	// Operation is AssumeRole or a similar one, Region the region that was called.
	Operation, Region string
	// Took is how long it took, RequestID is STS's request id if it responded.
	Took      time.Duration
	RequestID string
	// Err is nil on success.
	Err error
}

// Status returns the state of the store.
func (s *Store) Status() Status {
	c := s.cache
	out := Status{Skew: map[string]time.Duration{}}
	for endpoint, clock := range s.clocks {
		out.Skew[endpoint] = clock.read().skew
	}
	certificates := s.certificates()
	c.mu.Lock()
	defer c.mu.Unlock()
	out.Evictions, out.RequestEvictions, out.LoginEvictions = c.evictions, c.requestEvictions, c.loginEvictions
	states := map[key]profileState{}
	for _, e := range c.entries {
		if profile := e.ofProfile(); profile != (key{}) {
			states[profile] = states[profile].with(e)
		}
		switch {
		case !e.valid:
		case e.login != nil:
			out.LoginSessions++
		case e.noRefresh:
			out.RequestSessions++
		default:
			out.Sessions++
		}
	}
	for i := range s.options.Profiles {
		name := s.options.Profiles[i].Name
		state := states[s.profiles[name].key()]
		profile := ProfileStatus{Name: name, Usable: state.usable || !state.failed, Expires: state.expires}
		if p := certificates[name]; p != nil {
			profile.CertificateExpires, profile.CertificateLife = p.end(), p.lifetime()
		}
		out.Profiles = append(out.Profiles, profile)
	}
	return out
}

// profileState is what a profile's sessions say about it.
type profileState struct {
	usable, failed bool
	expires        time.Time
}

// with adds what an entry says about the profile.
func (s profileState) with(e *entry) profileState {
	switch r := e.clock.read(); {
	case e.servable(r, 0):
		s.usable = true
		if end := e.session.Expires; e.inUse(r) && !end.IsZero() && (s.expires.IsZero() || end.Before(s.expires)) {
			s.expires = end
		}
	case e.lastErr != nil:
		s.failed = true
	}
	return s
}
