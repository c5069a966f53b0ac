//go:build linux && amd64

package chain_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"countersign/connector"
	"countersign/converter"
	"countersign/internal/functionshost"
	"countersign/internal/logicapps"
	"countersign/internal/upstream"
	"countersign/sandbox"
)

const (
	theirAPI = "https://a1b2c3d4e5.execute-api." + region + ".amazonaws.com/prod"
	usageKey = "usage-plan-key-EXAMPLE"
	odd      = "a b/c%2Fd+ü&=?#" // a value for a field that is hard to encode
)

// theirs is an API behind IAM authorisation and a usage plan. It responds with what it saw.
type theirs struct {
	gateway http.Handler
	mu      sync.Mutex
	faults  []string
	seen    sandbox.Seen
	status  int // instead of 200
}

func (a *theirs) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	response := httptest.NewRecorder()
	a.gateway.ServeHTTP(response, r)
	a.mu.Lock()
	defer a.mu.Unlock()
	if got := r.Header.Values("X-Api-Key"); len(got) != 1 || got[0] != usageKey {
		a.faults = append(a.faults, fmt.Sprintf("the usage plan's key is %q", got))
	}
	if response.Code != http.StatusOK {
		a.faults = append(a.faults, response.Body.String())
	}
	_ = json.Unmarshal(response.Body.Bytes(), &a.seen)
	if a.status != 0 {
		response.Code = a.status
		response.Header().Set("Location", "/prod/later")
	}
	relay(w, response)
}

// take returns what arrived since the last call.
func (a *theirs) take() (sandbox.Seen, []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	seen, faults := a.seen, a.faults
	a.seen, a.faults = sandbox.Seen{}, nil
	return seen, faults
}

func (a *theirs) answers(status int) { a.mu.Lock(); a.status = status; a.mu.Unlock() }

// Every action of converted definitions is run by the workflow engine, behind both kinds of host: what arrives has a
// valid signature and the usage plan's key, and never ours.
func TestConvertedConnectors_EveryActionArrives(t *testing.T) {
	for _, older := range []bool{false, true} {
		t.Run(map[bool]string{false: "proxying", true: "forwarding"}[older], func(t *testing.T) {
			t.Parallel()
			a := startAWS(t)
			api := &theirs{gateway: a.services["execute-api"]}
			service := startForConnectors(t, a, api, older)
			engine := (&chain{aws: a, service: service}).engine()
			actions := 0
			for file, definition := range convertedSamples(t) {
				for _, o := range operationsOf(t, definition) {
					o.run(t, file, engine, api, older)
					actions++
				}
			}
			if actions < 15 {
				t.Errorf("only %d actions ran", actions)
			}
			t.Logf("%d actions", actions)
			checkMapping(t, engine, api)
		})
	}
}

// startForConnectors starts the packaged program, which may send only to the API.
func startForConnectors(t *testing.T, a *aws, api http.Handler, older bool) *service {
	t.Helper()
	up, err := upstream.Start(api)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(up.Close)
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	host := strings.TrimPrefix(strings.TrimSuffix(theirAPI, "/prod"), "https://")
	configuration := write("countersign.yaml", fmt.Sprintf(`allow_send: true
profiles:
  orders:
    source: environment
    region: %s
    sts_endpoint: %s
    assume_role: {role_arn: %q, external_id: %s}
    upstream_headers:
      x-api-key: {value_file: %s, hosts: [%s]}
callers:
  api_keys: [{id: flow, sha256: %s}]
`, region, a.stsURL, sandbox.PartnerRoleARN, sandbox.PartnerExternalID, write("usage-key", usageKey), host, keyHash()))
	service := startServiceWith(t, functionshost.Options{Older: older}, map[string]string{
		"AWS_ACCESS_KEY_ID": sandbox.AccessKeyID, "AWS_SECRET_ACCESS_KEY": sandbox.SecretAccessKey, "AWS_REGION": region,
		"COUNTERSIGN_CONFIG": configuration, "HTTPS_PROXY": up.ProxyURL.String(), "AWS_CA_BUNDLE": write("ca.pem", string(up.CA)),
	})
	if err := service.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return service
}

// convertedSamples returns the definitions in converter/testdata converted to connectors, by file.
func convertedSamples(t *testing.T) map[string]map[string]any {
	t.Helper()
	swagger, err := os.ReadFile("../../api/swagger.json")
	if err != nil {
		t.Fatal(err)
	}
	frame, err := connector.NewFrame(swagger, "sign.example.com")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]map[string]any{}
	for _, name := range []string{
		"1-rest-export.swagger.json", "2-rest-export.oas30.json", "3-proxy-any.oas30.json", "4-filled.swagger.yaml", "5-shapes.oas30.yaml",
		"6-modern.oas31.yaml",
	} {
		text, err := os.ReadFile("../../converter/testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		made, err := converter.Convert(text, converter.Options{
			Frame: frame, Profile: "orders", Upstream: theirAPI, Any: []string{"get", "post", "put", "patch", "delete"}, Greedy: true,
		})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var definition map[string]any
		if err := json.Unmarshal(made.Files["apiDefinition.swagger.json"], &definition); err != nil {
			t.Fatal(err)
		}
		all[name] = definition
	}
	return all
}

// operation is a connector's action with a value in each of its fields.
type operation struct {
	name, method, path string
	queries            logicapps.Object
	headers            logicapps.Object
	body               any
	wantPath           string
	wantQuery          url.Values
}

func operationsOf(t *testing.T, definition map[string]any) []operation {
	t.Helper()
	var list []operation
	paths, _ := definition["paths"].(map[string]any)
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		if !strings.HasPrefix(path, "/call/") {
			continue // the raw action
		}
		item, _ := paths[path].(map[string]any)
		for _, method := range slices.Sorted(maps.Keys(item)) {
			o, _ := item[method].(map[string]any)
			made := operation{method: method, path: path, wantQuery: url.Values{}}
			made.name, _ = o["operationId"].(string)
			parameters, _ := o["parameters"].([]any)
			made.wantPath = "/" + strings.SplitN(path, "/", 5)[4]
			for _, p := range parameters {
				made.fill(definition, p.(map[string]any))
			}
			list = append(list, made)
		}
	}
	return list
}

func (o *operation) fill(definition, p map[string]any) {
	name, _ := p["name"].(string)
	value := valueOf(definition, p, 0)
	switch p["in"] {
	case "path":
		escaped := url.PathEscape(fmt.Sprint(value))
		o.path = strings.Replace(o.path, "{"+name+"}", escaped, 1)
		o.wantPath = strings.Replace(o.wantPath, "{"+name+"}", escaped, 1)
	case "query":
		o.queries = append(o.queries, logicapps.Member{Name: name, Value: value})
		values, isList := value.([]any)
		if !isList {
			values = []any{value}
		}
		for _, v := range values {
			o.wantQuery.Add(name, fmt.Sprint(v))
		}
	case "header":
		o.headers = append(o.headers, logicapps.Member{Name: name, Value: strings.ReplaceAll(fmt.Sprint(value), "ü", "")})
	case "body":
		o.body = valueOf(definition, p["schema"], 0)
	}
}

// valueOf returns a value for a schema or parameter, with texts that are hard to encode.
func valueOf(definition map[string]any, schema any, depth int) any {
	s, _ := schema.(map[string]any)
	if ref, isRef := s["$ref"].(string); isRef {
		definitions, _ := definition["definitions"].(map[string]any)
		return valueOf(definition, definitions[strings.TrimPrefix(ref, "#/definitions/")], depth+1)
	}
	if values, _ := s["enum"].([]any); len(values) > 0 {
		if number, isNumber := values[0].(float64); isNumber {
			return logicapps.Number(fmt.Sprint(number))
		}
		return values[0]
	}
	switch s["type"] {
	case "integer", "number":
		return logicapps.Number("7")
	case "boolean":
		return true
	case "array":
		items, _ := s["items"].(map[string]any)
		if s["in"] == nil || s["collectionFormat"] == "multi" {
			return []any{valueOf(definition, items, depth+1), valueOf(definition, items, depth+1)}
		}
		return valueOf(definition, items, depth+1)
	case "object":
		o := logicapps.Object{}
		properties, _ := s["properties"].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(properties)) {
			if depth < 4 {
				o = append(o, logicapps.Member{Name: name, Value: valueOf(definition, properties[name], depth+1)})
			}
		}
		return o
	}
	if s["format"] == "binary" {
		return logicapps.Object{{Name: "$content-type", Value: "application/octet-stream"}, {Name: "$content", Value: "AAEC/w=="}}
	}
	return odd
}

// run lets the engine run the action, and checks what arrived.
func (o *operation) run(t *testing.T, file string, engine *logicapps.Engine, api *theirs, older bool) {
	t.Helper()
	action := o.call(t, engine)
	seen, faults := api.take()
	for _, fault := range faults {
		t.Errorf("%s, %s: %s", file, o.name, fault)
	}
	wantQuery := o.wantQuery
	if older { // it joins the values of a repeated name
		wantQuery = url.Values{}
		for name, values := range o.wantQuery {
			wantQuery.Set(name, strings.Join(values, ","))
		}
	}
	if action.Status != logicapps.Succeeded && action.Err != nil && !strings.Contains(action.Err.Error(), "not JSON") {
		t.Errorf("%s, %s: %v %v", file, o.name, action.Err, action.Outputs)
		return
	}
	got, err := url.ParseQuery(seen.Query)
	if err != nil || !strings.EqualFold(seen.Method, o.method) || got.Encode() != wantQuery.Encode() {
		t.Errorf("%s, %s: %s ?%s arrived, want ?%s", file, o.name, seen.Method, seen.Query, wantQuery.Encode())
	}
	want := o.wantPath
	if older { // it decodes the path
		want = strings.ReplaceAll(want, "%2F", "/")
	}
	if decoded(seen.Path) != decoded(want) {
		t.Errorf("%s, %s: %s arrived, want %s", file, o.name, seen.Path, want)
	}
	if (o.body != nil) != (seen.BodyLength > 0) {
		t.Errorf("%s, %s: %d bytes arrived", file, o.name, seen.BodyLength)
	}
}

// decoded returns a path with all escapes decoded except those of slashes, which would change its segments.
func decoded(path string) string {
	text, err := url.PathUnescape(strings.ReplaceAll(path, "%2F", "%252F"))
	if err != nil {
		return path
	}
	return text
}

func (o *operation) call(t *testing.T, engine *logicapps.Engine) *logicapps.Action {
	t.Helper()
	inputs := logicapps.Object{
		{Name: "host", Value: logicapps.Object{{Name: "connection", Value: logicapps.Object{{Name: "name", Value: connectionID}}}}},
		{Name: "method", Value: o.method},
		{Name: "path", Value: o.path},
		{Name: "queries", Value: o.queries},
		{Name: "headers", Value: o.headers},
		{Name: "retryPolicy", Value: logicapps.Object{{Name: "type", Value: "none"}}},
	}
	if o.body != nil {
		inputs = append(inputs, logicapps.Member{Name: "body", Value: o.body})
	}
	workflow, err := logicapps.Load([]byte(`{"definition":{"triggers":{"manual":{"type":"Request"}},` +
		`"actions":{"Call":{"type":"ApiConnection","inputs":{},"runAfter":{}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := workflow.Edit(inputs, "definition", "actions", "Call", "inputs"); err != nil {
		t.Fatal(err)
	}
	run, err := engine.Run(t.Context(), workflow, nil)
	if err != nil {
		t.Fatal(err)
	}
	return run.Of("Call")[0]
}

// checkMapping checks that statuses with a special meaning for engines are mapped to others.
func checkMapping(t *testing.T, engine *logicapps.Engine, api *theirs) {
	t.Helper()
	o := operation{method: "post", path: "/call/orders/" + strings.TrimPrefix(theirAPI, "https://") + "/orders", body: logicapps.Object{}}
	for theirStatus, want := range map[int]string{201: "201", 202: "200", 401: "403", 404: "404", 504: "503"} {
		api.answers(theirStatus)
		action := o.call(t, engine)
		outputs, _ := action.Outputs.(logicapps.Object)
		headers, _ := outputs.Get("headers")
		status, _ := outputs.Get("statusCode")
		if got := fmt.Sprint(status); got != want || strings.Contains(fmt.Sprint(headers), "/prod/later") {
			t.Errorf("the API responds with %d: %s %v, want %s", theirStatus, got, headers, want)
		}
		if n := len(action.Calls); n != 1 {
			t.Errorf("the API responds with %d: the engine called %d times", theirStatus, n)
		}
	}
	api.answers(0)
	_, _ = api.take()
}
