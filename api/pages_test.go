package api_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"countersign/api"
	"countersign/workbench"
)

func withWorkbench(key string) func(*api.Options) {
	return func(o *api.Options) {
		o.Workbench = &workbench.Settings{Version: "1.2.3", Key: key, Examples: workbench.Examples}
	}
}

func get(s server, path, host string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Host = host
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

func TestPages_HaveTheirHeaders(t *testing.T) {
	s := newServerWith(t, sessions{}, withWorkbench(""))
	for path := range workbench.Paths {
		w := get(s, path, "sign.example.com")
		policy := "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; " +
			"form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
		if path == "/docs" {
			policy = strings.Replace(strings.Replace(policy, "script-src 'self'", "script-src 'none'", 1), " connect-src 'self';", "", 1)
		}
		for name, want := range map[string]string{
			"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin", "X-Frame-Options": "DENY",
			"Cache-Control": "no-cache", "Access-Control-Allow-Origin": "",
		} {
			if got := w.Header().Get(name); w.Code != http.StatusOK || got != want {
				t.Errorf("%s: %d, %s is %q, want %q", path, w.Code, name, got, want)
			}
		}
		if again := get(s, path, "sign.example.com", "If-None-Match", w.Header().Get("ETag")); again.Code != http.StatusNotModified ||
			again.Body.Len() > 0 {
			t.Errorf("%s: %d when it is already cached", path, again.Code)
		}
	}
}

func TestPages_ExistOnlyWithAWorkbench(t *testing.T) {
	on, off := newServerWith(t, sessions{}, withWorkbench("")), newServer(t, sessions{})
	for _, path := range []string{"/workbench", "/docs", "/workbench/", "/workbench/settings.json", "/workbench/workbench.js"} {
		if w := get(off, path, "localhost"); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), `"not_found"`) {
			t.Errorf("%s: %d %s without a workbench", path, w.Code, w.Body)
		}
		if w := get(on, path, "localhost"); w.Code != http.StatusOK && w.Code != http.StatusPermanentRedirect {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if w := get(on, "/workbench/", "localhost"); w.Header().Get("Location") != "../workbench" {
		t.Errorf("sent to %q", w.Header().Get("Location"))
	}
}

func TestPages_RootRedirectsOnlyBrowsers(t *testing.T) {
	on, off := newServerWith(t, sessions{}, withWorkbench("")), newServer(t, sessions{})
	const browser = "text/html,application/xhtml+xml,*/*;q=0.8"
	for _, test := range []struct {
		s      server
		accept string
		status int
	}{{on, browser, 303}, {on, "*/*", 200}, {on, "", 200}, {on, "application/json", 200}, {off, browser, 200}} {
		w := get(test.s, "/", "localhost", "Accept", test.accept)
		if w.Code != test.status || (w.Header().Get("Location") == "workbench") != (test.status == 303) {
			t.Errorf("Accept %q: %d to %q, want %d", test.accept, w.Code, w.Header().Get("Location"), test.status)
		}
	}
}

// The sandbox's key is for the person at the machine, under whatever name a stranger's page is loaded.
func TestPages_GiveTheSandboxKeyOnlyToOwnNames(t *testing.T) {
	s := newServerWith(t, sessions{}, withWorkbench("SANDBOXKEY"))
	for host, status := range map[string]int{
		"127.0.0.1:8080": 200, "localhost:8080": 200, "[::1]:8080": 200, "evil.test:8080": 421, "127.0.0.1.evil.test": 421, "": 421,
	} {
		w := get(s, "/workbench/settings.json", host)
		if w.Code != status || strings.Contains(w.Body.String(), "SANDBOXKEY") != (status == 200) {
			t.Errorf("%q: %d %s, want %d", host, w.Code, w.Body, status)
		}
	}
	if w := get(newServerWith(t, sessions{}, withWorkbench("")), "/workbench/settings.json", "sign.example.com"); w.Code != 200 ||
		strings.Contains(w.Body.String(), `"key"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestPages_SettingsListWhatIsOffered(t *testing.T) {
	for _, sends := range []bool{true, false} {
		s := newServerWith(t, sessions{}, func(o *api.Options) {
			withWorkbench("")(o)
			if !sends {
				o.Handlers.Sender = nil
			}
		})
		body := get(s, "/workbench/settings.json", "localhost").Body.String()
		if strings.Contains(body, `"POST /v1/send"`) != sends || !strings.Contains(body, `"POST /v1/sign"`) {
			t.Errorf("sending is %v: %s", sends, body)
		}
	}
}

// The script may only use elements that exist, so that this test finds a renamed element before a user does.
func TestPages_ScriptFindsItsElements(t *testing.T) {
	s := newServerWith(t, sessions{}, withWorkbench(""))
	page, script := get(s, "/workbench", "h").Body.String(), get(s, "/workbench/workbench.js", "h").Body.String()
	var used []string
	for _, before := range []string{`$("`, ` show("`, ` toggle("`} {
		for _, piece := range strings.Split(script, before)[1:] {
			used = append(used, piece[:strings.IndexByte(piece, '"')])
		}
	}
	slices.Sort(used)
	used = slices.Compact(used)
	if len(used) < 30 {
		t.Fatalf("%d elements are used; is the test blind?", len(used))
	}
	for _, id := range used {
		if !strings.Contains(page, `id="`+id+`"`) {
			t.Errorf("the page has no element %s", id)
		}
	}
	for _, unsafe := range []string{
		"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "localStorage", "document.cookie", "style=",
	} {
		if strings.Contains(page+script, unsafe) {
			t.Errorf("%s is used", unsafe)
		}
	}
}
