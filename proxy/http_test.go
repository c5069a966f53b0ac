package proxy_test

import (
	"bufio"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

const noContent = "HTTP/1.1 204 No Content\r\n\r\n"

// TestProxy_ForwardsRequests compares the bytes that reach AWS with those that the
// client wrote.
func TestProxy_ForwardsRequests(t *testing.T) {
	server, saw := answering(t, noContent)
	f := newFront(t, options{}, server.host())
	const none = "\x00"
	chunked := "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
	for name, row := range map[string]struct {
		method, path, rest string // rest: headers and body, with the empty line between
		target             string // default: path
		headers            map[string]string
		body               string
	}{
		"GET": {
			method: "GET", path: "/prod/orders", rest: "\r\n",
			headers: map[string]string{
				"Content-Length": none, "Transfer-Encoding": none, "User-Agent": none, "Accept-Encoding": none, "X-Forwarded-For": none,
			},
		},
		"HEAD":                       {method: "HEAD", path: "/", rest: "\r\n"},
		"OPTIONS":                    {method: "OPTIONS", path: "/", rest: "\r\n"},
		"DELETE":                     {method: "DELETE", path: "/a", rest: "\r\n"},
		"no slash behind the host":   {method: "GET", path: "", rest: "\r\n", target: "/"},
		"no slash, a query":          {method: "GET", path: "?a=1", rest: "\r\n", target: "/?a=1"},
		"query without a value":      {method: "GET", path: "/a?acl", rest: "\r\n", target: "/a?acl="},
		"plus in the query":          {method: "GET", path: "/a?y=1+2", rest: "\r\n", target: "/a?y=1%202"},
		"repeated parameters":        {method: "GET", path: "/a?b=2&a=1&b=1", rest: "\r\n", target: "/a?b=2&a=1&b=1"},
		"escapes, in their one form": {method: "GET", path: "/a%20b/%2F/%41", rest: "\r\n", target: "/a%20b/%2F/A"},
		"POST": {
			method: "POST", path: "/", rest: "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", body: "{}",
			headers: map[string]string{"Content-Length": "2", "Content-Type": "application/json"},
		},
		"POST of nothing": {
			method: "POST", path: "/", rest: "Content-Length: 0\r\n\r\n",
			headers: map[string]string{"Content-Length": "0", "Transfer-Encoding": none},
		},
		"POST in chunks": {
			method: "POST", path: "/", rest: chunked, body: "hello",
			headers: map[string]string{"Content-Length": "5", "Transfer-Encoding": none},
		},
		"chunks with trailers": {
			method: "POST", path: "/", rest: "Transfer-Encoding: chunked\r\nTrailer: X-A\r\n\r\n5\r\nhello\r\n0\r\nX-A: 1\r\n\r\n",
			body: "hello", headers: map[string]string{"Trailer": none},
		},
		"a claim": {
			method: "PUT", path: "/", rest: "X-Amz-Content-Sha256: " + sha256Hex("hello") + "\r\nContent-Length: 5\r\n\r\nhello",
			body: "hello", headers: map[string]string{"Content-Length": "5"},
		},
		"a claim, in chunks": {
			method: "PUT", path: "/", rest: "X-Amz-Content-Sha256: " + sha256Hex("hello") + "\r\n" + chunked, body: "hello",
			headers: map[string]string{"Content-Length": none, "Transfer-Encoding": "chunked"},
		},
		"a claim of nothing": {method: "GET", path: "/", rest: "X-Amz-Content-Sha256: " + sha256Hex("") + "\r\n\r\n"},
		"unsigned nothing": {
			method: "GET", path: "/", rest: "X-Amz-Content-Sha256: UNSIGNED-PAYLOAD\r\n\r\n",
			headers: map[string]string{"X-Amz-Content-Sha256": none},
		},
		"a form": {
			method: "POST", path: "/",
			rest: "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\nContent-Length: 16\r\n\r\nAction=ListUsers",
			body: "Action=ListUsers",
		},
		"a form with its claim": {
			method: "POST", path: "/",
			rest: "Content-Type: application/" +
				"x-www-form-urlencoded\r\nX-Amz-Content-Sha256: " + sha256Hex("A=1") + "\r\nContent-Length: 3\r\n\r\nA=1",
			body: "A=1",
		},
		"GET with a body":    {method: "GET", path: "/", rest: "Content-Length: 2\r\n\r\n{}", body: "{}"},
		"DELETE with a body": {method: "DELETE", path: "/", rest: "Content-Length: 2\r\n\r\n{}", body: "{}"},
		"Expect with a claim": {
			method: "PUT", path: "/",
			rest: "Expect: 100-continue\r\nX-Amz-Content-Sha256: " + sha256Hex("hello") + "\r\nContent-Length: 5\r\n\r\nhello",
			body: "hello", headers: map[string]string{"Expect": "100-continue"},
		},
		"Expect without": {
			method: "PUT", path: "/", rest: "Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello", body: "hello",
			headers: map[string]string{"Expect": none},
		},
		"range": {
			method: "GET", path: "/", rest: "Range: bytes=0-1\r\nIf-Range: \"x\"\r\n\r\n",
			headers: map[string]string{"Range": "bytes=0-1", "If-Range": `"x"`},
		},
		"conditions": {
			method: "GET", path: "/", rest: "If-None-Match: \"a\", W/\"b\"\r\n\r\n",
			headers: map[string]string{"If-None-Match": `"a", W/"b"`},
		},
		"the client's agent": {
			method: "GET", path: "/", rest: "User-Agent: curl/8\r\n\r\n", headers: map[string]string{"User-Agent": "curl/8"},
		},
		"accept and its encoding": {
			method: "GET", path: "/", rest: "Accept: */*\r\nAccept-Encoding: br, gzip;q=0.5\r\n\r\n",
			headers: map[string]string{"Accept": "*/*", "Accept-Encoding": "gzip;q=0.5"},
		},
		"repeated headers": {
			method: "GET", path: "/", rest: "x-amz-meta-a: 1\r\nX-Amz-Meta-A: 2\r\n\r\n",
			headers: map[string]string{"X-Amz-Meta-A": "1,2"},
		},
		"spaces within a value": {
			method: "GET", path: "/", rest: "x-amz-meta-a:   a   b  \r\n\r\n", headers: map[string]string{"X-Amz-Meta-A": "a   b"},
		},
		"an offer of HTTP/2": {
			method: "GET", path: "/",
			rest:    "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
			headers: map[string]string{"Upgrade": none, "Connection": none, "Http2-Settings": none},
		},
		"WebSocket with POST": {
			method: "POST", path: "/", rest: "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\n{}", body: "{}",
			headers: map[string]string{"Upgrade": none},
		},
		"te": {
			method: "GET", path: "/", rest: "TE: trailers\r\nConnection: TE\r\n\r\n", headers: map[string]string{"Te": none},
		},
		"a retry that net/http does": {
			method: "POST", path: "/", rest: "Idempotency-Key: k\r\nContent-Length: 2\r\n\r\n{}", body: "{}",
			headers: map[string]string{"Idempotency-Key": "k"},
		},
		"another host in a header": {
			method: "GET", path: "/", rest: "X-Forwarded-Host: evil.example\r\nX-Original-Url: /admin\r\n\r\n",
			headers: map[string]string{"X-Forwarded-Host": none, "X-Original-Url": none},
		},
		"a presigned URL": {
			method: "GET",
			path: "/a?x=1&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a%2Fb&X-Amz-Date=20150830T123600Z&X-Amz-Expires=60&" +
				"X-Amz-SignedHeaders=host&X-Amz-Security-Token=t&X-Amz-Signature=abc&y=2",
			rest: "\r\n", target: "/a?x=1&y=2",
		},
		"nothing but a signature": {method: "GET", path: "/a?X-Amz-Signature=abc", rest: "\r\n", target: "/a"},
		"HTTP/1.0":                {method: "GET", path: "/a", rest: "\r\n"},
		"HTTP/1.0, a body":        {method: "PUT", path: "/a", rest: "Content-Length: 2\r\n\r\n{}", body: "{}"},
		"HTTP/1.0, an empty body": {method: "POST", path: "/a", rest: "Content-Length: 0\r\n\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			version := "HTTP/1.1"
			if strings.HasPrefix(name, "HTTP/1.0") {
				version = "HTTP/1.0"
			}
			raw := row.method + " " + path(server.host(), row.path) + " " + version + "\r\nHost: proxy.example\r\n" + row.rest
			response, _ := f.exchange(t, row.method, raw)
			if response.StatusCode != 204 {
				t.Fatalf("answered %s %q", response.Status, response.Header)
			}
			got := arrived(t, saw)
			target := row.target
			if target == "" {
				target = row.path
			}
			if got.line != row.method+" "+target+" HTTP/1.1" || got.body != row.body || got.value("Host") != server.host() {
				t.Errorf("%q to %s with %q, want %s %s with %q", got.line, got.value("Host"), got.body, row.method, target, row.body)
			}
			for name, want := range row.headers {
				if values := got.values(name); (want == none) != (values == nil) || want != none && strings.Join(values, "\n") != want {
					t.Errorf("%s: %q, want %q", name, values, want)
				}
			}
			got.mustBeSigned(t, "execute-api")
		})
	}
}

// TestProxy_ReturnsResponses compares the bytes that the client reads with those that
// AWS wrote.
func TestProxy_ReturnsResponses(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	for name, row := range map[string]struct {
		method, wire string
		status       int
		headers      map[string]string // name to value; empty for none
		body         string
		trailer      string
		interim      int
		broken       bool
	}{
		"length": {
			wire: ok + "Content-Length: 5\r\n\r\nhello", status: 200, body: "hello", headers: map[string]string{"Content-Length": "5"},
		},
		"no length": {wire: ok + "Connection: close\r\n\r\nhello", status: 200, body: "hello"},
		"chunks":    {wire: ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", status: 200, body: "hello"},
		"trailers": {
			wire: ok + "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 7\r\n\r\n", status: 200, body: "hi",
			trailer: "7",
		},
		"trailers not announced": {
			wire: ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 7\r\n\r\n", status: 200, body: "hi", trailer: "7",
		},
		"HEAD": {
			method: "HEAD", wire: ok + "Content-Length: 12345\r\nETag: \"x\"\r\n\r\n", status: 200,
			headers: map[string]string{"Content-Length": "12345", "Etag": `"x"`},
		},
		"204": {wire: noContent, status: 204},
		"304": {
			wire: "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n", status: 304, headers: map[string]string{"Etag": `"x"`},
		},
		"206": {
			wire: "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-1/9\r\nContent-Length: 2\r\n\r\nab", status: 206, body: "ab",
			headers: map[string]string{"Content-Range": "bytes 0-1/9"},
		},
		"416": {
			wire: "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */9\r\nContent-Length: 0\r\n\r\n", status: 416,
			headers: map[string]string{"Content-Range": "bytes */9"},
		},
		"202 stays": {wire: "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", status: 202},
		"103 first": {
			wire: "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nSet-Cookie: a=1\r\nAlt-Svc: h3=\":443\"\r\nConnection: X-B\r\nX-B: 1\r\n\r\n" + ok +
				"Content-Length: 1\r\n\r\nx",
			status: 200, body: "x", interim: 103,
		},
		"interim ones before nothing": {
			wire: "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", status: 504, interim: 103,
			headers: map[string]string{"X-Problem": "aws_timeout"},
		},
		"no type": {
			wire: ok + "Content-Length: 13\r\n\r\n<html></html>", status: 200, body: "<html></html>", headers: map[string]string{"Content-Type": ""},
		},
		"gzip stays": {
			wire: ok + "Content-Encoding: gzip\r\nContent-Length: 3\r\nETag: \"x\"\r\n\r\n\x1f\x8bx", status: 200, body: "\x1f\x8bx",
			headers: map[string]string{"Content-Encoding": "gzip", "Content-Length": "3"},
		},
		"repeated headers": {
			wire: ok + "X-A: 1\r\nX-A: 2\r\nContent-Length: 0\r\n\r\n", status: 200, headers: map[string]string{"X-A": "1|2"},
		},
		"AWS's headers": {
			wire:   ok + "x-amz-request-id: R\r\nx-amz-meta-a: 1\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 0\r\n\r\n",
			status: 200, headers: map[string]string{"X-Amz-Request-Id": "R", "X-Amz-Meta-A": "1", "Access-Control-Allow-Origin": "*"},
		},
		"cookies stay behind": {
			wire: ok + "Set-Cookie: a=1\r\nContent-Length: 0\r\n\r\n", status: 200, headers: map[string]string{"Set-Cookie": ""},
		},
		"of the connection": {
			wire: ok + "Connection: X-B\r\nX-B: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: x\r\nAlt-Svc: " +
				"h3=\":443\"\r\nStrict-Transport-Security: max-age=1\r\nContent-Length: 0\r\n\r\n",
			status:  200,
			headers: map[string]string{"X-B": "", "Keep-Alive": "", "Proxy-Authenticate": "", "Alt-Svc": "", "Strict-Transport-Security": ""},
		},
		"a redirect elsewhere": {
			wire: "HTTP/1.1 307 Temporary Redirect\r\nLocation: https://other.example/x\r\nContent-Length: 0\r\n\r\n", status: 307,
			headers: map[string]string{"Location": "https://other.example/x"},
		},
		"a redirect within": {
			wire: "HTTP/1.1 301 Moved\r\nLocation: /b?c=%2F\r\nContent-Length: 0\r\n\r\n", status: 301,
			headers: map[string]string{"Location": "PREFIX/b?c=%2F"},
		},
		"a redirect to itself": {
			wire: "HTTP/1.1 302 Found\r\nLocation: http://HOST/b//c#d\r\nContent-Length: 0\r\n\r\n", status: 302,
			headers: map[string]string{"Location": "PREFIX/b//c#d"},
		},
		"a relative redirect": {
			wire: "HTTP/1.1 302 Found\r\nLocation: ../b\r\nContent-Length: 0\r\n\r\n", status: 302,
			headers: map[string]string{"Location": "../b"},
		},
		"401 of AWS": {
			wire: "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nWWW-Authenticate: Bearer\r\n\r\n", status: 401,
			headers: map[string]string{"Www-Authenticate": "Bearer"},
		},
		"an error": {
			wire: "HTTP/1.1 403 Forbidden\r\nContent-Type: application/xml\r\nContent-Length: 35\r\n\r\n" +
				"<Error><Code>AccessD</Code></Error>",
			status: 403, body: "<Error><Code>AccessD</Code></Error>",
		},
		"500":                    {wire: "HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\n{}", status: 500, body: "{}"},
		"shorter than announced": {wire: ok + "Content-Length: 9\r\n\r\nhello", status: 200, body: "hello", broken: true},
		"chunks without an end":  {wire: ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n", status: 200, body: "hel", broken: true},
		"nothing":                {wire: "", status: 504, headers: map[string]string{"X-Problem": "aws_timeout"}},
		"nothing to a POST":      {method: "POST", wire: "", status: 424, headers: map[string]string{"X-Problem": "outcome_unknown"}},
		"no HTTP":                {wire: "220 smtp\r\n\r\n", status: 504, headers: map[string]string{"X-Problem": "aws_timeout"}},
		"101 that nobody wanted": {
			wire: "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n", status: 502,
			headers: map[string]string{"X-Problem": "answer_broken"},
		},
		"101 that nobody wanted, to a POST": {
			method: "POST", wire: "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n", status: 424,
			headers: map[string]string{"X-Problem": "outcome_unknown"},
		},
		"a status that is none": {
			wire: "HTTP/1.1 000 Oh\r\nContent-Length: 0\r\n\r\n", status: 502, headers: map[string]string{"X-Problem": "answer_broken"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var server *rawServer
			server = newRawServer(t, func(conn net.Conn, r *bufio.Reader) {
				if _, err := readRequest(r); err == nil {
					_, _ = io.WriteString(conn, strings.ReplaceAll(row.wire, "HOST", server.host()))
				}
			})
			f := newFront(t, options{}, server.host())
			method := row.method
			if method == "" {
				method = "GET"
			}
			conn, r := f.send(t, method+" "+path(server.host(), "/a")+" HTTP/1.1\r\nHost: x\r\n\r\n")
			defer conn.Close()
			response, err := http.ReadResponse(r, &http.Request{Method: method})
			if err == nil && row.interim > 0 {
				_, notPassed := response.Header["X-B"]
				if response.StatusCode != row.interim || response.Header.Get("Link") != "</a>" || notPassed ||
					response.Header.Get("Set-Cookie")+response.Header.Get("Alt-Svc") != "" {
					t.Errorf("interim response %s %q", response.Status, response.Header)
				}
				response, err = http.ReadResponse(r, &http.Request{Method: method})
			}
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			if (err != nil) != row.broken {
				t.Errorf("reading the body: %v, want broken: %t", err, row.broken)
			}
			if response.StatusCode != row.status || string(body) != row.body || response.Trailer.Get("X-Sum") != row.trailer {
				t.Errorf("%s %q, trailer %q; want %d %q %q", response.Status, body, response.Trailer, row.status, row.body, row.trailer)
			}
			if id := response.Header.Get("X-Request-Id"); id != "request-1" {
				t.Errorf("the service's own header is %q", id)
			}
			for name, want := range row.headers {
				want = strings.ReplaceAll(want, "PREFIX", path(server.host(), ""))
				if got := strings.Join(response.Header.Values(name), "|"); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			if row.status != 101 {
				f.audit.outcome(t)
			}
		})
	}
}

// Nothing of an ambiguous request is sent.
func TestProxy_RefusesAmbiguousRequests(t *testing.T) {
	server, saw := answering(t, noContent)
	f := newFront(t, options{}, server.host())
	for name, row := range map[string]struct {
		raw    string
		status int
	}{
		"absolute form":       {"GET http://" + server.host() + "/proxy/x HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		"absolute, of a path": {"GET http://evil.example" + path(server.host(), "/") + " HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		"CONNECT":             {"CONNECT " + server.host() + " HTTP/1.1\r\nHost: x\r\n\r\n", 405},
		"CONNECT of a path":   {"CONNECT " + path(server.host(), "/") + " HTTP/1.1\r\nHost: x\r\n\r\n", 405},
		"TRACE":               {"TRACE " + path(server.host(), "/") + " HTTP/1.1\r\nHost: x\r\n\r\n", 405},
		"no host":             {"GET /proxy/orders HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		"empty host":          {"GET /proxy/orders//a HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		"no profile":          {"GET /proxy//127.0.0.1/a HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		"a user in the host":  {"GET /proxy/orders/a@" + server.host() + "/ HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		"an escape in it":     {"GET /proxy/orders/127.0.0.1%3A80/ HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		"a fragment in it":    {"GET /proxy/orders/127.0.0.1%23/ HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		"bad escape, query":   {"GET " + path(server.host(), "/?x=%zz") + " HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		"bad escape, path":    {"GET " + path(server.host(), "/%zz") + " HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		"two hosts":           {"GET " + path(server.host(), "/") + " HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400},
		"two lengths": {
			"POST " + path(server.host(), "/") + " HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400,
		},
		"chunks in HTTP/1.0": {
			"PUT " + path(server.host(), "/") + " HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", 400,
		},
		"no length in HTTP/1.0": {"POST " + path(server.host(), "/") + " HTTP/1.0\r\nHost: x\r\n\r\n", 400},
		"an address":            {"GET /proxy/orders/169.254.169.254/latest/meta-data/ HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		"a stranger's host":     {"GET /proxy/orders/evil.example/ HTTP/1.1\r\nHost: x\r\n\r\n", 403},
		"a false claim, form": {
			"POST " + path(server.host(), "/") + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/" +
				"x-www-form-urlencoded\r\nX-Amz-Content-Sha256: " + sha256Hex("x") + "\r\nContent-Length: 3\r\n\r\nA=1",
			400,
		},
		"no hash at all": {
			"PUT " + path(server.host(), "/") + " HTTP/1.1\r\nHost: x\r\nX-Amz-Content-Sha256: abc\r\nContent-Length: 3\r\n\r\nA=1",
			400,
		},
		"signed events": {
			"POST " + path(server.host(), "/") + " HTTP/1.1\r\nHost: x\r\nX-Amz-Content-Sha256: " +
				"STREAMING-AWS4-HMAC-SHA256-EVENTS\r\nContent-Length: 3\r\n\r\nA=1",
			501,
		},
		"Version 4a in chunks": {
			"PUT " + path(server.host(), "/") + " HTTP/1.1\r\nHost: x\r\nX-Amz-Content-Sha256: " +
				"STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD\r\nContent-Length: 3\r\n\r\nA=1",
			501,
		},
		"unsigned over http": {
			"PUT " + path(server.host(), "/") + " HTTP/1.1\r\nHost: x\r\nX-Amz-Content-Sha256: UNSIGNED-PAYLOAD\r\nContent-Length: 3\r\n\r\nA=1",
			400,
		},
		"another profile":    {"GET /proxy/none/" + server.host() + "/ HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		"a semicolon, query": {"GET " + path(server.host(), "/a?b=2;c=3") + " HTTP/1.1\r\nHost: x\r\n\r\n", 400},
	} {
		t.Run(name, func(t *testing.T) {
			response, _ := f.exchange(t, "GET", row.raw)
			if name == "no hash at all" && response.Header.Get("X-Problem") != "header_invalid" {
				t.Errorf("the problem is %s, of a header", response.Header.Get("X-Problem"))
			}
			if response.StatusCode != row.status {
				t.Errorf("answered %s %s, want %d", response.Status, response.Header.Get("X-Problem"), row.status)
			}
			select {
			case s := <-saw:
				t.Errorf("sent %q", s)
			case <-time.After(20 * time.Millisecond):
			}
		})
	}
}

// Every byte value in path and query reaches AWS as it was signed.
func TestProxy_EveryByteOfTheTarget(t *testing.T) {
	forms := []string{"/a%sb/c", "/a?x=%s&x=", "/%s", "/a/b?%s=1&a=2", "/%s/../x?%s"}
	if testing.Short() {
		forms = forms[:2]
	}
	server, saw := answering(t, noContent)
	for _, service := range []string{"s3", "execute-api"} {
		f := newFront(t, options{service: service}, server.host())
		conn, r := f.send(t, "")
		sent := 0
		for b := range 256 {
			for _, form := range forms {
				escaped := strings.ReplaceAll(form, "%s", fmt.Sprintf("%%%02X", b))
				fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path(server.host(), escaped))
				response, err := http.ReadResponse(r, nil)
				if err != nil {
					t.Fatalf("%q: %v", escaped, err)
				}
				_, _ = io.Copy(io.Discard, response.Body)
				if response.StatusCode == 400 && (b == 0 || strings.Contains(response.Header.Get("X-Problem"), "url_invalid")) {
					continue
				}
				if response.StatusCode != 204 {
					t.Fatalf("%q: %s %s", escaped, response.Status, response.Header.Get("X-Problem"))
				}
				got := arrived(t, saw)
				got.mustBeSigned(t, service)
				if sent++; service == "s3" && got.target() != escaped && !strings.Contains(form, "?") {
					t.Errorf("%q arrived as %q", escaped, got.target())
				}
			}
		}
		if sent < 180*len(forms) {
			t.Errorf("%s: only %d targets were sent", service, sent)
		}
	}
}

func packed(text string) string {
	var b strings.Builder
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}

// When AWS refuses a signature, its response quotes the session token, which the client must not see.
func TestProxy_RemovesTheSessionTokenFromRefusals(t *testing.T) {
	random := rand.NewChaCha8([32]byte{})
	digits := make([]byte, 500<<10)
	_, _ = random.Read(digits)
	noise := base64.StdEncoding.EncodeToString(digits)
	for name, row := range map[string]struct{ head, body, want string }{
		"with a length": {
			"Content-Type: application/xml\r\nContent-Length: LENGTH",
			"<Error><Code>InvalidToken</Code><Token-0>" + token + "</Token-0></Error>",
			"<Error><Code>InvalidToken</Code><Token-0>…</Token-0></Error>",
		},
		"without": {
			"Content-Type: application/x-amz-json-1.1\r\nConnection: close", `{"message":"x-amz-security-token:` + token + `"}`,
			`{"message":"x-amz-security-token:…"}`,
		},
		"under gzip": {
			"Content-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: LENGTH", packed(`{"message":"` + token + `"}`),
			`{"message":"…"}`,
		},
		"under gzip that is not declared": {
			"Content-Type: text/plain\r\nConnection: close", packed(token), "…",
		},
		"where a search could end": {
			"Content-Type: text/plain\r\nContent-Length: LENGTH", strings.Repeat("x", 256<<10-8) + token + "y",
			strings.Repeat("x", 256<<10-8) + "…y",
		},
		"far behind": {
			"Content-Type: text/plain\r\nContent-Length: LENGTH", strings.Repeat("x", 700<<10) + token + token + "y",
			strings.Repeat("x", 700<<10) + "……y",
		},
		"of a kind that is not said": {"Content-Length: LENGTH", "<Token>" + token + "</Token>", "<Token>…</Token>"},
		"of a kind that is no kind":  {"Content-Type: ;\r\nContent-Length: LENGTH", "<Token>" + token + "</Token>", "<Token>…</Token>"},
		"under gzip, and large": {
			"Content-Type: text/plain\r\nContent-Encoding: gzip\r\nContent-Length: LENGTH", packed(strings.Repeat("x", 700<<10) + token + "y"),
			strings.Repeat("x", 700<<10) + "…y",
		},
		"under gzip, and large there too": {
			"Content-Type: text/plain\r\nContent-Encoding: gzip\r\nContent-Length: LENGTH", packed(noise + token + "y"), noise + "…y",
		},
		"in an encoding that is not searched": {
			"Content-Type: application/json\r\nContent-Encoding: br\r\nContent-Length: LENGTH", "\x0b\x20\x80" + token + "\x03", "",
		},
		"in two encodings": {
			"Content-Type: text/plain\r\nContent-Encoding: gzip\r\nContent-Encoding: gzip\r\nConnection: close", packed(packed(token)), "",
		},
		"in CBOR":             {"Content-Type: application/cbor\r\nContent-Length: LENGTH", "\xa1\x67message\x78\x40" + token, ""},
		"nothing in it, CBOR": {"Content-Type: application/cbor\r\nContent-Length: LENGTH", "\xa1\x67message\x62no", "\xa1\x67message\x62no"},
		"nothing in it":       {"Content-Type: application/json\r\nContent-Length: LENGTH", `{"message":"no"}`, `{"message":"no"}`},
		"nothing in it, under gzip": {
			"Content-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: LENGTH", packed(`{"message":"no"}`),
			packed(`{"message":"no"}`),
		},
	} {
		t.Run(name, func(t *testing.T) {
			wire := "HTTP/1.1 403 Forbidden\r\n" + strings.Replace(row.head, "LENGTH", fmt.Sprint(len(row.body)), 1) + "\r\n\r\n" + row.body
			server := newRawServer(t, func(conn net.Conn, r *bufio.Reader) {
				if _, err := readRequest(r); err == nil {
					_, _ = io.WriteString(conn, wire)
				}
			})
			f := newFront(t, options{}, server.host())
			response, body := f.exchange(t, "GET", "GET "+path(server.host(), "/")+" HTTP/1.1\r\nHost: x\r\n\r\n")
			if response.StatusCode != 403 || body != row.want {
				t.Errorf("%s %.99q, %d bytes, want %.99q, %d", response.Status, body, len(body), row.want, len(row.want))
			}
			if encoded := response.Header.Get("Content-Encoding") != ""; encoded && !strings.HasPrefix(body, "\x1f\x8b") {
				t.Errorf("Content-Encoding %s of %q", response.Header.Get("Content-Encoding"), body)
			}
			f.audit.outcome(t)
		})
	}
}

// SDKs use metadata names as they are spelled, and S3 spells them in lower case.
func TestProxy_MetadataNamesStayLowerCase(t *testing.T) {
	server, _ := answering(t, "HTTP/1.1 200 OK\r\nx-amz-meta-Order: 1\r\nx-amz-meta-order: 2\r\nContent-Length: 0\r\n\r\n")
	f := newFront(t, options{}, server.host())
	_, r := f.send(t, "GET "+path(server.host(), "/")+" HTTP/1.1\r\nHost: x\r\n\r\n")
	s, err := readRequest(r)
	if text := strings.Join(s.headers, "\n"); err != nil || !strings.Contains(text, "x-amz-meta-order: 1\nx-amz-meta-order: 2") {
		t.Errorf("answered %s, %v", text, err)
	}
}
