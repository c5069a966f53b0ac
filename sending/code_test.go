package sending_test

import (
	"net/http"
	"strings"
	"testing"

	"countersign/sending"
)

func TestErrorCode(t *testing.T) {
	const xml = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"
	for name, row := range map[string]struct{ header, encoding, body, want string }{
		"header": {header: "ValidationException", want: "ValidationException"},
		"header with a URL": {
			header: "ValidationException:http://internal.amazon.com/coral/com.amazon.coral.validate/", want: "ValidationException",
		},
		"header with a namespace":   {header: "aws.protocoltests.restjson#FooError", want: "FooError"},
		"header with both":          {header: "aws.protocoltests.restjson#FooError:http://x/", want: "FooError"},
		"header before body":        {header: "A", body: `{"__type":"B"}`, want: "A"},
		"invalid header, then body": {header: "<b>", body: `{"__type":"B"}`, want: "B"},
		"__type": {
			body: `{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"x"}`,
			want: "ResourceNotFoundException",
		},
		"__type after others":             {body: `{"a":{"__type":"no"},"b":["__type","no"],"n":1e400,"__type":"Yes"}`, want: "Yes"},
		"code":                            {body: `{"code":"Yes"}`, want: "Yes"},
		"Code":                            {body: `{"Code":"Yes"}`, want: "Yes"},
		"Code of an Error":                {body: `{"Error":{"Code":"Yes","Type":"Sender"},"RequestId":"1"}`, want: "Yes"},
		"Code of another object":          {body: `{"Detail":{"Code":"No"}}`},
		"__type before code":              {body: `{"code":"No","__type":"Yes"}`, want: "Yes"},
		"a numeric code":                  {body: `{"code":404}`},
		"a code that is an object":        {body: `{"__type":{"code":"no"}}`},
		"within another object":           {body: `{"error":{"code":"no"}}`},
		"another case":                    {body: `{"CODE":"no","__Type":"no"}`},
		"cut off after the code":          {body: `{"__type":"Yes","message":"half a sen`, want: "Yes"},
		"cut off within the code":         {body: `{"__type":"Ye`},
		"white space and a BOM before it": {body: "\ufeff \r\n{\"__type\":\"Yes\"}", want: "Yes"},
		"a list":                          {body: `["__type"]`},
		"a text":                          {body: `"__type"`},
		"nothing":                         {},
		"S3":                              {body: xml + "<Error><Code>NoSuchKey</Code><Message>x</Message></Error>", want: "NoSuchKey"},
		"Query": {
			body: `<ErrorResponse xmlns="x"><Error><Type>Sender</Type><Code>AccessDenied</Code></Error></ErrorResponse>`,
			want: "AccessDenied",
		},
		"EC2": {
			body: xml + "<Response><Errors><Error><Code>AuthFailure</Code></Error></Errors></Response>", want: "AuthFailure",
		},
		"EC2 with a dot": {
			body: xml + "<Response><Errors><Error><Code>InvalidInstanceID.NotFound</Code></Error></Errors></Response>",
			want: "InvalidInstanceID.NotFound",
		},
		"white space in the element":        {body: "<Error><Code>\n NoSuchKey \n</Code></Error>", want: "NoSuchKey"},
		"XML without an end of the element": {body: "<Error><Code>NoSuch", want: "NoSuch"},
		"XML without a code":                {body: "<html><body>Forbidden</body></html>"},
		"a page that has one":               {body: "<html><Code>x y</Code>"},
		"gzip":                              {encoding: "gzip", body: packed(`{"__type":"Yes"}`), want: "Yes"},
		"gzip, cut off": {
			encoding: "gzip", body: packed(`{"__type":"Yes","x":"` + strings.Repeat("x", 9) + `"}`)[:30], want: "Yes",
		},
		"not gzip, as declared":   {encoding: "gzip", body: `{"__type":"Yes"}`, want: "Yes"}, // the message is shown, too
		"gzip, spelled otherwise": {encoding: "GZIP", body: packed(`{"__type":"Yes"}`), want: "Yes"},
		"undeclared gzip":         {body: packed(`{"__type":"Yes"}`), want: "Yes"},
		"endless gzip": {
			encoding: "gzip", body: packed(`{"__type":"Yes","x":"` + strings.Repeat("x", 10<<20) + `"}`), want: "Yes",
		},
		"a secret that looks like nothing": {body: `{"__type":"Bearer abc.def"}`},
		"a line break":                     {body: "{\"__type\":\"a\\nb\"}"},
		"too long":                         {body: `{"__type":"` + strings.Repeat("a", 129) + `"}`},
		"too long, in XML":                 {body: "<Code>" + strings.Repeat("a", 1<<16) + "</Code>"},
		"as long as allowed":               {body: `{"__type":"` + strings.Repeat("a", 128) + `"}`, want: strings.Repeat("a", 128)},
		"not UTF-8":                        {body: "{\"__type\":\"a\xff\"}"},
		"deep":                             {body: `{"a":` + strings.Repeat("[", 60000)},
	} {
		h := http.Header{}
		if row.header != "" {
			h.Set("x-amzn-errortype", row.header)
		}
		if row.encoding != "" {
			h.Set("Content-Encoding", row.encoding)
		}
		if got := sending.ErrorCode(h, []byte(row.body)); got != row.want {
			t.Errorf("%s: %q, want %q", name, got, row.want)
		}
	}
}

func TestErrorCode_InCBOR(t *testing.T) {
	const long = "com.amazonaws.cloudwatch#ProvisionedThroughputExceededException"
	for name, row := range map[string]struct{ body, want string }{
		"a short one":       {"\xa1\x66__type\x63Yes", "Yes"},
		"a long one":        {"\xa1\x66__type\x78\x3f" + long, "ProvisionedThroughputExceededException"},
		"after another":     {"\xbf\x67message\x62no\x66__type\x63Yes\xff", "Yes"},
		"a number":          {"\xa1\x66__type\x18\x63Yes", ""},
		"of unknown length": {"\xa1\x66__type\x7f\x62Ye\x61s\xff", "Yes"},
		"in a long form":    {"\xa1\x66__type\x79\x00\x03Yes", "Yes"},
		"within another":    {"\xa2\x66Errors\x81\xa1\x66__type\x62No\x66__type\x63Yes", "Yes"},
		"in a text":         {"\xa2\x67message\x6a\x66__type\x62No\x66__type\x63Yes", "Yes"},
		"before it is cut":  {"\xa2\x66__type\x63Yes\x67message\x78\xffcut", "Yes"},
		"cut off":           {"\xa1\x66__type\x63Ye", ""},
		"cut off before":    {"\xa1\x66__type\x78", ""},
		"nothing":           {"", ""},
	} {
		for _, media := range []string{"application/cbor", "application/x-amz-cbor-1.1"} {
			if got := sending.ErrorCode(http.Header{"Content-Type": {media}}, []byte(row.body)); got != row.want {
				t.Errorf("%s: %q, want %q", name, got, row.want)
			}
		}
	}
}

func FuzzErrorCode(f *testing.F) {
	f.Add("", `{"__type":"a#B"}`)
	f.Add("gzip", packed(`{"code":"B"}`))
	f.Add("", "<Error><Code>NoSuchKey</Code></Error>")
	f.Add("", "\xa1\x66__type\x78\x03Yes")
	f.Fuzz(func(t *testing.T, encoding, body string) {
		code := sending.ErrorCode(http.Header{"Content-Encoding": {encoding}, "Content-Type": {"application/cbor"}}, []byte(body))
		if len(code) > 128 || strings.ContainsAny(code, " \r\n<>\"'&;{}") {
			t.Errorf("%q is not a code", code)
		}
	})
}

func TestThrottled(t *testing.T) {
	for _, row := range []struct {
		status int
		code   string
		want   bool
	}{
		{429, "", true},
		{400, "ThrottlingException", true},
		{503, "SlowDown", true},
		{503, "", false},
		{200, "SlowDown", false},
		{400, "", false},
	} {
		if got := sending.Throttled(row.status, row.code); got != row.want {
			t.Errorf("Throttled(%d, %q) = %v", row.status, row.code, got)
		}
	}
	if !sending.SessionExpired("ExpiredToken") || sending.SessionExpired("AccessDenied") {
		t.Error("SessionExpired")
	}
}
