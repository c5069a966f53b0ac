package handlers_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"countersign/credentials"
	"countersign/diagnosis"
	"countersign/handlers"
	"countersign/sandbox"
	"countersign/signing"
)

// questioner signs as people do, sends to a gateway that verifies, and asks the service why it was refused.
type questioner struct {
	*testServer
	gateway string
	clock   *time.Time // the gateway's
}

const (
	questionedHost = "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com"
	questionedKey  = "AKIAIOSFODNN7EXAMPLE"
)

func newQuestioner(t *testing.T) questioner {
	t.Helper()
	clock := signedAt
	aws := httptest.NewServer(sandbox.New(sandbox.Options{
		Now: func() time.Time { return clock }, Region: "eu-west-1",
		Users: []sandbox.User{{ARN: sandbox.UserARN, AccessKeyID: questionedKey, SecretAccessKey: secretKey}},
	}).Gateway())
	t.Cleanup(aws.Close)
	server := newServer(t, func(o *handlers.Options) {
		o.Sessions = fakeSessions{session: func(credentials.SessionRequest) (credentials.Session, error) {
			return credentials.Session{Credentials: signing.NewCredentials(questionedKey, secretKey, ""), Profile: "orders"}, nil
		}}
	})
	return questioner{server, aws.URL, &clock}
}

// signs returns a request signed by a signer of its own.
func (q questioner) signs(method, path, body string, change func(*signing.Request)) signResponse {
	q.t.Helper()
	url, err := signing.ParseReceivedURL("https://" + questionedHost + path)
	if err != nil {
		q.t.Fatal(err)
	}
	r := signing.Request{
		Method: method, URL: url, Headers: []signing.Header{
			{Name: "Content-Type", Value: "application/json"},
		}, PayloadHash: signing.PayloadHash([]byte(body)),
		Scope: signing.Scope{
			Region: "eu-west-1", Service: "execute-api",
		}, Time: signedAt, Credentials: signing.NewCredentials(questionedKey, secretKey, ""),
	}
	change(&r)
	signed, err := new(signing.Signer).Sign(&r)
	if err != nil {
		q.t.Fatal(err)
	}
	out := signResponse{Method: method, URL: url.String(), Headers: map[string]string{}, Body: &body}
	for _, h := range signed.Headers {
		out.Headers[h.Name] = h.Value
	}
	return out
}

// sends sends a request to the gateway, and the service what is known of the request and the response.
func (q questioner) sends(signed signResponse, requestIs string, more map[string]any) diagnosis.Report {
	q.t.Helper()
	r, err := http.NewRequestWithContext(
		q.t.Context(), signed.Method, strings.Replace(signed.URL, "https://"+questionedHost, q.gateway, 1),
		strings.NewReader(*signed.Body),
	)
	if err != nil {
		q.t.Fatal(err)
	}
	r.Host = questionedHost
	document := map[string]any{"method": signed.Method, "url": signed.URL, "headers": signed.Headers, "body": *signed.Body}
	for name, value := range signed.Headers {
		r.Header.Set(name, value)
	}
	if wire, ok := more["wire"].(map[string]string); ok { // what changes on the way
		for name, value := range wire {
			r.Header.Set(name, value)
		}
		delete(more, "wire")
	}
	answered, err := http.DefaultClient.Do(r)
	if err != nil {
		q.t.Fatal(err)
	}
	defer answered.Body.Close()
	text, err := io.ReadAll(answered.Body)
	if err != nil || answered.StatusCode < 400 {
		q.t.Fatalf("the gateway responded with %d %s %v", answered.StatusCode, text, err)
	}
	headers := map[string]string{}
	for name := range answered.Header {
		headers[name] = answered.Header.Get(name)
	}
	whole := map[string]any{
		"request": document, "requestIs": requestIs, "response": map[string]any{
			"status": answered.StatusCode, "headers": headers, "body": string(text),
		}, "profile": "orders",
	}
	for name, value := range more {
		whole[name] = value
	}
	return q.diagnose(whole)
}

// Questions that have been asked for years on forums, each reproduced, and answered by the service.
func TestDiagnose_AnswersTheOldQuestions(t *testing.T) {
	asSigned := func(*signing.Request) {}
	for question, test := range map[string]struct {
		ask       func(questioner) diagnosis.Report
		cause     diagnosis.Cause
		detail    string
		certainty diagnosis.Certainty
	}{
		"it works with GET, and PUT with a body does not match": {func(q questioner) diagnosis.Report {
			return q.sends(
				q.signs("PUT", "/prod/orders/7", `{"order":7}`, func(r *signing.Request) { r.PayloadHash = signing.PayloadHash(nil) }),
				"sent", nil,
			)
		}, "signed-payload", "empty", diagnosis.Proved},
		"the signature in the URL does not match": {func(q questioner) diagnosis.Report {
			return q.recorded("presign-payload-empty-hash")
		}, "signed-payload", "empty", diagnosis.Proved},
		"signature expired, and it was just made": {func(q questioner) diagnosis.Report {
			*q.clock = signedAt.Add(11 * time.Minute)
			return q.sends(
				q.signs("GET", "/prod/orders", "", asSigned), "signed",
				map[string]any{"signedAt": signedAt.Format(time.RFC3339), "at": q.clock.Format(time.RFC3339)},
			)
		}, "stale-signature", "", diagnosis.Stated},
		"signature expired, by a clock that is behind": {func(q questioner) diagnosis.Report {
			*q.clock = signedAt.Add(6*time.Minute + 20*time.Second)
			return q.sends(
				q.signs("GET", "/prod/orders", "", asSigned), "sent",
				map[string]any{"at": signedAt.Add(time.Second).Format(time.RFC3339), "clock": "signer"},
			)
		}, "clock-behind", "", diagnosis.Stated},
		"the format of value is invalid": {func(q questioner) diagnosis.Report {
			return q.recorded("seed003-format-of-value")
		}, "client-refused-header", "", diagnosis.Stated},
		"it matches now and then": {func(q questioner) diagnosis.Report {
			const scope, date = "20150830/eu-west-1/execute-api/aws4_request", "20150830T123601Z"
			signature := signedBy(
				scope, "GET", "/prod/orders", "", "host:"+questionedHost, "x-amz-date:"+date, "", "host;x-amz-date",
				signing.PayloadHash(nil),
			)
			text := ""
			return q.sends(signResponse{Method: "GET", URL: "https://" + questionedHost + "/prod/orders", Body: &text, Headers: map[string]string{
				"X-Amz-Date": date, "Authorization": "AWS4-HMAC-SHA256 Credential=" + questionedKey + "/" + scope + ", SignedHeaders=host;" +
					"x-amz-date, Signature=" + signature,
			}}, "sent", nil)
		}, "signed-time", "", diagnosis.Proved},
		"it was signed here, and the workflow's call does not match": {func(q questioner) diagnosis.Report {
			signed := q.signs("POST", "/prod/orders", `{"order":7}`, func(r *signing.Request) { r.SignedHeaders = []string{"content-type"} })
			return q.sends(signed, "signed", map[string]any{"wire": map[string]string{"Content-Type": "application/json; charset=utf-8"}})
		}, "changed-header", "charset-appended", diagnosis.Proved},
	} {
		t.Run(question, func(t *testing.T) {
			report := test.ask(newQuestioner(t))
			v := report.Verdicts[0]
			if v.Cause != test.cause || test.detail != "" && v.Detail != test.detail || v.Certainty != test.certainty {
				t.Errorf("%s, %s, %s; want %s, %s, %s\n%s", v.Cause, v.Detail, v.Certainty, test.cause, test.detail, test.certainty, encode(t, report))
			}
		})
	}
}

// recorded is a case whose service is not available here: its response was recorded.
func (q questioner) recorded(id string) diagnosis.Report {
	q.t.Helper()
	for _, c := range refusalCases(q.t) {
		if c.ID == id {
			document := c.document()
			delete(document, "credentials")
			if k := c.Credentials; k != nil {
				server := newServer(q.t, func(o *handlers.Options) { o.AllowCredentials = true })
				document["credentials"] = map[string]string{
					"accessKeyId": k.AccessKeyID, "secretAccessKey": k.SecretAccessKey, "sessionToken": k.SessionToken,
				}
				return server.diagnose(document)
			}
			return q.diagnose(document)
		}
	}
	q.t.Fatalf("there is no case %s", id)
	return diagnosis.Report{}
}
