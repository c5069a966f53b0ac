package functionshost_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/internal/functionshost"
)

func TestProgramSeesTheHostsEnvironment(t *testing.T) {
	h, server := start(t, functionshost.Options{Package: app(t, hostFile, functionFile), Settings: map[string]string{"GREETING": "hello"}})
	ready(t, h)
	_, got := send(t, "GET", server.URL+"/", "")
	if !slices.Equal(got.Arguments, []string{"hello"}) {
		t.Errorf("arguments = %q, want the setting's value", got.Arguments)
	}
	for _, name := range []string{
		"FUNCTIONS_CUSTOMHANDLER_PORT=", "FUNCTIONS_HTTPWORKER_PORT=", "FUNCTIONS_CUSTOMHANDLER_WORKER_ID=", "FUNCTIONS_HTTPWORKER_ID=",
		"FUNCTIONS_APP_ROOT_PATH=/", "FUNCTIONS_WORKER_RUNTIME=custom", "GREETING=hello",
	} {
		if !slices.ContainsFunc(got.Environment, func(v string) bool { return strings.HasPrefix(v, name) }) {
			t.Errorf("the environment lacks %s", name)
		}
	}
}

func TestProxyingStreamsAndRenamesTheHost(t *testing.T) {
	h, server := start(t, functionshost.Options{Package: app(t, hostFile, functionFile)})
	ready(t, h)
	request, err := http.NewRequestWithContext(
		t.Context(), "POST", server.URL+"/a%2Fb?a=1&b=2&a=3;x", io.NopCloser(strings.NewReader("chunks")),
	)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"X-Forwarded-Host": "spoofed", "X-Azure-Functions-InvocationId": "spoofed", "Content-Language": "de", "User-Agent": "flow",
	} {
		request.Header.Set(name, value)
	}
	status, got := do(t, request)
	if status != 200 || got.Target != "/a%2Fb?a=1&b=2&a=3;x" || got.Body != "chunks" || !got.Chunked {
		t.Errorf("got %d %+v, want target and chunks untouched", status, got)
	}
	if !strings.HasPrefix(got.Host, "127.0.0.1:") || got.Header.Get("X-Forwarded-Host") != functionshost.PublicHost ||
		got.Header.Get("X-Forwarded-Proto") != "https" {
		t.Errorf("Host %q, X-Forwarded-Host %q", got.Host, got.Header.Get("X-Forwarded-Host"))
	}
	if id := got.Header.Get("X-Azure-Functions-InvocationId"); id == "spoofed" || id == "" || got.Header.Get("X-Ms-Invocation-Id") != id {
		t.Errorf("invocation ids: %q and %q", id, got.Header.Get("X-Ms-Invocation-Id"))
	}
	if got.Header.Get("Content-Language") != "de" || got.Header.Get("User-Agent") != "flow" {
		t.Errorf("headers changed: %v", got.Header)
	}
}

func TestForwardingRebuildsTheRequest(t *testing.T) {
	h, server := start(t, functionshost.Options{Package: app(t, hostFile, functionFile), Older: true})
	ready(t, h)
	status, got := send(t, "POST", server.URL+"/v1/x?a=1&b=%20&a=2&code=k", "text",
		"Content-Type", "text/plain", "Content-Encoding", "identity", "Content-MD5", "x", "Content-Language", "de", "Expires", "0",
		"User-Agent", "flow", "X-Functions-Key", "k")
	if status != 200 || got.Target != "/v1/x?a=1%2C2&b=%20&code=k" || got.Body != "text" || got.Chunked {
		t.Errorf("got %d %+v, want joined parameters and the body", status, got)
	}
	if got.Host != functionshost.PublicHost || got.Header.Get("X-Forwarded-Host") != "" || got.Header.Get("X-Forwarded-Proto") != "https" {
		t.Errorf("Host %q, headers %v", got.Host, got.Header)
	}
	for _, name := range []string{"Content-Encoding", "Content-Md5", "Content-Language", "Expires"} {
		if got.Header.Get(name) != "" {
			t.Errorf("%s arrives, but the real host would lose it", name)
		}
	}
	if ua := got.Header.Get("User-Agent"); !strings.HasPrefix(ua, "flow Azure-Functions-Host/4.") ||
		got.Header.Get("Content-Type") != "text/plain" || got.Header.Get("X-Functions-Key") != "k" {
		t.Errorf("headers: %v", got.Header)
	}
	if got.Header.Get("X-Azure-Functions-HostVersion") == "" || got.Header.Get("X-Azure-Functions-InvocationId") == "" {
		t.Errorf("the host's own headers are missing: %v", got.Header)
	}
}

func TestForwardingLosesChunkedBodies(t *testing.T) {
	h, server := start(t, functionshost.Options{Package: app(t, hostFile, functionFile), Older: true})
	ready(t, h)
	request, err := http.NewRequestWithContext(t.Context(), "POST", server.URL+"/", io.NopCloser(strings.NewReader("chunks")))
	if err != nil {
		t.Fatal(err)
	}
	if status, got := do(t, request); status != 200 || got.Body != "" {
		t.Errorf("got %d and body %q, want an empty one", status, got.Body)
	}
}

func TestResponsesPassThrough(t *testing.T) {
	for _, older := range []bool{false, true} {
		h, server := start(t, functionshost.Options{Package: app(t, hostFile, functionFile), Older: older})
		ready(t, h)
		if status, _ := send(t, "GET", server.URL+"/", "", "X-Want-Status", "418"); status != 418 {
			t.Errorf("older %v: status %d, want the program's 418", older, status)
		}
	}
}

func TestWithoutFlagsRequestsAreWrapped(t *testing.T) {
	plain := strings.NewReplacer(
		`"enableProxyingHttpRequest":true`, `"enableProxyingHttpRequest":false`, `"enableForwardingHttpRequest":true`,
		`"enableForwardingHttpRequest":false`,
	).Replace(hostFile)
	third := strings.Replace(functionFile, `]}`, `,{"name":"q","type":"queue","direction":"out"}]}`, 1)
	for name, pack := range map[string]string{"no flags": app(t, plain, functionFile), "a third binding": app(t, hostFile, third)} {
		h, server := start(t, functionshost.Options{Package: pack})
		ready(t, h)
		if status, _ := send(t, "POST", server.URL+"/v1/sign?a=1", `{"x":1}`); status != 500 {
			t.Errorf("%s: status %d, want 500: the program does not respond with outputs", name, status)
		}
	}
}

func TestRoutesAndMethods(t *testing.T) {
	prefixed := strings.Replace(hostFile, `,"extensions":{"http":{"routePrefix":""}}`, ``, 1)
	function := strings.NewReplacer(
		`"route":"{*path}"`, `"route":"orders/{id}"`, `"authLevel"`, `"methods":["get","post"],"authLevel"`,
	).Replace(functionFile)
	h, server := start(t, functionshost.Options{Package: app(t, prefixed, function)})
	ready(t, h)
	for target, want := range map[string]int{
		"GET /api/orders/7": 200, "GET /API/Orders/7": 200, "PUT /api/orders/7": 405, "GET /orders/7": 404, "GET /api/orders": 404,
		"GET /api/orders/7/8": 404,
	} {
		method, path, _ := strings.Cut(target, " ")
		if status, got := send(t, method, server.URL+path, ""); status != want || status == 200 && got.Target != path {
			t.Errorf("%s: got %d %s, want %d and the path as it is", target, status, got.Target, want)
		}
	}
}

func TestKeysAreCheckedByTheHost(t *testing.T) {
	options := functionshost.Options{
		Package: app(t, hostFile, strings.Replace(functionFile, "anonymous", "function", 1)), FunctionKey: "f", MasterKey: "m",
	}
	h, server := start(t, options)
	ready(t, h)
	for _, c := range []struct {
		query, header string
		want          int
	}{
		{"", "", 401},
		{"", "f", 200},
		{"", "m", 200},
		{"?code=f", "", 200},
		{"?code=m", "", 200},
		{"?code=x", "", 401},
		{"?code=f", "x", 401}, // the header wins
		{"?code=x", "f", 200},
	} {
		var header []string
		if c.header != "" {
			header = []string{"X-Functions-Key", c.header}
		}
		if status, _ := send(t, "GET", server.URL+"/"+c.query, "", header...); status != c.want {
			t.Errorf("query %q, header %q: got %d, want %d", c.query, c.header, status, c.want)
		}
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestBodiesBeyondTheLimit(t *testing.T) {
	h, server := start(t, functionshost.Options{Package: app(t, hostFile, functionFile)})
	ready(t, h)
	request, err := http.NewRequestWithContext(t.Context(), "POST", server.URL+"/", endless{})
	if err != nil {
		t.Fatal(err)
	}
	request.ContentLength = 100<<20 + 1
	request.Header.Set("Expect", "100-continue") // so that nothing is sent
	transport := http.Transport{ExpectContinueTimeout: 10 * time.Second}
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != 413 {
		t.Errorf("status %d, want 413", response.StatusCode)
	}
}
