package handlers_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"countersign/handlers"
)

func TestSend_SaysWhenToRetry(t *testing.T) {
	for name, row := range map[string]struct {
		headers []string
		want    string
	}{
		"not said":              {nil, "5"},
		"seconds":               {[]string{"Retry-After", "120"}, "120"},
		"at once":               {[]string{"Retry-After", "0"}, "5"},
		"less than nothing":     {[]string{"Retry-After", "-5"}, "5"},
		"in an hour":            {[]string{"Retry-After", "3600"}, "300"},
		"never":                 {[]string{"Retry-After", "9223372036854775807"}, "300"},
		"beyond any number":     {[]string{"Retry-After", "99999999999999999999"}, "300"},
		"nonsense":              {[]string{"Retry-After", "soon"}, "5"},
		"a date":                {[]string{"Retry-After", "Wed, 21 Oct 2015 07:29:00 GMT", "Date", "Wed, 21 Oct 2015 07:28:00 GMT"}, "60"},
		"a date that is past":   {[]string{"Retry-After", "Wed, 21 Oct 2015 07:27:00 GMT", "Date", "Wed, 21 Oct 2015 07:28:00 GMT"}, "5"},
		"a date far ahead":      {[]string{"Retry-After", "Wed, 21 Oct 2065 07:29:00 GMT", "Date", "Wed, 21 Oct 2015 07:28:00 GMT"}, "300"},
		"milliseconds":          {[]string{"X-Amz-Retry-After", "60001"}, "61"},
		"milliseconds, endless": {[]string{"X-Amz-Retry-After", "9223372036854775807"}, "300"},
	} {
		for status, code := range map[int]string{503: "aws_failed", 429: "aws_throttled"} {
			s := newSendServer(t, responds(status, "{}", append(row.headers, "Content-Type", "application/json")...), nil)
			w := s.call(`,"retry":"none"`)
			if got := w.Header().Get("Retry-After"); got != row.want || !strings.Contains(w.Body.String(), code) {
				t.Errorf("%s: %d, Retry-After %q, want %q\n%s", name, status, got, row.want, w.Body)
			}
		}
	}
}

// S3 responds with 200 to a copy, and to the completion of an upload, before it knows whether they succeed.
func TestSend_RecognisesFailuresWithStatus200(t *testing.T) {
	const failure = "<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>"
	const declared = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"
	const key = "https://examplebucket.s3.eu-west-1.amazonaws.com/key"
	for name, row := range map[string]struct {
		method, url, media, body string
		status                   int
		code                     string
	}{
		"a copy": {"PUT", key, "application/xml", declared + failure, 503, "aws_failed"},
		"after a while": {
			"POST", key + "?uploadId=1", "application/xml", declared + strings.Repeat(" ", 5000) + "\n" + failure, 503, "aws_failed",
		},
		"the while is before": {"POST", key + "?uploadId=1", "application/xml", "\n  " + declared + failure, 503, "aws_failed"},
		"no declaration":      {"PUT", key, "text/xml", failure, 503, "aws_failed"},
		"throttled":           {"PUT", key, "application/xml", "<Error><Code>SlowDown</Code></Error>", 429, "aws_throttled"},
		"a result":            {"PUT", key, "application/xml", declared + "<CopyObjectResult></CopyObjectResult>", 200, ""},
		"errors of some objects": {
			"POST", key + "?delete", "application/xml", declared + "<DeleteResult>" + failure + "</DeleteResult>", 200, "",
		},
		"nothing":                      {"PUT", key, "application/xml", "", 200, ""},
		"an object that looks like it": {"GET", key, "application/xml", failure, 200, ""},
		"JSON":                         {"POST", key, "application/json", `"<Error>"`, 200, ""},
		"another service":              {"POST", orders, "application/xml", failure, 200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSendServer(t, responds(200, row.body, "Content-Type", row.media), nil)
			request := `{"method":"` + row.method + `","url":"` + row.url + `"`
			w := s.post("/v1/send", request+"}")
			got := decodeAs[refusedDocument](t, strings.NewReader(w.Body.String()))
			if w.Code != row.status || got.Code != row.code {
				t.Fatalf("%d %s, want %d %s", w.Code, w.Body, row.status, row.code)
			}
			const detail = "AWS responded with 200, and then failed: InternalError We encountered an internal error."
			if row.code == "aws_failed" && (got.Detail != detail ||
				got.AWS.Status != 200 || got.AWS.Code != "InternalError" || w.Header().Get("Retry-After") == "") {
				t.Errorf("got %+v %v", got, w.Header())
			}
			if w := s.post("/v1/send", request+`,"onError":"return"}`); w.Code != 200 {
				t.Errorf("returned %d %s", w.Code, w.Body)
			}
		})
	}
}

func TestSend_SaysWhereS3ExpectsTheRequest(t *testing.T) {
	const body = "<Error><Code>PermanentRedirect</Code><Message>Use this endpoint.</Message>" +
		"<Endpoint>examplebucket.s3.eu-central-1.amazonaws.com</Endpoint></Error>"
	s := newSendServer(t, responds(301, body, "Content-Type", "application/xml"), nil)
	got := s.fails("", 400, "aws_redirected")
	if !strings.Contains(got.Detail, "examplebucket.s3.eu-central-1.amazonaws.com") || got.AWS.Code != "PermanentRedirect" {
		t.Errorf("got %+v", got)
	}
}

// If a request did not reach AWS in time, AWS has done nothing.
func TestSend_WorkflowsRepeatWhatAWSDidNotReceive(t *testing.T) {
	for _, method := range []string{"GET", "POST"} {
		s := newSendServer(t, responds(400, "<Error><Code>RequestTimeout</Code></Error>", "Content-Type", "application/xml"), nil)
		w := s.post("/v1/send", `{"retry":"none","url":"`+orders+`","method":"`+method+`"}`)
		if w.Code != 503 || !strings.Contains(w.Body.String(), "aws_failed") {
			t.Errorf("%s: %d %s", method, w.Code, w.Body)
		}
	}
}

func TestSend_UnnamedStatusHasNoText(t *testing.T) {
	s := newSendServer(t, responds(509, ""), nil)
	if got := s.fails(`,"retry":"none"`, 503, "aws_failed"); got.Detail != "AWS responded with 509" {
		t.Errorf("detail %q", got.Detail)
	}
}

// A caller that wants no body is not refused because the body is too large.
func TestSend_UnwantedBodiesHaveNoLimit(t *testing.T) {
	for _, media := range []string{"application/json", "application/octet-stream", "application/vnd.amazon.eventstream"} {
		aws := responds(200, strings.Repeat("x", 1<<20), "Content-Type", media)
		s := newSendServer(t, aws, func(o *handlers.Options) { o.MaxResponseBytes = 1000 })
		if got := s.sent(`,"responseBody":"none"`); got.BodyBytes != 1<<20 || got.Body != nil || got.BodyBase64 != nil {
			t.Errorf("%s: %+v", media, got)
		}
	}
}

// Services that use CBOR name their errors in it.
func TestSend_RecognisesThrottlingInCBOR(t *testing.T) {
	s := newSendServer(t, responds(400, "\xa1\x66__type\x73ThrottlingException", "Content-Type", "application/cbor"), nil)
	s.fails(`,"retry":"none"`, 429, "aws_throttled")
}

// Errors in CBOR are returned as JSON.
func TestSend_ReturnsCBORErrorsAsJSON(t *testing.T) {
	text := func(s string) string { return "\x78" + string(rune(len(s))) + s }
	const missing = "com.amazonaws.cloudwatch#ResourceNotFoundException"
	item := "\xbf\x66__type" + text(missing) + "\x67message" + text("No "+token+" here.") + "\x64list\x9f\x01\xf6\xff\xff"
	for name, row := range map[string]struct{ body, code, message, told string }{
		"whole": {
			item, "ResourceNotFoundException", "No … here.", `{"__type":"` + missing + `","message":"No … here.","list":[1,null]}`,
		},
		"cut off": {
			item[:len(item)-4], "ResourceNotFoundException", "No … here.",
			`"{\"__type\":\"` + missing + `\",\"message\":\"No … here.\",\"list\":["`,
		},
		"no CBOR": {"\xff\xff", "", "", ""},
		"no map":  {"\x82\x01\x02", "", "", "[1,2]"},
	} {
		s := newSendServer(t, responds(400, row.body, "Content-Type", "application/cbor", "Smithy-Protocol", "rpc-v2-cbor"), nil)
		got := s.fails("", 400, "aws_refused").AWS
		if got.Code != row.code || got.Message != row.message || string(got.Body) != row.told {
			t.Errorf("%s: %q, %q, body %s", name, got.Code, got.Message, got.Body)
		}
	}
}

// A diagnosis reads CBOR, too, in responses received here and in those that others received.
func TestSend_DiagnosesCBORErrors(t *testing.T) {
	const item = "\xa1\x66__type\x78\x2ecom.amazonaws.cloudwatch#ExpiredTokenException"
	s := newSendServer(t, responds(403, item, "Content-Type", "application/cbor"), nil)
	for _, fields := range []string{"", `,"onError":"return"`} {
		if w := s.call(fields); !strings.Contains(w.Body.String(), `"cause":"expired-token"`) {
			t.Errorf("%q: %s", fields, w.Body)
		}
	}
	w := s.post("/v1/diagnose", `{"response":{"status":403,"headers":{"Content-Type":"application/cbor"},"bodyBase64":"`+
		base64.StdEncoding.EncodeToString([]byte(item))+`"}}`)
	if !strings.Contains(w.Body.String(), `"cause":"expired-token"`) {
		t.Errorf("diagnosed: %s", w.Body)
	}
}
