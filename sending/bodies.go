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

// Body is the payload of a request. It is made by [Bytes], [Streamed] or
// [Spool.Read], for one request.
type Body struct {
	hash   string
	length int64 // -1 where it is not known
	// open returns a reader of the whole, from its beginning. A body that cannot
	// be read again returns what is left.
	open func(*signing.Stream) io.Reader
	// again says that open can be called again after something was read.
	again  bool
	chunks bool
	close  func() error
}

// PayloadHash is what to sign: the SHA-256 in hexadecimal, or one of AWS's names
// for other payloads.
func (b *Body) PayloadHash() string { return b.hash }

// Length is in bytes, -1 where it is not known.
func (b *Body) Length() int64 { return b.length }

// SignsChunks says whether the body asks for the stream of
// [signing.Signer.SignStream].
func (b *Body) SignsChunks() bool { return b.chunks }

// Close frees what a spooled body holds. Nothing must be sent with it any more,
// and the body of the response must be closed.
func (b *Body) Close() error {
	if b.close == nil {
		return nil
	}
	return b.close()
}

// Bytes is a body in memory, which must not be changed.
func Bytes(payload []byte) *Body {
	return &Body{
		hash: signing.PayloadHash(payload), length: int64(len(payload)), again: true,
		open: func(*signing.Stream) io.Reader { return bytes.NewReader(payload) },
	}
}

// Streamed is a body that is sent as it is read and cannot be sent again. Its
// payload hash is what the client declares in x-amz-content-sha256:
//
//   - the SHA-256, which AWS checks;
//   - UNSIGNED-PAYLOAD or STREAMING-UNSIGNED-PAYLOAD-TRAILER, over https alone;
//   - STREAMING-AWS4-HMAC-SHA256-PAYLOAD, with -TRAILER or without: each chunk, of
//     at most a MiB, is signed again. Its length stays the same.
//
// The length is -1 where it is not known. It does not close r. Errors:
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

// upload is a body on its way into one attempt. It keeps the error of its reader,
// which net/http wraps or drops.
type upload struct {
	from   io.Reader
	length int64 // that was announced, -1 for none
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
		u.watch.moved()
	}
	var more int
	if u.length >= 0 && read == u.length && err == nil {
		// The last byte completes the request, so whether it is the last comes first.
		more, err = io.ReadFull(u.from, make([]byte, 1))
	}
	if ended := err == io.EOF; u.length >= 0 && (read+int64(more) > u.length || ended && read < u.length) { //nolint:errorlint // as below
		n, err = 0, fmt.Errorf("it has another length than the %d bytes that were announced", u.length)
	}
	if err != nil && err != io.EOF { //nolint:errorlint // io.Reader returns io.EOF as it is
		u.err.CompareAndSwap(nil, &err)
	}
	return n, err
}

// Close implements io.Closer. What is sent belongs to the caller.
func (u *upload) Close() error { return nil }

// withdraw ends the use of the reader if it has not begun, so that another
// attempt can have it.
func (u *upload) withdraw() bool {
	return u == nil || u.state.CompareAndSwap(untouched, withdrawn) || u.state.Load() == withdrawn
}

// failure is the error of the reader, nil for none.
func (u *upload) failure() error {
	if u == nil {
		return nil
	}
	if err := u.err.Load(); err != nil {
		return *err
	}
	return nil
}
