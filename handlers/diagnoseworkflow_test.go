package handlers_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"countersign/credentials"
	"countersign/handlers"
	"countersign/internal/logicapps"
	"countersign/sandbox"
	"countersign/signing"
)

// routes send each request of a workflow where its host leads: to the service, or else to AWS.
type routes struct {
	signer string
	to     inProcess
	aws    http.RoundTripper
}

func (r routes) RoundTrip(q *http.Request) (*http.Response, error) {
	if q.URL.Host == r.signer {
		return r.to.RoundTrip(q)
	}
	return r.aws.RoundTrip(q)
}

// changed is a route to AWS on which something changes.
type changed struct {
	to     inProcess
	change func(*http.Request)
}

func (c changed) RoundTrip(q *http.Request) (*http.Response, error) {
	q = q.Clone(q.Context())
	q.RequestURI, q.Host = q.URL.RequestURI(), q.URL.Host
	if q.Body == nil {
		q.Body = http.NoBody
	}
	c.change(q)
	return c.to.RoundTrip(q)
}

// A workflow whose call AWS refuses ends with the cause and what to do, and without a secret in its history.
func TestWorkflows_SayWhyAWSRefused(t *testing.T) {
	clock := signedAt
	aws := sandbox.New(sandbox.Options{
		Now: func() time.Time { return clock }, Region: "eu-west-1",
		Users: []sandbox.User{{ARN: sandbox.UserARN, AccessKeyID: questionedKey, SecretAccessKey: secretKey}},
	})
	server := newServer(t, func(o *handlers.Options) {
		o.Sessions = fakeSessions{session: func(credentials.SessionRequest) (credentials.Session, error) {
			return credentials.Session{Credentials: signing.NewCredentials(questionedKey, secretKey, ""), Profile: "orders"}, nil
		}}
	})
	for name, test := range map[string]struct {
		late   time.Duration
		change func(*http.Request)
		cause  string
	}{
		"too late": {11 * time.Minute, func(*http.Request) {}, `"stale-signature"`},
		"the body is another": {0, func(q *http.Request) {
			q.Body, q.ContentLength = io.NopCloser(bytes.NewReader([]byte(`{ "order": 1042 }`))), 17
		}, `"changed-body"`},
		"nothing is wrong": {0, func(*http.Request) {}, ""},
	} {
		for _, file := range []string{"sign-then-call.json", "call-api-gateway.json", "connector-form.json"} {
			t.Run(name+" "+file, func(t *testing.T) {
				clock = signedAt.Add(test.late)
				run := runRefused(
					t, file, func() time.Time { return clock },
					routes{"signer.example.com", inProcess{server.plain}, changed{inProcess{aws.Gateway()}, test.change}},
				)
				explained := run.Of("Explain")
				if test.cause == "" {
					if run.Status != logicapps.Succeeded || len(explained) > 0 && explained[0].Status != logicapps.Skipped {
						t.Errorf("%s, %+v", run.Status, explained)
					}
					return
				}
				history := run.History()
				if run.Status != logicapps.Failed || len(explained) != 1 || explained[0].Status != logicapps.Succeeded {
					t.Fatalf("%s, %+v\n%s", run.Status, explained, history)
				}
				received := clock.UTC().Format("2006-01-02T15:04:05.0000000Z")
				if !strings.Contains(string(explained[0].Calls[0].Body), `"at":"`+received+`"`) {
					t.Errorf("Explain does not say when the response was received: %s", explained[0].Calls[0].Body)
				}
				response := string(explained[0].Calls[0].ResponseBody)
				if !strings.Contains(response, `"cause":`+test.cause) || !strings.Contains(response, `"secret":true`) {
					t.Errorf("%s", response)
				}
				if stop := run.Of("Stop"); len(stop) != 1 || !strings.Contains(history, "To do: ") {
					t.Errorf("the run does not end with what to do:\n%s", history)
				}
				for _, secret := range []string{secretKey, "EXAMPLE-key", "Signature="} {
					if strings.Contains(history, secret) {
						t.Errorf("the history holds %q", secret)
					}
				}
			})
		}
	}
}

// runRefused runs one of the workflows with a request to an API.
func runRefused(t *testing.T, file string, now func() time.Time, way routes) *logicapps.Run {
	t.Helper()
	text, err := os.ReadFile("../connector/workflows/" + file)
	if err != nil {
		t.Fatal(err)
	}
	workflow, err := logicapps.Load(text)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"signerUrl": "https://signer.example.com", "signerKey": "flow.EXAMPLE-key"} {
		if workflow.At("parameters", name) != nil {
			if err := workflow.Edit(value, "parameters", name, "value"); err != nil {
				t.Fatal(err)
			}
		}
	}
	if file != "call-api-gateway.json" { // which already has such a request
		request := logicapps.Object{
			{Name: "method", Value: "POST"},
			{Name: "url", Value: "https://" + questionedHost + "/prod/orders"},
			{Name: "body", Value: logicapps.Object{{Name: "order", Value: logicapps.Number("1042")}}},
			{Name: "bodyForm", Value: "envelope"},
		}
		if err := workflow.Edit(request, "definition", "actions", "Request", "inputs"); err != nil {
			t.Fatal(err)
		}
	}
	engine := logicapps.Engine{
		Transport: way, Now: now, Sleep: func(context.Context, time.Duration) error { return nil },
		Connections: map[string]logicapps.Connection{
			connectionID: {URL: "https://signer.example.com", Header: http.Header{"X-Api-Key": {"flow.EXAMPLE-key"}}},
		},
	}
	run, err := engine.Run(t.Context(), workflow, nil)
	if err != nil {
		t.Fatal(err)
	}
	return run
}
