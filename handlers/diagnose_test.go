package handlers_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"countersign/access"
	"countersign/credentials"
	"countersign/diagnosis"
	"countersign/handlers"
	"countersign/signing"
)

// refusalCase is one of the cases of package diagnosis. Its parts correspond to fields of a document:
//
//	request, sent {method, url, headers, body | bodyBase64}  the same, with headers in headerList
//	response {status, headers, body | bodyBase64}            the same, with headers in headerList
//	paste                                                    paste
//	requestIs: as-signed | as-sent | none                    requestIs: signed | sent | absent
//	credentials, null if no profile has the key              credentials, or the profile that has them; absent
//	receivedAt                                               at
//	clockOf: signer                                          clock: signer
//	signedAt, sessionExpiresAt, attempt, stsEndpoint         the same
//
// A body that is neither body nor bodyBase64 is empty in the cases, and must be given as "" if the method may have
// one.
type refusalCase struct {
	ID               string
	Request, Sent    *refusalMessage
	Response         *refusalMessage
	Paste            string
	RequestIs        diagnosis.RequestIs
	Credentials      *struct{ AccessKeyID, SecretAccessKey, SessionToken string }
	ReceivedAt       time.Time
	SignerClock      bool
	SignedAt         time.Time
	SessionExpiresAt time.Time
}

type refusalMessage struct {
	Method, URL string
	Status      int
	Headers     []signing.Header
	Body        *string
	BodyBase64  []byte
}

func (m *refusalMessage) bytes() []byte {
	if m.BodyBase64 != nil {
		return m.BodyBase64
	}
	if m.Body == nil {
		return nil
	}
	return []byte(*m.Body)
}

func (m *refusalMessage) document() any {
	if m == nil {
		return nil
	}
	headers := []map[string]string{}
	for _, h := range m.Headers {
		headers = append(headers, map[string]string{"name": h.Name, "value": h.Value})
	}
	out := map[string]any{"headerList": headers}
	switch {
	case m.BodyBase64 != nil:
		out["bodyBase64"] = m.BodyBase64
	case m.Body != nil:
		out["body"] = *m.Body
	default:
		out["body"] = ""
	}
	if m.Method == "" {
		out["status"] = m.Status
		return out
	}
	out["method"], out["url"] = m.Method, m.URL
	return out
}

func (m *refusalMessage) request() *diagnosis.Request {
	if m == nil {
		return nil
	}
	return &diagnosis.Request{Method: m.Method, URL: m.URL, Headers: m.Headers, Body: m.bytes()}
}

func (c *refusalCase) document() map[string]any {
	out := map[string]any{}
	for name, value := range map[string]any{
		"request": c.Request.document(), "sent": c.Sent.document(), "response": c.Response.document(), "paste": c.Paste,
		"requestIs": string(c.RequestIs),
	} {
		if value != nil && value != "" {
			out[name] = value
		}
	}
	if k := c.Credentials; k != nil {
		out["credentials"] = map[string]string{"accessKeyId": k.AccessKeyID, "secretAccessKey": k.SecretAccessKey, "sessionToken": k.SessionToken}
	}
	for name, at := range map[string]time.Time{"at": c.ReceivedAt, "signedAt": c.SignedAt, "sessionExpiresAt": c.SessionExpiresAt} {
		if !at.IsZero() {
			out[name] = at.Format(time.RFC3339)
		}
	}
	if c.SignerClock {
		out["clock"] = "signer"
	}
	return out
}

func (c *refusalCase) input() diagnosis.Input {
	in := diagnosis.Input{
		Paste: c.Paste, Request: c.Request.request(), Sent: c.Sent.request(), RequestIs: c.RequestIs,
		ReceivedAt: c.ReceivedAt, SignerClock: c.SignerClock, SignedAt: c.SignedAt, SessionExpires: c.SessionExpiresAt,
	}
	if c.Response != nil {
		in.Response = &diagnosis.Response{Status: c.Response.Status, Headers: c.Response.Headers, Body: c.Response.bytes()}
	}
	return in
}

func refusalCases(t testing.TB) []refusalCase {
	t.Helper()
	text, err := os.ReadFile("../diagnosis/testdata/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []refusalCase
	if err := json.Unmarshal(text, &cases); err != nil || len(cases) < 60 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	return cases
}

func (s *testServer) diagnose(document any) diagnosis.Report {
	s.t.Helper()
	w := s.post("/v1/diagnose", encode(s.t, document))
	if w.Code != http.StatusOK {
		s.t.Fatalf("POST /v1/diagnose %s = %d %s\n%s", encode(s.t, document), w.Code, w.Body, s.log)
	}
	return decodeAs[diagnosis.Report](s.t, w.Body)
}

// The service's report on each case is that of package diagnosis with all its inputs: with keys in the request, with
// the keys of a profile, and without any.
func TestDiagnose_ReportsAsThePackageDoes(t *testing.T) {
	policy, err := access.NewPolicy("p.cedar", []byte(`permit (principal, action, resource) when { resource.service == "sts" || true };`))
	if err != nil {
		t.Fatal(err)
	}
	var held *refusalCase
	server := newServer(t, func(o *handlers.Options) {
		o.AllowCredentials, o.Policy = true, policy
		o.Sessions = fakeSessions{session: func(credentials.SessionRequest) (credentials.Session, error) {
			k := held.Credentials
			return credentials.Session{
				Credentials: signing.NewCredentials(k.AccessKeyID, k.SecretAccessKey, k.SessionToken), Expires: held.SessionExpiresAt,
			}, nil
		}}
	})
	used, want := 0, 40
	if testing.Short() {
		want /= 4
	}
	for i, c := range refusalCases(t) {
		if testing.Short() && i%3 > 0 {
			continue
		}
		t.Run(c.ID, func(t *testing.T) {
			server.t, held = t, &c
			in := c.input()
			document := c.document()
			delete(document, "credentials")
			compare(t, "without keys", server.diagnose(document), in)
			if c.Credentials == nil {
				return
			}
			before := len(server.audit.list)
			k := c.Credentials
			in.Credentials = signing.NewCredentials(k.AccessKeyID, k.SecretAccessKey, k.SessionToken)
			compare(t, "keys in the request", server.diagnose(c.document()), in)
			delete(document, "sessionExpiresAt")
			document["profile"] = "orders"
			in.OtherSessions = k.SessionToken != ""
			compare(t, "keys of a profile", server.diagnose(document), in)
			if _, known := in.About(); known {
				used++
				if n := len(server.audit.list) - before; n != 2 {
					t.Errorf("%d records, want 2", n)
				}
			}
		})
	}
	if used < want {
		t.Errorf("keys were used in %d cases", used)
	}
}

func compare(t *testing.T, what string, got diagnosis.Report, in diagnosis.Input) {
	t.Helper()
	want := diagnosis.Diagnose(context.Background(), in)
	if g, w := encode(t, got), encode(t, want); g != w {
		t.Errorf("%s: got\n%s\nwant\n%s", what, g, w)
	}
}

const refusedRequest = `{"request":{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/",` +
	`"headers":{"X-Amz-Date":"20150830T123600Z",` +
	`"Authorization":"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/eu-west-1/sqs/aws4_request, SignedHeaders=host;x-amz-date, ` +
	`Signature=0000000000000000000000000000000000000000000000000000000000000000"}},"response":{"status":403,` +
	`"body":"{\"message\":\"The request signature we calculated does not match the signature you provided.\"}"},"profile":"orders"}`

// Diagnosing with a profile is verifying with it.
func TestDiagnose_IsDecidedAndRecordedAsVerify(t *testing.T) {
	for name, test := range map[string]struct {
		policy, document string
		status           int
		decisions        string
	}{
		"allowed": {
			`permit (principal, action == Action::"verify", resource) when { resource.host == "sqs.eu-west-1.amazonaws.com" };`,
			refusedRequest, 200, "allow",
		},
		"denied": {`permit (principal, action == Action::"sign", resource);`, refusedRequest, 403, "deny"},
		"denied, and without a profile": {
			`permit (principal, action == Action::"sign", resource);`, strings.Replace(refusedRequest, `,"profile":"orders"`, ``, 1),
			200, "",
		},
		"no request to decide on": {
			`permit (principal, action == Action::"sign", resource);`, `{"paste":"AccessDenied","profile":"orders"}`, 200, "",
		},
		"a request that is none": {
			`permit (principal, action, resource);`,
			`{"request":{"method":"G T","url":"https://sqs.eu-west-1.amazonaws.com/"},"paste":"x","profile":"orders"}`, 200, "",
		},
		"keys that are not allowed": {
			`permit (principal, action, resource);`,
			strings.Replace(refusedRequest, `"profile":"orders"`, `"credentials":{"accessKeyId":"a","secretAccessKey":"b"}`, 1), 403,
			"",
		},
	} {
		t.Run(name, func(t *testing.T) {
			policy, err := access.NewPolicy("p.cedar", []byte(test.policy))
			if err != nil {
				t.Fatal(err)
			}
			server := newServer(t, func(o *handlers.Options) { o.Policy = policy })
			if w := server.post("/v1/diagnose", test.document); w.Code != test.status {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
			var decisions []string
			for _, r := range server.audit.list {
				decisions = append(decisions, string(r.Decision))
				if r.Action != access.ActionVerify || r.Profile != "orders" || r.Host != "sqs.eu-west-1.amazonaws.com" {
					t.Errorf("the record is %+v", r)
				}
			}
			if got := strings.Join(decisions, " "); got != test.decisions {
				t.Errorf("records %q, want %q", got, test.decisions)
			}
		})
	}
}

// Without a request, the decision is about the request in AWS's canonical request.
func TestDiagnose_DecidesOnWhatAWSEchoes(t *testing.T) {
	for _, c := range refusalCases(t) {
		if c.ID != "secret-other-paste-browser" {
			continue
		}
		policy, err := access.NewPolicy(
			"p.cedar",
			[]byte(`permit (principal, action, resource) when { resource.service == "s3" && resource.path like "/orders/*" && `+
				`resource.method == "GET" };`),
		)
		if err != nil {
			t.Fatal(err)
		}
		server := newServer(t, func(o *handlers.Options) { o.Policy, o.AllowCredentials = policy, true })
		server.diagnose(c.document())
		if len(server.audit.list) != 1 || server.audit.list[0].Decision != "allow" || server.audit.list[0].SignatureSHA256 == "" {
			t.Errorf("the records are %+v", server.audit.list)
		}
		return
	}
	t.Fatal("there is no such case")
}

// A workflow passes on the response of signing and AWS's response unchanged.
func TestDiagnose_AcceptsTheResponseOfSigning(t *testing.T) {
	server := newServer(t, nil)
	signed := server.sign(`{"method":"POST","url":"https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/prod/orders",` +
		`"headers":{"Content-Type":"application/json"},"body":{"order":1},"profile":"orders"}`)
	response := `{"statusCode":403,"headers":{"Date":"Sun, 30 Aug 2015 12:36:01 GMT"},` +
		`"body":{"message":"User: anonymous is not authorized to perform: execute-api:Invoke on resource: ` +
		`arn:aws:execute-api:eu-west-1:********9012:a1b2c3d4e5/prod/POST/orders"}}`
	report := server.diagnose(map[string]any{
		"request": map[string]any{
			"method": signed.Method, "url": signed.URL, "headers": signed.Headers, "body": signed.Body, "bodyBase64": signed.BodyBase64,
		},
		"requestIs": "signed", "paste": response, "profile": signed.Profile, "signedAt": signed.SignedAt, "at": nil,
	})
	if u := report.Understood; u.Method != "POST" || u.URL != signed.URL || u.Status != 403 || u.Body != "11 bytes" || !u.Secret {
		t.Errorf("understood %+v", u)
	}
}

// The response is text, whatever bytes a body has.
func TestDiagnose_RespondsInUTF8(t *testing.T) {
	server := newServer(t, nil)
	server.diagnose(map[string]any{
		"response": map[string]any{
			"status": 403, "bodyBase64": []byte("<Error><Code>Access\xffDenied</Code><Message>a\xfe\xffb \x1b[31m</Message></Error>"),
		},
	})
}

func TestDiagnose_NeedsInput(t *testing.T) {
	server := newServer(t, nil)
	if got := server.problem(server.post("/v1/diagnose", `{"profile":"orders"}`), 400); got.Code != "field_missing" ||
		got.Errors[0].Pointer != "/paste" {
		t.Errorf("got %+v", got)
	}
}

// Sessions of the global STS endpoint are not valid in regions that an account must enable; those of a regional
// endpoint are.
func TestDiagnose_KnowsWhichSTSIssuedTheSession(t *testing.T) {
	const id, token = "ASIAIOSFODNN7EXAMPLE", "IQoJb3JpZ2luX2VjEXAMPLETOKEN"
	issuer := ""
	server := newServer(t, func(o *handlers.Options) {
		o.Sessions = fakeSessions{session: func(credentials.SessionRequest) (credentials.Session, error) {
			return credentials.Session{Credentials: signing.NewCredentials(id, secretKey, token), Profile: "orders", STSEndpoint: issuer}, nil
		}}
	})
	document := map[string]any{
		"profile": "orders",
		"request": map[string]any{"method": "GET", "url": "https://sqs.me-south-1.amazonaws.com/", "headers": map[string]string{
			"X-Amz-Date": "20261128T190748Z", "X-Amz-Security-Token": token,
			"Authorization": "AWS4-HMAC-SHA256 Credential=" + id + "/20261128/me-south-1/sqs/aws4_request, SignedHeaders=host;x-amz-date;" +
				"x-amz-security-token, Signature=" + strings.Repeat("ab", 32),
		}},
		"response": map[string]any{
			"status": 403,
			"body":   `{"__type":"UnrecognizedClientException","message":"The security token included in the request is invalid."}`,
		},
	}
	for _, test := range []struct{ held, given, cause string }{
		{"sts.amazonaws.com", "", "foreign-token"},
		{"sts.me-south-1.amazonaws.com", "", "invalid-token"},
		{"sts.me-south-1.amazonaws.com", "sts.amazonaws.com", "foreign-token"},
	} {
		issuer, document["stsEndpoint"] = test.held, test.given
		if v := server.diagnose(document).Verdicts[0]; string(v.Cause) != test.cause {
			t.Errorf("STS endpoint of the profile %q, in the request %q: %s, want %s", test.held, test.given, v.Cause, test.cause)
		}
	}
}
