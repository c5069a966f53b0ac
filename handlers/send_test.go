package handlers_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"countersign/access"
	"countersign/handlers"
	"countersign/internal/upstream"
	"countersign/sending"
)

const orders = "https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/prod/orders"

// sendServer is the service in front of the test's own AWS.
type sendServer struct {
	*testServer
	arrived *atomic.Int64
}

func newSendServer(t testing.TB, aws http.HandlerFunc, change func(*handlers.Options)) *sendServer {
	t.Helper()
	arrived := new(atomic.Int64)
	up, err := upstream.Start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived.Add(1)
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		aws(w, r)
	}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(up.Close)
	client, err := sending.New(sending.Options{Now: time.Now, ExtraCAs: up.CA, Proxy: up.Proxy})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	s := newServer(t, func(o *handlers.Options) {
		o.Sender = client
		if change != nil {
			change(o)
		}
	})
	return &sendServer{s, arrived}
}

// responds is an AWS that always responds in the same way.
func responds(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = nil // otherwise net/http guesses one
		for i := 0; i < len(headers); i += 2 {
			w.Header().Add(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// sentDocument is the response to a request that was sent.
type sentDocument struct {
	Status       int
	Headers      map[string]string
	HeaderList   []struct{ Name, Value string }
	ContentType  string
	Body         json.RawMessage
	BodyBase64   *string
	BodyEnvelope map[string]string
	BodyBytes    int64
	RequestID    string
	Attempts     int
	Service      string
	Region       string
	Profile      string
	Warnings     []struct{ Code, Message string }
}

// refusedDocument is a problem with what AWS said.
type refusedDocument struct {
	Code, Detail, Hint string
	Status             int
	AWS                *struct {
		Status                   int
		Code, Message, RequestID string
		Headers                  map[string]string
		Body                     json.RawMessage
	}
}

func (s *sendServer) call(fields string) *httptest.ResponseRecorder {
	s.t.Helper()
	return s.post("/v1/send", `{"method":"GET","url":"`+orders+`"`+fields+`}`)
}

func (s *sendServer) sent(fields string) sentDocument {
	s.t.Helper()
	w := s.call(fields)
	if w.Code != http.StatusOK {
		s.t.Fatalf("%s: %d %s\n%s", fields, w.Code, w.Body, s.log)
	}
	return decodeAs[sentDocument](s.t, w.Body)
}

func (s *sendServer) fails(fields string, status int, code string) refusedDocument {
	s.t.Helper()
	w := s.call(fields)
	p := decodeAs[refusedDocument](s.t, bytes.NewReader(w.Body.Bytes()))
	if w.Code != status || p.Code != code || p.Status != status {
		s.t.Fatalf("%s: %d %s\n%s", fields, w.Code, w.Body, s.log)
	}
	if retry := w.Header().Get("Retry-After"); (retry != "") != (status == 429 || status == 503) {
		s.t.Errorf("%s: %d with Retry-After %q", fields, status, retry)
	}
	return p
}

func packed(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}

func TestSend_ReturnsAWSsResponse(t *testing.T) {
	s := newSendServer(t, responds(201, `{"order":1042}`, "Content-Type", "application/json", "X-Amzn-Requestid", "aws-1",
		"X-Two", "a", "X-Two", "b", "Alt-Svc", `h3=":443"`, "Location", "/orders/1042"), nil)
	w := s.call("")
	got := decodeAs[sentDocument](t, bytes.NewReader(w.Body.Bytes()))
	if got.Status != 201 || string(got.Body) != `{"order":1042}` || got.RequestID != "aws-1" || got.Attempts != 1 || got.BodyBytes != 14 ||
		got.Service != "execute-api" || got.Region != "eu-west-1" || got.Profile != "orders" || got.ContentType != "application/json" {
		t.Errorf("got %s", w.Body)
	}
	if got.Headers["x-two"] != "a, b" || got.Headers["location"] != "/orders/1042" || got.Headers["alt-svc"] != "" || len(got.HeaderList) < 4 {
		t.Errorf("headers %v, list %v", got.Headers, got.HeaderList)
	}
	// Headers that would make an engine wait, or go elsewhere.
	if w.Code != 200 || w.Header().Get("Location") != "" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("answered %d %v", w.Code, w.Header())
	}
}

// The body has the form that suits it, and JSON is kept byte for byte.
func TestSend_PassesTheBodyOnInOneForm(t *testing.T) {
	deep := strings.Repeat("[", 64) + strings.Repeat("]", 64)
	large := `{"a":"` + strings.Repeat("ü", 1<<20) + `"}`
	const png = "\x89PNG\r\n\x1a\n\x00"
	encode := base64.StdEncoding.EncodeToString
	var aws http.HandlerFunc
	s := newSendServer(t, func(w http.ResponseWriter, r *http.Request) { aws(w, r) }, nil)
	for name, row := range map[string]struct {
		media, body, asked string
		encoding           string
		json               string // the expected body in the response
		base64             string
		warning            string
	}{
		"JSON":             {media: "application/json", body: `{"b":1,"a":[true,null]}`, json: `{"b":1,"a":[true,null]}`},
		"JSON with blanks": {media: "application/json; charset=utf-8", body: "{ \"a\" :\n\t1 }\n", json: "{ \"a\" :\n\t1 }\n"},
		"numbers beyond floats": {
			media: "application/json", body: `{"a":9007199254740993,"b":1e400,"c":1.10}`,
			json: `{"a":9007199254740993,"b":1e400,"c":1.10}`,
		},
		"escapes":                {media: "application/json", body: `{"a":"\u00e9\/"}`, json: `{"a":"\u00e9\/"}`},
		"JSON of AWS":            {media: "application/x-amz-json-1.0", body: `{}`, json: `{}`},
		"JSON of problems":       {media: "application/problem+json", body: `{}`, json: `{}`},
		"a number":               {media: "text/json", body: `7`, json: `7`},
		"null":                   {media: "application/json", body: `null`, json: `null`},
		"64 levels":              {media: "application/json", body: deep, json: deep},
		"JSON of MiBs":           {media: "application/json", body: large, json: large},
		"65 levels":              {media: "application/json", body: "[" + deep + "]", json: `"[` + deep + `]"`},
		"a name twice":           {media: "application/json", body: `{"a":1,"a":2}`, json: `"{\"a\":1,\"a\":2}"`},
		"two documents":          {media: "application/json", body: `{}{}`, json: `"{}{}"`},
		"no JSON":                {media: "application/json", body: `OK`, json: `"OK"`},
		"JSON that is not UTF-8": {media: "application/json", body: "\"\xe9\"", base64: encode([]byte("\"\xe9\""))},
		"text":                   {media: "text/plain", body: "Grüße\n\"1\"", json: `"Grüße\n\"1\""`},
		"text of MiBs": {
			media: "text/plain", body: strings.Repeat("aü€😀", 150_000), json: `"` + strings.Repeat("aü€😀", 150_000) + `"`,
		},
		"XML":                    {media: "application/xml", body: "<a>1</a>", json: `"<a>1</a>"`},
		"XML of another kind":    {media: "image/svg+xml", body: "<svg/>", json: `"<svg/>"`},
		"a form":                 {media: "application/x-www-form-urlencoded", body: "a=1", json: `"a=1"`},
		"events":                 {media: "text/event-stream", body: "data: 1\n\n", json: `"data: 1\n\n"`},
		"Latin-1":                {media: "text/plain; charset=ISO-8859-1", body: "caf\xe9", json: `"café"`},
		"text that is not UTF-8": {media: "text/plain", body: "caf\xe9", base64: encode([]byte("caf\xe9"))},
		"text in UTF-16": {
			media: "text/plain; charset=utf-16", body: "\xff\xfea\x00", base64: encode([]byte("\xff\xfea\x00")),
		},
		"a picture":    {media: "image/png", body: png, base64: encode([]byte(png))},
		"nothing said": {body: "abc", base64: encode([]byte("abc"))},
		"gzip of JSON": {
			media: "application/json", encoding: "gzip", body: packed(`{"a":1}`), json: `{"a":1}`, warning: "body_unpacked",
		},
		"gzip of text":               {media: "text/csv", encoding: "gzip", body: packed("a;b"), json: `"a;b"`, warning: "body_unpacked"},
		"gzip, spelled otherwise":    {media: "application/json", encoding: "GZIP", body: packed(`[1]`), json: `[1]`, warning: "body_unpacked"},
		"gzip, by its other name":    {media: "application/json", encoding: "x-gzip", body: packed(`[1]`), json: `[1]`, warning: "body_unpacked"},
		"packed by nothing, spelled": {media: "application/json", encoding: "Identity", body: `[1]`, json: `[1]`},
		"gzip of a file": {
			media: "application/x-tar", encoding: "gzip", body: packed("tar"), base64: encode([]byte(packed("tar"))),
		},
		"another encoding":    {media: "application/json", encoding: "br", body: "\x0b\x01", base64: encode([]byte("\x0b\x01"))},
		"asked as text":       {media: "application/octet-stream", asked: "text", body: "abc", json: `"abc"`},
		"JSON, asked as text": {media: "application/json", asked: "text", body: `{"a":1}`, json: `"{\"a\":1}"`},
		"a picture, asked as text": {
			media: "image/png", asked: "text", body: png, base64: encode([]byte(png)), warning: "body_not_text",
		},
		"JSON, asked as Base64": {media: "application/json", asked: "base64", body: `{}`, base64: encode([]byte(`{}`))},
		"gzip of JSON, asked as Base64": {
			media: "application/json", encoding: "gzip", asked: "base64", body: packed(`{}`), base64: encode([]byte(packed(`{}`))),
		},
		"nothing at all":                    {media: "application/json", body: ""},
		"not asked for":                     {media: "application/json", asked: "none", body: `{"a":1}`},
		"an encoding that is not what says": {media: "application/json", encoding: "gzip", body: `{"a":1}`, json: `{"a":1}`},
	} {
		t.Run(name, func(t *testing.T) {
			for _, known := range []bool{true, false} {
				aws = func(w http.ResponseWriter, r *http.Request) {
					if row.encoding != "" {
						w.Header().Set("Content-Encoding", row.encoding)
					}
					if !known {
						_ = http.NewResponseController(w).Flush // otherwise net/http sends the length of short bodies
						w.Header().Set("Transfer-Encoding", "chunked")
					}
					responds(200, row.body, "Content-Type", row.media)(w, r)
				}
				got := s.sent(`,"responseBody":` + quotedOr(row.asked, "null"))
				if string(got.Body) != row.json && strings.TrimSpace(string(got.Body)) != strings.TrimSpace(row.json) {
					t.Errorf("body %.200s, want %.200s", got.Body, row.json)
				}
				if base := *orEmpty(got.BodyBase64); base != row.base64 {
					t.Errorf("Base64 %.200q, want %.200q", base, row.base64)
				}
				if row.warning != "" && (len(got.Warnings) != 1 || got.Warnings[0].Code != row.warning) {
					t.Errorf("warnings %v, want %s", got.Warnings, row.warning)
				}
			}
		})
	}
}

func quotedOr(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return `"` + text + `"`
}

func orEmpty(text *string) *string {
	if text == nil {
		return new(string)
	}
	return text
}

func TestSend_GivesAnEnvelopeForStepsThatCreateFiles(t *testing.T) {
	s := newSendServer(t, responds(200, "\x89PNG", "Content-Type", "image/png"), nil)
	got := s.sent(`,"responseBody":"envelope"`)
	if got.BodyEnvelope["$content-type"] != "image/png" || got.BodyEnvelope["$content"] != "iVBORw==" || got.BodyBase64 != nil ||
		got.Body != nil {
		t.Errorf("got %+v", got)
	}
}

// A workflow sees a status of the same class as AWS's, and repeats by itself only if that helps and does no harm.
func TestSend_MapsAWSsStatus(t *testing.T) {
	var aws http.HandlerFunc
	s := newSendServer(t, func(w http.ResponseWriter, r *http.Request) { aws(w, r) }, nil)
	throttled := `{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"Slow down."}`
	for _, row := range []struct {
		status  int
		body    string
		headers []string
		method  string
		want    int
		code    string
	}{
		{status: 200},
		{status: 202, headers: []string{"Location", "/poll"}},
		{status: 204},
		{status: 304},
		{status: 301, headers: []string{"X-Amz-Bucket-Region", "eu-central-1"}, want: 400, code: "aws_redirected"},
		{status: 302, headers: []string{"Location", "https://other.example.com/x"}, want: 400, code: "aws_redirected"},
		{status: 307, want: 400, code: "aws_redirected"},
		{status: 308, want: 400, code: "aws_redirected"},
		{status: 400, want: 400, code: "aws_refused"},
		{status: 401, want: 403, code: "aws_refused"},
		{status: 403, want: 403, code: "aws_refused"},
		{status: 404, want: 404, code: "aws_refused"},
		{status: 404, method: "HEAD", want: 404, code: "aws_refused"},
		{status: 408, want: 408, code: "aws_refused"},
		{status: 408, method: "POST", want: 400, code: "aws_refused"},
		{status: 409, want: 409, code: "aws_refused"},
		{status: 412, want: 412, code: "aws_refused"},
		{status: 416, want: 416, code: "aws_refused"},
		{status: 424, want: 424, code: "aws_refused"},
		{status: 429, want: 429, code: "aws_throttled"},
		{status: 400, body: throttled, want: 429, code: "aws_throttled"},
		{status: 400, body: `{"__type":"ThrottlingException"}`, want: 429, code: "aws_throttled"},
		{status: 500, want: 503, code: "aws_failed"},
		{status: 501, want: 400, code: "aws_refused"},
		{status: 501, method: "POST", body: "<Error><Code>NotImplemented</Code></Error>", want: 400, code: "aws_refused"},
		{status: 505, want: 400, code: "aws_refused"},
		{status: 502, want: 503, code: "aws_failed"},
		{status: 503, want: 503, code: "aws_failed"},
		{status: 504, want: 503, code: "aws_failed"},
		{status: 503, body: "<Error><Code>SlowDown</Code></Error>", want: 503, code: "aws_failed"},
	} {
		method := row.method
		if method == "" {
			method = "GET"
		}
		t.Run(fmt.Sprintf("%s %d %s", method, row.status, row.body), func(t *testing.T) {
			aws = responds(row.status, row.body, append(row.headers, "Content-Type", "application/json")...)
			fields := `{"retry":"none","url":"` + orders + `","method":"` + method + `"`
			w := s.post("/v1/send", fields+"}")
			if row.code == "" {
				if got := decodeAs[sentDocument](t, w.Body); w.Code != 200 || got.Status != row.status || w.Header().Get("Location") != "" {
					t.Errorf("got %d %+v", w.Code, got)
				}
				return
			}
			p := decodeAs[refusedDocument](t, bytes.NewReader(w.Body.Bytes()))
			if w.Code != row.want || p.Status != row.want || p.Code != row.code || p.AWS == nil || p.AWS.Status != row.status {
				t.Errorf("got %d %s, want %d %s", w.Code, w.Body, row.want, row.code)
			}
			for _, said := range []string{"eu-central-1", "other.example.com"} {
				if strings.Contains(strings.Join(row.headers, " "), said) && !strings.Contains(p.Detail, said) {
					t.Errorf("detail %q does not name %s", p.Detail, said)
				}
			}
			w = s.post("/v1/send", fields+`,"onError":"return"}`)
			if got := decodeAs[sentDocument](t, w.Body); w.Code != 200 || got.Status != row.status {
				t.Errorf("returned %d %+v", w.Code, got)
			}
		})
	}
}

// refusals are refusals that people got from AWS, in our own words where AWS's do not matter.
func refusals(t *testing.T) []struct {
	Name, Service       string
	Status              int
	Headers             map[string]string
	Body, Code, Message string
} {
	t.Helper()
	text, err := os.ReadFile("testdata/refusals.json")
	if err != nil {
		t.Fatal(err)
	}
	return decodeAs[[]struct {
		Name, Service       string
		Status              int
		Headers             map[string]string
		Body, Code, Message string
	}](t, bytes.NewReader(text))
}

func TestSend_ReturnsAWSsRefusals(t *testing.T) {
	list := refusals(t)
	if len(list) != 30 {
		t.Errorf("%d refusals, want 30", len(list))
	}
	var aws http.HandlerFunc
	s := newSendServer(t, func(w http.ResponseWriter, r *http.Request) { aws(w, r) }, nil)
	for _, refusal := range list {
		t.Run(refusal.Name, func(t *testing.T) {
			var headers []string
			for name, value := range refusal.Headers {
				headers = append(headers, name, value)
			}
			aws = responds(refusal.Status, refusal.Body, headers...)
			p := s.fails("", refusal.Status, "aws_refused")
			if p.AWS.Status != refusal.Status || p.AWS.Code != refusal.Code || p.AWS.Message != refusal.Message ||
				refusal.Code != "" && !strings.Contains(p.Detail, refusal.Code) {
				t.Errorf("got %+v, detail %s", p.AWS, p.Detail)
			}
			var body any = refusal.Body
			if strings.HasPrefix(refusal.Body, "{") {
				body = fieldsOf(t, []byte(refusal.Body))
			}
			var told any
			if err := json.Unmarshal(p.AWS.Body, &told); err != nil || fmt.Sprint(told) != fmt.Sprint(body) {
				t.Errorf("body %s, want %s", p.AWS.Body, refusal.Body)
			}
			if got := s.sent(`,"onError":"return"`); got.Status != refusal.Status {
				t.Errorf("returned %+v", got)
			}
		})
	}
}

// AWS repeats in refusals what was signed, including the session token.
func TestSend_KeepsTheSessionTokenOutOfRefusals(t *testing.T) {
	for name, echo := range map[string]string{
		"plain":          token,
		"in hexadecimal": fmt.Sprintf("% x", token),
		"with escapes":   strings.ReplaceAll(token, "/", `\/`),
		"encoded":        strings.ReplaceAll(token, "/", "%2F"),
	} {
		t.Run(name, func(t *testing.T) {
			body := `{"message":"x-amz-security-token:` + strings.ReplaceAll(echo, `\`, `\\`) + `"}`
			s := newSendServer(t, responds(403, body, "Content-Type", "application/json", "X-Echo", echo), nil)
			w := s.call("")
			if text := w.Body.String(); strings.Contains(text, "ExampleSessionToken") ||
				strings.Contains(text, fmt.Sprintf("% x", "ExampleSession")) {
				t.Errorf("told %s", text)
			}
			if !strings.Contains(w.Body.String(), "x-amz-security-token:") {
				t.Errorf("told %s", w.Body)
			}
		})
	}
}

// If nothing can be written to disk, a response that does not fit into memory is refused with what the operator can
// do, and with a status that does not make workflows repeat the request; the record says what AWS did.
func TestSend_RefusesResponsesWithoutSpace(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "absent")
	s := newSendServer(t, responds(200, strings.Repeat("a", 300<<10), "Content-Type", "text/plain"),
		func(o *handlers.Options) { o.Spool.Dir = dir })
	if p := s.fails("", 422, "answer_too_large"); !strings.Contains(p.Detail+p.Hint, "spool_dir") || strings.Contains(p.Detail, dir) {
		t.Errorf("got %q, %q", p.Detail, p.Hint)
	}
	if last := s.audit.list[len(s.audit.list)-1]; last.Outcome != "complete" || last.Status != 200 {
		t.Errorf("recorded %+v", last.Sent)
	}
}

// Response data held in a file cannot be found there, whatever becomes of the process.
func TestSend_HoldsResponsesInFilesWithoutAName(t *testing.T) {
	dir, listed := t.TempDir(), make(chan []os.DirEntry, 1)
	s := newSendServer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, strings.Repeat("a", 300<<10))
		_ = http.NewResponseController(w).Flush()
		found, _ := os.ReadDir(dir)
		for begun := time.Now(); (openIn(t, dir) == 0 || len(found) > 0) && time.Since(begun) < 10*time.Second; {
			time.Sleep(time.Millisecond) // a file name lasts until it is removed
			found, _ = os.ReadDir(dir)
		}
		listed <- found
	}, func(o *handlers.Options) { o.Spool.Dir = dir })
	if got := s.sent(""); got.BodyBytes != 300<<10 {
		t.Errorf("%d bytes", got.BodyBytes)
	}
	if found := <-listed; len(found) > 0 {
		t.Errorf("there is %v", found)
	}
	if n := openIn(t, dir); n > 0 {
		t.Errorf("%d files are open still", n)
	}
}

// openIn counts the files in a directory that this process has open.
func openIn(t *testing.T, dir string) (n int) {
	t.Helper()
	links, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("CI must count open files: %v", err)
		}
		t.Skip("NOT CHECKED: this system does not say which files are open")
	}
	for _, link := range links {
		if to, err := os.Readlink(filepath.Join("/proc/self/fd", link.Name())); err == nil && strings.HasPrefix(to, dir+"/") {
			n++
		}
	}
	return n
}

func TestSend_HoldsResponsesToALimit(t *testing.T) {
	small := func(o *handlers.Options) { o.MaxResponseBytes = 1000 }
	for name, aws := range map[string]http.HandlerFunc{
		"length told": responds(200, strings.Repeat("a", 1001), "Content-Type", "text/plain"),
		"length not told": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			for range 1001 {
				_, _ = io.WriteString(w, "a")
				_ = http.NewResponseController(w).Flush()
			}
		},
		"a file, length told": responds(200, strings.Repeat("a", 1001), "Content-Type", "image/png"),
		"a gzip bomb":         responds(200, packed(strings.Repeat("a", 1<<20)), "Content-Type", "text/plain", "Content-Encoding", "gzip"),
	} {
		t.Run(name, func(t *testing.T) {
			s := newSendServer(t, aws, small)
			if p := s.fails("", 422, "answer_too_large"); !strings.Contains(p.Hint, "max_response_bytes") {
				t.Errorf("hint %q", p.Hint)
			}
			if last := s.audit.list[len(s.audit.list)-1]; last.Outcome != "complete" {
				t.Errorf("recorded %+v", last.Sent)
			}
		})
	}
	s := newSendServer(t, responds(200, strings.Repeat("a", 1000), "Content-Type", "text/plain"), small)
	if got := s.sent(""); got.BodyBytes != 1000 {
		t.Errorf("%d bytes", got.BodyBytes)
	}
	s = newSendServer(t, responds(200, "", "Content-Length", "5000"), small)
	if w := s.post("/v1/send", `{"method":"HEAD","url":"`+orders+`"}`); w.Code != 200 {
		t.Errorf("a HEAD of something large: %d %s", w.Code, w.Body)
	}
}

func TestSend_RefusesStreamsOfEvents(t *testing.T) {
	s := newSendServer(t, responds(200, "\x00\x00", "Content-Type", "application/vnd.amazon.eventstream"), nil)
	s.fails("", 422, "answer_is_stream")
}

// A truncated response never looks complete: neither as JSON, nor as Base64 that is being streamed.
func TestSend_TruncatedResponsesNeverLookComplete(t *testing.T) {
	breaking := func(media, body string, length int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", media)
			if length > 0 {
				w.Header().Set("Content-Length", fmt.Sprint(length))
			}
			_, _ = io.WriteString(w, body)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
	}
	for name, aws := range map[string]http.HandlerFunc{
		"JSON that is whole by itself": breaking("application/json", "{}", 100),
		"gzip that breaks off": responds(
			200, packed(strings.Repeat("ab", 9999))[:30], "Content-Type", "text/plain", "Content-Encoding", "gzip",
		),
		"JSON in chunks":   breaking("application/json", "{}", 0),
		"text in chunks":   breaking("text/plain", "half", 0),
		"a file in chunks": breaking("image/png", "half", 0),
	} {
		t.Run(name, func(t *testing.T) {
			s := newSendServer(t, aws, nil)
			s.fails("", 502, "answer_broken")
			s.fails(`,"onError":"return"`, 502, "answer_broken")
			s.isUnknown("POST", "")
		})
	}
	for name, aws := range map[string]http.HandlerFunc{
		"a file":       breaking("image/png", "half", 100),
		"a large file": breaking("application/pdf", strings.Repeat("x", 300<<10), 1<<20),
	} {
		t.Run(name+" after a request that must not be repeated", func(t *testing.T) {
			s := newSendServer(t, aws, nil)
			for _, method := range []string{"POST", "PATCH"} {
				for _, form := range []string{"auto", "base64", "envelope", "none"} {
					for _, onError := range []string{"fail", "return"} {
						made := s.isUnknown(method, `,"responseBody":"`+form+`","onError":"`+onError+`"`)
						if made.Outcome != "broken" || made.Status != 200 {
							t.Errorf("%s, %s, %s: recorded %+v", method, form, onError, made)
						}
					}
				}
			}
		})
	}
	t.Run("a file on its way", func(t *testing.T) {
		s := newSendServer(t, breaking("image/png", strings.Repeat("x", 200_000), 1<<20), func(o *handlers.Options) { o.Now = time.Now })
		front := httptest.NewServer(s.plain)
		defer front.Close()
		resp, err := http.Post(front.URL+"/v1/send", "application/json", strings.NewReader(`{"method":"GET","url":"`+orders+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if text, err := io.ReadAll(resp.Body); err == nil {
			t.Errorf("%d bytes of a response that ends well", len(text))
		}
	})
}

// isUnknown sends a request whose outcome is unknown, and returns what is on record of it.
func (s *sendServer) isUnknown(method, fields string) access.Sent {
	s.t.Helper()
	w := s.post("/v1/send", `{"method":"`+method+`","url":"`+orders+`","body":{}`+fields+`}`)
	if p := decodeAs[refusedDocument](s.t, w.Body); w.Code != 424 || p.Code != "outcome_unknown" {
		s.t.Errorf("%s %s: %d %+v", method, fields, w.Code, p)
	}
	return s.audit.list[len(s.audit.list)-1].Sent
}

func TestSend_RespondsWithinItsTimeout(t *testing.T) {
	hang := func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	s := newSendServer(t, hang, nil)
	s.fails(`,"timeoutSeconds":1,"retry":"none"`, 504, "aws_timeout")
	w := s.post("/v1/send", `{"method":"POST","url":"`+orders+`","body":{},"timeoutSeconds":1}`)
	if p := decodeAs[refusedDocument](t, w.Body); w.Code != 424 || p.Code != "outcome_unknown" {
		t.Errorf("a POST: %d %+v", w.Code, p)
	}
	if n := s.arrived.Load(); n != 2 {
		t.Errorf("%d requests arrived, want 2", n)
	}
}

// Services quote in a refusal what was signed. No caller may see its session token, in whatever form the response is
// requested.
func TestSend_TakesTheSessionTokenOutOfRefusals(t *testing.T) {
	for name, body := range map[string]string{
		"plain": `{"message":"x-amz-security-token:` + token + `"}`, "packed": packed(`{"message":"` + token + `"}`),
		"br": "\x0b\x20\x80" + token + "\x03", "zstd": "\x28\xb5\x2f\xfd" + token, "CBOR": "\xa1\x67message\x78\x40" + token,
	} {
		headers := []string{"Content-Type", "application/json", "X-Amzn-Errormessage", "refused: " + token}
		switch name {
		case "packed":
			headers = append(headers, "Content-Encoding", "gzip")
		case "br", "zstd":
			headers = append(headers, "Content-Encoding", name)
		case "CBOR":
			headers[1] = "application/cbor"
		}
		for _, status := range []int{400, 401, 403} {
			s := newSendServer(t, responds(status, body, headers...), nil)
			for _, form := range []string{"auto", "text", "base64", "envelope", "none"} {
				for _, onError := range []string{"fail", "return"} {
					w := s.post("/v1/send", `{"method":"GET","url":"`+orders+`","responseBody":"`+form+`","onError":"`+onError+`"}`)
					text := w.Body.String()
					got := decodeAs[sentDocument](t, w.Body)
					for _, encoded := range []string{*orEmpty(got.BodyBase64), got.BodyEnvelope["$content"]} {
						content, _ := base64.StdEncoding.DecodeString(encoded)
						text += string(content)
					}
					withheld := onError == "return" && name != "plain" && name != "packed"
					if strings.Contains(text, `"body_withheld"`) != withheld {
						t.Errorf("%s, %d, %s, %s: %s", name, status, form, onError, text)
					}
					if strings.Contains(text, token) || name == "packed" && strings.Contains(text, "\x1f\x8b") {
						t.Errorf("%s, %d, %s, %s: the response holds the token: %s", name, status, form, onError, text)
					}
				}
			}
		}
	}
}

// Only the beginning of a long refusal is returned, and never the first half of a token.
func TestSend_CutsNoSessionTokenInTwo(t *testing.T) {
	for _, before := range []int{64<<10 - len(token) - 1, 64<<10 - len(token)/2, 64<<10 - 1} {
		body := strings.Repeat("x", before) + token + strings.Repeat("y", 16<<10)
		s := newSendServer(t, responds(403, body, "Content-Type", "text/plain"), nil)
		for _, onError := range []string{"fail", "return"} {
			w := s.post("/v1/send", `{"method":"GET","url":"`+orders+`","onError":"`+onError+`"}`)
			if text := w.Body.String(); strings.Contains(text, token[:8]) || !strings.Contains(text, "xxx…") {
				t.Errorf("%d bytes before it, %s: told the token: …%.60s", before, onError, text[max(0, strings.Index(text, "xxx…")):])
			}
		}
	}
}

// A gateway's 502 and 504 count as failures to repeat, as in AWS's SDKs. Callers whose POST must not be done twice
// say so.
func TestSend_RepeatsWhatFailedUnlessItMustNot(t *testing.T) {
	for _, status := range []int{500, 502, 503, 504} {
		for retry, want := range map[string]int64{"standard": 3, "none": 1} {
			t.Run(fmt.Sprint(status, " ", retry), func(t *testing.T) {
				t.Parallel() // it waits between attempts
				s := newSendServer(t, responds(status, ""), nil)
				w := s.post("/v1/send", `{"method":"POST","url":"`+orders+`","body":{},"retry":"`+retry+`"}`)
				if p := decodeAs[refusedDocument](t, w.Body); w.Code != 503 || p.Code != "aws_failed" || s.arrived.Load() != want {
					t.Errorf("%d %s after %d attempts, want 503 aws_failed after %d", w.Code, p.Code, s.arrived.Load(), want)
				}
			})
		}
	}
}

func TestSend_RefusesFieldsOfOtherOperations(t *testing.T) {
	s := newSendServer(t, responds(200, ""), nil)
	for _, field := range []string{
		`"signedHeaders":["a"]`, `"signAllHeaders":true`, `"signingTime":"2015-08-30T12:36:00Z"`, `"minValiditySeconds":60`,
		`"payloadSha256":"` + strings.Repeat("0", 64) + `"`, `"explain":true`,
	} {
		s.fails(","+field, 400, "field_unknown")
	}
	for _, field := range []string{
		`"timeoutSeconds":0`, `"timeoutSeconds":101`, `"onError":"ignore"`, `"responseBody":"xml"`, `"retry":"always"`,
	} {
		s.fails(","+field, 400, "field_invalid")
	}
	if n := s.arrived.Load(); n != 0 {
		t.Errorf("%d requests arrived", n)
	}
}

// A request's headers are for AWS: all except the connection's arrive, including an API Gateway key and a cookie.
func TestSend_SendsTheGivenHeaders(t *testing.T) {
	var got http.Header
	s := newSendServer(t, func(w http.ResponseWriter, r *http.Request) { got = r.Header.Clone() }, nil)
	response := s.sent(`,"headers":{"X-Api-Key":"key of the API","Cookie":"a=1","User-Agent":"workflow","Accept":"text/csv",` +
		`"X-Forwarded-For":"1.2.3.4","Accept-Encoding":"br, gzip;q=0.5,identity,*",` +
		`"Connection":"X-Api-Key","Transfer-Encoding":"chunked","Te":"trailers","Proxy-Authorization":"x","Via":"1.1 a","Content-Length":"7"}`)
	for name, want := range map[string]string{
		"X-Api-Key": "key of the API", "Cookie": "a=1", "User-Agent": "workflow", "Accept": "text/csv",
		"X-Forwarded-For": "", "Te": "", "Proxy-Authorization": "", "Via": "", "Accept-Encoding": "gzip;q=0.5, identity",
	} {
		if got.Get(name) != want {
			t.Errorf("%s: %q arrived, want %q", name, got.Get(name), want)
		}
	}
	for _, w := range response.Warnings {
		if w.Code != "header_replaced" {
			t.Errorf("warned of %s: %s", w.Code, w.Message)
		}
	}
	if len(response.Warnings) != 7 {
		t.Errorf("%d warnings: %v", len(response.Warnings), response.Warnings)
	}
}

func TestSend_LogsAndRecordsNoSecret(t *testing.T) {
	s := newSendServer(t, responds(200, "EXAMPLEANSWER", "Content-Type", "text/plain"), nil)
	s.sent(`,"headers":{"X-Secret":"EXAMPLEHEADER"}`)
	recorded, err := json.Marshal(s.audit.list)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"EXAMPLEANSWER", "EXAMPLEHEADER", token, secretKey} {
		if strings.Contains(s.log.String()+string(recorded), secret) {
			t.Errorf("%s is in the log or on record", secret)
		}
	}
	if s.audit.list[0].Action != access.ActionSend || s.audit.list[1].Outcome != "complete" {
		t.Errorf("recorded %s", recorded)
	}
}

// AWS may take longer than the server's timeouts, which are for requests that are served at once.
func TestSend_OutlastsTheTimeoutsOfTheServer(t *testing.T) {
	w := &deadlines{ResponseRecorder: httptest.NewRecorder(), read: time.Now().Add(time.Second), write: time.Now().Add(time.Second)}
	s := newSendServer(t, func(aws http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		if left := time.Until(w.write); !w.read.IsZero() || left < 90*time.Second {
			t.Errorf("while AWS works, the request must have been read by %v, and the response be written within %v", w.read, left)
		}
		w.mu.Unlock()
		responds(200, "{}", "Content-Type", "application/json")(aws, r)
	}, func(o *handlers.Options) { o.Now = time.Now })
	r := httptest.NewRequest(http.MethodPost, "http://localhost/v1/send",
		strings.NewReader(`{"method":"POST","url":"`+orders+`","body":{},"timeoutSeconds":100}`))
	r.Header.Set("Content-Type", "application/json")
	if s.plain.ServeHTTP(w, r); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if left := time.Until(w.write); left < 90*time.Second { // over HTTP/2 it counts while AWS is silent, too
		t.Errorf("after a piece, the next must be written within %v", left)
	}
}

// deadlines is a response that records its read and write deadlines.
type deadlines struct {
	*httptest.ResponseRecorder
	mu          sync.Mutex
	read, write time.Time
}

func (d *deadlines) SetReadDeadline(at time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.read = at
	return nil
}

func (d *deadlines) SetWriteDeadline(at time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.write = at
	return nil
}
