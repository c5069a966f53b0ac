package handlers_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestAByteOrderMarkIsSkipped(t *testing.T) {
	server := newServer(t, nil)
	const mark = "\xef\xbb\xbf"
	plain := server.sign(`{` + aGet + `}`)
	if got := server.sign(mark + `{` + aGet + `}`); got.Authorization != plain.Authorization {
		t.Errorf("got %s, want %s", got.Authorization, plain.Authorization)
	}
	for _, path := range []string{"/v1/presign", "/v1/verify", "/v1/steps/canonical-request"} {
		if w := server.post(path, mark+`{`+aGet+`,"service":"sqs","region":"eu-west-1"}`); w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	for body, code := range map[string]string{
		mark:                           "body_missing",
		mark + mark + `{` + aGet + `}`: "json_invalid",
		`{` + aGet + `}` + mark:        "json_invalid",
	} {
		if got := server.refuse(body, 400); got.Code != code {
			t.Errorf("%q: got %s, want %s", body, got.Code, code)
		}
	}
	// A file's bytes are hashed as they are.
	r := httptest.NewRequest(http.MethodPost, "/v1/payload-hash", strings.NewReader(mark))
	r.Header.Set("Content-Type", "application/octet-stream")
	w := server.do(r)
	if !strings.Contains(w.Body.String(), `"payloadLength":3`) {
		t.Errorf("the hash of a mark: %s", w.Body)
	}
}

func TestWrongEncodingsAreNamed(t *testing.T) {
	server := newServer(t, nil)
	for name, test := range map[string]struct{ body, says string }{
		"Latin-1, a letter":         {"{" + aGet + ",\"body\":\"Gr\xfc\xdfe\"}", "Latin-1"},
		"Latin-1, one letter":       {"{" + aGet + ",\"body\":\"caf\xe9\"}", "Latin-1"},
		"Latin-1 in another field":  {"{" + aGet + ",\"headers\":{\"x-a\":\"\xc4\"}}", "Latin-1"},
		"Latin-1 and unknown field": {"{" + aGet + ",\"Body\":\"\xe4\xf6\xfc\"}", "Latin-1"},
		"Windows-1252":              {"{" + aGet + ",\"body\":\"5 \x80\"}", "Windows-1252"},
		"half a character":          {"{" + aGet + ",\"body\":\"\xe2\x82\xac\xe2\x82\xe2\x82\xac\"}", "not UTF-8: byte 72 is 0xE2"},
		"UTF-16":                    {"\xff\xfe{\x00}\x00", "UTF-16"},
		"UTF-16, the other way":     {"\xfe\xff\x00{\x00}", "UTF-16"},
	} {
		t.Run(name, func(t *testing.T) {
			got := server.refuse(test.body, 400)
			if got.Code != "json_invalid" || !strings.Contains(got.Detail, test.says) {
				t.Errorf("got %s: %s, want %q", got.Code, got.Detail, test.says)
			}
		})
	}
}

func TestJSON_EncodedTwiceIsRecognised(t *testing.T) {
	server := newServer(t, nil)
	for body, code := range map[string]string{
		`"{\"method\":\"GET\",\"url\":\"https://sqs.eu-west-1.amazonaws.com/\"}"`:            "json_encoded_twice",
		` "\r\n {\"method\":\"GET\",\"url\":\"https://sqs.eu-west-1.amazonaws.com/\"}\r\n" `: "json_encoded_twice",
		`"\u007b\"method\":\"GET\"}"`:        "json_encoded_twice",
		`"\"{\\\"method\\\":\\\"GET\\\"}\""`: "json_encoded_twice",
		`"GET"`:                              "field_invalid",
		`""`:                                 "field_invalid",
	} {
		for _, path := range []string{"/v1/sign", "/v1/presign", "/v1/verify", "/v1/steps/string-to-sign"} {
			if got := server.problem(server.post(path, body), 400); got.Code != code || got.Hint == "" {
				t.Errorf("%s %s: got %+v, want %s", path, body, got, code)
			}
		}
	}
	for field, pointer := range map[string]string{
		`"headers":"{\"a\":\"b\"}"`: "/headers", `"query":"{}"`: "/query", `"headerList":"[]"`: "/headerList", `"options":"{}"`: "/options",
		`"signedHeaders":"[\"range\"]"`: "/signedHeaders",
	} {
		got := server.refuse(`{`+aGet+`,`+field+`}`, 400)
		if got.Code != "field_invalid" || got.Errors[0].Pointer != pointer || !strings.Contains(got.Errors[0].Detail, "json()") {
			t.Errorf("%s: got %+v", field, got)
		}
	}
}

func TestChunking_IsRefusedAsMissingBody(t *testing.T) {
	server := newServer(t, nil)
	for _, path := range []string{"/v1/payload-hash", "/v1/payload-hash?tree=true", "/v1/sign", "/v1/presign", "/v1/verify"} {
		for _, mode := range []string{"chunked", "Chunked"} {
			r := httptest.NewRequest(http.MethodPost, path, http.NoBody)
			r.Header.Set("Content-Type", "application/json")
			if strings.HasPrefix(path, "/v1/payload-hash") {
				r.Header.Set("Content-Type", "application/octet-stream")
			}
			r.Header.Set("X-Ms-Transfer-Mode", mode)
			r.Header.Set("X-Ms-Content-Length", "104857600")
			if got := server.problem(server.do(r), 400); got.Code != "chunking_unsupported" || !strings.Contains(got.Hint, "chunking off") {
				t.Errorf("%s: got %+v", path, got)
			}
		}
	}
	r := httptest.NewRequest(http.MethodPost, "/v1/payload-hash", strings.NewReader("a"))
	r.Header.Set("X-Ms-Transfer-Mode", "chunked")
	r.Header.Set("Content-Type", "application/octet-stream")
	if w := server.do(r); w.Code != http.StatusOK {
		t.Errorf("with a body: %d %s", w.Code, w.Body)
	}
	server.handler = server.plain // the contract check requires a body
	if w := server.do(httptest.NewRequest(http.MethodPost, "/v1/payload-hash", http.NoBody)); w.Code != http.StatusOK {
		t.Errorf("an empty body without chunking: %d %s", w.Code, w.Body)
	}
}
