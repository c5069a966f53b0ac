package handlers_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"countersign/credentials"
	"countersign/handlers"
)

const aGet = `"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/"`

func TestRefusalsNameTheFieldAndSayWhatToDo(t *testing.T) {
	for name, test := range map[string]struct {
		body, code, pointer string
	}{
		"no body":                  {``, "body_missing", ""},
		"not JSON":                 {`method=GET`, "json_invalid", ""},
		"half a document":          {`{"method":"GET"`, "json_invalid", ""},
		"two documents":            {`{` + aGet + `}{}`, "json_invalid", ""},
		"not UTF-8":                {"{\"method\":\"G\xffT\"}", "json_invalid", ""},
		"an array":                 {`[]`, "field_invalid", ""},
		"null":                     {`null`, "field_invalid", ""},
		"a name twice":             {`{` + aGet + `,"method":"PUT"}`, "json_duplicate_name", "/method"},
		"a name twice within":      {`{` + aGet + `,"headers":{"a":"1","a":"2"}}`, "json_duplicate_name", "/headers/a"},
		"an unknown field":         {`{` + aGet + `,"verb":"GET"}`, "field_unknown", "/verb"},
		"a field in another case":  {`{"Method":"GET"}`, "field_unknown", "/Method"},
		"no method":                {`{"url":"https://sqs.eu-west-1.amazonaws.com/"}`, "field_missing", "/method"},
		"no url":                   {`{"method":"GET"}`, "field_missing", "/url"},
		"a number as url":          {`{"method":"GET","url":7}`, "field_invalid", "/url"},
		"a list as headers":        {`{` + aGet + `,"headers":["a: b"]}`, "field_invalid", "/headers"},
		"a number as header value": {`{` + aGet + `,"headers":{"a":7}}`, "field_invalid", "/headers/a"},
		"null as header value":     {`{` + aGet + `,"headers":{"a":null}}`, "field_invalid", "/headers/a"},
		"a header without value":   {`{` + aGet + `,"headerList":[{"name":"a"}]}`, "field_missing", "/headerList/0/value"},
		"a text as boolean":        {`{` + aGet + `,"explain":"yes"}`, "field_invalid", "/explain"},
		"a half second":            {`{` + aGet + `,"minValiditySeconds":0.5}`, "field_invalid", "/minValiditySeconds"},
		"too much validity":        {`{` + aGet + `,"minValiditySeconds":901}`, "field_invalid", "/minValiditySeconds"},
		"a short hash":             {`{` + aGet + `,"payloadSha256":"e3b0"}`, "field_invalid", "/payloadSha256"},
		"an unknown payload":       {`{` + aGet + `,"payload":"none"}`, "field_invalid", "/payload"},
		"an unknown algorithm":     {`{` + aGet + `,"algorithm":"AWS3"}`, "field_invalid", "/algorithm"},
		"an unknown option":        {`{` + aGet + `,"options":{"doubleencode":true}}`, "field_unknown", "/options/doubleencode"},
		"body twice":               {`{` + aGet + `,"body":"a","bodyBase64":"YQ=="}`, "fields_conflict", "/body"},
		"body and its hash": {
			`{` + aGet + `,"body":"a","payloadSha256":"` + strings.Repeat("0", 64) + `"}`, "fields_conflict", "/body",
		},
		"broken Base64":                {`{` + aGet + `,"bodyBase64":"YQ="}`, "field_invalid", "/bodyBase64"},
		"broken Base64 in an envelope": {`{` + aGet + `,"body":{"$content":"?"}}`, "field_invalid", "/body/$content"},
		"a multipart envelope": {
			`{` + aGet + `,"body":{"$content-type":"multipart/form-data","$multipart":[]}}`, "field_invalid", "/body/$multipart",
		},
		"an envelope with more":    {`{` + aGet + `,"body":{"$content":"YQ==","name":"a"}}`, "field_invalid", "/body"},
		"CR in a header value":     {`{` + aGet + `,"headers":{"x-a":"1\r\nx-b: 2"}}`, "header_invalid", "/headers/x-a"},
		"LF in a listed header":    {`{` + aGet + `,"headerList":[{"name":"x-a","value":"1\n2"}]}`, "header_invalid", "/headerList/0"},
		"a blank in a header name": {`{` + aGet + `,"headers":{"x a":"1"}}`, "header_invalid", "/headers/x a"},
		"another host":             {`{` + aGet + `,"headers":{"Host":"example.com"}}`, "header_invalid", "/headers/Host"},
		"http":                     {`{"method":"GET","url":"http://sqs.eu-west-1.amazonaws.com/"}`, "url_not_https", "/url"},
		"http on loopback":         {`{"method":"GET","url":"http://127.0.0.1:9000/"}`, "url_not_https", "/url"},
		"another scheme":           {`{"method":"GET","url":"ftp://sqs.eu-west-1.amazonaws.com/"}`, "url_invalid", "/url"},
		"a path alone":             {`{"method":"GET","url":"/prod/orders"}`, "url_invalid", "/url"},
		"a user in the URL":        {`{"method":"GET","url":"https://me:secret@sqs.eu-west-1.amazonaws.com/"}`, "url_invalid", "/url"},
		"a fragment":               {`{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/#top"}`, "url_invalid", "/url"},
		"a broken escape":          {`{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/%zz"}`, "url_invalid", "/url"},
		"a semicolon in the query": {`{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/?a=1;b=2"}`, "url_invalid", "/url"},
		"an address of numbers": {
			`{"method":"GET","url":"https://10.0.0.5/","service":"s3","region":"eu-west-1"}`, "url_invalid", "/url",
		},
		"an address as one number": {
			`{"method":"GET","url":"https://2852039166/","service":"s3","region":"eu-west-1"}`, "url_invalid", "/url",
		},
		"an address in hexadecimal": {
			`{"method":"GET","url":"https://0xA9FEA9FE:443/","service":"s3","region":"eu-west-1"}`, "url_invalid", "/url",
		},
		"an address of version 6": {
			`{"method":"GET","url":"https://[fd00:ec2::254]/","service":"s3","region":"eu-west-1"}`, "url_invalid", "/url",
		},
		"a URL that is signed already": {
			`{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/?X-Amz-Signature=0"}`, "url_invalid", "/url",
		},
		"a control character in a name": {`{"method":"GET","url":"https://sqs.eu-west-1.amazonaws.com/?%0a=b"}`, "url_invalid", "/url"},
		"a method that is none":         {`{"method":"GET it","url":"https://sqs.eu-west-1.amazonaws.com/"}`, "field_invalid", "/method"},
		"dots in an S3 key": {
			`{"method":"GET","url":"https://examplebucket.s3.eu-west-1.amazonaws.com/a/../b","service":"s3","region":"eu-west-1"}`,
			"url_invalid", "/url",
		},
		"a host that is not AWS":         {`{"method":"GET","url":"https://api.example.com/"}`, "host_not_aws", "/service"},
		"unsigned where it is not taken": {`{` + aGet + `,"payload":"unsigned"}`, "field_invalid", "/payload"},
		"a hash that is not of the body": {
			`{` + aGet + `,"headers":{"X-Amz-Content-Sha256":"` + strings.Repeat("0", 64) + `"}}`, "field_invalid",
			"/headers/X-Amz-Content-Sha256",
		},
		"a signed header that is not there": {`{` + aGet + `,"signedHeaders":["x-b"]}`, "field_invalid", "/signedHeaders/0"},
		"a signing time":                    {`{` + aGet + `,"signingTime":"2026-01-01T00:00:00Z"}`, "option_not_allowed", "/signingTime"},
		"credentials": {
			`{` + aGet + `,"credentials":{"accessKeyId":"a","secretAccessKey":"b"}}`, "option_not_allowed", "/credentials",
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := newServer(t, nil)
			status := http.StatusBadRequest
			if test.code == "option_not_allowed" {
				status = http.StatusForbidden
			}
			got := server.refuse(test.body, status)
			if got.Code != test.code || got.Hint == "" || got.Instance != "request-1" || got.Type != "urn:countersign:problem:"+test.code {
				t.Errorf("got %+v, want code %s and a hint", got, test.code)
			}
			if test.pointer != "" && (len(got.Errors) == 0 || got.Errors[0].Pointer != test.pointer || got.Errors[0].Detail == "") {
				t.Errorf("got errors %+v, want one at %s", got.Errors, test.pointer)
			}
		})
	}
}

func TestAllFaultsAreReportedAtOnce(t *testing.T) {
	got := newServer(t, nil).refuse(`{"minValiditySeconds":-1,"payload":"x"}`, http.StatusBadRequest)
	var pointers []string
	for _, e := range got.Errors {
		pointers = append(pointers, e.Pointer)
	}
	if fmt.Sprint(pointers) != "[/method /url /payload /minValiditySeconds]" {
		t.Errorf("got %v", pointers)
	}
}

func TestSessionFailuresAreClassified(t *testing.T) {
	const private = "arn:aws:iam::123456789012:role/private is not authorized"
	for name, test := range map[string]struct {
		err        error
		status     int
		code       string
		retryAfter string
	}{
		"unknown profile": {credentials.ErrUnknownProfile, 400, "profile_unknown", ""},
		"denied":          {fmt.Errorf("%w: %s", credentials.ErrDenied, private), 403, "session_denied", ""},
		"misconfigured":   {fmt.Errorf("%w: %s", credentials.ErrConfiguration, private), 500, "session_misconfigured", ""},
		"clock":           {credentials.ErrClockSkew, 500, "session_misconfigured", ""},
		"unavailable":     {fmt.Errorf("%w: %s", credentials.ErrUnavailable, private), 503, "session_unavailable", "1"},
		"unavailable, 12s": {
			&credentials.Error{Kind: credentials.ErrUnavailable, Code: "timeout", RetryAfter: 11500 * time.Millisecond}, 503,
			"session_unavailable", "12",
		},
		"too short":     {credentials.ErrTooShort, 503, "session_short", "1"},
		"no token":      {credentials.ErrLoginRequired, 403, "login_required", ""},
		"other issuer":  {credentials.ErrLoginIssuer, 403, "login_required", ""},
		"no audience":   {credentials.ErrLoginAudience, 403, "login_required", ""},
		"token is over": {&credentials.Error{Kind: credentials.ErrLoginExpired, Code: "ExpiredTokenException"}, 401, "login_expired", ""},
		"anything else": {errors.New(private), 500, "internal", ""},
	} {
		t.Run(name, func(t *testing.T) {
			server := newServer(t, func(o *handlers.Options) { o.Sessions = failing(test.err) })
			w := server.post("/v1/sign", `{`+aGet+`}`)
			text := w.Body.String()
			got := server.problem(w, test.status)
			if got.Code != test.code || w.Header().Get("Retry-After") != test.retryAfter || got.Hint == "" {
				t.Errorf("got %+v, Retry-After %q; want %s, %q", got, w.Header().Get("Retry-After"), test.code, test.retryAfter)
			}
			if strings.Contains(text, "arn:") || strings.Contains(text, "authorized") {
				t.Errorf("the response reveals the cause: %s", text)
			}
			if !strings.Contains(server.log.String(), `"err_code":"`+test.code+`"`) || !strings.Contains(server.log.String(), `"cause":`) {
				t.Errorf("the log lacks the code or the cause: %s", server.log)
			}
		})
	}
}

func TestBodyLimit(t *testing.T) {
	server := newServer(t, nil)
	server.handler = server.plain // the contract check runs a regular expression over all of it
	fits := `{` + aGet + `,"body":"` + strings.Repeat("a", 10<<20-len(aGet)-12) + `"}`
	if len(fits) != 10<<20 {
		t.Fatalf("the body has %d bytes", len(fits))
	}
	if w := server.post("/v1/sign", fits); w.Code != http.StatusOK {
		t.Errorf("10 MiB: %d %.200s", w.Code, w.Body)
	}
	if got := server.problem(server.post("/v1/sign", fits+" "), http.StatusRequestEntityTooLarge); got.Code != "body_too_large" {
		t.Errorf("10 MiB + 1: %+v", got)
	}
}

func TestMediaTypes(t *testing.T) {
	for contentType, status := range map[string]int{
		"application/json": 200, "application/json; charset=utf-8": 200, "application/json;charset=UTF-8": 200,
		"text/plain": 415, "application/json; charset=latin1": 415, "application/x-www-form-urlencoded": 415, "json": 415,
	} {
		r := httptest.NewRequest(http.MethodPost, "/v1/sign", strings.NewReader(`{`+aGet+`}`))
		r.Header.Set("Content-Type", contentType)
		server := newServer(t, nil)
		w := server.do(r)
		if w.Code != status {
			t.Errorf("Content-Type %q: got %d, want %d", contentType, w.Code, status)
		}
		if status == 415 {
			server.problem(w, 415)
		}
	}
	r := httptest.NewRequest(http.MethodPost, "/v1/sign", strings.NewReader("\x1f\x8b"))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Content-Encoding", "gzip")
	server := newServer(t, nil)
	if got := server.problem(server.do(r), 415); got.Code != "content_encoding_unsupported" {
		t.Errorf("got %+v", got)
	}
}
