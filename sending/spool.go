package sending

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"countersign/signing"
)

const (
	spoolMemory = 1 << 20
	spoolBytes  = 1 << 30
)

// Spool reads bodies whole, for their hash. What is larger than a MiB goes into a
// file that nobody else can open.
type Spool struct {
	// Dir is the directory of the files. Default: that of the system for temporary
	// files.
	Dir string
	// MaxBytes is how large a body may be. Default: 1 GiB.
	MaxBytes int64
}

// Read reads a body to its end. Its length, -1 where it is not known, serves to
// refuse without reading. Errors, wrapping what r says: [ErrBodyTooLarge],
// [ErrNoSpace], [ErrBody].
func (s *Spool) Read(r io.Reader, length int64) (*Body, error) {
	limit := s.MaxBytes
	if limit == 0 {
		limit = spoolBytes
	}
	if length > limit {
		return nil, ErrBodyTooLarge
	}
	if length >= 0 {
		limit = length // not a byte more than was announced
	}
	sum := sha256.New()
	from := &spooling{r: r, sum: sum, left: limit, announced: length >= 0}
	var memory bytes.Buffer
	if n := min(length, spoolMemory); n > 0 {
		memory.Grow(int(n) + bytes.MinRead)
	}
	n, err := memory.ReadFrom(io.LimitReader(from, spoolMemory+1))
	if err != nil {
		return nil, err
	}
	b := &Body{length: n, again: true, open: func(*signing.Stream) io.Reader { return bytes.NewReader(memory.Bytes()) }}
	if n > spoolMemory {
		file, err := s.file()
		if err != nil {
			return nil, err
		}
		if b.length, err = file.fill(&memory, from); err != nil {
			return nil, errors.Join(err, file.Close())
		}
		b.close = file.Close
		b.open = func(*signing.Stream) io.Reader { return io.NewSectionReader(file, 0, b.length) }
	}
	if length >= 0 && b.length != length {
		return nil, errors.Join(fmt.Errorf("%w: it has %d bytes and was announced with %d", ErrBody, b.length, length), b.Close())
	}
	b.hash = hex.EncodeToString(sum.Sum(nil))
	return b, nil
}

// spooling reads a body of at most so many bytes and hashes it.
type spooling struct {
	r         io.Reader
	sum       hash.Hash
	left      int64
	announced bool
}

// Read implements io.Reader. One byte more than allowed is asked for, to know.
func (s *spooling) Read(p []byte) (int, error) {
	if s.left < 0 {
		return 0, ErrBodyTooLarge
	}
	if int64(len(p)) > s.left+1 {
		p = p[:s.left+1]
	}
	n, err := s.r.Read(p)
	if s.left -= int64(n); s.left < 0 {
		if s.announced {
			return 0, fmt.Errorf("%w: it is longer than was announced", ErrBody)
		}
		return 0, ErrBodyTooLarge
	}
	s.sum.Write(p[:n])
	if err != nil && err != io.EOF { //nolint:errorlint // io.Reader returns io.EOF as it is
		err = fmt.Errorf("%w: %w", ErrBody, err)
	}
	return n, err
}

// spoolFile has no name any more, where the system allows that.
type spoolFile struct {
	*os.File
	name string // to be removed at the end; empty when it is gone
}

func (s *Spool) file() (*spoolFile, error) {
	file, err := os.CreateTemp(s.Dir, "countersign-*.body") // 0600
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoSpace, err)
	}
	f := &spoolFile{File: file}
	if err := os.Remove(file.Name()); err != nil {
		f.name = file.Name()
	}
	return f, nil
}

// fill writes what was read already and the rest.
func (f *spoolFile) fill(memory *bytes.Buffer, rest io.Reader) (int64, error) {
	to := spaceWriter{f.File}
	n, err := memory.WriteTo(to)
	if err != nil {
		return n, err
	}
	buffer := make([]byte, 128<<10)
	more, err := io.CopyBuffer(to, struct{ io.Reader }{rest}, buffer)
	return n + more, err
}

// Close removes the file.
func (f *spoolFile) Close() error {
	err := f.File.Close()
	if f.name != "" {
		err = errors.Join(err, os.Remove(f.name))
	}
	return err
}

// spaceWriter tells a full disk from a body that cannot be read.
type spaceWriter struct{ w io.Writer }

func (s spaceWriter) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrNoSpace, err)
	}
	return n, err
}
