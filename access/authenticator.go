package access

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Auth says whether callers are authenticated at all.
type Auth string

const (
	// AuthRequired is the default: every caller proves who it is.
	AuthRequired Auth = ""
	// AuthNone lets everybody in as the caller [Anonymous]. It is a word that
	// an operator must have typed, never a fallback.
	AuthNone Auth = "none"
)

// Anonymous is the caller's id under [AuthNone]. No key may carry it.
const Anonymous = "anonymous"

// Options configures an [Authenticator]. With [AuthRequired] at least one way
// to authenticate must be there; with [AuthNone] none may be.
type Options struct {
	Auth    Auth
	APIKeys []APIKey
	// OIDC are the issuers of OpenID Connect whose tokens are accepted.
	OIDC []OIDC
	// Entra and TrustedHeader are off when nil.
	Entra         *Entra
	TrustedHeader *TrustedHeader
	// Guest lets guests in. Nil: there are none.
	Guest *Guest
	// PassesAuthorization: of requests that are passed on, Authorization is for the receiver where X-API-Key says who
	// calls, or nobody has to; see [Authenticator.AuthenticateProxied].
	PassesAuthorization bool
	// Now is the clock. Required.
	Now func() time.Time
	// KeysFetched learns of each fetch of an issuer's signing keys. Nil: nobody listens.
	KeysFetched func(error)
	// Before is the authenticator that this one takes the place of; the signing keys that it has fetched are used on.
	// Nil: there was none.
	Before *Authenticator
}

// Authenticator turns a request's credentials into a [Caller].
type Authenticator struct {
	auth    Auth
	keys    []storedKey
	entra   *entra
	issuers map[string]*oidc // by the issuer that tokens name
	trusted *TrustedHeader
	guest   *Guest
	passes  bool // Authorization, to the receiver
	now     func() time.Time
}

// NewAuthenticator checks every option and reports all faults joined, each
// naming its field.
func NewAuthenticator(o Options) (*Authenticator, error) {
	a := &Authenticator{auth: o.Auth, trusted: o.TrustedHeader, guest: o.Guest, passes: o.PassesAuthorization, now: o.Now}
	var faults []error
	if o.Now == nil {
		faults = append(faults, errors.New("now: a clock is required"))
	}
	keys, err := parseKeys(o.APIKeys)
	if err != nil {
		faults = append(faults, err)
	}
	a.keys = keys
	if o.Entra != nil {
		if a.entra, err = newEntra(o.Entra, o.Now); err != nil {
			faults = append(faults, err)
		}
	}
	if a.issuers, err = newIssuers(o.OIDC, o.Now); err != nil {
		faults = append(faults, err)
	}
	for i, issuer := range o.OIDC {
		if a.entra != nil && a.entra.issuers[issuer.Issuer] != "" {
			faults = append(faults, fmt.Errorf("callers.oidc[%d].issuer: is that of callers.entra; leave one of the two out", i))
		}
	}
	if o.TrustedHeader != nil {
		if err := o.TrustedHeader.check(); err != nil {
			faults = append(faults, err)
		}
	}

	if o.Guest != nil {
		faults = append(faults, o.Guest.check())
	}

	callers := o.Guest != nil || len(o.APIKeys) > 0 || len(o.OIDC) > 0 || o.Entra != nil || o.TrustedHeader != nil
	switch {
	case o.Auth != AuthRequired && o.Auth != AuthNone:
		faults = append(faults, fmt.Errorf("auth: %q is not known; leave it out, or write %q to let everybody in", o.Auth, AuthNone))
	case o.Auth == AuthNone && callers:
		faults = append(faults, errors.New("auth: none, yet callers are configured: take one of the two out"))
	case o.Auth == AuthRequired && !callers:
		faults = append(faults, errors.New("callers: no way to authenticate callers is configured"))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	for _, keys := range a.keySets() {
		(*keys).fetched = o.KeysFetched
	}
	if o.Before != nil {
		a.keepKeys(o.Before)
	}
	return a, nil
}

// keySets are the places of all signing keys.
func (a *Authenticator) keySets() map[keySource]**keySet {
	sets := map[keySource]**keySet{}
	if a.entra != nil {
		sets[a.entra.keys.source] = &a.entra.keys
	}
	for _, issuer := range a.issuers {
		sets[issuer.keys.source] = &issuer.keys
	}
	return sets
}

// keepKeys uses on what was fetched from the same places.
func (a *Authenticator) keepKeys(before *Authenticator) {
	old := before.keySets()
	for source, keys := range a.keySets() {
		if kept := old[source]; kept != nil {
			*keys = *kept
		}
	}
}

// Authenticate looks for the caller's credentials in this order, and the first
// that is there decides: the X-API-Key header; the headers of a trusted platform,
// where [TrustedHeader] is on; the Authorization header with the Bearer scheme,
// which holds a token or an API key. So a gateway in front may use
// Authorization for itself.
func (a *Authenticator) Authenticate(r *http.Request) (Caller, error) {
	if a.auth == AuthNone {
		return Caller{ID: Anonymous, Method: MethodNone}, nil
	}
	if values := r.Header.Values("X-Api-Key"); len(values) > 0 {
		if len(values) > 1 {
			return Caller{}, bad("X-API-Key given more than once")
		}
		return a.apiKey(strings.TrimSpace(values[0]))
	}
	if a.trusted != nil && len(r.Header.Values("X-Ms-Client-Principal")) > 0 {
		caller, err := a.trusted.authenticate(r)
		return a.withoutForeignRoles(caller), err
	}
	values := r.Header.Values("Authorization")
	switch len(values) {
	case 0:
		return Caller{}, ErrNoCredentials
	case 1:
	default:
		return Caller{}, bad("Authorization given more than once")
	}
	// RFC 9110 section 11.1: the scheme's case does not matter.
	scheme, token, _ := strings.Cut(strings.TrimSpace(values[0]), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return Caller{}, bad("Authorization is not of the Bearer scheme")
	}
	token = strings.TrimSpace(token)
	if a.isToken(token) {
		return a.token(r, token)
	}
	return a.apiKey(token)
}

// AuthenticateProxied is [Authenticator.Authenticate] for a request that is passed
// on, whose Authorization the client may have made for somebody else. Besides, a
// key may come as the password of the Basic scheme, and as the session token of a
// client that signs for AWS, whose signature is not looked at. Keys that differ are
// refused with [ErrTwoKeys]: which one counts would be a guess.
//
// With [Options.PassesAuthorization], an Authorization beside an X-API-Key is for the
// receiver and no credential, unless it is a signature or holds an API key. An
// Authorization that did say who calls, or holds the same key, is taken out of the
// request.
func (a *Authenticator) AuthenticateProxied(r *http.Request) (Caller, error) {
	if a.auth == AuthNone {
		return Caller{ID: Anonymous, Method: MethodNone}, nil
	}
	keys := slices.Clone(r.Header.Values("X-Api-Key"))
	if a.trusted != nil && len(keys) == 0 && len(r.Header.Values("X-Ms-Client-Principal")) > 0 {
		caller, err := a.trusted.authenticate(r)
		if a.passes { // the platform has looked at it
			r.Header.Del("Authorization")
		}
		return a.withoutForeignRoles(caller), err
	}
	keys, err := a.withAuthorization(r, keys)
	if err != nil {
		return Caller{}, err
	}
	if len(keys) == 0 {
		return Caller{}, ErrNoCredentials
	}
	key := strings.TrimSpace(keys[0])
	for _, other := range keys[1:] {
		if strings.TrimSpace(other) != key {
			return Caller{}, ErrTwoKeys
		}
	}
	if a.isToken(key) {
		return a.token(r, key)
	}
	return a.apiKey(key)
}

// withAuthorization adds the keys of Authorization to those that came otherwise.
func (a *Authenticator) withAuthorization(r *http.Request, keys []string) ([]string, error) {
	passed, ours := a.passes && len(keys) > 0, false
	for _, value := range r.Header.Values("Authorization") {
		found, err := keysIn(value, r)
		switch isSignature := strings.HasPrefix(value, "AWS4-"); {
		case passed && !isSignature:
			for _, key := range found {
				if _, err := a.apiKey(strings.TrimSpace(key)); err == nil {
					keys = append(keys, key) // another caller's is not for the receiver
				}
				ours = ours || strings.TrimSpace(key) == strings.TrimSpace(keys[0])
			}
			continue
		case err != nil:
			return nil, err
		case !isSignature:
			ours = true
		}
		keys = append(keys, found...)
	}
	if a.passes && ours {
		r.Header.Del("Authorization")
	}
	return keys, nil
}

// keysIn are the keys that an Authorization header brings.
func keysIn(authorization string, r *http.Request) ([]string, error) {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(authorization), " ")
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		return []string{rest}, nil
	case strings.EqualFold(scheme, "Basic"):
		pair, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest))
		_, password, found := strings.Cut(string(pair), ":")
		if err != nil || !found {
			return nil, bad("Authorization is not of the Basic scheme")
		}
		return []string{password}, nil
	case strings.HasPrefix(scheme, "AWS4-"):
		return r.Header.Values("X-Amz-Security-Token"), nil
	}
	return nil, bad("Authorization is of a scheme that is not known")
}

// Run keeps the issuers' signing keys fresh until ctx ends, so that no request
// waits for them. Without it they are fetched when a token needs them.
func (a *Authenticator) Run(ctx context.Context) {
	var all sync.WaitGroup
	for _, keys := range a.keySets() {
		all.Go(func() { (*keys).run(ctx) })
	}
	all.Wait()
}

// Challenge is the WWW-Authenticate value for a 401 response to err (RFC 6750
// section 3: a request without credentials is told the scheme and no error).
func (a *Authenticator) Challenge(err error) string {
	const scheme = `Bearer realm="countersign"`
	if errors.Is(err, ErrNoCredentials) {
		return scheme
	}
	return scheme + `, error="invalid_token"`
}

func bad(reason string) error {
	return fmt.Errorf("%w: %s", ErrBadCredentials, reason)
}
