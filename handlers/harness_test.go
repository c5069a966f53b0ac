package handlers_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/access"
	"countersign/api"
	"countersign/credentials"
	"countersign/handlers"
	"countersign/internal/contract"
	"countersign/problem"
	"countersign/signing"

	"github.com/getkin/kin-openapi/routers"
	"github.com/rs/zerolog"
)

// AWS's documented example keys, with an invented session token.
const (
	accessKeyID = "AKIDEXAMPLE"
	secretKey   = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	token       = "EXAMPLETOKEN//////////wEaDExampleSessionTokenThatOpensNothing=="
)

var signedAt = time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)

// fakeSessions returns what its functions do; without them, a profile's session that lasts an hour.
type fakeSessions struct {
	session     func(credentials.SessionRequest) (credentials.Session, error)
	sessionFrom func(credentials.RequestCredentials) (credentials.Session, error)
}

func (f fakeSessions) Session(_ context.Context, a credentials.SessionRequest) (credentials.Session, error) {
	if f.session != nil {
		return f.session(a)
	}
	return credentials.Session{
		Credentials: signing.NewCredentials(accessKeyID, secretKey, token), Expires: signedAt.Add(time.Hour), Profile: "orders",
	}, nil
}

func (f fakeSessions) Identity(_ context.Context, a credentials.SessionRequest) (credentials.Identity, error) {
	if _, err := f.Session(context.Background(), a); err != nil {
		return credentials.Identity{}, err
	}
	return credentials.Identity{
		Account: "123456789012", ARN: "arn:aws:sts::123456789012:assumed-role/orders/" + a.Profile,
		UserID: "AROAEXAMPLE:" + a.Profile,
	}, nil
}

func (f fakeSessions) Profiles() []credentials.Profile {
	return []credentials.Profile{{Name: "orders", Description: "Orders API", Region: "eu-west-1"}, {Name: "billing", Region: "us-east-1"}}
}

func (f fakeSessions) SessionFromRequest(_ context.Context, g credentials.RequestCredentials) (credentials.Session, error) {
	if f.sessionFrom != nil {
		return f.sessionFrom(g)
	}
	return credentials.Session{Credentials: signing.NewCredentials(g.AccessKeyID, g.SecretAccessKey, g.SessionToken)}, nil
}

func (f fakeSessions) Drop(credentials.Session) bool { return true }

func failing(err error) fakeSessions {
	return fakeSessions{session: func(credentials.SessionRequest) (credentials.Session, error) { return credentials.Session{}, err }}
}

// testServer is the whole service with a fixed clock, checked against the contract; its log is in log.
type testServer struct {
	t       testing.TB
	handler http.Handler
	plain   http.Handler // without the contract check
	log     *strings.Builder
	audit   *records
}

// records is an audit sink, possibly one that cannot be written.
type records struct {
	list []access.Record
	err  error
}

func (r *records) Write(_ context.Context, record access.Record) error {
	if r.err == nil {
		r.list = append(r.list, record)
	}
	return r.err
}

func (r *records) NextID() string { return "event-" + strconv.Itoa(len(r.list)+1) }

func newServer(t testing.TB, change func(*handlers.Options)) *testServer {
	t.Helper()
	options := handlers.Options{Version: "test"}
	options.Signer, options.Sessions, options.Now = new(signing.Signer), fakeSessions{}, func() time.Time { return signedAt }
	policy, err := access.NewPolicy("", nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &testServer{t: t, log: &strings.Builder{}, audit: &records{}}
	options.Policy, options.DefaultProfile, options.Audit = policy, "orders", s.audit
	if change != nil {
		change(&options)
	}
	router, err := contractRouter()
	if err != nil {
		t.Fatal(err)
	}
	auth, err := access.NewAuthenticator(access.Options{Auth: access.AuthNone, Now: options.Now})
	if err != nil {
		t.Fatal(err)
	}
	rate, err := access.NewRate(access.RateOptions{PerSecond: 1000, Burst: 100_000, Now: options.Now})
	if err != nil {
		t.Fatal(err)
	}
	limiter, err := access.NewLimiter(1<<30, 1, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	service := api.New(api.Options{
		Handlers: handlers.New(options), Auth: auth, Log: zerolog.New(s.log), Now: options.Now,
		NewID: func() string { return "request-1" }, MaxBodyBytes: 10 << 20, Rate: rate,
		Requests: limiter, Memory: limiter, Hashes: limiter, Sends: limiter, Senders: api.NewHalves(8), Bodies: api.NewHalves(1 << 30),
	})
	s.plain = service
	s.handler = contract.Enforce(router, service, func(err error) { t.Error(err) })
	return s
}

// contractRouter is shared: validating the contract and its examples takes longer than a test.
var contractRouter = sync.OnceValues(func() (routers.Router, error) {
	text, err := os.ReadFile("../openapi.yaml")
	if err != nil {
		return nil, err
	}
	return contract.Router(text)
})

func (s *testServer) post(path, body string) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return s.do(r)
}

// postPlain is post without the contract check, which costs many times as much as signing.
func (s *testServer) postPlain(path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	s.plain.ServeHTTP(w, r)
	return w
}

func (s *testServer) now() time.Time { return signedAt }

func (s *testServer) do(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

// signResponse is the part of a 200 that the tests read.
type signResponse struct {
	Method, URL       string
	Headers           map[string]string
	HeaderList        []struct{ Name, Value string }
	Authorization     string
	XAmzDate          string
	XAmzSecurityToken string
	XAmzContentSha256 string
	Body, BodyBase64  *string
	BodyEnvelope      map[string]string
	PayloadSha256     string
	Service, Region   string
	Algorithm         string
	ScopeSource       string
	SignedHeaders     []string
	SignedAt          time.Time
	ExpiresAt         time.Time
	AccessKeyID       string
	Profile           string
	Warnings          []struct{ Code, Message string }
	Explanation       stageTexts
}

func (s *testServer) sign(body string) signResponse {
	s.t.Helper()
	w := s.post("/v1/sign", body)
	if w.Code != http.StatusOK {
		s.t.Fatalf("POST /v1/sign %s = %d %s\n%s", body, w.Code, w.Body, s.log)
	}
	return decodeAs[signResponse](s.t, w.Body)
}

func (s *testServer) refuse(body string, status int) problem.Document {
	s.t.Helper()
	return s.problem(s.post("/v1/sign", body), status)
}

func (s *testServer) problem(w *httptest.ResponseRecorder, status int) problem.Document {
	s.t.Helper()
	if w.Code != status || w.Header().Get("Content-Type") != "application/problem+json" || w.Header().Get("Cache-Control") != "no-store" {
		s.t.Fatalf("got %d %s %q, want %d application/problem+json and no-store\n%s", w.Code, w.Header(), w.Body, status, s.log)
	}
	return decodeAs[problem.Document](s.t, w.Body)
}

func decodeAs[T any](t testing.TB, r io.Reader) T {
	t.Helper()
	var v T
	if err := json.NewDecoder(r).Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func (a signResponse) warningCodes() []string {
	codes := make([]string, len(a.Warnings))
	for i, w := range a.Warnings {
		codes[i] = w.Code
	}
	return codes
}

// stageTexts are the texts of an explanation, without its lines.
type stageTexts map[string]string

func (e *stageTexts) UnmarshalJSON(data []byte) error {
	var all map[string]any
	if err := json.Unmarshal(data, &all); err != nil {
		return err
	}
	*e = stageTexts{}
	for name, value := range all {
		if text, ok := value.(string); ok {
			(*e)[name] = text
		}
	}
	return nil
}
