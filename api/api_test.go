package api_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"countersign/access"
	"countersign/api"
	"countersign/broker"
	"countersign/credentials"
	"countersign/handlers"
	"countersign/internal/contract"
	"countersign/internal/upstream"
	"countersign/problem"
	"countersign/sending"
	"countersign/signing"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
	"github.com/go-chi/chi/v5"
	"github.com/rs/zerolog"
)

const key = "crm-sync.EXAMPLE-key-that-opens-nothing"

var now = time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)

type sessions struct {
	panics bool
	wait   <-chan struct{} // if not nil, sessions wait until it is closed
}

func (s sessions) Session(context.Context, credentials.SessionRequest) (credentials.Session, error) {
	if s.panics {
		panic("EXAMPLESECRET")
	}
	if s.wait != nil {
		<-s.wait
	}
	return credentials.Session{
		Credentials: signing.NewCredentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "EXAMPLETOKEN"),
		Expires:     now.Add(time.Hour), Profile: "orders",
	}, nil
}

func (s sessions) Identity(context.Context, credentials.SessionRequest) (credentials.Identity, error) {
	return credentials.Identity{
		Account: "123456789012", ARN: "arn:aws:sts::123456789012:assumed-role/orders/countersign", UserID: "AROAEXAMPLE:countersign",
	}, nil
}

func (s sessions) Profiles() []credentials.Profile {
	return []credentials.Profile{{Name: "orders", Description: "Orders API", Region: "eu-west-1"}}
}

func (s sessions) SessionFromRequest(context.Context, credentials.RequestCredentials) (credentials.Session, error) {
	return credentials.Session{}, credentials.ErrConfiguration
}

func (s sessions) Drop(credentials.Session) bool { return true }

// contractRouter is shared: validating the contract and its examples takes longer than a test.
var contractRouter = sync.OnceValues(func() (routers.Router, error) {
	text, err := os.ReadFile("../openapi.yaml")
	if err != nil {
		return nil, err
	}
	return contract.Router(text)
})

type unrecorded struct{}

func (unrecorded) Write(context.Context, access.Record) error { return nil }
func (unrecorded) NextID() string                             { return "event" }

type server struct {
	routes  chi.Routes
	handler http.Handler
	log     *strings.Builder
	h       *handlers.Handlers
	arrived *atomic.Int64 // requests at AWS
	aws     *func()       // called by AWS first
}

func newServer(t *testing.T, s broker.Sessions) server {
	t.Helper()
	return newServerWith(t, s, func(*api.Options) {})
}

// newServerWith is newServer with changed options.
func newServerWith(t *testing.T, s broker.Sessions, change func(*api.Options)) server {
	t.Helper()
	return newServerOf(t, s, unrecorded{}, everythingAllowed, change)
}

const everythingAllowed = `permit (principal, action, resource);
permit (principal, action, resource) when { resource.service == "rds-db" };
permit (principal, action, resource) when { resource.operation == "CallWithBearerToken" };
permit (principal, action, resource) when { resource.service == "sts" && resource.hasTag("header.x-k8s-aws-id") };`

// newServerOf is newServer with an audit sink and policies.
func newServerOf(t *testing.T, s broker.Sessions, audit broker.Audit, policies string, change func(*api.Options)) server {
	t.Helper()
	router, err := contractRouter()
	if err != nil {
		t.Fatal(err)
	}
	clock := func() time.Time { return now }
	sum := sha256.Sum256([]byte(key))
	auth, err := access.NewAuthenticator(access.Options{
		APIKeys: []access.APIKey{{ID: "crm-sync", SHA256: hex.EncodeToString(sum[:])}}, Now: clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	policy, err := access.NewPolicy("test.cedar", []byte(policies))
	if err != nil {
		t.Fatal(err)
	}
	out := server{log: &strings.Builder{}, arrived: new(atomic.Int64), aws: new(func())}
	*out.aws = func() {}
	aws, err := upstream.Start(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		out.arrived.Add(1)
		(*out.aws)()
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"order":1042}`))
	}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(aws.Close)
	client, err := sending.New(sending.Options{Now: clock, ExtraCAs: aws.CA, Proxy: aws.Proxy})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	out.h = handlers.New(handlers.Options{Version: "1.2.3", Options: broker.Options{
		Signer: new(signing.Signer), Sessions: s, Now: clock, Policy: policy, DefaultProfile: "orders", Audit: audit, Sender: client,
	}})
	rate, err := access.NewRate(access.RateOptions{PerSecond: 1, Burst: 1000, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	limiter, err := access.NewLimiter(1<<30, 1, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	options := api.Options{
		Handlers: out.h, Contract: []byte("openapi: 3.0.3"), Auth: auth, Log: zerolog.New(zerolog.SyncWriter(out.log)), Now: clock,
		NewID: func() string { return "made-here" }, MaxBodyBytes: 1 << 20, Rate: rate,
		Requests: limiter, Memory: limiter, Hashes: limiter, Sends: limiter, Senders: api.NewHalves(8), Bodies: api.NewHalves(1 << 30),
	}
	change(&options)
	whole := api.New(options)
	out.routes = whole.(chi.Routes)
	out.handler = contract.Enforce(router, whole, func(err error) { t.Error(err) })
	return out
}

func (s server) do(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

func contractDocument(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromFile("../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestRoutesAndContractAreTheSame(t *testing.T) {
	var routes, operations []string
	err := chi.Walk(newServer(t, sessions{}).routes, func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		routes = append(routes, method+" "+route)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for path, item := range contractDocument(t).Paths.Map() {
		for method := range item.Operations() {
			operations = append(operations, method+" "+path)
		}
	}
	slices.Sort(routes)
	slices.Sort(operations)
	if !slices.Equal(routes, operations) {
		t.Errorf("routes     %v\noperations %v", routes, operations)
	}
}

func TestEveryExampleOfTheContractIsServed(t *testing.T) {
	s := newServer(t, sessions{})
	sent := 0
	for path, item := range contractDocument(t).Paths.Map() {
		for method, operation := range item.Operations() {
			if operation.RequestBody == nil {
				if w := s.do(method, path+exampleQuery(operation), "", "X-API-Key", key); w.Code != http.StatusOK {
					t.Errorf("%s %s: %d %s", method, path, w.Code, w.Body)
				}
				sent++
				continue
			}
			if operation.RequestBody.Value.Content.Get("application/json") == nil {
				if w := s.do(method, path, "hello", "X-API-Key", key, "Content-Type", "application/octet-stream"); w.Code != http.StatusOK {
					t.Errorf("%s %s: %d %s", method, path, w.Code, w.Body)
				}
				sent++
				continue
			}
			examples := operation.RequestBody.Value.Content.Get("application/json").Examples
			if len(examples) == 0 {
				t.Errorf("%s has no example", operation.OperationID)
			}
			for name, example := range examples {
				body, err := json.Marshal(example.Value.Value)
				if err != nil {
					t.Fatal(err)
				}
				w := s.do(method, path, string(body), "X-API-Key", key, "Content-Type", "application/json")
				if w.Code != http.StatusOK {
					t.Errorf("%s, example %s: %d %s", operation.OperationID, name, w.Code, w.Body)
				}
				sent++
			}
		}
	}
	if sent < 26 {
		t.Errorf("only %d examples were sent", sent)
	}
}

// exampleQuery holds the parameters that have an example in the contract.
func exampleQuery(o *openapi3.Operation) string {
	values := url.Values{}
	for _, p := range o.Parameters {
		if p.Value.Example != nil {
			values.Set(p.Value.Name, fmt.Sprint(p.Value.Example))
		}
	}
	return "?" + values.Encode()
}

func TestEveryOperationAndPropertyIsDescribed(t *testing.T) {
	doc := contractDocument(t)
	for path, item := range doc.Paths.Map() {
		for method, o := range item.Operations() {
			if o.OperationID == "" || o.Summary == "" || !strings.HasSuffix(o.Description, ".") {
				t.Errorf("%s %s: operationId %q, summary %q, description %q", method, path, o.OperationID, o.Summary, o.Description)
			}
		}
	}
	var walk func(where string, s *openapi3.SchemaRef)
	walk = func(where string, s *openapi3.SchemaRef) {
		v := s.Value
		if v.Title == "" || v.Description == "" {
			t.Errorf("%s: title %q, description %q", where, v.Title, v.Description)
		}
		if len(v.OneOf)+len(v.AnyOf)+len(v.AllOf) > 0 {
			t.Errorf("%s: designers show oneOf, anyOf and allOf as one untyped box", where)
		}
		for name, p := range v.Properties {
			walk(where+"/"+name, p)
		}
		if v.Items != nil {
			walk(where+"/items", v.Items)
		}
	}
	for name, s := range doc.Components.Schemas {
		walk(name, s)
	}
}

func TestAuthentication(t *testing.T) {
	const body = `{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/"}`
	s := newServer(t, sessions{})
	for _, test := range []struct {
		name, value string
		status      int
	}{
		{"X-API-Key", key, 200},
		{"Authorization", "Bearer " + key, 200},
		{"Authorization", "bearer " + key, 200},
		{"X-API-Key", key + "x", 401},
		{"Authorization", "Basic " + key, 401},
		{"X-Other", key, 401},
	} {
		w := s.do("POST", "/v1/sign", body, test.name, test.value, "Content-Type", "application/json")
		if w.Code != test.status {
			t.Errorf("%s: %s: got %d, want %d", test.name, test.value, w.Code, test.status)
		}
		if test.status == 401 && !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Bearer") {
			t.Errorf("%s: %s: WWW-Authenticate = %q", test.name, test.value, w.Header().Get("WWW-Authenticate"))
		}
	}
	if strings.Contains(s.log.String(), "EXAMPLE") {
		t.Errorf("the log holds a key: %s", s.log)
	}
	if !strings.Contains(s.log.String(), `"caller":"crm-sync"`) {
		t.Errorf("the log does not name the caller: %s", s.log)
	}
}

func TestUnknownRoutesAndMethodsAreProblems(t *testing.T) {
	s := newServer(t, sessions{})
	for path, want := range map[string]string{
		"GET /nothing": "404 not_found", "GET /v1/sign": "405 method_not_allowed", "DELETE /": "405 method_not_allowed",
		"POST /v1/sign/": "404 not_found", "POST //v1/sign": "404 not_found",
	} {
		method, target, _ := strings.Cut(path, " ")
		w := s.do(method, target, "")
		var p problem.Document
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || fmt.Sprint(w.Code, " ", p.Code) != want {
			t.Errorf("%s: got %d %s (%v), want %s", path, w.Code, w.Body, err, want)
		}
		if w.Code == 405 && w.Header().Get("Allow") == "" {
			t.Errorf("%s: no Allow header", path)
		}
	}
}

func TestPanic_IsAProblemWithoutDetails(t *testing.T) {
	s := newServer(t, sessions{panics: true})
	w := s.do("POST", "/v1/sign", `{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/"}`, "X-API-Key", key)
	if w.Code != 500 || strings.Contains(w.Body.String(), "EXAMPLESECRET") || strings.Contains(w.Body.String(), ".go:") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if !strings.Contains(s.log.String(), "middleware.go") {
		t.Errorf("the log has no stack: %s", s.log)
	}
}

func TestRequestIDs(t *testing.T) {
	s := newServer(t, sessions{})
	for given, want := range map[string]string{
		"": "made-here", "flow-7.run_3": "flow-7.run_3", "a b": "made-here", "a\"b": "made-here", strings.Repeat("a", 129): "made-here",
		"ü": "made-here",
	} {
		if got := s.do("GET", "/nothing", "", "X-Request-Id", given).Header().Get("X-Request-Id"); got != want {
			t.Errorf("X-Request-Id %q: got %q, want %q", given, got, want)
		}
	}
}

func TestReadinessEndsWithDraining(t *testing.T) {
	s := newServer(t, sessions{})
	if w := s.do("GET", "/readyz", ""); w.Code != 200 {
		t.Errorf("before: %d", w.Code)
	}
	s.h.Drain()
	if w := s.do("GET", "/readyz", ""); w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("after: %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
	if w := s.do("GET", "/livez", ""); w.Code != 200 {
		t.Errorf("livez: %d", w.Code)
	}
}

func TestPollsAreNotLoggedAtInfo(t *testing.T) {
	s := newServer(t, sessions{})
	s.do("GET", "/", "")
	if !strings.Contains(s.log.String(), `"level":"debug"`) {
		t.Errorf("got %s", s.log)
	}
}

func TestSwagger_IsForDesigners(t *testing.T) {
	s := newServer(t, sessions{})
	w := s.do("GET", "https://sign.example.com/swagger.json", "")
	if w.Header().Get("Access-Control-Allow-Origin") != "*" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("no CORS, or a cache may keep it: %v", w.Header())
	}
	var doc openapi2.T
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Swagger != "2.0" || doc.Host != "sign.example.com" || doc.BasePath != "/" || !slices.Equal(doc.Schemes, []string{"https"}) {
		t.Errorf("got %s %s %s %v", doc.Swagger, doc.Host, doc.BasePath, doc.Schemes)
	}
	sign := doc.Paths["/v1/sign"].Post
	if sign == nil || sign.OperationID != "SignRequest" {
		t.Fatalf("SignRequest is missing: %+v", doc.Paths["/v1/sign"])
	}
	property := doc.Definitions["SignRequest"].Value.Properties["headers"].Value
	if property.Extensions["x-ms-summary"] != "Headers" || property.Extensions["x-ms-editor"] != "dictionary" {
		t.Errorf("headers: %v", property.Extensions)
	}
	if len(w.Body.Bytes()) > 256<<10 {
		t.Errorf("%d bytes", w.Body.Len())
	}
}

func TestSwagger_Host(t *testing.T) {
	for _, test := range []struct {
		url, forwarded, public string
		functions              bool
		want                   string
	}{
		{"http://127.0.0.1:9/swagger.json", "", "", false, "127.0.0.1:9 / [http]"},
		{"http://localhost/swagger.json", "", "", false, "localhost / [http]"},
		{"http://sign.example.com/swagger.json", "", "", false, "sign.example.com / [https]"},
		{"http://sign.example.com/swagger.json", "evil.example", "", false, "sign.example.com / [https]"},
		{"http://127.0.0.1:9/swagger.json", "fn.azurewebsites.net", "", true, "fn.azurewebsites.net / [https]"},
		{"http://127.0.0.1:9/swagger.json", "evil.example", "https://api.example.com/sign", true, "api.example.com /sign [https]"},
	} {
		s := newServerWith(t, sessions{}, func(o *api.Options) { o.PublicURL, o.BehindFunctions = test.public, test.functions })
		var doc openapi2.T
		response := s.do("GET", test.url, "", "X-Forwarded-Host", test.forwarded, "X-Forwarded-Proto", "https")
		if err := json.Unmarshal(response.Body.Bytes(), &doc); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(doc.Host, " ", doc.BasePath, " ", doc.Schemes); got != test.want {
			t.Errorf("%+v: got %s", test, got)
		}
	}
}

func TestHead_IsServedWhereGetIs(t *testing.T) {
	s := newServer(t, sessions{})
	w := httptest.NewRecorder()
	s.routes.(http.Handler).ServeHTTP(w, httptest.NewRequest(http.MethodHead, "/", nil))
	if w.Code != http.StatusOK {
		t.Errorf("HEAD /: %d", w.Code)
	}
}
