package access

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwt"
)

// OIDC accepts the tokens of one OpenID Connect issuer: ID tokens, and access tokens that are JWTs.
//
// A caller without a name in Callers is called by the issuer's name, a colon and the token's sub ("shop:auth0|5f7c").
// Roles are prefixed with the issuer's name and a colon. So two issuers can never produce the same name or role.
type OIDC struct {
	// Name is the issuer's prefix in caller ids and roles: 1 to 32 letters, digits, '-' and '_'.
	Name string
	// Issuer is the exact iss of the issuer's tokens, and the URL below which its configuration is found.
	Issuer string
	// Audiences are the accepted values of aud. At least one is required.
	Audiences []string
	// RolesClaim names the claim that holds a caller's roles: an array, or a string with spaces between them, like
	// scope. Dots lead into objects, as in "realm_access.roles".
	RolesClaim string
	// Roles are the accepted roles; a caller needs one of them.
	Roles []string
	// Callers maps a sub to a caller name. Callers listed here need no role.
	Callers map[string]string
	// Everyone admits every caller with a token for the audience. Without it, a caller needs a role or a name.
	Everyone bool
	// Transport fetches the keys. It defaults to [http.DefaultTransport].
	Transport http.RoundTripper
}

// oidcHeader is what a token header may hold. HMAC algorithms are not accepted: their key would be the client's secret.
// "at+jwt" is RFC 9068.
var oidcHeader = headerRule{
	algorithms: []jwa.SignatureAlgorithm{
		jwa.RS256(), jwa.RS384(), jwa.RS512(), jwa.PS256(), jwa.PS384(), jwa.PS512(), jwa.ES256(), jwa.ES384(), jwa.ES512(), jwa.EdDSA(),
	},
	types: []string{"JWT", "at+jwt", "application/at+jwt"},
}

type oidc struct {
	o    OIDC
	keys *keySet
	now  func() time.Time
}

func newIssuers(all []OIDC, now func() time.Time) (map[string]*oidc, error) {
	issuers := map[string]*oidc{}
	names := map[string]bool{}
	var faults []error
	for i := range all {
		o := &all[i]
		where := fmt.Sprintf("callers.oidc[%d]", i)
		faults = append(faults, o.check(where)...)
		if names[o.Name] {
			faults = append(faults, fmt.Errorf("%s.name: %q is the name of another issuer", where, o.Name))
		}
		if issuers[o.Issuer] != nil {
			faults = append(faults, fmt.Errorf("%s.issuer: %q is listed twice; list its audiences together", where, o.Issuer))
		}
		names[o.Name] = true
		issuers[o.Issuer] = &oidc{o: *o, keys: newKeySet(keySource{issuer: o.Issuer}, o.Transport, now), now: now}
	}
	return issuers, errors.Join(faults...)
}

const maxIssuerName = 32

func (o *OIDC) check(where string) []error {
	var faults []error
	fault := func(field, format string, args ...any) {
		faults = append(faults, fmt.Errorf("%s.%s: %s", where, field, fmt.Sprintf(format, args...)))
	}
	if len(o.Name) > maxIssuerName || checkCallerID(o.Name) != "" {
		fault("name", "want 1 to %d of letters, digits, '-' and '_'", maxIssuerName)
	}
	if u, err := url.Parse(o.Issuer); err != nil || !isKeysURL(o.Issuer) || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		fault("issuer", "want the https URL in the iss of its tokens, exactly as it is there")
	}
	if reason := checkAudiences(o.Audiences); reason != "" {
		fault("audience", "%s", reason)
	}
	if len(o.Roles) > 0 && o.RolesClaim == "" {
		fault("roles_claim", "required with roles: the claim that holds the roles, such as cognito:groups, groups, scope or realm_access.roles")
	}
	if len(o.Roles) == 0 && len(o.Callers) == 0 && !o.Everyone {
		fault("roles", "name at least one role, or list callers, or write everyone: true to admit every caller with a token for the audience")
	}
	if o.Everyone && len(o.Roles) > 0 {
		fault("everyone", "admits callers without a role; leave roles out")
	}
	for sub, name := range o.Callers {
		if reason := checkSubject(sub); reason != "" {
			fault("callers", "%.64q: %s", sub, reason)
		}
		if reason := checkCallerID(name); reason != "" {
			fault("callers."+sub, "%s", reason)
		}
	}
	return faults
}

// authenticate checks a token. The cheap checks come first: the keys are needed only for a token that is valid except,
// perhaps, for its signature.
func (i *oidc) authenticate(ctx context.Context, token string, claims jwt.Token) (Caller, error) {
	header, err := oidcHeader.read(token)
	if err != nil {
		return Caller{}, err
	}
	if err := checkTimes(claims, i.now); err != nil {
		return Caller{}, err
	}
	if !i.isAudience(claims) {
		return Caller{}, ErrTokenAudience
	}
	subject, _ := claims.Subject()
	if reason := checkSubject(subject); reason != "" {
		return Caller{}, bad("token's subject: " + reason)
	}
	if err := header.verify(ctx, token, i.keys); err != nil {
		return Caller{}, err
	}
	return i.admit(subject, i.roles(claims))
}

// isAudience reports whether the token is for this service. Cognito's access tokens have client_id instead of aud
// (Amazon Cognito developer guide, "Understanding the access token").
func (i *oidc) isAudience(claims jwt.Token) bool {
	audience, _ := claims.Audience()
	if !claims.Has("aud") && claimText(claims, "token_use") == "access" {
		audience = []string{claimText(claims, "client_id")}
	}
	return slices.ContainsFunc(audience, func(a string) bool { return slices.Contains(i.o.Audiences, a) })
}

// checkSubject returns what is wrong with a sub, or "". OpenID Connect Core 1.0 section 2 allows at most 255 ASCII
// characters. Control characters could break lines in a log.
func checkSubject(sub string) string {
	if sub == "" || len(sub) > 255 || !allBytes(sub, func(c byte) bool { return ' ' < c && c < 0x7f }) {
		return "want 1 to 255 ASCII characters without spaces"
	}
	return ""
}

// maxRoles limits how many roles of one token policies must search.
const maxRoles = 256

// roles returns the roles in the roles claim, without the issuer's prefix.
func (i *oidc) roles(claims jwt.Token) []string {
	if i.o.RolesClaim == "" {
		return nil
	}
	var value any
	if claims.Get(i.o.RolesClaim, &value) != nil {
		first, rest, nested := strings.Cut(i.o.RolesClaim, ".")
		if !nested || claims.Get(first, &value) != nil {
			return nil
		}
		for _, name := range strings.Split(rest, ".") {
			object, _ := value.(map[string]any)
			value = object[name]
		}
	}
	var roles []string
	switch v := value.(type) {
	case string:
		roles = strings.Fields(v)
	case []any:
		roles = textsOf(v)
	}
	return roles[:min(len(roles), maxRoles)]
}

// admit turns the token's subject into a caller, or fails if it is not allowed to call.
func (i *oidc) admit(subject string, roles []string) (Caller, error) {
	c := Caller{ID: i.o.Name + ":" + subject, Method: MethodOIDC, Issuer: i.o.Name, Object: subject}
	name, named := i.o.Callers[subject]
	hasRole := slices.ContainsFunc(roles, func(r string) bool { return slices.Contains(i.o.Roles, r) })
	if !named && !hasRole && !i.o.Everyone {
		return Caller{}, fmt.Errorf("%w: %s", ErrNoRole, c.ID)
	}
	if named {
		c.ID = name
	}
	for _, role := range roles {
		c.Roles = append(c.Roles, i.o.Name+":"+role)
	}
	return c, nil
}

// withoutForeignRoles removes roles from a directory that look like roles of an OpenID Connect issuer.
func (a *Authenticator) withoutForeignRoles(c Caller) Caller {
	if len(a.issuers) == 0 {
		return c
	}
	names := map[string]bool{}
	for _, issuer := range a.issuers {
		names[issuer.o.Name] = true
	}
	c.Roles = slices.DeleteFunc(slices.Clone(c.Roles), func(role string) bool {
		name, _, found := strings.Cut(role, ":")
		return found && names[name]
	})
	return c
}
