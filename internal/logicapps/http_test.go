package logicapps_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/internal/logicapps"
)

// got is a request as a server saw it.
type got struct {
	line   string // method and target
	host   string
	header http.Header
	body   string
}

// bench is an engine, and a server that responds as configured and records what it saw.
type bench struct {
	logicapps.Engine
	url      string
	response http.HandlerFunc
	seen     []got
	slept    []time.Duration
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{response: func(http.ResponseWriter, *http.Request) {}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		b.seen = append(b.seen, got{r.Method + " " + r.RequestURI, r.Host, r.Header, string(body)})
		b.response(w, r)
	}))
	t.Cleanup(server.Close)
	b.url = server.URL
	b.Transport = &http.Transport{DisableCompression: true}
	b.Sleep = func(_ context.Context, d time.Duration) error { b.slept = append(b.slept, d); return nil }
	return b
}

// action runs one HTTP action with these inputs, in which URL stands for the server's.
func (b *bench) action(t *testing.T, inputs, options string) *logicapps.Action {
	t.Helper()
	run := b.run(t, fmt.Sprintf(`{"A":{"type":"Http","inputs":%s,"operationOptions":%q}}`, inputs, options))
	return run.Of("A")[0]
}

func (b *bench) run(t *testing.T, actions string) *logicapps.Run {
	t.Helper()
	run, err := b.Run(t.Context(), load(t, strings.ReplaceAll(actions, "URL", b.url)), nil)
	if err != nil {
		t.Fatalf("Run: %v", err)
	}
	return run
}

func load(t *testing.T, actions string) *logicapps.Workflow {
	t.Helper()
	w, err := logicapps.Load([]byte(`{"definition":{"parameters":{"p":{"type":"String","defaultValue":"it's"}},` +
		`"triggers":{"manual":{"type":"Request"}},"actions":` + actions + `}}`))
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return w
}

func TestHeadersThatAreDropped(t *testing.T) {
	const all = `"Accept":"1","Accept-Version":"1","X-Amz-Date":"1","Range":"1","If-Match":"1","Authorization":"1",` +
		`"Accept-Encoding":"1","Accept-Charset":"1","Allow":"1","Content-Md5":"1","Content-Length":"1","Content-Type":"a/b",` +
		`"Content-Encoding":"1","Content-Disposition":"1",` +
		`"Cookie":"1","Expires":"1","Host":"1","Last-Modified":"1","Origin":"1","Set-Cookie":"1","Transfer-Encoding":"1"`
	always := []string{"Accept", "Accept-Version", "Authorization", "If-Match", "Range", "X-Amz-Date"}
	content := []string{"Content-Disposition", "Content-Encoding", "Content-Type"}
	for _, method := range []string{"GET", "PUT", "POST", "PATCH", "DELETE"} {
		b := newBench(t)
		if a := b.action(t, `{"method":"`+method+`","uri":"URL/","headers":{`+all+`}}`, "SuppressWorkflowHeaders"); a.Err != nil {
			t.Fatalf("%s: %v", method, a.Err)
		}
		want := always
		if method == "POST" || method == "PUT" {
			want = append(slices.Clone(always), content...)
		}
		var names []string
		for name := range b.seen[0].header {
			if name != "User-Agent" && name != "Content-Length" { // Go's own
				names = append(names, name)
			}
		}
		slices.Sort(names)
		slices.Sort(want)
		if !slices.Equal(names, want) {
			t.Errorf("%s: arrived %v, want %v", method, names, want)
		}
	}
}

func TestTheEngineAddsHeaders(t *testing.T) {
	b := newBench(t)
	b.action(t, `{"method":"GET","uri":"URL/"}`, "")
	h := b.seen[0].header
	if !strings.HasPrefix(h.Get("User-Agent"), "azure-logic-apps/1.0 ") || h.Get("X-Ms-Workflow-Id") == "" ||
		h.Get("X-Ms-Client-Tracking-Id") == "" {
		t.Errorf("headers: %v", h)
	}
}

func TestBodies(t *testing.T) {
	for _, c := range []struct{ body, contentType, want, wantType string }{
		{`null`, "", "", ""},
		{`"Grüße"`, "", "Grüße", "text/plain; charset=utf-8"},
		{`"a=b"`, "application/x-www-form-urlencoded", "a=b", "application/x-www-form-urlencoded; charset=utf-8"},
		{`{"z":1.50,"a":[1e2]}`, "", `{"z":1.5,"a":[100.0]}`, "application/json; charset=utf-8"},
		{`{"$content-type":"image/png","$content":"AP8="}`, "", "\x00\xff", "image/png"},
		{`{"$content-type":"image/png","$content":"AP8="}`, "a/b", "\x00\xff", "a/b"},
	} {
		headers := `{}`
		if c.contentType != "" {
			headers = `{"Content-Type":"` + c.contentType + `"}`
		}
		b := newBench(t)
		if a := b.action(t, `{"method":"PUT","uri":"URL/","headers":`+headers+`,"body":`+c.body+`}`, ""); a.Err != nil {
			t.Fatalf("%s: %v", c.body, a.Err)
		}
		if s := b.seen[0]; s.body != c.want || s.header.Get("Content-Type") != c.wantType {
			t.Errorf("%s: sent %q as %q, want %q as %q", c.body, s.body, s.header.Get("Content-Type"), c.want, c.wantType)
		}
	}
}

func TestAddressesAreNormalised(t *testing.T) {
	for uri, want := range map[string]string{
		"":                        "/",
		"?a=b":                    "/?a=b",
		"/a/./b/../c":             "/a/c",
		"/a/%2e%2E/c/..":          "/",
		"/a//b/":                  "/a//b/",
		"//a":                     "//a",
		"/%7Euser/%41%2f%c3%bc":   "/~user/A%2F%C3%BC",
		"/ü b":                    "/%C3%BC%20b",
		`/a\\b`:                   "/a/b", // one backslash
		"/a%zz|^":                 "/a%25zz%7C%5E",
		"/it's(1)!*;,=:@$&+[x]":   "/it's(1)!*;,=:@$&+[x]",
		"/?q=%7e&r=%2b+c&d=a/b?c": "/?q=~&r=%2B+c&d=a/b?c",
		"/a#fragment":             "/a",
	} {
		b := newBench(t)
		if a := b.action(t, `{"method":"GET","uri":"URL`+uri+`"}`, ""); a.Err != nil || b.seen[0].line != "GET "+want {
			t.Errorf("%s: %v, %+v; want %s", uri, a.Err, b.seen, want)
		}
	}
}

func TestRetriesSendTheOldSignature(t *testing.T) {
	for policy, want := range map[string]int{
		"": 4, `,"retryPolicy":{"type":"none"}`: 0, `,"retryPolicy":{"type":"exponential","count":2,"interval":"PT7S"}`: 2,
		`,"retryPolicy":{"type":"fixed","count":3,"interval":"PT7S"}`: 3,
	} {
		for _, status := range []int{408, 429, 500, 503} {
			b := newBench(t)
			b.response = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
			a := b.action(t, `{"method":"POST","uri":"URL/","headers":{"Authorization":"old"},"body":"x"`+policy+`}`, "")
			if a.Status != logicapps.Failed || len(b.seen) != want+1 || len(a.Calls) != want+1 || len(b.slept) != want {
				t.Fatalf("%s, %d: %s, %d requests, want %d", policy, status, a.Status, len(b.seen), want+1)
			}
			if last := b.seen[want]; last.header.Get("Authorization") != "old" || last.body != "x" {
				t.Errorf("the last request is different: %+v", last)
			}
			if want > 0 && b.slept[0] != 7*time.Second {
				t.Errorf("slept %v before the first retry", b.slept[0])
			}
		}
	}
	for _, policy := range []string{
		`{"type":"fixed"}`, `{"type":"fixed","count":1,"interval":"P1D"}`, `{"type":"fixed","count":0,"interval":"PT1S"}`,
	} {
		if a := newBench(t).action(t, `{"method":"GET","uri":"URL/","retryPolicy":`+policy+`}`, ""); a.Err == nil {
			t.Errorf("%s is accepted", policy)
		}
	}
	b := newBench(t)
	b.response = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }
	if a := b.action(t, `{"method":"GET","uri":"URL/"}`, ""); len(b.seen) != 1 || a.Status != logicapps.Failed {
		t.Errorf("403: %s after %d requests, want one", a.Status, len(b.seen))
	}
}

func TestAcceptedIsPolledUnsigned(t *testing.T) {
	b := newBench(t)
	b.response = func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", b.url+"/later")
		if r.URL.Path == "/start" {
			w.WriteHeader(202)
		}
	}
	const inputs = `{"method":"POST","uri":"URL/start","headers":{"Authorization":"signed"}}`
	b.action(t, inputs, "")
	if len(b.seen) != 2 || b.seen[1].line != "GET /later" || b.seen[1].header.Get("Authorization") != "" {
		t.Errorf("got %+v, want an unsigned GET of the Location", b.seen)
	}
	b.seen = nil
	b.action(t, inputs, "DisableAsyncPattern")
	if len(b.seen) != 1 {
		t.Errorf("got %d requests with DisableAsyncPattern, want one", len(b.seen))
	}
}

func TestResponsesBecomeValues(t *testing.T) {
	for _, c := range []struct{ media, body, want string }{
		{"application/json", `{"b":1,"a":2.0}`, `{"b":1,"a":2.0}`},
		{"application/problem+json", `[]`, `[]`},
		{"text/plain", "a", `"a"`},
		{"application/xml", "<a/>", `{"$content-type":"application/xml","$content":"PGEvPg=="}`},
		{"", "", `null`},
	} {
		b := newBench(t)
		b.response = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", c.media)
			_, _ = io.WriteString(w, c.body)
		}
		run := b.run(t, `{"A":{"type":"Http","inputs":{"method":"GET","uri":"URL"}},
			"B":{"type":"Http","inputs":{"method":"PUT","uri":"URL","headers":{"Content-Type":"text/plain"},"body":[0,"@body('A')"]},`+
			`"runAfter":{"A":["Succeeded"]}}}`)
		if run.Status != logicapps.Succeeded || b.seen[1].body != "[0,"+c.want+"]" {
			t.Errorf("%s: %s, sent %s, want %s", c.media, run.Status, b.seen[1].body, c.want)
		}
	}
}

func TestWhatAnHTTPActionRefuses(t *testing.T) {
	for inputs, want := range map[string]string{
		`{"method":"HEAD","uri":"URL"}`:                                                                            "not offered",
		`{"method":"GET","uri":"URL","body":"x"}`:                                                                  "cannot have a body",
		`{"method":"GET","uri":"/v1/sign"}`:                                                                        "not an absolute address",
		`{"method":"GET","uri":"URL/` + strings.Repeat("a", 16400) + `"}`:                                          "too long",
		`{"method":"GET","uri":"URL","headers":{"a":1}}`:                                                           "not a text",
		`{"method":"GET","uri":"URL","headers":"a: b"}`:                                                            "not an object",
		`{"method":"GET","uri":"URL","queries":{}}`:                                                                `"queries" is not supported`,
		`{"method":"PUT","uri":"URL","body":{"$multipart":[]}}`:                                                    "multipart",
		`{"method":"PUT","uri":"URL","body":{"$content":"?"}}`:                                                     "$content",
		`{"method":"PUT","uri":"URL","headers":{"Content-Type":"application/json"},"body":"{}"}`:                   "not JSON",
		`{"method":"GET","uri":"URL","headers":{"Authorization":"a"},"authentication":{"type":"Raw","value":"b"}}`: "both",
		`{"method":"GET","uri":"URL","retryPolicy":{"type":"sometimes","count":1,"interval":"PT1S"}}`:              "retryPolicy",
		`{"method":"GET","uri":"URL","headers":"@body('A')"}`:                                                      "has not run",

		`{"method":"GET","uri":"URL","authentication":{"type":"ManagedServiceIdentity","audience":"api://countersign"}}`: "Raw",
	} {
		b := newBench(t)
		b.response = func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "text") }
		if a := b.action(t, inputs, ""); a.Status != logicapps.Failed || a.Err == nil || !strings.Contains(a.Err.Error(), want) {
			t.Errorf("%.90s: got %v, want %q", inputs, a.Err, want)
		}
	}
	b := newBench(t)
	if a := b.action(t, `{"method":"GET","uri":"URL"}`, "AllowChunking"); a.Err == nil {
		t.Error("an unknown option is accepted")
	}
}

func TestRawAuthentication(t *testing.T) {
	b := newBench(t)
	b.action(t, `{"method":"GET","uri":"URL","authentication":{"type":"Raw","value":"AWS4-HMAC-SHA256 x"}}`, "")
	if h := b.seen[0].header.Get("Authorization"); h != "AWS4-HMAC-SHA256 x" {
		t.Errorf("Authorization = %q", h)
	}
}

func TestConnections(t *testing.T) {
	b := newBench(t)
	b.Connections = map[string]logicapps.Connection{"/connections/c": {URL: b.url, Header: http.Header{"X-Api-Key": {"k"}}}}
	b.response = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode([]int{1})
	}
	run := b.run(t, `{"A":{"type":"ApiConnection","inputs":{"host":{"connection":{"name":"/connections/c"}},"method":"post",`+
		`"path":"/v1/sign","body":{"a":1}}},
		"B":{"type":"ApiConnection","inputs":{"host":{"connection":{"name":"another"}},"method":"get","path":"/"},`+
		`"runAfter":{"A":["Succeeded"]}}}`)
	s := b.seen[0]
	if s.line != "POST /v1/sign" || s.body != `{"a":1}` || s.header.Get("X-Api-Key") != "k" {
		t.Errorf("got %+v", s)
	}
	if a := run.Of("B")[0]; len(b.seen) != 1 || a.Err == nil || !strings.Contains(a.Err.Error(), "no connection") {
		t.Errorf("an unknown connection: %v", a.Err)
	}
}
