package sending_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strings"
	"testing"

	"countersign/sending"
	"countersign/signing"
)

func packed(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return b.String()
}

// TestSend_ResponseIsUnchanged compares what the caller gets with the bytes that the
// server wrote.
func TestSend_ResponseIsUnchanged(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	zipped := packed(`{"a":1}`)
	big := strings.Repeat("a", 300<<10)
	for name, row := range map[string]struct {
		method, wire string
		status       int
		headers      http.Header // expected, with all values of each name
		body         string
		trailer      http.Header
		err          error
		outcome      sending.Outcome
		code         string
	}{
		"length": {
			wire: ok + "Content-Length: 5\r\n\r\nhello", status: 200, body: "hello", headers: http.Header{"Content-Length": {"5"}},
		},
		"no length":      {wire: ok + "Connection: close\r\n\r\nhello", status: 200, body: "hello"},
		"HTTP/1.0":       {wire: "HTTP/1.0 200 OK\r\n\r\nhello", status: 200, body: "hello"},
		"no reason":      {wire: "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", status: 200},
		"unknown status": {wire: "HTTP/1.1 299 Odd\r\nContent-Length: 1\r\n\r\nx", status: 299, body: "x"},
		"length 0":       {wire: ok + "Content-Length: 0\r\n\r\n", status: 200, headers: http.Header{"Content-Length": {"0"}}},
		"chunks": {
			wire: ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", status: 200, body: "hello",
		},
		"chunks with an extension": {wire: ok + "Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n", status: 200, body: "hello"},
		"trailers": {
			wire: ok + "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 7\r\n\r\n", status: 200, body: "hi",
			trailer: http.Header{"X-Sum": {"7"}},
		},
		"gzip stays": {
			wire:   ok + fmt.Sprintf("Content-Encoding: gzip\r\nContent-Length: %d\r\nETag: \"x\"\r\n\r\n", len(zipped)) + zipped,
			status: 200, body: zipped,
			headers: http.Header{"Content-Encoding": {"gzip"}, "Etag": {`"x"`}, "Content-Length": {fmt.Sprint(len(zipped))}},
		},
		"aws-chunked stays": {
			wire: ok + "Content-Encoding: aws-chunked\r\nContent-Length: 1\r\n\r\nx", status: 200, body: "x",
			headers: http.Header{"Content-Encoding": {"aws-chunked"}},
		},
		"repeated headers": {
			wire: ok + "X-A: 1\r\nX-A: 2\r\nx-a: 3\r\nContent-Length: 0\r\n\r\n", status: 200,
			headers: http.Header{"X-A": {"1", "2", "3"}},
		},
		"empty header": {wire: ok + "X-A:\r\nContent-Length: 0\r\n\r\n", status: 200, headers: http.Header{"X-A": {""}}},
		"latin-1 header": {
			wire: ok + "X-A: caf\xe9\r\nContent-Length: 0\r\n\r\n", status: 200, headers: http.Header{"X-A": {"caf\xe9"}},
		},
		"cookies": {
			wire: ok + "Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n\r\n", status: 200,
			headers: http.Header{"Set-Cookie": {"a=1", "b=2"}},
		},
		"201": {
			method: "PUT", wire: "HTTP/1.1 201 Created\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", status: 201,
			headers: http.Header{"Location": {"/x"}},
		},
		"204": {wire: "HTTP/1.1 204 No Content\r\n\r\n", status: 204},
		"205": {wire: "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n", status: 205},
		"206": {
			wire: "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-1/9\r\nContent-Length: 2\r\n\r\nab", status: 206, body: "ab",
			headers: http.Header{"Content-Range": {"bytes 0-1/9"}},
		},
		"304": {
			wire: "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 9\r\n\r\n", status: 304,
			headers: http.Header{"Etag": {`"x"`}},
		},
		"HEAD": {
			method: "HEAD", wire: ok + "Content-Length: 12345\r\n\r\n", status: 200, headers: http.Header{"Content-Length": {"12345"}},
		},
		"HEAD of an error": {
			method: "HEAD", wire: "HTTP/1.1 404 Not Found\r\nContent-Type: application/xml\r\nContent-Length: 99\r\n\r\n", status: 404,
			outcome: sending.OutcomeRefused,
		},
		"HEAD in chunks": {method: "HEAD", wire: ok + "Transfer-Encoding: chunked\r\n\r\n", status: 200},
		"103 first": {
			wire: "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + ok + "Content-Length: 1\r\n\r\nx", status: 200, body: "x",
		},
		"100 first": {wire: "HTTP/1.1 100 Continue\r\n\r\n" + ok + "Content-Length: 1\r\n\r\nx", status: 200, body: "x"},
		"102 twice": {
			wire: "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + ok + "Content-Length: 1\r\n\r\nx", status: 200,
			body: "x",
		},
		"301": {
			wire: "HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 1\r\n\r\nx", status: 301, body: "x",
			headers: http.Header{"Location": {"http://127.0.0.1:1/"}},
		},
		"302": {
			wire: "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n", status: 302,
		},
		"307": {
			method: "POST", wire: "HTTP/1.1 307 Temporary Redirect\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n", status: 307,
		},
		"308": {
			method: "PUT", wire: "HTTP/1.1 308 Permanent Redirect\r\nLocation: //other/\r\nContent-Length: 0\r\n\r\n", status: 308,
		},
		"code in a header": {
			wire: "HTTP/1.1 400 Bad\r\nx-amzn-ErrorType: ValidationException:http://x/\r\nContent-Length: 2\r\n\r\n{}", status: 400,
			body: "{}", code: "ValidationException", outcome: sending.OutcomeRefused,
		},
		"code in JSON": {
			wire: "HTTP/1.1 400 Bad\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: " +
				"42\r\n\r\n" + `{"message":"no","__type":"com.x#Validation"`[:42],
			status: 400, code: "", body: `{"message":"no","__type":"com.x#Validation"`[:42], outcome: sending.OutcomeRefused,
		},
		"code in whole JSON": {
			wire: "HTTP/1.1 400 Bad\r\nConnection: close\r\n\r\n" + `{"message":"no","__type":"com.x#Validation"}`, status: 400,
			code: "Validation", body: `{"message":"no","__type":"com.x#Validation"}`, outcome: sending.OutcomeRefused,
		},
		"code in XML": {
			wire: "HTTP/1.1 404 No\r\nContent-Type: application/xml\r\nConnection: close\r\n\r\n<?xml " +
				"version=\"1.0\"?><Error><Code>NoSuchKey</Code></Error>",
			status: 404, code: "NoSuchKey", body: `<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>`,
			outcome: sending.OutcomeRefused,
		},
		"code in gzip": {
			wire: "HTTP/1.1 400 Bad\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n" + packed(`{"__type":"a#B"}`), status: 400,
			code: "B", body: packed(`{"__type":"a#B"}`), outcome: sending.OutcomeRefused,
		},
		"no code in text": {
			wire: "HTTP/1.1 403 No\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n<Code>A</Code>", status: 403,
			body: "<Code>A</Code>", outcome: sending.OutcomeRefused,
		},
		"a long error is returned whole": {
			wire:   "HTTP/1.1 500 Oh\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" + `{"code":"A","x":"` + big + `"}`,
			status: 500, code: "A", body: `{"code":"A","x":"` + big + `"}`, outcome: sending.OutcomeRefused,
		},
		"an error in chunks, trailers": {
			wire: "HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n2\r\n{}\r\n0\r\nX-T: 1\r\n\r\n", status: 400,
			body: "{}", trailer: http.Header{"X-T": {"1"}}, outcome: sending.OutcomeRefused,
		},

		"shorter than its length": {
			wire: ok + "Content-Length: 9\r\n\r\nhello", status: 200, body: "hello", err: sending.ErrBroken,
			outcome: sending.OutcomeBroken,
		},
		"chunks without an end": {
			wire: ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n", status: 200, body: "hel", err: sending.ErrBroken,
			outcome: sending.OutcomeBroken,
		},
		"invalid chunks": {
			wire: ok + "Transfer-Encoding: chunked\r\n\r\nzz\r\nhel\r\n", status: 200, err: sending.ErrBroken,
			outcome: sending.OutcomeBroken,
		},
		"an error shorter than announced": {
			wire: "HTTP/1.1 500 Oh\r\nContent-Length: 99\r\n\r\n{", status: 500, body: "{", err: sending.ErrBroken,
			outcome: sending.OutcomeBroken,
		},
		"nothing":            {wire: "", err: sending.ErrNoResponse, outcome: sending.OutcomeUnknown},
		"not HTTP":           {wire: "220 smtp\r\n\r\n", err: sending.ErrNoResponse, outcome: sending.OutcomeUnknown},
		"half a header":      {wire: ok + "Content-Le", err: sending.ErrNoResponse, outcome: sending.OutcomeUnknown},
		"headers of 300 KiB": {wire: ok + "X-Big: " + big + "\r\n\r\n", err: sending.ErrNoResponse, outcome: sending.OutcomeUnknown},
		"two lengths": {
			wire: ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", err: sending.ErrNoResponse, outcome: sending.OutcomeUnknown,
		},
		"a negative length": {wire: ok + "Content-Length: -1\r\n\r\nab", err: sending.ErrNoResponse, outcome: sending.OutcomeUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			server := newRawServer(t, func(conn net.Conn, r *bufio.Reader) {
				if _, _, err := readHead(r); err == nil {
					_, _ = io.WriteString(conn, row.wire)
				}
			})
			c := newClient(t, sending.Options{HTTPHosts: []string{server.host()}})
			method := row.method
			if method == "" {
				method = "GET"
			}
			r := message{method: method, url: "http://" + server.host() + "/"}.request(t)
			a, err := c.Send(t.Context(), r)
			if row.status == 0 {
				e := wantError(t, err, row.err)
				if e.Outcome != row.outcome || len(e.Attempts) != 1 || e.Attempts[0].Signature == "" {
					t.Errorf("report %+v, want outcome %s", e, row.outcome)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(a.Response.Body)
			if row.err != nil {
				wantError(t, err, row.err)
			} else if err != nil {
				t.Errorf("reading the body: %v", err)
			}
			a.Response.Body.Close()
			if a.Response.StatusCode != row.status || string(body) != row.body {
				t.Errorf("%d %q, want %d %q", a.Response.StatusCode, body, row.status, row.body)
			}
			for name, values := range row.headers {
				if got := a.Response.Header[name]; !slices.Equal(got, values) {
					t.Errorf("%s: %q, want %q", name, got, values)
				}
			}
			for name, values := range row.trailer {
				if got := a.Response.Trailer[name]; !slices.Equal(got, values) {
					t.Errorf("trailer %s: %q, want %q", name, got, values)
				}
			}
			report := a.Report()
			want := row.outcome
			if want == "" {
				want = sending.OutcomeComplete
			}
			if report.Outcome != want || report.Code != row.code || report.BytesIn != int64(len(row.body)) || report.Status != row.status {
				t.Errorf("report %+v, want outcome %s, code %q, %d bytes", report, want, row.code, len(row.body))
			}
		})
	}
}

// TestSend_RequestOnTheWire compares the bytes sent with the request.
func TestSend_RequestOnTheWire(t *testing.T) {
	streamed := func(length int64) func() *sending.Body {
		return func() *sending.Body {
			b, err := sending.Streamed(sha256Hex([]byte("hello")), strings.NewReader("hello"), length)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
	}
	inMemory := func(text string) func() *sending.Body {
		return func() *sending.Body { return sending.Bytes([]byte(text)) }
	}
	const none = "\x00" // no such header
	for name, row := range map[string]struct {
		method  string
		body    func() *sending.Body
		change  func(*sending.Request)
		send    []signing.Header
		headers map[string]string // joined values, or none
		wire    string            // after the headers
	}{
		"GET": {
			method: "GET",
			headers: map[string]string{
				"Content-Length": none, "Transfer-Encoding": none, "User-Agent": none, "Accept-Encoding": none, "Connection": none,
				"Expect": none,
			},
		},
		"HEAD":                 {method: "HEAD", headers: map[string]string{"Content-Length": none, "Transfer-Encoding": none}},
		"DELETE":               {method: "DELETE", headers: map[string]string{"Content-Length": none, "Transfer-Encoding": none}},
		"OPTIONS":              {method: "OPTIONS", headers: map[string]string{"Transfer-Encoding": none}},
		"POST without a body":  {method: "POST", headers: map[string]string{"Content-Length": "0", "Transfer-Encoding": none}},
		"PUT without a body":   {method: "PUT", headers: map[string]string{"Content-Length": "0", "Transfer-Encoding": none}},
		"PATCH without a body": {method: "PATCH", headers: map[string]string{"Content-Length": "0", "Transfer-Encoding": none}},
		"POST of empty bytes": {
			method: "POST", body: inMemory(""), headers: map[string]string{"Content-Length": "0", "Transfer-Encoding": none},
		},
		"PUT of an empty stream": {
			method: "PUT", body: streamed(0), headers: map[string]string{"Content-Length": "0", "Transfer-Encoding": none},
		},
		"POST": {
			method: "POST", body: inMemory("hello"), headers: map[string]string{"Content-Length": "5", "Transfer-Encoding": none},
			wire: "hello",
		},
		"GET with a body": {
			method: "GET", body: inMemory("hello"), headers: map[string]string{"Content-Length": "5"}, wire: "hello",
		},
		"DELETE with a body": {
			method: "DELETE", body: inMemory("hello"), headers: map[string]string{"Content-Length": "5"}, wire: "hello",
		},
		"PUT of a stream": {
			method: "PUT", body: streamed(5),
			headers: map[string]string{"Content-Length": "5", "X-Amz-Content-Sha256": sha256Hex([]byte("hello"))}, wire: "hello",
		},
		"PUT of an unknown length": {
			method: "PUT", body: streamed(-1), headers: map[string]string{"Content-Length": none, "Transfer-Encoding": "chunked"},
			wire: "5\r\nhello\r\n0\r\n\r\n",
		},
		"Expect with a stream": {
			method: "PUT", body: streamed(5), change: func(r *sending.Request) { r.Expect = true },
			headers: map[string]string{"Expect": "100-continue"}, wire: "hello",
		},
		"Expect with bytes": {
			method: "PUT", body: inMemory("hello"), change: func(r *sending.Request) { r.Expect = true },
			headers: map[string]string{"Expect": none}, wire: "hello",
		},
		"Expect without a body": {
			method: "PUT", change: func(r *sending.Request) { r.Expect = true }, headers: map[string]string{"Expect": none},
		},
		"upgrade": {
			method: "GET", change: func(r *sending.Request) { r.Upgrade = "websocket" },
			headers: map[string]string{"Connection": "Upgrade", "Upgrade": "websocket"},
		},
		"client's user agent": {
			method: "GET", send: []signing.Header{{Name: "User-Agent", Value: "curl/8"}},
			headers: map[string]string{"User-Agent": "curl/8"},
		},
		"client's accept-encoding": {
			method: "GET", send: []signing.Header{{Name: "Accept-Encoding", Value: "br"}},
			headers: map[string]string{"Accept-Encoding": "br"},
		},
		"range": {
			method: "GET", send: []signing.Header{{Name: "Range", Value: "bytes=0-1"}},
			headers: map[string]string{"Range": "bytes=0-1"},
		},
		"repeated headers": {
			method: "GET", send: []signing.Header{{Name: "x-amz-meta-a", Value: "1"}, {Name: "X-Amz-Meta-A", Value: "2"}},
			headers: map[string]string{"X-Amz-Meta-A": "1,2"},
		},
		"white space inside a value": {
			method: "GET", send: []signing.Header{{Name: "x-amz-meta-a", Value: "  a   b "}},
			headers: map[string]string{"X-Amz-Meta-A": "a   b"},
		},
		"latin-1": {
			method: "GET", send: []signing.Header{{Name: "x-amz-meta-a", Value: "caf\xe9"}},
			headers: map[string]string{"X-Amz-Meta-A": "caf\xe9"},
		},
		"UTF-8": {
			method: "GET", send: []signing.Header{{Name: "x-amz-meta-a", Value: "日本"}},
			headers: map[string]string{"X-Amz-Meta-A": "日本"},
		},
		"empty value": {
			method: "GET", send: []signing.Header{{Name: "x-amz-meta-a", Value: ""}}, headers: map[string]string{"X-Amz-Meta-A": ""},
		},
		"content type": {
			method: "POST", body: inMemory("{}"), send: []signing.Header{{Name: "Content-Type", Value: "application/x-amz-json-1.0"}},
			headers: map[string]string{"Content-Type": "application/x-amz-json-1.0"}, wire: "{}",
		},
		"idempotency key": {
			method: "POST", send: []signing.Header{{Name: "Idempotency-Key", Value: "k"}},
			headers: map[string]string{"Idempotency-Key": "k"},
		},
		"cookie": {
			method: "GET", send: []signing.Header{{Name: "Cookie", Value: "a=1; b=2"}},
			headers: map[string]string{"Cookie": "a=1; b=2"},
		},
		"underscore and odd names": {
			method: "GET", send: []signing.Header{{Name: "x_y", Value: "1"}, {Name: "!#$%&'*+.^`|~", Value: "2"}},
			headers: map[string]string{"x_y": "1", "!#$%&'*+.^`|~": "2"},
		},
		"unknown method": {method: "PROPFIND", headers: map[string]string{"Transfer-Encoding": none}},
		"priority and accept untouched": {
			method: "GET", send: []signing.Header{{Name: "Accept", Value: "*/*"}, {Name: "Priority", Value: "u=1"}},
			headers: map[string]string{"Accept": "*/*", "Priority": "u=1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			type arrival struct {
				seen
				rest string
			}
			saw := make(chan arrival, 1)
			server := newRawServer(t, func(conn net.Conn, r *bufio.Reader) {
				line, headers, err := readHead(r)
				if err != nil {
					return
				}
				if valuesOf(headers, "Expect") != nil {
					_, _ = io.WriteString(conn, "HTTP/1.1 100 Continue\r\n\r\n")
				}
				rest := make([]byte, len(row.wire))
				_, _ = io.ReadFull(r, rest)
				saw <- arrival{seen{line, headers}, string(rest)}
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
			})
			c := newClient(t, sending.Options{HTTPHosts: []string{server.host()}})
			m := message{method: row.method, url: "http://" + server.host() + "/a%20b/?q=%2F", headers: row.send, service: "s3"}
			if row.body != nil {
				m.body = row.body()
			}
			r := m.request(t)
			if row.change != nil {
				row.change(r)
			}
			a, err := c.Send(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			readAll(t, a)
			got := <-saw
			if got.line != row.method+" /a%20b/?q=%2F HTTP/1.1" || got.rest != row.wire {
				t.Errorf("wire: %q … %q, want … %q", got.line, got.rest, row.wire)
			}
			for name, want := range row.headers {
				values := valuesOf(got.headers, name)
				if have := strings.Join(values, "\n"); (want == none) != (values == nil) || want != none && have != want {
					t.Errorf("%s: %q, want %q\nof %q", name, values, want, got.headers)
				}
			}
			if hosts := valuesOf(got.headers, "Host"); !slices.Equal(hosts, []string{server.host()}) {
				t.Errorf("Host %q", hosts)
			}
			if auth := valuesOf(got.headers, "Authorization"); len(auth) != 1 || auth[0] != got.signedBySDK(t, "s3") {
				t.Errorf("Authorization %q, the SDK signs %q", auth, got.signedBySDK(t, "s3"))
			}
			if report := a.Report(); report.Outcome != sending.OutcomeComplete || report.RemoteAddress != server.host() ||
				len(report.Attempts) != 1 || !report.Attempts[0].Written {
				t.Errorf("report %+v", report)
			}
		})
	}
}

// Interim responses reach the caller's own httptrace hook, such as that of ReverseProxy.
func TestSend_InterimResponsesAreReported(t *testing.T) {
	server, _ := answering(t, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n")
	c := newClient(t, sending.Options{HTTPHosts: []string{server.host()}})
	var reported []string
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		reported = append(reported, fmt.Sprint(code, h.Get("Link")))
		return nil
	}})
	a, err := c.Send(ctx, message{method: "GET", url: "http://" + server.host() + "/"}.request(t))
	if err != nil {
		t.Fatal(err)
	}
	readAll(t, a)
	if !slices.Equal(reported, []string{"103</a>"}) {
		t.Errorf("reported %q", reported)
	}
}
