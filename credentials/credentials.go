// Package credentials keeps the sessions that requests are signed with.
//
// A [Profile] names where keys come from (the environment, a managed identity,
// a Cognito pool, another profile …) and, in most cases, the role to assume
// with them. A [Store] turns profiles into sessions: it calls AWS STS, checks
// what STS answers before believing it, and keeps each session until shortly
// before its end.
//
// It does not decide who may use which profile, it signs nothing for callers,
// and it never reads the process environment or the clock by itself.
//
// The caller hands in the clock and the environment with [Options], names the
// caller of each request truthfully in [SessionRequest] and [RequestCredentials], adds [Session.Skew]
// to its clock before signing, and calls [Store.Close] at the end.
//
// # Promises
//
//   - No session is served that has expired or that is about to (30 seconds).
//   - However many requests wait for a session, one call to STS is under way.
//   - Of callers' own sessions five fetches a second begin, in bursts of up to ten;
//     for keys that came with requests there is a second limit of the same size.
//     Callers take turns, however much each asks for. Of sessions that all callers
//     share, and of refreshes in the background, it is fifty a second, in bursts of
//     up to twenty, and one in two seconds once AWS has throttled one; that doubles
//     every 15 seconds.
//   - A caller has at most 32 sessions of its own, all callers together 256; up to
//     32 fetches of each kind wait for their turn, five seconds at most. Beyond
//     these limits the caller with most loses first. Sessions that come of callers' own
//     tokens have limits of their own: 10,000 in all, 25 fetches a second, 125 that wait.
//   - No call waits longer than 15 seconds, whatever STS does.
//   - While STS cannot be reached, the old session is served as long as it is valid;
//     when STS says that access was taken away, it is not.
//   - Two requests share a session only when everything that shapes it is equal. Where it comes of the caller's own token,
//     that is the token too, which is not kept, and the session is not handed out past the token's end.
//   - The text of an error is a class and AWS's error code; never a secret, an
//     ARN, a region or STS's own words. Those are in [Error.Detail], for the log,
//     without what looks like a secret.
//
// All methods are safe for concurrent use.
package credentials

import (
	"cmp"
	"context"
	"crypto/rand"
	"net/http"
	"slices"
	"time"

	"countersign/internal/bearer"
	"countersign/signing"
)

// Options is everything a [Store] needs from outside.
type Options struct {
	// Profiles are the sessions on offer. At least one is required unless all
	// requests bring their own keys.
	Profiles []Profile
	// Default names the profile of a [SessionRequest] without one. Empty: the only
	// profile when there is just one, else none.
	Default string
	// Now is the wall clock, usually time.Now. Required.
	Now func() time.Time
	// Getenv reads the environment for the sources that are defined by it
	// (environment, container, web-identity-file, azure-identity), and AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT,
	// AWS_ENDPOINT_URL, its variants for STS, Cognito and IAM Roles Anywhere, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS
	// and AWS_CA_BUNDLE. Nil: empty.
	Getenv func(string) string
	// ReadFile reads the file that AWS_CA_BUNDLE names. Nil: os.ReadFile.
	ReadFile func(string) ([]byte, error)
	// Log receives what happened to sessions: no secret is in an [Event].
	// It is called from several goroutines and must not block. Nil: nobody listens.
	Log func(Event)
	// Served learns how each request came to its session, with the name of the profile, "" for keys of requests. Nil: nobody listens.
	Served func(profile, how string)
	// Called learns of each call to STS, with the values of the context of the request that began it; of one in the
	// background, with none. Nil: nobody listens.
	Called func(context.Context, STSCall)
	// Transport carries every call to STS, Cognito and token endpoints.
	// Nil: one of our own with short timeouts, the certificates of AWS_CA_BUNDLE, and the environment's proxy but for what
	// a platform offers this machine alone.
	Transport http.RoundTripper
	// Issuers are the iss of tokens that log callers in: of those that whoever asks for sessions verifies.
	Issuers []string
	// Region is where STS is called for request credentials that name no region. Empty: us-east-1.
	Region string
	// STSEndpoint replaces the regional endpoint for request credentials, as in [Profile].
	STSEndpoint string

	fips, dualStack       bool // of AWS_USE_FIPS_ENDPOINT and AWS_USE_DUALSTACK_ENDPOINT
	cognitoEndpoint       string
	rolesAnywhereEndpoint string
}

// Store keeps sessions. Build it with [New].
type Store struct {
	options         Options
	profiles        map[string]*profile
	now             func() instant
	base            http.RoundTripper
	proxy           proxy
	clocks          map[string]*clock    // by STS endpoint; AWS's own share one
	regions         map[regionKey]region // the clients of STS that profiles share
	requestSessions *requestSessions
	cache           *cache
	secret          []byte // with which the keys of the cache are keyed
}

// New checks every profile and returns all faults together: the error, when
// there is one, joins a *[ConfigError] for each setting that cannot be used. It makes no
// network call.
func New(o Options) (*Store, error) {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails, crypto/rand
	s := &Store{clocks: map[string]*clock{}, secret: secret}
	if err := s.connect(o); err != nil {
		return nil, err
	}
	s.cache = newCache(s.log, s.options.Served, func() time.Duration { return s.now().elapsed })
	s.cache.adopt(s)
	return s, nil
}

// Check returns every fault of the options that shows without a file read or a call made. [New] begins with it.
func Check(o Options) error {
	o, found := o.withEnvironment()
	return checkOptions(o, found)
}

// connect checks the options and makes what they name.
func (s *Store) connect(o Options) error {
	o, found := o.withEnvironment()
	if err := checkOptions(o, found); err != nil {
		return err
	}
	roots, err := caBundle(o.Getenv, o.ReadFile)
	if err != nil {
		return &ConfigError{Field: "AWS_CA_BUNDLE", Reason: err.Error()}
	}
	if s.now == nil {
		start := o.Now()
		s.now = func() instant { now := o.Now(); return instant{now, now.Sub(start)} }
	}
	if o.Served == nil {
		o.Served = func(string, string) {}
	}
	if o.Called == nil {
		o.Called = func(context.Context, STSCall) {}
	}
	s.options, s.base, s.profiles, s.regions = o, o.Transport, map[string]*profile{}, map[regionKey]region{}
	s.proxy = exceptLocal(http.ProxyFromEnvironment, o.Profiles, o.Getenv)
	if s.base == nil {
		s.base = newBase(s.proxy, roots)
	}
	for i := range o.Profiles {
		p := &profile{Profile: o.Profiles[i], store: s}
		s.profiles[p.Name] = p
	}
	for _, p := range s.profiles {
		if err := p.connectSource(); err != nil {
			return err
		}
	}
	for _, p := range s.profiles {
		p.resolveParents()
	}
	s.requestSessions = newRequestSessions(s)
	return nil
}

func (s *Store) log(e Event) {
	if s.options.Log != nil {
		s.options.Log(e)
	}
}

// clock is the one that STS at the endpoint teaches; empty for AWS's own.
func (s *Store) clock(endpoint string) *clock {
	c := s.clocks[endpoint]
	if c == nil {
		c = &clock{
			now:   func() instant { return s.now() },
			alarm: func(skew time.Duration) { s.log(Event{Kind: EventSkew, Skew: skew}) },
		}
		s.clocks[endpoint] = c
	}
	return c
}

// SessionRequest is one request for the session of a profile.
type SessionRequest struct {
	// Profile is the name; empty means the default.
	Profile string
	// Caller is the authenticated caller's id: it fills {caller}, and the session counts in its quota of the cache.
	Caller string
	// Host is the host that will be called: it fills {host}.
	Host string
	// MinValidity is the least remaining life. Zero or less: 30 seconds. A session that ends with the caller's token may end
	// sooner, unless Strict says that it must not.
	MinValidity time.Duration
	Strict      bool
	// Login is the caller's own token, which was verified; nil where the caller has none. Only a profile that signs as the
	// caller uses it. None is kept: of its session the cache knows a hash of it.
	Login *bearer.Token
}

// Session returns a session of the profile that lasts at least MinValidity longer.
//
// Errors: [ErrUnknownProfile], [ErrDenied], [ErrConfiguration], [ErrClockSkew],
// [ErrUnavailable] (with a delay, see [Error]), [ErrTooShort], or ctx's own; of a profile that signs as the caller also
// [ErrLoginRequired], [ErrLoginIssuer], [ErrLoginAudience] and [ErrLoginExpired].
func (s *Store) Session(ctx context.Context, a SessionRequest) (Session, error) {
	p := s.find(a.Profile)
	if p == nil {
		return Session{}, ErrUnknownProfile
	}
	return p.session(ctx, a)
}

func (s *Store) find(name string) *profile {
	switch {
	case name != "":
		return s.profiles[name]
	case s.options.Default != "":
		return s.profiles[s.options.Default]
	case len(s.options.Profiles) == 1:
		return s.profiles[s.options.Profiles[0].Name]
	}
	return nil
}

// Identity says who AWS takes the profile's session for (GetCallerIdentity).
func (s *Store) Identity(ctx context.Context, a SessionRequest) (Identity, error) {
	p := s.find(a.Profile)
	if p == nil {
		return Identity{}, ErrUnknownProfile
	}
	session, err := p.session(ctx, a)
	if err != nil {
		return Identity{}, err
	}
	q := s.cache.queue
	if w := q.enter(a.Caller, false); w == nil || !s.cache.turn(ctx, q, w) {
		return Identity{}, cmp.Or[error](ctx.Err(), busy())
	}
	who, err := identity(ctx, p.sts, session.Credentials)
	if err != nil {
		f := classify(err)
		f.Hint = hint(f, false)
		return who, f
	}
	return who, nil
}

// Profiles returns the profiles in the order given, with their secrets removed.
func (s *Store) Profiles() []Profile {
	out := slices.Clone(s.options.Profiles)
	for i := range out {
		out[i].Keys = signing.Credentials{AccessKeyID: out[i].Keys.AccessKeyID}
	}
	return out
}

// Drop forgets a session that AWS has refused as expired, where it is still held, and reports whether another one is
// available. Keys that have no end are all there is.
func (s *Store) Drop(refused Session) bool {
	if refused.Expires.IsZero() {
		return false
	}
	s.cache.invalidate(func(e *entry) bool {
		return e.valid && e.session.Credentials.AccessKeyID == refused.Credentials.AccessKeyID
	})
	return true
}

// Ready reports whether requests may hope for a session here: whether some
// profile other than those that sign as the caller holds one, was never tried, or was refused by AWS, which would refuse
// it to every instance alike and whose refusal the caller needs to see. So a
// short outage, one profile or one caller does not make a store unready.
//
// When nothing can be reached, Ready tries again in the background, as often as
// requests could: an instance that is not ready gets none that would find out.
func (s *Store) Ready() bool {
	tried := 0
	for _, p := range s.profiles {
		if p.byLogin { // only callers can try it
			continue
		}
		if tried++; s.cache.usable(p.key()) {
			return true
		}
	}
	for _, p := range s.profiles {
		if !p.byLogin {
			s.cache.retry(p.key())
		}
	}
	return tried == 0
}
