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
	lines  WholeLines  // into file

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
		n, failed := s.stdout.Write(text)
		if failed == nil && n < len(text) {
			failed = io.ErrShortWrite
		}
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
		if _, err := s.stdout.Write(s.stdoutLacks); err != nil {
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
	if n, err = s.lines.Write(text); err != nil {
		return n, &SinkError{SinkFile, fmt.Errorf("writing the file: %w", err)}
	}
	return n, nil
}

// WholeLines writes lines to a file or a pipe. A line that was cut before, as by a full disk, is ended first, so that the next
// one is whole.
type WholeLines struct {
	To  io.Writer
	cut bool // the last line there was
}

// Write returns how much of the text was written.
func (l *WholeLines) Write(text []byte) (n int, err error) {
	if len(text) == 0 {
		return 0, nil
	}
	if l.cut {
		if _, err := io.WriteString(l.To, "\n"); err != nil {
			return 0, err
		}
		l.cut = false
	}
	n, err = l.To.Write(text)
	if err == nil && n < len(text) {
		err = io.ErrShortWrite
	}
	if n > 0 {
		l.cut = text[n-1] != '\n'
	}
	return n, err
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
	s.file, s.opened, s.lines = file, opened, WholeLines{To: file, cut: endsAmidLine(s.name, opened)}
	return nil
}

// endsAmidLine tells whether a file was left with a line that is cut, as by a process that ended while the disk was full.
func endsAmidLine(name string, info os.FileInfo) bool {
	if !info.Mode().IsRegular() || info.Size() == 0 {
		return false
	}
	file, err := os.Open(name)
	if err != nil {
		return false // it can be written and not read
	}
	defer func() { _ = file.Close() }()
	last := []byte{'\n'}
	_, _ = file.ReadAt(last, info.Size()-1)
	return last[0] != '\n'
}
