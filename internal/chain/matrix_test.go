//go:build linux && amd64

package chain_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"countersign/internal/logicapps"
	"countersign/sandbox"
	"countersign/signing"
)

// payload is a body as a workflow contains it, and the bytes that it stands for.
type payload struct {
	name        string
	value       any
	contentType string
	bytes       []byte // nil: the engine writes JSON in its own way
}

func payloads(t *testing.T) []payload {
	t.Helper()
	binary := make([]byte, 1<<20)
	source := rand.NewChaCha8([32]byte{1})
	_, _ = source.Read(binary)
	object, err := logicapps.Parse([]byte(`{"zeta":1.50,"alpha":1e2,"minus":-0.0,"big":123456789012345678901234567890,"tiny":0.00001,
		"nested":{"b":[],"a":{},"":null},"text":"Grüße \u2028 </script> 😀 \u0001 \\ \"","truth":[true,false]}`))
	if err != nil {
		t.Fatal(err)
	}
	const text, unicode, form = "order 1042 is paid", "Grüße, 東京 – 😀\r\n\t\"quoted\" \\ \u2028 %41+",
		"order=1042&note=a+b%20c%C3%BC&empty="
	return []payload{
		{name: "no body"},
		{"text", text, "text/plain", []byte(text)},
		{"Unicode text", unicode, "text/plain; charset=utf-8", []byte(unicode)},
		{"JSON object", object, "application/x-amz-json-1.1", nil},
		{
			"1 MiB binary",
			logicapps.Object{
				{Name: "$content-type", Value: "application/octet-stream"},
				{Name: "$content", Value: base64.StdEncoding.EncodeToString(binary)},
			},
			"", binary,
		},
		{"form", form, "application/x-www-form-urlencoded", []byte(form)},
	}
}

// template is one of the workflow definitions, and how its author would adapt it to a request.
type template struct {
	file string
	sign string // the action that calls the signer
	busy int    // how often AWS responds with 503 first
	urls []string
	fit  func(t *testing.T, w *logicapps.Workflow, method, url string, p payload)
}

const (
	api    = "https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/prod/orders/ä b/(1)?q=x%2Fy&q=a&empty"
	queue  = "https://sqs.eu-west-1.amazonaws.com/123456789012/orders"
	object = "https://examplebucket.s3.eu-west-1.amazonaws.com/in/Grüße //a+b%2Bc'(1).txt?versionId=1"
)

var templates = []template{
	{"sign-then-call.json", "Sign", 0, []string{api, object}, fitRequest},
	{"connector-form.json", "Sign", 0, []string{queue}, fitRequest},
	{"loop-with-resigning.json", "Sign", 2, []string{queue}, fitRequest},
	{"call-api-gateway.json", "Sign", 0, []string{api}, func(t *testing.T, w *logicapps.Workflow, method, url string, p payload) {
		edit(t, w, p.value, "Order", "inputs")
		edit(t, w, method, "Sign", "inputs", "body", "method")
		edit(t, w, url, "Sign", "inputs", "body", "url")
		edit(t, w, headersFor(p), "Sign", "inputs", "body", "headers")
	}},
	{"presigned-upload.json", "Presign", 0, []string{object}, func(t *testing.T, w *logicapps.Workflow, method, url string, p payload) {
		edit(t, w, p.value, "File", "inputs")
		fitRequest(t, w, method, url, payload{contentType: p.contentType})
	}},
}

func fitRequest(t *testing.T, w *logicapps.Workflow, method, url string, p payload) {
	request := requestFor(method, url, p)
	for _, choice := range []string{"output", "bodyForm"} { // workflow authors leave these as they are
		if value := w.At("definition", "actions", "Request", "inputs", choice); value != nil {
			request = append(request, logicapps.Member{Name: choice, Value: value})
		}
	}
	edit(t, w, request, "Request", "inputs")
}

func requestFor(method, url string, p payload) logicapps.Object {
	request := logicapps.Object{{Name: "method", Value: method}, {Name: "url", Value: url}, {Name: "headers", Value: headersFor(p)}}
	if p.value != nil {
		request = append(request, logicapps.Member{Name: "body", Value: p.value})
	}
	return request
}

// headersFor returns headers that AWS requires to be signed, and some that do not survive.
func headersFor(p payload) logicapps.Object {
	headers := logicapps.Object{
		{Name: "X-Amz-Target", Value: "Orders.Put  1"}, {Name: "Range", Value: "bytes=0-9"}, {Name: "Accept-Encoding", Value: "br"},
	}
	if p.contentType != "" {
		headers = append(headers, logicapps.Member{Name: "Content-Type", Value: p.contentType})
	}
	return headers
}

func edit(t *testing.T, w *logicapps.Workflow, value any, path ...string) {
	t.Helper()
	if err := w.Edit(value, append([]string{"definition", "actions"}, path...)...); err != nil {
		t.Fatal(err)
	}
}

// open reads a definition and sets the address of its signer.
func (c *chain) open(t *testing.T, file string) *logicapps.Workflow {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../connector/workflows", file))
	if err != nil {
		t.Fatal(err)
	}
	w, err := logicapps.Load(text)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	for name, value := range map[string]string{"signerUrl": c.service.url, "signerKey": apiKey} {
		if w.At("parameters", name) != nil {
			if err := w.Edit(value, "parameters", name, "value"); err != nil {
				t.Fatal(err)
			}
		}
	}
	return w
}

var methods = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

var whole = flag.Bool("whole", false, "run the complete matrix behind both kinds of host")

// matrix runs every template with every method and every body that the method may have. For the second kind of host,
// which differs only in how it passes a request to the program, one method stands for all.
func (c *chain) matrix(t *testing.T) {
	// The definitions that call AWS in one step have no signing action: handlers TestSend_WorkflowsReadTheResponse runs
	// them.
	if files, err := filepath.Glob("../../connector/workflows/*.json"); err != nil || len(files) != len(templates)+2 {
		t.Errorf("%d definitions in connector/workflows, %d here, and two that call AWS in one step", len(files), len(templates))
	}
	all := payloads(t)
	runs, before := 0, c.aws.count()
	for _, tpl := range templates {
		for _, url := range tpl.urls {
			for _, method := range methods {
				for _, p := range all {
					if method == http.MethodGet && p.value != nil {
						continue // the engine rejects it
					}
					if c.older && method != http.MethodPost && !*whole {
						continue
					}
					if testing.Short() && (c.older || method != http.MethodPost) && p.value != nil && p.name != "JSON object" {
						continue
					}
					t.Run(tpl.file+" "+method+" "+p.name, func(t *testing.T) { c.walk(t, tpl, method, url, p) })
					runs++
				}
			}
		}
	}
	t.Logf("%d runs, %d requests accepted", runs, c.aws.count()-before)
}

func (c *chain) walk(t *testing.T, tpl template, method, url string, p payload) {
	w := c.open(t, tpl.file)
	tpl.fit(t, w, method, url, p)
	c.aws.beBusy(tpl.busy)
	before := c.aws.count()
	run := c.run(t, w)
	signs, calls := run.Of(tpl.sign), run.Of("Call_AWS")
	if run.Status != logicapps.Succeeded || len(calls) != tpl.busy+1 {
		for _, action := range run.Actions {
			t.Logf("%s %s: %v %+.2000v", action.Name, action.Status, action.Err, action.Calls)
		}
		t.Fatalf("the run ended with %s after %d calls", run.Status, len(calls))
	}
	if got := c.aws.count() - before; got != len(calls) {
		t.Errorf("%d of %d requests were accepted", got, len(calls))
	}
	for i, call := range calls {
		arrived(t, signs[i], call, method, p)
	}
	history := run.History()
	for _, secret := range []string{apiKey, calls[0].Calls[0].Header.Get("X-Amz-Security-Token"), calls[0].Calls[0].URL} {
		if secret != url && secret != "" && strings.Contains(history, secret) {
			t.Errorf("the run history shows %.40s…", secret)
		}
	}
}

func (c *chain) run(t *testing.T, w *logicapps.Workflow) *logicapps.Run {
	t.Helper()
	run, err := c.engine().Run(t.Context(), w, nil)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// arrived compares what AWS saw with what the signer returned and what the workflow author intended.
func arrived(t *testing.T, sign, call *logicapps.Action, method string, p payload) {
	t.Helper()
	var seen sandbox.Seen
	if err := json.Unmarshal(call.Calls[0].ResponseBody, &seen); err != nil {
		t.Fatal(err)
	}
	url := member(member(sign.Outputs, "body"), "url")
	target := seen.Path
	if seen.Query != "" {
		target += "?" + seen.Query
	}
	if seen.Method != method || "https://"+seen.Host+target != url {
		t.Errorf("AWS saw %s https://%s%s, signed was %s %s", seen.Method, seen.Host, target, method, url)
	}
	want := p.bytes
	if p.value != nil && want == nil { // JSON: in the spelling that the engine used where it was hashed
		want = written(t, sign, call)
		again, err := logicapps.Parse(want)
		if err != nil || !reflect.DeepEqual(again, p.value) {
			t.Errorf("the object became %s (%v)", want, err)
		}
	}
	if seen.BodySHA256 != signing.PayloadHash(want) || seen.BodyLength != len(want) {
		t.Errorf("AWS saw a body of %d bytes, SHA-256 %s; want %d, %s", seen.BodyLength, seen.BodySHA256, len(want), signing.PayloadHash(want))
	}
}

func member(v any, name string) any {
	o, _ := v.(logicapps.Object)
	v, _ = o.Get(name)
	return v
}

// written returns the bytes of the JSON body that the signer received; with a presigned URL only the call itself has
// the body.
func written(t *testing.T, sign, call *logicapps.Action) []byte {
	t.Helper()
	var asked struct{ Body json.RawMessage }
	if err := json.Unmarshal(sign.Calls[0].Body, &asked); err != nil {
		t.Fatal(err)
	}
	if asked.Body == nil {
		return call.Calls[0].Body
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, asked.Body); err != nil {
		t.Fatal(err)
	}
	return compact.Bytes()
}
