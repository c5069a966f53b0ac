package credentials

import (
	"context"
	"crypto/sha256"
	"encoding/json"

	"countersign/signing"
)

// profile is a checked Profile with everything needed to fetch its session.
type profile struct {
	Profile
	store *Store
	clock *clock
	sts   *stsClient
	role  *role // nil: the source's keys are the session

	// Exactly one of these is set.
	keys   keySource
	token  tokenSource
	parent *profile

	certificate *rolesAnywhere // set if the keys come from it

	fixed bool // keys that never change

	byCaller, byHost bool   // each caller, each host has its own session
	byLogin          bool   // the session, here or below, is made with the caller's own token
	provider         string // the identity pool's provider for the token's issuer; empty if any issuer will do

	pool *callerPool // set if callers log in to an identity pool

	shape [sha256.Size]byte // hash of everything that determines the session, here and in the profiles below
}

// connectSource connects a profile with its source. All profiles exist by now; none is connected yet.
func (p *profile) connectSource() error {
	s := p.store
	p.clock = s.clock(p.STSEndpoint)
	p.sts = newSTS(&p.Profile, newClient(s.base, p.clock), p.clock, s.options.Called, s.regions)
	if p.AssumeRole != nil {
		p.role = newRole(p.AssumeRole, stsRegion(&p.Profile))
	}
	if parent := s.profiles[p.Source]; parent != nil {
		p.parent = parent
		return nil
	}
	return p.source()
}

// resolveParents collects what determines the session, here and in the profiles below.
func (p *profile) resolveParents() {
	var parts []string
	for at := p; at != nil; at = at.parent {
		parts = append(parts, at.parts()...)
		if at.signsAsCaller() {
			p.byLogin = true
			if at.Cognito != nil {
				p.provider = providerOf(at.Cognito.LoginProvider)
			}
		}
		if at.role != nil {
			p.byCaller = p.byCaller || at.role.uses("caller")
			p.byHost = p.byHost || at.role.uses("host")
		}
	}
	p.shape = shapeOf(p.store.secret, parts...)
}

// parts returns everything in the profile that determines its session, without the profiles below.
func (p *profile) parts() []string {
	says, keys := p.Profile, trimmed(p.Keys)
	says.Description, says.Keys = "", signing.Credentials{}
	text, err := json.Marshal(says)
	if err != nil {
		panic(err) // impossible: it contains only strings, numbers, booleans and lists of them
	}
	env := environmentKeys(p.store.options.Getenv)
	return []string{
		string(text), keys.AccessKeyID, keys.SecretAccessKey(), keys.SessionToken(),
		env.AccessKeyID, env.SecretAccessKey(), env.SessionToken(), p.store.options.cognitoEndpoint, p.store.options.rolesAnywhereEndpoint,
	}
}

// key distinguishes the profile from others, and from itself with other settings.
func (p *profile) key() key { return key{profile: p.Name, shape: p.shape} }

// session returns the profile's session, from the cache unless the keys never change.
func (p *profile) session(ctx context.Context, a SessionRequest) (Session, error) {
	if p.byLogin {
		return p.sessionAsCaller(ctx, a)
	}
	if !p.fixed || p.role != nil {
		return p.store.cache.get(ctx, p.cacheRequest(a))
	}
	r := p.clock.read()
	if r.refused() {
		return Session{}, fail(ErrClockSkew, "")
	}
	s, err := p.keys(ctx)
	s.Profile, s.Region, s.Skew = p.Name, p.Region, r.skew
	p.store.options.Served(p.Name, ServedHeld)
	return s, err
}

func (p *profile) cacheRequest(a SessionRequest) cacheRequest {
	w := cacheRequest{key: p.key(), request: a, issuer: p, clock: p.clock}
	if p.byCaller {
		w.key.caller = a.Caller
	}
	if p.byHost {
		w.key.host = a.Host
	}
	if p.byCaller || p.byHost {
		w.owned, w.quotaOwner = true, a.Caller
	}
	if p.byLogin {
		p.loginRequest(&w)
	}
	return w
}

// issue obtains a session and marks it as this profile's.
func (p *profile) issue(ctx context.Context, a SessionRequest) (Session, error) {
	s, err := p.fetch(ctx, a)
	if err != nil && p.byLogin {
		err = loginFailure(err)
	}
	if err != nil {
		return Session{}, err
	}
	if p.byLogin {
		s = p.bound(s, a.Login)
	}
	s.Profile = p.Name
	for at := p; s.Region == "" && at != nil; at = at.parent {
		s.Region = at.Region
	}
	return s, nil
}

// fetch gets a new session. If STS says that the source's keys or token are bad, it asks the source for new ones, once.
func (p *profile) fetch(ctx context.Context, a SessionRequest) (Session, error) {
	s, used, err := p.try(ctx, a, false)
	if err != nil && classify(err).class.source && p.role != nil && !p.fixed && !p.signsAsCaller() {
		if p.parent != nil {
			p.parent.forget(a, used)
		}
		s, _, err = p.try(ctx, a, true)
	}
	return s, err
}

// try makes one attempt, and also returns the id of the keys that it used.
func (p *profile) try(ctx context.Context, a SessionRequest, forceRefresh bool) (Session, string, error) {
	role := p.roleFor(a)
	if p.token != nil || p.Source == SourceCallerToken {
		token, err := p.tokenFor(ctx, a, forceRefresh)
		if err != nil {
			return Session{}, "", p.sourceFailure(err)
		}
		s, err := role.assumeWithToken(ctx, p.sts, token, role.names(p.Name, a))
		return s, "", err
	}
	var source Session
	var err error
	switch {
	case p.parent != nil:
		source, err = p.parent.session(ctx, SessionRequest{Caller: a.Caller, Host: a.Host, Login: a.Login})
	case p.pool != nil:
		source, err = p.pool.keys(ctx, a.Login)
	default:
		if source, err = p.keys(ctx); err != nil {
			err = p.sourceFailure(err)
		}
	}
	if err != nil || role == nil {
		return source, "", err
	}
	s, err := role.assume(ctx, p.sts, source.Credentials, role.names(p.Name, a))
	s.IdentityID = source.IdentityID
	return s, source.Credentials.AccessKeyID, err
}

func (p *profile) tokenFor(ctx context.Context, a SessionRequest, forceRefresh bool) (string, error) {
	if p.token != nil {
		return p.token(ctx, forceRefresh)
	}
	return a.Login.Text(), nil
}

// forget drops the cached session of the profile if it is still the one with these keys.
func (p *profile) forget(a SessionRequest, accessKeyID string) {
	key := p.cacheRequest(a).key
	p.store.cache.invalidate(func(e *entry) bool {
		return e.key == key && e.valid && e.session.Credentials.AccessKeyID == accessKeyID
	})
}
