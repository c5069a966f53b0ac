package api_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"countersign/access"
	"countersign/api"
	"countersign/sandbox"
)

// inMemory serves requests with a handler.
type inMemory struct{ http.Handler }

func (h inMemory) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result(), nil
}

const page = "https://app.example.com"

// newServerForPages accepts tokens and keys, and pages of two origins.
func newServerForPages(t *testing.T, change ...func(*access.Options)) (s server, token string) {
	t.Helper()
	const sts = "http://127.0.0.1:9000"
	sum := sha256.Sum256([]byte(key))
	emulator := sandbox.New(sandbox.Options{Now: func() time.Time { return now }})
	s = newServerWith(t, sessions{}, func(o *api.Options) {
		options := access.Options{
			APIKeys: []access.APIKey{{ID: "crm-sync", SHA256: hex.EncodeToString(sum[:])}}, Now: o.Now,
			OIDC: []access.OIDC{{
				Name: "shop", Issuer: sts + sandbox.IssuerPath, Audiences: []string{sandbox.Audience}, Everyone: true,
				Transport: inMemory{emulator.STS()},
			}},
			TrustedHeader: &access.TrustedHeader{Tenant: tenant, Admission: access.Admission{Roles: []string{"Sign.Invoke"}}},
		}
		for _, edit := range change {
			edit(&options)
		}
		auth, err := access.NewAuthenticator(options)
		if err != nil {
			t.Fatal(err)
		}
		if o.Guests, err = access.NewRate(access.RateOptions{PerSecond: 5, Burst: 20, Now: o.Now}); err != nil {
			t.Fatal(err)
		}
		o.Auth, o.Origins = auth, []string{"http://localhost:5173", page}
	})
	return s, "Bearer " + emulator.Token(sts, "anna", time.Hour)
}

func TestPages_OfListedOriginsCallWithTokensOfTheirUsers(t *testing.T) {
	s, token := newServerForPages(t)
	const document = `{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/"}`
	from := func(origin string) []string { return []string{"Origin", origin, "Authorization", token} }
	for name, test := range map[string]struct {
		path, body string
		headers    []string
		status     int
		code       string
		told       bool // the browser may show the response to the page
	}{
		"signed":               {"/v1/sign", document, from(page), 200, "", true},
		"sent":                 {"/v1/send", document, append(from(page), "Sec-Fetch-Site", "cross-site"), 200, "", true},
		"not JSON":             {"/v1/sign", "{", from(page), 400, "", true},
		"too large":            {"/v1/send", strings.Repeat(" ", 11<<20), from(page), 413, "body_too_large", true},
		"no token":             {"/v1/sign", document, []string{"Origin", page}, 401, "unauthenticated", true},
		"a bad token":          {"/v1/sign", document, []string{"Origin", page, "Authorization", token + "x"}, 401, "unauthenticated", true},
		"a key":                {"/v1/sign", document, []string{"Origin", page, "X-API-Key", key}, 403, "login_required", true},
		"a key as Bearer":      {"/v1/send", document, []string{"Origin", page, "Authorization", "Bearer " + key}, 403, "login_required", true},
		"a key beside a token": {"/v1/sign", document, append(from(page), "X-API-Key", key), 403, "login_required", true},
		"what a cookie stands for": {
			"/v1/sign", document, []string{"Origin", page, "X-Ms-Client-Principal", principal}, 403, "login_required", true,
		},
		"a form of the page": {"/v1/sign", document, []string{"Origin", page, "Content-Type", "text/plain"}, 401, "unauthenticated", true},
		"another operation":  {"/v1/presign", document, from(page), 403, "cross_origin", false},
		"another origin":     {"/v1/sign", document, from("https://evil.example"), 403, "cross_origin", false},
		"longer by a label":  {"/v1/sign", document, from(page + ".evil.example"), 403, "cross_origin", false},
		"a label below":      {"/v1/sign", document, from("https://x.app.example.com"), 403, "cross_origin", false},
		"another port":       {"/v1/sign", document, from(page + ":8443"), 403, "cross_origin", false},
		"another scheme":     {"/v1/sign", document, from("http://app.example.com"), 403, "cross_origin", false},
		"another case":       {"/v1/sign", document, from("https://APP.example.com"), 403, "cross_origin", false},
		"a sandboxed frame":  {"/v1/sign", document, from("null"), 403, "cross_origin", false},
		"no page":            {"/v1/sign", document, []string{"X-API-Key", key}, 200, "", false},
	} {
		w := s.do("POST", test.path, test.body, append([]string{"Content-Type", "application/json"}, test.headers...)...)
		allowed := ""
		if test.told {
			allowed = page
		}
		if w.Code != test.status || !strings.Contains(w.Body.String(), test.code) || w.Header().Get("Access-Control-Allow-Origin") != allowed ||
			w.Header().Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: %d %.300s %v; want %d %s, told %v", name, w.Code, w.Body, w.Header(), test.status, test.code, test.told)
		}
		if test.path != "/v1/presign" && w.Header().Get("Vary") != "Origin" {
			t.Errorf("%s: Vary is %q", name, w.Header().Get("Vary"))
		}
	}
	r := httptest.NewRequest("POST", "/v1/sign", strings.NewReader(document))
	r.Header = http.Header{"Origin": {page, "https://evil.example"}, "Authorization": {token}, "Content-Type": {"application/json"}}
	w := httptest.NewRecorder()
	s.routes.(http.Handler).ServeHTTP(w, r)
	if w.Code != 403 || w.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("two origins: %d %v", w.Code, w.Header())
	}
}

func TestPages_PreflightsNeedNoCredentials(t *testing.T) {
	s, _ := newServerForPages(t)
	ask := []string{"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,content-type"}
	for name, test := range map[string]struct {
		path    string
		headers []string
		status  int
	}{
		"signing":              {"/v1/sign", append([]string{"Origin", page}, ask...), 204},
		"sending":              {"/v1/send", append([]string{"Origin", "http://localhost:5173"}, ask...), 204},
		"another origin":       {"/v1/sign", append([]string{"Origin", "https://evil.example"}, ask...), 403},
		"no origin":            {"/v1/sign", ask, 403},
		"null":                 {"/v1/sign", append([]string{"Origin", "null"}, ask...), 403},
		"no preflight":         {"/v1/sign", []string{"Origin", page}, 405},
		"another operation":    {"/v1/presign", append([]string{"Origin", page}, ask...), 405},
		"the list of profiles": {"/v1/profiles", append([]string{"Origin", page}, ask...), 405},
	} {
		w := s.do("OPTIONS", test.path, "", test.headers...)
		h := w.Header()
		if w.Code != test.status {
			t.Errorf("%s: %d %s, want %d", name, w.Code, w.Body, test.status)
		}
		if test.status != 204 {
			if h.Get("Access-Control-Allow-Origin")+h.Get("Access-Control-Allow-Headers") != "" {
				t.Errorf("%s: %v", name, h)
			}
			continue
		}
		if h.Get("Access-Control-Allow-Origin") != test.headers[1] || h.Get("Access-Control-Allow-Methods") != "POST" ||
			!strings.Contains(h.Get("Access-Control-Allow-Headers"), "Authorization, Content-Type") || !strings.Contains(h.Get("Vary"), "Origin") ||
			strings.Contains(strings.ToLower(h.Get("Access-Control-Allow-Headers")), "x-api-key") {
			t.Errorf("%s: %v", name, h)
		}
	}
}

func TestPages_AreRefusedWhereNoOriginIsListed(t *testing.T) {
	s := newServer(t, sessions{})
	headers := []string{"Origin", page, "Access-Control-Request-Method", "POST", "X-API-Key", key, "Content-Type", "application/json"}
	for method, status := range map[string]int{"OPTIONS": 405, "POST": 403} {
		if w := s.do(method, "/v1/sign", "{}", headers...); w.Code != status || w.Header().Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %d %v, want %d", method, w.Code, w.Header(), status)
		}
	}
}
