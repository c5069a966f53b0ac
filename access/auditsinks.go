package access

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Names of sinks.
const (
	SinkFile   = "file"
	SinkStdout = "stdout"
)

// SinkError is an [ErrAudit] of which the sink is known.
type SinkError struct {
	Sink string
	Err  error
}

func (e *SinkError) Error() string { return e.Err.Error() }

func (e *SinkError) Unwrap() error { return e.Err }

// sinks are where audit records go. One goroutine at a time uses them.
type sinks struct {
	stdout io.Writer // nil for none
	name   string    // of the file; empty for none
	file   *os.File
	opened os.FileInfo // of file

	fileCut, stdoutCut bool // the last line there was cut

	// Of the last write, the first line that did not get there whole.
	fileLacks, stdoutLacks []byte
}

// write appends lines, of which each ends where ends says, and returns how many of the first are on all sinks. The error is why
// the others are not.
func (s *sinks) write(text []byte, ends []int) (written int, err error) {
	written = len(ends)
	s.fileLacks, s.stdoutLacks = nil, nil
	if s.name != "" {
		var n int
		n, err = s.writeFile(text)
		written = wholeLines(ends, n)
		s.fileLacks = lineAt(text, ends, written)
		text = text[:endOf(ends, written)]
	}
	if s.stdout != nil {
		n, failed := writeLines(s.stdout, text, &s.stdoutCut)
		if failed != nil {
			err = errors.Join(err, &SinkError{SinkStdout, fmt.Errorf("writing to standard output: %w", failed)})
		}
		written = wholeLines(ends, n)
		s.stdoutLacks = lineAt(text, ends, written)
	}
	return written, err
}

// rewrite tries again what did not get there.
func (s *sinks) rewrite() error {
	if len(s.fileLacks) > 0 {
		if _, err := s.writeFile(s.fileLacks); err != nil {
			return err
		}
		s.fileLacks = nil
	}
	if len(s.stdoutLacks) > 0 {
		if _, err := writeLines(s.stdout, s.stdoutLacks, &s.stdoutCut); err != nil {
			return err
		}
		s.stdoutLacks = nil
	}
	return nil
}

// wholeLines is how many lines n bytes hold.
func wholeLines(ends []int, n int) int {
	for i, end := range ends {
		if end > n {
			return i
		}
	}
	return len(ends)
}

func endOf(ends []int, lines int) int {
	if lines == 0 {
		return 0
	}
	return ends[lines-1]
}

// lineAt is a line of text; nil where it has none there.
func lineAt(text []byte, ends []int, line int) []byte {
	if line == len(ends) || ends[line] > len(text) {
		return nil
	}
	return text[endOf(ends, line):ends[line]]
}

func (s *sinks) writeFile(text []byte) (n int, err error) {
	if err := s.followRotation(); err != nil {
		return 0, &SinkError{SinkFile, fmt.Errorf("opening the file: %w", err)}
	}
	if n, err = writeLines(s.file, text, &s.fileCut); err != nil {
		return n, &SinkError{SinkFile, fmt.Errorf("writing the file: %w", err)}
	}
	return n, nil
}

// writeLines ends a line that was cut before, as by a full disk, so that the next
// one is whole. It returns how much of the text was written.
func writeLines(w io.Writer, text []byte, cut *bool) (n int, err error) {
	if len(text) == 0 {
		return 0, nil
	}
	whole := text
	if *cut {
		whole = append([]byte{'\n'}, text...)
	}
	n, err = w.Write(whole)
	if err == nil && n < len(whole) {
		err = io.ErrShortWrite
	}
	if n > 0 {
		*cut = whole[n-1] != '\n'
	}
	return max(0, n-(len(whole)-len(text))), err
}

// followRotation looks at the file's name before each write: between a look and the next, records would go to a file that a
// rotation has moved, and perhaps packed and removed.
func (s *sinks) followRotation() error {
	if at, err := os.Stat(s.name); err == nil && os.SameFile(at, s.opened) {
		return nil
	}
	old := s.file
	if err := s.openFile(); err != nil {
		return err
	}
	s.fileCut = false
	// The old file is complete: nothing is buffered here.
	return old.Close()
}

func (s *sinks) openFile() error {
	file, err := os.OpenFile(s.name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	opened, err := file.Stat()
	if err != nil {
		return errors.Join(err, file.Close())
	}
	s.file, s.opened = file, opened
	return nil
}
