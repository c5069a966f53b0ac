package access_test

import (
	"encoding/base64"
	"errors"
	"slices"
	"testing"
	"time"

	"countersign/access"
)

// Each pair of places for a credential, with different callers in the two. To sign, the first one decides, since
// Authorization may belong to a gateway; a request to be forwarded may not have two keys.
func TestAuthenticate_OfTwoCredentials(t *testing.T) {
	const one, two = "EXAMPLE-key-of-one", "EXAMPLE-key-of-two"
	const sdk = "AWS4-HMAC-SHA256 Credential=any/20150830/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=00"
	a := newAuthenticator(t, access.Options{
		Now:     time.Now,
		APIKeys: []access.APIKey{{ID: "one", SHA256: hashOf(one)}, {ID: "two", SHA256: hashOf(two)}},
		TrustedHeader: &access.TrustedHeader{Tenant: tenant, Admission: access.Admission{
			Roles: []string{"Sign.Invoke"}, Callers: map[string]string{app: "platform"},
		}},
	})
	basic := func(key string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte("any:"+key)) }
	platform := []string{"X-MS-CLIENT-PRINCIPAL", clientPrincipal("aad", "appid", app, "tid", tenant, "roles", "Sign.Invoke")}
	const refused, conflict = "refused", "conflict"
	for _, tt := range []struct {
		name           string
		first, second  []string
		signs, forward string // the caller, or how the request is refused
	}{
		{"X-API-Key, platform", []string{"X-API-Key", one}, platform, "one", "one"},
		{"X-API-Key, Bearer", []string{"X-API-Key", one}, []string{"Authorization", "Bearer " + two}, "one", conflict},
		{"X-API-Key, Basic", []string{"X-API-Key", one}, []string{"Authorization", basic(two)}, "one", conflict},
		{"X-API-Key, SDK", []string{"X-API-Key", one}, []string{"Authorization", sdk, "X-Amz-Security-Token", two}, "one", conflict},
		{"platform, Bearer", platform, []string{"Authorization", "Bearer " + two}, "platform", conflict},
		{"platform, Basic", platform, []string{"Authorization", basic(two)}, "platform", conflict},
		{"platform, SDK", platform, []string{"Authorization", sdk, "X-Amz-Security-Token", two}, "platform", conflict},
		{"platform, its token", platform, []string{"Authorization", "Bearer of.the.platform"}, "platform", "platform"},
		{"platform, SDK without a key", platform, []string{"Authorization", sdk}, "platform", "platform"},
		{"Bearer, Basic", []string{"Authorization", "Bearer " + one}, []string{"Authorization", basic(two)}, refused, conflict},
		{
			"Bearer, SDK",
			[]string{"Authorization", "Bearer " + one},
			[]string{"Authorization", sdk, "X-Amz-Security-Token", two},
			refused, conflict,
		},
		{"Basic, SDK", []string{"Authorization", basic(one)}, []string{"Authorization", sdk, "X-Amz-Security-Token", two}, refused, conflict},
	} {
		r := request(slices.Concat(tt.first, tt.second)...)
		if caller, err := a.Authenticate(r); caller.ID != tt.signs && (tt.signs != refused || !errors.Is(err, access.ErrBadCredentials)) {
			t.Errorf("%s, to sign: %q %v, want %s", tt.name, caller.ID, err, tt.signs)
		}
		if caller, err := a.AuthenticateProxied(r); caller.ID != tt.forward && (tt.forward != conflict || !errors.Is(err, access.ErrTwoKeys)) {
			t.Errorf("%s, to forward: %q %v, want %s", tt.name, caller.ID, err, tt.forward)
		}
	}
}
