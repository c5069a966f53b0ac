package handlers_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"countersign/access"
	"countersign/endpoints"
	"countersign/handlers"
)

func TestEveryBoundAtItsEdge(t *testing.T) {
	const url = "https://sqs.eu-west-1.amazonaws.com/"
	parameters := func(n int) string { return url + "?a" + strings.Repeat("&a", n-1) }
	headers := func(n, size int) string {
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprintf(`{"name":"x-%06d","value":"%s"}`, i, strings.Repeat("v", size))
		}
		return `"headerList":[` + strings.Join(list, ",") + `]`
	}
	names := func(n int) string {
		return `"headers":{"x-a":"1"},"signedHeaders":["x-a"` + strings.Repeat(`,"x-a"`, n-1) + `]`
	}
	server := newServer(t, nil)
	for _, test := range []struct {
		name, fits, exceeds string
		pointer             string
	}{
		{
			"url", `"url":"` + url + strings.Repeat("a", 64<<10-len(url)) + `"`,
			`"url":"` + url + strings.Repeat("a", 64<<10-len(url)+1) + `"`, "/url",
		},
		{"parameters", `"url":"` + parameters(1024) + `"`, `"url":"` + parameters(1025) + `"`, "/url"},
		{"headers", headers(128, 1), headers(129, 1), "/headerList"},
		{"header bytes", headers(64, 1024-8), headers(64, 1024-7), "/headerList"},
		{"signed headers", names(128), names(129), "/signedHeaders"},
		{"profile", `"profile":"` + strings.Repeat("p", 256) + `"`, `"profile":"` + strings.Repeat("p", 257) + `"`, "/profile"},
		{"service", `"service":"` + strings.Repeat("s", 64) + `"`, `"service":"` + strings.Repeat("s", 257) + `"`, "/service"},
		{"region", `"region":"` + strings.Repeat("r", 256) + `"`, `"region":"` + strings.Repeat("r", 257) + `"`, "/region"},
		{"method", `"method":"` + strings.Repeat("M", 256) + `"`, `"method":"` + strings.Repeat("M", 257) + `"`, "/method"},
	} {
		for _, fields := range []string{test.fits, test.exceeds} {
			document := "{" + fields
			if !strings.Contains(fields, `"method"`) {
				document += `,"method":"GET"`
			}
			if !strings.Contains(fields, `"url"`) {
				document += `,"url":"` + url + `"`
			}
			w := server.post("/v1/sign", document+"}")
			if fields == test.fits {
				if w.Code != http.StatusOK {
					t.Errorf("%s at the bound: %d %.300s", test.name, w.Code, w.Body)
				}
				continue
			}
			if got := server.problem(w, 400); len(got.Errors) == 0 || got.Errors[0].Pointer != test.pointer {
				t.Errorf("%s beyond the bound: got %+v, want one at %s", test.name, got, test.pointer)
			}
		}
	}
	document := `{"method":"GET","url":"` + parameters(10_000) + `"`
	for _, path := range []string{"/v1/sign", "/v1/presign", "/v1/verify", "/v1/steps/canonical-request"} {
		server.problem(server.post(path, document+"}"), 400)
	}
	query := make([]string, 1025)
	for i := range query {
		query[i] = fmt.Sprintf(`"%d":""`, i)
	}
	server.refuse(`{`+aGet+`,"query":{`+strings.Join(query, ",")+`}}`, 400)
}

func TestAddressesAreNamesOfHosts(t *testing.T) {
	server := newServer(t, func(o *handlers.Options) { o.HTTPHosts = []string{"10.0.0.5:9000"} })
	for host, status := range map[string]int{
		"169.254.169.254": 400, "127.0.0.1": 400, "127.0.0.1:8443": 400, "[::1]": 400, "[2001:db8::1]:8443": 400, "2852039166": 400,
		"0xA9FEA9FE": 400, "0251.0376.0251.0376": 400, "127.1": 400, "[::ffff:169.254.169.254]": 400,
		"10.0.0.5:9000": 200, "10.0.0.5": 400, "api.example.com": 200, "169.254.169.254.example.com": 200, "localhost.": 400, "a..b": 400,
		"user@api.example.com": 400, "api.example.com:": 400, `api.example.com\\@x`: 400, "ａpi.example.com": 400, "api.example.com#": 400,
	} {
		w := server.post("/v1/sign", `{"method":"GET","url":"https://`+host+`/","service":"execute-api","region":"eu-west-1"}`)
		if w.Code != status {
			t.Errorf("https://%s/: got %d %s, want %d", host, w.Code, w.Body, status)
		}
		if status == 400 {
			server.problem(w, 400)
		}
	}
}

// .NET, and so Logic Apps, sends only ASCII in headers.
func TestHeadersThatClientsCannotSendAreRefused(t *testing.T) {
	server := newServer(t, nil)
	for _, value := range []string{"Grüße", "\u00a0", "日本", "a\u0080"} {
		got := server.refuse(`{`+aGet+`,"headers":{"x-amz-meta-name":"`+value+`"}}`, 400)
		if got.Code != "header_invalid" || got.Errors[0].Pointer != "/headers/x-amz-meta-name" {
			t.Errorf("%q: got %+v", value, got)
		}
	}
}

func TestParametersThatCannotBeReadAreRefused(t *testing.T) {
	server := newServer(t, nil)
	for _, query := range []string{"url=a;b", "url=%zz", "%ff=1&%ff=2", "url=https://%ff/", "tree=1;2"} {
		for _, path := range []string{"/v1/scope", "/v1/identity", "/v1/profiles"} {
			if path == "/v1/scope" || !strings.HasPrefix(query, "url=https") {
				server.problem(server.do(httptest.NewRequest(http.MethodGet, path+"?"+query, nil)), 400)
			}
		}
		if !strings.HasPrefix(query, "url=https") && !strings.HasPrefix(query, "%ff") {
			server.problem(server.do(httptest.NewRequest(http.MethodPost, "/v1/payload-hash?"+query, strings.NewReader("x"))), 400)
		}
	}
}

func TestAResponseThatCannotBeEncodedIsAProblem(t *testing.T) {
	server := newServer(t, nil)
	// The fake's ARN contains what was requested.
	if got := server.problem(server.do(httptest.NewRequest(http.MethodGet, "/v1/identity?profile=%ff", nil)), 500); got.Code != "internal" {
		t.Errorf("got %+v", got)
	}
}

func TestElsewhere_DoesNotHoldDocuments(t *testing.T) {
	server := newServer(t, nil)
	body := io.MultiReader(strings.NewReader(`{"`), &zeros{left: 64 << 20})
	w := httptest.NewRecorder()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	server.plain.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/api", readAs{body, 'a'}))
	runtime.ReadMemStats(&after)
	server.problem(w, 404)
	if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
		t.Errorf("%d bytes were allocated for an unauthenticated document", used)
	}
}

// readAs reads zero bytes as another byte.
type readAs struct {
	io.Reader
	as byte
}

func (r readAs) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	for i := range b[:n] {
		if b[i] == 0 {
			b[i] = r.as
		}
	}
	return n, err
}

func TestHostPatterns_AreForCallersOfTheProfile(t *testing.T) {
	hosts, err := endpoints.NewHosts([]endpoints.HostRule{{Pattern: "api.example.com", Service: "execute-api", Region: "eu-west-1"}})
	if err != nil {
		t.Fatal(err)
	}
	policy, err := access.NewPolicy("p.cedar", []byte(`permit (principal, action, resource) when { resource.profile == "orders" };`))
	if err != nil {
		t.Fatal(err)
	}
	server := newServer(t, func(o *handlers.Options) {
		o.Policy, o.DefaultProfile = policy, "billing"
		o.Hosts = map[string]*endpoints.Hosts{"orders": hosts, "billing": hosts}
	})
	scope := func(query string) *httptest.ResponseRecorder {
		return server.do(httptest.NewRequest(http.MethodGet, "/v1/scope?url=api.example.com"+query, nil))
	}
	if w := scope("&profile=orders"); !strings.Contains(w.Body.String(), `"service":"execute-api"`) {
		t.Errorf("orders: %d %s", w.Code, w.Body)
	}
	if got := server.problem(scope("&profile=billing"), 403); got.Code != "forbidden" {
		t.Errorf("billing: %+v", got)
	}
	if w := scope(""); strings.Contains(w.Body.String(), "execute-api") {
		t.Errorf("the default profile: %d %s", w.Code, w.Body)
	}
}
