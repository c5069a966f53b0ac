package sending

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
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
// "Transferring Payload in Multiple Chunks") and writes it with the signatures of
// another key. Signatures have one length, so everything else stays where it is.
//
// It gives out a chunk once it has read it whole, but for the end of its line,
// and the last one once it has seen the end: so a malformed payload is always
// shorter than its Content-Length and never ends well.
type chunks struct {
	from    *bufio.Reader
	stream  *signing.Stream
	trailer bool        // headers follow the last chunk
	out     net.Buffers // not yet given out
	data    []byte      // of the last chunk read
	open    bool        // its line end is still to be given out
	done    bool
	err     error
}

func newChunks(r io.Reader, s *signing.Stream, trailer bool) *chunks {
	return &chunks{from: bufio.NewReaderSize(r, 32<<10), stream: s, trailer: trailer}
}

// Read implements io.Reader.
func (c *chunks) Read(p []byte) (int, error) {
	for len(c.out) == 0 {
		if c.err == nil && c.done {
			c.err = io.EOF
		}
		if c.err != nil {
			return 0, c.err
		}
		if c.err = c.next(); c.err != nil {
			c.out = nil
		}
	}
	n, _ := c.out.Read(p) // whose end is not ours
	return n, nil
}

// next reads a chunk and writes it to out.
func (c *chunks) next() error {
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
	if uint64(cap(c.data)) < size {
		c.data = make([]byte, size)
	}
	c.data = c.data[:size]
	if _, err := io.ReadFull(c.from, c.data); err != nil {
		return cutOff(err)
	}
	again, err := c.stream.Chunk(c.data)
	if err != nil {
		return err
	}
	if c.open {
		c.write("\r\n")
	}
	c.open = true
	if size == 0 {
		c.write(digits + chunkSignature + again + "\r\n")
		return c.end()
	}
	if line, err := c.line(len("\r\n")); err != nil {
		return err
	} else if line != "\r\n" {
		return fmt.Errorf("%w: a chunk is longer than it says", ErrChunk)
	}
	c.write(digits + chunkSignature + again + "\r\n")
	c.out = append(c.out, c.data)
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
	c.write("\r\n")
	if _, err := c.from.ReadByte(); err == nil {
		return fmt.Errorf("%w: something follows its end", ErrChunk)
	} else if !errors.Is(err, io.EOF) {
		return err
	}
	c.done = true
	return nil
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
			c.write(strings.Replace(line, old, again, 1))
			return nil
		default:
			headers = append(headers, signing.Header{Name: name, Value: value})
		}
		c.write(line)
	}
}

func isSignature(text string) bool {
	return len(text) == signatureSize && strings.Trim(text, "0123456789abcdefABCDEF") == ""
}

func (c *chunks) write(text string) { c.out = append(c.out, []byte(text)) }

// line reads up to the next line feed, of at most so many bytes.
func (c *chunks) line(most int) (string, error) {
	var line []byte
	for {
		b, err := c.from.ReadByte()
		if err != nil {
			return "", cutOff(err)
		}
		line = append(line, b)
		switch {
		case b == '\n':
			return string(line), nil
		case len(line) >= most:
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
