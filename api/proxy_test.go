package api_test

import (
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"countersign/access"
	"countersign/api"
	"countersign/broker"
	"countersign/internal/upstream"
	"countersign/proxy"
	"countersign/sending"
)

const passedOn = "/proxy/orders/a1b2c3.execute-api.eu-west-1.amazonaws.com/prod/orders"

// newPassing is a server that forwards requests to the test's own AWS, which counts them and keeps the last.
func newPassing(t *testing.T, audit broker.Audit, change func(*api.Options)) (server, *atomic.Int64, *atomic.Pointer[http.Request]) {
	t.Helper()
	arrived, last := new(atomic.Int64), new(atomic.Pointer[http.Request])
	return newBefore(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived.Add(1)
		last.Store(r)
		_, _ = io.WriteString(w, `{"order":1042}`)
	}), audit, everythingAllowed, change), arrived, last
}

// newBefore is a server that forwards requests to a handler instead of AWS.
func newBefore(t *testing.T, handler http.Handler, audit broker.Audit, policy string, change func(*api.Options)) server {
	t.Helper()
	aws, err := upstream.Start(handler)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(aws.Close)
	return newServerOf(t, sessions{}, audit, policy, func(o *api.Options) {
		client, err := sending.New(sending.Options{Now: time.Now, ExtraCAs: aws.CA, Proxy: aws.Proxy})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(client.Close)
		o.Handlers.Sender = client
		change(o)
		o.Proxy = api.NewProxy(*o, proxy.Options{})
	})
}

func unchanged(*api.Options) {}

func TestProxy_ForwardsRequests(t *testing.T) {
	audit := &auditList{}
	s, arrived, last := newPassing(t, audit, unchanged)
	for name, headers := range map[string][]string{
		"X-API-Key": {"X-API-Key", key},
		"Basic":     {"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("grafana:"+key))},
		"an SDK":    {"Authorization", "AWS4-HMAC-SHA256 Credential=x", "X-Amz-Security-Token", key},
	} {
		before, records := arrived.Load(), len(audit.list)
		w := s.do("GET", passedOn, "", headers...)
		if w.Code != 200 || w.Body.String() != `{"order":1042}` || arrived.Load() != before+1 {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		for _, value := range last.Load().Header {
			if strings.Contains(strings.Join(value, " "), "EXAMPLE-key-that-opens-nothing") {
				t.Errorf("%s: the key was sent: %q", name, last.Load().Header)
			}
		}
		made := audit.list[records:]
		if len(made) != 2 || made[0].Action != access.ActionSend || made[0].CallerID != "crm-sync" || made[1].Of != made[0].EventID ||
			made[1].Outcome != "complete" {
			t.Errorf("%s: recorded %+v", name, made)
		}
	}
	if log := s.log.String(); !strings.Contains(log, `"route":"/proxy/*"`) || strings.Contains(log, key) {
		t.Errorf("logged %s", log)
	}
}

func TestProxy_RefusesStrangers(t *testing.T) {
	s, arrived, _ := newPassing(t, unrecorded{}, unchanged)
	for name, row := range map[string]struct {
		status  int
		headers []string
	}{
		"no key":    {401, nil},
		"wrong key": {401, []string{"X-API-Key", "EXAMPLE-wrong"}},
		"two keys":  {400, []string{"X-API-Key", key, "Authorization", "Bearer EXAMPLE-wrong"}},
	} {
		if w := s.do("GET", passedOn, "", row.headers...); w.Code != row.status ||
			(w.Header().Get("WWW-Authenticate") != "") != (row.status == 401) {
			t.Errorf("%s: %d %s %q, want %d", name, w.Code, w.Body, w.Header(), row.status)
		}
	}
	if arrived.Load() > 0 {
		t.Error("something was sent")
	}
}

// Pages of other origins cannot have anything sent, whatever the method: AWS has GETs that delete.
func TestProxy_RefusesPagesOfOtherOrigins(t *testing.T) {
	open, err := access.NewAuthenticator(access.Options{Auth: access.AuthNone, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"keys", "none", "public"} {
		s, arrived, _ := newPassing(t, unrecorded{}, func(o *api.Options) {
			switch kind {
			case "none":
				o.Auth, o.Open = open, true
			case "public":
				o.PublicURL = "https://sign.example.com"
			}
		})
		const local = "127.0.0.1:8080"
		for name, row := range map[string]struct {
			host    string
			headers []string
			status  map[string]int // by kind; default 200
		}{
			"fetch of a stranger":    {local, []string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, all(403)},
			"an image of a stranger": {local, []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"}, all(403)},
			"a link of a stranger":   {local, []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"}, all(403)},
			"an old browser":         {local, []string{"Origin", "https://evil.example"}, all(403)},
			"a sandboxed frame":      {local, []string{"Origin", "null"}, all(403)},
			"another port":           {local, []string{"Origin", "http://127.0.0.1:9000", "Sec-Fetch-Site", "same-site"}, all(403)},
			"a WebSocket of a stranger": {
				local, []string{"Origin", "https://evil.example", "Connection", "Upgrade", "Upgrade", "websocket"}, all(403),
			},
			"two origins": {local, []string{"Origin", "http://" + local, "Origin", "https://evil.example"}, all(403)},
			"a name that leads here": {
				"evil.example", []string{"Origin", "http://evil.example", "Sec-Fetch-Site", "same-origin"}, map[string]int{"none": 421},
			},
			"the page's own":         {local, []string{"Origin", "http://" + local, "Sec-Fetch-Site", "same-origin"}, nil},
			"typed into the browser": {local, []string{"Sec-Fetch-Site", "none"}, nil},
			"a program":              {local, nil, nil},
			"the page of the public URL": {
				local,
				[]string{"Origin", "https://sign.example.com", "Sec-Fetch-Site", "same-site"},
				map[string]int{"keys": 403, "none": 403},
			},
		} {
			for _, method := range []string{"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"} {
				before := arrived.Load()
				w := request(s, method, passedOn, row.host, append([]string{"X-API-Key", key}, row.headers...)...)
				want := row.status[kind]
				if want == 0 {
					want = 200
				}
				if sent := arrived.Load() - before; w.Code != want || sent != map[bool]int64{true: 1}[want == 200] {
					t.Errorf("%s, %s, callers by %s: %d %s, want %d; %d sent", name, method, kind, w.Code, w.Body, want, sent)
				}
			}
		}
	}
}

func all(status int) map[string]int {
	return map[string]int{"keys": status, "none": status, "public": status}
}

func TestProxy_WithoutItsRecordNothingIsSent(t *testing.T) {
	audit := &auditList{err: access.ErrAudit}
	s, arrived, _ := newPassing(t, audit, unchanged)
	if w := s.do("GET", passedOn, "", "X-API-Key", key); w.Code != 503 ||
		!strings.Contains(w.Body.String(), "audit_unavailable") || arrived.Load() > 0 {
		t.Errorf("%d %s, %d sent", w.Code, w.Body, arrived.Load())
	}
}

func TestProxy_IsOffUnlessAllowed(t *testing.T) {
	s, _, _ := newPassing(t, unrecorded{}, func(o *api.Options) { o.Handlers.Sender = nil })
	if w := s.do("GET", passedOn, "", "X-API-Key", key); w.Code != 403 || !strings.Contains(w.Body.String(), "allow_send") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestProxy_SaysThatItDoesNotWorkBehindTheFunctionsHost(t *testing.T) {
	s, arrived, _ := newPassing(t, unrecorded{}, func(o *api.Options) { o.BehindFunctions = true })
	if w := s.do("GET", passedOn, "", "X-API-Key", key); w.Code != 501 || !strings.Contains(w.Body.String(), "Functions host") ||
		arrived.Load() > 0 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func request(s server, method, target, host string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(""))
	r.Host = host
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

const called = "/call/orders/a1b2c3.execute-api.eu-west-1.amazonaws.com/prod/orders"

// At /call a response has the same status as at /v1/send, so that a workflow's own retries are right.
func TestCall_HasStatusesForWorkflows(t *testing.T) {
	var status int
	s := newBefore(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status == 0 {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Location", "https://elsewhere.example/")
		w.WriteHeader(status)
		if status != http.StatusNoContent && status != http.StatusNotModified {
			_, _ = io.WriteString(w, `{"__type":"SomeException","message":"no"}`)
		}
	}), unrecorded{}, everythingAllowed, unchanged)
	for _, row := range []struct {
		method    string
		aws, want int
		code      string
	}{
		{"POST", 200, 200, ""},
		{"POST", 201, 201, ""},
		{"POST", 202, 200, ""},
		{"POST", 204, 204, ""},
		{"GET", 304, 204, ""},
		{"HEAD", 304, 204, ""},
		{"POST", 301, 400, "aws_redirected"},
		{"GET", 307, 400, "aws_redirected"},
		{"POST", 400, 400, "aws_refused"},
		{"POST", 401, 403, "aws_refused"},
		{"GET", 404, 404, "aws_refused"},
		{"POST", 409, 409, "aws_refused"},
		{"POST", 429, 429, "aws_throttled"},
		{"POST", 500, 503, "aws_failed"},
		{"POST", 501, 400, "aws_refused"},
		{"POST", 503, 503, "aws_failed"},
		{"POST", 0, 424, "outcome_unknown"},
		{"GET", 0, 504, "aws_timeout"},
	} {
		status = row.aws
		w := s.do(row.method, called, "", "X-API-Key", key)
		if w.Code != row.want || row.code != "" && !strings.Contains(w.Body.String(), `"code":"`+row.code+`"`) ||
			w.Header().Get("Location") != "" {
			t.Errorf("%s, AWS says %d: %d %q %s, want %d %s", row.method, row.aws, w.Code, w.Header(), w.Body, row.want, row.code)
		}
		if row.code != "" && row.aws > 0 && (w.Header().Get("Content-Type") != "application/problem+json" ||
			!strings.Contains(w.Body.String(), "SomeException")) {
			t.Errorf("%s, AWS says %d: %q %s", row.method, row.aws, w.Header(), w.Body)
		}
		if retry := w.Header().Get("Retry-After"); (retry != "") != (w.Code == 429 || w.Code == 503) {
			t.Errorf("%s, AWS says %d: Retry-After %q", row.method, row.aws, retry)
		}
	}
}

// At /call a POST that AWS may have executed is never repeated by a workflow, which repeats lost connections: the
// response is read to its end before anything of it is passed on. After a GET it streams, and so do events.
func TestCall_ReadsResponsesThatMustNotBreakOff(t *testing.T) {
	var media string
	var length, most int
	audit := &auditList{}
	s := newBefore(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		length, most := length, most // the next row may begin before this response has ended
		w.Header().Set("Content-Type", media)
		if length > 0 {
			w.Header().Set("Content-Length", strconv.Itoa(length))
		}
		_, _ = io.WriteString(w, strings.Repeat("x", most))
		if length != most {
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
	}), audit, everythingAllowed, func(o *api.Options) { o.Handlers.MaxResponseBytes = 1 << 20 })
	const broken, events = "broken", "text/event-stream"
	for name, row := range map[string]struct {
		method, media string
		length, most  int // as announced, 0 for not, and as sent
		want          int
		code, outcome string
	}{
		"complete":             {"POST", "application/json", 9, 9, 200, "", "complete"},
		"complete and large":   {"POST", "image/png", 1 << 20, 1 << 20, 200, "", "complete"},
		"JSON":                 {"POST", "application/json", 100, 9, 424, "outcome_unknown", broken},
		"an image":             {"POST", "image/png", 100, 9, 424, "outcome_unknown", broken},
		"a change":             {"PATCH", "image/png", 100, 9, 424, "outcome_unknown", broken},
		"in chunks":            {"POST", "application/json", 0, 9, 424, "outcome_unknown", broken},
		"a large file":         {"POST", "application/pdf", 1 << 20, 300 << 10, 424, "outcome_unknown", broken},
		"too large":            {"POST", "application/pdf", 1<<20 + 1, 1<<20 + 1, 422, "answer_too_large", "complete"},
		"too large, in chunks": {"POST", "application/pdf", 0, 2 << 20, 422, "answer_too_large", "complete"},
		"a GET":                {"GET", "image/png", 100, 9, 200, "", broken},
		"a large GET":          {"GET", "image/png", 2 << 20, 2 << 20, 200, "", "complete"},
		"events":               {"POST", events + "; charset=utf-8", 0, 9, 200, "", broken},
		"events of AWS":        {"POST", "application/vnd.amazon.eventstream", 0, 9, 200, "", broken},
		"messages of gRPC":     {"POST", "application/grpc+proto", 0, 9, 200, "", broken},
	} {
		t.Run(name, func(t *testing.T) {
			media, length, most = row.media, row.length, row.most
			w := s.do(row.method, called, "", "X-API-Key", key)
			body := w.Body.String()
			switch {
			case w.Code != row.want || row.code != "" && !strings.Contains(body, `"code":"`+row.code+`"`):
				t.Errorf("%d %.200s, want %d %s", w.Code, body, row.want, row.code)
			case row.code == "" && body != strings.Repeat("x", row.most):
				t.Errorf("%d bytes, want %d: %.200s", len(body), row.most, body)
			}
			if last := audit.list[len(audit.list)-1]; last.Outcome != row.outcome || last.Status != 200 {
				t.Errorf("recorded %+v", last.Sent)
			}
		})
	}
}

// The key of a usage plan is in the same header as the caller's key for this service.
func TestProxy_SendsTheOperatorsKeyAndNeverOurs(t *testing.T) {
	const usage = "usage-plan-key-EXAMPLE"
	s, _, last := newPassing(t, unrecorded{}, func(o *api.Options) {
		h, err := broker.NewUpstreamHeader("x-api-key", usage, []string{"a1b2c3.execute-api.eu-west-1.amazonaws.com"})
		if err != nil {
			t.Fatal(err)
		}
		o.Handlers.UpstreamHeaders = map[string][]broker.UpstreamHeader{"orders": {h}}
	})
	for _, mount := range []string{"/proxy/", "/call/"} {
		for host, want := range map[string]string{"a1b2c3": usage, "z1b2c3": ""} {
			path := strings.Replace(strings.Replace(passedOn, "/proxy/", mount, 1), "a1b2c3", host, 1)
			w := s.do("GET", path, "", "X-API-Key", key)
			if got := strings.Join(last.Load().Header.Values("X-Api-Key"), ","); w.Code != http.StatusOK || got != want {
				t.Errorf("%s: %d, and %q arrived, want %q", path, w.Code, got, want)
			}
		}
	}
}

func TestCall_WorksBehindTheFunctionsHost(t *testing.T) {
	s, arrived, _ := newPassing(t, unrecorded{}, func(o *api.Options) { o.BehindFunctions = true })
	if w := s.do("GET", called, "", "X-API-Key", key); w.Code != 200 || arrived.Load() != 1 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// panickingAudit is an audit sink with a fault.
type panickingAudit struct{ unrecorded }

func (panickingAudit) Write(context.Context, access.Record) error { panic("EXAMPLESECRET") }

// The log leads to the fault, even if a client waits for events and is served on another stack.
func TestProxy_PanicIsLoggedWithItsStack(t *testing.T) {
	for _, accept := range []string{"*/*", "text/event-stream"} {
		s, _, _ := newPassing(t, panickingAudit{}, unchanged)
		w := s.do("GET", passedOn, "", "X-API-Key", key, "Accept", accept)
		log := s.log.String()
		if w.Code != 500 || strings.Contains(w.Body.String()+log, "EXAMPLESECRET") || !strings.Contains(log, "panickingAudit.Write") ||
			!strings.Contains(log, "panic: string") {
			t.Errorf("%s: %d %s\n%s", accept, w.Code, w.Body, log)
		}
	}
}

// SDKs show only the error that they find in the places where AWS has it, and nothing of a problem document.
func TestProxy_RefusesSDKsInTheirOwnForm(t *testing.T) {
	s, _, _ := newPassing(t, &auditList{}, unchanged)
	const signature = "AWS4-HMAC-SHA256 Credential=any/20260102/eu-west-1/SERVICE/aws4_request, SignedHeaders=host, Signature=0"
	const sqs = "application/x-www-form-urlencoded; charset=utf-8"
	for name, row := range map[string]struct {
		service, media string
		want           []string
	}{
		"JSON":            {"dynamodb", "application/x-amz-json-1.0", []string{`"__type":"unauthenticated","message":"`}},
		"JSON of REST":    {"lambda", "", []string{`"__type":"unauthenticated","message":"`}},
		"XML of S3":       {"s3", "", []string{"<Error><Code>unauthenticated</Code><Message>", "X-API-Key header.</Message><RequestId>"}},
		"a form":          {"sqs", sqs, []string{"<ErrorResponse><Error><Code>unauthenticated</Code><Message>", "</Error><RequestId>"}},
		"XML of Route 53": {"route53", "", []string{"<ErrorResponse><Error><Code>unauthenticated</Code><Message>"}},
		"no SDK":          {"", "application/x-amz-json-1.0", []string{`{"type":"urn:countersign:problem:unauthenticated",`}},
	} {
		headers := []string{"Content-Type", row.media}
		if row.service != "" {
			headers = append(headers, "Authorization", strings.Replace(signature, "SERVICE", row.service, 1))
		}
		for _, token := range []string{"", "no key <&>"} {
			w := s.do("POST", passedOn, "", append(headers, "X-Amz-Security-Token", token)...)
			body := w.Body.String()
			for _, want := range row.want {
				if w.Code != 401 || !strings.Contains(body, want) {
					t.Errorf("%s: %d %s, want %q in it", name, w.Code, body, want)
				}
			}
			if code := w.Header().Get("X-Amzn-Errortype"); (code == "unauthenticated") != (row.service != "") {
				t.Errorf("%s: code %q", name, code)
			}
			if strings.Contains(body, "__type") && row.service == "" {
				t.Errorf("%s: %s", name, body)
			}
		}
	}
	// Only operations that forward requests have AWS SDKs as clients.
	w := s.do("POST", "/v1/sign", "{}", "Authorization", strings.Replace(signature, "SERVICE", "s3", 1))
	if !strings.HasPrefix(w.Body.String(), `{"type":`) {
		t.Errorf("/v1/sign: %s", w.Body)
	}
}
