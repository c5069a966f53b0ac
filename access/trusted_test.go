package access_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"countersign/access"
)

func timeout(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), d)
}

// clientPrincipal returns the platform's document with claims: type, value, type, value…
func clientPrincipal(kind string, claims ...string) string {
	list := []map[string]string{}
	for i := 0; i < len(claims); i += 2 {
		list = append(list, map[string]string{"typ": claims[i], "val": claims[i+1]})
	}
	return base64.StdEncoding.EncodeToString(must(json.Marshal(map[string]any{"auth_typ": kind, "claims": list})))
}

func TestTrustedHeader(t *testing.T) {
	const long = "http://schemas.microsoft.com/identity/claims/"
	a := newAuthenticator(t, access.Options{TrustedHeader: &access.TrustedHeader{Tenant: tenant, Admission: access.Admission{
		Roles: []string{"Sign.Invoke"}, Callers: map[string]string{app: "crm-sync"},
	}}})
	for _, tt := range []struct {
		name, header string
		want         error // nil if the caller is crm-sync
	}{
		{"short names", clientPrincipal("aad", "appid", app, "oid", object, "tid", tenant, "roles", "Sign.Invoke"), nil},
		{
			"long names",
			clientPrincipal("aad", "azp", app, long+"objectidentifier", object, long+"tenantid", tenant, "roles", "x", "roles", "Sign.Invoke"),
			nil,
		},
		{"no role", clientPrincipal("aad", "appid", app, "tid", tenant), access.ErrForbidden},
		{
			"a person", clientPrincipal("aad", "appid", app, "oid", object, "tid", tenant, "roles", "Sign.Invoke", long+"scope", "x"),
			access.ErrForbidden,
		},
		{"another tenant", clientPrincipal("aad", "appid", app, "tid", object, "roles", "Sign.Invoke"), access.ErrBadCredentials},
		{"no tenant", clientPrincipal("aad", "appid", app, "roles", "Sign.Invoke"), access.ErrBadCredentials},
		{
			"two applications", clientPrincipal("aad", "appid", app, "azp", object, "tid", tenant, "roles", "Sign.Invoke"),
			access.ErrBadCredentials,
		},
		{"no application", clientPrincipal("aad", "oid", object, "tid", tenant, "roles", "Sign.Invoke"), access.ErrBadCredentials},
		{"another provider", clientPrincipal("facebook", "appid", app, "tid", tenant, "roles", "Sign.Invoke"), access.ErrBadCredentials},
		{"not base64", "{}", access.ErrBadCredentials},
		{"not JSON", base64.StdEncoding.EncodeToString([]byte("x")), access.ErrBadCredentials},
		{"too long", strings.Repeat("A", 33<<10), access.ErrBadCredentials},
	} {
		got, err := a.Authenticate(request("X-MS-CLIENT-PRINCIPAL", tt.header, "Authorization", "Bearer of.the.platform"))
		if !errors.Is(err, tt.want) || (tt.want == nil) != (got.ID == "crm-sync") {
			t.Errorf("%s: got %+v, %v, want %v", tt.name, got, err, tt.want)
		}
	}
}

func TestTrustedHeaderIsOffByDefault(t *testing.T) {
	header := clientPrincipal("aad", "appid", app, "oid", object, "tid", tenant, "roles", "Sign.Invoke")
	r := request("X-MS-CLIENT-PRINCIPAL", header, "X-MS-CLIENT-PRINCIPAL-ID", object)
	a := newAuthenticator(t, access.Options{APIKeys: []access.APIKey{{SHA256: hashOf("k")}}, Entra: directory().entra()})
	if got, err := a.Authenticate(r); !errors.Is(err, access.ErrNoCredentials) || got.ID != "" {
		t.Errorf("got %+v, %v, want %v", got, err, access.ErrNoCredentials)
	}
	twice := newAuthenticator(
		t,
		access.Options{TrustedHeader: &access.TrustedHeader{Tenant: tenant, Admission: access.Admission{Roles: []string{"Sign.Invoke"}}}},
	)
	r.Header.Add("X-MS-CLIENT-PRINCIPAL", header)
	if _, err := twice.Authenticate(r); !errors.Is(err, access.ErrBadCredentials) {
		t.Errorf("given twice: got %v, want %v", err, access.ErrBadCredentials)
	}
	if _, err := access.NewAuthenticator(access.Options{Now: at(noon), TrustedHeader: &access.TrustedHeader{}}); err == nil {
		t.Error("without tenant and roles: accepted")
	}
}
