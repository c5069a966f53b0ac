package handlers_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"countersign/access"
	"countersign/credentials"
	"countersign/handlers"
	"countersign/signing"
)

// step is a document as it passes through the four steps.
type step map[string]any

func (s *testServer) step(name string, document step) step {
	s.t.Helper()
	text, err := json.Marshal(document)
	if err != nil {
		s.t.Fatal(err)
	}
	w := s.post("/v1/steps/"+name, string(text))
	if w.Code != http.StatusOK {
		s.t.Fatalf("%s %s: %d %s\n%s", name, text, w.Code, w.Body, s.log)
	}
	return decodeAs[step](s.t, w.Body)
}

// forged is the document of step 3 for a request of the caller's own making: its texts are consistent, as a caller
// who knows the algorithm makes them.
func forged(t *testing.T, url string, change func(document step, headers *[]signing.Header, names *[]string)) string {
	t.Helper()
	headers := []signing.Header{{Name: "X-Amz-Date", Value: "20150830T123600Z"}}
	names := []string{"host", "x-amz-date"}
	document := step{
		"method": "GET", "url": url, "payloadSha256": signing.PayloadHash(nil), "service": "sqs", "region": "eu-west-1",
		"algorithm":   "AWS4-HMAC-SHA256",
		"signingTime": "2015-08-30T12:36:00Z", "profile": "orders", "options": step{
			"normalizePath": true, "doubleEncode": true, "contentSha256Header": "never", "sessionToken": "signed",
		},
	}
	change(document, &headers, &names)
	parsed, _, err := signing.ParseURL(document["url"].(string), nil)
	if err != nil {
		t.Fatal(err)
	}
	signed := []signing.Header{{Name: "host", Value: parsed.Host()}}
	for _, name := range names {
		for _, h := range headers {
			if name != "host" && strings.EqualFold(h.Name, name) {
				signed = append(signed, h)
			}
		}
	}
	canonicalHeaders, _, err := signing.CanonicalHeaders(signed)
	if err != nil {
		t.Fatal(err)
	}
	query, err := signing.CanonicalQuery(parsed.RawQuery())
	if err != nil {
		t.Fatal(err)
	}
	double := document["options"].(step)["doubleEncode"].(bool)
	algorithm, scope := signing.Algorithm(document["algorithm"].(string)), signing.Scope{
		Service: document["service"].(string), Region: document["region"].(string),
	}
	unique := names[:1:1]
	for _, name := range names[1:] {
		if name != unique[len(unique)-1] {
			unique = append(unique, name)
		}
	}
	canonical := signing.CanonicalRequest(
		document["method"].(string), signing.CanonicalURI(parsed.Path(), !double), query, canonicalHeaders,
		strings.Join(unique, ";"), document["payloadSha256"].(string),
	)
	list := []step{}
	for _, h := range headers {
		list = append(list, step{"name": h.Name, "value": h.Value})
	}
	document["headerList"], document["signedHeaders"], document["canonicalRequest"] = list, names, canonical
	document["credentialScope"] = signing.CredentialScope(algorithm, signedAt, scope)
	document["stringToSign"] = signing.StringToSign(algorithm, signedAt, document["credentialScope"].(string), canonical)
	text, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func add(headers *[]signing.Header, names *[]string, name, value string, signed ...string) {
	*headers = append(*headers, signing.Header{Name: name, Value: value})
	*names = append(*names, signed...)
}

func TestStepThreeSignsOnlyWhatStepOneWouldMake(t *testing.T) {
	const queue = "https://sqs.eu-west-1.amazonaws.com/queue"
	server := newServer(t, func(o *handlers.Options) {
		o.Sessions = holding(signing.NewCredentials(accessKeyID, secretKey, ""), time.Time{})
	})
	for name, test := range map[string]struct {
		change func(document step, headers *[]signing.Header, names *[]string)
		status int
	}{
		"as step 1 makes it": {func(step, *[]signing.Header, *[]string) {}, 200},
		"a header that a policy may ask for, not signed": {func(_ step, h *[]signing.Header, n *[]string) {
			add(h, n, "X-Amz-Server-Side-Encryption", "aws:kms")
		}, 400},
		"a header signed twice and shown once": {func(_ step, h *[]signing.Header, n *[]string) {
			add(h, n, "X-Amz-Target", "a", "x-amz-target", "x-amz-target")
		}, 400},
		"a second host": {func(_ step, h *[]signing.Header, n *[]string) { add(h, n, "Host", "iam.amazonaws.com", "HOST") }, 400},
		"a region set that is not the region": {func(d step, h *[]signing.Header, n *[]string) {
			d["algorithm"] = "AWS4-ECDSA-P256-SHA256"
			add(h, n, "X-Amz-Region-Set", "*")
			*n = []string{"host", "x-amz-date", "x-amz-region-set"}
		}, 400},
		"a body that is open and not said to be": {func(d step, _ *[]signing.Header, _ *[]string) {
			d["payloadSha256"] = signing.StreamingUnsignedPayloadTrailer
		}, 400},
		"no hash at all":        {func(d step, _ *[]signing.Header, _ *[]string) { d["payloadSha256"] = "none\nsuch" }, 400},
		"a presigned URL":       {func(d step, _ *[]signing.Header, _ *[]string) { d["url"] = queue + "?X-Amz-Expires=604800" }, 400},
		"a method on two lines": {func(d step, _ *[]signing.Header, _ *[]string) { d["method"] = "GET\nGET" }, 400},
	} {
		w := server.post("/v1/steps/signature", forged(t, queue, test.change))
		if w.Code != test.status {
			t.Errorf("%s: got %d %s, want %d", name, w.Code, w.Body, test.status)
		}
		if w.Code != http.StatusOK {
			server.problem(w, w.Code)
		}
	}
}

// holding has one session for every profile.
func holding(c signing.Credentials, expires time.Time) fakeSessions {
	return fakeSessions{session: func(credentials.SessionRequest) (credentials.Session, error) {
		return credentials.Session{Credentials: c, Expires: expires, Profile: "orders"}, nil
	}}
}

func TestSteps_NoneReturnsALineBreak(t *testing.T) {
	for name, change := range map[string]func(document step, headers *[]signing.Header, names *[]string){
		"method": func(d step, _ *[]signing.Header, _ *[]string) { d["method"] = "GET\r\nX-Evil: 1" },
		"header": func(d step, _ *[]signing.Header, _ *[]string) {},
	} {
		server := newServer(t, nil)
		var document step
		if err := json.Unmarshal([]byte(forged(t, "https://sqs.eu-west-1.amazonaws.com/", change)), &document); err != nil {
			t.Fatal(err)
		}
		if name == "header" {
			document["headerList"] = append(document["headerList"].([]any), step{"name": "X-A", "value": "1\r\nX-Evil: 1"})
		}
		document["accessKeyId"], document["signature"] = accessKeyID, strings.Repeat("0", 64)
		text, err := json.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		server.problem(server.post("/v1/steps/authorization", string(text)), 400)
	}
}

func TestTheStepsFollowTheClockOfAWS(t *testing.T) {
	server := newServer(t, func(o *handlers.Options) {
		o.Sessions = fakeSessions{session: func(credentials.SessionRequest) (credentials.Session, error) {
			return credentials.Session{Credentials: signing.NewCredentials(accessKeyID, secretKey, token), Skew: 10 * time.Minute}, nil
		}}
	})
	document := step{"method": "GET", "url": "https://sqs.eu-west-1.amazonaws.com/"}
	for _, name := range []string{"canonical-request", "string-to-sign", "signature", "authorization"} {
		document = server.step(name, document)
	}
	if document["xAmzDate"] != "20150830T124600Z" {
		t.Errorf("xAmzDate = %v", document["xAmzDate"])
	}
}

func TestBadCredentialsInAStepAreTheCallersFault(t *testing.T) {
	server := newServer(t, func(o *handlers.Options) {
		withoutSession(o)
		o.Sessions = fakeSessions{sessionFrom: func(credentials.RequestCredentials) (credentials.Session, error) {
			return credentials.Session{}, &credentials.InputError{Part: credentials.InputSessionToken, Reason: "is required"}
		}}
	})
	document := forged(t, "https://sqs.eu-west-1.amazonaws.com/", func(d step, _ *[]signing.Header, _ *[]string) {
		delete(d, "profile")
		d["credentials"] = step{"accessKeyId": "ASIATESTEXAMPLE", "secretAccessKey": "k"}
	})
	got := server.problem(server.post("/v1/steps/signature", document), 400)
	if len(got.Errors) != 1 || got.Errors[0].Pointer != "/credentials/sessionToken" {
		t.Errorf("got %+v", got)
	}
	got = server.refuse(`{`+aGet+`,"credentials":{"accessKeyId":"ASIATESTEXAMPLE","secretAccessKey":"k"}}`, 400)
	if len(got.Errors) != 1 || got.Errors[0].Pointer != "/credentials/sessionToken" {
		t.Errorf("got %+v", got)
	}
	for _, r := range server.audit.list {
		if strings.Contains(strings.Join(r.Notes, ""), "internal") {
			t.Errorf("a caller's fault is on record as ours: %+v", r)
		}
	}
}

// A path that is encoded differently from its service's way stands for another path as well, and both are decided on.
func TestDoubleEncode_PoliciesDecideOnBothPaths(t *testing.T) {
	policy, err := access.NewPolicy(
		"p.cedar",
		[]byte(`permit (principal, action, resource); forbid (principal, action, resource) when { resource.path like "/admin/*" };`),
	)
	if err != nil {
		t.Fatal(err)
	}
	both := newServer(t, func(o *handlers.Options) { o.Policy = policy })
	for _, test := range []struct {
		url     string
		options string
		status  int
	}{
		{"https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/admin/x", `{}`, 403},
		{"https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/admin%2Fx", `{}`, 403},
		{"https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/admin%2Fx", `{"doubleEncode":false}`, 403},
		{"https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/public/%3Fx", `{"doubleEncode":false}`, 403},
		{"https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/public/x", `{"doubleEncode":false}`, 200},
		{"https://examplebucket.s3.eu-west-1.amazonaws.com/a/x%2Fy", `{"doubleEncode":true}`, 200},
	} {
		for _, path := range []string{"/v1/sign", "/v1/presign", "/v1/steps/canonical-request"} {
			if w := both.post(path, `{"method":"GET","url":"`+test.url+`","options":`+test.options+`}`); w.Code != test.status {
				t.Errorf("%s %s %s: got %d %s, want %d", path, test.url, test.options, w.Code, w.Body, test.status)
			}
		}
	}
	only, err := access.NewPolicy("p.cedar", []byte(`permit (principal, action, resource) when { resource.path like "/public/*" };`))
	if err != nil {
		t.Fatal(err)
	}
	server := newServer(t, func(o *handlers.Options) { o.Policy = only })
	// The signature would be valid for the key "public%2Fx", too.
	server.refuse(
		`{"method":"GET","url":"https://examplebucket.s3.eu-west-1.amazonaws.com/public%2Fx","options":{"doubleEncode":true,`+
			`"normalizePath":false}}`,
		403,
	)
	document := forged(t, "https://sqs.eu-west-1.amazonaws.com/admin%2Fx", func(d step, _ *[]signing.Header, _ *[]string) {
		options := maps.Clone(d["options"].(step))
		options["doubleEncode"] = false
		d["options"] = options
	})
	if w := both.post("/v1/steps/signature", document); w.Code != http.StatusForbidden {
		t.Errorf("step 3: %d %s", w.Code, w.Body)
	}
}

// walk takes a document through the named steps.
func (s *testServer) walk(document step, names ...string) step {
	s.t.Helper()
	for _, name := range names {
		document = s.step(name, document)
	}
	return document
}

func TestSteps_AnotherSessionOfTheProfileTakesOver(t *testing.T) {
	const newToken = "NEWEXAMPLETOKENthatOpensNothing=="
	ends := signedAt.Add(2 * time.Minute)
	newer := newServer(t, func(o *handlers.Options) {
		o.Sessions = holding(signing.NewCredentials("ASIAEXAMPLENEW00", secretKey, newToken), ends)
	})
	for name, ask := range map[string]step{
		"plain": {"method": "GET", "url": "https://sqs.eu-west-1.amazonaws.com/a?b=1"},
		"s3": {
			"method": "PUT", "url": "https://examplebucket.s3.eu-west-1.amazonaws.com/a", "body": "x",
			"headers": step{"Content-Length": "1"}, "signAllHeaders": true,
		},
		"token appended": {"method": "GET", "url": "https://sqs.eu-west-1.amazonaws.com/", "options": step{"sessionToken": "appended"}},
		"version 4a":     {"method": "GET", "url": "https://mfzwi23gnjvgw.mrap.accesspoint.s3-global.amazonaws.com/a"},
	} {
		t.Run(name, func(t *testing.T) {
			second := newServer(t, nil).walk(ask, "canonical-request", "string-to-sign")
			third := newer.step("signature", second)
			text := encode(t, third)
			if strings.Contains(text, token) || !strings.Contains(text, newToken) || third["accessKeyId"] != "ASIAEXAMPLENEW00" {
				t.Errorf("step 3: %s", text)
			}
			if canonical := third["canonicalRequest"].(string); third["canonicalRequestSha256"] != signing.PayloadHash([]byte(canonical)) ||
				!strings.HasSuffix(third["stringToSign"].(string), third["canonicalRequestSha256"].(string)) {
				t.Errorf("the texts do not follow from one another: %s", text)
			}
			if !strings.Contains(encode(t, third["warnings"]), `"session_replaced"`) || third["expiresAt"] != ends.Format(time.RFC3339) {
				t.Errorf("warnings %v, expiresAt %v", third["warnings"], third["expiresAt"])
			}
			fourth := newer.step("authorization", third)
			if got := newer.verify(paste(fourth, "method", "url", "headers", "body", "options")); !got.Valid {
				t.Errorf("%s: %+v", encode(t, fourth), got)
			}
		})
	}
}

func TestSteps_ASessionThatCannotTakeOver(t *testing.T) {
	temporary, permanent := signing.NewCredentials(accessKeyID, secretKey, token), signing.NewCredentials(accessKeyID, secretKey, "")
	for name, test := range map[string]struct {
		first, third signing.Credentials
		options      step
		keys         bool
		status       int
	}{
		"a token would appear":         {permanent, temporary, nil, false, 409},
		"a token would vanish":         {temporary, permanent, nil, false, 409},
		"the token is left out":        {permanent, temporary, step{"sessionToken": "omitted"}, false, 200},
		"permanent keys were replaced": {permanent, signing.NewCredentials("AKIAIOSFODNN7EXAMPLE", secretKey, ""), nil, false, 200},
		"the same":                     {temporary, temporary, nil, false, 200},
		"keys of the request":          {temporary, temporary, nil, true, 409},
	} {
		ask := step{"method": "GET", "url": "https://sqs.eu-west-1.amazonaws.com/"}
		if test.options != nil {
			ask["options"] = test.options
		}
		document := newServer(
			t, func(o *handlers.Options) { o.Sessions = holding(test.first, time.Time{}) },
		).walk(ask, "canonical-request", "string-to-sign")
		server := newServer(t, func(o *handlers.Options) { o.Sessions, o.AllowCredentials = holding(test.third, time.Time{}), true })
		if test.keys {
			delete(document, "profile")
			document["credentials"] = step{"accessKeyId": "ASIAEXAMPLE", "secretAccessKey": secretKey, "sessionToken": "ANOTHEREXAMPLETOKEN"}
		}
		w := server.post("/v1/steps/signature", encode(t, document))
		if w.Code != test.status {
			t.Errorf("%s: %d %s, want %d", name, w.Code, w.Body, test.status)
		}
		if test.status == http.StatusConflict {
			if got := server.problem(w, 409); got.Code != "session_changed" || len(server.audit.list) != 1 ||
				len(server.audit.list[0].Notes) != 1 || server.audit.list[0].SignatureSHA256 != "" {
				t.Errorf("%s: %+v, on record %+v", name, got, server.audit.list)
			}
		}
	}
}

func TestSteps_SayWhichOneIsOnRecord(t *testing.T) {
	server := newServer(t, nil)
	third := server.walk(
		step{"method": "GET", "url": "https://sqs.eu-west-1.amazonaws.com/"}, "canonical-request", "string-to-sign", "signature",
	)
	server.step("authorization", third)
	server.sign(`{` + aGet + `}`)
	if len(server.audit.list) != 3 {
		t.Fatalf("%d records: %+v", len(server.audit.list), server.audit.list)
	}
	for i, want := range []struct {
		step   int
		signed bool
	}{{1, false}, {3, true}, {0, true}} {
		if r := server.audit.list[i]; r.Step != want.step || (r.SignatureSHA256 != "") != want.signed ||
			r.Action != access.ActionSign || r.Decision != "allow" {
			t.Errorf("record %d: %+v", i, r)
		}
	}
}

// The policies decide on step 3 as on the request that it belongs to.
func TestSteps_PoliciesSeeWhatTheySeeWhenSigning(t *testing.T) {
	policy, err := access.NewPolicy(
		"p.cedar",
		[]byte(`permit (principal, action, resource); forbid (principal, action, resource) `+
			`when { resource.headers.contains("x-amz-content-sha256") };`),
	)
	if err != nil {
		t.Fatal(err)
	}
	server := newServer(t, func(o *handlers.Options) { o.Policy = policy })
	server.walk(
		step{"method": "GET", "url": "https://examplebucket.s3.eu-west-1.amazonaws.com/a"}, "canonical-request", "string-to-sign",
		"signature", "authorization",
	)
}

// A client may keep any one form of the body: each says what was signed.
func TestSteps_TheBodyIsKnownFromEachForm(t *testing.T) {
	policy, err := access.NewPolicy("p.cedar", []byte(`permit (principal, action, resource) when { resource.payload == "signed" };`))
	if err != nil {
		t.Fatal(err)
	}
	server := newServer(t, func(o *handlers.Options) { o.Policy = policy })
	forms := map[string]any{
		"body": "a=1", "bodyBase64": "YT0x", "bodyEnvelope": map[string]any{"$content-type": "text/plain", "$content": "YT0x"},
	}
	for form, value := range forms {
		document := server.walk(
			step{"method": "POST", "url": "https://abc.execute-api.eu-west-1.amazonaws.com/prod/orders", "body": "a=1"},
			"canonical-request", "string-to-sign",
		)
		for other := range forms {
			delete(document, other)
		}
		document[form] = value
		if response := server.walk(document, "signature", "authorization"); !reflect.DeepEqual(response[form], value) {
			t.Errorf("%s: the last step returns %v, want %v", form, response[form], value)
		}
	}
}
