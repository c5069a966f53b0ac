package proxy_test

import (
	"bufio"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/access"
	"countersign/internal/upstream"
	"countersign/sending"
)

// chunked encodes a payload as a client does that signs each chunk with its own keys.
func chunked(payload string, size int) string {
	var b strings.Builder
	signature := strings.Repeat("0", 64)
	for len(payload) > 0 {
		n := min(size, len(payload))
		fmt.Fprintf(&b, "%x;chunk-signature=%s\r\n%s\r\n", n, signature, payload[:n])
		payload = payload[n:]
	}
	fmt.Fprintf(&b, "0;chunk-signature=%s\r\n\r\n", signature)
	return b.String()
}

// unchunked decodes a payload of signed chunks, and fails unless each is signed with
// the session's keys.
func unchunked(t *testing.T, s seen) string {
	t.Helper()
	var payload strings.Builder
	_, previous, _ := strings.Cut(s.value("Authorization"), "Signature=")
	rest := s.body
	for {
		line, after, found := strings.Cut(rest, "\r\n")
		digits, signature, signed := strings.Cut(line, ";chunk-signature=")
		var n int
		if _, err := fmt.Sscanf(digits, "%x", &n); err != nil || !found || !signed || n > len(after) {
			t.Fatalf("no chunk: %.100q", rest)
		}
		data := after[:n]
		date := s.value("X-Amz-Date")
		scope := date[:8] + "/" + region + "/s3/aws4_request"
		text := strings.Join([]string{"AWS4-HMAC-SHA256-PAYLOAD", date, scope, previous, sha256Hex(""), sha256Hex(data)}, "\n")
		key := []byte("AWS4" + secretKey)
		for _, part := range []string{date[:8], region, "s3", "aws4_request", text} {
			mac := hmac.New(sha256.New, key)
			mac.Write([]byte(part))
			key = mac.Sum(nil)
		}
		if signature != hex.EncodeToString(key) {
			t.Fatalf("chunk of %d bytes: signature %s, want %x", n, signature, key)
		}
		previous = signature
		if rest = after[n:]; n == 0 {
			if rest != "\r\n" {
				t.Fatalf("behind the last chunk: %q", rest)
			}
			return payload.String()
		}
		payload.WriteString(data)
		rest = strings.TrimPrefix(rest, "\r\n")
	}
}

func TestProxy_SignsChunksAgain(t *testing.T) {
	server, saw := answering(t, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	f := newFront(t, options{service: "s3"}, server.host())
	for name, row := range map[string]struct{ length, size int }{
		"nothing": {0, 1}, "one byte": {1, 1}, "8 KiB": {20 << 10, 8 << 10}, "64 KiB": {200 << 10, 64 << 10}, "1 MiB": {3 << 20, 1 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			payload := strings.Repeat("0123456789abcdef", row.length/16+1)[:row.length]
			body := chunked(payload, row.size)
			response, _ := f.exchange(t, "PUT", fmt.Sprintf("PUT %s HTTP/1.1\r\nHost: x\r\nX-Amz-Content-Sha256: "+
				"STREAMING-AWS4-HMAC-SHA256-PAYLOAD\r\n"+
				"Content-Encoding: aws-chunked\r\nX-Amz-Decoded-Content-Length: %d\r\nContent-Length: %d\r\n\r\n%s",
				path(server.host(), "/bucket/key"), len(payload), len(body), body))
			if response.StatusCode != 200 {
				t.Fatalf("answered %s %s", response.Status, response.Header.Get("X-Problem"))
			}
			got := arrived(t, saw)
			got.mustBeSigned(t, "s3")
			if unchunked(t, got) != payload {
				t.Error("another payload arrived")
			}
			if n := got.value("Content-Length"); n != fmt.Sprint(len(body)) || got.value("Content-Encoding") != "aws-chunked" {
				t.Errorf("length %s, want %d; %q", n, len(body), got.headers)
			}
		})
	}
}

// A body that differs from its declaration must look truncated to AWS, so that AWS stores nothing.
func TestProxy_BrokenBodiesAreNeverComplete(t *testing.T) {
	for name, row := range map[string]struct {
		headers, body string
		status        int
	}{
		"a chunk longer than it says": {
			"X-Amz-Content-Sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD\r\n",
			"2;chunk-signature=" + strings.Repeat("0", 64) + "\r\nabc\r\n0;chunk-signature=" + strings.Repeat("0", 64) + "\r\n\r\n",
			400,
		},
		"a chunk of 1 MiB and a byte": {
			"X-Amz-Content-Sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD\r\n", chunked(strings.Repeat("a", 1<<20+1), 1<<20+1), 400,
		},
		"no last chunk": {
			"X-Amz-Content-Sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD\r\n",
			strings.TrimSuffix(chunked("abc", 3), "0;chunk-signature="+strings.Repeat("0", 64)+"\r\n\r\n"), 400,
		},
		"no chunks":                   {"X-Amz-Content-Sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD\r\n", "hello", 400},
		"the client is gone, claimed": {"X-Amz-Content-Sha256: " + sha256Hex("hello") + "\r\n", "hel", 0},
		"the client is gone, hashed":  {"", "hel", 0},
	} {
		t.Run(name, func(t *testing.T) {
			whole := make(chan bool, 1)
			server := newRawServer(t, func(conn net.Conn, r *bufio.Reader) {
				s, err := readRequest(r)
				if err != nil {
					return
				}
				_, err = s.readBody(r)
				whole <- err == nil
			})
			f := newFront(t, options{service: "s3"}, server.host())
			length := len(row.body)
			if row.status == 0 {
				length = 5
			}
			conn, r := f.send(
				t,
				fmt.Sprintf("PUT %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %d\r\n\r\n%s", path(server.host(), "/k"), row.headers, length, row.body),
			)
			if row.status == 0 {
				_ = conn.(*net.TCPConn).CloseWrite()
			}
			response, err := http.ReadResponse(r, nil)
			if row.status != 0 && (err != nil || response.StatusCode != row.status) {
				t.Errorf("answered %v %v, want %d", response, err, row.status)
			}
			conn.Close()
			select {
			case complete := <-whole:
				if complete {
					t.Error("AWS had a complete request")
				}
			case <-time.After(100 * time.Millisecond): // nothing was sent at all
			}
		})
	}
}

func TestProxy_BuffersBodiesWithoutADeclaredHash(t *testing.T) {
	server, saw := answering(t, noContent)
	dir := t.TempDir()
	var reserved int64
	f := newFront(t, options{
		spool:   sending.Spool{Dir: dir, MaxBytes: 4 << 20},
		reserve: func(n int64) error { reserved = n; return nil },
	}, server.host())
	put := func(length int) *http.Response {
		body := strings.Repeat("a", length)
		response, _ := f.exchange(
			t, "PUT",
			fmt.Sprintf("PUT %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", path(server.host(), "/k"), length, body),
		)
		return response
	}
	for _, length := range []int{1, 1 << 20, 1<<20 + 1, 4 << 20} {
		if response := put(length); response.StatusCode != 204 {
			t.Fatalf("%d bytes: %s %s", length, response.Status, response.Header.Get("X-Problem"))
		}
		got := arrived(t, saw)
		got.mustBeSigned(t, "execute-api")
		if len(got.body) != length || reserved != int64(min(length, 1<<20)) {
			t.Errorf("%d bytes arrived, %d were reserved; %d sent", len(got.body), reserved, length)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// With the option, a body for S3 over https is not buffered, unless its length is unknown: then S3 accepts only aws-chunked.
func TestProxy_StreamsUnsignedBodiesIfS3AcceptsThem(t *testing.T) {
	hashes := make(chan string, 1)
	aws, err := upstream.Start(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		hashes <- r.Header.Get("X-Amz-Content-Sha256")
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer aws.Close()
	held := false
	f := newFront(t, options{
		unsigned: true, sending: sending.Options{ExtraCAs: aws.CA, Proxy: aws.Proxy}, spool: sending.Spool{Dir: t.TempDir(), MaxBytes: 4 << 20},
		reserve: func(int64) error { held = true; return nil },
	})
	body := strings.Repeat("a", 2<<20)
	for name, row := range map[string]struct {
		headers, body, want string
		held                bool
		host                string // default: S3
	}{
		"for VPC Lattice, which takes nothing else": {
			headers: "Transfer-Encoding: chunked\r\n", body: fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body), want: "UNSIGNED-PAYLOAD",
			host: "my-svc-0123456789abcdef0.7d67968.vpc-lattice-svcs.eu-west-1.on.aws",
		},
		"of known length": {headers: fmt.Sprintf("Content-Length: %d\r\n", len(body)), body: body, want: "UNSIGNED-PAYLOAD"},
		"in chunks": {
			headers: "Transfer-Encoding: chunked\r\n", body: fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body), want: sha256Hex(body),
			held: true,
		},
		"claimed": {
			headers: fmt.Sprintf("X-Amz-Content-Sha256: %s\r\nContent-Length: %d\r\n", sha256Hex(body), len(body)), body: body,
			want: sha256Hex(body),
		},
	} {
		t.Run(name, func(t *testing.T) {
			held = false
			line := "PUT " + path(cmp.Or(row.host, "files.s3.eu-west-1.amazonaws.com"), "/k") + " HTTP/1.1\r\n"
			response, _ := f.exchange(t, "PUT", line+"Host: x\r\n"+row.headers+"\r\n"+row.body)
			if response.StatusCode != 200 {
				t.Fatalf("answered %s %s", response.Status, response.Header.Get("X-Problem"))
			}
			if got := <-hashes; got != row.want || held != row.held {
				t.Errorf("x-amz-content-sha256 %s, held %v; want %s, %v", got, held, row.want, row.held)
			}
		})
	}
}

func TestProxy_RefusesBodiesItCannotBuffer(t *testing.T) {
	server, saw := answering(t, noContent)
	busy := &access.BusyError{RetryAfter: time.Second}
	gone := filepath.Join(t.TempDir(), "gone")
	for name, row := range map[string]struct {
		options
		length string
		body   int
		status int
		code   string
	}{
		"too large": {options{spool: sending.Spool{MaxBytes: 1 << 20}}, "Content-Length: 1048577", 1<<20 + 1, 413, "body_too_large"},
		"too large, in chunks": {
			options{spool: sending.Spool{MaxBytes: 1 << 20}}, "Transfer-Encoding: chunked", 1<<20 + 1, 413, "body_too_large",
		},
		"disk full": {options{spool: sending.Spool{Dir: gone}}, "Content-Length: 2097152", 2 << 20, 503, "busy"},
		"no quota":  {options{spool: sending.Spool{Quota: sending.NewQuota(3 << 20)}}, "Content-Length: 2097152", 2 << 20, 503, "busy"},
		"no quota for chunks": {
			options{spool: sending.Spool{Quota: sending.NewQuota(3 << 20)}}, "Transfer-Encoding: chunked", 2 << 20, 503, "busy",
		},
		"no memory": {options{reserve: func(int64) error { return busy }}, "Content-Length: 5", 5, 503, "busy"},
		"no memory for a form": {
			options{reserve: func(int64) error { return busy }},
			"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 5",
			5, 503, "busy",
		},
		"a policy that forbids": {
			options{policies: "forbid (principal, action, resource);"}, "Content-Length: 2097152", 2 << 20, 403, "forbidden",
		},
		"a policy for hashes": {
			options{policies: `permit (principal, action == Action::"send", resource) when { resource.payload == "signed" };`},
			"Content-Length: 5", 5, 403, "forbidden",
		},
		"a policy to sign": {
			options{policies: `permit (principal, action == Action::"sign", resource);`}, "Content-Length: 5", 5, 403, "forbidden",
		},
	} {
		t.Run(name, func(t *testing.T) {
			method := "PUT"
			if strings.Contains(row.length, "form") {
				method = "POST"
			}
			f := newFront(t, row.options, server.host())
			body := strings.Repeat("a", row.body)
			if strings.HasPrefix(row.length, "Transfer") {
				body = fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", row.body, body)
			}
			conn, r := f.send(t, method+" "+path(server.host(), "/k")+" HTTP/1.1\r\nHost: x\r\n"+row.length+"\r\n\r\n")
			go func() { _, _ = io.WriteString(conn, body) }()
			response, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			if response.StatusCode != row.status || response.Header.Get("X-Problem") != row.code {
				t.Errorf("answered %s %s, want %d %s", response.Status, response.Header.Get("X-Problem"), row.status, row.code)
			}
			if len(saw) > 0 {
				t.Errorf("sent %q", <-saw)
			}
		})
	}
	if _, err := os.Stat(gone); err == nil {
		t.Error("a directory was made")
	}
}

// None of the body is read before AWS asks for it.
func TestProxy_ExpectDelaysTheBody(t *testing.T) {
	server := newRawServer(t, func(conn net.Conn, r *bufio.Reader) {
		if _, err := readRequest(r); err == nil {
			_, _ = io.WriteString(conn, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		}
	})
	f := newFront(t, options{service: "s3"}, server.host())
	_, r := f.send(
		t,
		fmt.Sprintf(
			"PUT %s HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nX-Amz-Content-Sha256: %s\r\nContent-Length: 5\r\n\r\n",
			path(server.host(), "/k"), sha256Hex("hello"),
		),
	)
	response, err := http.ReadResponse(r, nil)
	if err != nil || response.StatusCode != 403 {
		t.Fatalf("%v %v, want 403 and no 100", response, err)
	}
	if got := f.audit.outcome(t); got.BytesOut != 0 || got.Outcome != "refused" {
		t.Errorf("outcome %+v", got.Sent)
	}
}

// If a form names the operation, policies see it, even if the client declares a hash.
func TestProxy_PoliciesSeeTheOperationOfAForm(t *testing.T) {
	server, saw := answering(t, noContent)
	f := newFront(
		t,
		options{service: "sns", policies: `permit (principal, action == Action::"send", resource) when { resource.operation == "Publish" };`},
		server.host(),
	)
	for body, status := range map[string]int{"Action=Publish&Version=2010-03-31": 204, "Action=DeleteTopic&Version=2010-03-31": 403} {
		for _, claim := range []string{"", "X-Amz-Content-Sha256: " + sha256Hex(body) + "\r\n"} {
			response, _ := f.exchange(
				t, "POST",
				fmt.Sprintf(
					"POST %s HTTP/1.1\r\nHost: x\r\n%sContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
					path(server.host(), "/"), claim, len(body), body,
				),
			)
			if response.StatusCode != status {
				t.Errorf("%s: %s, want %d", body, response.Status, status)
			}
		}
	}
	if len(saw) != 2 {
		t.Errorf("%d were sent", len(saw))
	}
}
