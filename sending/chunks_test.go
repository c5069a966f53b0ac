package sending_test

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"countersign/sending"
	"countersign/signing"
)

// chain computes chunk signatures independently of package signing, as documented in
// the S3 API Reference, "Transferring Payload in Multiple Chunks".
type chain struct {
	key, previous, date, scope string
}

func newChain(authorization, date string) *chain {
	mac := func(key, text string) string {
		h := hmac.New(sha256.New, []byte(key))
		h.Write([]byte(text))
		return string(h.Sum(nil))
	}
	day := date[:8]
	key := mac(mac(mac(mac("AWS4"+secretKey, day), region), "s3"), "aws4_request")
	_, signature, _ := strings.Cut(authorization, "Signature=")
	return &chain{key, signature, date, day + "/" + region + "/s3/aws4_request"}
}

func (c *chain) next(kind string, hashes ...string) string {
	h := hmac.New(sha256.New, []byte(c.key))
	h.Write([]byte(strings.Join(append([]string{"AWS4-HMAC-SHA256" + kind, c.date, c.scope, c.previous}, hashes...), "\n")))
	c.previous = hex.EncodeToString(h.Sum(nil))
	return c.previous
}

func (c *chain) chunk(data []byte) string { return c.next("-PAYLOAD", sha256Hex(nil), sha256Hex(data)) }

func (c *chain) trailer(lines string) string { return c.next("-TRAILER", sha256Hex([]byte(lines))) }

// inChunks encodes a payload in chunks, as a client that signs with other keys does.
func inChunks(payload []byte, size int, trailer string) string {
	signature := strings.Repeat("ab", 32)
	var b strings.Builder
	for len(payload) > 0 {
		n := min(size, len(payload))
		fmt.Fprintf(&b, "%x;chunk-signature=%s\r\n%s\r\n", n, signature, payload[:n])
		payload = payload[n:]
	}
	fmt.Fprintf(&b, "0;chunk-signature=%s\r\n%s\r\n", signature, strings.ReplaceAll(trailer, "SIGNATURE", strings.Repeat("cd", 32)))
	return b.String()
}

// checkChunks verifies a body as S3 does and returns the payload.
func checkChunks(t *testing.T, wire string, c *chain, trailer string) []byte {
	t.Helper()
	var payload []byte
	r := bufio.NewReader(strings.NewReader(wire))
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("the body ends within a chunk: %v", err)
		}
		digits, signature, _ := strings.Cut(strings.TrimSpace(line), ";chunk-signature=")
		n, err := strconv.ParseInt(digits, 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		data := make([]byte, n)
		if _, err := io.ReadFull(r, data); err != nil {
			t.Fatal(err)
		}
		if want := c.chunk(data); signature != want {
			t.Fatalf("chunk of %d bytes has signature %s, want %s", n, signature, want)
		}
		if n == 0 {
			break
		}
		payload = append(payload, data...)
		if end, _ := r.ReadString('\n'); end != "\r\n" {
			t.Fatalf("chunk ends in %q", end)
		}
	}
	rest, _ := io.ReadAll(r)
	want := strings.ReplaceAll(trailer, "SIGNATURE", "")
	if trailer != "" {
		want = strings.ReplaceAll(trailer, "SIGNATURE", c.trailer("x-amz-checksum-crc32c:sOO8/Q==\n"))
	}
	if string(rest) != want+"\r\n" {
		t.Fatalf("after the last chunk %q, want %q", rest, want+"\r\n")
	}
	return payload
}

// trailers are payload trailers as different clients format them.
var trailers = map[string]string{
	"none":      "",
	"SDKs":      "x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:SIGNATURE\r\n",
	"minio-go":  "x-amz-checksum-crc32c:sOO8/Q==\n\r\nx-amz-trailer-signature:SIGNATURE\r\n",
	"AWS, page": "x-amz-checksum-crc32c:sOO8/Q==\n\r\n\r\nx-amz-trailer-signature:SIGNATURE\r\n",
	"spaces":    "X-Amz-Checksum-Crc32c: sOO8/Q==\r\nX-Amz-Trailer-Signature: SIGNATURE\r\n",
}

func TestStreamed_ChunksAreSignedAgain(t *testing.T) {
	for framing, trailer := range trailers {
		hash := signing.StreamingPayload
		if trailer != "" {
			hash = signing.StreamingPayloadTrailer
		}
		for _, size := range []int{0, 1, 7, 8 << 10, 64 << 10, 1 << 20} {
			for _, known := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s, %d bytes, length known %v", framing, size, known), func(t *testing.T) {
					payload := bytes.Repeat([]byte("0123456789abcdef\r\n;"), 2*size/19+1)[:2*size]
					payload = append(payload, "rest"[:min(size, 4)]...)
					body := inChunks(payload, max(size, 1), trailer)
					length := int64(len(body))
					if !known {
						length = -1
					}
					got, report := upload(t, hash, strings.NewReader(body), length)
					if known && got.request.ContentLength != int64(len(body)) || len(got.body) != len(body) {
						t.Errorf("%d bytes arrived and Content-Length was %d, want %d", len(got.body), got.request.ContentLength, len(body))
					}
					decoded := checkChunks(t, got.body, newChain(got.request.Header.Get("Authorization"), got.request.Header.Get("X-Amz-Date")), trailer)
					if !bytes.Equal(decoded, payload) {
						t.Error("the payload arrived changed")
					}
					if report.Outcome != sending.OutcomeComplete || report.BytesOut != int64(len(body)) {
						t.Errorf("report %+v", report)
					}
				})
			}
		}
	}
}

type uploaded struct {
	request *http.Request
	body    string
	err     error
}

// upload sends a body to a server and returns what arrived.
func upload(t *testing.T, hash string, r io.Reader, length int64) (uploaded, sending.Report) {
	t.Helper()
	got, report, err := tryUpload(t, hash, r, length)
	if err != nil || got.err != nil {
		t.Fatalf("sent: %v, received: %v", err, got.err)
	}
	return got, report
}

func tryUpload(t *testing.T, hash string, r io.Reader, length int64) (uploaded, sending.Report, error) {
	t.Helper()
	saw := make(chan uploaded, 1)
	server := newRawServer(t, func(conn net.Conn, r *bufio.Reader) {
		req, err := http.ReadRequest(r)
		if err != nil {
			saw <- uploaded{err: err}
			return
		}
		body, err := io.ReadAll(req.Body)
		saw <- uploaded{req, string(body), err}
		if err == nil {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
	})
	c := newClient(t, sending.Options{HTTPHosts: []string{server.host()}})
	b, err := sending.Streamed(hash, r, length)
	if err != nil {
		t.Fatal(err)
	}
	a, err := c.Send(t.Context(), message{method: "PUT", url: "http://" + server.host() + "/bucket/key", body: b, service: "s3"}.request(t))
	if err != nil {
		var report sending.Report
		if e := new(sending.Error); asError(err, &e) {
			report = e.Report
		}
		return <-saw, report, err
	}
	readAll(t, a)
	return <-saw, a.Report(), nil
}

// With malformed chunks, the server never gets a complete request, whether or not the
// length was announced.
func TestStreamed_BadChunksAreNeverComplete(t *testing.T) {
	const signature = "abababababababababababababababababababababababababababababababab"
	const head = ";chunk-signature=" + signature + "\r\n"
	good := inChunks([]byte("hello"), 5, "")
	goodTrailer := inChunks([]byte("hello"), 5, trailers["SDKs"])
	for name, row := range map[string]struct {
		body    string
		trailer bool
	}{
		"nothing":                        {body: " "},
		"no size":                        {body: head + "\r\n0" + head + "\r\n"},
		"a size that is not a number":    {body: "5g" + head + "hello\r\n0" + head + "\r\n"},
		"a negative size":                {body: "-5" + head + "hello\r\n0" + head + "\r\n"},
		"a size with a sign":             {body: "+5" + head + "hello\r\n0" + head + "\r\n"},
		"a size of 2^32":                 {body: "100000000" + head + "hello\r\n0" + head + "\r\n"},
		"a chunk over 1 MiB":             {body: inChunks(make([]byte, 1<<20+1), 1<<20+1, "")},
		"no signature":                   {body: "5\r\nhello\r\n0" + head + "\r\n"},
		"a short signature":              {body: "5;chunk-signature=ab\r\nhello\r\n0" + head + "\r\n"},
		"a long signature":               {body: "5;chunk-signature=" + signature + "00\r\nhello\r\n0" + head + "\r\n"},
		"another extension":              {body: "5;chunk-checksum=" + signature + "\r\nhello\r\n0" + head + "\r\n"},
		"a line that ends in LF":         {body: "5;chunk-signature=" + signature + "\nhello\r\n0" + head + "\r\n"},
		"a line without an end":          {body: strings.Repeat("0", 5000)},
		"data shorter than its size":     {body: "6" + head + "hello\r\n0" + head + "\r\n"},
		"data longer than its size":      {body: "4" + head + "hello\r\n0" + head + "\r\n"},
		"cut off within a size":          {body: good[:10]},
		"cut off within data":            {body: "5" + head + "hel"},
		"cut off after data":             {body: "5" + head + "hello"},
		"cut off after a chunk":          {body: "5" + head + "hello\r\n"},
		"cut off before the last line":   {body: good[:len(good)-2]},
		"cut off within the last line":   {body: good[:len(good)-1]},
		"data after the end":             {body: good + "x"},
		"two payloads":                   {body: good + good},
		"an undeclared trailer":          {body: goodTrailer},
		"a declared trailer is missing":  {body: good, trailer: true},
		"a trailer without a signature":  {body: "0" + head + "x-amz-checksum-crc32c:sOO8/Q==\r\n\r\n", trailer: true},
		"a trailer that is not a header": {body: "0" + head + "nonsense\r\nx-amz-trailer-signature:" + signature + "\r\n\r\n", trailer: true},
		"a trailer with a bad name":      {body: "0" + head + "a b:c\r\nx-amz-trailer-signature:" + signature + "\r\n\r\n", trailer: true},
		"a trailer, signature too short": {body: "0" + head + "a:c\r\nx-amz-trailer-signature:ab\r\n\r\n", trailer: true},
		"a trailer cut off":              {body: goodTrailer[:len(goodTrailer)-2], trailer: true},
		"a trailer of 9 KiB": {
			body:    "0" + head + "a:" + strings.Repeat("c", 9<<10) + "\r\nx-amz-trailer-signature:" + signature + "\r\n\r\n",
			trailer: true,
		},
	} {
		for _, known := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, length known %v", name, known), func(t *testing.T) {
				hash, length := signing.StreamingPayload, int64(-1)
				if row.trailer {
					hash = signing.StreamingPayloadTrailer
				}
				if known {
					length = int64(len(row.body))
				}
				got, report, err := tryUpload(t, hash, strings.NewReader(row.body), length)
				wantError(t, err, sending.ErrBody)
				if got.err == nil {
					t.Errorf("the server got a complete request: %q", got.body)
				}
				wantError(t, err, sending.ErrChunk)
				if strings.Contains(string(got.body), "hello") {
					t.Errorf("the server got all bytes of the object, which some servers treat as complete: %q", got.body)
				}
				if report.Outcome != sending.OutcomeBroken || len(report.Attempts) != 1 {
					t.Errorf("report %+v", report)
				}
			})
		}
	}
}

// The data of a chunk may arrive in pieces of any size.
func TestStreamed_ChunksInPieces(t *testing.T) {
	payload := make([]byte, 300)
	body := inChunks(payload, 100, trailers["minio-go"])
	random := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		got, _ := upload(t, signing.StreamingPayloadTrailer, &inPieces{strings.NewReader(body), random}, int64(len(body)))
		checkChunks(t, got.body, newChain(got.request.Header.Get("Authorization"), got.request.Header.Get("X-Amz-Date")), trailers["minio-go"])
	}
}

type inPieces struct {
	r      io.Reader
	random *rand.Rand
}

func (p *inPieces) Read(b []byte) (int, error) {
	return p.r.Read(b[:min(len(b), 1+p.random.IntN(40))])
}
