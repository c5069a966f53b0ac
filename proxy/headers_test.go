package proxy_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/sending"
)

// private are the headers that carry credentials, identify the client, or concern one
// connection.
var private = []string{
	"Authorization", "Proxy-Authorization", "Proxy-Authenticate", "Proxy-Connection", "Cookie", "X-Api-Key", "X-Functions-Key",
	"X-Amz-Security-Token", "X-Amz-Date", "Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto",
	"X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Client-Cert", "X-Real-Ip", "X-Client-Ip", "Client-Ip", "True-Client-Ip",
	"X-Original-Url", "X-Original-Host", "X-Original-For", "X-Arr-Ssl", "X-Arr-Log-Id", "X-Arr-ClientCert", "X-Ms-Client-Principal",
	"X-Ms-Client-Principal-Id", "X-Ms-Token-Aad-Access-Token", "X-Ms-Workflow-Id", "X-Azure-Functions-InvocationId", "X-Azure-Clientip",
	"Keep-Alive", "Te", "Trailer", "Upgrade", "Http2-Settings", "Connection", "X-Forwarded", "Cf-Connecting-Ip",
}

// Private headers are dropped, alone and named by Connection, in any case. So are other headers that Connection names,
// except those that the signature needs.
func TestProxy_DropsPrivateHeaders(t *testing.T) {
	const canary = "EXAMPLEcanary"
	server, saw := answering(t, noContent)
	f := newFront(t, options{}, server.host())
	for _, name := range private {
		for _, spelled := range []string{name, strings.ToLower(name)} {
			for _, connection := range []string{
				"", "Connection: " + spelled + "\r\n", "Connection: close\r\nConnection: x, " + strings.ToUpper(name) + "\r\n",
			} {
				raw := "GET " + path(server.host(), "/") + " HTTP/1.1\r\nHost: " + canary + "\r\n" +
					spelled + ": " + canary + "\r\n" + connection + "\r\n"
				response, _ := f.exchange(t, "GET", raw)
				if response.StatusCode != 204 {
					t.Fatalf("%s %q: %s %s", spelled, connection, response.Status, response.Header.Get("X-Problem"))
				}
				got := arrived(t, saw)
				got.mustBeSigned(t, "execute-api")
				if text := strings.Join(got.headers, "\n"); strings.Contains(text, canary) {
					t.Errorf("%s %q: sent\n%s", spelled, connection, text)
				}
			}
		}
	}
	f.exchange(
		t, "GET",
		"GET "+path(server.host(), "/")+" HTTP/1.1\r\nHost: x\r\nX-Mine: "+canary+"\r\nConnection: X-Mine, X-Amz-Date, Authorization, "+
			"X-Amz-Security-Token, Host\r\n\r\n",
	)
	got := arrived(t, saw)
	got.mustBeSigned(t, "execute-api")
	if got.values("X-Mine") != nil || got.value("X-Amz-Security-Token") != token {
		t.Errorf("sent %q", got.headers)
	}
	for _, r := range f.audit.records() {
		if strings.Contains(strings.Join(append(r.Notes, r.Path, r.Host, r.SignedHeaders), " "), canary) {
			t.Errorf("recorded %+v", r)
		}
	}
}

func TestProxy_CookiesPassIfAllowed(t *testing.T) {
	server, saw := answering(t, "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nContent-Length: 0\r\n\r\n")
	f := newFront(t, options{cookies: true}, server.host())
	response, _ := f.exchange(t, "GET", "GET "+path(server.host(), "/")+" HTTP/1.1\r\nHost: x\r\nCookie: a=1; b=2\r\n\r\n")
	if got := arrived(t, saw); got.value("Cookie") != "a=1; b=2" || response.Header.Get("Set-Cookie") != "a=1" {
		t.Errorf("sent %q, answered %q", got.headers, response.Header)
	}
}

// A client's Authorization is forwarded, unsigned, under the other name only; a signature never is.
func TestProxy_ForwardsAuthorizationUnderAnotherName(t *testing.T) {
	const as = "X-Original-Authorization"
	server, saw := answering(t, noContent)
	f := newFront(t, options{authAs: as}, server.host())
	for name, row := range map[string]struct{ headers, want string }{
		"a token":                  {"Authorization: Bearer EXAMPLE-token\r\n", "Bearer EXAMPLE-token"},
		"in place of the client's": {"Authorization: Basic x\r\nX-Original-Authorization: y\r\n", "Basic x"},
		"named by Connection":      {"Authorization: Basic x\r\nConnection: authorization\r\n", ""},
		"a signature":              {"Authorization: AWS4-HMAC-SHA256 Credential=x\r\n", ""},
		"none":                     {"", ""},
	} {
		f.exchange(t, "GET", "GET "+path(server.host(), "/")+" HTTP/1.1\r\nHost: x\r\n"+row.headers+"\r\n")
		got := arrived(t, saw)
		got.mustBeSigned(t, "execute-api")
		if passed := strings.Join(got.values(as), ","); passed != row.want || strings.Contains(got.value("Authorization"), strings.ToLower(as)) {
			t.Errorf("%s: %q was sent, want %q", name, got.headers, row.want)
		}
	}
}

// The signature covers the headers that decide how AWS reads the request, and none that is changed on the way.
func TestProxy_SignsNoMoreThanItMust(t *testing.T) {
	server, saw := answering(t, noContent)
	f := newFront(t, options{}, server.host())
	f.exchange(t, "POST", "POST "+path(server.host(), "/")+" HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-MD5: "+
		"AAAA\r\nX-Amzn-Trace-Id: Root=1\r\n"+
		"Amz-Sdk-Request: attempt=1\r\nAmz-Sdk-Invocation-Id: i\r\nUser-Agent: u\r\nAccept: */*\r\nRange: bytes=0-1\r\nX-Amz-Meta-A: "+
		"1\r\nX-Custom: c\r\nContent-Length: 0\r\n\r\n")
	got := arrived(t, saw)
	if !strings.Contains(got.value("Authorization"), "SignedHeaders=content-md5;content-type;host;x-amz-date;x-amz-meta-a;"+
		"x-amz-security-token,") {
		t.Errorf("signed %q", got.value("Authorization"))
	}
	for _, name := range []string{"X-Amzn-Trace-Id", "Amz-Sdk-Request", "X-Custom"} {
		if got.values(name) == nil {
			t.Errorf("%s was not sent", name)
		}
	}
}

// Whatever the path names, the proxy connects to nothing but the one allowed host.
func TestProxy_CallsNoOtherAddress(t *testing.T) {
	server, saw := answering(t, noContent)
	f := newFront(t, options{sending: sending.Options{}}, server.host())
	port := server.host()[strings.LastIndexByte(server.host(), ':'):]
	hosts := []string{
		"127.0.0.1", "127.1" + port, "127.0.1" + port, "2130706433" + port, "0x7f000001" + port, "0177.0.0.1" + port, "0x7f.1" + port,
		"127.0.0.1." + port,
		"127.0.0.2" + port, "0.0.0.0" + port, "0" + port, "[::1]" + port, "[::]" + port, "[::ffff:127.0.0.1]" + port, "[::ffff:7f00:1]" + port,
		"[64:ff9b::7f00:1]" + port, "[2002:7f00:1::]" + port, "[fe80::1]" + port, "[fd00:ec2::254]", "[0:0:0:0:0:ffff:a9fe:a9fe]",
		"localhost" + port, "LOCALHOST" + port, "localhost." + port, "a.localhost" + port, "localtest.me" + port, "127.0.0.1.nip.io" + port,
		"169.254.169.254", "169.254.169.254:80", "169.254.170.2", "168.63.129.16", "100.100.100.200", "10.0.0.1", "172.16.0.1", "192.168.0.1",
		"192.0.0.192", "198.18.0.1", "224.0.0.1", "255.255.255.255", "0251.0376.0251.0376", "0xa9fea9fe", "2852039166", "169.254.43518",
		"metadata", "metadata.google.internal", "instance-data", "instance-data.eu-west-1.compute.internal", "kubernetes.default.svc",
		"ec2-127-0-0-1.eu-west-1.compute.amazonaws.com", "ec2-1-2-3-4.compute.amazonaws.com", "ip-10-0-0-1.eu-west-1.compute.internal",
		"my-lb-1234567890.eu-west-1.elb.amazonaws.com", "d111111abcdef8.cloudfront.net", "site.s3-website.eu-west-1.amazonaws.com",
		"site.s3-website-eu-west-1.amazonaws.com", "db.abc.eu-west-1.rds.amazonaws.com", "c.abc.cache.amazonaws.com",
		"x.awsglobalaccelerator.com",
		"app.eu-west-1.elasticbeanstalk.com", "vpce-0123456789abcdef0.eu-west-1.vpce.amazonaws.com",
		"vpce-svc-0123456789abcdef0.eu-west-1.vpce.amazonaws.com",
		"evil.example", "amazonaws.com.evil.example", "s3.eu-west-1.amazonaws.com.evil.example", "evil-amazonaws.com", "amazonaws.com",
		"xamazonaws.com",
		"s3.eu-west-1.amazonaws.com@evil.example", "evil.example#s3.eu-west-1.amazonaws.com", "evil.example%23.amazonaws.com",
		"evil.example%2fs3.amazonaws.com",
		"evil.example%00.amazonaws.com", "evil.example;.amazonaws.com", "evil.example\\.amazonaws.com", "-",
		".", "..", "%2e%2e", "a..b", ".amazonaws.com", "*", "*.amazonaws.com", "[", "]", "[]", ":", ":80", "::1", "127.0.0.1:99999",
		"127.0.0.1:-1", "127.0.0.1:",
		"http:" + server.host(), "https:" + server.host(), "http:", "file:", "ｓ3.eu-west-1.amazonaws.com", "127。0。0。1" + port,
		"①②⑦.0.0.1" + port,
		"console.aws.amazon.com", "signin.aws.amazon.com", "docs.aws.amazon.com", "aws.amazon.com", "awsapps.com", "x.awsapps.com",
	}
	targets := 0
	for _, host := range hosts {
		for _, form := range []string{
			"GET /proxy/orders/" + host + "/latest HTTP/1.1\r\nHost: x\r\n\r\n",
			"GET http://" + host + "/proxy/orders/x HTTP/1.1\r\nHost: x\r\n\r\n",
		} {
			targets++
			conn, r := f.send(t, form)
			if response, err := http.ReadResponse(r, nil); err == nil && response.StatusCode < 400 {
				t.Errorf("%q: %s", form, response.Status)
			}
			conn.Close()
		}
	}
	select {
	case s := <-saw:
		t.Errorf("sent %q", s)
	case <-time.After(20 * time.Millisecond):
	}
	for _, r := range f.audit.records() {
		if r.SignatureSHA256 != "" { // without which nothing is dialed
			t.Errorf("signed for %s", r.Host)
		}
	}
	if targets < 120 {
		t.Errorf("only %d targets", targets)
	}
}
