package live_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/access"
	"countersign/broker"
	"countersign/credentials"
	"countersign/handlers"
	"countersign/sending"
	"countersign/signing"
)

// response is what AWS said, in the form of handlers/testdata/refusals.json.
type response struct {
	Name    string            `json:"name"`
	Service string            `json:"service"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
	Code    string            `json:"code"`
	Message string            `json:"message"`
}

// document is what POST /v1/send responds, the envelope or the problem document.
type document struct {
	said
	Code     string
	Attempts int
	AWS      struct {
		said
		Code, Message string
	}
}

type said struct {
	Status  int
	Headers map[string]string
	Body    json.RawMessage
}

// misread are AWS's codes for a signature that it computes differently. Only a row that expects one may get it.
var misread = []string{"SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature", "IncompleteSignatureException"}

// run sends the requests of all rows, and returns AWS's responses without what is private. o says how AWS is reached.
func run(t *testing.T, region string, getenv func(string) string, o sending.Options) (responses []response) {
	t.Helper()
	for _, row := range rows(region, time.Now()) {
		t.Run(row.name, func(t *testing.T) {
			w := ask(t, row, region, getenv, o)
			var got document
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			aws := got.AWS.said
			if w.Code == http.StatusOK {
				aws, got.Code = got.said, ""
			}
			if aws.Status != 0 {
				u := regexp.MustCompile(`//(?:[^/]*\.)?(\w+)\.[\w-]+\.amazonaws`).FindStringSubmatch(row.request)
				responses = append(responses, response{
					row.name, u[1], aws.Status, hideEach(aws.Headers), hide(textOf(aws.Body)), got.AWS.Code, hide(got.AWS.Message),
				})
			}
			if row.permission != "" && aws.Status == http.StatusForbidden && got.AWS.Code == "AccessDenied" {
				t.Skip("NOT SHOWN: the keys need " + row.permission)
			}
			if w.Code != row.status || got.Code != row.code || row.answered != 0 && aws.Status != row.answered ||
				row.aws != "" && got.AWS.Code != row.aws || row.attempts > 0 && got.Attempts != row.attempts ||
				row.aws == "" && slices.Contains(misread, got.AWS.Code) {
				t.Errorf("%d %s, AWS: %d %s, after %d attempts; want %+v\n%s", w.Code, got.Code, aws.Status, got.AWS.Code, got.Attempts,
					row, hide(w.Body.String()))
			}
		})
	}
	return responses
}

// textOf returns a body as it arrived: JSON as it stands, everything else as a text.
func textOf(body json.RawMessage) (text string) {
	if json.Unmarshal(body, &text) == nil {
		return text
	}
	return string(body)
}

// ask sends a request through the service, with a policy that also allows asking for the identity.
func ask(t *testing.T, row row, region string, getenv func(string) string, o sending.Options) *httptest.ResponseRecorder {
	t.Helper()
	now := func() time.Time { return time.Now().Add(-row.late) }
	policy, err := access.NewPolicy("live.cedar", []byte(`permit (principal, action == Action::"send", resource);
permit (principal, action == Action::"send", resource) when { resource.service == "sts" && resource.operation == "GetCallerIdentity" };`))
	if err != nil {
		t.Fatal(err)
	}
	store, err := credentials.New(credentials.Options{
		Profiles: []credentials.Profile{{Name: "live", Region: region, Source: credentials.SourceEnvironment}}, Now: now, Getenv: getenv,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	o.Now = now
	client, err := sending.New(o)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	audit, err := access.NewAuditor(access.AuditOptions{Stdout: &bytes.Buffer{}, Now: now, Random: strings.NewReader(strings.Repeat("x", 64))})
	if err != nil {
		t.Fatal(err)
	}
	h := handlers.New(handlers.Options{MaxResponseBytes: cmp.Or(row.limit, 1<<20), Options: broker.Options{
		Signer: new(signing.Signer), Sessions: store, Now: now, Policy: policy, Audit: audit, DefaultProfile: "live", Sender: client,
	}})
	event := &handlers.Event{Call: broker.Call{RequestID: "live", Caller: access.Caller{ID: "live"}}}
	r := httptest.NewRequest(http.MethodPost, "/v1/send", strings.NewReader(row.request))
	w := httptest.NewRecorder()
	h.CallAWS().ServeHTTP(w, handlers.WithEvent(r, event))
	return w
}

// private matches what differs between accounts, or could give someone access: accounts, ids with the name of the
// session that may follow, names in ARNs, ids of requests, tokens and other long texts.
var private = regexp.MustCompile(`\b\d{12}\b|\b(?:AKIA|ASIA|AROA|AIDA|ANPA|AGPA)[A-Z0-9]{12,}(?::[^<"\s]+)?|` +
	`\b(?:assumed-role|federated-user|user|role)/[^"<\s]+|\b[A-Z0-9]{16}\b|[A-Za-z0-9+/=_-]{40,}|` +
	`[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`)

func hide(text string) string { return private.ReplaceAllString(text, "EXAMPLE") }

func hideEach(headers map[string]string) map[string]string {
	hidden := map[string]string{}
	for name, value := range headers {
		hidden[name] = hide(value)
	}
	return hidden
}
