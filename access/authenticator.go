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
	// AuthRequired is the default: every caller must authenticate.
	AuthRequired Auth = ""
	// AuthNone admits everyone as the caller [Anonymous]. An operator must set it explicitly; it is never a fallback.
	AuthNone Auth = "none"
)

// Anonymous is the caller's id under [AuthNone]. No API key may use it.
const Anonymous = "anonymous"

// Options configures an [Authenticator]. [AuthRequired] needs at least one authentication method; [AuthNone] allows
// none.
type Options struct {
	Auth    Auth
	APIKeys []APIKey
	// OIDC are the accepted OpenID Connect issuers.
	OIDC []OIDC
	// Entra and TrustedHeader are off if nil.
	Entra         *Entra
	TrustedHeader *TrustedHeader
	// Guest allows guests. Nil means no guests.
	Guest *Guest
	// PassesAuthorization says that the Authorization header of a proxied request is meant for the upstream if
	// X-API-Key authenticates the caller, or if no authentication is required. See [Authenticator.AuthenticateProxied].
	PassesAuthorization bool
	// Now is the clock. Required.
	Now func() time.Time
	// KeysFetched is called after each fetch of an issuer's signing keys, if it is not nil.
	KeysFetched func(error)
	// Before is the authenticator that this one replaces, or nil. The signing keys that it has fetched are reused.
	Before *Authenticator
}

// Authenticator turns a request's credentials into a [Caller].
type Authenticator struct {
	auth    Auth
	keys    []storedKey
	entra   *entra
	issuers map[string]*oidc // by the iss claim of their tokens
	trusted *TrustedHeader
	guest   *Guest
	passes  bool // see Options.PassesAuthorization
	now     func() time.Time
}

// NewAuthenticator checks every option and returns all faults joined, each naming its field.
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
			faults = append(faults, fmt.Errorf("callers.oidc[%d].issuer: is the issuer of callers.entra; remove one of the two", i))
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
		faults = append(faults, fmt.Errorf("auth: %q is not known; leave it out, or write %q to admit everyone", o.Auth, AuthNone))
	case o.Auth == AuthNone && callers:
		faults = append(faults, errors.New("auth: none, but callers are configured; remove one of the two"))
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

// keySets returns the key sets of all issuers by their source.
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

// keepKeys reuses the key sets of before that have the same source.
func (a *Authenticator) keepKeys(before *Authenticator) {
	old := before.keySets()
	for source, keys := range a.keySets() {
		if kept := old[source]; kept != nil {
			*keys = *kept
		}
	}
}

// Authenticate authenticates a request by the first of these that it has: the X-API-Key header; the headers of a
// trusted platform, if [TrustedHeader] is enabled; the Authorization header with the Bearer scheme and a token or an
// API key. X-API-Key comes first so that a gateway in front can use Authorization for itself.
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
	// RFC 9110 section 11.1: the scheme is case-insensitive.
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

// AuthenticateProxied is [Authenticator.Authenticate] for a proxied request, whose Authorization header the client may
// have written for another server. It also accepts a key as the password of the Basic scheme, and as the session token
// of a client that signs for AWS, whose signature is not checked. Different keys in one request are refused with
// [ErrTwoKeys], because choosing one would be a guess; so is a key in Authorization beside the headers of a trusted
// platform. What else is there beside them is the token that the platform has checked and left. An X-API-Key beside
// them decides, as in [Authenticator.Authenticate]: the platform adds its headers to every request.
//
// With [Options.PassesAuthorization], an Authorization header next to an X-API-Key is for the upstream and not a
// credential, unless it is a signature or holds an API key. An Authorization header that authenticated the caller, or
// that holds the same key, is removed from the request.
func (a *Authenticator) AuthenticateProxied(r *http.Request) (Caller, error) {
	if a.auth == AuthNone {
		return Caller{ID: Anonymous, Method: MethodNone}, nil
	}
	keys := slices.Clone(r.Header.Values("X-Api-Key"))
	if a.trusted != nil && len(keys) == 0 && len(r.Header.Values("X-Ms-Client-Principal")) > 0 {
		for _, value := range r.Header.Values("Authorization") {
			if found, _ := authorizationKeys(value, r); slices.ContainsFunc(found, a.isKey) {
				return Caller{}, ErrTwoKeys
			}
		}
		caller, err := a.trusted.authenticate(r)
		if a.passes { // the platform has checked it
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

// withAuthorization adds the keys in Authorization headers to keys.
func (a *Authenticator) withAuthorization(r *http.Request, keys []string) ([]string, error) {
	passed, ours := a.passes && len(keys) > 0, false
	for _, value := range r.Header.Values("Authorization") {
		found, err := authorizationKeys(value, r)
		switch isSignature := strings.HasPrefix(value, "AWS4-"); {
		case passed && !isSignature:
			for _, key := range found {
				if a.isKey(key) {
					keys = append(keys, key) // another caller's key must not reach the upstream
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

// isKey reports whether key is the API key of a caller.
func (a *Authenticator) isKey(key string) bool {
	_, err := a.apiKey(strings.TrimSpace(key))
	return err == nil
}

// authorizationKeys returns the keys in an Authorization header.
func authorizationKeys(authorization string, r *http.Request) ([]string, error) {
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

// Run keeps the issuers' signing keys fresh until ctx ends, so that no request waits for them. Without Run, keys are
// fetched when a token needs them.
func (a *Authenticator) Run(ctx context.Context) {
	var all sync.WaitGroup
	for _, keys := range a.keySets() {
		all.Go(func() { (*keys).run(ctx) })
	}
	all.Wait()
}

// Challenge is the WWW-Authenticate value for a 401 response to err. By RFC 6750 section 3, the response to a request
// without credentials names the scheme and no error.
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
