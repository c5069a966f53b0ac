package access_test

import (
	"encoding/csv"
	"fmt"
	"os"
	"strings"
	"testing"

	"countersign/access"
)

// inService returns a request whose host does not identify its service.
func inService(service string, r access.Request) access.Request {
	r.Service = service
	return r
}

func TestOperation(t *testing.T) {
	const (
		s3     = "https://s3.eu-west-1.amazonaws.com"
		bucket = "https://b.s3.eu-west-1.amazonaws.com"
		lambda = "https://lambda.eu-west-1.amazonaws.com"
		model  = "https://bedrock-runtime.eu-west-1.amazonaws.com/model"
	)
	on := func(service, method, target string, fields ...string) access.Request {
		return inService(service, to(method, target, fields...))
	}
	for _, tt := range []struct {
		want string
		r    access.Request
	}{
		{"Invoke", to("GET", api+"/prod/orders?action=delete&Action=x")},
		{"Invoke", to("POST", api+"/prod/%40connections", "X-Amz-Target", "x.Y")},
		{"ManageConnections", to("POST", api+"/prod/@connections/abc")},
		{"ManageConnections", to("POST", api+"/prod/%40connections/abc")},
		{"", to("POST", api+"/prod/../x")},

		{"Invoke", on("lambda", "POST", lambda+"/2015-03-31/functions/orders/invocations?Qualifier=1")},
		{"Invoke", on("lambda", "POST", lambda+"/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Ao/invocations")},
		{"InvokeWithResponseStream", on("lambda", "POST", lambda+"/2021-11-15/functions/orders/response-streaming-invocations")},
		{"InvokeFunctionUrl", on("lambda", "GET", "https://abc.lambda-url.eu-west-1.on.aws/x")},
		{"", on("lambda", "GET", "https://abc.lambda-url.eu-west-1.on.aws.attacker.example/")},
		{"", on("lambda", "GET", lambda+"/2015-03-31/functions/orders/invocations")},
		{"", on("lambda", "POST", lambda+"/2015-03-31/functions//invocations")},
		{"", on("lambda", "POST", lambda+"/2015-03-31/layers/orders/invocations")},
		{"", on("lambda", "POST", lambda+"/2015-03-31/functions/orders/invocations/")},
		{"", on("lambda", "DELETE", lambda+"/2015-03-31/functions/orders", "X-Amz-Target", "AWSLambda.Invoke")},
		{"", on("lambda", "DELETE", lambda+"/2015-03-31/functions/orders?Action=Invoke")},

		{"InvokeModel", on("bedrock", "POST", model+"/arn%3Aaws%3Abedrock%3Aeu-west-1%3A%3Afoundation-model%2Fm/invoke")},
		{"InvokeModelWithResponseStream", on("bedrock", "POST", model+"/m/invoke-with-response-stream")},
		{"Converse", on("bedrock", "POST", model+"/m/converse")},
		{"ConverseStream", on("bedrock", "POST", model+"/m/converse-stream")},
		{"CountTokens", on("bedrock", "POST", model+"/m/count-tokens")},
		{"", on("bedrock", "GET", model+"/m/invoke")},
		{"", on("bedrock", "POST", model+"//invoke")},
		{"", on("bedrock", "POST", model+"/m/x/invoke")},
		{"", on("bedrock", "POST", "https://bedrock.eu-west-1.amazonaws.com/guardrails/m/invoke")},

		{"GetItem", target("GetItem")},
		{"GetRecords", to("POST", table, "X-Amz-Target", "DynamoDBStreams_20120810.GetRecords")},
		{
			"LookupEvents",
			on(
				"cloudtrail", "POST", "https://cloudtrail.eu-west-1.amazonaws.com/", "X-Amz-Target",
				"com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents",
			),
		},
		{
			"OpenTunnel",
			on(
				"IoTSecuredTunneling", "POST", "https://api.tunneling.iot.eu-west-1.amazonaws.com/", "X-Amz-Target",
				"IoTSecuredTunneling.OpenTunnel",
			),
		},
		{
			"PutMetricData",
			on(
				"monitoring", "POST",
				"https://monitoring.eu-west-1.amazonaws.com/service/GraniteServiceVersion20100801/operation/PutMetricData", "body", "\xa1",
			),
		},
		{
			"PutMetricData",
			on("monitoring", "POST", "https://monitoring.eu-west-1.amazonaws.com/", "body", "Version=2010-08-01&Action=PutMetricData"),
		},
		{"", on("monitoring", "GET", "https://monitoring.eu-west-1.amazonaws.com/service/GraniteServiceVersion20100801/operation/PutMetricData")},
		{"", on("monitoring", "POST", "https://monitoring.eu-west-1.amazonaws.com/service/Other/operation/PutMetricData")},
		{
			"",
			on("monitoring", "POST", "https://monitoring.eu-west-1.amazonaws.com/service/GraniteServiceVersion20100801/operation/PutMetricData/"),
		},
		{
			"",
			on(
				"monitoring", "POST",
				"https://monitoring.eu-west-1.amazonaws.com/service/GraniteServiceVersion20100801/operation/PutMetricData", "X-Amz-Target",
				"GraniteServiceVersion20100801.PutMetricData",
			),
		},
		{"", on("monitoring", "POST", "https://monitoring.eu-west-1.amazonaws.com/x?Action=PutMetricData")},
		{"", on("ec2", "POST", "https://ec2.eu-west-1.amazonaws.com/", "body", "Action=RUNINSTANCES")},
		{"", on("ec2", "POST", "https://ec2.eu-west-1.amazonaws.com/", "body", "Action="+strings.Repeat("Run", 50))},
		{"RunInstances", on("ec2", "POST", "https://ec2.eu-west-1.amazonaws.com/", "body", "Action=RunInstances&TagSpecification.1.Tag.1.Key=a")},
		{"", on("newest", "POST", "https://newest.eu-west-1.amazonaws.com/", "X-Amz-Target", "Newest.Operation")},
		{"", on("sqs", "POST", queue, "X-Amz-Target", "AmazonSQS.SendMessage", "body", `{"Action":"x"}&Action=DeleteQueue`)},

		{"", to("POST", queue, "body", `{"a":"&Action=SendMessage&"}`)},

		{
			"SendMessage",
			to("POST", queue+"1/q", "body", "Action=SendMessage&MessageBody=x", "Content-Type", "application/x-www-form-urlencoded; charset=utf-8"),
		},
		{"SendMessage", to("POST", queue, "body", "Action=SendMessage&QueueUrl=x")},
		{"SendMessage", to("GET", queue+"1/q?Action=SendMessage&MessageBody=x", "Content-Type", "application/json")},
		{"", to("POST", queue+"1/q", "X-Amz-Target", "AmazonSQS.SendMessage", "body", "{}")},
		{"", to("POST", queue+"1/q", "X-Amz-Target", "AmazonSQS.SendMessage")},
		{"", to("POST", queue+"1/q", "body", "Action=SendMessage&QueueUrl=x")},
		{"", to("POST", queue+"1/q", "body", "Action=SendMessage&queueurl=x")},
		{"", to("POST", queue+"1/q", "body", "Action=SendMessage&%51ueueUrl=x")},
		{"", to("POST", queue+"1/q?QueueUrl=x", "body", "Action=SendMessage")},
		{"", to("GET", queue+"1/q?Action=SendMessage&QueueUrl=x")},
		{"", to("POST", queue+"?Action=SendMessage", "body", "{}")},
		{"", to("POST", queue+"1/q?Action=SendMessage", "body", `{"QueueUrl":"x"}`)},
		{"", to("POST", queue+"?Action=SendMessage", "X-Amz-Target", "AmazonSQS.SendMessage", "body", "{}")},
		{"", to("POST", queue, "body", "Action=SendMessage", "Content-Type", "application/x-amz-json-1.0")},
		{"", to("POST", queue, "body", "Action=SendMessage", "Content-Type", "application/cbor")},
		{"", to("POST", queue, "X-Amz-Target", "AmazonSQS.SendMessage", "body", "{}", "Content-Type", "application/x-www-form-urlencoded")},
		{"SendMessage", to("POST", queue, "X-Amz-Target", "AmazonSQS.SendMessage", "body", "{}", "Content-Type", "application/x-amz-json-1.0")},
		{"", to("POST", queue, "X-Amz-Target", "AmazonSQS.SendMessage", "body", "{}", "smithy-protocol", "rpc-v2-cbor")},
		{"", to("POST", queue, "X-Amz-Target", "AmazonSQS.SendMessage", "body", "\xef\xbb\xbfAction=DeleteQueue")},
		{"", to("POST", queue, "X-Amz-Target", "AmazonSQS.SendMessage", "body", "\xa1")},
		{
			"",
			on(
				"monitoring", "POST",
				"https://monitoring.eu-west-1.amazonaws.com/service/GraniteServiceVersion20100801/operation/PutMetricData", "body",
				"\xef\xbb\xbfAction=DeleteAlarms",
			),
		},
		{"", to("POST", table+"x", "X-Amz-Target", "DynamoDB_20120810.GetItem")},
		{"", to("POST", table+"service/DynamoDB_20120810/operation/GetItem", "X-Amz-Target", "DynamoDB_20120810.DeleteTable")},
		{"", to("POST", table+"service/DynamoDB_20120810/operation/GetItem?Action=DeleteTable")},
		{
			"",
			on(
				"monitoring", "POST",
				"https://monitoring.eu-west-1.amazonaws.com/service/GraniteServiceVersion20100801/operation/PutMetricData", "body",
				"Action=DeleteAlarms",
			),
		},
		{
			"",
			on(
				"monitoring", "POST",
				"https://monitoring.eu-west-1.amazonaws.com/service/GraniteServiceVersion20100801/operation/PutMetricData?Action=DeleteAlarms",
				"body", "\xa1",
			),
		},
		{"", on("ec2", "POST", "https://ec2.eu-west-1.amazonaws.com/?Action=DescribeInstances", "body", "{}")},
		{"", on("ec2", "POST", "https://ec2.eu-west-1.amazonaws.com/?Action=DescribeInstances", "body", "Action=RunInstances")},
		{"", on("ec2", "POST", "https://ec2.eu-west-1.amazonaws.com/?Action=DescribeInstances", "body", "\xa1")},
		{"DescribeInstances", on("ec2", "POST", "https://ec2.eu-west-1.amazonaws.com/?Action=DescribeInstances", "body", "Version=2016-11-15")},

		{"ListBuckets", to("GET", s3+"/")},
		{"ListBuckets", to("GET", s3+"/?x-id=ListBuckets&max-buckets=3")},
		{"ListObjects", to("GET", s3+"/b")},
		{"ListObjects", to("GET", s3+"/b/?prefix=x")},
		{"ListObjectsV2", to("GET", bucket+"/?list-type=2&prefix=x")},
		{"ListObjects", to("GET", bucket+"/?list-type=1")},
		{"GetObject", to("GET", s3+"/b/k")},
		{"GetObject", to("GET", bucket+"/k?versionId=3&partNumber=1")},
		{"GetObject", on("s3", "GET", "https://s3-eu-west-1.amazonaws.com/b/k")},
		{"GetObject", on("s3", "GET", "https://b.s3-eu-west-1.amazonaws.com/k")},
		{"GetObject", to("GET", "https://b.s3.dualstack.eu-west-1.amazonaws.com/k")},
		{"ListObjects", to("GET", "https://s3.dualstack.eu-west-1.amazonaws.com/b")},
		{"GetObject", on("s3", "GET", "https://b.s3-accelerate.amazonaws.com/k")},
		{"GetObject", on("s3", "GET", "https://ap-123456789012.s3-accesspoint.eu-west-1.amazonaws.com/k")},
		{"GetObject", on("s3express", "GET", "https://b--use1-az4--x-s3.s3express-use1-az4.us-east-1.amazonaws.com/k")},
		{"CreateSession", on("s3express", "GET", "https://b--use1-az4--x-s3.s3express-use1-az4.us-east-1.amazonaws.com/?session")},
		{"GetObject", to("GET", "https://my.s3.bucket.s3.eu-west-1.amazonaws.com/k")},
		{"GetObject", to("GET", "https://b.s3.cn-north-1.amazonaws.com.cn/k")},
		{"PutObject", to("PUT", bucket+"/k")},
		{"CopyObject", to("PUT", bucket+"/k", "X-Amz-Copy-Source", "/b/j")},
		{"UploadPart", to("PUT", bucket+"/k?partNumber=1&uploadId=x")},
		{"UploadPartCopy", to("PUT", bucket+"/k?partNumber=1&uploadId=x", "x-amz-copy-source", "/b/j")},
		{"SelectObjectContent", to("POST", bucket+"/k?select&select-type=2")},
		{"DeleteObjects", to("POST", bucket+"/?delete")},
		{"DeleteObject", to("DELETE", bucket+"/k?versionId=3")},
		{"DeleteBucket", to("DELETE", bucket+"/")},
		{"", to("GET", bucket+"/k?acl&tagging")},
		{"", to("GET", bucket+"/k?acl&acl")},
		{"", to("GET", bucket+"/k?versionId=1&VERSIONID=2")},
		{"", to("GET", bucket+"/k?unknown")},
		{"", to("GET", bucket+"/k?-")},
		{"", to("GET", bucket+"/k?policy")},
		{"", to("PATCH", bucket+"/k")},
		{"", to("GET", bucket+"/k", "x-amz-copy-source", "/b/j")},
		{"", to("GET", s3+"//k")},
		{"", to("GET", bucket+"/a/../k")},
		{"", to("GET", "https://s3.example.com/b/k")},
		{"", on("s3", "GET", "https://minio.internal:9000/b/k")},
		{"", on("s3", "GET", "https://b.vpce-1a2b-3c4d.s3.eu-west-1.vpce.amazonaws.com/b/k")},
		{"", on("s3", "GET", "https://123456789012.s3-control.eu-west-1.amazonaws.com/v20180820/bucket/b")},
		{"", on("s3", "GET", "https://123456789012.s3-control.eu-west-1.amazonaws.com/b/k")},
		{"", on("s3", "GET", "https://s3-control.dualstack.eu-west-1.amazonaws.com/b/k")},
		{"", on("s3", "GET", "https://123456789012.s3-control-fips.us-east-1.amazonaws.com/b/k")},
		{"", on("s3express", "GET", "https://s3express-control.eu-west-1.amazonaws.com/b")},
		{"", on("s3-outposts", "GET", "https://s3-outposts.eu-west-1.amazonaws.com/v20180820/bucket/b")},
		{"GetObject", on("s3-outposts", "GET", "https://ap-123456789012.op-01ac5d28a6a232904.s3-outposts.eu-west-1.amazonaws.com/k")},
		{"GetObject", to("GET", "https://s3-control-reports.s3.eu-west-1.amazonaws.com/k")},
		{"", on("s3", "GET", "https://dynamodb.eu-west-1.amazonaws.com/b/k")},
	} {
		got := newPolicy(t, "").Decide(sign(tt.r)).Operation
		if got != tt.want {
			t.Errorf(
				"%s %s %s://%s%s?%s %v %q: got %q, want %q", tt.r.Service, tt.r.Method, tt.r.Scheme, tt.r.Host, tt.r.Path, tt.r.RawQuery,
				tt.r.Headers, tt.r.Body, got, tt.want,
			)
		}
	}
	form := access.Question{Caller: by("x"), Action: access.ActionPostPolicy, Request: to("POST", bucket+"/k")}
	if got := newPolicy(t, "").Decide(form).Operation; got != "PostObject" {
		t.Errorf("upload form: got %q, want PostObject", got)
	}
}

// Every row of the two tables is found again by a request for it.
func TestOperationTables(t *testing.T) {
	p := newPolicy(t, "")
	rows := table2(t, "s3operations.tsv", 4)
	if len(rows) != 84 {
		t.Errorf("%d operations of S3, want 84", len(rows))
	}
	for _, row := range rows {
		target := map[string]string{"service": "https://s3.eu-west-1.amazonaws.com/", "bucket": files + "/", "object": files + "/k"}[row[0]]
		switch row[2] {
		case "-":
		case "list-type":
			target += "?list-type=2"
		default:
			target += "?" + row[2]
		}
		if got := p.Decide(sign(to(row[1], target))).Operation; got != row[3] {
			t.Errorf("%s %s: got %q, want %q", row[1], target, got, row[3])
		}
	}
	rows = table2(t, "protocols.tsv", 3)
	if len(rows) != 144 {
		t.Errorf("%d services, want 144", len(rows))
	}
	for _, row := range rows {
		r := inService(row[0], to("POST", "https://any.eu-west-1.amazonaws.com/"))
		if row[1] == "yes" {
			r.Body = []byte("Action=DoThis")
			if got := p.Decide(sign(r)).Operation; got != "DoThis" {
				t.Errorf("%s, Action: got %q", row[0], got)
			}
		}
		for _, prefix := range strings.Fields(strings.Trim(row[2], "-")) {
			r.Body, r.Headers = []byte("{}"), []access.Field{{Name: "X-Amz-Target", Value: prefix + ".DoThis"}}
			if got := p.Decide(sign(r)).Operation; got != "DoThis" {
				t.Errorf("%s, %s: got %q", row[0], prefix, got)
			}
		}
	}
}

func table2(t *testing.T, name string, columns int) [][]string {
	t.Helper()
	reader := csv.NewReader(strings.NewReader(string(must(os.ReadFile(name)))))
	reader.Comma, reader.Comment, reader.FieldsPerRecord, reader.LazyQuotes = '\t', '#', columns, true
	return must(reader.ReadAll())[1:]
}

// Malformed requests are denied even without a policy file.
func TestMalformedRequests(t *testing.T) {
	p := newPolicy(t, "")
	good := to("GET", api+"/prod/orders/1")
	if d := p.Decide(crm(good)); !d.Allowed {
		t.Fatal(d)
	}
	const host = "abc.execute-api.eu-west-1.amazonaws.com"
	for _, h := range []string{
		"", "A" + host, host + ".", "." + host, "a..b", host + ":", host + ":0", host + ":0443", host + ":65536", host + ":x", "u@" + host,
		host + "/", host + "\\", host + "?", host + "#",
		host + " ", "é" + host, "a%2eb", "[::1", "[]", "[::g]", "::1", strings.Repeat("a", 254),
	} {
		if d := p.Decide(crm(but(good, func(r *access.Request) { r.Host = h }))); d.Allowed || d.Malformed != "url" {
			t.Errorf("host %q: %v", h, d)
		}
	}
	for _, h := range []string{"localhost:8443", "127.0.0.1:1", "[::1]", "[::1]:65535", "a_b.s3.amazonaws.com", "xn--bcher-kva.example"} {
		if d := p.Decide(crm(but(good, func(r *access.Request) { r.Host = h }))); !d.Allowed {
			t.Errorf("host %q: %v", h, d)
		}
	}
	for _, service := range []string{"", "S3", "s3 ", "s 3", "s3/x", "s3.x", "s3\x00", strings.Repeat("s", 65), "IotSecuredTunneling"} {
		if d := p.Decide(crm(but(good, func(r *access.Request) { r.Service = service }))); d.Allowed || d.Malformed != "service" {
			t.Errorf("service %q: %v", service, d)
		}
	}
	for _, query := range []string{
		"a+b=1", "a=b+c", "a;b", "a=;", "&", "a&", "%zz", "a=%zz", "%00=1", "%0a=1", "%ff=1", "a#", "X-Amz-Signature=1",
		"x-amz-date=1",
	} {
		if d := p.Decide(crm(but(good, func(r *access.Request) { r.RawQuery = query }))); d.Allowed || d.Malformed != "url" {
			t.Errorf("query %q: %v", query, d)
		}
	}
	for _, query := range []string{"=1", "=", "a", "a=", "a=b&a=c", "%2b=%2B", "é=%C3%A9"} {
		if d := p.Decide(crm(but(good, func(r *access.Request) { r.RawQuery = query }))); !d.Allowed {
			t.Errorf("query %q: %v", query, d)
		}
	}
	for _, h := range []access.Field{{"", "1"}, {"a b", "1"}, {"a", "b\r\n"}, {"é", "1"}} {
		if d := p.Decide(crm(but(good, func(r *access.Request) { r.Headers = []access.Field{h} }))); d.Allowed || d.Malformed != "headers" {
			t.Errorf("header %q: %v", h, d)
		}
	}
	if d := p.Decide(crm(but(good, func(r *access.Request) { r.Method = "get" }))); d.Allowed || d.Malformed != "method" {
		t.Errorf("method: %v", d)
	}
	if d := p.Decide(access.Question{
		Caller: by("x"), Action: access.ActionVerify,
		Request: but(good, func(r *access.Request) { r.RawQuery = "X-Amz-Signature=1" }),
	}); !d.Allowed {
		t.Errorf("a request to verify is already signed: %v", d)
	}
	if d := p.Decide(access.Question{Action: access.ActionSign, Request: good}); d.Allowed {
		t.Errorf("no caller: %v", d)
	}
}

// Attributes that cannot be determined are absent, and the operator is told.
func TestUndeterminedAttributesAreAbsent(t *testing.T) {
	good := to("GET", api+"/prod/orders/1")
	for _, tt := range []struct {
		attribute string
		change    func(*access.Request)
	}{
		{"region", func(r *access.Request) { r.Region = "*" }},
		{"region", func(r *access.Request) { r.Region = "eu-west-1,us-east-1" }},
		{"region", func(r *access.Request) { r.Region = "" }},
		{"profile", func(r *access.Request) { r.Profile = "" }},
		{"operation", func(r *access.Request) { r.Service = "newest" }},
		{"path", func(r *access.Request) { r.Path = "/a/../b" }},
		{"path", func(r *access.Request) { r.Path = "/a//b" }},
		{"path", func(r *access.Request) { r.Path = "/%zz" }},
		{"path", func(r *access.Request) { r.Path = "/%25252e%25252e/x" }},
		{"path", func(r *access.Request) { r.Path = "/" + strings.Repeat("%25", 1) + strings.Repeat("25", 9) + "2e/x" }},
	} {
		r := but(good, tt.change)
		permit := newPolicy(t, fmt.Sprintf(`permit (principal, action, resource) when { resource.%s like "*" };`, tt.attribute))
		if d := permit.Decide(crm(r)); d.Allowed || len(d.Notes) != 1 || !strings.Contains(d.Notes[0], "`"+tt.attribute+"`") {
			t.Errorf("permit on %s of %+v: %v %v", tt.attribute, r, d, d.Notes)
		}
		forbid := newPolicy(
			t,
			fmt.Sprintf(
				`permit (principal, action, resource); forbid (principal, action, resource) when { resource.%s like "never" };`,
				tt.attribute,
			),
		)
		if d := forbid.Decide(crm(r)); d.Allowed || !strings.HasSuffix(d.Reason, "cannot be determined for this request: `"+tt.attribute+"`") {
			t.Errorf("forbid on %s of %+v: %v", tt.attribute, r, d)
		}
		if d := newPolicy(t, "permit (principal, action, resource);").Decide(crm(r)); !d.Allowed {
			t.Errorf("no policy reads %s of %+v: %v", tt.attribute, r, d)
		}
	}
}

// A header sent in two parts is signed as one, so the operation must not depend on how it was sent.
func TestOperation_JoinsTheValuesOfAHeader(t *testing.T) {
	p := newPolicy(t, `permit (principal, action, resource) when { resource.operation == "SendMessage" };`)
	for name, headers := range map[string][]string{
		"in one":   {"Content-Type", "acme,text/xml"},
		"in two":   {"Content-Type", "acme", "content-type", "text/xml"},
		"in other": {"Content-Type", "acme,", "content-type", "text/xml"},
	} {
		request := to("POST", "https://sqs.eu-west-1.amazonaws.com/", append(headers, "body", "Action=SendMessage&x=1")...)
		if d := p.Decide(sign(request)); d.Allowed {
			t.Errorf("a form with an invalid content type, %s: %v", name, d)
		}
	}
}
