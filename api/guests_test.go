package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"countersign/access"
)

func withGuests(o *access.Options) { o.Guest = &access.Guest{Profiles: []string{"kiosk"}} }

func TestGuests_HaveTheirProfilesAndNoOtherOperation(t *testing.T) {
	s, token := newServerForPages(t, withGuests)
	closed, _ := newServerForPages(t)
	const document = `{"profile":"kiosk","method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/"}`
	other := strings.Replace(document, "kiosk", "orders", 1)
	for name, test := range map[string]struct {
		server     server
		path, body string
		headers    []string
		status     int
		code       string
	}{
		"signing":              {s, "/v1/sign", document, nil, 200, ""},
		"sending, from a page": {s, "/v1/send", document, []string{"Origin", page}, 200, ""},
		"another profile":      {s, "/v1/sign", other, nil, 403, "guests may not use this profile"},
		"the default profile":  {s, "/v1/sign", strings.Replace(document, `"profile":"kiosk",`, "", 1), nil, 403, "forbidden"},
		"presigning":           {s, "/v1/presign", document, nil, 401, "unauthenticated"},
		"a bad key":            {s, "/v1/sign", document, []string{"X-API-Key", "x"}, 401, "unauthenticated"},
		"a bad token":          {s, "/v1/sign", document, []string{"Authorization", token + "x"}, 401, "unauthenticated"},
		"an empty key":         {s, "/v1/sign", document, []string{"X-API-Key", ""}, 401, "unauthenticated"},
		"an empty token":       {s, "/v1/sign", document, []string{"Authorization", "Bearer "}, 401, "unauthenticated"},
		"a page of others":     {s, "/v1/sign", document, []string{"Origin", "https://evil.example"}, 403, "cross_origin"},
		"a name that leads here": {
			s, "/v1/sign", document, []string{"Origin", "http://example.com", "Sec-Fetch-Site", "same-origin"}, 401, "unauthenticated",
		},
		"a user, any profile":   {s, "/v1/sign", other, []string{"Authorization", token}, 200, ""},
		"a service without any": {closed, "/v1/sign", document, nil, 401, "unauthenticated"},
	} {
		w := test.server.do("POST", test.path, test.body, append([]string{"Content-Type", "application/json"}, test.headers...)...)
		if w.Code != test.status || !strings.Contains(w.Body.String(), test.code) {
			t.Errorf("%s: %d %s, want %d %s", name, w.Code, w.Body, test.status, test.code)
		}
	}
}

func TestGuests_ShareTheLimitOfTheirAddress(t *testing.T) {
	s, _ := newServerForPages(t, withGuests)
	ask := func(address string) int {
		r := httptest.NewRequest(http.MethodPost, "/v1/sign",
			strings.NewReader(`{"profile":"kiosk","method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/"}`))
		r.RemoteAddr = address
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		s.routes.(http.Handler).ServeHTTP(w, r)
		return w.Code
	}
	for _, group := range [][2]string{{"192.0.2.1:1", "192.0.2.1:2"}, {"[2001:db8::1]:1", "[2001:db8::2]:1"}} {
		for range 10 {
			if one, two := ask(group[0]), ask(group[1]); one != 200 || two != 200 {
				t.Fatalf("%v: %d, %d", group, one, two)
			}
		}
		if status := ask(group[1]); status != 429 {
			t.Errorf("the 21st of %s: %d, want 429", group[1], status)
		}
	}
	if status := ask("192.0.2.2:1"); status != 200 {
		t.Errorf("another address: %d", status)
	}
}
