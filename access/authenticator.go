package access

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
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
	// Now is the clock. Required.
	Now func() time.Time
}

// Authenticator turns a request's credentials into a [Caller].
type Authenticator struct {
	auth Auth
	keys []storedKey
	now  func() time.Time
}

// NewAuthenticator checks every option and reports all faults joined, each
// naming its field.
func NewAuthenticator(o Options) (*Authenticator, error) {
	a := &Authenticator{auth: o.Auth, now: o.Now}
	var faults []error
	if o.Now == nil {
		faults = append(faults, errors.New("now: a clock is required"))
	}
	keys, err := parseKeys(o.APIKeys)
	if err != nil {
		faults = append(faults, err)
	}
	a.keys = keys

	ways := len(o.APIKeys)
	switch {
	case o.Auth != AuthRequired && o.Auth != AuthNone:
		faults = append(faults, fmt.Errorf("auth: %q is not known; leave it out, or write %q to let everybody in", o.Auth, AuthNone))
	case o.Auth == AuthNone && ways > 0:
		faults = append(faults, errors.New("auth: none, yet callers are configured: take one of the two out"))
	case o.Auth == AuthRequired && ways == 0:
		faults = append(faults, errors.New("callers: no way to authenticate callers is configured"))
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return a, nil
}

// Authenticate reads the X-API-Key header or, when that is absent, the
// Authorization header with the Bearer scheme. X-API-Key alone decides where
// both are present, so that a gateway in front may use Authorization for itself.
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
	return a.apiKey(strings.TrimSpace(token))
}

// Challenge is the WWW-Authenticate value for a 401 answer to err (RFC 6750
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
