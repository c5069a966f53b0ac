package proxy

import (
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"countersign/broker"
	"countersign/endpoints"
	"countersign/problem"
	"countersign/sending"
	"countersign/signing"
)

const (
	// inMemory is how much of a body is kept in memory.
	inMemory = 1 << 20
)

// payload decides how the client's body is signed. A declared hash is signed as it
// stands, and AWS verifies it; a body without one is read first. Forms and messages
// to MCP servers are read too, because they name the operation, which policies see.
func (x *exchange) payload(in *broker.SendInput, body io.Reader, length int64) {
	declared := strings.TrimSpace(x.in.Header.Get("X-Amz-Content-Sha256"))
	isClaim := declared != "" && declared != signing.UnsignedPayload
	switch {
	case body != nil && (isForm(x.in) || x.isMCP()) && length >= 0 && length <= inMemory && !strings.HasPrefix(declared, "STREAMING-"):
		in.Body = func() (broker.Body, error) { return x.read(body, length) }
		if isClaim {
			return // the broker reports a wrong hash
		}
	case body == nil && (!isClaim || declared == signing.PayloadHash(nil)):
	case body == nil: // AWS decides what this means
		in.Stream = &broker.Stream{Hash: declared, Open: func() (*sending.Body, error) { return sending.Streamed(declared, http.NoBody, 0) }}
	case declared != "":
		in.Stream = &broker.Stream{Hash: declared, Open: func() (*sending.Body, error) { return sending.Streamed(declared, body, length) }}
	default:
		in.Stream = &broker.Stream{Open: func() (*sending.Body, error) {
			if err := x.reserve(held(length)); err != nil {
				return nil, err
			}
			return x.proxy.Spool.For(x.call.Caller.ID).Read(body, length)
		}}
		in.Stream.Unsigned = func() (*sending.Body, error) { return sending.Streamed(signing.UnsignedPayload, body, length) }
		in.Stream.PreferUnsigned = x.proxy.Unsigned && length >= 0 // without a length, S3 wants aws-chunked
	}
	in.Headers = slices.DeleteFunc(in.Headers, func(h signing.Header) bool { return h.Name == "X-Amz-Content-Sha256" })
}

// read reads a body into memory.
func (x *exchange) read(body io.Reader, length int64) (broker.Body, error) {
	if err := x.reserve(2 * length); err != nil { // policies see a copy
		return broker.Body{}, err
	}
	content := make([]byte, length)
	if _, err := io.ReadFull(body, content); err != nil {
		return broker.Body{}, &problem.Error{Code: "body_unreadable", Detail: "The body is incomplete.", Cause: err}
	}
	media := broker.MediaForm
	if x.isMCP() {
		media = broker.MediaJSON
	}
	return broker.Body{Present: true, Bytes: content, MediaType: media, Text: true}, nil
}

// held is how much memory a spool takes for a body. The buffer for an unknown length,
// which is -1, grows, and exists twice while it is copied.
func held(length int64) int64 {
	if length < 0 {
		return 2 * inMemory
	}
	return min(length, inMemory)
}

// reserve reserves memory until the exchange ends.
func (x *exchange) reserve(bytes int64) error {
	release, err := x.proxy.Reserve(x.in.Context(), x.call.Caller.ID, bytes)
	if err == nil {
		x.release = append(x.release, release)
	}
	return err
}

func (x *exchange) isMCP() bool {
	u, err := url.Parse(x.target.URL)
	return err == nil && x.in.Method == http.MethodPost && endpoints.IsMCP(u.Host, u.EscapedPath())
}

func isForm(r *http.Request) bool {
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return r.Method == http.MethodPost && media == broker.MediaForm
}
