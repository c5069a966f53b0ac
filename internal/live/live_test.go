//go:build live

// Package live_test sends requests to AWS itself through the real service: each row of the status table that can be
// produced without creating anything, and what docs/unchecked.md lists as untested. It needs keys with few permissions:
// reading is enough, and a denied request is a useful row as well. It changes nothing.
//
// Without AWS_ACCESS_KEY_ID it is skipped, and says so. If LIVE_OUT is set, it writes AWS's responses into that folder,
// without ids, names and tokens.
package live_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
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

// row is one request, and the response that it must get.
type row struct {
	name, request string
	late          time.Duration // how far the clock is behind
	status        int           // of our response
	code          string        // of the problem document, or empty
	aws           string        // AWS's code
	attempts      int           // if there is a response
}

// region is the region to send requests to.
func region() string {
	if name := os.Getenv("AWS_REGION"); name != "" {
		return name
	}
	return "us-east-1"
}

func rows() []row {
	in := func(text string) string { return strings.ReplaceAll(text, "REGION", region()) }
	missing := "countersign-live-" + strings.ToLower(time.Now().UTC().Format("20060102t150405"))
	const json10 = `"headers":{"Content-Type":"application/x-amz-json-1.0","X-Amz-Target":"`
	return []row{
		{
			name: "XML", status: 200, attempts: 1,
			request: in(`{"method":"GET","url":"https://sts.REGION.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15"}`),
		},
		{
			name: "a form", status: 200, attempts: 1,
			request: in(`{"method":"POST","url":"https://sts.REGION.amazonaws.com/",` +
				`"headers":{"Content-Type":"application/x-www-form-urlencoded"},"body":{"Action":"GetCallerIdentity","Version":"2011-06-15"}}`),
		},
		{
			name: "JSON of STS", status: 200, attempts: 1,
			request: in(`{"method":"GET","url":"https://sts.REGION.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15",` +
				`"headers":{"Accept":"application/json"}}`),
		},
		{
			name: "a clock an hour behind", late: time.Hour, status: 200, attempts: 2,
			request: in(`{"method":"GET","url":"https://sts.REGION.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15"}`),
		},
		{
			name: "the wrong region", status: 403, code: "aws_refused", aws: "SignatureDoesNotMatch",
			request: in(`{"method":"GET","url":"https://sts.REGION.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15",` +
				`"region":"ap-east-1"}`),
		},
		{
			name: "no such operation", status: 400, code: "aws_refused",
			request: in(`{"method":"POST","url":"https://dynamodb.REGION.amazonaws.com/",` + json10 +
				`DynamoDB_20120810.NoSuchOperation"},"body":{}}`),
		},
		{
			name: "a bucket that is not there", status: 404, code: "aws_refused", aws: "NoSuchBucket",
			request: in(`{"method":"GET","url":"https://` + missing + `.s3.REGION.amazonaws.com/?list-type=2"}`),
		},
		{
			name: "HEAD has no code", status: 404, code: "aws_refused",
			request: in(`{"method":"HEAD","url":"https://` + missing + `.s3.REGION.amazonaws.com/"}`),
		},
		{
			name: "returned", status: 200, attempts: 1,
			request: in(`{"method":"GET","url":"https://` + missing + `.s3.REGION.amazonaws.com/","onError":"return"}`),
		},
	}
}

func TestLive_TheStatusTable(t *testing.T) {
	if os.Getenv("AWS_ACCESS_KEY_ID") == "" {
		t.Skip("NO REQUEST WAS SENT TO AWS: set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, for a session, AWS_SESSION_TOKEN")
	}
	for _, row := range rows() {
		t.Run(row.name, func(t *testing.T) {
			response := ask(t, row)
			var got struct {
				Code     string
				Attempts int
				AWS      struct{ Code string }
			}
			if err := json.Unmarshal(response.Body.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			if response.Code != row.status || got.Code != row.code || row.aws != "" && got.AWS.Code != row.aws || row.attempts > 0 &&
				got.Attempts != row.attempts {
				t.Errorf("%d %s %s after %d attempts, want %+v", response.Code, got.Code, got.AWS.Code, got.Attempts, row)
			}
			keep(t, row.name, response.Body.Bytes())
		})
	}
}

// ask sends a request through the service, with a policy that also allows asking for the identity.
func ask(t *testing.T, row row) *httptest.ResponseRecorder {
	t.Helper()
	now := func() time.Time { return time.Now().Add(-row.late) }
	policy, err := access.NewPolicy("live.cedar", []byte(`permit (principal, action == Action::"send", resource);
permit (principal, action == Action::"send", resource) when { resource.service == "sts" && resource.operation == "GetCallerIdentity" };`))
	if err != nil {
		t.Fatal(err)
	}
	store, err := credentials.New(credentials.Options{
		Profiles: []credentials.Profile{{Name: "live", Region: region(), Source: credentials.SourceEnvironment}}, Now: now, Getenv: os.Getenv,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	client, err := sending.New(sending.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	audit, err := access.NewAuditor(access.AuditOptions{Stdout: &bytes.Buffer{}, Now: now, Random: strings.NewReader(strings.Repeat("x", 64))})
	if err != nil {
		t.Fatal(err)
	}
	h := handlers.New(handlers.Options{Options: broker.Options{
		Signer: new(signing.Signer), Sessions: store, Now: now, Policy: policy, Audit: audit, DefaultProfile: "live", Sender: client,
	}})
	event := &handlers.Event{Call: broker.Call{RequestID: "live", Caller: access.Caller{ID: "live"}}}
	r := httptest.NewRequest(http.MethodPost, "/v1/send", strings.NewReader(row.request))
	w := httptest.NewRecorder()
	h.CallAWS().ServeHTTP(w, handlers.WithEvent(r, event))
	return w
}

// private matches what differs between accounts, or could give someone access.
var private = regexp.MustCompile(`\b\d{12}\b|\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}\b|` +
	`assumed-role/[^"<]+|user/[^"<]+|[A-Za-z0-9+/=_-]{40,}|` +
	`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

// keep writes a response to the folder in LIVE_OUT, if it is set.
func keep(t *testing.T, name string, response []byte) {
	t.Helper()
	folder := os.Getenv("LIVE_OUT")
	if folder == "" {
		return
	}
	file := filepath.Join(folder, strings.ReplaceAll(name, " ", "-")+".json")
	if err := os.WriteFile(file, private.ReplaceAll(response, []byte("EXAMPLE")), 0o600); err != nil {
		t.Error(err)
	}
}
