package access

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwt"
)

// Entra accepts access tokens from Microsoft Entra ID's public cloud, version 1.0 (which managed identities get) and
// 2.0.
type Entra struct {
	// Tenant is the directory's id, a GUID. Tokens from other tenants are refused.
	Tenant string
	// Audiences are the accepted values of aud: the application's ID URI, or its client id for tokens of version 2.0.
	// At least one is required.
	Audiences []string
	Admission
	// KeysURL is where the signing keys are. It defaults to the tenant's keys at login.microsoftonline.com, and must be
	// https, or http on loopback.
	KeysURL string
	// Transport fetches the keys. It defaults to [http.DefaultTransport].
	Transport http.RoundTripper
}

// Issuers returns the iss claims of the tenant's tokens, of version 1.0 and 2.0.
func (o *Entra) Issuers() []string {
	return []string{"https://sts.windows.net/" + o.Tenant + "/", "https://login.microsoftonline.com/" + o.Tenant + "/v2.0"}
}

// entraHeader is what a token header may hold.
var entraHeader = headerRule{algorithms: []jwa.SignatureAlgorithm{jwa.RS256()}, types: []string{"JWT"}}

type entra struct {
	tenant    string
	audiences []string
	issuers   map[string]string // from issuer to token version
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
	if reason := checkAudiences(o.Audiences); reason != "" {
		fault("audience", reason)
	}
	if err := o.check("callers.entra"); err != nil {
		faults = append(faults, err)
	}
	address := o.KeysURL
	if address == "" {
		address = "https://login.microsoftonline.com/" + o.Tenant + "/discovery/v2.0/keys"
	}
	if !isKeysURL(address) {
		fault("keys_url", "want an https URL")
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return &entra{
		tenant:    o.Tenant,
		audiences: o.Audiences,
		issuers:   map[string]string{o.Issuers()[0]: "1.0", o.Issuers()[1]: "2.0"},
		admission: o.Admission,
		keys:      newKeySet(keySource{url: address}, o.Transport, now),
		now:       now,
	}, nil
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

// authenticate checks a token. The cheap checks come first: the keys are needed only for a token that is valid except,
// perhaps, for its signature.
func (e *entra) authenticate(ctx context.Context, token string, claims jwt.Token) (Caller, error) {
	header, err := entraHeader.read(token)
	if err != nil {
		return Caller{}, err
	}
	who, err := e.read(claims)
	if err != nil {
		return Caller{}, err
	}
	if err := header.verify(ctx, token, e.keys); err != nil {
		return Caller{}, err
	}
	return e.admission.admit(who, MethodEntra)
}

// read checks the claims (Microsoft identity platform, "Secure applications and APIs by validating claims") and returns
// the identity that they describe.
func (e *entra) read(claims jwt.Token) (identity, error) {
	if err := checkTimes(claims, e.now); err != nil {
		return identity{}, err
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
	// The application's id is in azp in version 2.0 and in appid in 1.0.
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
