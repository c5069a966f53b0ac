package sending

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"

	"countersign/signing"
)

// Body is the payload of one request. [Bytes], [Streamed] and [Spool.Read] make
// bodies.
type Body struct {
	hash   string
	length int64 // -1 if unknown
	// open returns a reader of the whole body, or of the rest if the body cannot be
	// read again.
	open func(*signing.Stream) io.Reader
	// again means that the body can be read more than once.
	again  bool
	chunks bool
	close  func() error
}

// PayloadHash returns the payload hash to sign: the SHA-256 in hexadecimal, or one
// of AWS's names for other payloads, such as UNSIGNED-PAYLOAD.
func (b *Body) PayloadHash() string { return b.hash }

// Length returns the length in bytes, or -1 if it is unknown.
func (b *Body) Length() int64 { return b.length }

// SignsChunks reports whether [Request.Sign] must return a stream from
// [signing.Signer.SignStream] for this body.
func (b *Body) SignsChunks() bool { return b.chunks }

// Close removes the file of a spooled body. Close the response body first, and do
// not send the body again.
func (b *Body) Close() error {
	if b.close == nil {
		return nil
	}
	return b.close()
}

// Bytes returns a body of the given bytes, which must not be modified afterwards.
func Bytes(payload []byte) *Body {
	return &Body{
		hash: signing.PayloadHash(payload), length: int64(len(payload)), again: true,
		open: func(*signing.Stream) io.Reader { return bytes.NewReader(payload) },
	}
}

// Streamed returns a body that is sent while it is read from r, and so cannot be
// sent twice. The payload hash is what the client declares in x-amz-content-sha256:
//
//   - the SHA-256, which AWS verifies;
//   - UNSIGNED-PAYLOAD or STREAMING-UNSIGNED-PAYLOAD-TRAILER, over https only;
//   - STREAMING-AWS4-HMAC-SHA256-PAYLOAD, with or without -TRAILER: each chunk, of
//     at most 1 MiB, is signed again. The length does not change.
//
// A length of -1 means unknown. Closing the body does not close r. Errors:
// [ErrPayloadHash], [ErrPayloadKind].
func Streamed(payloadHash string, r io.Reader, length int64) (*Body, error) {
	b := &Body{hash: payloadHash, length: length, open: func(*signing.Stream) io.Reader { return r }}
	switch payloadHash {
	case signing.UnsignedPayload, signing.StreamingUnsignedPayloadTrailer:
	case signing.StreamingPayload, signing.StreamingPayloadTrailer:
		b.chunks = true
		trailer := payloadHash == signing.StreamingPayloadTrailer
		b.open = func(s *signing.Stream) io.Reader { return newChunks(r, s, trailer) }
	case signing.StreamingEvents, signing.StreamingPayloadECDSA, signing.StreamingPayloadTrailerECDSA:
		return nil, ErrPayloadKind
	default:
		if len(payloadHash) != len(signing.PayloadHash(nil)) || strings.Trim(payloadHash, "0123456789abcdef") != "" {
			return nil, ErrPayloadHash
		}
	}
	return b, nil
}

// upload is the body of one attempt. It keeps the error of its reader, because
// net/http may wrap or drop it.
type upload struct {
	from   io.Reader
	length int64 // as announced, -1 if unknown
	watch  *watch
	state  atomic.Int32 // untouched, touched or withdrawn
	read   atomic.Int64
	err    atomic.Pointer[error]
}

const (
	untouched = iota
	touched
	withdrawn
)

var errWithdrawn = errors.New("the attempt is over")

// Read implements io.Reader.
func (u *upload) Read(p []byte) (int, error) {
	if !u.state.CompareAndSwap(untouched, touched) && u.state.Load() == withdrawn {
		return 0, errWithdrawn
	}
	n, err := u.from.Read(p)
	read := u.read.Add(int64(n))
	if n > 0 {
		u.watch.progress()
	}
	var more int
	if u.length >= 0 && read == u.length && err == nil {
		// The last announced byte completes the request. Make sure that no more follow before passing it on.
		more, err = io.ReadFull(u.from, make([]byte, 1))
	}
	if ended := err == io.EOF; u.length >= 0 && (read+int64(more) > u.length || ended && read < u.length) { //nolint:errorlint // as below
		n, err = 0, fmt.Errorf("its length differs from the %d bytes announced", u.length)
	}
	if err != nil && err != io.EOF { //nolint:errorlint // io.Reader returns io.EOF as it is
		u.err.CompareAndSwap(nil, &err)
	}
	return n, err
}

// Close implements io.Closer. It closes nothing, because the caller owns the body.
func (u *upload) Close() error { return nil }

// withdraw blocks further reads if none has begun, so that another attempt can use
// the reader, and reports whether it did.
func (u *upload) withdraw() bool {
	return u == nil || u.state.CompareAndSwap(untouched, withdrawn) || u.state.Load() == withdrawn
}

// failure returns the error of the reader, or nil.
func (u *upload) failure() error {
	if u == nil {
		return nil
	}
	if err := u.err.Load(); err != nil {
		return *err
	}
	return nil
}
