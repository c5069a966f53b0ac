package proxy_test

import (
	"bufio"
	"net/http"
	"strings"
	"testing"

	"countersign/broker"
	"countersign/proxy"
)

func read(t *testing.T, raw string) *http.Request {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw + "\r\n\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func sdk(service, region string) string {
	return "\r\nAuthorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/" +
		"20150830/" + region + "/" + service + "/aws4_request, SignedHeaders=host, Signature=00"
}

func TestHostTarget_IsTheHostOrTheEndpointOfTheScope(t *testing.T) {
	own := func(host string) bool { return strings.HasPrefix(host, "127.0.0.1") }
	target := proxy.HostTarget("orders", func(host string) bool { return host == "minio:9000" }, own)
	for name, row := range map[string]struct{ raw, want string }{
		"the Host header": {
			"GET /a//b?c=%2F HTTP/1.1\r\nHost: sqs.eu-west-1.amazonaws.com", "https://sqs.eu-west-1.amazonaws.com/a//b?c=%2F",
		},
		"the Host header, signed": {
			"GET / HTTP/1.1\r\nHost: SQS.eu-west-1.amazonaws.com" + sdk("sns", "us-east-1"), "https://sqs.eu-west-1.amazonaws.com/",
		},
		"a host by http": {"GET /a HTTP/1.1\r\nHost: minio:9000", "http://minio:9000/a"},
		"the scope": {
			"POST /x HTTP/1.1\r\nHost: 127.0.0.1:8080" + sdk("sqs", "eu-west-1"), "https://sqs.eu-west-1.amazonaws.com/x",
		},
		"the scope, another name": {
			"GET / HTTP/1.1\r\nHost: 127.0.0.1:8080" + sdk("memorydb", "eu-west-1"), "https://memory-db.eu-west-1.amazonaws.com/",
		},
		"the scope of S3": {
			"PUT /bucket/a%20b HTTP/1.1\r\nHost: 127.0.0.1:8080" + sdk("s3", "eu-west-1"),
			"https://s3.eu-west-1.amazonaws.com/bucket/a%20b",
		},
		"the scope of a partition": {
			"GET / HTTP/1.1\r\nHost: 127.0.0.1:8080" + sdk("sqs", "cn-north-1"), "https://sqs.cn-north-1.amazonaws.com.cn/",
		},
		"the scope, presigned": {
			"GET /b/k?X-Amz-Credential=AKID%2F20150830%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Signature=0 HTTP/1.1\r\nHost: 127.0.0.1:8080",
			"https://s3.eu-west-1.amazonaws.com/b/k?X-Amz-Credential=AKID%2F20150830%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Signature=0",
		},
		"the control plane of S3": {
			"GET /v20180820/jobs HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nX-Amz-Account-Id: 123456789012" + sdk("s3", "eu-west-1"), "",
		},
		"two endpoints of a name":   {"POST / HTTP/1.1\r\nHost: 127.0.0.1:8080" + sdk("dynamodb", "eu-west-1"), ""},
		"no such service":           {"GET / HTTP/1.1\r\nHost: 127.0.0.1:8080" + sdk("nothing", "eu-west-1"), ""},
		"a scope that is a path":    {"GET / HTTP/1.1\r\nHost: 127.0.0.1:8080" + sdk("sqs", "evil.example#"), ""},
		"no signature":              {"GET / HTTP/1.1\r\nHost: 127.0.0.1:8080", ""},
		"another kind of signature": {"GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAuthorization: Bearer x", ""},
		"half a scope":              {"GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAuthorization: AWS4-HMAC-SHA256 Credential=a/b", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := target(read(t, row.raw))
			if got.URL != row.want || (err != nil) != (row.want == "") || err == nil && got.Profile != "orders" {
				t.Errorf("%+v, %v; want %s", got, err, row.want)
			}
			if err != nil && !strings.Contains(broker.Problem(err).Fields[0].Detail, "AWS_ENDPOINT_URL_<SERVICE>") {
				t.Errorf("%+v says not what to do", broker.Problem(err))
			}
		})
	}
}

func TestFixedTarget_KeepsPathAndQuery(t *testing.T) {
	got, err := proxy.FixedTarget("orders", "https://aps.example")(read(t, "GET //a/%2f?b=%zz&c HTTP/1.1\r\nHost: x"))
	if err != nil || got.URL != "https://aps.example//a/%2f?b=%zz&c" {
		t.Errorf("%+v %v", got, err)
	}
}
