package sending

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"countersign/signing"
)

const (
	maxChunk       = 1 << 20
	maxChunkLine   = 256     // a size and a signature take about 90 bytes
	maxTrailers    = 8 << 10 // all lines together
	chunkSignature = ";chunk-signature="
	signatureSize  = 64
)

// chunks reads a payload that is signed chunk by chunk (S3 API Reference,
// "Transferring Payload in Multiple Chunks") and puts the signatures of another
// key in the place of those it came with. Signatures have one length, so everything
// else stays where it is.
//
// It gives out a chunk once it has read it whole, but for its last byte and the
// end of its line, and the last chunk once it has seen the end: so a malformed
// payload never ends well, and its object lacks a byte, since some servers take
// an object for whole as soon as they have all of its bytes.
type chunks struct {
	from    io.Reader
	stream  *signing.Stream
	trailer bool // headers follow the last chunk

	buffer []byte
	pooled *piece // whose space buffer is, unless chunks are larger
	// Up to here the buffer was given out, may be given out, was looked at, and was
	// filled.
	given, ready, at, filled int

	ended error // of from
	err   error
}

func newChunks(r io.Reader, s *signing.Stream, trailer bool) *chunks {
	p := pieces.Get().(*piece)
	return &chunks{from: r, stream: s, trailer: trailer, buffer: p[:], pooled: p}
}

// Read implements io.Reader.
func (c *chunks) Read(p []byte) (int, error) {
	for c.given == c.ready && c.err == nil {
		c.err = c.next()
	}
	if c.given == c.ready {
		c.release()
		return 0, c.err
	}
	n := copy(p, c.buffer[c.given:c.ready])
	c.given += n
	return n, nil
}

// release gives the buffer back, of which nothing is of use any more.
func (c *chunks) release() {
	if c.pooled != nil {
		pieces.Put(c.pooled)
	}
	c.pooled, c.buffer = nil, nil
}

// next reads a chunk and signs it. The error is io.EOF with the last one.
func (c *chunks) next() error {
	c.makeSpace(len(c.buffer) / 2) // to read in large pieces
	line, err := c.line(maxChunkLine)
	if err != nil {
		return err
	}
	digits, signature, ok := strings.Cut(strings.TrimSuffix(line, "\r\n"), chunkSignature)
	size, sizeErr := strconv.ParseUint(digits, 16, 32)
	switch {
	case !ok, sizeErr != nil, !isSignature(signature), !strings.HasSuffix(line, "\r\n"):
		return fmt.Errorf("%w: a chunk must begin with its size, %s and 64 hexadecimal digits", ErrChunk, chunkSignature)
	case size > maxChunk:
		return fmt.Errorf("%w: a chunk has %d bytes; at most 1 MiB is allowed", ErrChunk, size)
	}
	data, err := c.data(int(size))
	if err != nil {
		return err
	}
	again, err := c.stream.Chunk(data)
	if err != nil {
		return err
	}
	copy(c.buffer[c.at-len(data)-len("\r\n")-signatureSize:], again)
	if size == 0 {
		return c.end()
	}
	if line, err := c.line(len("\r\n")); err != nil {
		return err
	} else if line != "\r\n" {
		return fmt.Errorf("%w: a chunk is longer than it says", ErrChunk)
	}
	c.ready = c.at - len("x\r\n")
	return nil
}

// data reads the data of a chunk.
func (c *chunks) data(size int) ([]byte, error) {
	c.makeSpace(size)
	for c.filled < c.at+size {
		if err := c.fill(); err != nil {
			return nil, err
		}
	}
	c.at += size
	return c.buffer[c.at-size : c.at], nil
}

// makeSpace makes space for so many bytes that come next.
func (c *chunks) makeSpace(size int) {
	if c.at+size <= len(c.buffer) {
		return
	}
	held := c.buffer[c.given:c.filled]
	if needed := c.at - c.given + size; needed <= len(c.buffer) {
		copy(c.buffer, held)
	} else {
		larger := make([]byte, needed+maxChunkLine) // for the next of that size, too
		copy(larger, held)
		c.release()
		c.buffer = larger
	}
	c.filled, c.at, c.given, c.ready = len(held), c.at-c.given, 0, 0
}

// fill reads on, where there is space.
func (c *chunks) fill() error {
	if c.ended != nil {
		return cutOff(c.ended)
	}
	var n int
	n, c.ended = c.from.Read(c.buffer[c.filled:])
	c.filled += n
	return nil
}

// end reads what follows the last chunk: the trailers, if any, an empty line, and
// nothing more.
func (c *chunks) end() error {
	if c.trailer {
		if err := c.trailers(); err != nil {
			return err
		}
	}
	if line, err := c.line(len("\r\n")); err != nil {
		return err
	} else if line != "\r\n" {
		return fmt.Errorf("%w: it does not end with an empty line", ErrChunk)
	}
	c.makeSpace(1)
	for c.filled == c.at && c.ended == nil {
		_ = c.fill() // which fails later
	}
	if c.filled > c.at {
		return fmt.Errorf("%w: something follows its end", ErrChunk)
	}
	if errors.Is(c.ended, io.EOF) {
		c.ready = c.at
	}
	return c.ended
}

// trailers reads headers up to their signature. Lines end in CR LF or LF, and
// some clients put an empty one before the signature: each goes out as it came.
func (c *chunks) trailers() error {
	const signatureName = "x-amz-trailer-signature"
	var headers []signing.Header
	for left := maxTrailers; ; {
		line, err := c.line(left)
		if err != nil {
			return err
		}
		left -= len(line)
		text := strings.TrimRight(line, "\r\n")
		name, value, ok := strings.Cut(text, ":")
		switch {
		case text == "" && len(headers) > 0:
		case !ok:
			return fmt.Errorf("%w: a trailer must be a name, a colon and a value", ErrChunk)
		case strings.EqualFold(strings.TrimSpace(name), signatureName):
			old := strings.TrimSpace(value)
			if !isSignature(old) {
				return fmt.Errorf("%w: %s must have 64 hexadecimal digits", ErrChunk, signatureName)
			}
			again, err := c.stream.Trailer(headers)
			if err != nil {
				return fmt.Errorf("%w: %w", ErrChunk, err)
			}
			copy(c.buffer[c.at-len(line)+strings.LastIndex(line, old):], again)
			return nil
		default:
			headers = append(headers, signing.Header{Name: name, Value: value})
		}
	}
}

func isSignature(text string) bool {
	return len(text) == signatureSize && strings.Trim(text, "0123456789abcdefABCDEF") == ""
}

// line reads up to the next line feed, of at most so many bytes.
func (c *chunks) line(most int) (string, error) {
	c.makeSpace(max(most, 1))
	for begin := c.at; ; {
		for c.at == c.filled {
			if err := c.fill(); err != nil {
				return "", err
			}
		}
		c.at++
		switch {
		case c.buffer[c.at-1] == '\n':
			return string(c.buffer[begin:c.at]), nil
		case c.at-begin >= most:
			return "", fmt.Errorf("%w: a line is longer than %d bytes", ErrChunk, most)
		}
	}
}

// cutOff is the error of a payload that ends before its last chunk.
func cutOff(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it ends too early", ErrChunk)
	}
	return err
}
