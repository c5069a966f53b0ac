package cli

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"countersign/config"
)

// secret is the n-th planted secret. It is long enough to be a key and is not a word that anything else would write.
func secret(n int) string { return fmt.Sprintf("CANARY%02dEXAMPLEqL7xW2vT9kB4nM6pR8sZ", n) }

var secrets = regexp.MustCompile(`CANARY[0-9][0-9]EXAMPLE`)

// leakySTS refuses every call and repeats what it was sent, and a secret of its own.
type leakySTS struct{ leaked atomic.Int32 }

func (s *leakySTS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	s.leaked.Add(1)
	w.WriteHeader(http.StatusForbidden)
	fmt.Fprintf(w, `<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>%s with %s and %s may not %s</Message>`+
		`</Error><RequestId>%s</RequestId></ErrorResponse>`,
		secret(1), r.Header.Get("Authorization"), r.Header.Get("X-Amz-Security-Token"), r.Form.Encode(), secret(2))
}

// The test plants secrets wherever a request, a profile or an STS may have one, and sends them through every route
// with the log at its most verbose level.
func TestSecrets_AreNotInLogAuditOrProblem(t *testing.T) {
	sts := &leakySTS{}
	telling := httptest.NewServer(sts)
	defer telling.Close()
	var p program
	const caller = "EXAMPLE-key-that-opens-nothing"
	service := leakyService(t, &p, telling.URL, caller)

	sent, answered := map[string]bool{}, map[string]int{}
	for i, test := range leaks {
		body := strings.NewReplacer(
			"{S3}", "https://examplebucket.s3.eu-west-1.amazonaws.com", "{SQS}", "https://sqs.eu-west-1.amazonaws.com",
		).Replace(test.body)
		r := httptest.NewRequest(test.method, test.path, strings.NewReader(body))
		r.Header.Set("X-Api-Key", caller)
		r.Header.Set("Content-Type", "application/json")
		for j := 0; j < len(test.headers); j += 2 {
			r.Header.Set(test.headers[j], test.headers[j+1])
		}
		for _, s := range secrets.FindAllString(fmt.Sprint(test, test.headers), -1) {
			sent[s] = true
		}
		w := httptest.NewRecorder()
		service.handler.ServeHTTP(w, r)
		answered[strings.Split(test.method+" "+test.path, "?")[0]]++
		if w.Code != test.status {
			t.Errorf("%d %s %s %s: got %d %s, want %d", i, test.method, test.path, body, w.Code, w.Body, test.status)
		}
		if found := secrets.FindString(w.Body.String() + fmt.Sprint(w.Header())); w.Code >= 400 && found != "" {
			t.Errorf("%d %s %s %s: the problem shows %s: %s", i, test.method, test.path, body, found, w.Body)
		}
		if strings.Contains(w.Body.String(), secret(3)) {
			t.Errorf("%d %s %s: the response shows the secret access key", i, test.method, test.path)
		}
	}
	service.close() // writes the last log lines
	if strings.Contains(p.out.String(), caller) {
		t.Errorf("the log shows the caller's key:\n%s", &p.out)
	}
	if found := secrets.FindString(p.out.String() + p.err.String()); found != "" {
		t.Errorf("log or audit show %s:\n%s%s", found, &p.out, &p.err)
	}

	// There was something to leak:
	if len(sent) < 40 {
		t.Errorf("only %d secrets were planted in requests", len(sent))
	}
	if sts.leaked.Load() == 0 {
		t.Error("STS leaked no secret")
	}
	for path, item := range paths(t) {
		for method := range item {
			if answered[strings.ToUpper(method)+" "+path] == 0 {
				t.Errorf("nothing was sent to %s %s", method, path)
			}
		}
	}
	if lines := strings.Count(p.out.String(), `"message":"request"`); lines < len(leaks) {
		t.Errorf("%d log lines for %d requests", lines, len(leaks))
	}
	if !strings.Contains(p.out.String(), `"decision":"allow"`) || !strings.Contains(p.out.String(), `"decision":"deny"`) {
		t.Error("audit records of both kinds are missing")
	}
}

func paths(t *testing.T) map[string]map[string]any {
	t.Helper()
	w := httptest.NewRecorder()
	var p program
	service := leakyService(t, &p, "http://127.0.0.1:1", "EXAMPLE-key")
	defer service.close()
	service.handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/openapi.json", nil))
	var document struct{ Paths map[string]map[string]any }
	if err := json.Unmarshal(w.Body.Bytes(), &document); err != nil || len(document.Paths) < 15 {
		t.Fatalf("%d paths, %v", len(document.Paths), err)
	}
	return document.Paths
}

// leakyService has a profile whose keys are secrets, and one whose STS leaks secrets.
func leakyService(t *testing.T, p *program, sts, caller string) *service {
	t.Helper()
	file := fmt.Sprintf(`
log_level: debug
allow_request_credentials: true
default_profile: orders
profiles:
  orders: {region: eu-west-1, source: static, access_key_id: ASIATESTEXAMPLE, secret_access_key: %q, session_token: %q}
  denied: {region: eu-west-1, source: static, access_key_id: AKIDEXAMPLE, secret_access_key: %q, sts_endpoint: %q,
    assume_role: {role_arn: 'arn:aws:iam::123456789012:role/r', external_id: %q}}
callers: {api_keys: [{id: crm, sha256: %s}]}
`, secret(3), secret(4), secret(5), sts, secret(6), sha256Hex(caller))
	conf, err := config.Load(config.Sources{FileName: "f", File: []byte(file), Getenv: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	service, err := newService(
		&process{ctx: t.Context(), getenv: func(string) string { return "" }, stdout: &p.out, stderr: &p.err, now: time.Now, contract: contract},
		conf,
	)
	if err != nil {
		t.Fatal(err)
	}
	return service
}

func sha256Hex(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func encoded(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// leaks are requests with secrets in every place where a caller may put one. Names, as opposed to values (of a
// header, a parameter, a path), may be repeated.
var leaks = []struct {
	method, path string
	headers      []string
	body         string
	status       int
}{
	{"GET", "/", []string{"Cookie", secret(7)}, "", 200},
	{"GET", "/livez", []string{"X-Functions-Key", secret(8)}, "", 200},
	{"GET", "/readyz", nil, "", 200},
	{"GET", "/openapi.yaml", nil, "", 200},
	{"GET", "/openapi.json", nil, "", 200},
	{"GET", "/swagger.json", nil, "", 200},
	{"GET", "/nothing/" + secret(9) + "?code=" + secret(10), nil, "", 404},
	{"DELETE", "/v1/sign?" + secret(11), nil, "", 405},
	{"GET", "/v1/profiles", []string{"X-Api-Key", secret(12)}, "", 401},
	{"GET", "/v1/profiles?code=" + secret(13), nil, "", 200},
	{"GET", "/v1/services", []string{"X-Api-Key", "", "Authorization", "Bearer " + secret(14)}, "", 401},
	{"GET", "/v1/regions", []string{"X-Api-Key", "", "Authorization", "Basic " + secret(15)}, "", 401},
	{"GET", "/v1/regions", []string{"X-Request-Id", "\"" + secret(16)}, "", 200},
	{"GET", "/v1/services", []string{"X-Ms-Workflow-Run-Id", "!" + secret(17)}, "", 200},
	{"GET", "/v1/scope?url=https://user:" + secret(18) + "@sqs.eu-west-1.amazonaws.com/", nil, "", 400},
	{"GET", "/v1/scope?url=https://sqs.eu-west-1.amazonaws.com/?token=" + secret(19), nil, "", 200},
	{"GET", "/v1/identity?profile=denied", nil, "", 403},
	{"POST", "/v1/payload-hash", []string{"Content-Type", "text/plain"}, secret(20), 200},
	{"POST", "/v1/payload-hash", []string{"Content-Encoding", "gzip"}, secret(20), 415},

	{"POST", "/v1/sign", nil, `{"method":"POST","url":"{SQS}/?token=` + secret(21) + `","body":"` + secret(22) + `","explain":true}`, 200},
	{"POST", "/v1/sign", nil, `{"method":"POST","url":"{SQS}/","body":{"password":"` + secret(23) + `"},"profile":"denied"}`, 403},
	{
		"POST", "/v1/sign", nil,
		`{"method":"POST","url":"{SQS}/","bodyBase64":"` + encoded(secret(24)) + `","headers":{"X-Api-Key":"` + secret(25) +
			`","Authorization":"` + secret(26) + `"}}`,
		200,
	},
	{
		"POST", "/v1/sign", nil,
		`{"method":"POST","url":"{SQS}/","query":{"token":"` + secret(27) + `"},"headers":{"X-Api-Key":"` + secret(25) + `\r\n"}}`,
		400,
	},
	{"POST", "/v1/sign", nil, `{"method":"POST","url":"https://me:` + secret(28) + `@sqs.eu-west-1.amazonaws.com/#` + secret(29) + `"}`, 400},
	{"POST", "/v1/sign", nil, `{"method":"POST","url":"{SQS}/?%zz` + secret(29) + `"}`, 400},
	{
		"POST", "/v1/sign", nil,
		`{"method":"POST","url":"https://sts.eu-west-1.amazonaws.com/","body":"Action=AssumeRole&ExternalId=` + secret(30) + `"}`,
		403,
	},
	{
		"POST", "/v1/sign", nil,
		`{"method":"POST","url":"{SQS}/","credentials":{"accessKeyId":"AKIDEXAMPLE","secretAccessKey":"` + secret(31) + `","sessionToken":"` +
			secret(32) + `"}}`,
		200,
	},
	{
		"POST", "/v1/sign", nil,
		`{"method":"POST","url":"{SQS}/","credentials":{"accessKeyId":"AKIDEXAMPLE","secretAccessKey":"` + secret(31) + ` x","sessionToken":"` +
			secret(32) + `\nx"}}`,
		400,
	},
	{
		"POST", "/v1/sign", nil,
		`{"method":"POST","url":"{SQS}/","credentials":{"accessKeyId":"` + secret(33) + `/x","secretAccessKey":"y","externalId":"` + secret(34) +
			`"}}`,
		400,
	},
	{"POST", "/v1/sign", nil, `{"method":"POST","url":"{SQS}/","credentials":"` + secret(31) + `"}`, 400},
	{"POST", "/v1/sign", nil, `{"method":"POST","url":"{SQS}/","secretAccessKey":"` + secret(35) + `"}`, 400},
	{"POST", "/v1/sign", nil, `{"method":"POST","url":"{SQS}/","body":{"` + secret(36) + `":tru}}`, 400},
	{"POST", "/v1/sign", nil, `secretAccessKey=` + secret(36), 400},
	{"POST", "/v1/sign", nil, `"` + secret(36), 400},
	{"POST", "/v1/sign", []string{"Content-Type", "text/" + secret(37)}, `{}`, 415},
	{
		"POST", "/v1/sign", nil,
		`{"method":"POST","url":"{SQS}/","payload":"` + secret(38) + `","payloadSha256":"` + secret(39) + `","algorithm":"` + secret(40) +
			`","signingTime":"` + secret(41) + `","options":{"sessionToken":"` + secret(42) + `"}}`,
		400,
	},
	{
		"POST", "/v1/sign", nil,
		`{"method":"POST","url":"{SQS}/","headers":{"X-Amz-Content-Sha256":"` + secret(39) + `"},"body":{"$content-type":"` + secret(43) +
			`","$content":"` + encoded(secret(44)) + `"}}`,
		400,
	},
	{"POST", "/v1/sign", nil, `{"method":"POST","url":"{SQS}/","body":{"$content":"` + secret(44) + `?"}}`, 400},

	{"POST", "/v1/presign", nil, `{"method":"GET","url":"{S3}/a?response-content-type=` + secret(45) + `"}`, 200},
	{
		"POST", "/v1/presign", nil,
		`{"method":"GET","url":"{S3}/a?X-Amz-Signature=` + secret(46) + `&X-Amz-Security-Token=` + secret(47) + `"}`, 400,
	},
	{
		"POST", "/v1/verify", nil,
		`{"method":"GET","url":"{SQS}/","headers":{"Authorization":"AWS4-HMAC-SHA256 Credential=` + secret(48) +
			`/20150830/eu-west-1/sqs/aws4_request, SignedHeaders=host, Signature=` + secret(49) +
			`","X-Amz-Date":"20150830T123600Z","X-Amz-Security-Token":"` + secret(50) + `"},"body":"` + secret(51) + `","profile":"denied"}`,
		403,
	},
	{"POST", "/v1/verify", nil, `{"method":"GET","url":"{SQS}/?X-Amz-Signature=` + secret(49) + `","at":"` + secret(52) + `"}`, 400},
	{"POST", "/v1/verify", nil, `{"method":"GET","url":"{SQS}/?X-Amz-Signature=` + secret(49) + `","body":"` + secret(51) + `"}`, 200},
	{"POST", "/v1/read", nil, `{"text":"curl {SQS}/?a=` + secret(67) + ` -H 'Authorization: Bearer ` + secret(68) + `'"}`, 200},
	{"POST", "/v1/read", nil, `{"text":"` + secret(67) + `","choice":"` + secret(68) + `"}`, 400},
	{"POST", "/v1/snippets", nil, `{"for":"` + secret(90) + `","request":{"method":"GET","url":"{SQS}/?a=` + secret(91) + `"}}`, 400},
	{
		"POST", "/v1/snippets", nil,
		`{"for":"curl-bash","request":{"method":"GET","url":"{SQS}/?a=` + secret(91) + `","headers":{"X-Api-Key":"` + secret(92) + `"}}}`,
		200,
	},
	{
		"POST", "/v1/send", nil,
		`{"method":"POST","url":"{SQS}/?a=` + secret(87) + `","headers":{"X-Api-Key":"` + secret(88) + `"},"body":"` + secret(89) + `"}`,
		403,
	},
	{"POST", "/v1/send", nil, `{"method":"POST","url":"{SQS}/?a=` + secret(87) + `","retry":"` + secret(88) + `"}`, 400},
	{
		"POST", "/v1/diagnose", nil,
		`{"paste":"GET /?a=` + secret(80) + ` HTTP/1.1\nHost: sqs.eu-west-1.amazonaws.com\nAuthorization: Bearer ` + secret(81) +
			`\n\nHTTP/1.1 403 Forbidden\n\n{\"message\":\"` + secret(82) + `\"}"}`,
		200,
	},
	{
		"POST", "/v1/diagnose", nil,
		`{"request":{"method":"GET","url":"{SQS}/?a=` + secret(80) + `","headers":{"Authorization":"AWS4-HMAC-SHA256 Credential=` + secret(83) +
			`/20150830/eu-west-1/sqs/aws4_request, SignedHeaders=host, Signature=` + secret(84) +
			`","X-Amz-Date":"20150830T123600Z","X-Amz-Security-Token":"` + secret(85) + `"}},"response":{"status":403,"body":"` + secret(82) +
			`"},"profile":"denied"}`,
		403,
	},
	{"POST", "/v1/diagnose", nil, `{"paste":"` + secret(82) + `","response":{"status":"` + secret(86) + `"}}`, 400},
	{"POST", "/v1/snippets", nil, `{"form":"` + secret(71) + `","url":"` + secret(72) + `"}`, 400},
	{"POST", "/v1/send", nil, `{"method":"GET","url":"{SQS}/?a=` + secret(69) + `","headers":{"x-a":"` + secret(70) + `"}}`, 403},
	{
		"POST", "/v1/steps/canonical-request", nil,
		`{"method":"GET","url":"{SQS}/?a=` + secret(53) + `","headers":{"x-a":"` + secret(54) + `"}}`, 200,
	},
	{
		"POST", "/v1/steps/canonical-request", nil,
		`{"method":"GET","url":"{SQS}/?a=` + secret(53) + `","headers":{"x-a":"` + secret(54) + `\u0000"}}`, 400,
	},
	{
		"POST", "/v1/steps/string-to-sign", nil,
		`{"method":"GET","url":"{SQS}/","payloadSha256":"` + secret(55) +
			`","service":"sqs","region":"eu-west-1","algorithm":"AWS4-HMAC-SHA256","signingTime":"2015-08-30T12:36:00Z","signedHeaders":["host"],` +
			`"canonicalRequest":"` + secret(56) + `","headerList":[{"name":"X-Amz-Date","value":"20150830T123600Z"},` +
			`{"name":"X-Amz-Security-Token","value":"` + secret(57) + `"}]}`,
		400,
	},
	{
		"POST", "/v1/steps/signature", nil,
		`{"method":"GET","url":"{SQS}/","payloadSha256":"UNSIGNED-PAYLOAD","service":"sqs","region":"eu-west-1","algorithm":"AWS4-HMAC-SHA256",` +
			`"signingTime":"2015-08-30T12:36:00Z","signedHeaders":["host"],"canonicalRequest":"` + secret(56) +
			`","credentialScope":"c","stringToSign":"` + secret(58) + `","credentials":{"accessKeyId":"a","secretAccessKey":"` + secret(59) + `"}}`,
		400,
	},
	{
		"POST", "/v1/steps/authorization", nil,
		`{"method":"GET","url":"{SQS}/","payloadSha256":"UNSIGNED-PAYLOAD","service":"sqs","region":"eu-west-1","algorithm":"AWS4-HMAC-SHA256",` +
			`"signingTime":"2015-08-30T12:36:00Z","signedHeaders":["host"],"canonicalRequest":"` + secret(56) +
			`","credentialScope":"c","stringToSign":"s","accessKeyId":"` + secret(60) + `","signature":"` + secret(61) + `"}`,
		400,
	},
	{
		"POST", "/v1/s3/post-policy", nil,
		`{"bucket":"examplebucket","key":"in/a","region":"eu-west-1","fields":{"x-amz-meta-a":"` + secret(62) +
			`"},"startsWith":{"x-amz-meta-b":"` + secret(63) + `"}}`,
		200,
	},
	{
		"POST", "/v1/s3/post-policy", nil,
		`{"bucket":"examplebucket","key":"in/a","region":"eu-west-1","fields":{"x-amz-meta-a":"` + secret(62) + `\n"},"url":"https://` +
			secret(64) + `@examplebucket.s3.eu-west-1.amazonaws.com/"}`,
		400,
	},
	{"POST", "/v1/tokens", nil, `{"kind":"rds","endpoint":"` + secret(65) + `:x","user":"` + secret(66) + `","region":"eu-west-1"}`, 400},
	{"POST", "/v1/tokens", nil, `{"kind":"rds","endpoint":"db.example.com:5432","user":"` + secret(66) + `","region":"eu-west-1"}`, 403},
}
