package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// webIdentitySTS issues a session with a number of its own for each token that it gets.
func webIdentitySTS(t *testing.T) (address string, calls *atomic.Int64) {
	t.Helper()
	calls = new(atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("Action") != "AssumeRoleWithWebIdentity" || r.Header.Get("Authorization") != "" {
			t.Errorf("STS got %s", r.FormValue("Action"))
		}
		life, _ := time.ParseDuration(r.FormValue("DurationSeconds") + "s")
		w.Header().Set("Content-Type", "text/xml")
		fmt.Fprintf(w, `<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>`+
			`<AccessKeyId>ASIASANDBOX%09d</AccessKeyId>`+
			`<SecretAccessKey>EXAMPLEKEY</SecretAccessKey><SessionToken>EXAMPLETOKEN</SessionToken><Expiration>%s</Expiration></Credentials>`+
			`</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`,
			calls.Add(1), time.Now().Add(life).UTC().Format(time.RFC3339))
	}))
	t.Cleanup(server.Close)
	return server.URL, calls
}

// Two people with tokens have their own sessions, which end with their tokens; callers without a token get nothing.
func TestServe_SignsAsTheCaller(t *testing.T) {
	issuer, sign := openIDProvider(t)
	sts, calls := webIdentitySTS(t)
	file := writeFile(t, "countersign.yaml", "allow_signing_time: true\nprofiles:\n  mine:\n    region: eu-west-1\n    source: caller-token\n"+
		"    assume_role: {role_arn: 'arn:aws:iam::123456789012:role/orders-user', session_name: '{caller}'}\n"+
		"callers:\n  api_keys: [{id: robot, sha256: "+sha256Hex("robot-key")+"}]\n"+
		"  oidc: [{name: shop, issuer: '"+issuer+"', audience: client-1, everyone: true}]\n")
	p := &program{env: map[string]string{"AWS_ENDPOINT_URL_STS": sts, "COUNTERSIGN_CONFIG": file}}
	end := time.Now().Add(10 * time.Minute).Truncate(time.Second)
	token := func(sub string, end time.Time) string {
		return "Bearer " + sign(map[string]any{"iss": issuer, "aud": "client-1", "sub": sub, "exp": end.Unix()})
	}
	anna, bob, late := token("anna", end), token("bob", end), token("anna", time.Now().Add(20*time.Second))
	const get = `{"method":"GET","url":"https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/orders"`
	lines := serveUntil(t, p, func(base string) {
		ask := func(path, authorization, body string, status int) (result map[string]any, header http.Header) {
			t.Helper()
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Authorization", authorization)
			request.Header.Set("Content-Type", "application/json")
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			text, _ := io.ReadAll(response.Body)
			if err := json.Unmarshal(text, &result); err != nil || response.StatusCode != status {
				t.Errorf("%s %s: status %d, want %d: %s", path, body, response.StatusCode, status, text)
			}
			return result, response.Header
		}
		keyOf := func(authorization string) any {
			t.Helper()
			result, _ := ask("/v1/sign", authorization, get+"}", 200)
			return result["accessKeyId"]
		}
		if one, again, other := keyOf(anna), keyOf(anna), keyOf(bob); one != again || one == other || calls.Load() != 2 {
			t.Errorf("keys %v, %v and %v after %d calls, want one for each person", one, again, other, calls.Load())
		}
		if result, _ := ask("/v1/presign", anna, get+`,"expiresInSeconds":3600}`, 200); result["expiresAt"] == nil ||
			result["expiresAt"].(string) > end.UTC().Format(time.RFC3339) || !strings.Contains(fmt.Sprint(result["warnings"]), "expiry_shortened") {
			t.Errorf("a presigned URL until %v, and the token until %v", result["expiresAt"], end.UTC())
		}
		afterwards := end.Add(time.Minute).UTC().Format(time.RFC3339)
		for _, path := range []string{"/v1/sign", "/v1/presign"} {
			if result, _ := ask(path, anna, get+`,"signingTime":"`+afterwards+`"}`,
				400); !strings.Contains(fmt.Sprint(result["errors"]), "/signingTime") {
				t.Errorf("%s with a signing time after the token's end: %v", path, result)
			}
		}
		if result, _ := ask("/v1/sign", anna, get+`,"minValiditySeconds":900}`, 503); result["code"] != "session_short" {
			t.Errorf("a session longer than the token was requested: %v", result)
		}
		if result, _ := ask("/v1/sign", "Bearer robot-key", get+"}", 403); result["code"] != "login_required" {
			t.Errorf("a caller with an API key: %v", result)
		}
		if result, header := ask("/v1/sign", late, get+"}", 401); result["code"] != "login_expired" || header.Get("WWW-Authenticate") == "" {
			t.Errorf("a token that is about to expire: %v, %v", result, header)
		}
	})
	people := map[any]int{}
	for _, line := range lines {
		if line["decision"] == "allow" && line["access_key_id"] != nil {
			people[fmt.Sprint(line["object_id"], " ", line["access_key_id"])]++
		}
	}
	if len(people) != 2 {
		t.Errorf("the audit records link %v, want each person with one access key", people)
	}
	for _, secret := range []string{anna, bob, late} {
		if strings.Contains(p.out.String()+p.err.String(), secret[len(secret)-40:]) {
			t.Error("a token is in the log")
		}
	}
}
