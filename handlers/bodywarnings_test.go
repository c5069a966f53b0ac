package handlers_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"countersign/signing"
)

func TestEnvelopesWithoutContentAreRefused(t *testing.T) {
	server := newServer(t, nil)
	for body, pointer := range map[string]string{
		`{"$content-type":"image/png","$content":null}`:  "/body/$content",
		`{"$content":null}`:                              "/body/$content",
		`{"$content-type":"image/png"}`:                  "/body/$content",
		`{"$content-type":null,"$content":null}`:         "/body/$content",
		`{"$content-type":"image/png","$content":7}`:     "/body",
		`{"$content-type":"image/png","name":"a.png"}`:   "/body",
		`{"$content-type":"image/png","$content":"%%%"}`: "/body/$content",
	} {
		for _, path := range []string{"/v1/sign", "/v1/presign", "/v1/steps/canonical-request"} {
			got := server.problem(server.post(path, request("PUT", aBucket+"a.png", map[string]any{"body": json.RawMessage(body)})), 400)
			if got.Code != "field_invalid" || got.Errors[0].Pointer != pointer {
				t.Errorf("%s %s: got %+v", path, body, got)
			}
		}
	}
	for _, body := range []string{
		`{"$content-type":"image/png","$content":""}`, `{"$content-type":null,"$content":"YQ=="}`, `{"$content":"YQ=="}`,
	} {
		server.signRight(request("PUT", aBucket+"a.png", map[string]any{"body": json.RawMessage(body)})).warns(t, "")
	}
}

func TestBodies_StillWrappedGetAWarning(t *testing.T) {
	server := newServer(t, nil)
	encode := base64.StdEncoding.EncodeToString
	long := bytes.Repeat([]byte{0, 1, 2, 0xff}, 30)
	pdf := encode(append([]byte("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"), long...))
	png := encode(append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"), long...))
	cases := map[string]struct {
		body any
		code string
	}{
		"an envelope as text":  {`{"$content-type":"image/png","$content":"` + png + `"}`, "body_not_decoded"},
		"the same in lines":    {"{\r\n  \"$content\": \"" + pdf + "\"\r\n}", "body_not_decoded"},
		"a multipart envelope": {`{"$content-type":"multipart/form-data","$multipart":[]}`, "body_not_decoded"},
		"an envelope in an envelope": {
			map[string]string{"$content": encode([]byte(`{"$content-type":"image/png","$content":"` + png + `"}`))}, "body_not_decoded",
		},
		"a data URI":                {"data:image/png;base64," + png, "body_not_decoded"},
		"a data URI in capitals":    {"DATA:Application/PDF;Base64," + pdf, "body_not_decoded"},
		"a data URI with a charset": {"data:text/plain;charset=utf-8,hello", "body_not_decoded"},
		"a data URI without type":   {"data:;base64,aGVsbG8=", "body_not_decoded"},
		"a data URI in an envelope": {map[string]string{"$content": encode([]byte("data:image/png;base64," + png))}, "body_not_decoded"},
		"PDF":                       {pdf, "body_not_decoded"},
		"PNG":                       {png, "body_not_decoded"},
		"PNG, the shortest":         {"iVBORw0KGgo=", "body_not_decoded"},
		"JPEG":                      {encode(append([]byte("\xff\xd8\xff\xe0\x00\x10JFIF"), long...)), "body_not_decoded"},
		"GIF":                       {"R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7", "body_not_decoded"},
		"ZIP":                       {encode(append([]byte("PK\x03\x04\x14\x00\x06\x00"), long...)), "body_not_decoded"},
		"gzip":                      {encode(append([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00"), long...)), "body_not_decoded"},
		"WebP":                      {encode(append([]byte("RIFF\x24\x00\x00\x00WEBPVP8 "), long...)), "body_not_decoded"},
		"TIFF":                      {encode(append([]byte("II*\x00\x08\x00"), long...)), "body_not_decoded"},
		"an old Word document":      {encode(append([]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), long...)), "body_not_decoded"},
		"MP4":                       {encode(append([]byte("\x00\x00\x00\x18ftypmp42"), long...)), "body_not_decoded"},
		"Parquet":                   {encode(append([]byte("PAR1\x15\x04"), long...)), "body_not_decoded"},
		"XML":                       {encode([]byte(`<?xml version="1.0"?><a/>`)), "body_not_decoded"},
		"in lines as mail has it":   {pdf[:76] + "\r\n" + pdf[76:] + "\r\n", "body_not_decoded"},
		"with blanks around":        {" " + png + "\n", "body_not_decoded"},
		"without padding":           {strings.TrimRight(pdf, "="), "body_not_decoded"},
		"of the other alphabet": {
			base64.URLEncoding.EncodeToString(append([]byte("%PDF-1.7\n\xff\xfe\xfb"), long...)), "body_not_decoded",
		},
		"Base64 in Base64":               {map[string]string{"$content": encode([]byte(png))}, "body_not_decoded"},
		"PNG as Latin-1":                 {"\u0089PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "body_garbled"},
		"PNG as Windows-1252":            {"‰PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "body_garbled"},
		"PNG with replacements":          {"\ufffdPNG\r\n\x1a\n", "body_garbled"},
		"JPEG as Latin-1":                {"ÿØÿà\x00\x10JFIF", "body_garbled"},
		"PDF with replacements":          {"%PDF-1.7\n%\ufffd\ufffd\ufffd\ufffd\n", "body_garbled"},
		"ZIP as Latin-1":                 {"PK\x03\x04\x14\x00\x00\x00\x08\x00áé\x01", "body_garbled"},
		"text":                           {"Grüße", ""},
		"text that is long":              {strings.Repeat("abcd", 100), ""},
		"a token":                        {"iVBORw0KGgo", ""},
		"a PDF's name":                   {"JVBERi0x.pdf", ""},
		"a text that begins like a file": {"JVBERi0xLjcK is how a PDF begins", ""},
		"Base64 of text":                 {encode([]byte("hello world, hello world")), ""},
		"Base64 that is padded wrongly":  {"iVBORw0KGgoAAA=", ""},
		"an ASCII PDF":                   {"%PDF-1.4\n1 0 obj\n", ""},
		"events":                         {"data: {\"a\":1}\n\ndata: 2\n", ""},
		"data of a table":                {"data:1,2,3", ""},
		"JSON":                           {map[string]any{"file": png, "uri": "data:image/png;base64," + png}, ""},
		"JSON as text":                   {`{"file":"` + png + `","$contents":1}`, ""},
		"a file":                         {map[string]string{"$content-type": "image/png", "$content": png}, ""},
		"XML as text":                    {`<?xml version="1.0"?><a>Grüße</a>`, ""},
		"nothing":                        {"", ""},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			server.t = t
			server.signRight(request("PUT", aBucket+"a", map[string]any{"body": test.body})).warns(t, test.code)
		})
	}
	server.t = t
	server.signRight(request("PUT", aBucket+"a", map[string]any{"bodyBase64": encode([]byte(png))})).warns(t, "body_not_decoded")
	server.signRight(request("PUT", aBucket+"a", map[string]any{"bodyBase64": png})).warns(t, "")
}

func TestBodiesOfMethodsWithoutOneGetAWarning(t *testing.T) {
	server := newServer(t, nil)
	for _, method := range []string{"GET", "HEAD", "DELETE", "delete"} {
		for _, fields := range []map[string]any{
			{"body": "x"}, {"body": map[string]int{"a": 1}}, {"bodyBase64": "eA=="}, {
				"payloadSha256": signing.PayloadHash([]byte("x")),
			}, {"body": map[string]string{"$content": "eA=="}},
		} {
			server.signRight(request(method, anAPI, fields)).warns(t, "body_fragile")
		}
		for _, fields := range []map[string]any{nil, {"body": ""}, {"body": nil}, {"payloadSha256": signing.PayloadHash(nil)}} {
			if codes := server.signRight(request(method, anAPI, fields)).warningCodes(); slices.Contains(codes, "body_fragile") {
				t.Errorf("%s %v: got %v", method, fields, codes)
			}
		}
	}
	for _, method := range []string{"POST", "PUT", "PATCH"} {
		server.signRight(request(method, anAPI, map[string]any{"body": "x"})).warns(t, "")
	}
	got := server.presignRight(request("GET", aBucket+"a", map[string]any{"body": "x"}))
	if !slices.Contains(warningCodesOf(got), "body_fragile") {
		t.Errorf("presigned: %v", got.Warnings)
	}
}

func TestBodies_EmptyingAnObjectGetsAWarning(t *testing.T) {
	server := newServer(t, nil)
	for name, test := range map[string]struct {
		method, url string
		fields      map[string]any
		code        string
	}{
		"null":              {"PUT", aBucket + "a", map[string]any{"body": nil}, "body_null"},
		"nothing said":      {"PUT", aBucket + "a", nil, ""},
		"an empty text":     {"PUT", aBucket + "a", map[string]any{"body": ""}, ""},
		"a folder":          {"PUT", aBucket + "a/", map[string]any{"body": nil}, ""},
		"a copy":            {"PUT", aBucket + "a", map[string]any{"body": nil, "headers": map[string]string{"x-amz-copy-source": "b/c"}}, ""},
		"a subresource":     {"PUT", aBucket + "a?acl", map[string]any{"body": nil, "headers": map[string]string{"x-amz-acl": "private"}}, ""},
		"a hash":            {"PUT", aBucket + "a", map[string]any{"body": nil, "payloadSha256": signing.PayloadHash([]byte("x"))}, ""},
		"a body in Base64":  {"PUT", aBucket + "a", map[string]any{"body": nil, "bodyBase64": "eA=="}, ""},
		"another method":    {"GET", aBucket + "a", map[string]any{"body": nil}, ""},
		"another service":   {"PUT", anAPI, map[string]any{"body": nil}, ""},
		"a payload to come": {"PUT", aBucket + "a", map[string]any{"body": nil, "payload": "unsigned"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			server.t = t
			server.signRight(request(test.method, test.url, test.fields)).warns(t, test.code)
		})
	}
	server.t = t
	if got := server.presignRight(request("PUT", aBucket+"a", map[string]any{"body": nil})); len(got.Warnings) > 0 {
		t.Errorf("presigned: %v", got.Warnings)
	}
}

func TestAContentTypeOfAnotherBodyGetsAWarning(t *testing.T) {
	server := newServer(t, nil)
	for name, test := range map[string]struct {
		media string
		body  any
		warns bool
	}{
		"JSON":                           {"application/json", `{"a":1}`, false},
		"JSON as an object":              {"application/x-amz-json-1.0", map[string]int{"a": 1}, false},
		"lines of JSON":                  {"application/json", "{\"index\":{}}\n{\"a\":1}\n", false},
		"a JSON text":                    {"application/json", `"hello"`, false},
		"nothing":                        {"application/json", "", false},
		"a form as JSON":                 {"application/json", "a=1&b=2", true},
		"JSON cut off":                   {"application/x-amz-json-1.1", `{"a":`, true},
		"JSON encoded twice":             {"application/x-amz-json-1.0", `"{\"TableName\":\"orders\"}"`, true},
		"JSON behind a byte order mark":  {"application/json", "\ufeff{}", true},
		"JSON of a type of its own":      {"application/merge-patch+json; charset=utf-8", "a", true},
		"a form":                         {"application/x-www-form-urlencoded", "Action=ListQueues", false},
		"JSON as a form":                 {"application/x-www-form-urlencoded", `{"Action":"ListQueues"}`, true},
		"an object as an image":          {"image/png", map[string]int{"a": 1}, true},
		"an object as XML":               {"application/xml", map[string]int{"a": 1}, true},
		"an object as CSV":               {"text/csv", []int{1}, true},
		"an object as bytes":             {"application/octet-stream", map[string]int{"a": 1}, false},
		"an image":                       {"image/png", map[string]string{"$content": "iVBORw0KGgo="}, false},
		"multipart":                      {"multipart/form-data; boundary=xyz", "--xyz\r\n\r\na\r\n--xyz--\r\n", false},
		"multipart without boundary":     {"multipart/form-data", "a", true},
		"multipart of another":           {"multipart/form-data; boundary=xyz", "--abc\r\n\r\na\r\n--abc--\r\n", true},
		"an object as multipart":         {"multipart/form-data", map[string]int{"a": 1}, true},
		"a type that is none":            {"JSON", "a", false},
		"a text of any type":             {"text/plain", `{"a":`, false},
		"XML that a caller put together": {"text/xml", "<a/>", false},
	} {
		t.Run(name, func(t *testing.T) {
			server.t = t
			code := ""
			if test.warns {
				code = "content_type_differs"
			}
			server.signRight(request(
				"POST", anAPI, map[string]any{"body": test.body, "headers": map[string]string{"Content-Type": test.media}},
			)).warns(t, code)
		})
	}
}
