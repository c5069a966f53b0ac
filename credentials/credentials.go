// Package credentials obtains and caches the sessions that requests are signed with.
//
// A [Profile] names where keys come from (the environment, a managed identity, a Cognito pool, another profile …) and,
// in most cases, the role to assume with them. A [Store] turns profiles into sessions: it calls AWS STS, checks STS's
// response before trusting it, and keeps each session until shortly before its end.
//
// It does not decide who may use which profile, it signs nothing for callers, and it never reads the process
// environment or the clock itself.
//
// Users of the package provide the clock and the environment in [Options], name the caller of each request truthfully
// in [SessionRequest] and [RequestCredentials], add [Session.Skew] to their clock before signing, and call
// [Store.Close] at the end.
//
// # Promises
//
//   - A session that has expired or that expires within 30 seconds is never served.
//   - However many requests wait for a session, only one call to STS is under way for it.
//   - At most five fetches a second begin for callers' own sessions, in bursts of up to ten;
//     keys that came with requests have a second limit of the same size.
//     Callers take turns, however many sessions each requests. For sessions that all callers
//     share, and for background refreshes, the limit is fifty a second, in bursts of
//     up to twenty. Once AWS has throttled such a fetch, it is one in two seconds, and it
//     doubles every 15 seconds.
//   - A caller has at most 32 sessions of its own, and all callers together have 256. Up to
//     32 fetches of each kind wait for their turn, for five seconds at most. Beyond
//     these limits the caller with the most loses first. Sessions made with callers' own
//     tokens have their own limits: 10,000 in all, 25 fetches a second, 125 waiting.
//   - No call waits longer than 15 seconds, whatever STS does.
//   - While STS cannot be reached, the old session is served as long as it is valid;
//     if STS says that access was revoked, it is not.
//   - Two requests share a session only if everything that determines it is equal. If it is made with the caller's own
//     token, that includes the token. The token is not kept, and the session is not served past the token's end.
//   - The text of an error is a class and AWS's error code; never a secret, an
//     ARN, a region or STS's own words. Those are in [Error.Detail], for the log,
//     with anything that looks like a secret removed.
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

// Options is everything that a [Store] needs from outside.
type Options struct {
	// Profiles are the sessions on offer. At least one is required unless all requests bring their own keys.
	Profiles []Profile
	// Default names the profile for a [SessionRequest] that names none. Empty: the only profile if there is just one,
	// otherwise none.
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
	// Log receives the events in the life of sessions. An [Event] contains no secret. Log is called from several
	// goroutines and must not block. May be nil.
	Log func(Event)
	// Served is called with the profile's name ("" for keys from a request) and how the session for a request was
	// obtained. May be nil.
	Served func(profile, how string)
	// Called is called after each call to STS, with the values of the context of the request that started it, or with
	// none for a background call. May be nil.
	Called func(context.Context, STSCall)
	// Transport sends every call to STS, Cognito and token endpoints. Nil: our own transport, with short timeouts, the
	// certificates of AWS_CA_BUNDLE, and the environment's proxy, which is bypassed for endpoints that a platform
	// offers to this machine alone.
	Transport http.RoundTripper
	// Issuers are the iss values of tokens that may log callers in. Users of the package verify those tokens.
	Issuers []string
	// Region is where STS is called for request credentials that name no region. Empty: us-east-1.
	Region string
	// STSEndpoint replaces the regional endpoint for request credentials, as in [Profile].
	STSEndpoint string

	fips, dualStack       bool // from AWS_USE_FIPS_ENDPOINT and AWS_USE_DUALSTACK_ENDPOINT
	cognitoEndpoint       string
	rolesAnywhereEndpoint string
}

// Store keeps sessions. Create it with [New].
type Store struct {
	options         Options
	profiles        map[string]*profile
	now             func() instant
	base            http.RoundTripper
	proxy           proxy
	clocks          map[string]*clock    // by STS endpoint; AWS's own share one
	regions         map[regionKey]region // the STS clients that profiles share
	requestSessions *requestSessions
	cache           *cache
	secret          []byte // the HMAC key for the cache keys
}

// New checks every profile and returns all faults together: the error, if there is one, joins a *[ConfigError] for each
// setting that cannot be used. It makes no network call.
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

// Check returns every fault of the options that can be found without reading a file or making a call. [New] begins with it.
func Check(o Options) error {
	o, found := o.withEnvironment()
	return checkOptions(o, found)
}

// connect checks the options and builds what they describe.
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

// clock returns the clock that is corrected by the STS endpoint; empty for AWS's own.
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

// SessionRequest is a request for the session of a profile.
type SessionRequest struct {
	// Profile is the name; empty means the default.
	Profile string
	// Caller is the authenticated caller's id: it fills {caller}, and the session counts against the caller's cache
	// quota.
	Caller string
	// Host is the host that will be called: it fills {host}.
	Host string
	// MinValidity is the shortest acceptable remaining lifetime. Zero or less: 30 seconds. A session that ends with the
	// caller's token may end sooner, unless Strict forbids it.
	MinValidity time.Duration
	Strict      bool
	// Login is the caller's own token, already verified; nil if the caller has none. Only a profile that signs as the
	// caller uses it. It is not kept: the cache knows only a hash of it.
	Login *bearer.Token
}

// Session returns a session of the profile that lasts at least MinValidity longer.
//
// Errors: [ErrUnknownProfile], [ErrDenied], [ErrConfiguration], [ErrClockSkew], [ErrUnavailable] (with a delay, see
// [Error]), [ErrTooShort], or ctx's own; for a profile that signs as the caller also [ErrLoginRequired],
// [ErrLoginIssuer], [ErrLoginAudience] and [ErrLoginExpired].
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

// Identity returns the identity that AWS sees for the profile's session (GetCallerIdentity).
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

// Drop forgets a session that AWS has refused as expired, if it is still cached, and reports whether another one can be
// fetched. Keys without an expiry cannot be replaced.
func (s *Store) Drop(refused Session) bool {
	if refused.Expires.IsZero() {
		return false
	}
	s.cache.invalidate(func(e *entry) bool {
		return e.valid && e.session.Credentials.AccessKeyID == refused.Credentials.AccessKeyID
	})
	return true
}

// Ready reports whether requests have a chance of getting a session: whether some profile, other than those that sign
// as the caller, has a session, was never tried, or was refused by AWS. AWS would refuse it to every instance alike,
// and the caller needs to see that refusal. So a short outage, one profile or one caller does not make a store unready.
//
// If nothing can be reached, Ready tries again in the background, as often as requests could: an instance that is not
// ready receives no requests that would find out.
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
