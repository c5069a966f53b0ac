package handlers_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"testing"

	"countersign/diagnosis"
)

// A refusal says why: here what was signed and what was sent are known, and are the same.
func TestSend_RefusalsHaveADiagnosis(t *testing.T) {
	var aws http.HandlerFunc
	s := newSendServer(t, func(w http.ResponseWriter, r *http.Request) { aws(w, r) }, nil)
	for name, test := range map[string]struct {
		status    int
		body      string
		code      string
		cause     diagnosis.Cause
		certainty diagnosis.Certainty
	}{
		"denied": {
			403,
			`{"message":"User: arn:aws:sts::123456789012:assumed-role/orders/a is not authorized to perform: execute-api:Invoke on resource: ` +
				`arn:aws:execute-api:eu-west-1:********9012:a/prod/GET/orders because no identity-based policy allows the execute-api:Invoke action"}`,
			"aws_refused", "denied-identity", diagnosis.Stated,
		},
		"the session ended": {
			403, `{"message":"The security token included in the request is expired"}`, "aws_refused", "expired-token",
			diagnosis.Stated,
		},
		"this clock is behind": {
			403, `{"message":"Signature expired: 20150830T123600Z is now earlier than 20150830T123700Z (20150830T124200Z - 5 min.)"}`,
			"aws_refused", "clock-behind", diagnosis.Stated,
		},
		"the region is another": {
			400,
			`<Error><Code>AuthorizationHeaderMalformed</Code><Message>The authorization header is malformed; the region 'eu-west-1' is wrong; ` +
				`expecting 'eu-central-1'</Message><Region>eu-central-1</Region></Error>`,
			"aws_refused", "wrong-region", diagnosis.Stated,
		},
		"throttled": {429, `{"message":"Too Many Requests"}`, "aws_throttled", "throttled", diagnosis.Stated},
		"failed":    {500, `{"message":"Internal server error"}`, "aws_failed", "aws-fault", diagnosis.Stated},
	} {
		t.Run(name, func(t *testing.T) {
			aws = responds(test.status, test.body)
			w := s.call(`,"retry":"none"`)
			p := decodeAs[struct {
				Code      string
				Diagnosis struct {
					Cause                                diagnosis.Cause
					Certainty                            diagnosis.Certainty
					Title, Reason, FixInWorkflow, Detail string
				}
			}](t, w.Body)
			d := p.Diagnosis
			if p.Code != test.code || d.Cause != test.cause || d.Certainty != test.certainty || d.Title == "" || d.Reason == "" ||
				d.FixInWorkflow == "" {
				t.Errorf("%d %+v, want %s and %s, %s", w.Code, p, test.code, test.cause, test.certainty)
			}
		})
	}
}

// A workflow that accepts AWS's status gets the cause with it, and the whole body, in whatever encoding it arrives.
func TestSend_ReturnedRefusalsHaveADiagnosis(t *testing.T) {
	denied := `{"message":"User: arn:aws:iam::123456789012:user/a is not authorized to perform: execute-api:Invoke on resource: ` +
		`arn:aws:execute-api:eu-west-1:********9012:a/prod/GET/orders because no identity-based policy allows the execute-api:Invoke action"}`
	long := denied[:len(denied)-1] + `,"more":"` + strings.Repeat("x", 200<<10) + `"}`
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	_, _ = zip.Write([]byte(denied))
	_ = zip.Close()
	var aws http.HandlerFunc
	s := newSendServer(t, func(w http.ResponseWriter, r *http.Request) { aws(w, r) }, nil)
	for name, test := range map[string]struct {
		status          int
		body, encoding  string
		form, cause     string
		bodyIs, warning string
	}{
		"JSON":               {status: 403, body: denied, cause: "denied-identity", bodyIs: `"body":` + denied},
		"longer than looked": {status: 403, body: long, cause: "denied-identity", bodyIs: `"body":` + long},
		"packed": {
			status: 403, body: packed.String(), encoding: "gzip", cause: "denied-identity", bodyIs: `"body":` + denied,
			warning: "body_unpacked",
		},
		"as Base64": {
			status: 403, body: denied, form: "base64", cause: "denied-identity",
			bodyIs: base64.StdEncoding.EncodeToString([]byte(denied)),
		},
		"left out": {status: 403, body: denied, form: "none", cause: "denied-identity"},
		"a redirect": {
			status: 301, body: `<Error><Code>PermanentRedirect</Code><Endpoint>a.s3.eu-central-1.amazonaws.com</Endpoint></Error>`,
			cause: "wrong-endpoint",
		},
		"taken":        {status: 200, body: `{"order":1042}`, bodyIs: `{"order":1042}`},
		"not modified": {status: 304},
	} {
		t.Run(name, func(t *testing.T) {
			aws = func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				if test.encoding != "" {
					w.Header().Set("Content-Encoding", test.encoding)
				}
				w.WriteHeader(test.status)
				if test.status != 304 {
					_, _ = w.Write([]byte(test.body))
				}
			}
			more := `,"retry":"none","onError":"return"`
			if test.form != "" {
				more += `,"responseBody":"` + test.form + `"`
			}
			w := s.call(more)
			response := w.Body.String()
			p := decodeAs[struct {
				Status    int
				Diagnosis *struct{ Cause, Reason, FixInWorkflow string }
			}](t, strings.NewReader(response))
			if w.Code != 200 || p.Status != test.status || !strings.Contains(response, test.bodyIs) {
				t.Errorf("%d %.600s", w.Code, response)
			}
			switch {
			case (p.Diagnosis != nil) != (test.cause != ""):
				t.Errorf("diagnosis: %+v", p.Diagnosis)
			case p.Diagnosis != nil && (p.Diagnosis.Cause != test.cause || p.Diagnosis.FixInWorkflow == "" || p.Diagnosis.Reason == ""):
				t.Errorf("%+v, want %s", p.Diagnosis, test.cause)
			}
			if strings.Count(response, `"body_unpacked"`) != strings.Count(test.warning, "body_unpacked") {
				t.Errorf("%.600s", response)
			}
		})
	}
}

// No part of the response contains what AWS quotes of the request.
func TestSend_DiagnosisShowsNoSecret(t *testing.T) {
	s := newSendServer(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, signature, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
		_, _ = w.Write([]byte(`<Error><Code>SignatureDoesNotMatch</Code><Message>The request signature we calculated does not match the ` +
			`signature you provided. ` + r.Header.Get("Authorization") +
			`</Message><SignatureProvided>` + signature + `</SignatureProvided><CanonicalRequest>GET
/prod/orders

host:a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com
x-amz-date:20150830T123600Z
x-amz-security-token:` + r.Header.Get("X-Amz-Security-Token") + `

host;x-amz-date;x-amz-security-token
e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855</CanonicalRequest></Error>`))
	}, nil)
	w := s.call(`,"retry":"none"`)
	_, told, found := strings.Cut(w.Body.String(), `"diagnosis":`)
	if !found || strings.Contains(w.Body.String(), token) || strings.Contains(told, secretKey) ||
		sixtyFourDigits.MatchString(strings.ReplaceAll(told, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "")) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// A difference is shown as it was signed and as it arrived, whatever turns the refusal into a problem.
func TestSend_DiagnosisShowsBothValues(t *testing.T) {
	s := newSendServer(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`<Error><Code>SignatureDoesNotMatch</Code><Message>The request signature we calculated does not match the ` +
			`signature you provided.</Message><CanonicalRequest>GET
/prod/orders
a=1&amp;b=3
host:a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com
x-amz-date:` + r.Header.Get("X-Amz-Date") + `
x-amz-security-token:` + r.Header.Get("X-Amz-Security-Token") + `

host;x-amz-date;x-amz-security-token
e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855</CanonicalRequest></Error>`))
	}, nil)
	for _, more := range []string{"", `,"onError":"return"`} {
		w := s.post("/v1/send", `{"method":"GET","url":"`+orders+`?a=1&b=2","retry":"none"`+more+`}`)
		p := decodeAs[struct {
			Diagnosis struct {
				Cause    diagnosis.Cause
				Evidence []diagnosis.Evidence
			}
		}](t, w.Body)
		want := []diagnosis.Evidence{{Part: "query", Signed: "a=1&b=2", Arrived: "a=1&b=3"}}
		if p.Diagnosis.Cause != "changed-query" || !slices.Equal(p.Diagnosis.Evidence, want) {
			t.Errorf("%s: %+v, want %v", more, p.Diagnosis, want)
		}
	}
}
