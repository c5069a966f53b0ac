package access_test

import (
	"bytes"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"countersign/access"
)

const (
	tenant  = "11111111-2222-3333-4444-555555555555"
	app     = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
	object  = "99999999-8888-7777-6666-555555555555"
	issuer1 = "https://sts.windows.net/" + tenant + "/"
	issuer2 = "https://login.microsoftonline.com/" + tenant + "/v2.0"
)

// issuer is a directory that signs tokens and serves its keys.
type issuer struct {
	key      *rsa.PrivateKey
	kid      string
	fetches  atomic.Int64
	response func() (int, []byte) // replaces the keys if set
	delay    time.Duration
}

var newIssuer = sync.OnceValue(func() *issuer {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return &issuer{key: key, kid: "key-1"}
})

// directory returns an issuer for one test, with the shared key.
func directory() *issuer { return &issuer{key: newIssuer().key, kid: "key-1"} }

func (i *issuer) RoundTrip(r *http.Request) (*http.Response, error) {
	i.fetches.Add(1)
	time.Sleep(i.delay)
	status, body := 200, i.keys()
	if i.response != nil {
		status, body = i.response()
	}
	if status == 0 {
		return nil, errors.New("connection refused")
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body)), Request: r}, nil
}

func (i *issuer) keys() []byte {
	return must(json.Marshal(map[string]any{"keys": []any{map[string]any{
		"kty": "RSA", "use": "sig", "kid": i.kid,
		"n": b64(i.key.N.Bytes()), "e": b64(big.NewInt(int64(i.key.E)).Bytes()),
	}}}))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

type claims = map[string]any

func goodHeader() claims { return claims{"alg": "RS256", "typ": "JWT", "kid": "key-1"} }

func goodClaims(now time.Time) claims {
	return claims{
		"iss": issuer1, "aud": "api://countersign", "tid": tenant, "ver": "1.0", "appid": app, "oid": object,
		"roles": []string{"Sign.Invoke"}, "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
}

func version2(c claims) claims {
	delete(c, "appid")
	c["iss"], c["ver"], c["azp"] = issuer2, "2.0", app
	return c
}

func (i *issuer) sign(header, payload any) string {
	text := b64(must(json.Marshal(header))) + "." + b64(must(json.Marshal(payload)))
	sum := sha256.Sum256([]byte(text))
	return text + "." + b64(must(rsa.SignPKCS1v15(nil, i.key, crypto.SHA256, sum[:])))
}

func (i *issuer) entra() *access.Entra {
	return &access.Entra{
		Tenant: tenant, Audiences: []string{"api://countersign"}, Transport: i,
		Admission: access.Admission{Roles: []string{"Sign.Invoke", "Sign.Admin"}, Callers: map[string]string{app: "crm-sync"}},
	}
}

func bearer(token string) *http.Request { return request("Authorization", "Bearer "+token) }

func with(base claims, pairs ...any) claims {
	c := maps.Clone(base)
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == nil {
			delete(c, pairs[i].(string))
			continue
		}
		c[pairs[i].(string)] = pairs[i+1]
	}
	return c
}

func TestEntraTokenIsAccepted(t *testing.T) {
	i := directory()
	a := newAuthenticator(t, access.Options{Entra: i.entra()})
	good := goodClaims(noon)
	for _, tt := range []struct {
		name string
		c    claims
	}{
		{"version 1.0", good},
		{"version 2.0", version2(maps.Clone(good))},
		{"another of the roles", with(good, "roles", []string{"x", "Sign.Admin"})},
		{"ended within the skew", with(good, "exp", noon.Add(-59*time.Second).Unix())},
		{"begins within the skew", with(good, "nbf", noon.Add(59*time.Second).Unix())},
		{"says that it is an application", with(good, "idtyp", "app")},
		{"one audience as an array", with(good, "aud", []string{"api://countersign"})},
	} {
		got, err := a.Authenticate(bearer(i.sign(goodHeader(), tt.c)))
		if err != nil || got.ID != "crm-sync" || got.Method != access.MethodEntra || got.Application != app || got.Object != object {
			t.Errorf("%s: got %+v, %v", tt.name, got, err)
		}
		if l := got.Login; l == nil || l.Issuer != tt.c["iss"] || l.Expires.Unix() != tt.c["exp"] || !l.Audience {
			t.Errorf("%s: no token: %+v", tt.name, got)
		}
	}
	if n := i.fetches.Load(); n != 1 {
		t.Errorf("%d fetches of keys, want 1", n)
	}
}

func TestEntraCallerIsTheApplicationOrTheUser(t *testing.T) {
	i := directory()
	e := i.entra()
	e.Callers = nil
	e.Users = true
	a := newAuthenticator(t, access.Options{Entra: e})
	for _, tt := range []struct {
		name, want string
		c          claims
	}{
		{"application", app, goodClaims(noon)},
		{"person", object, with(goodClaims(noon), "scp", "user_impersonation")},
		{"person by idtyp", object, with(goodClaims(noon), "idtyp", "user")},
	} {
		got, err := a.Authenticate(bearer(i.sign(goodHeader(), tt.c)))
		if err != nil || got.ID != tt.want {
			t.Errorf("%s: got %+v, %v, want %q", tt.name, got, err, tt.want)
		}
	}
}

// badTokensOf returns tokens that any issuer's verifier must refuse, each for one reason. They are made from a good
// header and good claims; name is one of the claims.
func badTokensOf(i *issuer, h, c claims, name string) map[string]string {
	good := i.sign(h, c)
	part := strings.Split(good, ".")
	unsigned := func(header claims) string {
		return b64(must(json.Marshal(header))) + "." + part[1] + "."
	}
	mac := func(alg string, key []byte) string {
		text := b64(must(json.Marshal(with(h, "alg", alg)))) + "." + part[1]
		m := hmac.New(sha256.New, key)
		m.Write([]byte(text))
		return text + "." + b64(m.Sum(nil))
	}
	other := &issuer{key: must(rsa.GenerateKey(rand.Reader, 2048)), kid: "key-1"}
	publicDER := must(x509.MarshalPKIXPublicKey(&i.key.PublicKey))
	ownKey := claims{"kty": "RSA", "n": b64(other.key.N.Bytes()), "e": "AQAB", "kid": "key-1"}
	flipped := []byte(part[2])
	flipped[10] ^= 1

	bad := map[string]string{
		"alg none":                     unsigned(with(h, "alg", "none")),
		"alg None":                     unsigned(with(h, "alg", "None")),
		"alg none with a signature":    b64(must(json.Marshal(with(h, "alg", "none")))) + "." + part[1] + "." + part[2],
		"no alg":                       i.sign(with(h, "alg", nil), c),
		"HS256 with the public key":    mac("HS256", publicDER),
		"HS256 with the modulus":       mac("HS256", i.key.N.Bytes()),
		"HS256 with the JWKS":          mac("HS256", i.keys()),
		"HS256 with an empty key":      mac("HS256", nil),
		"RS256 over an HMAC":           mac("RS256", publicDER),
		"alg RS512":                    i.sign(with(h, "alg", "RS512"), c),
		"alg RS384":                    i.sign(with(h, "alg", "RS384"), c),
		"alg PS256":                    i.sign(with(h, "alg", "PS256"), c),
		"alg ES256":                    i.sign(with(h, "alg", "ES256"), c),
		"alg EdDSA":                    i.sign(with(h, "alg", "EdDSA"), c),
		"alg rs256":                    i.sign(with(h, "alg", "rs256"), c),
		"alg as a list":                i.sign(with(h, "alg", []string{"RS256"}), c),
		"another's key, our kid":       other.sign(h, c),
		"another's key in jwk":         other.sign(with(h, "jwk", ownKey), c),
		"another's key in jwk, no kid": other.sign(with(h, "jwk", ownKey, "kid", nil), c),
		"another's key by jku":         other.sign(with(h, "jku", "https://attacker.example/keys", "kid", "theirs"), c),
		"another's key by x5u":         other.sign(with(h, "x5u", "https://attacker.example/cert", "kid", "theirs"), c),
		"another's key by x5c":         other.sign(with(h, "x5c", []string{base64.StdEncoding.EncodeToString(publicDER)}), c),
		"no kid":                       i.sign(with(h, "kid", nil), c),
		"empty kid":                    i.sign(with(h, "kid", ""), c),
		"kid is a path":                i.sign(with(h, "kid", "../../../dev/null"), c),
		"kid is a statement":           i.sign(with(h, "kid", "' UNION SELECT 'x"), c),
		"kid of another":               i.sign(with(h, "kid", "key-2"), c),
		"kid very long":                i.sign(with(h, "kid", strings.Repeat("k", 4000)), c),
		"kid as a number":              i.sign(with(h, "kid", 1), c),
		"crit":                         i.sign(with(h, "crit", []string{"exp"}), c),
		"b64 false":                    i.sign(with(h, "b64", false, "crit", []string{"b64"}), c),
		"nested":                       i.sign(with(h, "cty", "JWT"), c),
		"typ of another kind":          i.sign(with(h, "typ", "secevent+jwt"), c),
		"signature flipped":            part[0] + "." + part[1] + "." + string(flipped),
		"signature cut":                part[0] + "." + part[1] + "." + part[2][:20],
		"signature empty":              part[0] + "." + part[1] + ".",
		"signature of another token":   part[0] + "." + b64(must(json.Marshal(with(c, name, object)))) + "." + part[2],
		"header exchanged":             b64(must(json.Marshal(with(h, "x", 1)))) + "." + part[1] + "." + part[2],
		"claims not base64":            part[0] + ".%%%." + part[2],
		"claims not JSON":              i.sign(h, "text"),
		"claims an array":              i.sign(h, []string{"x"}),
		"too long":                     i.sign(h, with(c, "pad", strings.Repeat("x", 20000))),
		"expired":                      i.sign(h, with(c, "exp", noon.Add(-61*time.Second).Unix())),
		"expired long ago":             i.sign(h, with(c, "exp", 1)),
		"no exp":                       i.sign(h, with(c, "exp", nil)),
		"exp as text":                  i.sign(h, with(c, "exp", "tomorrow")),
		"not yet":                      i.sign(h, with(c, "nbf", noon.Add(61*time.Second).Unix())),
		"issued in the future":         i.sign(h, with(c, "iat", noon.Add(time.Hour).Unix())),
		"two dots and nothing":         "..",
		"four parts":                   good + ".x",
		"a JWS in JSON": `{"payload":"` + part[1] + `","signatures":[{"protected":"` + part[0] + `","signature":"` +
			part[2] + `"}]}`,
	}
	return bad
}

// badTokens returns tokens that must be refused, each for one reason.
func badTokens(i *issuer) map[string]string {
	h, c := goodHeader(), goodClaims(noon)
	bad := badTokensOf(i, h, c, "appid")
	maps.Copy(bad, map[string]string{
		"no iss":                      i.sign(h, with(c, "iss", nil)),
		"iss without its slash":       i.sign(h, with(c, "iss", strings.TrimSuffix(issuer1, "/"))),
		"iss of version 2.0, ver 1.0": i.sign(h, with(c, "iss", issuer2)),
		"iss of version 1.0, ver 2.0": i.sign(h, with(c, "ver", "2.0")),
		"iss of another tenant":       i.sign(h, with(c, "iss", strings.Replace(issuer1, "1111", "2222", 1))),
		"iss that begins right":       i.sign(h, with(c, "iss", issuer1+"evil")),
		"iss of the common endpoint":  i.sign(h, with(c, "iss", "https://login.microsoftonline.com/common/v2.0", "ver", "2.0")),
		"iss as http":                 i.sign(h, with(c, "iss", strings.Replace(issuer1, "https", "http", 1))),
		"iss in capitals":             i.sign(h, with(c, "iss", strings.ToUpper(issuer1))),
		"no ver":                      i.sign(h, with(c, "ver", nil)),
		"no tid":                      i.sign(h, with(c, "tid", nil)),
		"tid of another tenant":       i.sign(h, with(c, "tid", object)),
		"tid as a list":               i.sign(h, with(c, "tid", []string{tenant})),
		"no aud":                      i.sign(h, with(c, "aud", nil)),
		"aud of another":              i.sign(h, with(c, "aud", "https://management.azure.com/")),
		"aud with a slash more":       i.sign(h, with(c, "aud", "api://countersign/")),
		"aud in capitals":             i.sign(h, with(c, "aud", "API://COUNTERSIGN")),
		"aud among others":            i.sign(h, with(c, "aud", []string{"api://countersign", "https://graph.microsoft.com"})),
		"no appid":                    i.sign(h, with(c, "appid", nil)),
		"appid not a GUID":            i.sign(h, with(c, "appid", "crm-sync")),
		"appid and azp":               i.sign(h, with(c, "azp", object)),
		"azp in version 1.0":          i.sign(h, with(c, "azp", app, "appid", nil)),
		"appid in version 2.0":        i.sign(h, with(version2(maps.Clone(c)), "appid", app, "azp", nil)),
		"oid not a GUID":              i.sign(h, with(c, "oid", "root")),
	})
	return bad
}

func TestEntraTokenIsRefused(t *testing.T) {
	i := directory()
	checkRefused(t, newAuthenticator(t, access.Options{Entra: i.entra()}), i.sign(goodHeader(), goodClaims(noon)), badTokens(i))
}

// checkRefused checks that the good token is accepted and that all bad ones are refused.
func checkRefused(t *testing.T, a *access.Authenticator, good string, bad map[string]string) {
	t.Helper()
	if len(bad) < 60 {
		t.Fatalf("%d cases, want 60 at least", len(bad))
	}
	if _, err := a.Authenticate(bearer(good)); err != nil {
		t.Fatalf("the good token is refused: %v", err)
	}
	for name, token := range bad {
		got, err := a.Authenticate(bearer(token))
		if !errors.Is(err, access.ErrBadCredentials) || got.ID != "" {
			t.Errorf("%s: got %+v, %v, want %v", name, got, err, access.ErrBadCredentials)
		}
		if err != nil && len(token) > 40 && strings.Contains(err.Error(), token[:40]) {
			t.Errorf("%s: the error holds the token: %v", name, err)
		}
	}
}

func TestEntraCallerWithoutRoleIsForbidden(t *testing.T) {
	i := directory()
	a := newAuthenticator(t, access.Options{Entra: i.entra()})
	for name, c := range map[string]claims{
		"no roles":             with(goodClaims(noon), "roles", nil),
		"another role":         with(goodClaims(noon), "roles", []string{"Sign.Invoke2"}),
		"role in another case": with(goodClaims(noon), "roles", []string{"sign.invoke"}),
		"roles as text":        with(goodClaims(noon), "roles", "Sign.Invoke"),
		"a person":             with(goodClaims(noon), "scp", "user_impersonation"),
		"an empty scope":       with(goodClaims(noon), "scp", ""),
		"idtyp of a person":    with(goodClaims(noon), "idtyp", "user"),
	} {
		if got, err := a.Authenticate(bearer(i.sign(goodHeader(), c))); !errors.Is(err, access.ErrForbidden) || got.ID != "" {
			t.Errorf("%s: got %+v, %v, want %v", name, got, err, access.ErrForbidden)
		}
	}
}

func TestEntra_CorrectableRefusalsHaveTheirOwnErrors(t *testing.T) {
	i := directory()
	a := newAuthenticator(t, access.Options{Entra: i.entra()})
	for name, test := range map[string]struct {
		claims claims
		want   error
	}{
		"expired":          {with(goodClaims(noon), "exp", noon.Add(-time.Hour).Unix()), access.ErrTokenTime},
		"not valid yet":    {with(goodClaims(noon), "nbf", noon.Add(time.Hour).Unix()), access.ErrTokenTime},
		"another audience": {with(goodClaims(noon), "aud", "https://management.azure.com/"), access.ErrTokenAudience},
		"a person":         {with(goodClaims(noon), "scp", "user_impersonation"), access.ErrPerson},
		"no role":          {with(goodClaims(noon), "roles", nil), access.ErrNoRole},
	} {
		if _, err := a.Authenticate(bearer(i.sign(goodHeader(), test.claims))); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", name, err, test.want)
		}
	}
}

func TestRun_RetriesAtOnceAndThenLessOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := directory()
		i.response = func() (int, []byte) { return 0, nil }
		a := newAuthenticator(t, access.Options{Entra: i.entra(), Now: time.Now})
		go a.Run(t.Context())
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := i.fetches.Load(); got != 6 { // after 1, 3, 7, 15 and 31 seconds, and not again before 61
			t.Errorf("%d fetches in a minute, want 6", got)
		}
	})
}

func TestBadTokensCauseOneFetchInFiveMinutes(t *testing.T) {
	many := int64(10_000)
	if testing.Short() {
		many = 1_000
	}
	for _, tt := range []struct {
		name     string
		bad      int64
		response func() (int, []byte)
	}{
		{"keys are served", many, nil},
		{"the issuer is down", 500, func() (int, []byte) { return 0, nil }},
		{"the issuer responds with an error", 500, func() (int, []byte) { return 500, directory().keys() }},
		{"the issuer responds with a page", 500, func() (int, []byte) { return 200, []byte("<html>") }},
		{"the issuer responds without end", 500, func() (int, []byte) {
			return 200, append(directory().keys(), bytes.Repeat([]byte(" "), 256<<10)...)
		}},
		{"the issuer redirects", 500, func() (int, []byte) { return 302, directory().keys() }},
		{"the issuer has no keys", 500, func() (int, []byte) { return 200, []byte(`{"keys":[]}`) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := directory()
				i.response, i.delay = tt.response, time.Millisecond
				a := newAuthenticator(t, access.Options{Entra: i.entra(), Now: time.Now})
				body := goodClaims(time.Now())
				good := strings.Split(i.sign(goodHeader(), body), ".")
				var refused atomic.Int64
				var workers sync.WaitGroup
				for w := range 10 {
					workers.Go(func() {
						for n := range tt.bad / 10 {
							header := b64(must(json.Marshal(with(goodHeader(), "kid", fmt.Sprintf("unknown-%d-%d", w, n)))))
							if _, err := a.Authenticate(bearer(header + "." + good[1] + "." + good[2])); err != nil {
								refused.Add(1)
							}
							time.Sleep(299 * time.Second / time.Duration(tt.bad/10)) // all within five minutes of the first
						}
					})
				}
				workers.Wait()
				_, err := a.Authenticate(bearer(strings.Join(good, ".")))
				if served := tt.response == nil; served != (err == nil) {
					t.Errorf("a good token: %v", err)
				}
				if refused.Load() != tt.bad || i.fetches.Load() != 1 {
					t.Errorf("%d of %d refused, %d fetches of keys, want 1", refused.Load(), tt.bad, i.fetches.Load())
				}
			})
		})
	}
}

func TestSigningKeysOutliveTheirIssuerForADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := directory()
		a := newAuthenticator(t, access.Options{Entra: i.entra(), Now: time.Now})
		call := func() error {
			_, err := a.Authenticate(bearer(i.sign(goodHeader(), goodClaims(time.Now()))))
			synctest.Wait()
			return err
		}
		if err := call(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(61 * time.Minute)
		if err := call(); err != nil || i.fetches.Load() != 2 {
			t.Fatalf("after an hour: %v, %d fetches, want a second one", err, i.fetches.Load())
		}
		i.response = func() (int, []byte) { return 0, nil }
		for hour := 1; hour <= 24; hour++ {
			time.Sleep(time.Hour)
			if err := call(); err != nil {
				t.Fatalf("after %d hours: %v", hour, err)
			}
		}
		time.Sleep(time.Second)
		if err := call(); !errors.Is(err, access.ErrUnavailable) {
			t.Errorf("after a day: got %v, want %v", err, access.ErrUnavailable)
		}
		i.response = nil
		time.Sleep(5 * time.Minute)
		if err := call(); err != nil {
			t.Errorf("after the issuer came back: %v", err)
		}
	})
}

func TestNewSigningKeyIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := directory()
		a := newAuthenticator(t, access.Options{Entra: i.entra(), Now: time.Now})
		call := func(kid string) error {
			_, err := a.Authenticate(bearer(i.sign(with(goodHeader(), "kid", kid), goodClaims(time.Now()))))
			return err
		}
		if err := call("key-1"); err != nil {
			t.Fatal(err)
		}
		i.kid = "key-2"
		if err := call("key-2"); !errors.Is(err, access.ErrBadCredentials) {
			t.Errorf("within five minutes: got %v, want %v", err, access.ErrBadCredentials)
		}
		time.Sleep(5 * time.Minute)
		if err := call("key-2"); err != nil {
			t.Errorf("after five minutes: %v", err)
		}
		if err := call("key-1"); !errors.Is(err, access.ErrBadCredentials) {
			t.Errorf("the withdrawn key: got %v, want %v", err, access.ErrBadCredentials)
		}
	})
}

func TestRunKeepsSigningKeysFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := directory()
		var down atomic.Bool
		down.Store(true)
		i.response = func() (int, []byte) {
			if down.Load() {
				return 0, nil
			}
			return 200, i.keys()
		}
		a := newAuthenticator(t, access.Options{Entra: i.entra(), Now: time.Now})
		go a.Run(t.Context())
		synctest.Wait()
		down.Store(false)
		time.Sleep(time.Second)
		synctest.Wait()
		if _, err := a.Authenticate(bearer(i.sign(goodHeader(), goodClaims(time.Now())))); err != nil {
			t.Errorf("a second after the first failure: %v", err)
		}
		before := i.fetches.Load()
		time.Sleep(24*time.Hour + time.Minute)
		synctest.Wait()
		if n := i.fetches.Load() - before; n != 24 {
			t.Errorf("%d fetches in a day, want 24", n)
		}
	})
}

func TestWaitingForKeysEndsWithTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := directory()
		i.delay = 9 * time.Second
		a := newAuthenticator(t, access.Options{Entra: i.entra(), Now: time.Now})
		r := bearer(i.sign(goodHeader(), goodClaims(time.Now())))
		ctx, cancel := timeout(t, time.Second)
		defer cancel()
		if _, err := a.Authenticate(r.WithContext(ctx)); !errors.Is(err, access.ErrUnavailable) {
			t.Errorf("got %v, want %v", err, access.ErrUnavailable)
		}
		if _, err := a.Authenticate(r); err != nil {
			t.Errorf("the fetch should go on for others: %v", err)
		}
	})
}

func TestWeakAndForeignSigningKeysAreLeftOut(t *testing.T) {
	i := directory()
	weak := must(rsa.GenerateKey(rand.Reader, 1024))
	jwk := func(kid, use string, key *rsa.PrivateKey) claims {
		return claims{"kty": "RSA", "use": use, "kid": kid, "n": b64(key.N.Bytes()), "e": "AQAB"}
	}
	i.response = func() (int, []byte) {
		return 200, must(json.Marshal(claims{"keys": []any{
			jwk("weak", "sig", weak), jwk("enc", "enc", i.key), jwk("", "sig", i.key), jwk("key-1", "sig", i.key),
			claims{"kty": "oct", "kid": "secret", "k": "AAAA"},
		}}))
	}
	a := newAuthenticator(t, access.Options{Entra: i.entra()})
	for kid, key := range map[string]*rsa.PrivateKey{"weak": weak, "enc": i.key, "secret": i.key} {
		token := (&issuer{key: key}).sign(with(goodHeader(), "kid", kid), goodClaims(noon))
		if _, err := a.Authenticate(bearer(token)); !errors.Is(err, access.ErrBadCredentials) {
			t.Errorf("key %s: got %v, want %v", kid, err, access.ErrBadCredentials)
		}
	}
	if _, err := a.Authenticate(bearer(i.sign(goodHeader(), goodClaims(noon)))); err != nil {
		t.Errorf("the good key among them: %v", err)
	}
}

func TestEntraOptionsAreChecked(t *testing.T) {
	_, err := access.NewAuthenticator(access.Options{Now: at(noon), Entra: &access.Entra{
		Tenant: "contoso.onmicrosoft.com", Audiences: []string{" "}, KeysURL: "http://keys.example/",
		Admission: access.Admission{Callers: map[string]string{"x": "crm", app: "anonymous"}},
	}})
	if err == nil {
		t.Fatal("no fault reported")
	}
	for _, want := range []string{
		"callers.entra.tenant:", "callers.entra.audience:", "callers.entra.keys_url:", "callers.entra.roles:",
		`callers.entra.callers: "x"`, "callers.entra.callers." + app,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("faults lack %q:\n%v", want, err)
		}
	}
}

func TestKeysAndTokensAtOnce(t *testing.T) {
	i := directory()
	a := newAuthenticator(t, access.Options{Entra: i.entra(), APIKeys: []access.APIKey{{ID: "laptop", SHA256: hashOf("laptop.key")}}})
	for name, tt := range map[string]struct {
		r    *http.Request
		want string
	}{
		"key":                {request("Authorization", "Bearer laptop.key"), "laptop"},
		"token":              {bearer(i.sign(goodHeader(), goodClaims(noon))), "crm-sync"},
		"key before a token": {request("X-API-Key", "laptop.key", "Authorization", "Bearer a.b.c"), "laptop"},
	} {
		if got, err := a.Authenticate(tt.r); err != nil || got.ID != tt.want {
			t.Errorf("%s: got %+v, %v, want %q", name, got, err, tt.want)
		}
	}
}
