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
	"sync"

	"countersign/signing"
)

const (
	spoolMemory = 1 << 20
	spoolBytes  = 1 << 30
)

// Spool buffers whole bodies, so that their hash is known before they are sent. Bodies
// larger than 1 MiB go into a file that no other user can open.
type Spool struct {
	// Dir is the directory of the files. Default: the system's temporary directory.
	Dir string
	// MaxBytes is the largest allowed body. Default: 1 GiB.
	MaxBytes int64
	// Quota limits the files of all spools that share it. Default: none.
	Quota *Quota

	caller string
}

// For returns a spool whose files count towards the caller's share of the quota.
func (s *Spool) For(caller string) *Spool {
	own := *s
	own.caller = caller
	return &own
}

// Read reads a body to its end. It refuses a body without reading it if length is too
// large. A length of -1 means unknown. Errors: [ErrBodyTooLarge], [ErrNoSpace], and
// [ErrBody], which wraps the error of r.
func (s *Spool) Read(r io.Reader, length int64) (*Body, error) {
	limit := s.MaxBytes
	if limit == 0 {
		limit = spoolBytes
	}
	if length > limit {
		return nil, ErrBodyTooLarge
	}
	if length >= 0 {
		limit = length // no more than was announced
	}
	sum := sha256.New()
	from := &spooling{r: r, sum: sum, left: limit, announced: length >= 0}
	b, err := s.hold(from, length)
	if err != nil {
		return nil, err
	}
	if length >= 0 && b.length != length {
		return nil, errors.Join(fmt.Errorf("%w: it has %d bytes, but %d were announced", ErrBody, b.length, length), b.Close())
	}
	b.hash = hex.EncodeToString(sum.Sum(nil))
	return b, nil
}

// hold reads a body to its end into memory or a file.
func (s *Spool) hold(from io.Reader, length int64) (*Body, error) {
	if length > spoolMemory {
		buffer := spoolBuffers.Get().(*[spoolMemory]byte)
		defer spoolBuffers.Put(buffer)
		return s.holdInFile(nil, from, buffer[:], length)
	}
	var memory bytes.Buffer
	if length > 0 {
		memory.Grow(int(length) + bytes.MinRead)
	}
	n, err := memory.ReadFrom(io.LimitReader(from, spoolMemory+1))
	content := memory.Bytes()
	switch {
	case err != nil:
		return nil, err
	case n > spoolMemory:
		return s.holdInFile(content, from, memory.Bytes()[:memory.Cap()], 0)
	}
	return &Body{length: n, again: true, open: func(*signing.Stream) io.Reader { return bytes.NewReader(content) }}, nil
}

// holdInFile writes begun, which was read already, and the rest to a file. It reads
// the rest by way of buffer, which may share its memory with begun. A body of known
// size is refused before it is read if the quota is too small.
func (s *Spool) holdInFile(begun []byte, rest io.Reader, buffer []byte, size int64) (*Body, error) {
	file, err := s.File()
	if err != nil {
		return nil, err
	}
	var length int64
	if err = file.reserve(size); err == nil {
		length, err = file.fill(begun, rest, buffer)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &Body{
		length: length, again: true, close: file.Close,
		open: func(*signing.Stream) io.Reader { return io.NewSectionReader(file, 0, length) },
	}, nil
}

// spoolBuffers are buffers for writing bodies to files. They are 1 MiB large, because
// the cost depends on the number of writes.
var spoolBuffers = sync.Pool{New: func() any { return new([spoolMemory]byte) }}

// spooling reads and hashes a body with a length limit.
type spooling struct {
	r         io.Reader
	sum       hash.Hash
	left      int64
	announced bool
}

// Read implements io.Reader. It asks for one byte more than allowed, to notice larger bodies.
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
			return 0, fmt.Errorf("%w: it is longer than announced", ErrBody)
		}
		return 0, ErrBodyTooLarge
	}
	s.sum.Write(p[:n])
	if err != nil && err != io.EOF { //nolint:errorlint // io.Reader returns io.EOF as it is
		err = fmt.Errorf("%w: %w", ErrBody, err)
	}
	return n, err
}

// SpoolFile is a temporary file. It has no name, if the system allows that.
type SpoolFile struct {
	file   *os.File
	name   string // to be removed by Close; empty if already removed
	quota  *Quota
	caller string

	reserved, written int64
}

// File creates an empty file. The error wraps [ErrNoSpace].
func (s *Spool) File() (*SpoolFile, error) {
	file, err := os.CreateTemp(s.Dir, "countersign-*.body") // 0600
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoSpace, err)
	}
	f := &SpoolFile{file: file, quota: s.Quota, caller: s.caller}
	if err := os.Remove(file.Name()); err != nil {
		f.name = file.Name()
	}
	return f, nil
}

// Write appends to the file. The error wraps [ErrNoSpace].
func (f *SpoolFile) Write(b []byte) (int, error) {
	if err := f.reserve(f.written + int64(len(b))); err != nil {
		return 0, err
	}
	n, err := f.file.Write(b)
	f.written += int64(n)
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrNoSpace, err)
	}
	return n, err
}

// reserve makes the file's part of the quota at least size.
func (f *SpoolFile) reserve(size int64) error {
	more := size - f.reserved
	if more <= 0 || f.quota == nil {
		return nil
	}
	if !f.quota.take(f.caller, more) {
		return fmt.Errorf("%w: the quota for files is in use", ErrNoSpace)
	}
	f.reserved = size
	return nil
}

// ReadAt implements [io.ReaderAt].
func (f *SpoolFile) ReadAt(b []byte, at int64) (int, error) { return f.file.ReadAt(b, at) }

// fill writes begun and the rest, and returns the total length.
func (f *SpoolFile) fill(begun []byte, rest io.Reader, buffer []byte) (int64, error) {
	var length int64
	for piece, ended := begun, false; ; {
		n, err := f.Write(piece)
		if length += int64(n); err != nil {
			return length, err
		}
		if ended {
			return length, nil
		}
		n, err = io.ReadFull(rest, buffer)
		piece, ended = buffer[:n], err == io.EOF || err == io.ErrUnexpectedEOF //nolint:errorlint // spooling wraps other errors
		if err != nil && !ended {
			return length, err
		}
	}
}

// Close closes and removes the file.
func (f *SpoolFile) Close() error {
	err := f.file.Close()
	if f.reserved > 0 {
		f.quota.give(f.caller, f.reserved)
		f.reserved = 0
	}
	if f.name != "" {
		err = errors.Join(err, os.Remove(f.name))
	}
	return err
}
