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
	maxChunkLine   = 256     // size and signature take about 90 bytes
	maxTrailers    = 8 << 10 // all lines together
	chunkSignature = ";chunk-signature="
	signatureSize  = 64
)

// chunks reads a payload of signed chunks (S3 API Reference, "Transferring Payload
// in Multiple Chunks") and replaces the signatures with ones made by another key.
// All signatures have the same length, so nothing else moves.
//
// Read returns a chunk only once all of it has been read. It holds back the chunk's
// last byte and line end until the next chunk has been read, and the last chunk until
// the end of the payload. So a malformed payload is never sent completely. Its object
// lacks at least one byte, because some servers consider an object complete as soon
// as they have all of its bytes.
type chunks struct {
	from    io.Reader
	stream  *signing.Stream
	trailer bool // headers follow the last chunk

	buffer []byte
	pooled *piece // backs buffer, unless chunks are larger
	// Ends of the parts of buffer that were returned, may be returned, were parsed
	// and are filled.
	returned, ready, at, filled int

	ended error // that from returned
	err   error
}

func newChunks(r io.Reader, s *signing.Stream, trailer bool) *chunks {
	p := pieces.Get().(*piece)
	return &chunks{from: r, stream: s, trailer: trailer, buffer: p[:], pooled: p}
}

// Read implements io.Reader.
func (c *chunks) Read(p []byte) (int, error) {
	for c.returned == c.ready && c.err == nil {
		c.err = c.next()
	}
	if c.returned == c.ready {
		c.release()
		return 0, c.err
	}
	n := copy(p, c.buffer[c.returned:c.ready])
	c.returned += n
	return n, nil
}

// release returns the buffer to the pool once its content is no longer needed.
func (c *chunks) release() {
	if c.pooled != nil {
		pieces.Put(c.pooled)
	}
	c.pooled, c.buffer = nil, nil
}

// next reads a chunk and signs it. With the last chunk, it returns io.EOF.
func (c *chunks) next() error {
	c.makeSpace(len(c.buffer) / 2) // so that reads are large
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
		return fmt.Errorf("%w: a chunk is longer than its declared size", ErrChunk)
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

// makeSpace makes space in the buffer for the next size bytes.
func (c *chunks) makeSpace(size int) {
	if c.at+size <= len(c.buffer) {
		return
	}
	held := c.buffer[c.returned:c.filled]
	if needed := c.at - c.returned + size; needed <= len(c.buffer) {
		copy(c.buffer, held)
	} else {
		larger := make([]byte, needed+maxChunkLine) // also fits the next chunk of this size
		copy(larger, held)
		c.release()
		c.buffer = larger
	}
	c.filled, c.at, c.returned, c.ready = len(held), c.at-c.returned, 0, 0
}

// fill reads more into the free part of the buffer.
func (c *chunks) fill() error {
	if c.ended != nil {
		return cutOff(c.ended)
	}
	var n int
	n, c.ended = c.from.Read(c.buffer[c.filled:])
	c.filled += n
	return nil
}

// end reads what follows the last chunk, which must be the trailers, if any, and an
// empty line.
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
		_ = c.fill() // sets c.ended, which is checked below
	}
	if c.filled > c.at {
		return fmt.Errorf("%w: there is data after its end", ErrChunk)
	}
	if errors.Is(c.ended, io.EOF) {
		c.ready = c.at
	}
	return c.ended
}

// trailers reads the trailers up to and including their signature. Lines end in
// CR LF or LF, and some clients put an empty line before the signature. All of this
// is sent unchanged.
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

// line reads a line, which may have up to most bytes with its line feed.
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

// cutOff returns the error for a payload that ends before its last chunk.
func cutOff(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it ends too early", ErrChunk)
	}
	return err
}
