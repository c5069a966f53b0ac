package sending_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"countersign/sending"
	"countersign/signing"
)

func TestStreamed_PayloadHash(t *testing.T) {
	for hash, want := range map[string]error{
		sha256Hex(nil):                          nil,
		signing.UnsignedPayload:                 nil,
		signing.StreamingUnsignedPayloadTrailer: nil,
		signing.StreamingPayload:                nil,
		signing.StreamingPayloadTrailer:         nil,
		signing.StreamingEvents:                 sending.ErrPayloadKind,
		signing.StreamingPayloadECDSA:           sending.ErrPayloadKind,
		signing.StreamingPayloadTrailerECDSA:    sending.ErrPayloadKind,
		"":                                      sending.ErrPayloadHash,
		strings.ToUpper(sha256Hex(nil)):         sending.ErrPayloadHash,
		sha256Hex(nil)[1:]:                      sending.ErrPayloadHash,
		sha256Hex(nil) + "0":                    sending.ErrPayloadHash,
		"unsigned-payload":                      sending.ErrPayloadHash,
		"STREAMING-ANYTHING":                    sending.ErrPayloadHash,
		strings.Repeat("g", 64):                 sending.ErrPayloadHash,
		strings.Repeat("a", 30) + "é" + strings.Repeat("a", 32): sending.ErrPayloadHash,
	} {
		b, err := sending.Streamed(hash, strings.NewReader(""), 0)
		if !errors.Is(err, want) || err == nil && (b.PayloadHash() != hash || b.SignsChunks() != strings.HasPrefix(hash, "STREAMING-AWS4")) {
			t.Errorf("%q: %v, want %v", hash, err, want)
		}
	}
}

// A payload that only TLS protects is not sent without it.
func TestSend_UnsignedPayloadNeedsHTTPS(t *testing.T) {
	c := newClient(t, sending.Options{HTTPHosts: []string{"127.0.0.1:1"}})
	for _, hash := range []string{signing.UnsignedPayload, signing.StreamingUnsignedPayloadTrailer} {
		b, err := sending.Streamed(hash, strings.NewReader("x"), 1)
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Send(t.Context(), message{method: "PUT", url: "http://127.0.0.1:1/", body: b, service: "s3"}.request(t))
		wantError(t, err, sending.ErrUnsendable)
	}
	// It is the signature that counts, not the body.
	r := message{method: "PUT", url: "http://127.0.0.1:1/", service: "s3"}.request(t)
	r.Sign = func(_ context.Context, at sending.Moment) (signing.Signed, *signing.Stream, error) {
		signed, err := new(signing.Signer).Sign(&signing.Request{
			Method: "PUT", URL: r.URL, PayloadHash: signing.UnsignedPayload, ContentSHA256Header: true,
			Scope: signing.Scope{Service: "s3", Region: region}, Time: at.Time, Credentials: keys, SingleEncode: true,
		})
		return signed, nil, err
	}
	_, err := c.Send(t.Context(), r)
	wantError(t, err, sending.ErrUnsendable)
}

// With CONNECT, net/http would not write the signed target.
func TestSend_RefusesCONNECT(t *testing.T) {
	c := newClient(t, sending.Options{HTTPHosts: []string{"127.0.0.1:1"}})
	_, err := c.Send(t.Context(), message{method: "CONNECT", url: "http://127.0.0.1:1/"}.request(t))
	wantError(t, err, sending.ErrUnsendable)
}

func TestSend_UnsignedPayloadIsSentUnchanged(t *testing.T) {
	got := make(chan string, 1)
	server, certificate := tlsServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- fmt.Sprint(r.Header.Get("X-Amz-Content-Sha256"), r.ContentLength, string(body))
	}), nil)
	c := newClient(t, sending.Options{HTTPHosts: []string{server.Listener.Addr().String()}, ExtraCAs: certificate})
	const chunked = "3\r\nabc\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n"
	for _, hash := range []string{signing.UnsignedPayload, signing.StreamingUnsignedPayloadTrailer} {
		b, err := sending.Streamed(hash, strings.NewReader(chunked), int64(len(chunked)))
		if err != nil {
			t.Fatal(err)
		}
		a, err := c.Send(t.Context(), message{method: "PUT", url: server.URL + "/b/k", body: b, service: "s3"}.request(t))
		if err != nil {
			t.Fatal(err)
		}
		readAll(t, a)
		if have, want := <-got, fmt.Sprint(hash, len(chunked), chunked); have != want {
			t.Errorf("%q arrived, want %q", have, want)
		}
	}
}

// A body that fails or differs in length is reported and not repeated, and the server
// never gets a complete request.
func TestSend_FailingBody(t *testing.T) {
	boom := errors.New("boom")
	for name, row := range map[string]struct {
		body   io.Reader
		length int64
		cause  error
	}{
		"at once":                 {iotest.ErrReader(boom), 5, boom},
		"at once, length unknown": {iotest.ErrReader(boom), -1, boom},
		"midway":                  {io.MultiReader(strings.NewReader("he"), iotest.ErrReader(boom)), 5, boom},
		"midway, length unknown":  {io.MultiReader(strings.NewReader("he"), iotest.ErrReader(boom)), -1, boom},
		"at the very end":         {io.MultiReader(strings.NewReader("hell"), iotest.ErrReader(boom)), 5, boom},
		"cut off by its client": {
			io.MultiReader(strings.NewReader("he"), iotest.ErrReader(io.ErrUnexpectedEOF)), -1, io.ErrUnexpectedEOF,
		},
		"shorter than announced":     {strings.NewReader("hell"), 5, nil},
		"longer than announced":      {strings.NewReader("hello!"), 5, nil},
		"much longer than announced": {bytes.NewReader(make([]byte, 1<<20)), 5, nil},
		"announced and empty":        {strings.NewReader(""), 5, nil},
		"a MiB and then a failure":   {io.MultiReader(bytes.NewReader(make([]byte, 1<<20)), iotest.ErrReader(boom)), 1<<20 + 1, boom},
	} {
		t.Run(name, func(t *testing.T) {
			got, report, err := tryUpload(t, sha256Hex([]byte("hello")), row.body, row.length)
			wantError(t, err, sending.ErrBody)
			if row.cause != nil && !errors.Is(err, row.cause) {
				t.Errorf("error %v, want %v in it", err, row.cause)
			}
			if got.err == nil {
				t.Errorf("the server got a complete request: %q", got.body)
			}
			if len(report.Attempts) != 1 || report.Outcome != sending.OutcomeBroken {
				t.Errorf("report %+v", report)
			}
		})
	}
}

// A response that comes while the body is still being sent ends the request.
func TestSend_ResponseBeforeTheBodyIsSent(t *testing.T) {
	server := newRawServer(t, func(conn net.Conn, r *bufio.Reader) {
		if _, _, err := readHead(r); err != nil {
			return
		}
		_, _ = io.WriteString(
			conn,
			"HTTP/1.1 413 Too Large\r\nContent-Type: application/xml\r\nContent-Length: 42\r\n\r\n<Error><Code>EntityTooLarge</Code></Error>",
		)
		_, _ = io.Copy(io.Discard, r)
	})
	c := newClient(t, sending.Options{HTTPHosts: []string{server.host()}})
	ours, theirs := io.Pipe()
	b, err := sending.Streamed(sha256Hex(nil), ours, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			if _, err := theirs.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	}()
	a, err := c.Send(t.Context(), message{method: "PUT", url: "http://" + server.host() + "/b/k", body: b, service: "s3"}.request(t))
	if err != nil {
		t.Fatal(err)
	}
	if content, err := a.ReadAll(1 << 10); err != nil || len(content) != 42 || a.Report().Code != "EntityTooLarge" ||
		a.Report().Outcome != sending.OutcomeRefused {
		t.Errorf("%q, %v, report %+v", content, err, a.Report())
	}
	ours.Close()
}

// With Expect, a server that refuses the headers gets no body.
func TestSend_ExpectContinue(t *testing.T) {
	for name, row := range map[string]struct {
		first string // sent on receiving the headers
		whole bool
	}{
		"refused":      {"HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", false},
		"wanted":       {"HTTP/1.1 100 Continue\r\n\r\n", true},
		"nothing said": {"", true}, // the body is sent after a second
	} {
		t.Run(name, func(t *testing.T) {
			arrived := make(chan int64, 1)
			server := newRawServer(t, func(conn net.Conn, r *bufio.Reader) {
				if _, _, err := readHead(r); err != nil {
					return
				}
				_, _ = io.WriteString(conn, row.first)
				n, _ := io.CopyN(io.Discard, r, 8<<20)
				arrived <- n
				if row.whole {
					_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				}
			})
			c := newClient(t, sending.Options{HTTPHosts: []string{server.host()}})
			b, err := sending.Streamed(sha256Hex(make([]byte, 8<<20)), bytes.NewReader(make([]byte, 8<<20)), 8<<20)
			if err != nil {
				t.Fatal(err)
			}
			r := message{method: "PUT", url: "http://" + server.host() + "/b/k", body: b, service: "s3"}.request(t)
			r.Expect = true
			a, err := c.Send(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			readAll(t, a)
			n := <-arrived
			if n != a.Report().BytesOut || (n != 0) != row.whole || (a.Response.StatusCode == 200) != row.whole {
				t.Errorf("%d bytes of the body arrived, %d were read; status %d", n, a.Report().BytesOut, a.Response.StatusCode)
			}
		})
	}
}

// A body that the server did not ask for is still available for another attempt.
func TestSend_ExpectKeepsTheBodyForAnotherAttempt(t *testing.T) {
	responses := 0
	server := newRawServer(t, func(conn net.Conn, r *bufio.Reader) {
		_, headers, err := readHead(r)
		if err != nil {
			return
		}
		responses++
		if responses == 1 {
			_, _ = io.WriteString(conn, "HTTP/1.1 403 No\r\nConnection: close\r\nX-Amzn-Errortype: RequestTimeTooSkewed\r\nDate: "+
				time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)+"\r\nContent-Length: 0\r\n\r\n")
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 100 Continue\r\n\r\n")
		body := make([]byte, 5)
		_, _ = io.ReadFull(r, body)
		at, _ := time.Parse(signing.TimeFormat, valuesOf(headers, "X-Amz-Date")[0])
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n%s, %v ahead", body, time.Until(at).Round(time.Minute))
	})
	c := newClient(t, sending.Options{HTTPHosts: []string{server.host()}})
	b, err := sending.Streamed(sha256Hex([]byte("hello")), strings.NewReader("hello"), 5)
	if err != nil {
		t.Fatal(err)
	}
	r := message{method: "PUT", url: "http://" + server.host() + "/b/k", body: b, service: "s3"}.request(t)
	r.Expect = true
	a, err := c.Send(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if text := readAll(t, a); text != "hello, 1h0m0s ahead" || len(a.Report().Attempts) != 2 {
		t.Errorf("%q, report %+v", text, a.Report())
	}
}

func TestSpool_Read(t *testing.T) {
	for name, row := range map[string]struct {
		size, announced, most int64
		err                   error
		file                  bool
	}{
		"nothing":                   {size: 0, announced: -1},
		"nothing, announced":        {size: 0, announced: 0},
		"a byte":                    {size: 1, announced: 1},
		"a MiB":                     {size: 1 << 20, announced: 1 << 20},
		"a MiB, not announced":      {size: 1 << 20, announced: -1},
		"a MiB and a byte":          {size: 1<<20 + 1, announced: -1, file: true},
		"3 MiB":                     {size: 3 << 20, announced: 3 << 20, file: true},
		"as large as allowed":       {size: 2 << 20, announced: -1, most: 2 << 20, file: true},
		"a byte too large":          {size: 2<<20 + 1, announced: -1, most: 2 << 20, err: sending.ErrBodyTooLarge},
		"a byte too large, small":   {size: 11, announced: -1, most: 10, err: sending.ErrBodyTooLarge},
		"announced as too large":    {size: 0, announced: 11, most: 10, err: sending.ErrBodyTooLarge},
		"shorter than announced":    {size: 4, announced: 5, err: sending.ErrBody},
		"longer than announced":     {size: 6, announced: 5, err: sending.ErrBody},
		"much shorter, in a file":   {size: 2 << 20, announced: 3 << 20, err: sending.ErrBody},
		"longer, in a file":         {size: 3<<20 + 1, announced: 3 << 20, err: sending.ErrBody},
		"longer though none at all": {size: 1, announced: 0, err: sending.ErrBody},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			content := bytes.Repeat([]byte("0123456789"), int(row.size)/10+1)[:row.size]
			s := sending.Spool{Dir: dir, MaxBytes: row.most}
			opened := openFiles(t, dir)
			b, err := s.Read(iotest.HalfReader(bytes.NewReader(content)), row.announced)
			if left, _ := os.ReadDir(dir); len(left) != 0 {
				t.Errorf("the file has a name: %v", left)
			}
			if row.err != nil {
				if !errors.Is(err, row.err) {
					t.Errorf("error %v, want %v", err, row.err)
				}
				if n := openFiles(t, dir); n != opened {
					t.Errorf("%d files are open", n-opened)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if b.Length() != row.size || b.PayloadHash() != sha256Hex(content) {
				t.Errorf("%d bytes with hash %s", b.Length(), b.PayloadHash())
			}
			if n := openFiles(t, dir) - opened; (n == 1) != row.file {
				t.Errorf("%d files are open", n)
			}
			if err := b.Close(); err != nil || openFiles(t, dir) != opened {
				t.Errorf("Close: %v, %d files are open", err, openFiles(t, dir)-opened)
			}
		})
	}
}

// openFiles counts the files of a directory that this process has open, with or
// without a name. It also checks that no other user can open them.
func openFiles(t *testing.T, dir string) int {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("NOT CHECKED, which files stay open: they are counted in /proc, which only Linux has")
	}
	links, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, link := range links {
		path := filepath.Join("/proc/self/fd", link.Name())
		if to, err := os.Readlink(path); err == nil && strings.HasPrefix(to, dir+"/") {
			n++
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v, %v", to, info.Mode(), err)
			}
		}
	}
	return n
}

func TestSpool_NoSpace(t *testing.T) {
	large := func() io.Reader { return bytes.NewReader(make([]byte, 2<<20)) }
	_, err := (&sending.Spool{Dir: filepath.Join(t.TempDir(), "absent")}).Read(large(), -1)
	if !errors.Is(err, sending.ErrNoSpace) {
		t.Errorf("no directory: %v", err)
	}
	_, err = (&sending.Spool{Dir: t.TempDir()}).Read(io.MultiReader(large(), iotest.ErrReader(io.ErrUnexpectedEOF)), -1)
	if !errors.Is(err, sending.ErrBody) || !errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, sending.ErrNoSpace) {
		t.Errorf("a body that breaks off: %v", err)
	}
	if b, err := (&sending.Spool{
		Dir: filepath.Join(t.TempDir(), "absent"),
	}).Read(strings.NewReader("small"), -1); err != nil || b.Close() != nil {
		t.Errorf("a small body needs no file: %v", err)
	}
}

func TestSpool_QuotaIsShared(t *testing.T) {
	const mib = 1 << 20
	spool := &sending.Spool{Dir: t.TempDir(), Quota: sending.NewQuota(20 * mib)}
	read := func(caller string, size, length int64) (*sending.Body, error) {
		return spool.For(caller).Read(io.LimitReader(zeros{}, size), length)
	}
	first, err := read("a", 6*mib, 6*mib)
	if err != nil {
		t.Fatal(err)
	}
	for _, length := range []int64{5 * mib, -1} {
		if _, err := read("a", 5*mib, length); !errors.Is(err, sending.ErrNoSpace) {
			t.Errorf("a caller got more than half: %v", err)
		}
	}
	untouched := &io.LimitedReader{R: zeros{}, N: 5 * mib}
	if _, err := spool.For("a").Read(untouched, 5*mib); !errors.Is(err, sending.ErrNoSpace) || untouched.N != 5*mib {
		t.Errorf("%v after %d bytes, want none read of a body that does not fit", err, 5*mib-untouched.N)
	}
	if b, err := read("a", mib, -1); err != nil || b.Close() != nil {
		t.Errorf("what stays in memory needs no quota: %v", err)
	}
	second, err := read("b", 10*mib, -1)
	if err != nil {
		t.Fatalf("another caller: %v", err)
	}
	if _, err := read("c", 5*mib, 5*mib); !errors.Is(err, sending.ErrNoSpace) {
		t.Errorf("more than all: %v", err)
	}
	if used, total, refused := spool.Quota.Status(); used != 16*mib || total != 20*mib || refused != 4 {
		t.Errorf("%d bytes of %d in use, %d refused", used, total, refused)
	}
	for range 2 { // closing twice returns it once
		_ = first.Close()
	}
	_ = second.Close()
	for _, caller := range []string{"a", "b"} {
		b, err := read(caller, 10*mib, 10*mib)
		if err != nil {
			t.Fatalf("after closing: %v", err)
		}
		defer b.Close()
	}
	if _, err := read("c", 2*mib, 2*mib); !errors.Is(err, sending.ErrNoSpace) {
		t.Errorf("after closing there is more than before: %v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// Each piece of a response reaches the caller before the next is sent.
func TestSend_ResponseIsStreamed(t *testing.T) {
	more := make(chan struct{})
	server := newRawServer(t, func(conn net.Conn, r *bufio.Reader) {
		if _, _, err := readHead(r); err != nil {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
		for i := range 3 {
			_, _ = fmt.Fprintf(conn, "data: %d\n\n", i)
			<-more
		}
	})
	c := newClient(t, sending.Options{HTTPHosts: []string{server.host()}})
	a, err := c.Send(t.Context(), message{method: "GET", url: "http://" + server.host() + "/"}.request(t))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		event := make([]byte, 9)
		if _, err := io.ReadFull(a.Response.Body, event); err != nil || string(event) != fmt.Sprintf("data: %d\n\n", i) {
			t.Errorf("%q, %v", event, err)
		}
		more <- struct{}{}
	}
	readAll(t, a)
}

// A response may come and be read while the upload goes on.
func TestSend_StreamsBothBodiesAtOnce(t *testing.T) {
	server := newRawServer(t, func(conn net.Conn, r *bufio.Reader) {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
		_, _ = io.Copy(conn, req.Body)
	})
	c := newClient(t, sending.Options{HTTPHosts: []string{server.host()}})
	ours, theirs := io.Pipe()
	b, err := sending.Streamed(sha256Hex(nil), ours, -1)
	if err != nil {
		t.Fatal(err)
	}
	a, err := c.Send(t.Context(), message{method: "POST", url: "http://" + server.host() + "/", body: b}.request(t))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		text := fmt.Sprint("ping", i)
		_, _ = io.WriteString(theirs, text)
		echo := make([]byte, len(text))
		if _, err := io.ReadFull(a.Response.Body, echo); err != nil || string(echo) != text {
			t.Fatalf("%q, %v", echo, err)
		}
	}
	theirs.Close()
	if rest := readAll(t, a); rest != "" || a.Report().BytesOut != 25 || a.Report().BytesIn != 25 {
		t.Errorf("%q, report %+v", rest, a.Report())
	}
}

func TestResponse_ReadAll(t *testing.T) {
	for name, row := range map[string]struct {
		method, wire string
		limit        int64
		want         string
		err          error
		outcome      sending.Outcome
	}{
		"under the limit":             {wire: "200 OK\r\nContent-Length: 5\r\n\r\nhello", limit: 6, want: "hello"},
		"at the limit":                {wire: "200 OK\r\nContent-Length: 5\r\n\r\nhello", limit: 5, want: "hello"},
		"announced as over the limit": {wire: "200 OK\r\nContent-Length: 5\r\n\r\nhello", limit: 4, err: sending.ErrTooLarge},
		"over the limit":              {wire: "200 OK\r\n\r\nhello", limit: 4, want: "hell", err: sending.ErrTooLarge},
		"an error over the limit": {
			wire: "500 Oh\r\n\r\nhello", limit: 4, want: "hell", err: sending.ErrTooLarge, outcome: sending.OutcomeRefused,
		},
		"HEAD, over the limit": {method: "HEAD", wire: "200 OK\r\nContent-Length: 5\r\n\r\n", limit: 4},
		"nothing":              {wire: "204 No Content\r\n\r\n", limit: 0},
		"broken off, within the limit": {
			wire: "200 OK\r\nContent-Length: 5\r\n\r\nhel", limit: 9, want: "hel", err: sending.ErrBroken,
			outcome: sending.OutcomeBroken,
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := newRawServer(t, func(conn net.Conn, r *bufio.Reader) {
				if _, _, err := readHead(r); err == nil {
					_, _ = io.WriteString(conn, "HTTP/1.1 "+row.wire)
				}
			})
			c := newClient(t, sending.Options{HTTPHosts: []string{server.host()}})
			method := row.method
			if method == "" {
				method = "GET"
			}
			a, err := c.Send(t.Context(), message{method: method, url: "http://" + server.host() + "/"}.request(t))
			if err != nil {
				t.Fatal(err)
			}
			got, err := a.ReadAll(row.limit)
			if string(got) != row.want || (err != nil) != (row.err != nil) || err != nil && !errors.Is(err, row.err) {
				t.Errorf("%q, %v, want %q, %v", got, err, row.want, row.err)
			}
			want := row.outcome
			if want == "" {
				want = sending.OutcomeComplete
			}
			if a.Report().Outcome != want {
				t.Errorf("outcome %q, want %q", a.Report().Outcome, want)
			}
		})
	}
}

// A caller that leaves while reading the response is distinguished from a response
// that broke off.
func TestSend_CallerLeavesDuringTheResponse(t *testing.T) {
	server := newRawServer(t, func(conn net.Conn, r *bufio.Reader) {
		if _, _, err := readHead(r); err == nil {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
			_, _ = r.ReadByte()
		}
	})
	c := newClient(t, sending.Options{HTTPHosts: []string{server.host()}})
	for _, closes := range []bool{true, false} {
		ctx, cancel := context.WithCancel(t.Context())
		a, err := c.Send(ctx, message{method: "GET", url: "http://" + server.host() + "/"}.request(t))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(a.Response.Body, make([]byte, 5)); err != nil {
			t.Fatal(err)
		}
		if !closes {
			cancel()
			_, err = a.Response.Body.Read(make([]byte, 5))
			wantError(t, err, sending.ErrCallerGone)
		}
		a.Response.Body.Close()
		if a.Report().Outcome != sending.OutcomeCallerGone {
			t.Errorf("outcome %q", a.Report().Outcome)
		}
		cancel()
	}
}

func TestSend_NotSigned(t *testing.T) {
	c := newClient(t, sending.Options{})
	boom := errors.New("no session")
	r := message{method: "POST", url: "https://a.example/"}.request(t)
	sign := r.Sign
	r.Sign = func(context.Context, sending.Moment) (signing.Signed, *signing.Stream, error) {
		return signing.Signed{}, nil, boom
	}
	_, err := c.Send(t.Context(), r)
	e := wantError(t, err, sending.ErrNotSigned)
	if !errors.Is(err, boom) || len(e.Attempts) != 0 || e.Outcome != sending.OutcomeUnreachable {
		t.Errorf("%v, report %+v", err, e)
	}
	other := message{method: "POST", url: "https://b.example/"}.request(t)
	for name, f := range map[string]func(context.Context, sending.Moment) (signing.Signed, *signing.Stream, error){
		"for another host": other.Sign,
		"with a chunk stream, without chunks": func(ctx context.Context, at sending.Moment) (signing.Signed, *signing.Stream, error) {
			signed, _, err := sign(ctx, at)
			return signed, new(signing.Stream), err
		},
		"of nothing": func(context.Context, sending.Moment) (signing.Signed, *signing.Stream, error) {
			return signing.Signed{}, nil, nil
		},
	} {
		r.Sign = f
		_, err := c.Send(t.Context(), r)
		if !errors.Is(err, sending.ErrUnsendable) {
			t.Errorf("signed %s: %v", name, err)
		}
	}
}
