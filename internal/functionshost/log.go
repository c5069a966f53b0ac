package functionshost

import (
	"bytes"
	"strings"
	"sync"
	"time"
)

// Level is the level at which the host logs a line.
type Level string

// The levels.
const (
	Information Level = "Information"
	Warning     Level = "Warning"
	Error       Level = "Error"
)

// Line is one line in the app's log.
type Line struct {
	Time   time.Time
	Stream string // "stdout", "stderr" or, for the host's own lines, "host"
	Level  Level
	Text   string
}

type log struct {
	now func() time.Time

	mu   sync.Mutex
	list []Line
}

func (l *log) add(stream string, level Level, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, Line{l.now(), stream, level, text})
}

// Lines returns all lines so far.
func (h *Host) Lines() []Line {
	h.log.mu.Lock()
	defer h.log.mu.Unlock()
	return append([]Line(nil), h.log.list...)
}

// Alarms returns the lines that the program wrote to stderr: the operator sees each as an error, or as a warning if it
// contains "warn", whatever it says.
func (h *Host) Alarms() []Line {
	var alarms []Line
	for _, line := range h.Lines() {
		if line.Stream == "stderr" {
			alarms = append(alarms, line)
		}
	}
	return alarms
}

// lines splits a program's output into lines of the log.
type lines struct {
	log    *log
	stream string
	rest   []byte
}

// Write implements [io.Writer].
func (w *lines) Write(p []byte) (int, error) {
	w.rest = append(w.rest, p...)
	for {
		line, rest, found := bytes.Cut(w.rest, []byte("\n"))
		if !found {
			return len(p), nil
		}
		w.log.add(w.stream, classify(w.stream, string(line)), string(line))
		w.rest = rest
	}
}

// classify returns the level that the host gives to a line of a custom handler with UseStdErrorStreamForErrorsOnly
// enabled.
func classify(stream, line string) Level {
	switch {
	case stream == "stdout":
		return Information
	case strings.Contains(strings.ToLower(line), "warn"):
		return Warning
	}
	return Error
}
