package handlers_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/access"
	"countersign/credentials"
	"countersign/endpoints"
	"countersign/handlers"
	"countersign/signing"
)

type presigned struct {
	Method, URL      string
	Headers          map[string]string
	PayloadSha256    string
	SignedHeaders    []string
	ExpiresInSeconds int
	ExpiresAt        time.Time
	Warnings         []struct{ Code, Message string }
}

func (s *testServer) presign(body string) presigned {
	s.t.Helper()
	w := s.post("/v1/presign", body)
	if w.Code != http.StatusOK {
		s.t.Fatalf("POST /v1/presign %s = %d %s\n%s", body, w.Code, w.Body, s.log)
	}
	return decodeAs[presigned](s.t, w.Body)
}

// withoutSession signs with AWS's documented example keys, which have no session token, at the time that the request
// gives.
func withoutSession(o *handlers.Options) { o.AllowCredentials, o.AllowSigningTime = true, true }

const documented = `"credentials":{"accessKeyId":"AKIAIOSFODNN7EXAMPLE","secretAccessKey":"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}`

func TestPresignIsTheDocumentedExample(t *testing.T) {
	// S3 API Reference, "Authenticating Requests: Using Query Parameters", example.
	got := newServer(t, withoutSession).presign(`{"method":"GET","url":"https://examplebucket.s3.amazonaws.com/test.txt",` +
		`"region":"us-east-1","expiresInSeconds":86400,"signingTime":"2013-05-24T00:00:00Z",` + documented + `}`)
	want := "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&" +
		"X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&" +
		"X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
	if got.URL != want || got.PayloadSha256 != "UNSIGNED-PAYLOAD" || len(got.Headers) != 0 || got.ExpiresInSeconds != 86400 {
		t.Errorf("got %+v\nwant %s", got, want)
	}
}

func TestSignIsTheDocumentedExample(t *testing.T) {
	// S3 API Reference, "Authenticating Requests: Using the Authorization Header", GET Object.
	got := newServer(t, withoutSession).sign(`{"method":"GET","url":"https://examplebucket.s3.amazonaws.com/test.txt",` +
		`"headers":{"Range":"bytes=0-9"},"signedHeaders":["range"],"region":"us-east-1","signingTime":"2013-05-24T00:00:00Z",` + documented + `}`)
	want := "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=host;range;" +
		"x-amz-content-sha256;x-amz-date, Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
	if got.Authorization != want {
		t.Errorf("got  %s\nwant %s", got.Authorization, want)
	}
}

func TestAPresignedURLNeverOutlivesTheSession(t *testing.T) {
	got := newServer(t, nil).presign(`{"method":"GET","url":"https://examplebucket.s3.eu-west-1.amazonaws.com/a","expiresInSeconds":604800}`)
	if got.ExpiresInSeconds != 3600 || !got.ExpiresAt.Equal(signedAt.Add(time.Hour)) || len(got.Warnings) != 1 ||
		got.Warnings[0].Code != "expiry_shortened" {
		t.Errorf("got %+v", got)
	}
	if !strings.Contains(got.URL, "X-Amz-Expires=3600&") || !strings.Contains(got.URL, "X-Amz-Security-Token=EXAMPLETOKEN%2F%2F") {
		t.Errorf("url = %s", got.URL)
	}
}

func TestPresignRefusesWhatItMakesItself(t *testing.T) {
	server := newServer(t, nil)
	for _, name := range []string{
		"X-Amz-Signature", "x-amz-date", "X-Amz-Credential", "X-Amz-Expires", "X-Amz-Algorithm", "X-Amz-SignedHeaders",
		"X-Amz-Security-Token",
	} {
		w := server.post("/v1/presign", `{"method":"GET","url":"https://examplebucket.s3.eu-west-1.amazonaws.com/a?`+name+`=1"}`)
		if got := server.problem(w, 400); got.Code != "url_invalid" {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for _, seconds := range []string{"0", "604801", "-1", "1.5"} {
		w := server.post(
			"/v1/presign", `{"method":"GET","url":"https://examplebucket.s3.eu-west-1.amazonaws.com/a","expiresInSeconds":`+seconds+`}`,
		)
		if got := server.problem(w, 400); got.Errors[0].Pointer != "/expiresInSeconds" {
			t.Errorf("%s: %+v", seconds, got)
		}
	}
}

func TestIoTPresignAppendsTheToken(t *testing.T) {
	policy, err := access.NewPolicy("p.cedar", []byte(`permit (principal, action, resource) when { resource.service == "iotdevicegateway" };`))
	if err != nil {
		t.Fatal(err)
	}
	got := newServer(
		t, func(o *handlers.Options) { o.Policy = policy },
	).presign(`{"method":"GET","url":"https://a1b2c3d4e5-ats.iot.eu-west-1.amazonaws.com/mqtt"}`)
	signature, token := strings.Index(got.URL, "X-Amz-Signature="), strings.Index(got.URL, "X-Amz-Security-Token=")
	if token < signature || signature < 0 || !strings.Contains(got.URL, "%2Fiotdevicegateway%2F") {
		t.Errorf("url = %s", got.URL)
	}
}

func TestTheFourStepsMakeWhatSignMakes(t *testing.T) {
	for name, request := range map[string]string{
		"form": `{"method":"POST","url":"https://sqs.eu-west-1.amazonaws.com/",` +
			`"headers":{"Content-Type":"application/x-www-form-urlencoded"},"body":"Action=ListQueues"}`,
		"path": `{"method":"GET","url":"https://lambda.eu-west-1.amazonaws.com/2015-03-31/functions/arn%3Aaws%3Alambda?b=2&a=1"}`,
		"s3": `{"method":"PUT","url":"https://examplebucket.s3.eu-west-1.amazonaws.com/a//b (1).txt","headers":{"x-amz-acl":"private"},` +
			`"body":{"$content-type":"image/png","$content":"iVBORw0KGgo="}}`,
		"unsigned": `{"method":"PUT","url":"https://examplebucket.s3.eu-west-1.amazonaws.com/a","payload":"unsigned","body":"x"}`,
		"hash": `{"method":"PUT","url":"https://examplebucket.s3.eu-west-1.amazonaws.com/a",` +
			`"payloadSha256":"E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"}`,
		"all": `{"method":"POST","url":"https://sqs.eu-west-1.amazonaws.com/","headers":{"Content-Type":"text/plain","X-B":" a  b "},` +
			`"headerList":[{"name":"x-b","value":"c"}],"signAllHeaders":true,"body":{"a":1}}`,
		"two":      `{"method":"GET","url":"https://s3.eu-west-1.amazonaws.com/b?prefix=a+b&list-type=2"}`,
		"region *": `{"method":"GET","url":"https://mfzwi23gnjvgw.mrap.accesspoint.s3-global.amazonaws.com/a"}`,
		"no option": `{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/a/../b%3Ac","options":{"doubleEncode":false,` +
			`"normalizePath":false,"contentSha256Header":"always"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			server := newServer(t, nil)
			document := request
			for _, step := range []string{"canonical-request", "string-to-sign", "signature", "authorization"} {
				w := server.post("/v1/steps/"+step, document)
				if w.Code != http.StatusOK {
					t.Fatalf("%s: %d %s\n%s", step, w.Code, w.Body, server.log)
				}
				document = w.Body.String()
			}
			w := server.post("/v1/sign", request)
			if w.Code != http.StatusOK || w.Body.String() != document {
				t.Errorf("sign  %d %s\nsteps %s", w.Code, w.Body, document)
			}
		})
	}
}

func TestStepThreeSignsOnlyWhatThePoliciesSaw(t *testing.T) {
	server := newServer(t, nil)
	w := server.post("/v1/steps/canonical-request", `{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/"}`)
	w = server.post("/v1/steps/string-to-sign", w.Body.String())
	good := w.Body.String()
	change := func(key string, value any) string {
		var document map[string]any
		if err := json.Unmarshal([]byte(good), &document); err != nil {
			t.Fatal(err)
		}
		document[key] = value
		text, err := json.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	hash := strings.Repeat("0", 64)
	for key, value := range map[string]any{
		"stringToSign":     "AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/eu-west-1/sqs/aws4_request\n" + hash,
		"credentialScope":  "20150830/eu-west-1/iam/aws4_request",
		"canonicalRequest": "GET\n/\n\nhost:iam.amazonaws.com\n\nhost\n" + hash,
		"url":              "https://sns.eu-west-1.amazonaws.com/",
		"method":           "DELETE",
		"service":          "iam",
		"region":           "us-east-1",
		"payloadSha256":    hash,
		"signingTime":      "2015-08-30T12:35:00Z",
		"signedHeaders":    []string{"host"},
		"headerList":       []map[string]string{{"name": "X-Amz-Date", "value": "20150830T123600Z"}},
	} {
		if got := server.problem(server.post("/v1/steps/signature", change(key, value)), 400); got.Code != "field_invalid" {
			t.Errorf("%s: got %+v", key, got)
		}
	}
	if w := server.post("/v1/steps/signature", good); w.Code != http.StatusOK {
		t.Errorf("unchanged: %d %s", w.Code, w.Body)
	}
	later := newServer(t, func(o *handlers.Options) { o.Now = func() time.Time { return signedAt.Add(6 * time.Minute) } })
	if got := later.problem(later.post("/v1/steps/signature", good), 403); got.Code != "option_not_allowed" {
		t.Errorf("six minutes later: %+v", got)
	}
}

type verdict struct {
	Valid       bool
	Verdict     string
	Faults      []struct{ Part, Name, Reason string }
	Form        string
	Explanation stageTexts
}

func (s *testServer) verify(document map[string]any) verdict {
	s.t.Helper()
	text, err := json.Marshal(document)
	if err != nil {
		s.t.Fatal(err)
	}
	w := s.post("/v1/verify", string(text))
	if w.Code != http.StatusOK {
		s.t.Fatalf("POST /v1/verify %s = %d %s\n%s", text, w.Code, w.Body, s.log)
	}
	return decodeAs[verdict](s.t, w.Body)
}

func TestVerifyAcceptsWhatSignAndPresignMake(t *testing.T) {
	server := newServer(t, nil)
	signed := server.sign(`{"method":"POST","url":"https://sqs.eu-west-1.amazonaws.com/a?b=1","headers":{"X-Amz-Target":"a"},"body":"hello",` +
		`"options":{"contentSha256Header":"always"}}`)
	document := map[string]any{
		"method": "POST", "url": signed.URL, "headers": signed.Headers, "body": "hello", "service": "sqs", "region": "eu-west-1",
	}
	if got := server.verify(document); !got.Valid || got.Form != "headers" {
		t.Errorf("signed: %+v", got)
	}
	url := server.presign(`{"method":"GET","url":"https://examplebucket.s3.eu-west-1.amazonaws.com/a b"}`).URL
	if got := server.verify(map[string]any{"method": "GET", "url": url}); !got.Valid || got.Form != "query" {
		t.Errorf("presigned: %+v", got)
	}
	for part, change := range map[string]func(map[string]any){
		"scope":         func(d map[string]any) { d["service"] = "sns" },
		"payload-hash":  func(d map[string]any) { d["body"] = "hellO" },
		"signature":     func(d map[string]any) { d["url"] = signed.URL + "&c=2" },
		"date":          func(d map[string]any) { d["at"] = "2015-08-30T12:42:00Z" },
		"authorization": func(d map[string]any) { d["headers"] = map[string]string{"X-Amz-Date": "20150830T123600Z"} },
		"signed-headers": func(d map[string]any) {
			d["headerList"] = []map[string]string{{"name": "x-amz-meta-new", "value": "1"}}
		},
	} {
		changed := map[string]any{}
		for k, v := range document {
			changed[k] = v
		}
		change(changed)
		got := server.verify(changed)
		if got.Valid || !slices.ContainsFunc(got.Faults, func(f struct{ Part, Name, Reason string }) bool {
			return f.Part == part &&
				f.Reason != ""
		}) {
			t.Errorf("%s: got %+v", part, got)
		}
	}
}

func TestVerifyDoesNotRevealTheRightSignature(t *testing.T) {
	server := newServer(t, nil)
	signed := server.sign(`{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/"}`)
	signature := signed.Authorization[strings.LastIndex(signed.Authorization, "=")+1:]
	wrong := strings.Replace(signed.Authorization, signature, strings.Repeat("0", 64), 1)
	text, err := json.Marshal(map[string]any{
		"method": "GET", "url": signed.URL,
		"headers": map[string]string{"Authorization": wrong, "X-Amz-Date": signed.XAmzDate, "X-Amz-Security-Token": token},
	})
	if err != nil {
		t.Fatal(err)
	}
	w := server.post("/v1/verify", string(text))
	if strings.Contains(w.Body.String(), signature) || strings.Contains(w.Body.String(), token) {
		t.Errorf("the response holds the signature or the token: %s", w.Body)
	}
}

func TestPostPolicyFields(t *testing.T) {
	server := newServer(t, nil)
	w := server.post(
		"/v1/s3/post-policy",
		`{"bucket":"examplebucket","key":"in/${filename}","region":"eu-west-1","fields":{"acl":"private"},`+
			`"startsWith":{"Content-Type":"image/"},"minLength":1,"maxLength":1048576,"expiresInSeconds":600}`,
	)
	if w.Code != http.StatusOK {
		t.Fatalf("%d %s\n%s", w.Code, w.Body, server.log)
	}
	got := decodeAs[struct {
		URL, Policy string
		Fields      map[string]string
		ExpiresAt   time.Time
	}](t, w.Body)
	if got.URL != "https://examplebucket.s3.eu-west-1.amazonaws.com/" || got.Fields["key"] != "in/${filename}" ||
		got.Fields["acl"] != "private" || got.Fields["x-amz-security-token"] != token || got.Fields["x-amz-signature"] == "" {
		t.Errorf("got %+v", got)
	}
	for _, want := range []string{
		`"expiration":"2015-08-30T12:46:00.000Z"`, `{"bucket":"examplebucket"}`, `["starts-with","$key","in/"]`,
		`["starts-with","$Content-Type","image/"]`, `["content-length-range",1,1048576]`,
	} {
		if !strings.Contains(got.Policy, want) {
			t.Errorf("the policy lacks %s: %s", want, got.Policy)
		}
	}
	if strings.Contains(got.Policy, token) {
		t.Errorf("the policy shows the token: %s", got.Policy)
	}
}

func TestHashPayloadKeepsNothing(t *testing.T) {
	const size = 8 << 20
	server := newServer(t, nil)
	body := &zeros{left: size}
	r := httptest.NewRequest(http.MethodPost, "/v1/payload-hash?tree=true", body)
	r.Header.Set("Content-Type", "application/octet-stream")
	// Without the contract check, which holds whole bodies.
	w := httptest.NewRecorder()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	server.plain.ServeHTTP(w, r)
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > size/8 {
		t.Errorf("%d bytes were allocated for a body of %d", used, size)
	}
	got := decodeAs[struct {
		PayloadSha256, TreeSha256 string
		PayloadLength             int64
	}](t, w.Body)
	if got.PayloadSha256 != "2daeb1f36095b44b318410b3f4e8b5d989dcc7bb023d1426c492dab0a3053e74" || got.PayloadLength != size ||
		len(got.TreeSha256) != 64 {
		t.Errorf("got %+v", got)
	}
}

// zeros is a body of zero bytes.
type zeros struct{ left int }

func (z *zeros) Read(b []byte) (int, error) {
	n := min(len(b), z.left)
	if n == 0 {
		return 0, io.EOF
	}
	clear(b[:n])
	z.left -= n
	return n, nil
}

func TestHashOfASmallPayload(t *testing.T) {
	server := newServer(t, nil)
	r := httptest.NewRequest(http.MethodPost, "/v1/payload-hash", strings.NewReader("hello"))
	r.Header.Set("Content-Type", "application/octet-stream")
	sum := sha256.Sum256([]byte("hello"))
	if w := server.do(r); !strings.Contains(w.Body.String(), hex.EncodeToString(sum[:])) || strings.Contains(w.Body.String(), "treeSha256") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestEveryDecisionIsOnRecord(t *testing.T) {
	server := newServer(t, nil)
	signed := server.sign(`{"method":"POST","url":"https://sqs.eu-west-1.amazonaws.com/q?a=1","body":"x"}`)
	server.presign(`{"method":"GET","url":"https://examplebucket.s3.eu-west-1.amazonaws.com/a"}`)
	server.refuse(`{"method":"POST","url":"https://sts.eu-west-1.amazonaws.com/","body":"Action=GetCallerIdentity"}`, 403)
	if len(server.audit.list) != 3 {
		t.Fatalf("%d records", len(server.audit.list))
	}
	r := server.audit.list[0]
	if r.Decision != "allow" || r.CallerID != "anonymous" || r.AccessKeyID != accessKeyID || r.RequestID != "request-1" ||
		r.Host != "sqs.eu-west-1.amazonaws.com" || r.AmzDate != "20150830T123600Z" ||
		r.SignedHeaders != strings.Join(signed.SignedHeaders, ";") || r.SignatureSHA256 == "" || r.PayloadSHA256 != signed.PayloadSha256 {
		t.Errorf("sign: %+v", r)
	}
	if r := server.audit.list[1]; r.Action != access.ActionPresign || r.PresignSeconds != 900 {
		t.Errorf("presign: %+v", r)
	}
	if r := server.audit.list[2]; r.Decision != "deny" || r.Reason == "" || r.SignatureSHA256 != "" {
		t.Errorf("denied: %+v", r)
	}
	text, err := json.Marshal(server.audit.list)
	if err != nil || strings.Contains(string(text), token) ||
		strings.Contains(string(text), signed.Authorization[len(signed.Authorization)-64:]) {
		t.Errorf("a record holds a secret: %s %v", text, err)
	}
}

func TestAudit_FailureRefusesTheRequest(t *testing.T) {
	server := newServer(t, nil)
	server.audit.err = fmt.Errorf("%w: disk full", access.ErrAudit)
	for path, body := range map[string]string{
		"/v1/sign":                    `{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/"}`,
		"/v1/presign":                 `{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/"}`,
		"/v1/steps/canonical-request": `{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/"}`,
		"/v1/verify":                  `{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/","service":"sqs","region":"eu-west-1"}`,
		"/v1/s3/post-policy":          `{"bucket":"b","key":"k","region":"eu-west-1"}`,
	} {
		w := server.post(path, body)
		text := w.Body.String()
		if got := server.problem(w, 503); got.Code != "audit_unavailable" || strings.Contains(text, "disk full") {
			t.Errorf("%s: %+v", path, got)
		}
	}
	w := server.post("/v1/sign", `{"method":"GET","url":"https://sts.eu-west-1.amazonaws.com/"}`)
	if got := server.problem(w, 503); got.Code != "audit_unavailable" {
		t.Errorf("denied: %+v", got)
	}
}

func TestListsHoldWhatTheCallerMayUse(t *testing.T) {
	policy, err := access.NewPolicy(
		"p.cedar",
		[]byte(`permit (principal, action, resource) when { resource.profile == "orders" && resource.service == "sqs" && `+
			`resource.region == "eu-west-1" };`),
	)
	if err != nil {
		t.Fatal(err)
	}
	server := newServer(t, func(o *handlers.Options) { o.Policy = policy })
	for path, want := range map[string]string{
		"/v1/profiles": `{"profiles":[{"name":"orders","title":"orders: Orders API","description":"Orders API","region":"eu-west-1",` +
			`"default":true}]}`,
		"/v1/services": `{"services":[{"name":"sqs","title":"`,
		"/v1/regions":  `{"regions":[{"name":"eu-west-1","title":"eu-west-1 Europe (Ireland)","partition":"aws"}]}`,
	} {
		w := server.do(httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != http.StatusOK || !strings.HasPrefix(w.Body.String(), want) || strings.Count(w.Body.String(), `"name"`) != 1 {
			t.Errorf("%s: got %d %s, want %s", path, w.Code, w.Body, want)
		}
	}
	got := server.problem(server.do(httptest.NewRequest(http.MethodGet, "/v1/identity?profile=billing", nil)), 403)
	if got.Code != "forbidden" {
		t.Errorf("identity: %+v", got)
	}
}

// A misspelt parameter would leave the default in its place. Those that hosts and gateways add are like none of ours.
func TestParameters_MisspeltOnesAreRefused(t *testing.T) {
	server := newServer(t, nil)
	const scope = "/v1/scope?url=https://sqs.eu-west-1.amazonaws.com/"
	for target, want := range map[string]string{
		scope + "&profil=orders":                   "profil: unknown parameter; did you mean profile?",
		"/v1/identity?Profile=orders":              "Profile: unknown parameter; did you mean profile?",
		"/v1/payload-hash?tre=true":                "tre: unknown parameter; did you mean tree?",
		"/v1/scope?ulr=https://a.example/&prof=a":  "prof: unknown parameter; did you mean profile? ulr: unknown parameter; did you mean url?",
		scope + "&code=EXAMPLE&api-version=1":      "",
		"/v1/regions?code=EXAMPLE&api-version=1":   "",
		"/v1/identity?subscription-key=EXAMPLE&v=": "",
	} {
		method := http.MethodGet
		if strings.HasPrefix(target, "/v1/payload-hash") {
			method = http.MethodPost
		}
		w := server.do(httptest.NewRequest(method, target, nil))
		if want == "" {
			if w.Code != http.StatusOK {
				t.Errorf("%s: got %d %s, want 200", target, w.Code, w.Body)
			}
			continue
		}
		pointer := "/" + want[:strings.Index(want, ":")]
		if got := server.problem(w, 400); got.Code != "field_unknown" || got.Detail != want || got.Errors[0].Pointer != pointer {
			t.Errorf("%s: got %+v, want %s", target, got, want)
		}
	}
}

func TestInferScopeSaysWhy(t *testing.T) {
	server := newServer(t, nil)
	for target, want := range map[string]string{
		"https://sqs.eu-west-1.amazonaws.com/": `"signable":true,"service":"sqs","region":"eu-west-1","algorithm":"AWS4-HMAC-SHA256",` +
			`"partition":"aws"`,
		"examplebucket.s3-accelerate.amazonaws.com": `"signable":true,"service":"s3"`,
		"api.example.com": `"needs":["service","region"]`,
	} {
		w := server.do(httptest.NewRequest(http.MethodGet, "/v1/scope?url="+target, nil))
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) || !strings.Contains(w.Body.String(), `"why":"`) {
			t.Errorf("%s: got %d %s, want %s", target, w.Code, w.Body, want)
		}
	}
	for _, target := range []string{"/v1/scope", "/v1/scope?url=a&url=b", "/v1/scope?url=https://a%2520b/"} {
		server.problem(server.do(httptest.NewRequest(http.MethodGet, target, nil)), 400)
	}
}

func TestPartitionsDoNotMix(t *testing.T) {
	server := newServer(t, func(o *handlers.Options) {
		o.Sessions = fakeSessions{session: func(credentials.SessionRequest) (credentials.Session, error) {
			return credentials.Session{
				Credentials: signing.NewCredentials(accessKeyID, secretKey, token), RoleARN: "arn:aws-cn:iam::123456789012:role/orders",
			}, nil
		}}
	})
	if got := server.refuse(`{`+aGet+`}`, 400); got.Code != "partition_differs" {
		t.Errorf("got %+v", got)
	}
}

func TestFunctionsPayloadIsExplained(t *testing.T) {
	server := newServer(t, nil)
	for body, code := range map[string]string{
		`{"Data":{"req":{}},"Metadata":{}}`: "functions_payload", `{"method":"GET"}`: "not_found", ``: "not_found",
		`[1]`: "not_found",
	} {
		status := 404
		if code == "functions_payload" {
			status = 500
		}
		w := httptest.NewRecorder()
		server.plain.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/api", strings.NewReader(body)))
		if got := server.problem(w, status); got.Code != code {
			t.Errorf("%q: got %+v", body, got)
		}
	}
}

func TestConnectTokensAreLogins(t *testing.T) {
	const ask = `{"kind":"rds","endpoint":"orders.a1b2c3d4e5f6.eu-west-1.rds.amazonaws.com:5432","user":"reader","region":"eu-west-1"}`
	server := newServer(t, nil)
	if got := server.problem(server.post("/v1/tokens", ask), 403); got.Code != "forbidden" {
		t.Errorf("without a policy: %+v", got)
	}
	policy, err := access.NewPolicy(
		"p.cedar",
		[]byte(`permit (principal, action, resource) when { resource.service == "rds-db" && `+
			`resource.host == "orders.a1b2c3d4e5f6.eu-west-1.rds.amazonaws.com" };`),
	)
	if err != nil {
		t.Fatal(err)
	}
	server = newServer(t, func(o *handlers.Options) { o.Policy = policy })
	w := server.post("/v1/tokens", ask)
	got := decodeAs[struct {
		Token     string
		ExpiresAt time.Time
	}](t, w.Body)
	if w.Code != http.StatusOK || !strings.HasPrefix(got.Token, "orders.a1b2c3d4e5f6.eu-west-1.rds.amazonaws.com:5432/"+
		"?Action=connect&DBUser=reader&X-Amz-Algorithm=") || !got.ExpiresAt.Equal(signedAt.Add(15*time.Minute)) {
		t.Errorf("got %d %+v %s", w.Code, got, server.log)
	}
	if len(server.audit.list) != 1 || server.audit.list[0].SignatureSHA256 == "" || server.audit.list[0].Service != "rds-db" {
		t.Errorf("records: %+v", server.audit.list)
	}
	for change, pointer := range map[string]string{
		`"kind":"ftp"`: "/kind", `"kind":"msk"`: "/user", `"kind":"rds","expiresInSeconds":901`: "/expiresInSeconds",
	} {
		w := server.post("/v1/tokens", strings.Replace(ask, `"kind":"rds"`, change, 1))
		if got := server.problem(w, 400); got.Errors[0].Pointer != pointer {
			t.Errorf("%s: %+v", change, got)
		}
	}
}

func TestAnAPIKeyOfBedrockIsALogin(t *testing.T) {
	const ask = `{"kind":"bedrock","endpoint":"bedrock.amazonaws.com","region":"eu-west-1","expiresInSeconds":43200}`
	for _, document := range []string{
		``, `permit (principal, action, resource);`, `permit (principal, action, resource) when { resource.service == "bedrock" };`,
	} {
		server := newServer(t, func(o *handlers.Options) { o.Policy = policyOf(t, document) })
		if got := server.problem(server.post("/v1/tokens", ask), 403); got.Code != "forbidden" ||
			!strings.Contains(got.Detail, "operation.CallWithBearerToken") {
			t.Errorf("%q: %+v", document, got)
		}
	}
	server := newServer(t, func(o *handlers.Options) {
		o.Policy = policyOf(
			t,
			`permit (principal, action == Action::"presign", resource) when { resource.service == "bedrock" && `+
				`resource.operation == "CallWithBearerToken" };`,
		)
	})
	w := server.post("/v1/tokens", ask)
	got := decodeAs[struct{ Token string }](t, w.Body)
	encoded, found := strings.CutPrefix(got.Token, "bedrock-api-key-")
	text, err := base64.StdEncoding.DecodeString(encoded)
	if w.Code != http.StatusOK || !found || err != nil || !strings.HasPrefix(string(text), "bedrock.amazonaws.com/"+
		"?Action=CallWithBearerToken&X-Amz-Algorithm=") || !strings.HasSuffix(string(text), "&Version=1") {
		t.Errorf("got %d %q, %v", w.Code, text, err)
	}
	if len(server.audit.list) != 1 || server.audit.list[0].Operation != "CallWithBearerToken" || server.audit.list[0].SignatureSHA256 == "" {
		t.Errorf("records: %+v", server.audit.list)
	}
}

func policyOf(t *testing.T, document string) *access.Policy {
	t.Helper()
	var text []byte
	if document != "" {
		text = []byte(document)
	}
	policy, err := access.NewPolicy("p.cedar", text)
	if err != nil {
		t.Fatal(err)
	}
	return policy
}

func TestHostPatterns_GiveCustomDomainsTheirScope(t *testing.T) {
	hosts, err := endpoints.NewHosts([]endpoints.HostRule{{Pattern: "*.orders.example.com", Service: "execute-api", Region: "eu-west-2"}})
	if err != nil {
		t.Fatal(err)
	}
	server := newServer(t, func(o *handlers.Options) { o.Hosts = map[string]*endpoints.Hosts{"orders": hosts} })
	got := server.sign(`{"method":"GET","url":"https://api.orders.example.com/v1"}`)
	if got.Service != "execute-api" || got.Region != "eu-west-2" || got.ScopeSource != "inferred" {
		t.Errorf("got %s %s (%s)", got.Service, got.Region, got.ScopeSource)
	}
	refused := server.refuse(`{"method":"GET","url":"https://api.orders.example.com/v1","profile":"billing"}`, 400)
	if refused.Code != "host_not_aws" {
		t.Errorf("another profile: %+v", refused)
	}
	server.refuse(`{"method":"GET","url":"https://api.orders.example.com.evil.example/v1"}`, 400)
}

func TestHosts_UnsignedOnesSayWhatTheyAccept(t *testing.T) {
	got := newServer(t, nil).refuse(`{"method":"GET","url":"https://examplebucket.s3-website.eu-west-1.amazonaws.com/"}`, 400)
	if got.Code != "host_not_signed" || got.Errors[0].Detail == "Use ." {
		t.Errorf("got %+v", got)
	}
}

func TestUnsignedOperationsGetAWarning(t *testing.T) {
	got := newServer(t, nil).sign(`{"method":"POST","url":"https://cognito-identity.eu-west-1.amazonaws.com/",` +
		`"headers":{"X-Amz-Target":"AWSCognitoIdentityService.GetId"},"body":"{}"}`)
	if !slices.Contains(got.warningCodes(), "operation_unsigned") {
		t.Errorf("got %v", got.Warnings)
	}
}
