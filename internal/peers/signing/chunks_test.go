//go:build peers

package signing_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"countersign/signing"
)

// chunked is a payload that is sent in signed chunks (S3 API Reference, "Transferring Payload in Multiple Chunks").
type chunked struct {
	form   string // the payload hash, such as signing.StreamingPayload
	chunks []string
	edit   func(body []byte) []byte // changes the body after it was signed
}

// upload signs and sends a payload.
func (c chunked) upload(t *testing.T, g *gateway, key string) serverResponse {
	t.Helper()
	whole := strings.Join(c.chunks, "")
	r := g.request(t, "PUT", bucket+"/"+key, nil,
		signing.Header{Name: "Content-Encoding", Value: "aws-chunked"},
		signing.Header{Name: "X-Amz-Decoded-Content-Length", Value: strconv.Itoa(len(whole))})
	r.PayloadHash = c.form
	if strings.HasSuffix(c.form, "-TRAILER") {
		r.Headers = append(r.Headers, signing.Header{Name: "X-Amz-Trailer", Value: "x-amz-checksum-crc32"})
	}
	var body bytes.Buffer
	var request *http.Request
	if c.form == signing.StreamingUnsignedPayloadTrailer {
		request, _ = g.sign(t, r, nil)
		for _, chunk := range append(c.chunks, "") {
			writeChunk(&body, chunk, "")
		}
		fmt.Fprintf(&body, "x-amz-checksum-crc32:%s\r\n\r\n", checksum(whole))
	} else {
		signed, stream, err := g.signer.SignStream(r)
		if err != nil {
			t.Fatal(err)
		}
		if request, err = http.NewRequest(r.Method, signed.URL.String(), nil); err != nil {
			t.Fatal(err)
		}
		for _, h := range signed.Headers {
			request.Header.Set(h.Name, h.Value)
		}
		writeStream(t, &body, stream, c, whole)
	}
	sent := body.Bytes()
	if c.edit != nil {
		sent = c.edit(sent)
	}
	request.Body, request.ContentLength = io.NopCloser(bytes.NewReader(sent)), int64(len(sent))
	return send(t, request)
}

// writeStream writes the chunks with their signatures, and the trailer.
func writeStream(t *testing.T, body *bytes.Buffer, stream *signing.Stream, c chunked, whole string) {
	t.Helper()
	for _, chunk := range append(c.chunks, "") {
		signature, err := stream.Chunk([]byte(chunk))
		if err != nil {
			t.Fatal(err)
		}
		writeChunk(body, chunk, ";chunk-signature="+signature)
	}
	if c.form != signing.StreamingPayloadTrailer {
		body.WriteString("\r\n")
		return
	}
	trailer := signing.Header{Name: "x-amz-checksum-crc32", Value: checksum(whole)}
	signature, err := stream.Trailer([]signing.Header{trailer})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(body, "%s:%s\r\nx-amz-trailer-signature:%s\r\n\r\n", trailer.Name, trailer.Value, signature)
}

// writeChunk writes a chunk; the last chunk, which is empty, has no line after it.
func writeChunk(body *bytes.Buffer, chunk, extension string) {
	fmt.Fprintf(body, "%x%s\r\n", len(chunk), extension)
	if chunk != "" {
		body.WriteString(chunk + "\r\n")
	}
}

func checksum(text string) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(text))))
}

// S3 requires every chunk except the last to have at least 8 KiB.
var chunks = []string{strings.Repeat("a", 64<<10), strings.Repeat("b", 8<<10), "and the rest"}

var streamForms = []string{signing.StreamingPayload, signing.StreamingPayloadTrailer, signing.StreamingUnsignedPayloadTrailer}

func TestGatewayAcceptsChunks(t *testing.T) {
	g := startGateway(t)
	for _, form := range streamForms {
		for i, c := range [][]string{chunks, chunks[2:], nil} {
			key := fmt.Sprintf("%s two words %d", form, i)
			if a := (chunked{form: form, chunks: c}).upload(t, g, key); a.status != http.StatusOK {
				t.Errorf("%s: %d %s", key, a.status, a.body)
				continue
			}
			got := g.mustSend(t, g.request(t, "GET", bucket+"/"+key, nil), nil)
			if got.body != strings.Join(c, "") {
				t.Errorf("%s: %d bytes", key, len(got.body))
			}
		}
	}
}

func TestGatewayRefusesChunks(t *testing.T) {
	g := startGateway(t)
	replace := func(old, with string) func([]byte) []byte {
		return func(body []byte) []byte {
			if !bytes.Contains(body, []byte(old)) {
				t.Fatalf("there is no %q in the payload", old)
			}
			return bytes.Replace(body, []byte(old), []byte(with), 1)
		}
	}
	flip := func(after string) func([]byte) []byte { // changes a digit of a signature
		return func(body []byte) []byte {
			i := bytes.LastIndex(body, []byte(after)) + len(after)
			body[i] = "10"[bytes.IndexByte([]byte("01"), body[i])&1]
			return body
		}
	}
	for _, tt := range []struct {
		name, form string
		edit       func([]byte) []byte
		code       string
	}{
		{"a byte of a chunk", signing.StreamingPayload, replace("and the rest", "and the test"), "SignatureDoesNotMatch"},
		{"a byte of the first chunk", signing.StreamingPayload, replace("aaaa", "aaab"), "SignatureDoesNotMatch"},
		{
			"a chunk exchanged for another of its length", signing.StreamingPayload,
			replace(strings.Repeat("b", 8<<10), strings.Repeat("a", 8<<10)), "SignatureDoesNotMatch",
		},
		{"the signature of the last chunk", signing.StreamingPayload, flip("chunk-signature="), "SignatureDoesNotMatch"},
		{"a byte of a chunk before a trailer", signing.StreamingPayloadTrailer, replace("and the rest", "and the test"), "SignatureDoesNotMatch"},
		{"the signature of the trailer", signing.StreamingPayloadTrailer, flip("trailer-signature:"), "SignatureDoesNotMatch"},
		{"the trailer", signing.StreamingPayloadTrailer, replace("crc32:"+checksum(strings.Join(chunks, "")), "crc32:AAAAAA=="), "BadDigest"},
		{
			"the name of the trailer", signing.StreamingPayloadTrailer, replace("x-amz-checksum-crc32:", "x-amz-checksum-crc64:"),
			"MalformedTrailerError",
		},
		{"a byte under an unsigned trailer", signing.StreamingUnsignedPayloadTrailer, replace("and the rest", "and the test"), "BadDigest"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := (chunked{form: tt.form, chunks: chunks, edit: tt.edit}).upload(t, g, "x")
			if a.code() != tt.code {
				t.Errorf("%d %s, want %s:\n%s", a.status, a.code(), tt.code, a.body)
			}
		})
	}
}
