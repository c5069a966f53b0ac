package credentials

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
)

// profile is a checked Profile with what it takes to fetch its session.
type profile struct {
	Profile
	store *Store
	clock *clock
	sts   *stsClient
	role  *role // nil: the source's keys are the session

	// One of these is the source.
	keys   keySource
	token  tokenSource
	parent *profile

	fixed       bool   // keys that never change, and no role: nothing to fetch
	fingerprint string // of all settings
}

// build connects a profile with its source. The profiles are all there, none is built yet.
func (p *profile) build() error {
	s := p.store
	p.clock = s.clock(p.STSEndpoint)
	p.sts = newSTS(&p.Profile, newClient(s.base, p.clock), p.clock)
	if p.AssumeRole != nil {
		p.role = newRole(p.AssumeRole, stsRegion(&p.Profile))
	}
	settings, err := json.Marshal(p.Profile) // without secrets: they are no part of what it shapes
	if err != nil {
		return err
	}
	sum := sha256.Sum256(settings)
	p.fingerprint = string(sum[:])
	if parent := s.profiles[p.Source]; parent != nil {
		p.parent = parent
		return nil
	}
	return p.source()
}

// session is the profile's, out of the cache where it is one that ends.
func (p *profile) session(ctx context.Context, a Ask) (Session, error) {
	if p.fixed && p.role == nil {
		return p.finish(p.keys(ctx))
	}
	return p.finish(p.store.cache.get(ctx, p.wish(a)))
}

// finish marks a session as this profile's.
func (p *profile) finish(s Session, err error) (Session, error) {
	if err != nil {
		return Session{}, err
	}
	r := p.clock.read()
	if r.refused() {
		return Session{}, fail(ErrClockSkew, "")
	}
	s.Skew, s.Profile = r.skew, p.Name
	if s.Region = p.Region; s.Region == "" && p.parent != nil {
		s.Region = p.parent.Region
	}
	return s, nil
}

func (p *profile) wish(a Ask) wish {
	return wish{
		key:     p.key(a),
		profile: p.Name,
		share:   p.share(a),
		min:     a.MinValidity,
		clock:   p.clock,
		fetch:   func(ctx context.Context) (Session, error) { return p.fetch(ctx, a) },
	}
}

// key names the session that an ask gets: everything that shapes it, each part
// with its length so that no two lists of parts look alike.
func (p *profile) key(a Ask) string {
	key := appendPart(nil, "profile", p.fingerprint)
	for at := p; at != nil; at = at.parent {
		key = appendPart(key, at.Name)
		if at.role == nil {
			continue
		}
		n := at.role.names(at.Name, a)
		key = appendPart(key, n.session, n.source)
		if at.role.uses("caller") {
			key = appendPart(key, "caller", a.Caller)
		}
		if at.role.uses("host") {
			key = appendPart(key, "host", a.Host)
		}
	}
	return string(key)
}

func appendPart(key []byte, parts ...string) []byte {
	for _, part := range parts {
		key = binary.AppendUvarint(key, uint64(len(part)))
		key = append(key, part...)
	}
	return key
}

// share is the caller to whom the session belongs, empty when it is everybody's.
func (p *profile) share(a Ask) string {
	for at := p; at != nil; at = at.parent {
		if at.role != nil && (at.role.uses("caller") || at.role.uses("host")) {
			return a.Caller
		}
	}
	return ""
}

// fetch obtains a session anew. When STS says that the source's keys or token
// are bad, the source is asked once for others.
func (p *profile) fetch(ctx context.Context, a Ask) (Session, error) {
	s, used, err := p.try(ctx, a, false)
	if err != nil && classify(err).class.source && p.role != nil && !p.fixed {
		if p.parent != nil {
			p.parent.forget(a, used)
		}
		s, _, err = p.try(ctx, a, true)
	}
	return s, err
}

// try returns also the id of the keys that were used to ask.
func (p *profile) try(ctx context.Context, a Ask, anew bool) (Session, string, error) {
	if p.token != nil {
		token, err := p.token(ctx, anew)
		if err != nil {
			return Session{}, "", err
		}
		s, err := p.role.assumeWithToken(ctx, p.sts, token, p.role.names(p.Name, a))
		return s, "", err
	}
	var source Session
	var err error
	if p.parent != nil {
		source, err = p.parent.session(ctx, Ask{Caller: a.Caller, Host: a.Host})
	} else {
		source, err = p.keys(ctx)
	}
	if err != nil || p.role == nil {
		return source, "", err
	}
	s, err := p.role.assume(ctx, p.sts, source.Credentials, p.role.names(p.Name, a))
	return s, source.Credentials.AccessKeyID, err
}

// forget drops the cached session of the profile if it is still the one with these keys.
func (p *profile) forget(a Ask, accessKeyID string) {
	key := p.key(a)
	p.store.cache.invalidate(func(e *entry) bool {
		return e.key == key && e.held && e.session.Credentials.AccessKeyID == accessKeyID
	})
}
