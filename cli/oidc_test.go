package cli

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// openIDProvider serves its configuration and one key, and returns a function that signs claims.
func openIDProvider(t *testing.T) (issuer string, sign func(claims map[string]any) string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	serve := func(path string, document any) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(document) })
	}
	serve("/.well-known/openid-configuration", map[string]string{"issuer": server.URL, "jwks_uri": server.URL + "/keys"})
	serve("/keys", map[string]any{"keys": []any{
		map[string]string{"kty": "RSA", "kid": "k1", "use": "sig", "alg": "RS256", "n": b64(key.N.Bytes()), "e": "AQAB"},
	}})
	return server.URL, func(claims map[string]any) string {
		payload, err := json.Marshal(claims)
		if err != nil {
			t.Fatal(err)
		}
		text := b64([]byte(`{"alg":"RS256","kid":"k1"}`)) + "." + b64(payload)
		sum := sha256.Sum256([]byte(text))
		signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		return text + "." + b64(signature)
	}
}

// The policy permits the requests of one role of one issuer.
func TestServe_CallersOfAnIssuer(t *testing.T) {
	issuer, sign := openIDProvider(t)
	policies := writeFile(t, "p.cedar", `permit (principal in Role::"shop:signers", action, resource) when { principal.issuer == "shop" };`)
	file := writeFile(t, "countersign.yaml", "policies: "+policies+"\nprofiles: {orders: {region: eu-west-1, source: environment}}\n"+
		"callers:\n  oidc:\n"+
		"    - {name: shop, issuer: '"+issuer+"', audience: client-1, roles_claim: groups, roles: [signers, guests]}\n")
	p := &program{env: map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIDTESTTESTTEST", "AWS_SECRET_ACCESS_KEY": "EXAMPLEKEY", "COUNTERSIGN_CONFIG": file,
	}}
	token := func(group string) string {
		return sign(map[string]any{
			"iss": issuer, "aud": "client-1", "sub": "auth0|5f7c", "exp": time.Now().Add(time.Hour).Unix(), "groups": []string{group},
		})
	}
	lines := serveUntil(t, p, func(base string) {
		for group, want := range map[string]int{"signers": 200, "guests": 403, "others": 403} {
			body := strings.NewReader(`{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/"}`)
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/v1/sign", body)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Authorization", "Bearer "+token(group))
			request.Header.Set("Content-Type", "application/json")
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != want {
				t.Errorf("%s: status %d, want %d", group, response.StatusCode, want)
			}
		}
	})
	records := 0
	for _, line := range lines {
		if line["caller_id"] == "shop:auth0|5f7c" && line["auth_method"] == "oidc" && line["issuer"] == "shop" &&
			line["object_id"] == "auth0|5f7c" {
			records++
		}
	}
	if records != 2 {
		t.Errorf("%d audit records of the caller, want one of the permitted and one of the denied request:\n%s", records, &p.out)
	}
}
