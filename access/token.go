package access

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"countersign/endpoints"
	"countersign/internal/bearer"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/lestrrat-go/jwx/v3/jwt"
)

const (
	maxTokenLength = 16 << 10
	// clockSkew is the tolerance for exp and nbf.
	clockSkew = time.Minute
)

// token authenticates a token's bearer with the issuer that the token names.
func (a *Authenticator) token(r *http.Request, token string) (Caller, error) {
	if len(token) > maxTokenLength {
		return Caller{}, bad("token is too long")
	}
	claims, err := jwt.ParseInsecure([]byte(token))
	if err != nil {
		return Caller{}, bad("token's claims are not readable")
	}
	var caller Caller
	name, _ := claims.Issuer()
	switch issuer := a.issuers[name]; {
	case issuer != nil:
		caller, err = issuer.authenticate(r.Context(), token, claims)
	case a.entra == nil:
		err = bad("token's issuer is not known")
	default:
		caller, err = a.entra.authenticate(r.Context(), token, claims)
		caller = a.withoutForeignRoles(caller)
	}
	if err != nil {
		return Caller{}, err
	}
	subject, _ := claims.Subject()
	expires, _ := claims.Expiration()
	caller.Login = bearer.New(token, name, subject, expires.Truncate(time.Second), claims.Has("aud"))
	return caller, nil
}

// isToken reports whether a credential is a token rather than an API key.
func (a *Authenticator) isToken(credential string) bool {
	return (a.entra != nil || len(a.issuers) > 0) && strings.Count(credential, ".") == 2
}

// headerRule says what a token header may hold.
type headerRule struct {
	algorithms []jwa.SignatureAlgorithm
	types      []string
}

// tokenHeader holds the fields of a token header that matter.
type tokenHeader struct {
	kid       string
	algorithm jwa.SignatureAlgorithm
}

// read reads a token's header (RFC 7515 section 4). It ignores everything there that says where to find keys.
func (rule headerRule) read(token string) (tokenHeader, error) {
	message, err := jws.Parse([]byte(token), jws.WithCompact())
	if err != nil || len(message.Signatures()) != 1 {
		return tokenHeader{}, bad("token is not a compact JWS")
	}
	header := message.Signatures()[0].ProtectedHeaders()
	algorithm, ok := header.Algorithm()
	if !ok || !slices.Contains(rule.algorithms, algorithm) {
		return tokenHeader{}, bad("token's algorithm is not accepted")
	}
	if typ, ok := header.Type(); ok && !slices.ContainsFunc(rule.types, func(t string) bool { return strings.EqualFold(t, typ) }) {
		return tokenHeader{}, bad("token's type is not accepted")
	}
	if header.Has("crit") || header.Has("b64") || header.Has("cty") {
		return tokenHeader{}, bad("token's header has extensions")
	}
	kid, ok := header.KeyID()
	if !ok || kid == "" || len(kid) > 128 {
		return tokenHeader{}, bad("token names no key")
	}
	return tokenHeader{kid, algorithm}, nil
}

// verify checks the token's signature with the issuer's key that the header names.
func (h tokenHeader) verify(ctx context.Context, token string, keys *keySet) error {
	key, err := keys.key(ctx, h.kid)
	if err != nil {
		return err
	}
	if !key.isFor(h.algorithm) {
		return bad("token's algorithm does not match its key")
	}
	if _, err := jws.Verify([]byte(token), jws.WithCompact(), jws.WithKey(h.algorithm, key.public)); err != nil {
		return bad("token's signature is wrong")
	}
	return nil
}

// checkTimes checks a token's exp, which is required, nbf and iat.
func checkTimes(claims jwt.Token, now func() time.Time) error {
	if jwt.Validate(claims, jwt.WithClock(jwt.ClockFunc(now)), jwt.WithAcceptableSkew(clockSkew), jwt.WithRequiredClaim("exp")) != nil {
		return ErrTokenTime
	}
	return nil
}

// checkAudiences returns what is wrong with a list of accepted audiences, or "".
func checkAudiences(list []string) string {
	switch {
	case len(list) == 0:
		return "required"
	case slices.ContainsFunc(list, func(audience string) bool { return strings.TrimSpace(audience) == "" }):
		return "is empty"
	}
	return ""
}

// isKeysURL reports whether keys may be fetched from an address: https, or http on loopback.
func isKeysURL(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http" && endpoints.IsLoopback(u.Hostname()))
}

// claimText returns a claim that is a string, or "".
func claimText(claims jwt.Token, name string) string {
	var s string
	if claims.Get(name, &s) != nil {
		return ""
	}
	return s
}

// claimTexts returns the strings in a claim that is an array.
func claimTexts(claims jwt.Token, name string) []string {
	var list []any
	if claims.Get(name, &list) != nil {
		return nil
	}
	return textsOf(list)
}

func textsOf(list []any) []string {
	var texts []string
	for _, v := range list {
		if s, ok := v.(string); ok {
			texts = append(texts, s)
		}
	}
	return texts
}
