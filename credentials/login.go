package credentials

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"countersign/internal/bearer"
)

// loginOf is what the cache keeps about the token that a session is made with; it does not keep the token itself.
type loginOf struct {
	issuer  string
	expires time.Time
}

// signsAsCaller reports whether the session is made with the caller's own token.
func (p *Profile) signsAsCaller() bool {
	return p.Source == SourceCallerToken || p.Source == SourceCognito && p.Cognito != nil && p.Cognito.CallerToken
}

// takes reports whether tokens from the issuer may still log callers in; nil stands for no token.
func (p *profile) takes(l *loginOf) bool {
	return l == nil || slices.Contains(p.store.options.Issuers, l.issuer)
}

// sessionAsCaller is like [profile.session], but with the caller's own token. The session ends when the token expires.
func (p *profile) sessionAsCaller(ctx context.Context, a SessionRequest) (Session, error) {
	left, err := p.checkLogin(a.Login)
	if err != nil {
		p.store.options.Served(p.Name, ServedRefused)
		return Session{}, err
	}
	if !a.Strict {
		a.MinValidity = min(a.MinValidity, left-margin)
	}
	s, err := p.store.cache.get(ctx, p.cacheRequest(a))
	if err == nil || errors.Is(err, ErrTooShort) {
		if _, over := p.checkLogin(a.Login); over != nil { // it expired in the meantime
			return Session{}, over
		}
	}
	return s, err
}

// checkLogin returns the remaining lifetime of a token, or the reason why it cannot log its bearer in here.
func (p *profile) checkLogin(l *bearer.Token) (left time.Duration, err error) {
	switch {
	case l == nil:
		return 0, ErrLoginRequired
	case !p.takes(&loginOf{issuer: l.Issuer}), p.provider != "" && p.provider != providerOf(l.Issuer):
		return 0, ErrLoginIssuer
	case !l.Audience:
		return 0, ErrLoginAudience
	}
	if left = l.Expires.Sub(p.clock.read().time); left < margin {
		return 0, ErrLoginExpired
	}
	return left, nil
}

// providerOf returns an issuer as identity pools list it: without the scheme and, like IAM's providers, mostly without
// a trailing slash.
func providerOf(issuer string) string {
	_, name, found := strings.Cut(issuer, "://")
	if !found {
		name = issuer
	}
	return strings.TrimSuffix(name, "/")
}

// loginRequest changes a cache request so that only the same token finds its session again.
func (p *profile) loginRequest(w *cacheRequest) {
	l := w.request.Login
	w.key.shape = shapeOf(p.store.secret, "login", string(p.shape[:]), l.Issuer, l.Subject, l.Text())
	w.login = &loginOf{issuer: l.Issuer, expires: l.Expires}
	w.owned, w.quotaOwner, w.noRefresh = true, w.request.Caller, true
}

// bound shortens a session that lasts longer than the caller's token.
func (p *profile) bound(s Session, l *bearer.Token) Session {
	s.AsCaller = true
	if s.Expires.IsZero() || s.Expires.After(l.Expires) {
		s.Expires = l.Expires.UTC()
	}
	return s
}

// roleFor returns the role with the shortest duration that lasts as long as the caller's token.
func (p *profile) roleFor(a SessionRequest) *role {
	if !p.byLogin || p.role == nil {
		return p.role
	}
	// A minute more, for differences between the clocks and for latency: a session that ends before the token is
	// fetched again.
	left := a.Login.Expires.Sub(p.clock.read().time).Truncate(time.Second) + time.Minute
	r := *p.role
	r.duration = min(r.duration, max(left, shortestSession))
	return &r
}

// loginFailure classifies AWS's refusal of a caller's token.
func loginFailure(err error) error {
	f := classify(err)
	switch f.Code {
	case "ExpiredTokenException", "ExpiredToken":
		f.Kind, f.class = ErrLoginExpired, class{kind: ErrLoginExpired}
	case "IDPRejectedClaim": // the issuer says that the token is not good any more
		f.Kind, f.class = ErrDenied, class{kind: ErrDenied, revoked: true}
	}
	return f
}
