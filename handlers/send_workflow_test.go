package handlers_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"countersign/internal/logicapps"
)

// inProcess passes requests to a handler.
type inProcess struct{ http.Handler }

func (h inProcess) RoundTrip(r *http.Request) (_ *http.Response, err error) {
	defer func() {
		if p := recover(); p == any(http.ErrAbortHandler) {
			err = io.ErrUnexpectedEOF // as if the connection were lost
		} else if p != nil {
			panic(p)
		}
	}()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result(), nil
}

// script is what AWS does with one request after another; the last entry is for all that follow. It returns whether
// AWS did what was requested.
type script []func(http.ResponseWriter, *http.Request) (did bool)

func does(status int, body string, headers ...string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		responds(status, body, append(headers, "Content-Type", "application/json")...)(w, r)
		return status < 300
	}
}

// The engine's default retry policy repeats 408, 429 and 5xx. Under it, AWS carries out a request only once.
func TestSend_WorkflowsDoAPOSTOnce(t *testing.T) {
	hangUp := func(_ http.ResponseWriter, r *http.Request) bool {
		_, _ = io.Copy(io.Discard, r.Body) // otherwise the payload may not have been sent, and the request is sent again
		panic(http.ErrAbortHandler)
	}
	breakOff := func(media string) func(w http.ResponseWriter, r *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Content-Type", media)
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"half":`)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
	}
	noResponse := func(w http.ResponseWriter, r *http.Request) bool {
		<-r.Context().Done()
		return true
	}
	ok := does(200, `{"order":1042}`)
	for name, row := range map[string]struct {
		script script
		status string
		done   int // how often AWS did it
		sent   int // how often it was sent to AWS; 0 for any number
	}{
		"done":                              {script{ok}, logicapps.Succeeded, 1, 1},
		"done, to be polled for":            {script{does(202, "{}", "Location", "/jobs/1")}, logicapps.Succeeded, 1, 1},
		"done, and the connection is lost":  {script{hangUp}, logicapps.Failed, 1, 1},
		"done, and the response breaks off": {script{breakOff("application/json")}, logicapps.Failed, 1, 1},
		"done, and an image breaks off":     {script{breakOff("image/png")}, logicapps.Failed, 1, 1},
		"done, and a document breaks off":   {script{breakOff("application/pdf")}, logicapps.Failed, 1, 1},
		"done, and no response comes":       {script{noResponse}, logicapps.Failed, 1, 1},
		"refused":                           {script{does(403, `{"__type":"AccessDeniedException"}`)}, logicapps.Failed, 0, 1},
		"unknown to an API":                 {script{does(404, "{}")}, logicapps.Failed, 0, 1},
		"an API that answers 408":           {script{does(408, "{}")}, logicapps.Failed, 0, 1},
		"an API that answers 424":           {script{does(424, "{}")}, logicapps.Failed, 0, 1},
		"an API that has no such function":  {script{does(501, "{}")}, logicapps.Failed, 0, 1},
		"redirected":                        {script{does(307, "", "Location", "https://other.example.com/")}, logicapps.Failed, 0, 1},
		"throttled, then done": {
			script{does(429, "{}"), does(429, "{}"), does(429, "{}"), does(429, "{}"), ok}, logicapps.Succeeded, 1, 5,
		},
		"throttled with 400, then done": {script{does(400, `{"__type":"ThrottlingException"}`), ok}, logicapps.Succeeded, 1, 2},
		"failing, then done": {
			script{does(503, "{}"), does(500, "{}"), does(503, "{}"), does(503, "{}"), ok}, logicapps.Succeeded, 1, 5,
		},
		"failing":                       {script{does(500, "{}")}, logicapps.Failed, 0, 0},
		"failing, then done and lost":   {script{does(503, "{}"), hangUp}, logicapps.Failed, 1, 2},
		"an expired session, then done": {script{does(400, `{"__type":"ExpiredTokenException"}`), ok}, logicapps.Succeeded, 1, 2},
		"an expired session, then lost": {script{does(400, `{"__type":"ExpiredTokenException"}`), hangUp}, logicapps.Failed, 1, 2},
		"throttled, failing, then throttled": {
			script{does(429, "{}"), does(503, "{}"), does(400, `{"__type":"ThrottlingException"}`), ok}, logicapps.Succeeded, 1, 4,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // package sending waits between attempts
			var sent, done atomic.Int64
			s := newSendServer(t, func(w http.ResponseWriter, r *http.Request) {
				step := row.script[min(int(sent.Add(1)), len(row.script))-1]
				defer func() {
					if p := recover(); p != nil { // it was done, and then AWS failed
						done.Add(1)
						panic(p)
					}
				}()
				if step(w, r) {
					done.Add(1)
				}
			}, nil)
			seconds := "100" // more than a busy machine takes
			if name == "done, and no response comes" {
				seconds = "2"
			}
			run := runCallAWS(t, s, "call-aws.json", seconds)
			for range 3000 { // AWS may notice later that the caller has gone
				if int(done.Load()) < row.done {
					time.Sleep(10 * time.Millisecond)
				}
			}
			if run.Status != row.status || int(done.Load()) != row.done || row.sent > 0 && int(sent.Load()) != row.sent {
				t.Errorf("the run %s, AWS did it %d times of %d, want %s and %d of %d\n%s",
					run.Status, done.Load(), sent.Load(), row.status, row.done, row.sent, s.log)
			}
		})
	}
}

// connectionID is the one that the connector writes.
const connectionID = "/subscriptions/YOUR-SUBSCRIPTION/resourceGroups/YOUR-GROUP/providers/Microsoft.Web/connections/countersign"

// runCallAWS runs a workflow that calls AWS in one step, within so many seconds, with the engine's default retry
// policy.
func runCallAWS(t *testing.T, s *sendServer, file, seconds string) *logicapps.Run {
	t.Helper()
	text, err := os.ReadFile("../connector/workflows/" + file)
	if err != nil {
		t.Fatal(err)
	}
	workflow, err := logicapps.Load(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := workflow.Edit(nil, "definition", "actions", "Call_AWS", "inputs", "retryPolicy"); err != nil {
		t.Fatal(err)
	}
	request := logicapps.Object{
		{Name: "method", Value: "POST"},
		{Name: "url", Value: orders},
		{Name: "body", Value: logicapps.Object{{Name: "order", Value: "1042"}}},
		{Name: "timeoutSeconds", Value: logicapps.Number(seconds)},
	}
	if err := workflow.Edit(request, "definition", "actions", "Request", "inputs"); err != nil {
		t.Fatal(err)
	}
	engine := logicapps.Engine{
		Transport: inProcess{s.plain}, Sleep: func(context.Context, time.Duration) error { return nil },
		Connections: map[string]logicapps.Connection{
			connectionID: {URL: "https://YOUR-APP.azurewebsites.net", Header: http.Header{"X-Api-Key": {"YOUR-API-KEY"}}},
		},
	}
	run, err := engine.Run(t.Context(), workflow, nil)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// A workflow reads the response as its author writes it, and its history contains no secret.
func TestSend_WorkflowsReadTheResponse(t *testing.T) {
	for _, file := range []string{"call-aws.json", "connector-call-aws.json"} {
		t.Run(file, func(t *testing.T) {
			s := newSendServer(t, responds(200, `{"Items":[{"id":1042}]}`, "Content-Type", "application/json"), nil)
			run := runCallAWS(t, s, file, "100")
			steps := run.Of("Call_AWS")
			if len(steps) != 1 || steps[0].Status != logicapps.Succeeded {
				t.Fatalf("got %+v", steps)
			}
			outputs := fmt.Sprint(steps[0].Outputs)
			for _, secret := range []string{token, "Signature=", "YOUR-API-KEY"} {
				if history := run.History(); strings.Contains(history, secret) || strings.Contains(outputs, secret) {
					t.Errorf("the history holds %s", secret)
				}
			}
			if !strings.Contains(outputs, "Items") {
				t.Errorf("outputs %s", outputs)
			}
		})
	}
}
