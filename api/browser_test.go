package api_test

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"countersign/access"
	"countersign/api"

	"github.com/go-chi/chi/v5"
)

const tenant = "72f988bf-86f1-41af-91ab-2d7cd011db47"

var principal = base64.StdEncoding.EncodeToString([]byte(`{"auth_typ":"aad","claims":[{"typ":"tid","val":"` + tenant + `"},
	{"typ":"appid","val":"11111111-2222-3333-4444-555555555555"},{"typ":"roles","val":"Sign.Invoke"}]}`))

// Nothing is signed whatever a stranger's page sends, to any operation, and however callers are authenticated.
func TestBrowsers_NoPageOfAnotherOriginGetsAnythingSigned(t *testing.T) {
	const local = "127.0.0.1:8080"
	pages := []struct {
		name, host string
		headers    []string
		onlyOpen   bool // only if callers are not authenticated
	}{
		{
			"fetch of a foreign page", local,
			[]string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site", "Content-Type", "application/json"},
			false,
		},
		{
			"fetch of a browser without Sec-Fetch-Site", local,
			[]string{"Origin", "https://evil.example", "Content-Type", "application/json"},
			false,
		},
		{
			"fetch of a sandboxed frame", local,
			[]string{"Origin", "null", "Sec-Fetch-Site", "cross-site", "Content-Type", "application/json"},
			false,
		},
		{
			"form of a foreign page", local,
			[]string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site", "Content-Type", "text/plain"},
			false,
		},
		{
			"another port of the same machine", local,
			[]string{"Origin", "http://127.0.0.1:9000", "Sec-Fetch-Site", "same-site", "Content-Type", "application/json"},
			false,
		},
		{
			"a name that leads here", "evil.example:8080",
			[]string{"Origin", "http://evil.example:8080", "Sec-Fetch-Site", "same-origin", "Content-Type", "application/json"},
			true,
		},
		{"the same without headers of the browser", "evil.example", []string{"Content-Type", "application/json"}, true},
	}
	const body = `{"method":"GET","url":"https://abc.execute-api.eu-west-1.amazonaws.com/","bucket":"b","key":"k","region":"eu-west-1",` +
		`"kind":"rds","endpoint":"x:1","user":"u"}`
	for _, kind := range []access.Auth{access.AuthNone, "keys", "trusted header"} {
		s := newServerWith(t, sessions{}, func(o *api.Options) {
			switch kind {
			case "trusted header":
				trusted := &access.TrustedHeader{Tenant: tenant, Admission: access.Admission{Roles: []string{"Sign.Invoke"}}}
				auth, err := access.NewAuthenticator(access.Options{TrustedHeader: trusted, Now: o.Now})
				if err != nil {
					t.Fatal(err)
				}
				o.Auth = auth
			case access.AuthNone:
				auth, err := access.NewAuthenticator(access.Options{Auth: access.AuthNone, Now: o.Now})
				if err != nil {
					t.Fatal(err)
				}
				o.Auth, o.Open = auth, true
			}
		})
		operations := 0
		send := func(method, route, host string, headers []string) *httptest.ResponseRecorder {
			r := httptest.NewRequest(method, route, strings.NewReader(body))
			r.Host = host
			if kind == "trusted header" { // which the platform makes from the browser's cookie
				r.Header.Set("X-Ms-Client-Principal", principal)
			} else {
				r.Header.Set("X-API-Key", key)
			}
			for i := 0; i < len(headers); i += 2 {
				r.Header.Set(headers[i], headers[i+1])
			}
			w := httptest.NewRecorder()
			s.routes.(http.Handler).ServeHTTP(w, r)
			return w
		}
		err := chi.Walk(s.routes, func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
			if !strings.HasPrefix(route, "/v1/") {
				return nil
			}
			operations++
			for _, page := range pages {
				if page.onlyOpen && kind != access.AuthNone {
					continue
				}
				w := send(method, route, page.host, page.headers)
				if want := map[bool]int{false: 403, true: 421}[page.onlyOpen]; w.Code != want {
					t.Errorf("%s, %s %s, callers by %s: %d %s, want %d", page.name, method, route, kind, w.Code, w.Body, want)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if operations < 17 {
			t.Errorf("callers by %s: %d operations were tried", kind, operations)
		}
		for _, host := range []string{local, "localhost:8080", "[::1]:8080", "app.localhost", "countersign", "countersign:8080"} {
			for _, headers := range [][]string{
				{"Content-Type", "application/json"},
				{"Content-Type", "application/json", "Sec-Fetch-Site", "same-origin", "Origin", "http://" + host},
			} {
				if w := send(http.MethodPost, "/v1/payload-hash", host, headers); w.Code != http.StatusOK {
					t.Errorf("Host %s, %q, callers by %s: %d %s, want 200", host, headers, kind, w.Code, w.Body)
				}
			}
		}
	}
}

// Behind a proxy the Host header may differ from the host in the browser's address bar.
func TestBrowsers_TheConfiguredAddressIsTheServicesOwn(t *testing.T) {
	s := newServerWith(t, sessions{}, func(o *api.Options) { o.PublicURL, o.Open = "https://sign.example.com/base", true })
	for host, want := range map[string]int{"sign.example.com": 200, "10.0.0.4": 200, "other.example.com": 421} {
		r := httptest.NewRequest(http.MethodPost, "/v1/payload-hash", strings.NewReader("x"))
		r.Host = host
		r.Header.Set("X-API-Key", key)
		r.Header.Set("Origin", "https://sign.example.com")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		w := httptest.NewRecorder()
		s.routes.(http.Handler).ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("Host %s: %d %s, want %d", host, w.Code, w.Body, want)
		}
	}
}
