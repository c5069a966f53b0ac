package access

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"countersign/endpoints"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/lestrrat-go/jwx/v3/jwt"
)

// Entra accepts access tokens of Microsoft Entra ID's public cloud, of version
// 1.0 (which managed identities get) and 2.0.
type Entra struct {
	// Tenant is the directory's id, a GUID. Tokens of other tenants are refused.
	Tenant string
	// Audiences are accepted in the token's aud: the application's ID URI, or its
	// client id for tokens of version 2.0. At least one.
	Audiences []string
	Admission
	// KeysURL is where the signing keys are; empty means the tenant's keys at
	// login.microsoftonline.com. https, or http on loopback.
	KeysURL string
	// Transport fetches the keys; nil means [http.DefaultTransport].
	Transport http.RoundTripper
}

const (
	maxTokenLength = 16 << 10
	// clockSkew is granted on exp and nbf.
	clockSkew = time.Minute
)

type entra struct {
	tenant    string
	audiences []string
	issuers   map[string]string // issuer to the version that it stands for
	admission Admission
	keys      *keySet
	now       func() time.Time
}

func newEntra(o *Entra, now func() time.Time) (*entra, error) {
	var faults []error
	fault := func(field, reason string) {
		faults = append(faults, fmt.Errorf("callers.entra.%s: %s", field, reason))
	}
	if !isGUID(o.Tenant) {
		fault("tenant", "want the directory's id, a GUID in lower case")
	}
	if len(o.Audiences) == 0 {
		fault("audience", "required")
	}
	for _, audience := range o.Audiences {
		if strings.TrimSpace(audience) == "" {
			fault("audience", "is empty")
		}
	}
	if err := o.check("callers.entra"); err != nil {
		faults = append(faults, err)
	}
	address := o.KeysURL
	if address == "" {
		address = "https://login.microsoftonline.com/" + o.Tenant + "/discovery/v2.0/keys"
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && endpoints.IsLoopback(u.Hostname())) {
		fault("keys_url", "want an https URL")
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return &entra{
		tenant:    o.Tenant,
		audiences: o.Audiences,
		issuers: map[string]string{
			"https://sts.windows.net/" + o.Tenant + "/":               "1.0",
			"https://login.microsoftonline.com/" + o.Tenant + "/v2.0": "2.0",
		},
		admission: o.Admission,
		keys:      newKeySet(address, o.Transport, now),
		now:       now,
	}, nil
}

// keepKeys uses on what was fetched from the same address.
func (e *entra) keepKeys(before *Authenticator) {
	if before != nil && before.entra != nil && before.entra.keys.url == e.keys.url {
		e.keys = before.entra.keys
	}
}

func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return false
			}
		} else if !('0' <= c && c <= '9' || 'a' <= c && c <= 'f') {
			return false
		}
	}
	return true
}

// authenticate checks a token. What costs nothing comes first: only a token
// that is right but for its signature reaches the keys.
func (e *entra) authenticate(r *http.Request, token string) (Caller, error) {
	if len(token) > maxTokenLength {
		return Caller{}, bad("token is too long")
	}
	kid, reason := tokenKey(token)
	if reason != "" {
		return Caller{}, bad(reason)
	}
	claims, err := jwt.ParseInsecure([]byte(token))
	if err != nil {
		return Caller{}, bad("token's claims are not readable")
	}
	who, err := e.read(claims)
	if err != nil {
		return Caller{}, err
	}
	key, err := e.keys.key(r.Context(), kid)
	if err != nil {
		return Caller{}, err
	}
	if _, err := jws.Verify([]byte(token), jws.WithCompact(), jws.WithKey(jwa.RS256(), key)); err != nil {
		return Caller{}, bad("token's signature is wrong")
	}
	return e.admission.admit(who, MethodEntra)
}

// tokenKey reads the header of a token (RFC 7515 section 4). The algorithm is
// pinned, and whatever the header says of where keys might be is not looked at.
func tokenKey(token string) (kid, reason string) {
	message, err := jws.Parse([]byte(token), jws.WithCompact())
	if err != nil || len(message.Signatures()) != 1 {
		return "", "token is not a compact JWS"
	}
	header := message.Signatures()[0].ProtectedHeaders()
	if alg, ok := header.Algorithm(); !ok || alg != jwa.RS256() {
		return "", "token's algorithm is not RS256"
	}
	if typ, ok := header.Type(); ok && !strings.EqualFold(typ, "JWT") {
		return "", "token's type is not JWT"
	}
	if header.Has("crit") || header.Has("b64") || header.Has("cty") {
		return "", "token's header has extensions"
	}
	kid, ok := header.KeyID()
	if !ok || kid == "" || len(kid) > 128 {
		return "", "token names no key"
	}
	return kid, ""
}

// read checks the claims (Microsoft identity platform, "Secure applications and
// APIs by validating claims") and returns who they speak of.
func (e *entra) read(claims jwt.Token) (identity, error) {
	now := jwt.ClockFunc(e.now)
	if err := jwt.Validate(claims, jwt.WithClock(now), jwt.WithAcceptableSkew(clockSkew), jwt.WithRequiredClaim("exp")); err != nil {
		return identity{}, ErrTokenTime
	}
	issuer, _ := claims.Issuer()
	version, known := e.issuers[issuer]
	if !known || claimText(claims, "ver") != version {
		return identity{}, bad("token's issuer is not the tenant")
	}
	if claimText(claims, "tid") != e.tenant {
		return identity{}, bad("token is of another tenant")
	}
	audience, _ := claims.Audience()
	if len(audience) != 1 || !slices.Contains(e.audiences, audience[0]) {
		return identity{}, ErrTokenAudience
	}
	who := identity{object: claimText(claims, "oid"), user: claims.Has("scp"), roles: claimTexts(claims, "roles")}
	if kind := claimText(claims, "idtyp"); kind != "" && kind != "app" {
		who.user = true
	}
	// The application's id is azp in version 2.0 and appid in 1.0.
	name, other := "azp", "appid"
	if version == "1.0" {
		name, other = other, name
	}
	who.application = claimText(claims, name)
	if claims.Has(other) {
		return identity{}, bad("token names its application in two ways")
	}
	return who, nil
}

// claimText returns a claim that is a string, or "".
func claimText(claims jwt.Token, name string) string {
	var s string
	if claims.Get(name, &s) != nil {
		return ""
	}
	return s
}

// claimTexts returns the strings of a claim that is an array.
func claimTexts(claims jwt.Token, name string) []string {
	var list []any
	if claims.Get(name, &list) != nil {
		return nil
	}
	var texts []string
	for _, v := range list {
		if s, ok := v.(string); ok {
			texts = append(texts, s)
		}
	}
	return texts
}
