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

// OIDC accepts the tokens of one issuer of OpenID Connect: ID tokens, and access
// tokens that are JWTs.
//
// Callers are called by the issuer's name, a colon and the token's sub
// ("shop:auth0|5f7c"), unless they have a name in Callers. Roles have the issuer's
// name and a colon before them, too. So two issuers cannot give the same.
type OIDC struct {
	// Name stands for the issuer in the IDs and roles of its callers. 1 to 32 of letters, digits, '-' and '_'.
	Name string
	// Issuer is the iss of its tokens, exactly, and where its configuration is found.
	Issuer string
	// Audiences are accepted in the token's aud. At least one.
	Audiences []string
	// RolesClaim is the claim that the roles of a caller are in: a list, or a text with spaces
	// between them as in scope. Dots lead into objects, as in "realm_access.roles".
	RolesClaim string
	// Roles are the roles of which a caller needs one.
	Roles []string
	// Callers names callers, by sub. They need no role.
	Callers map[string]string
	// Everyone lets in whoever has a token for the audience. Without it a caller
	// needs a role or a name.
	Everyone bool
	// Transport fetches the keys; nil means [http.DefaultTransport].
	Transport http.RoundTripper
}

// oidcHeader is what a token's header may say. An HMAC's key would be the client's
// secret, and is no algorithm here. "at+jwt" is RFC 9068.
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
		fault("issuer", "want the https URL that tokens have as iss, letter for letter")
	}
	if reason := checkAudiences(o.Audiences); reason != "" {
		fault("audience", "%s", reason)
	}
	if len(o.Roles) > 0 && o.RolesClaim == "" {
		fault("roles_claim", "required with roles: the claim that roles are in, as cognito:groups, groups, scope or realm_access.roles")
	}
	if len(o.Roles) == 0 && len(o.Callers) == 0 && !o.Everyone {
		fault("roles", "name at least one role, or list callers, or write everyone: true to let in whoever has a token for the audience")
	}
	if o.Everyone && len(o.Roles) > 0 {
		fault("everyone", "lets in callers without a role; leave roles out")
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

// authenticate checks a token. What costs nothing comes first: only a token
// that is right but for its signature reaches the keys.
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

// isAudience tells whether the token is for this service. The access tokens of Cognito have
// client_id in place of aud (Amazon Cognito developer guide, "Understanding the access token").
func (i *oidc) isAudience(claims jwt.Token) bool {
	audience, _ := claims.Audience()
	if !claims.Has("aud") && claimText(claims, "token_use") == "access" {
		audience = []string{claimText(claims, "client_id")}
	}
	return slices.ContainsFunc(audience, func(a string) bool { return slices.Contains(i.o.Audiences, a) })
}

// checkSubject holds a sub to what OpenID Connect Core 1.0 section 2 allows: at most 255
// characters of ASCII. Control characters would be a line's end in somebody's log.
func checkSubject(sub string) string {
	if sub == "" || len(sub) > 255 || !allBytes(sub, func(c byte) bool { return ' ' < c && c < 0x7f }) {
		return "want 1 to 255 characters of ASCII without spaces"
	}
	return ""
}

// maxRoles bounds what a token makes policies look into.
const maxRoles = 256

// roles are those of the claim, without the issuer's name.
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

// admit makes the token's subject a caller, or says that it has no business here.
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

// withoutForeignRoles drops the roles of a directory that are spelled as those of an issuer.
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
