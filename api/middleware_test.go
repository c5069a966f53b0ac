package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"countersign/credentials"
	"countersign/problem"
)

// panicking panics with the given value.
type panicking struct {
	sessions
	with any
}

func (p panicking) Session(context.Context, credentials.SessionRequest) (credentials.Session, error) {
	panic(p.with)
}

func TestPanic_ItsTextIsNotLogged(t *testing.T) {
	for _, with := range []any{"EXAMPLESECRET", io.ErrUnexpectedEOF, struct{ key string }{"EXAMPLESECRET"}} {
		s := newServer(t, panicking{with: with})
		w := s.do("POST", "/v1/sign", `{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/"}`, "X-API-Key", key)
		if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String()+s.log.String(), "EXAMPLESECRET") ||
			!strings.Contains(s.log.String(), "middleware_test.go") {
			t.Errorf("a panic with %T: %d %s\n%s", with, w.Code, w.Body, s.log)
		}
	}
	var nothing map[string]int
	s := newServer(t, panickingDo{do: func() { nothing["x"] = 1 }})
	s.do("POST", "/v1/sign", `{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/"}`, "X-API-Key", key)
	if !strings.Contains(s.log.String(), "assignment to entry in nil map") {
		t.Errorf("the log does not contain the runtime error: %s", s.log)
	}
}

type panickingDo struct {
	sessions
	do func()
}

func (p panickingDo) Session(context.Context, credentials.SessionRequest) (credentials.Session, error) {
	p.do()
	return credentials.Session{}, nil
}

func TestBody_DeclaredTooLargeIsNotRead(t *testing.T) {
	s := newServer(t, sessions{})
	r := httptest.NewRequest(http.MethodPost, "/v1/sign", iotestFails{})
	r.ContentLength = 1<<20 + 1
	r.Header.Set("X-API-Key", key)
	w := httptest.NewRecorder()
	s.routes.(http.Handler).ServeHTTP(w, r)
	var p problem.Document
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != http.StatusRequestEntityTooLarge || p.Code != "body_too_large" {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

// iotestFails is a body that must not be read.
type iotestFails struct{}

func (iotestFails) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestLog_ALineIsShort(t *testing.T) {
	s := newServer(t, sessions{})
	long := strings.Repeat("x", 4096)
	for _, body := range []string{
		`{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/","profile":"` + long + `"}`,
		`{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/","service":"` + long[:200] + `","region":"` + long[:200] + `","profile":"` +
			long[:200] + `"}`,
		`{"` + long + `":tru}`, `{"` + long + `":1,"` + long + `":2}`, `{"body":{"EXAMPLESECRET":tru}}`, `{"EXAMPLESECRET":1}`,
	} {
		s.do("POST", "/v1/sign", body, "X-API-Key", key, "User-Agent", long)
	}
	s.do("GET", "/"+long, "")
	s.do(long[:100], "/v1/sign", "", "X-Request-Id", long)
	for line := range strings.Lines(s.log.String()) {
		if len(line) > 1280 {
			t.Errorf("a line of %d bytes: %.300s", len(line), line)
		}
		if strings.Contains(line, "EXAMPLESECRET") {
			t.Errorf("a part of a body is in the log: %s", line)
		}
	}
}

// Nothing that a caller writes makes a log line long.
func TestLog_HasShortLines(t *testing.T) {
	long := strings.Repeat("long", 15<<10)
	for _, test := range []struct{ name, method, path, header string }{
		{"profile", http.MethodGet, "/v1/identity?profile=" + long, "X-Request-Id"},
		{"path", http.MethodGet, "/v1/" + long, "X-Request-Id"},
		{"method", long, "/v1/identity", "X-Request-Id"},
		{"user agent", http.MethodGet, "/v1/identity", "User-Agent"},
		{"workflow", http.MethodGet, "/v1/identity", "X-Ms-Workflow-Name"},
	} {
		s := newServer(t, sessions{})
		s.do(test.method, test.path, "", "X-API-Key", key, test.header, long)
		for line := range strings.Lines(s.log.String()) {
			if len(line) > 2<<10 {
				t.Errorf("%s: a line of %d bytes, want at most 2 KiB: %.300s", test.name, len(line), line)
			}
		}
	}
}

// Whoever has one IPv6 address has 2⁶⁴ of them, and does not get more lines for that.
func TestLog_RefusalsOfOneNetworkShareTheirLines(t *testing.T) {
	s := newServer(t, sessions{})
	for i := range 25 {
		r := httptest.NewRequest(http.MethodGet, "/v1/profiles", nil)
		r.RemoteAddr = fmt.Sprintf("[2001:db8::%x]:1", i)
		w := httptest.NewRecorder()
		s.routes.(http.Handler).ServeHTTP(w, r)
		if w.Code != http.StatusUnauthorized {
			t.Fatal(w.Code)
		}
	}
	if lines := strings.Count(s.log.String(), `"status":401`); lines != 10 {
		t.Errorf("%d lines, want 10", lines)
	}
}
