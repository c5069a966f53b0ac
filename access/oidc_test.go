package access_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha512"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/access"
)

const shopIssuer = "https://shop.auth0.example/"

// provider is an OpenID Connect issuer that serves its configuration and its keys.
type provider struct {
	*issuer
	configuration map[string]any
	extraKeys     []any
}

func newProvider() *provider {
	return &provider{issuer: directory(), configuration: map[string]any{"issuer": shopIssuer, "jwks_uri": "https://keys.auth0.example/shop"}}
}

func (p *provider) RoundTrip(r *http.Request) (*http.Response, error) {
	if p.response != nil {
		return p.issuer.RoundTrip(r)
	}
	p.fetches.Add(1)
	var body []byte
	switch r.URL.String() {
	case shopIssuer + ".well-known/openid-configuration":
		body = must(json.Marshal(p.configuration))
	case "https://keys.auth0.example/shop":
		var set struct {
			Keys []any `json:"keys"`
		}
		if err := json.Unmarshal(p.keys(), &set); err != nil {
			return nil, err
		}
		body = must(json.Marshal(map[string]any{"keys": append(set.Keys, p.extraKeys...)}))
	default:
		return nil, errors.New("nobody serves " + r.URL.String())
	}
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body)), Request: r}, nil
}

func (p *provider) oidc() access.OIDC {
	return access.OIDC{
		Name: "shop", Issuer: shopIssuer, Audiences: []string{"client-1", "client-2"}, RolesClaim: "groups", Roles: []string{"signers"},
		Callers: map[string]string{"robot@clients": "robot"}, Transport: p,
	}
}

func shopClaims(now time.Time) claims {
	return claims{
		"iss": shopIssuer, "aud": "client-1", "sub": "auth0|5f7c", "groups": []string{"staff", "signers"},
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
}

func TestOIDC_TokensAreAccepted(t *testing.T) {
	p := newProvider()
	a := newAuthenticator(t, access.Options{OIDC: []access.OIDC{p.oidc()}})
	good := shopClaims(noon)
	for name, test := range map[string]struct {
		header, claims claims
		id, roles      string
	}{
		"an ID token":        {goodHeader(), good, "shop:auth0|5f7c", "shop:staff shop:signers"},
		"an access token":    {with(goodHeader(), "typ", "at+jwt"), good, "shop:auth0|5f7c", "shop:staff shop:signers"},
		"no typ":             {with(goodHeader(), "typ", nil), good, "shop:auth0|5f7c", "shop:staff shop:signers"},
		"the other audience": {goodHeader(), with(good, "aud", "client-2"), "shop:auth0|5f7c", "shop:staff shop:signers"},
		"an audience among others": {
			goodHeader(), with(good, "aud", []string{"x", "client-1"}), "shop:auth0|5f7c",
			"shop:staff shop:signers",
		},
		"roles in a text":               {goodHeader(), with(good, "groups", "signers other"), "shop:auth0|5f7c", "shop:signers shop:other"},
		"a caller with a name, no role": {goodHeader(), with(good, "sub", "robot@clients", "groups", nil), "robot", ""},
		"an access token of Cognito": {
			goodHeader(), with(good, "aud", nil, "token_use", "access", "client_id", "client-1"), "shop:auth0|5f7c", "shop:staff shop:signers",
		},
	} {
		got, err := a.Authenticate(bearer(p.sign(test.header, test.claims)))
		if l := got.Login; l == nil || l.Issuer != shopIssuer || l.Subject != test.claims["sub"] || !l.Expires.Equal(noon.Add(time.Hour)) ||
			l.Audience != (test.claims["aud"] != nil) || l.Text() == "" {
			t.Errorf("%s: no token: %+v", name, got)
		}
		if err != nil || got.ID != test.id || got.Method != access.MethodOIDC || got.Issuer != "shop" ||
			strings.Join(got.Roles, " ") != test.roles {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
	if n := p.fetches.Load(); n != 2 {
		t.Errorf("%d requests to the issuer, want 2: its configuration and its keys", n)
	}
}

func TestOIDC_RolesAreFoundWhereIssuersPutThem(t *testing.T) {
	for claim, value := range map[string]any{
		"cognito:groups":             []string{"signers"},
		"https://shop.example/roles": []string{"signers"},
		"scope":                      "openid signers",
		"realm_access.roles":         claims{"roles": []string{"signers"}},
		"resource_access.api.roles":  claims{"api": claims{"roles": []string{"signers"}}},
	} {
		p := newProvider()
		o := p.oidc()
		o.RolesClaim = claim
		a := newAuthenticator(t, access.Options{OIDC: []access.OIDC{o}})
		top, _, nested := strings.Cut(claim, ".")
		if _, isObject := value.(claims); !nested || !isObject {
			top = claim
		}
		got, err := a.Authenticate(bearer(p.sign(goodHeader(), with(shopClaims(noon), "groups", nil, top, value))))
		if err != nil || got.ID != "shop:auth0|5f7c" {
			t.Errorf("%s: got %+v, %v", claim, got, err)
		}
		for _, other := range []any{nil, "x", 1, []any{1}, claims{"roles": 1}, claims{"api": nil}} {
			got, err := a.Authenticate(bearer(p.sign(goodHeader(), with(shopClaims(noon), "groups", nil, top, other))))
			if !errors.Is(err, access.ErrNoRole) {
				t.Errorf("%s is %v: got %+v, %v, want %v", claim, other, got, err, access.ErrNoRole)
			}
		}
	}
}

// The issuer has an EC and an Ed25519 key next to the RSA key. Each works only with its own algorithm.
func TestOIDC_KeysOfEachKind(t *testing.T) {
	p := newProvider()
	p256, p384 := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	edPublic, edPrivate, _ := ed25519.GenerateKey(rand.Reader)
	ec := func(kid, curve string, key *ecdsa.PublicKey) any {
		point := must(key.Bytes())[1:]
		return claims{"kty": "EC", "kid": kid, "crv": curve, "x": b64(point[:len(point)/2]), "y": b64(point[len(point)/2:])}
	}
	p.extraKeys = []any{
		ec("ec-256", "P-256", &p256.PublicKey), ec("ec-384", "P-384", &p384.PublicKey),
		claims{"kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": b64(edPublic)},
		claims{"kty": "oct", "kid": "hmac", "k": b64([]byte("a key that is no secret any more"))},
		claims{
			"kty": "RSA", "kid": "rsa-pss", "alg": "PS256", "n": b64(p.key.N.Bytes()), "e": "AQAB",
		},
	}
	a := newAuthenticator(t, access.Options{OIDC: []access.OIDC{p.oidc()}})
	token := func(alg, kid string, sign func(text []byte) []byte) string {
		text := b64(must(json.Marshal(with(goodHeader(), "alg", alg, "kid", kid)))) + "." + b64(must(json.Marshal(shopClaims(noon))))
		return text + "." + b64(sign([]byte(text)))
	}
	ecSign := func(key *ecdsa.PrivateKey, hash crypto.Hash, size int) func([]byte) []byte {
		return func(text []byte) []byte {
			h := hash.New()
			h.Write(text)
			r, s, err := ecdsa.Sign(rand.Reader, key, h.Sum(nil))
			if err != nil {
				panic(err)
			}
			return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
		}
	}
	pkcs1 := func(text []byte) []byte {
		sum := sha512.Sum512(text)
		return must(rsa.SignPKCS1v15(nil, p.key, crypto.SHA512, sum[:]))
	}
	for name, test := range map[string]struct {
		token string
		good  bool
	}{
		"ES256":                      {token("ES256", "ec-256", ecSign(p256, crypto.SHA256, 32)), true},
		"ES384":                      {token("ES384", "ec-384", ecSign(p384, crypto.SHA384, 48)), true},
		"EdDSA":                      {token("EdDSA", "ed", func(text []byte) []byte { return ed25519.Sign(edPrivate, text) }), true},
		"RS512":                      {token("RS512", "key-1", pkcs1), true},
		"ES256 with a key of P-384":  {token("ES256", "ec-384", ecSign(p384, crypto.SHA256, 48)), false},
		"ES384 with a key of P-256":  {token("ES384", "ec-256", ecSign(p256, crypto.SHA384, 32)), false},
		"RS512 with a key for PS256": {token("RS512", "rsa-pss", pkcs1), false},
		"ES256 with an RSA key":      {token("ES256", "key-1", ecSign(p256, crypto.SHA256, 32)), false},
		"ES256 with half a signature": {token("ES256", "ec-256",
			func(text []byte) []byte { return ecSign(p256, crypto.SHA256, 32)(text)[:32] }), false},
		"ES256 with a signature of 0":    {token("ES256", "ec-256", func([]byte) []byte { return make([]byte, 64) }), false},
		"HS256 with a key of the issuer": {token("HS256", "hmac", func([]byte) []byte { return make([]byte, 32) }), false},
	} {
		got, err := a.Authenticate(bearer(test.token))
		if (err == nil) != test.good || !test.good && !errors.Is(err, access.ErrBadCredentials) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

// badShopTokens returns tokens that must be refused: all of Entra's that are not about its own claims, and those about
// OpenID Connect's claims.
func badShopTokens(p *provider) map[string]string {
	h, c := goodHeader(), shopClaims(noon)
	bad := map[string]string{}
	for name, token := range badTokensOf(p.issuer, h, c, "groups") {
		bad[name] = token
	}
	for name, edit := range map[string][]any{
		"no iss":                       {"iss", nil},
		"iss without its slash":        {"iss", strings.TrimSuffix(shopIssuer, "/")},
		"iss with two slashes":         {"iss", shopIssuer + "/"},
		"iss as http":                  {"iss", strings.Replace(shopIssuer, "https", "http", 1)},
		"iss in capitals":              {"iss", strings.ToUpper(shopIssuer)},
		"iss that begins right":        {"iss", shopIssuer + "evil"},
		"iss as a list":                {"iss", []string{shopIssuer}},
		"no aud":                       {"aud", nil},
		"aud empty":                    {"aud", ""},
		"aud of another":               {"aud", "client-3"},
		"aud in capitals":              {"aud", "CLIENT-1"},
		"aud an empty list":            {"aud", []string{}},
		"aud that begins right":        {"aud", "client-1,client-9"},
		"client_id in place of aud":    {"aud", nil, "client_id", "client-1"},
		"client_id in an ID token":     {"aud", nil, "client_id", "client-1", "token_use", "id"},
		"client_id beside another aud": {"aud", "client-3", "client_id", "client-1", "token_use", "access"},
		"azp in place of aud":          {"aud", nil, "azp", "client-1"},
		"no sub":                       {"sub", nil},
		"sub empty":                    {"sub", ""},
		"sub a number":                 {"sub", 7},
		"sub a list":                   {"sub", []string{"auth0|5f7c"}},
		"sub with a line's end":        {"sub", "auth0|5f7c\n"},
		"sub with a space":             {"sub", "auth0| 5f7c"},
		"sub with NUL":                 {"sub", "auth0|\x00"},
		"sub outside ASCII":            {"sub", "j\u00fcrgen"},
		"sub too long":                 {"sub", strings.Repeat("s", 256)},
	} {
		bad[name] = p.sign(h, with(c, edit...))
	}
	return bad
}

func TestOIDC_TokensAreRefused(t *testing.T) {
	p := newProvider()
	o := p.oidc()
	o.Everyone, o.Roles = true, nil // so that only the token's fault can be the reason
	a := newAuthenticator(t, access.Options{OIDC: []access.OIDC{o}})
	checkRefused(t, a, p.sign(goodHeader(), shopClaims(noon)), badShopTokens(p))
}

func TestOIDC_CallersWithoutRoleOrNameAreForbidden(t *testing.T) {
	p := newProvider()
	a := newAuthenticator(t, access.Options{OIDC: []access.OIDC{p.oidc()}})
	for name, c := range map[string]claims{
		"no roles":             with(shopClaims(noon), "groups", nil),
		"another role":         with(shopClaims(noon), "groups", []string{"signers2"}),
		"role in another case": with(shopClaims(noon), "groups", []string{"Signers"}),
		"the role's full name": with(shopClaims(noon), "groups", []string{"shop:signers"}),
		"a name's beginning":   with(shopClaims(noon), "groups", nil, "sub", "robot"),
	} {
		if got, err := a.Authenticate(bearer(p.sign(goodHeader(), c))); !errors.Is(err, access.ErrNoRole) || got.ID != "" {
			t.Errorf("%s: got %+v, %v, want %v", name, got, err, access.ErrNoRole)
		}
	}
}

// There are two issuers, Entra ID and an API key, and each tries to pass for another.
func TestOIDC_IssuersCannotSpeakForEachOther(t *testing.T) {
	shop, entra := newProvider(), directory()
	other := &provider{issuer: &issuer{key: must(rsa.GenerateKey(rand.Reader, 2048)), kid: "key-1"}}
	o := shop.oidc()
	second := access.OIDC{Name: "shop2", Issuer: "https://other.example", Audiences: []string{"client-1"}, Everyone: true, Transport: other}
	other.response = func() (int, []byte) {
		if other.fetches.Load() == 1 {
			return 200, must(json.Marshal(claims{"issuer": "https://other.example", "jwks_uri": "https://other.example/keys"}))
		}
		return 200, other.keys()
	}
	e := entra.entra()
	e.Roles = append(e.Roles, "shop:signers", "shopkeeper:x")
	a := newAuthenticator(t, access.Options{OIDC: []access.OIDC{o, second}, Entra: e})
	got, err := a.Authenticate(bearer(entra.sign(goodHeader(),
		with(goodClaims(noon), "roles", []string{"shop:signers", "Sign.Invoke", "shopkeeper:x"}))))
	if err != nil || strings.Join(got.Roles, " ") != "Sign.Invoke shopkeeper:x" {
		t.Errorf("Entra ID gives the roles of an issuer: %+v, %v", got, err)
	}
	mine := with(shopClaims(noon), "iss", "https://other.example")
	got, err = a.Authenticate(bearer(other.sign(goodHeader(), mine)))
	if err != nil || got.ID != "shop2:auth0|5f7c" || got.Issuer != "shop2" {
		t.Errorf("the second issuer's caller is %+v, %v", got, err)
	}
	if got, err := a.Authenticate(bearer(other.sign(goodHeader(), shopClaims(noon)))); !errors.Is(err, access.ErrBadCredentials) {
		t.Errorf("another issuer's key signs for shop: %+v, %v", got, err)
	}
	if got, err := a.Authenticate(bearer(shop.sign(goodHeader(), mine))); !errors.Is(err, access.ErrBadCredentials) {
		t.Errorf("shop's key signs for another issuer: %+v, %v", got, err)
	}
}

func TestOIDC_BadTokensCauseOneFetchInFiveMinutes(t *testing.T) {
	for name, edit := range map[string]func(*provider){
		"keys are served":                      func(*provider) {},
		"the issuer is down":                   func(p *provider) { p.response = func() (int, []byte) { return 0, nil } },
		"the issuer redirects":                 func(p *provider) { p.response = func() (int, []byte) { return 302, nil } },
		"the configuration is of another":      func(p *provider) { p.configuration["issuer"] = "https://evil.example/" },
		"the configuration names http":         func(p *provider) { p.configuration["jwks_uri"] = "http://keys.auth0.example/shop" },
		"the configuration names a file":       func(p *provider) { p.configuration["jwks_uri"] = "file:///etc/passwd" },
		"the configuration names no keys":      func(p *provider) { delete(p.configuration, "jwks_uri") },
		"the configuration is without an end":  func(p *provider) { p.configuration["pad"] = strings.Repeat("x", 256<<10) },
		"the configuration names itself twice": func(p *provider) { p.configuration["issuer"] = []string{shopIssuer, shopIssuer} },
	} {
		p := newProvider()
		edit(p)
		now := noon
		a := newAuthenticator(t, access.Options{OIDC: []access.OIDC{p.oidc()}, Now: func() time.Time { return now }})
		bad := bearer(p.sign(with(goodHeader(), "kid", "other"), shopClaims(noon)))
		tries := 100
		if name == "keys are served" && !testing.Short() {
			tries = 10_000
		}
		for range tries {
			if _, err := a.Authenticate(bad); err == nil {
				t.Fatalf("%s: a bad token is accepted", name)
			}
		}
		if n := p.fetches.Load(); n > 2 {
			t.Errorf("%s: %d requests to the issuer, want 2 at most", name, n)
		}
		now = now.Add(5*time.Minute + time.Second)
		before := p.fetches.Load()
		for range 10 {
			_, _ = a.Authenticate(bad)
		}
		if n := p.fetches.Load() - before; n < 1 || n > 2 {
			t.Errorf("%s: %d requests five minutes later, want 1 or 2", name, n)
		}
	}
}

func TestOIDC_KeysAreKeptByTheNextAuthenticator(t *testing.T) {
	p := newProvider()
	first := newAuthenticator(t, access.Options{OIDC: []access.OIDC{p.oidc()}})
	token := p.sign(goodHeader(), shopClaims(noon))
	if _, err := first.Authenticate(bearer(token)); err != nil {
		t.Fatal(err)
	}
	second := newAuthenticator(t, access.Options{OIDC: []access.OIDC{p.oidc()}, Before: first})
	if _, err := second.Authenticate(bearer(token)); err != nil || p.fetches.Load() != 2 {
		t.Errorf("%v after %d requests to the issuer, want 2", err, p.fetches.Load())
	}
}

func TestOIDC_ConfigurationErrorsNameTheirFields(t *testing.T) {
	good := newProvider().oidc()
	for want, edit := range map[string]func(*access.OIDC){
		"callers.oidc[0].name: want 1 to 32":                  func(o *access.OIDC) { o.Name = "a:b" },
		"callers.oidc[0].issuer: want the https URL":          func(o *access.OIDC) { o.Issuer = "http://shop.example" },
		"callers.oidc[0].audience: required":                  func(o *access.OIDC) { o.Audiences = nil },
		"callers.oidc[0].audience: is empty":                  func(o *access.OIDC) { o.Audiences = []string{" "} },
		"callers.oidc[0].roles_claim: required with roles":    func(o *access.OIDC) { o.RolesClaim = "" },
		"callers.oidc[0].roles: name at least one role":       func(o *access.OIDC) { o.Roles, o.Callers = nil, nil },
		"callers.oidc[0].everyone: admits callers without":    func(o *access.OIDC) { o.Everyone = true },
		`callers.oidc[0].callers: "a b": want 1 to 255`:       func(o *access.OIDC) { o.Callers = map[string]string{"a b": "x"} },
		"callers.oidc[0].callers.a: want 1 to 64 of letters,": func(o *access.OIDC) { o.Callers = map[string]string{"a": "x y"} },
	} {
		o := good
		o.Callers = maps.Clone(good.Callers)
		edit(&o)
		_, err := access.NewAuthenticator(access.Options{OIDC: []access.OIDC{o}, Now: time.Now})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	twice := good
	twice.Name = "other"
	entraToo := good
	entraToo.Name, entraToo.Issuer = "entra", issuer1
	_, err := access.NewAuthenticator(access.Options{
		OIDC: []access.OIDC{good, twice, good, entraToo}, Entra: directory().entra(), Now: time.Now,
	})
	for _, want := range []string{
		`callers.oidc[1].issuer: "` + shopIssuer + `" is listed twice`, `callers.oidc[2].name: "shop" is the name of another issuer`,
		"callers.oidc[3].issuer: is the issuer of callers.entra",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}
