package snippets_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/access"
	"countersign/broker"
	"countersign/credentials"
	"countersign/handlers"
	"countersign/internal/logicapps"
	"countersign/reading"
	"countersign/sandbox"
	"countersign/signing"
)

var count = flag.Int(
	"snippets", 6,
	"how many hostile requests each form is tried with, a third of them where a process runs it; 300 is the full run",
)

const key = "EXAMPLE-key-that-opens-nothing"

// world is a Countersign service and a gateway that verifies signatures.
type world struct {
	h                http.Handler
	service, gateway string
	seen             []seen // requests that the gateway received
	keysSeen         []string
}

type seen struct {
	status       int
	method, path string
	body         []byte
	echo         []byte
}

// user is a source of sessions that has the keys of the sandbox's user.
type user struct{ broker.Sessions }

func (user) Session(context.Context, credentials.SessionRequest) (credentials.Session, error) {
	return credentials.Session{Credentials: signing.NewCredentials(sandbox.AccessKeyID, sandbox.SecretAccessKey, ""), Profile: "orders"}, nil
}

type unrecorded struct{}

func (unrecorded) Write(context.Context, access.Record) error { return nil }
func (unrecorded) NextID() string                             { return "event" }

func newWorld(t *testing.T) *world {
	t.Helper()
	policy, err := access.NewPolicy("all.cedar", []byte("permit (principal, action, resource);"))
	if err != nil {
		t.Fatal(err)
	}
	h := handlers.New(handlers.Options{Options: broker.Options{
		Signer: new(signing.Signer), Sessions: user{}, Now: time.Now, Policy: policy, Audit: unrecorded{},
		DefaultProfile: "orders", LoopbackHTTP: true,
	}})
	mux := http.NewServeMux()
	as := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			event := new(handlers.Event)
			event.Caller = access.Caller{ID: "anonymous", Method: access.MethodNone}
			next.ServeHTTP(rw, handlers.WithEvent(r, event))
		})
	}
	mux.Handle("POST /v1/sign", as(h.SignRequest()))
	mux.Handle("POST /v1/snippets", as(h.CreateSnippet()))
	w := &world{h: mux}
	service := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.keysSeen = append(w.keysSeen, r.Header.Get("X-API-Key"))
		mux.ServeHTTP(rw, r)
	}))
	t.Cleanup(service.Close)
	aws := sandbox.New(sandbox.Options{Now: time.Now, Region: "eu-west-1"}).Gateway()
	gateway := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		response := httptest.NewRecorder()
		aws.ServeHTTP(response, r)
		w.seen = append(w.seen, seen{response.Code, r.Method, r.RequestURI, body, response.Body.Bytes()})
		rw.Header().Set("Content-Type", "application/json")
		rw.WriteHeader(response.Code)
		_, _ = rw.Write(response.Body.Bytes())
	}))
	t.Cleanup(gateway.Close)
	w.service, w.gateway = service.URL, gateway.URL
	return w
}

func (w *world) post(t *testing.T, path string, document, response any) int {
	t.Helper()
	text, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(text))
	rec := httptest.NewRecorder()
	w.h.ServeHTTP(rec, r)
	if err := json.Unmarshal(rec.Body.Bytes(), response); err != nil {
		t.Fatal(err)
	}
	return rec.Code
}

type signed struct {
	Method     string              `json:"method"`
	URL        string              `json:"url"`
	HeaderList []map[string]string `json:"headerList"`
	Body       *string             `json:"body,omitempty"`
	BodyBase64 *string             `json:"bodyBase64,omitempty"`
}

func (s signed) bytes() []byte {
	if s.BodyBase64 != nil {
		data, _ := base64.StdEncoding.DecodeString(*s.BodyBase64)
		return data
	}
	if s.Body != nil {
		return []byte(*s.Body)
	}
	return nil
}

// hostile texts try to break out of the quotes of every language.
var hostile = []string{
	`'`, `"`, "`", "\\", "'''", `"""`, "${x}", "$(touch HACKED)", "`touch HACKED`", "%PATH%", "^", "&", "|", "<", ">", "\n", "\r\n", "\t",
	"'@", "@'", "JSON\n", "#", "{{1+1}}", "}}", "@{1}", "@@{1}", "@", "=", "!x!", "‘", "’", "\\u0027", "é", "日",
	"\u2028", "\u0007", "a b", "%", "\\\"", "';", "//", "*/", "-", "~",
}

func randomText(r *rand.Rand, words ...string) string {
	var b strings.Builder
	for range 1 + r.IntN(6) {
		b.WriteString(words[r.IntN(len(words))])
	}
	return b.String()
}

// visible returns the hostile texts that a header may contain and that all clients send unchanged.
func visible() []string {
	var list []string
	for _, text := range hostile {
		if strings.IndexFunc(text, func(c rune) bool { return c < ' ' || c > '~' }) < 0 {
			list = append(list, text)
		}
	}
	return list
}

func (w *world) hostileRequest(r *rand.Rand, i int) map[string]any {
	method := []string{"POST", "PUT", "PATCH", "GET", "DELETE"}[i%5]
	d := map[string]any{
		"method": method, "url": w.gateway + "/prod/a%20b", "service": "execute-api", "region": "eu-west-1",
		"query": map[string]string{"q": randomText(r, hostile...), "r": randomText(r, hostile...)},
		"headerList": []map[string]string{
			{"name": "x-amz-meta-a", "value": "x" + randomText(r, visible()...) + "x"}, {"name": "x-amz-meta-b", "value": ""},
		},
	}
	switch {
	case i%5 > 2:
	case i%2 == 1:
		d["body"] = map[string]any{"text": randomText(r, hostile...), "@name": randomText(r, hostile...), "n": 1.5}
	default:
		d["body"] = randomText(r, hostile...)
	}
	return d
}

// runners run a snippet in each form. A form is skipped visibly if its interpreter is missing.
var runners = map[string]struct {
	needs []string
	run   func(t *testing.T, w *world, text string)
}{
	"curl-bash":      {[]string{"sh", "curl", "jq", "base64"}, command("request.sh", "sh")},
	"python":         {[]string{"python3"}, command("request.py", "python3", "-I")},
	"javascript":     {[]string{"node"}, command("request.mjs", "node")},
	"logic-apps":     {nil, runWorkflow},
	"power-automate": {nil, runScope},
	"curl-cmd":       {nil, runCmd},
	"n8n":            {nil, runN8N},
}

func command(file string, args ...string) func(*testing.T, *world, string) {
	return func(t *testing.T, _ *world, text string) {
		t.Helper()
		path := filepath.Join(t.TempDir(), file)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c := exec.CommandContext(t.Context(), args[0], append(args[1:], path)...)
		c.Dir = filepath.Dir(path)
		c.Env = append(os.Environ(), "COUNTERSIGN_KEY="+key)
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s\n%s", err, out, text)
		}
		if left, _ := filepath.Glob(filepath.Join(c.Dir, "*")); len(left) != 1 {
			t.Fatalf("the snippet left %q\n%s", left, text)
		}
	}
}

func runDefinition(t *testing.T, text string) {
	t.Helper()
	workflow, err := logicapps.Load([]byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	sleep := func(context.Context, time.Duration) error { return nil }
	run, err := (&logicapps.Engine{Transport: http.DefaultTransport, Sleep: sleep}).Run(t.Context(), workflow, nil)
	if err != nil || run.Status != logicapps.Succeeded {
		history := ""
		if run != nil {
			for _, a := range run.Actions {
				history += fmt.Sprintf("%s %s %v %v\n", a.Name, a.Status, a.Err, a.Outputs)
			}
		}
		t.Fatalf("%v\n%s\n%s", err, text, history)
	}
}

func runWorkflow(t *testing.T, _ *world, text string) {
	t.Helper()
	i := strings.LastIndex(text, `"value": ""`)
	if i >= 0 {
		text = text[:i] + `"value": "` + key + `"` + text[i+len(`"value": ""`):]
	}
	runDefinition(t, text)
}

// runScope runs the steps of the scope after a step that sets the variable.
func runScope(t *testing.T, _ *world, text string) {
	t.Helper()
	var clipboard struct {
		OperationDefinition struct {
			Actions json.RawMessage `json:"actions"`
		} `json:"operationDefinition"`
	}
	if err := json.Unmarshal([]byte(text), &clipboard); err != nil {
		t.Fatal(err)
	}
	steps := strings.Replace(string(clipboard.OperationDefinition.Actions), `"runAfter": {}`, `"runAfter": {"Set": ["Succeeded"]}`, 1)
	runDefinition(t, `{"definition":{`+
		`"$schema":"https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#",`+
		`"contentVersion":"1.0.0.0",`+
		`"triggers":{"manual":{"type":"Request","kind":"Http","inputs":{"schema":{}}}},"actions":{"Set":{"type":"InitializeVariable",`+
		`"inputs":{"variables":[{"name":"COUNTERSIGN_KEY","type":"string","value":"`+key+`"}]},"runAfter":{}},`+
		strings.TrimPrefix(steps, "{")+`,"outputs":{}}}`)
}

// send sends a request that was read from a snippet.
func send(t *testing.T, s signed, extra ...string) []byte {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), s.Method, s.URL, bytes.NewReader(s.bytes()))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range s.HeaderList {
		r.Header.Set(h["name"], h["value"])
	}
	for i := 0; i < len(extra); i += 2 {
		r.Header.Set(extra[i], extra[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// runCmd parses the command as Windows does, and sends what curl would send.
func runCmd(t *testing.T, w *world, text string) {
	t.Helper()
	read := reading.Read(text)
	q := read.Request()
	if q == nil || q.Form != reading.FormCurlCmd {
		t.Fatalf("no cmd command in\n%s", text)
	}
	for _, n := range read.Notes {
		if n.Error {
			t.Fatalf("%s in\n%s", n.Code, text)
		}
	}
	s := signed{Method: q.Method.Text(), URL: q.URL.Text()}
	for _, h := range q.Headers {
		if !h.Implied {
			s.HeaderList = append(
				s.HeaderList,
				map[string]string{"name": h.Name.Text(), "value": strings.ReplaceAll(h.Value.Text(), "%COUNTERSIGN_KEY%", key)},
			)
		}
	}
	body := q.Body.Content.Text()
	s.Body = &body
	response := send(t, s)
	if !strings.HasSuffix(s.URL, "/v1/sign") {
		return
	}
	var next signed
	if err := json.Unmarshal(response, &next); err != nil || next.URL == "" {
		t.Fatalf("%v %s\n%s", err, response, text)
	}
	send(t, next)
}

// runN8N executes the nodes of the workflow as n8n does.
func runN8N(t *testing.T, w *world, text string) {
	t.Helper()
	var workflow struct {
		Nodes []struct {
			Name       string
			Parameters struct {
				Method, URL, JSONBody, JSONHeaders, Body string
				HeaderParameters                         struct {
					Parameters []struct{ Name, Value string }
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(text), &workflow); err != nil {
		t.Fatal(err)
	}
	last := workflow.Nodes[len(workflow.Nodes)-1].Parameters
	if len(workflow.Nodes) == 3 {
		ask := workflow.Nodes[1].Parameters
		if got := ask.HeaderParameters.Parameters[0]; got.Name != "X-API-Key" || got.Value != "={{ $env.COUNTERSIGN_KEY }}" {
			t.Fatalf("the key is %+v", got)
		}
		var next signed
		if err := json.Unmarshal(send(t, signed{
			Method: ask.Method, URL: ask.URL, Body: &ask.JSONBody,
		}, "X-API-Key", key), &next); err != nil || last.URL != "={{ $json.url }}" {
			t.Fatalf("%v\n%s", err, text)
		}
		send(t, next)
		return
	}
	value := func(text string) string {
		if !strings.HasPrefix(text, "=") {
			return text
		}
		inner := strings.TrimSuffix(strings.TrimPrefix(text, "={{ "), " }}")
		var out string
		if err := json.Unmarshal([]byte(inner), &out); err != nil || strings.ContainsAny(inner, "{}") {
			t.Fatalf("%q is an expression: %v", text, err)
		}
		return out
	}
	s := signed{Method: last.Method, URL: value(last.URL)}
	var headers map[string]string
	if err := json.Unmarshal([]byte(last.JSONHeaders), &headers); err != nil {
		t.Fatal(err)
	}
	for name, v := range headers {
		s.HeaderList = append(s.HeaderList, map[string]string{"name": name, "value": v})
	}
	body := value(last.Body)
	s.Body = &body
	send(t, s)
}

// Whatever a request contains, each form sends it with a valid signature, and contains no key.
func TestSnippets_SendHostileRequests(t *testing.T) {
	for form, runner := range runners {
		t.Run(form, func(t *testing.T) {
			for _, program := range runner.needs {
				if _, err := exec.LookPath(program); err != nil {
					if os.Getenv("CI") != "" {
						t.Fatal(err)
					}
					t.Skipf("NOT CHECKED, the form %s: %v", form, err)
				}
			}
			r := rand.New(rand.NewPCG(19, 9))
			n := *count
			if testing.Short() {
				n = 3
			}
			if runner.needs != nil {
				n = max(1, n/3)
			}
			for i := range n {
				w := newWorld(t)
				document := w.hostileRequest(r, i)
				var want signed
				if code := w.post(t, "/v1/sign", document, &want); code != http.StatusOK {
					t.Fatalf("%d for %v: %+v", code, document, want)
				}
				asked := maps.Clone(document)
				if i%2 == 0 { // snippets choose how much of the response they read
					asked["output"], asked["bodyForm"] = "short", "none"
				}
				for _, ask := range []map[string]any{
					{"for": form, "request": asked, "address": w.service},
					{"for": form, "request": want},
				} {
					var made struct{ Text, Detail string }
					code := w.post(t, "/v1/snippets", ask, &made)
					if form == "curl-cmd" && ask["address"] == nil && bytes.ContainsRune(want.bytes(), '\r') {
						if code != http.StatusBadRequest {
							t.Fatalf("a Windows command accepts carriage returns:\n%s", made.Text)
						}
						continue
					}
					if code != http.StatusOK {
						t.Fatalf("%d %s", code, made.Detail)
					}
					if strings.Contains(made.Text, key) {
						t.Fatalf("the key is in\n%s", made.Text)
					}
					w.seen, w.keysSeen = nil, nil
					runner.run(t, w, made.Text)
					w.check(t, want, made.Text, ask["address"] != nil)
				}
			}
		})
	}
}

func (w *world) check(t *testing.T, want signed, text string, asked bool) {
	t.Helper()
	if asked && (len(w.keysSeen) != 1 || w.keysSeen[0] != key) || !asked && len(w.keysSeen) > 0 {
		t.Fatalf("Countersign was called with the keys %q by\n%s", w.keysSeen, text)
	}
	if len(w.seen) != 1 {
		t.Fatalf("the gateway received %d requests from\n%s", len(w.seen), text)
	}
	got := w.seen[0]
	if got.status != http.StatusOK || got.method != want.Method || got.path != strings.TrimPrefix(want.URL, w.gateway) {
		t.Fatalf("%d %s for %s %s, want %s %s\n%s", got.status, got.echo, got.method, got.path, want.Method, want.URL, text)
	}
	if json.Valid(want.bytes()) { // workflows reformat JSON
		return
	}
	if !bytes.Equal(got.body, want.bytes()) {
		t.Fatalf("the body %q arrived as %q from\n%s", want.bytes(), got.body, text)
	}
}
