package handlers_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"countersign/access"
	"countersign/handlers"
	"countersign/signing"
)

const (
	aQueue  = "https://sqs.eu-west-1.amazonaws.com/"
	aBucket = "https://examplebucket.s3.eu-west-1.amazonaws.com/"
	anAPI   = "https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/prod/"
)

// request is a document to post, with the fields that a test is about.
func request(method, target string, fields map[string]any) string {
	document := map[string]any{"method": method, "url": target}
	for name, value := range fields {
		document[name] = value
	}
	text, err := json.Marshal(document)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// signRight signs, and holds the signature against two computations over what is sent.
func (s *testServer) signRight(body string) answer {
	s.t.Helper()
	signed := s.sign(body)
	style := strings.HasPrefix(signed.Service, "s3")
	verifyAgain(s.t, signed, style)
	if want := independent(signed, style, pieces(signed.URL), signed.PayloadSha256); !strings.HasSuffix(signed.Authorization, "Signature="+want) {
		s.t.Errorf("%s\nis signed by %s,\nwant %s", body, signed.Authorization, want)
	}
	return signed
}

// presignRight is signRight for a URL.
func (s *testServer) presignRight(body string) presigned {
	s.t.Helper()
	signed := s.presign(body)
	like := answer{Method: signed.Method, URL: signed.URL, SignedHeaders: signed.SignedHeaders, Service: "s3", Region: "eu-west-1"}
	for name, value := range signed.Headers {
		like.HeaderList = append(like.HeaderList, struct{ Name, Value string }{name, value})
	}
	verifyAgain(s.t, like, true)
	unsigned, signature, _ := strings.Cut(signed.URL, "&X-Amz-Signature=")
	if want := independent(like, true, pieces(unsigned), signed.PayloadSha256); signature != want {
		s.t.Errorf("%s: want the signature %s", signed.URL, want)
	}
	return signed
}

// warns holds a warning of an answer to its code, or to being none.
func (a answer) warns(t *testing.T, code string) {
	t.Helper()
	if code == "" && len(a.Warnings) > 0 || code != "" && !slices.Contains(a.warningCodes(), code) {
		t.Errorf("%s: got warnings %v, want %q", a.URL, a.Warnings, code)
	}
	for _, w := range a.Warnings {
		if !strings.HasSuffix(w.Message, ".") || len(w.Message) < 40 {
			t.Errorf("the message of %s says too little: %q", w.Code, w.Message)
		}
	}
}

func TestSpellingsWithOneMeaningAreCorrected(t *testing.T) {
	server := newServer(t, nil)
	for name, test := range map[string]struct {
		method, url string
		fields      map[string]any
		code, want  string
	}{
		"capitals":                    {"GET", aQueue, nil, "", "GET " + aQueue + " sqs eu-west-1"},
		"a method in small letters":   {"get", aQueue, nil, "method_uppercased", "GET " + aQueue + " sqs eu-west-1"},
		"a method in both":            {"Patch", anAPI, nil, "method_uppercased", "PATCH " + anAPI + " execute-api eu-west-1"},
		"head":                        {"head", aQueue, nil, "method_uppercased", "HEAD " + aQueue + " sqs eu-west-1"},
		"a region in capitals":        {"GET", aQueue, map[string]any{"region": "EU-WEST-1"}, "region_lowercased", "GET " + aQueue + " sqs eu-west-1"},
		"a region in both":            {"GET", aQueue, map[string]any{"region": "Eu-West-1"}, "region_lowercased", "GET " + aQueue + " sqs eu-west-1"},
		"a region of GovCloud":        {"GET", "https://api.example.com/", map[string]any{"service": "execute-api", "region": "US-GOV-WEST-1"}, "region_lowercased", "GET https://api.example.com/ execute-api us-gov-west-1"},
		"a region of tomorrow":        {"GET", "https://api.example.com/", map[string]any{"service": "execute-api", "region": "EU-NORTHWEST-7"}, "region_lowercased", "GET https://api.example.com/ execute-api eu-northwest-7"},
		"a service in capitals":       {"GET", "https://api.example.com/", map[string]any{"service": "SQS", "region": "eu-west-1"}, "service_lowercased", "GET https://api.example.com/ sqs eu-west-1"},
		"a service that has capitals": {"GET", "https://api.example.com/", map[string]any{"service": "IoTSecuredTunneling", "region": "eu-west-1"}, "", "GET https://api.example.com/ IoTSecuredTunneling eu-west-1"},
		"blanks around":               {"GET", "  " + aQueue + " ", nil, "url_trimmed", "GET " + aQueue + " sqs eu-west-1"},
		"a line break at the end":     {"GET", aQueue + "?a=b\r\n", nil, "url_trimmed", "GET " + aQueue + "?a=b sqs eu-west-1"},
		"a zero-width space":          {"GET", aQueue + "q\u200b", nil, "url_trimmed", "GET " + aQueue + "q sqs eu-west-1"},
		"a byte order mark":           {"GET", "\ufeff" + aQueue, nil, "url_trimmed", "GET " + aQueue + " sqs eu-west-1"},
		"no-break and word joiner":    {"GET", "\u00a0\u2060" + aQueue + "\u200e\u3000", nil, "url_trimmed", "GET " + aQueue + " sqs eu-west-1"},
		"a tab before added query":    {"GET", aQueue + "\t", map[string]any{"query": map[string]string{"a": " b "}}, "url_trimmed", "GET " + aQueue + "?a=%20b%20 sqs eu-west-1"},
		"a blank that is encoded":     {"GET", aBucket + "a%20", nil, "", "GET " + aBucket + "a%20 s3 eu-west-1"},
		"a blank within":              {"GET", aBucket + "a b", nil, "", "GET " + aBucket + "a%20b s3 eu-west-1"},
	} {
		t.Run(name, func(t *testing.T) {
			server.t = t
			got := server.signRight(request(test.method, test.url, test.fields))
			if found := strings.Join([]string{got.Method, got.URL, got.Service, got.Region}, " "); found != test.want {
				t.Errorf("got %s, want %s", found, test.want)
			}
			got.warns(t, test.code)
		})
	}
}

// What others call their regions and methods is theirs.
func TestSpellingsOfOthersStay(t *testing.T) {
	server := newServer(t, nil)
	for method, region := range map[string]string{"PURGE": "eu-west-1", "GET": "eu-west-1"} {
		server.signRight(request(method, "https://api.example.com/", map[string]any{"service": "execute-api", "region": region})).warns(t, "")
	}
	for field, document := range map[string]string{
		"/method":  request("purge", aQueue, nil),
		"/region":  request("GET", "https://store.example.com/", map[string]any{"service": "s3", "region": "RegionOne "}),
		"/service": request("GET", "https://api.example.com/", map[string]any{"service": "Unheard-Of", "region": "eu-west-1"}),
	} {
		if got := server.refuse(document, 400); got.Errors[0].Pointer != field {
			t.Errorf("%s: %+v", field, got)
		}
	}
	// Unicode has letters that become those of ASCII when their case changes.
	server.refuse(request("PO\u017fT", aQueue, nil), 400)
	server.refuse(request("GET", "https://api.example.com/", map[string]any{"service": "\u212ainesis", "region": "eu-west-1"}), 400)
	// Ceph's usual region.
	signed := server.signRight(request("GET", "https://store.example.com/b/k", map[string]any{"service": "s3", "region": "RegionOne"}))
	if signed.Region != "RegionOne" {
		t.Errorf("region = %s", signed.Region)
	}
	signed.warns(t, "")
}

func TestRegionsOfFormsAndTokensAreCorrected(t *testing.T) {
	policy, err := access.NewPolicy("p.cedar", []byte(`permit (principal, action, resource) when { resource.service == "rds-db" || resource.service == "s3" };`))
	if err != nil {
		t.Fatal(err)
	}
	server := newServer(t, func(o *handlers.Options) { o.Policy = policy })
	for path, document := range map[string]string{
		"/v1/s3/post-policy": `{"bucket":"examplebucket","key":"a","region":"EU-WEST-1"}`,
		"/v1/tokens":         `{"kind":"rds","endpoint":"orders.a1b2c3d4e5f6.eu-west-1.rds.amazonaws.com:5432","user":"reader","region":"EU-West-1"}`,
	} {
		w := server.post(path, document)
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"region_lowercased"`) || strings.Contains(w.Body.String(), "EU-W") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
		if lower := server.post(path, strings.ToLower(document)); strings.Contains(lower.Body.String(), "region_lowercased") {
			t.Errorf("%s: %s", path, lower.Body)
		}
	}
	w := server.do(httptest.NewRequest(http.MethodGet, "/v1/scope?url=%20https%3A%2F%2Fsqs.eu-west-1.amazonaws.com%E2%80%8B%0A", nil))
	if !strings.Contains(w.Body.String(), `"service":"sqs"`) {
		t.Errorf("scope: %d %s", w.Code, w.Body)
	}
}

func TestUnevaluatedExpressionsGetAWarning(t *testing.T) {
	server := newServer(t, nil)
	for name, test := range map[string]struct {
		url    string
		fields map[string]any
		code   string
	}{
		"Logic Apps in the path":           {anAPI + "orders/@{variables('id')}", nil, "expression_unevaluated"},
		"n8n in the path":                  {anAPI + "orders/{{ $json.id }}", nil, "expression_unevaluated"},
		"a shell in the path":              {anAPI + "orders/${ID}", nil, "expression_unevaluated"},
		"in a key":                         {aBucket + "in/${file}.txt", nil, "expression_unevaluated"},
		"encoded by the tool":              {anAPI + "orders/%7B%7Bid%7D%7D", nil, "expression_unevaluated"},
		"in the query":                     {anAPI + "?id={{id}}", nil, "expression_unevaluated"},
		"in the name of a parameter":       {anAPI + "?@{x}=1", nil, "expression_unevaluated"},
		"in an added parameter":            {anAPI, map[string]any{"query": map[string]string{"id": "${id}"}}, "expression_unevaluated"},
		"a whole added parameter":          {anAPI, map[string]any{"query": map[string]string{"id": "@variables('id')"}}, "expression_unevaluated"},
		"a call as a segment":              {anAPI + "orders/@triggerBody()['id']", nil, "expression_unevaluated"},
		"a call within a segment":          {anAPI + "orders/no-@variables('id')", nil, "expression_unevaluated"},
		"a template":                       {anAPI + "%7B%25 if a %25%7D", nil, "expression_unevaluated"},
		"another template":                 {anAPI + "?a=%3C%25= id %25%3E", nil, "expression_unevaluated"},
		"a GitHub workflow":                {anAPI + "${{ inputs.id }}", nil, "expression_unevaluated"},
		"across segments":                  {anAPI + "@{concat('a/b')}", nil, "expression_unevaluated"},
		"a header":                         {anAPI, map[string]any{"headers": map[string]string{"X-Tenant": "@{body('Get')}"}}, "expression_unevaluated"},
		"a whole header":                   {anAPI, map[string]any{"headers": map[string]string{"X-Tenant": "@body('Get')?['tenant']"}}, "expression_unevaluated"},
		"a listed header":                  {anAPI, map[string]any{"headerList": []map[string]string{{"name": "x-amz-meta-a", "value": "={{$json.a}}"}}}, "expression_unevaluated"},
		"Content-Type":                     {anAPI, map[string]any{"headers": map[string]string{"Content-Type": "{{type}}"}}, "expression_unevaluated"},
		"the whole body":                   {anAPI, map[string]any{"body": "@{outputs('Compose')}"}, "expression_unevaluated"},
		"the whole body as a call":         {anAPI, map[string]any{"body": "@body('Get_file_content')"}, "expression_unevaluated"},
		"the whole body of n8n":            {anAPI, map[string]any{"body": "{{ $json }}\n"}, "expression_unevaluated"},
		"an object in the path":            {anAPI + "orders/[object Object]", nil, "object_as_text"},
		"an object in the query":           {anAPI + "?q=[object%20Object]", nil, "object_as_text"},
		"an object in a header":            {anAPI, map[string]any{"headers": map[string]string{"X-Tenant": "[object Object]"}}, "object_as_text"},
		"an object as body":                {anAPI, map[string]any{"body": "[object Object]"}, "object_as_text"},
		"a zero-width space within":        {anAPI + "or\u200bders/1", nil, "invisible_character"},
		"a direction mark in the query":    {anAPI + "?a=\u202eb&c=d", nil, "invisible_character"},
		"encoded twice":                    {anAPI + "a%2520b", nil, "encoded_twice"},
		"a slash encoded twice":            {aBucket + "a%252Fb", nil, "encoded_twice"},
		"a query encoded twice":            {anAPI + "?a=b%253D", nil, "encoded_twice"},
		"UTF-8 encoded twice":              {anAPI + "gr%25C3%25BCn", nil, "encoded_twice"},
		"an added parameter encoded first": {anAPI, map[string]any{"query": map[string]string{"q": "a%20b"}}, "encoded_twice"},

		"connections of a WebSocket API": {anAPI + "@connections/L0SM9cOFvHcCIhw%3D", nil, ""},
		"a placeholder of one brace":     {anAPI + "{id}", nil, ""},
		"an address":                     {anAPI + "?to=a@example.com", nil, ""},
		"a price":                        {anAPI + "?filter=$5(6)", nil, ""},
		"JSON in a header":               {anAPI, map[string]any{"headers": map[string]string{"x-amz-meta-a": `{"a":{"b":{}}}`}}, ""},
		"a template as the body":         {anAPI, map[string]any{"body": "Dear {{name}}, you owe ${amount}"}, ""},
		"an emoji of several":            {aBucket + "\U0001F468\u200d\U0001F469.png", nil, ""},
		"a percent sign":                 {anAPI + "100%25?q=%25ab%25", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			server.t = t
			got := server.signRight(request("POST", test.url, test.fields))
			got.warns(t, test.code)
			for _, w := range got.Warnings {
				if strings.Contains(w.Message, "Get_file") || strings.Contains(w.Message, "variables") {
					t.Errorf("the message holds what was sent: %s", w.Message)
				}
			}
		})
	}
}

func TestExpressionsWhereNothingCanBeSignedAreNamed(t *testing.T) {
	server := newServer(t, nil)
	for name, test := range map[string]struct{ document, code, pointer, says string }{
		"the whole URL":      {request("GET", "@{variables('url')}", nil), "url_invalid", "/url", "@{…}"},
		"the whole as call":  {request("GET", "@variables('url')", nil), "url_invalid", "/url", "@name(…)"},
		"the host":           {request("GET", "https://{{host}}/", nil), "url_invalid", "/url", "{{…}}"},
		"the host, a script": {request("GET", "https://sqs.${region}.amazonaws.com/", nil), "url_invalid", "/url", "${…}"},
		"a template":         {request("GET", anAPI+"{% if a %}", nil), "url_invalid", "/url", "{%…%}"},
		"a header's name":    {request("GET", aQueue, map[string]any{"headers": map[string]string{"{{name}}": "a"}}), "header_invalid", "/headers/{{name}}", "{{…}}"},
	} {
		got := server.refuse(test.document, 400)
		if got.Code != test.code || got.Errors[0].Pointer != test.pointer || !strings.Contains(got.Errors[0].Detail, test.says) {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestUploadFormsWithExpressionsGetAWarning(t *testing.T) {
	server := newServer(t, nil)
	for document, warned := range map[string]bool{
		`{"bucket":"b","key":"in/${filename}","region":"eu-west-1"}`:                            false,
		`{"bucket":"b","key":"in/@{variables('id')}/${filename}","region":"eu-west-1"}`:         true,
		`{"bucket":"b","key":"a","region":"eu-west-1","fields":{"Content-Type":"{{type}}"}}`:    true,
		`{"bucket":"b","key":"a","region":"eu-west-1","startsWith":{"Content-Type":"${type}"}}`: true,
	} {
		w := server.post("/v1/s3/post-policy", document)
		if w.Code != http.StatusOK || strings.Contains(w.Body.String(), `"expression_unevaluated"`) != warned {
			t.Errorf("%s: %d %s", document, w.Code, w.Body)
		}
	}
}

func TestAPlusInAKeyGetsAWarning(t *testing.T) {
	server := newServer(t, nil)
	for target, code := range map[string]string{
		aBucket + "a+b": "plus_in_key", aBucket + "a%2Bb": "", aBucket + "a%20b": "", aBucket + "a?x=1%2B2": "", anAPI + "a+b": "",
		aBucket + "a?x=1+2": "plus_is_space", "https://s3.eu-west-1.amazonaws.com/examplebucket/c++": "plus_in_key",
	} {
		got := server.signRight(request("GET", target, nil))
		got.warns(t, code)
		if code == "plus_in_key" && !strings.Contains(got.URL, "%2B") {
			t.Errorf("%s is sent as %s", target, got.URL)
		}
		if strings.HasPrefix(target, aBucket) {
			if codes := warningCodesOf(server.presignRight(request("GET", target, nil))); code != "" && !slices.Contains(codes, code) || code == "" && len(codes) > 0 {
				t.Errorf("presigning %s: got %v, want %s", target, codes, code)
			}
		}
	}
	for _, normal := range []bool{true, false} {
		server.signRight(request("GET", aBucket+"a+b", map[string]any{"options": map[string]bool{"normalizePath": normal}})).warns(t, "plus_in_key")
	}
}

func warningCodesOf(p presigned) []string { return answer{Warnings: p.Warnings}.warningCodes() }

func TestAParameterThatIsAlsoAHeaderGetsAWarning(t *testing.T) {
	server := newServer(t, nil)
	for name, test := range map[string]struct {
		query, header string
		warned        bool
	}{
		"metadata":               {"x-amz-meta-a=1", "x-amz-meta-a", true},
		"metadata in other case": {"X-Amz-Meta-A=1", "x-amz-META-a", true},
		"a checksum":             {"x-amz-checksum-crc32=AAAAAA%3D%3D", "x-amz-checksum-crc32", true},
		"an algorithm":           {"x-amz-sdk-checksum-algorithm=CRC32", "X-Amz-Sdk-Checksum-Algorithm", true},
		"storage class":          {"x-amz-storage-class=STANDARD", "x-amz-storage-class", true},
		"the header alone":       {"a=1", "x-amz-meta-a", false},
		"another":                {"x-amz-meta-b=1", "x-amz-meta-a", false},
		"not of AWS":             {"range=1", "range", false},
	} {
		t.Run(name, func(t *testing.T) {
			server.t = t
			document := request("PUT", aBucket+"a?"+test.query, map[string]any{"headers": map[string]string{test.header: "1"}})
			if got := warningCodesOf(server.presignRight(document)); slices.Contains(got, "parameter_and_header") != test.warned {
				t.Errorf("presigned: got %v", got)
			}
			if got := server.signRight(document).warningCodes(); slices.Contains(got, "parameter_and_header") {
				t.Errorf("signed by headers: got %v", got)
			}
		})
	}
}

func TestHeadersThatAreNotASCIISayHowToEncodeThem(t *testing.T) {
	server := newServer(t, nil)
	for name, says := range map[string]string{
		"x-amz-copy-source": "Percent-encode", "X-Amz-Copy-Source": "Percent-encode", "x-amz-website-redirect-location": "Percent-encode", "x-amz-tagging": "tags",
		"Content-Disposition": "filename*=UTF-8''", "x-amz-meta-title": "RFC 2047", "X-Amz-Meta-Title": "RFC 2047", "X-Tenant": "ASCII", "Content-Type": "ASCII", "If-Match": "ASCII",
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
	// What the hints say can be signed.
	for name, value := range map[string]string{
		"x-amz-copy-source": "bucket/Gr%C3%BC%C3%9Fe", "Content-Disposition": "attachment; filename*=UTF-8''Gr%C3%BC%C3%9Fe.txt", "x-amz-meta-title": "=?UTF-8?B?R3LDvMOfZQ==?=", "x-amz-tagging": "a=%C3%BC",
	} {
		if got := server.signRight(request("PUT", aBucket+"a", map[string]any{"headers": map[string]string{name: value}})); got.Headers[name] != value {
			t.Errorf("%s is sent as %v", name, got.Headers)
		}
	}
}

func TestRefusalsNameTheWayOut(t *testing.T) {
	server := newServer(t, nil)
	for name, test := range map[string]struct{ document, pointer, says string }{
		"dots in a key":          {request("GET", aBucket+"a/../b", nil), "/url", "options.normalizePath"},
		"dots in escapes":        {request("GET", aBucket+"a/%2e%2e/b", nil), "/url", "options.normalizePath"},
		"a dot":                  {request("GET", "https://s3.eu-west-1.amazonaws.com/examplebucket/./b", nil), "/url", "options.normalizePath"},
		"the host of an API":     {request("GET", "https://vpce-0123456789abcdef0-abcdefgh.execute-api.eu-west-1.vpce.amazonaws.com/prod/", map[string]any{"headers": map[string]string{"Host": "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com"}, "service": "execute-api", "region": "eu-west-1"}), "/headers/Host", "x-apigw-api-id"},
		"another host in a list": {request("GET", aQueue, map[string]any{"headerList": []map[string]string{{"name": "HOST", "value": "example.com"}}}), "/headerList/0", "x-apigw-api-id"},
	} {
		got := server.refuse(test.document, 400)
		if got.Errors[0].Pointer != test.pointer || !strings.Contains(got.Errors[0].Detail, test.says) {
			t.Errorf("%s: got %+v, want %q at %s", name, got, test.says, test.pointer)
		}
	}
	for _, normal := range []bool{true, false} {
		server.signRight(request("GET", aBucket+"a/./b", map[string]any{"options": map[string]bool{"normalizePath": normal}}))
	}
	got := server.signRight(request("GET", "https://vpce-0123456789abcdef0-abcdefgh.execute-api.eu-west-1.vpce.amazonaws.com/prod/", map[string]any{"headers": map[string]string{"x-apigw-api-id": "a1b2c3d4e5"}}))
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
		if got.PayloadSha256 != "UNSIGNED-PAYLOAD" || got.XAmzContentSha256 != "UNSIGNED-PAYLOAD" || *got.Body != "x" || !slices.Contains(got.SignedHeaders, "x-amz-content-sha256") {
			t.Errorf("%s: got %+v", name, got)
		}
		same := server.sign(request("PUT", target, map[string]any{"payload": "unsigned", "body": "x"}))
		if got.Authorization != same.Authorization {
			t.Errorf("%s: the header and the field differ: %s, %s", name, got.Authorization, same.Authorization)
		}
		got.warns(t, "")
	}
	server.signRight(request("PUT", "https://blobs.example/a", map[string]any{"headers": header, "service": "blobs", "region": "eu-west-1"})).warns(t, "payload_unsigned")
	if got := server.presignRight(request("PUT", aBucket+"a", map[string]any{"headers": header})); got.PayloadSha256 != "UNSIGNED-PAYLOAD" || len(got.Headers) != 0 || !slices.Contains(warningCodesOf(got), "header_replaced") {
		t.Errorf("presigned: %+v", got)
	}
	last := server.audit.list[0]
	if last.PayloadSHA256 != "UNSIGNED-PAYLOAD" {
		t.Errorf("the record holds %s", last.PayloadSHA256)
	}
	for name, fields := range map[string]map[string]any{
		"signed":           {"headers": header, "body": "x", "payload": "signed"},
		"beside a hash":    {"headers": header, "payloadSha256": signing.PayloadHash([]byte("x"))},
		"not of the body":  {"headers": map[string]string{"X-Amz-Content-Sha256": signing.PayloadHash([]byte("y"))}, "body": "x"},
		"something else":   {"headers": map[string]string{"X-Amz-Content-Sha256": "none"}, "body": "x"},
		"chunks":           {"headers": map[string]string{"X-Amz-Content-Sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}, "body": "x"},
		"taken by no one":  {"headers": header, "body": "x", "service": "sqs"},
		"another then one": {"headerList": []map[string]string{{"name": "x-amz-content-sha256", "value": "UNSIGNED-PAYLOAD"}, {"name": "x-amz-content-sha256", "value": signing.PayloadHash([]byte("x"))}}, "body": "x"},
	} {
		if got := server.refuse(request("PUT", aBucket+"a", fields), 400); got.Code != "field_invalid" || !strings.HasPrefix(got.Errors[0].Pointer, "/header") {
			t.Errorf("%s: got %+v", name, got)
		}
	}
	policy, err := access.NewPolicy("p.cedar", []byte(`permit (principal, action, resource) when { resource.service == "s3" && resource.payload == "signed" };`))
	if err != nil {
		t.Fatal(err)
	}
	strict := newServer(t, func(o *handlers.Options) { o.Policy = policy })
	strict.sign(request("PUT", aBucket+"a", map[string]any{"body": "x"}))
	strict.refuse(request("PUT", aBucket+"a", map[string]any{"body": "x", "headers": header}), 403)
}

func TestSpacesOfMetadataAreSent(t *testing.T) {
	server := newServer(t, nil)
	document := request("PUT", aBucket+"a", map[string]any{"headers": map[string]string{"x-amz-meta-title": " two  or   more ", "x-amz-meta-tab": "a\t b"}, "body": "x", "explain": true})
	got := server.signRight(document)
	if got.Headers["x-amz-meta-title"] != "two  or   more" || got.Headers["x-amz-meta-tab"] != "a b" || !strings.Contains(got.Explanation["canonicalRequest"], "\nx-amz-meta-title:two or more\n") {
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
	if byHand := decodeAs[answer](t, strings.NewReader(step)); byHand.Authorization != got.Authorization || byHand.Headers["x-amz-meta-title"] != "two  or   more" {
		t.Errorf("the steps: %s, %v", byHand.Authorization, byHand.Headers)
	}
}

func TestFormsAreMadeOfFlatObjects(t *testing.T) {
	server := newServer(t, nil)
	for name, test := range map[string]struct {
		body json.RawMessage
		want string
	}{
		"texts":             {json.RawMessage(`{"Action":"SendMessage","MessageBody":"a b+c&d=e/ü~é"}`), "Action=SendMessage&MessageBody=a%20b%2Bc%26d%3De%2F%C3%BC~%C3%A9"},
		"in their order":    {json.RawMessage(`{"b":"2","a":"1","":"x"}`), "b=2&a=1&=x"},
		"numbers":           {json.RawMessage(`{"a":1,"b":12.50,"c":-1e3,"d":90071992547409931}`), "a=1&b=12.50&c=-1e3&d=90071992547409931"},
		"booleans":          {json.RawMessage(`{"a":true,"b":false}`), "a=true&b=false"},
		"null":              {json.RawMessage(`{"a":null,"b":"","c":null}`), "b="},
		"nothing":           {json.RawMessage(`{}`), ""},
		"names":             {json.RawMessage(`{"Attribute.1.Name":"All","a b":"\n"}`), "Attribute.1.Name=All&a%20b=%0A"},
		"a text stays":      {json.RawMessage(`"Action=ListQueues&Version=2012-11-05"`), "Action=ListQueues&Version=2012-11-05"},
		"an envelope stays": {json.RawMessage(`{"$content-type":"application/x-www-form-urlencoded","$content":"YT0x"}`), "a=1"},
	} {
		t.Run(name, func(t *testing.T) {
			server.t = t
			for _, media := range []string{"application/x-www-form-urlencoded", "Application/X-WWW-Form-Urlencoded; charset=utf-8"} {
				got := server.signRight(request("POST", aQueue, map[string]any{"body": test.body, "headers": map[string]string{"content-type": media}}))
				content, err := base64.StdEncoding.DecodeString(got.BodyEnvelope["$content"])
				if err != nil || string(content) != test.want || got.PayloadSha256 != signing.PayloadHash([]byte(test.want)) || got.BodyEnvelope["$content-type"] != media {
					t.Errorf("got %s, %v: %q, want %q", got.PayloadSha256, got.BodyEnvelope, content, test.want)
				}
				if got.Body != nil && *got.Body != test.want || got.Body == nil && name != "an envelope stays" {
					t.Errorf("body = %v", got.Body)
				}
				got.warns(t, "")
			}
		})
	}
	read, err := url.ParseQuery("Action=SendMessage&MessageBody=a%20b%2Bc%26d%3De%2F%C3%BC~%C3%A9")
	if err != nil || read.Get("MessageBody") != "a b+c&d=e/ü~é" {
		t.Errorf("a form is read as %v, %v", read, err)
	}
	header := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
	for body, pointer := range map[string]string{
		`{"a":{"b":1}}`: "/body/a", `{"a":"b","c~/":[1]}`: "/body/c~0~1", `{"a":[]}`: "/body/a", `[1]`: "/body", `7`: "/body", `true`: "/body",
	} {
		got := server.refuse(request("POST", aQueue, map[string]any{"body": json.RawMessage(body), "headers": header}), 400)
		if got.Code != "field_invalid" || got.Errors[0].Pointer != pointer || !strings.Contains(got.Errors[0].Detail, "form") {
			t.Errorf("%s: got %+v", body, got)
		}
	}
	// Without the header an object is JSON.
	if got := server.signRight(request("POST", aQueue, map[string]any{"body": map[string]string{"a": "b"}})); *got.Body != `{"a":"b"}` {
		t.Errorf("body = %s", *got.Body)
	}
}

// The policies look at the form as it is sent.
func TestAFormOfAnObjectIsDecidedOnLikeAnyOther(t *testing.T) {
	server := newServer(t, nil)
	for action, status := range map[string]int{"GetCallerIdentity": 403, "DecodeAuthorizationMessage": 200} {
		w := server.post("/v1/sign", request("POST", "https://sts.eu-west-1.amazonaws.com/", map[string]any{
			"body": map[string]string{"Action": action, "Version": "2011-06-15"}, "headers": map[string]string{"Content-Type": "application/x-www-form-urlencoded"},
		}))
		text := server.post("/v1/sign", request("POST", "https://sts.eu-west-1.amazonaws.com/", map[string]any{
			"body": "Action=" + action + "&Version=2011-06-15", "headers": map[string]string{"Content-Type": "application/x-www-form-urlencoded"},
		}))
		if w.Code != text.Code || w.Body.String() != text.Body.String() {
			t.Errorf("%s: the object gives %d %s, the text %d %s (want about %d)", action, w.Code, w.Body, text.Code, text.Body, status)
		}
	}
}

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
	for _, body := range []string{`{"$content-type":"image/png","$content":""}`, `{"$content-type":null,"$content":"YQ=="}`, `{"$content":"YQ=="}`} {
		server.signRight(request("PUT", aBucket+"a.png", map[string]any{"body": json.RawMessage(body)})).warns(t, "")
	}
}

func TestBodiesThatAreStillWrappedGetAWarning(t *testing.T) {
	server := newServer(t, nil)
	encode := base64.StdEncoding.EncodeToString
	long := bytes.Repeat([]byte{0, 1, 2, 0xff}, 30)
	pdf, png := encode(append([]byte("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"), long...)), encode(append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"), long...))
	cases := map[string]struct {
		body any
		code string
	}{
		"an envelope as text":            {`{"$content-type":"image/png","$content":"` + png + `"}`, "body_not_decoded"},
		"the same in lines":              {"{\r\n  \"$content\": \"" + pdf + "\"\r\n}", "body_not_decoded"},
		"a multipart envelope":           {`{"$content-type":"multipart/form-data","$multipart":[]}`, "body_not_decoded"},
		"an envelope in an envelope":     {map[string]string{"$content": encode([]byte(`{"$content-type":"image/png","$content":"` + png + `"}`))}, "body_not_decoded"},
		"a data URI":                     {"data:image/png;base64," + png, "body_not_decoded"},
		"a data URI in capitals":         {"DATA:Application/PDF;Base64," + pdf, "body_not_decoded"},
		"a data URI with a charset":      {"data:text/plain;charset=utf-8,hello", "body_not_decoded"},
		"a data URI without type":        {"data:;base64,aGVsbG8=", "body_not_decoded"},
		"a data URI in an envelope":      {map[string]string{"$content": encode([]byte("data:image/png;base64," + png))}, "body_not_decoded"},
		"PDF":                            {pdf, "body_not_decoded"},
		"PNG":                            {png, "body_not_decoded"},
		"PNG, the shortest":              {"iVBORw0KGgo=", "body_not_decoded"},
		"JPEG":                           {encode(append([]byte("\xff\xd8\xff\xe0\x00\x10JFIF"), long...)), "body_not_decoded"},
		"GIF":                            {"R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7", "body_not_decoded"},
		"ZIP":                            {encode(append([]byte("PK\x03\x04\x14\x00\x06\x00"), long...)), "body_not_decoded"},
		"gzip":                           {encode(append([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00"), long...)), "body_not_decoded"},
		"WebP":                           {encode(append([]byte("RIFF\x24\x00\x00\x00WEBPVP8 "), long...)), "body_not_decoded"},
		"TIFF":                           {encode(append([]byte("II*\x00\x08\x00"), long...)), "body_not_decoded"},
		"an old Word document":           {encode(append([]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), long...)), "body_not_decoded"},
		"MP4":                            {encode(append([]byte("\x00\x00\x00\x18ftypmp42"), long...)), "body_not_decoded"},
		"Parquet":                        {encode(append([]byte("PAR1\x15\x04"), long...)), "body_not_decoded"},
		"XML":                            {encode([]byte(`<?xml version="1.0"?><a/>`)), "body_not_decoded"},
		"in lines as mail has it":        {pdf[:76] + "\r\n" + pdf[76:] + "\r\n", "body_not_decoded"},
		"with blanks around":             {" " + png + "\n", "body_not_decoded"},
		"without padding":                {strings.TrimRight(pdf, "="), "body_not_decoded"},
		"of the other alphabet":          {base64.URLEncoding.EncodeToString(append([]byte("%PDF-1.7\n\xff\xfe\xfb"), long...)), "body_not_decoded"},
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
			{"body": "x"}, {"body": map[string]int{"a": 1}}, {"bodyBase64": "eA=="}, {"payloadSha256": signing.PayloadHash([]byte("x"))}, {"body": map[string]string{"$content": "eA=="}},
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
	if got := server.presignRight(request("GET", aBucket+"a", map[string]any{"body": "x"})); !slices.Contains(warningCodesOf(got), "body_fragile") {
		t.Errorf("presigned: %v", got.Warnings)
	}
}

func TestAnObjectIsNotReplacedByNothingInSilence(t *testing.T) {
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
			server.signRight(request("POST", anAPI, map[string]any{"body": test.body, "headers": map[string]string{"Content-Type": test.media}})).warns(t, code)
		})
	}
}
