package access_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/access"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func at(t time.Time) func() time.Time { return func() time.Time { return t } }

func hashOf(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

func newAuthenticator(t testing.TB, o access.Options) *access.Authenticator {
	t.Helper()
	if o.Now == nil {
		o.Now = at(noon)
	}
	a, err := access.NewAuthenticator(o)
	if err != nil {
		t.Fatalf("NewAuthenticator: %v", err)
	}
	return a
}

// request returns a request with the given headers: name, value, name, value…
func request(headers ...string) *http.Request {
	r := &http.Request{Method: "POST", Header: http.Header{}}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

func TestAPIKeyIsAccepted(t *testing.T) {
	a := newAuthenticator(t, access.Options{APIKeys: []access.APIKey{
		{SHA256: hashOf("a key without an id")},
		{ID: "crm-sync", SHA256: strings.ToUpper(hashOf("crm-sync.old")), Expires: noon.Add(time.Second)},
		{ID: "crm-sync", SHA256: hashOf("crm-sync.new")},
		{ID: "long", SHA256: hashOf(strings.Repeat("x", 512))},
	}})
	for _, tt := range []struct {
		name    string
		headers []string
		want    string
	}{
		{"whole key, no id", []string{"X-API-Key", "a key without an id"}, "default"},
		{"as a bearer token", []string{"Authorization", "Bearer a key without an id"}, "default"},
		{"scheme in any case", []string{"Authorization", "bEARER crm-sync.new"}, "crm-sync"},
		{"old key of a rotation", []string{"X-API-Key", "crm-sync.old"}, "crm-sync"},
		{"new key of a rotation", []string{"X-API-Key", "crm-sync.new"}, "crm-sync"},
		{"the longest", []string{"X-API-Key", strings.Repeat("x", 512)}, "long"},
		{"X-API-Key decides", []string{"X-API-Key", "crm-sync.new", "Authorization", "Basic x"}, "crm-sync"},
	} {
		got, err := a.Authenticate(request(tt.headers...))
		if err != nil || got.ID != tt.want || got.Method != access.MethodAPIKey || got.Login != nil {
			t.Errorf("%s: got %+v, %v, want caller %q", tt.name, got, err, tt.want)
		}
	}
}

func TestAPIKeyIsRefused(t *testing.T) {
	a := newAuthenticator(t, access.Options{APIKeys: []access.APIKey{
		{ID: "crm-sync", SHA256: hashOf("crm-sync.old"), Expires: noon},
		{ID: "crm-sync", SHA256: hashOf("crm-sync.new")},
		{ID: "long", SHA256: hashOf(strings.Repeat("x", 513))},
	}})
	for _, tt := range []struct {
		name    string
		headers []string
		want    error
	}{
		{"nothing", nil, access.ErrNoCredentials},
		{"empty key", []string{"X-API-Key", ""}, access.ErrNoCredentials},
		{"empty bearer", []string{"Authorization", "Bearer "}, access.ErrNoCredentials},
		{"at the moment of expiry", []string{"X-API-Key", "crm-sync.old"}, access.ErrBadCredentials},
		{"unknown id", []string{"X-API-Key", "other.new"}, access.ErrBadCredentials},
		{"wrong secret", []string{"X-API-Key", "crm-sync.neW"}, access.ErrBadCredentials},
		{"the hash itself", []string{"X-API-Key", hashOf("crm-sync.new")}, access.ErrBadCredentials},
		{"too long", []string{"X-API-Key", strings.Repeat("x", 513)}, access.ErrBadCredentials},
		{"twice", []string{"X-API-Key", "crm-sync.new", "X-API-Key", "crm-sync.new"}, access.ErrBadCredentials},
		{"Authorization twice", []string{"Authorization", "Bearer crm-sync.new", "Authorization", "Bearer x"}, access.ErrBadCredentials},
		{"Basic", []string{"Authorization", "Basic crm-sync.new"}, access.ErrBadCredentials},
		{
			"bad X-API-Key is not saved by a good bearer",
			[]string{"X-API-Key", "x", "Authorization", "Bearer crm-sync.new"},
			access.ErrBadCredentials,
		},
	} {
		got, err := a.Authenticate(request(tt.headers...))
		if !errors.Is(err, tt.want) || got.ID != "" {
			t.Errorf("%s: got %+v, %v, want %v", tt.name, got, err, tt.want)
		}
	}
}

func TestNewAuthenticatorNamesEveryFault(t *testing.T) {
	_, err := access.NewAuthenticator(access.Options{APIKeys: []access.APIKey{
		{ID: "a.b", SHA256: hashOf("x")},
		{ID: "anonymous", SHA256: hashOf("y")},
		{ID: "c", SHA256: "abc"},
		{ID: "d", SHA256: strings.Repeat("g", 64)},
		{ID: "e", SHA256: hashOf("")},
		{ID: "f", SHA256: hashOf("x")},
	}})
	if err == nil {
		t.Fatal("no fault reported")
	}
	for _, want := range []string{
		"now:", "callers.api_keys[0].id:", "callers.api_keys[1].id:", "callers.api_keys[2].sha256:",
		"callers.api_keys[3].sha256:", "callers.api_keys[4].sha256:", "callers.api_keys[5].sha256: the same key as callers.api_keys[0]",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("faults lack %q:\n%v", want, err)
		}
	}
}

func TestAuthenticationIsOffOnlyIfSaidExplicitly(t *testing.T) {
	if _, err := access.NewAuthenticator(access.Options{Now: at(noon)}); err == nil {
		t.Error("neither callers nor auth: none: accepted")
	}
	if _, err := access.NewAuthenticator(access.Options{Now: at(noon), Auth: "off"}); err == nil {
		t.Error("auth off: accepted")
	}
	keys := []access.APIKey{{SHA256: hashOf("k")}}
	if _, err := access.NewAuthenticator(access.Options{Now: at(noon), Auth: access.AuthNone, APIKeys: keys}); err == nil {
		t.Error("auth: none together with keys: accepted")
	}
	a := newAuthenticator(t, access.Options{Auth: access.AuthNone})
	got, err := a.Authenticate(request())
	if err != nil || got.ID != access.Anonymous || got.Method != access.MethodNone {
		t.Errorf("got %+v, %v, want the anonymous caller", got, err)
	}
}

func TestChallenge(t *testing.T) {
	a := newAuthenticator(t, access.Options{APIKeys: []access.APIKey{{SHA256: hashOf("k")}}})
	if got, want := a.Challenge(access.ErrNoCredentials), `Bearer realm="countersign"`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := a.Challenge(access.ErrBadCredentials), `Bearer realm="countersign", error="invalid_token"`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNewKeyIsAccepted(t *testing.T) {
	key, entry, err := access.NewKey(bytes.NewReader(bytes.Repeat([]byte{7}, 32)), "crm-sync")
	if err != nil {
		t.Fatal(err)
	}
	if want := "crm-sync.BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc"; key != want {
		t.Errorf("key %q, want %q", key, want)
	}
	got, err := newAuthenticator(t, access.Options{APIKeys: []access.APIKey{entry}}).Authenticate(request("X-API-Key", key))
	if err != nil || got.ID != "crm-sync" {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, _, err := access.NewKey(bytes.NewReader(make([]byte, 31)), "crm-sync"); err == nil {
		t.Error("31 random bytes: accepted")
	}
	if _, _, err := access.NewKey(bytes.NewReader(make([]byte, 32)), "a b"); err == nil {
		t.Error("id with a space: accepted")
	}
}

func BenchmarkAPIKey(b *testing.B) {
	keys := []access.APIKey{{ID: "crm-sync", SHA256: hashOf("crm-sync.key")}}
	for i := range 100 {
		keys = append(keys, access.APIKey{ID: "other", SHA256: hashOf(strings.Repeat("x", i+1))})
	}
	a := newAuthenticator(b, access.Options{APIKeys: keys})
	r := request("X-API-Key", "crm-sync.key")
	for b.Loop() {
		if _, err := a.Authenticate(r); err != nil {
			b.Fatal(err)
		}
	}
}

func TestAPIKeyWithoutAnIDHasTheNameInTheKey(t *testing.T) {
	made, entry, err := access.NewKey(bytes.NewReader(bytes.Repeat([]byte{0xfb}, 32)), "my-flow")
	if err != nil {
		t.Fatal(err)
	}
	secret := strings.TrimPrefix(made, "my-flow.")
	for _, test := range []struct{ name, key, want string }{
		{"made by key new", made, "my-flow"},
		{"made elsewhere, with a dot", "tops3cret.rest", "default"},
		{"made elsewhere, without a dot", secret, "default"},
		{"a token of three parts", "eyJhbGciOiJub25lIn0." + made, "default"},
		{"a name that no caller has", "anonymous." + secret, "default"},
		{"a name with a blank", "my flow." + secret, "default"},
		{"one character more", made + "A", "default"},
	} {
		a := newAuthenticator(t, access.Options{APIKeys: []access.APIKey{{SHA256: hashOf(test.key)}}})
		got, err := a.Authenticate(request("X-API-Key", test.key))
		if err != nil || got.ID != test.want {
			t.Errorf("%s: got %q, %v, want %q", test.name, got.ID, err, test.want)
		}
	}
	named := newAuthenticator(t, access.Options{APIKeys: []access.APIKey{{ID: "other", SHA256: entry.SHA256}}})
	if got, err := named.Authenticate(request("X-API-Key", made)); err != nil || got.ID != "other" {
		t.Errorf("the configured name: got %q, %v", got.ID, err)
	}
}
