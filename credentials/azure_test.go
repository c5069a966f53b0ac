package credentials_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/credentials"
	"countersign/signing"
)

// identityEndpoint imitates the token endpoint of App Service, Functions and Container Apps, protocol 2019-08-01. It
// sends the given responses one after the other, and repeats the last one.
type identityEndpoint struct {
	t        *testing.T
	clientID string
	version  string // of the tokens; empty: 1.0

	mu        sync.Mutex
	responses []int
	asked     int
}

func (e *identityEndpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	q := r.URL.Query()
	if r.Method != http.MethodGet || r.Header.Get("X-Identity-Header") != "header-secret" || r.Header.Get("Metadata") != "" ||
		q.Get("api-version") != "2019-08-01" || q.Get("resource") != "api://countersign" || q.Get("client_id") != e.clientID ||
		len(q) != 2+min(len(e.clientID), 1) {
		e.t.Errorf("the endpoint got %s %s with header %q", r.Method, r.URL, r.Header.Get("X-Identity-Header"))
	}
	status := e.responses[min(e.asked, len(e.responses)-1)]
	e.asked++
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if status != http.StatusOK {
		fmt.Fprint(w, `{"statusCode":400,"message":"words of Azure that nobody is to see"}`)
		return
	}
	claims := azureClaims("1.0")
	if e.version != "" {
		claims["ver"] = e.version
	}
	claims["number"] = e.asked
	fmt.Fprintf(w, `{"access_token":%q,"expires_on":"4102444800","resource":"api://countersign","token_type":"Bearer"}`, jwt(claims))
}

// clientID returns a new id each time: the library caches an identity's tokens as long as the process lives.
func clientID() string { return fmt.Sprintf("33333333-0000-0000-0000-%012d", rand.Int64N(1e12)) }

// managed starts the endpoint and a store with one profile that uses it.
func managed(t *testing.T, fake *fakeSTS, e *identityEndpoint) *credentials.Store {
	t.Helper()
	e.t = t
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	env := map[string]string{
		"IDENTITY_ENDPOINT": server.URL + "/msi/token", "IDENTITY_HEADER": "header-secret", "AZURE_FEDERATED_TOKEN_FILE": "",
	}
	for name, value := range env {
		t.Setenv(name, value) // the library reads the environment itself
	}
	p := orders()
	p.Source, p.Keys, p.Azure = credentials.SourceAzureIdentity, signing.Credentials{}, &credentials.AzureIdentity{
		Audience: "api://countersign", ClientID: e.clientID,
	}
	return open(t, credentials.Options{
		Profiles: []credentials.Profile{p}, Getenv: func(name string) string { return env[name] },
		Transport: hosts{"sts": fake, strings.TrimPrefix(server.URL, "http://"): e},
	})
}

func TestManagedIdentity(t *testing.T) {
	tests := []struct {
		name      string
		clientID  string
		responses []int
		asked     int
		want      error
	}{
		{"cold start: 429 and 500 before the token", clientID(), []int{429, 500, 200}, 3, nil},
		{"no such identity", clientID(), []int{400}, 1, credentials.ErrConfiguration},
		{"down for good", clientID(), []int{500}, 5, credentials.ErrUnavailable},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			fake := newFake(time.Now)
			e := &identityEndpoint{clientID: test.clientID, responses: test.responses}
			_, err := managed(t, fake, e).Session(t.Context(), credentials.SessionRequest{})
			if !errors.Is(err, test.want) || e.asked != test.asked {
				t.Errorf("Session() = %v after %d requests, want %v after %d", err, e.asked, test.want, test.asked)
			}
			if err != nil && strings.Contains(err.Error(), "words of Azure") {
				t.Errorf("error %q contains Azure's own words", err)
			}
			if test.want == nil && (fake.last(t).form.Get("Action") != "AssumeRoleWithWebIdentity" ||
				!strings.HasPrefix(fake.last(t).form.Get("WebIdentityToken"), "eyJ")) {
				t.Errorf("STS got %v, want the token", fake.last(t).form)
			}
		})
	}
}

func TestSystemAssignedIdentityNamesNoClient(t *testing.T) {
	e := &identityEndpoint{responses: []int{200}}
	if _, err := managed(t, newFake(time.Now), e).Session(t.Context(), credentials.SessionRequest{}); err != nil {
		t.Error(err)
	}
}

func TestRefusedTokenIsReplacedOnce(t *testing.T) {
	fake := newFake(time.Now)
	e := &identityEndpoint{clientID: clientID(), responses: []int{200}}
	s := managed(t, fake, e)
	var first string
	fake.response = func(c call) (*http.Response, error) {
		if first == "" {
			first = c.form.Get("WebIdentityToken")
		}
		if c.form.Get("WebIdentityToken") == first {
			return fake.refuse(400, "InvalidIdentityToken"), nil
		}
		return nil, nil
	}
	if _, err := s.Session(t.Context(), credentials.SessionRequest{}); err != nil || fake.count() != 2 || e.asked != 2 {
		t.Errorf("Session() = %v after %d calls and %d tokens, want none after 2 and 2", err, fake.count(), e.asked)
	}
}

func TestWorkloadIdentity(t *testing.T) {
	const tenant = "11111111-1111-1111-1111-111111111111"
	env := map[string]string{
		"AZURE_FEDERATED_TOKEN_FILE": write(t, "token", "service.account.token"), "AZURE_TENANT_ID": tenant,
		"AZURE_CLIENT_ID": "44444444-4444-4444-4444-444444444444",
	}
	var form string
	entra := http.NewServeMux()
	entra.HandleFunc("GET /common/discovery/instance", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(
			w,
			`{"tenant_discovery_endpoint":"https://login.microsoftonline.com/%s/v2.0/.well-known/openid-configuration",`+
				`"metadata":[{"preferred_network":"login.microsoftonline.com","preferred_cache":"login.windows.net",`+
				`"aliases":["login.microsoftonline.com"]}]}`,
			tenant,
		)
	})
	entra.HandleFunc("GET /"+tenant+"/v2.0/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(
			w,
			`{"issuer":"https://login.microsoftonline.com/%[1]s/v2.0","authorization_endpoint":`+
				`"https://login.microsoftonline.com/%[1]s/oauth2/v2.0/authorize","token_endpoint":`+
				`"https://login.microsoftonline.com/%[1]s/oauth2/v2.0/token"}`,
			tenant,
		)
	})
	entra.HandleFunc("POST /"+tenant+"/oauth2/v2.0/token", func(w http.ResponseWriter, r *http.Request) {
		form = r.FormValue("client_assertion") + " " + r.FormValue("scope") + " " + r.FormValue("client_id")
		fmt.Fprintf(w, `{"access_token":%q,"expires_in":3600,"token_type":"Bearer"}`, jwt(azureClaims("1.0")))
	})
	fake := newFake(time.Now)
	p := orders()
	p.Source, p.Keys = credentials.SourceAzureIdentity, signing.Credentials{}
	p.Azure = &credentials.AzureIdentity{Audience: "api://countersign"}
	s := open(t, credentials.Options{
		Profiles: []credentials.Profile{p}, Getenv: func(name string) string { return env[name] },
		Transport: hosts{"sts": fake, "login.microsoftonline.com": entra},
	})
	get(t, s, "")
	if !strings.HasPrefix(form, "service.account.token api://countersign/.default") || !strings.HasSuffix(form, env["AZURE_CLIENT_ID"]) {
		t.Errorf("Entra got %q, want the service account's token, the audience as scope and the client", form)
	}
	if fake.last(t).form.Get("WebIdentityToken") != jwt(azureClaims("1.0")) {
		t.Error("STS did not get Entra's token")
	}
}
