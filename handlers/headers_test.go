package handlers_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"countersign/access"
	"countersign/handlers"
	"countersign/signing"
)

func TestHeadersThatAreNotASCIISayHowToEncodeThem(t *testing.T) {
	server := newServer(t, nil)
	for name, says := range map[string]string{
		"x-amz-copy-source": "Percent-encode", "X-Amz-Copy-Source": "Percent-encode", "x-amz-website-redirect-location": "Percent-encode",
		"x-amz-tagging":       "tags",
		"Content-Disposition": "filename*=UTF-8''", "x-amz-meta-title": "RFC 2047", "X-Amz-Meta-Title": "RFC 2047", "X-Tenant": "ASCII",
		"Content-Type": "ASCII", "If-Match": "ASCII",
	} {
		got := server.refuse(request("PUT", aBucket+"a", map[string]any{"headers": map[string]string{name: "bucket/Grüße"}}), 400)
		detail := got.Errors[0].Detail
		if got.Code != "header_invalid" || got.Errors[0].Pointer != "/headers/"+name || !strings.Contains(detail, says) {
			t.Errorf("%s: got %+v, want %q", name, got, says)
		}
		if strings.Contains(detail, "2047") != strings.HasPrefix(strings.ToLower(name), "x-amz-meta-") {
			t.Errorf("%s: RFC 2047 is for metadata: %s", name, detail)
		}
	}
	// What the hints suggest can be signed.
	for name, value := range map[string]string{
		"x-amz-copy-source": "bucket/Gr%C3%BC%C3%9Fe", "Content-Disposition": "attachment; filename*=UTF-8''Gr%C3%BC%C3%9Fe.txt",
		"x-amz-meta-title": "=?UTF-8?B?R3LDvMOfZQ==?=", "x-amz-tagging": "a=%C3%BC",
	} {
		if got := server.signRight(request("PUT", aBucket+"a", map[string]any{
			"headers": map[string]string{name: value},
		})); got.Headers[name] != value {
			t.Errorf("%s is sent as %v", name, got.Headers)
		}
	}
}

func TestHeadersOfOneValueThatAreRepeatedGetAWarning(t *testing.T) {
	server := newServer(t, nil)
	for name, warned := range map[string]bool{
		"Content-Type": true, "X-Amz-Target": true, "x-amz-acl": true, "x-amz-checksum-crc32": true, "range": true,
		"x-amz-meta-a": false, "x-amz-object-attributes": false, "x-amz-grant-read": false, "X-Tenant": false, "If-Match": false,
	} {
		list := []map[string]string{{"name": strings.ToLower(name), "value": "b"}}
		got := server.signRight(request("POST", anAPI, map[string]any{"headers": map[string]string{name: "a"}, "headerList": list}))
		if slices.Contains(got.warningCodes(), "header_repeated") != warned || got.Headers[name] != "a,b" {
			t.Errorf("%s: got %v, %v", name, got.Headers, got.Warnings)
		}
		once := server.signRight(request("POST", anAPI, map[string]any{"headerList": list}))
		if slices.Contains(once.warningCodes(), "header_repeated") {
			t.Errorf("%s once: got %v", name, once.Warnings)
		}
	}
}

func TestRefusals_NameTheRemedy(t *testing.T) {
	server := newServer(t, nil)
	for name, test := range map[string]struct{ document, pointer, says string }{
		"dots in a key":   {request("GET", aBucket+"a/../b", nil), "/url", "options.normalizePath"},
		"dots in escapes": {request("GET", aBucket+"a/%2e%2e/b", nil), "/url", "options.normalizePath"},
		"a dot":           {request("GET", "https://s3.eu-west-1.amazonaws.com/examplebucket/./b", nil), "/url", "options.normalizePath"},
		"the host of an API": {
			request(
				"GET", "https://vpce-0123456789abcdef0-abcdefgh.execute-api.eu-west-1.vpce.amazonaws.com/prod/",
				map[string]any{
					"headers": map[string]string{"Host": "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com"}, "service": "execute-api",
					"region": "eu-west-1",
				},
			),
			"/headers/Host", "x-apigw-api-id",
		},
		"another host in a list": {
			request("GET", aQueue, map[string]any{"headerList": []map[string]string{{"name": "HOST", "value": "example.com"}}}),
			"/headerList/0", "x-apigw-api-id",
		},
	} {
		got := server.refuse(test.document, 400)
		if got.Errors[0].Pointer != test.pointer || !strings.Contains(got.Errors[0].Detail, test.says) {
			t.Errorf("%s: got %+v, want %q at %s", name, got, test.says, test.pointer)
		}
	}
	for _, normal := range []bool{true, false} {
		server.signRight(request("GET", aBucket+"a/./b", map[string]any{"options": map[string]bool{"normalizePath": normal}}))
	}
	got := server.signRight(request(
		"GET", "https://vpce-0123456789abcdef0-abcdefgh.execute-api.eu-west-1.vpce.amazonaws.com/prod/",
		map[string]any{"headers": map[string]string{"x-apigw-api-id": "a1b2c3d4e5"}},
	))
	if got.Service != "execute-api" || got.Headers["x-apigw-api-id"] != "a1b2c3d4e5" {
		t.Errorf("got %+v", got)
	}
}

func TestUnsignedPayloadIsTakenFromTheHeader(t *testing.T) {
	server := newServer(t, nil)
	header := map[string]string{"X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD"}
	for name, target := range map[string]string{
		"S3": aBucket + "a", "an operation": "https://ebs.eu-west-1.amazonaws.com/snapshots/snap-1/blocks/1",
	} {
		got := server.signRight(request("PUT", target, map[string]any{"headers": header, "body": "x"}))
		if got.PayloadSha256 != "UNSIGNED-PAYLOAD" || got.XAmzContentSha256 != "UNSIGNED-PAYLOAD" || *got.Body != "x" ||
			!slices.Contains(got.SignedHeaders, "x-amz-content-sha256") {
			t.Errorf("%s: got %+v", name, got)
		}
		same := server.sign(request("PUT", target, map[string]any{"payload": "unsigned", "body": "x"}))
		if got.Authorization != same.Authorization {
			t.Errorf("%s: the header and the field differ: %s, %s", name, got.Authorization, same.Authorization)
		}
		got.warns(t, "")
	}
	server.signRight(request(
		"PUT", "https://blobs.example/a", map[string]any{"headers": header, "service": "blobs", "region": "eu-west-1"},
	)).warns(t, "payload_unsigned")
	if got := server.presignRight(request("PUT", aBucket+"a", map[string]any{"headers": header})); got.PayloadSha256 != "UNSIGNED-PAYLOAD" ||
		len(got.Headers) != 0 || !slices.Contains(warningCodesOf(got), "header_replaced") {
		t.Errorf("presigned: %+v", got)
	}
	last := server.audit.list[0]
	if last.PayloadSHA256 != "UNSIGNED-PAYLOAD" {
		t.Errorf("the record holds %s", last.PayloadSHA256)
	}
	for name, fields := range map[string]map[string]any{
		"signed":          {"headers": header, "body": "x", "payload": "signed"},
		"beside a hash":   {"headers": header, "payloadSha256": signing.PayloadHash([]byte("x"))},
		"not of the body": {"headers": map[string]string{"X-Amz-Content-Sha256": signing.PayloadHash([]byte("y"))}, "body": "x"},
		"something else":  {"headers": map[string]string{"X-Amz-Content-Sha256": "none"}, "body": "x"},
		"chunks":          {"headers": map[string]string{"X-Amz-Content-Sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}, "body": "x"},
		"taken by no one": {"headers": header, "body": "x", "service": "sqs"},
		"another then one": {
			"headerList": []map[string]string{
				{"name": "x-amz-content-sha256", "value": "UNSIGNED-PAYLOAD"},
				{"name": "x-amz-content-sha256", "value": signing.PayloadHash([]byte("x"))},
			},
			"body": "x",
		},
	} {
		if got := server.refuse(request("PUT", aBucket+"a", fields), 400); got.Code != "field_invalid" ||
			!strings.HasPrefix(got.Errors[0].Pointer, "/header") {
			t.Errorf("%s: got %+v", name, got)
		}
	}
	policy, err := access.NewPolicy(
		"p.cedar", []byte(`permit (principal, action, resource) when { resource.service == "s3" && resource.payload == "signed" };`),
	)
	if err != nil {
		t.Fatal(err)
	}
	strict := newServer(t, func(o *handlers.Options) { o.Policy = policy })
	strict.sign(request("PUT", aBucket+"a", map[string]any{"body": "x"}))
	strict.refuse(request("PUT", aBucket+"a", map[string]any{"body": "x", "headers": header}), 403)
}

func TestSpacesOfMetadataAreSent(t *testing.T) {
	server := newServer(t, nil)
	document := request(
		"PUT", aBucket+"a",
		map[string]any{
			"headers": map[string]string{"x-amz-meta-title": " two  or   more ", "x-amz-meta-tab": "a\t b"}, "body": "x",
			"explain": true,
		},
	)
	got := server.signRight(document)
	if got.Headers["x-amz-meta-title"] != "two  or   more" || got.Headers["x-amz-meta-tab"] != "a b" ||
		!strings.Contains(got.Explanation["canonicalRequest"], "\nx-amz-meta-title:two or more\n") {
		t.Errorf("headers = %v in\n%s", got.Headers, got.Explanation["canonicalRequest"])
	}
	for _, h := range got.HeaderList {
		if h.Value != got.Headers[h.Name] {
			t.Errorf("headerList has %q, headers %q", h.Value, got.Headers[h.Name])
		}
	}
	if sent := server.presignRight(document).Headers["x-amz-meta-title"]; sent != "two  or   more" {
		t.Errorf("presigned: %q", sent)
	}
	verified := map[string]any{"method": "PUT", "url": got.URL, "headers": got.Headers, "body": "x", "service": "s3", "region": "eu-west-1"}
	if v := server.verify(verified); !v.Valid {
		t.Errorf("verify: %+v", v)
	}
	step := document
	for _, name := range []string{"canonical-request", "string-to-sign", "signature", "authorization"} {
		w := server.post("/v1/steps/"+name, step)
		if w.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", name, w.Code, w.Body)
		}
		step = w.Body.String()
	}
	if byHand := decodeAs[signResponse](t, strings.NewReader(step)); byHand.Authorization != got.Authorization ||
		byHand.Headers["x-amz-meta-title"] != "two  or   more" {
		t.Errorf("the steps: %s, %v", byHand.Authorization, byHand.Headers)
	}
}
