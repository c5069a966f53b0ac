package access

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// The names of sinks.
const (
	SinkFile   = "file"
	SinkStdout = "stdout"
)

// SinkError is an audit error that names the sink that failed.
type SinkError struct {
	Sink string
	Err  error
}

func (e *SinkError) Error() string { return e.Err.Error() }

func (e *SinkError) Unwrap() error { return e.Err }

// sinks are the destinations of audit records. Only one goroutine at a time uses them.
type sinks struct {
	stdout io.Writer // nil if not configured
	name   string    // of the file; empty if not configured
	file   *os.File
	opened os.FileInfo // of file
	lines  WholeLines  // writes to file

	// The first line of the last write that the sink did not take whole.
	fileLacks, stdoutLacks []byte
}

// write writes lines, which end at the offsets in ends, and returns how many of the first lines are on all sinks. The
// error says why the others are not.
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

// rewrite retries the lines that the sinks lack.
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

// wholeLines returns how many lines fit entirely into n bytes.
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

// lineAt returns one line of text, or nil if text ends before it.
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

// WholeLines writes lines to a file or a pipe. If a line was cut, for example by a full disk, it ends that line before
// the next write, so that the next line is whole.
type WholeLines struct {
	To  io.Writer
	cut bool // the last line written was cut
}

// Write writes text and returns how many of its bytes were written.
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

// followRotation checks the file's name before each write. If it checked less often, records would go to a file that
// log rotation has moved, and perhaps compressed and removed.
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

// endsAmidLine reports whether a file ends with a cut line, as left by a process that ended while the disk was full.
func endsAmidLine(name string, info os.FileInfo) bool {
	if !info.Mode().IsRegular() || info.Size() == 0 {
		return false
	}
	file, err := os.Open(name)
	if err != nil {
		return false // the file may be writable but not readable
	}
	defer func() { _ = file.Close() }()
	last := []byte{'\n'}
	_, _ = file.ReadAt(last, info.Size()-1)
	return last[0] != '\n'
}
