package cli

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// outlet owns standard output while the service runs: one goroutine writes all
// lines of log and audit. A reader that stops reading must stop neither
// requests nor the end of the process, so log lines beyond its capacity are
// dropped and counted, and the caller who writes a record waits for it only as
// long as it wants to.
type outlet struct {
	to      io.Writer
	lines   chan line
	dropped atomic.Int64
	now     func() time.Time
	stop    chan struct{} // closed when no more lines come
	done    chan struct{} // closed when all are written
	once    sync.Once
}

type line struct {
	text    []byte
	written chan error // nil for a log line
}

// outletLines is how many lines may wait: some megabytes at most.
const outletLines = 2048

func newOutlet(to io.Writer, now func() time.Time) *outlet {
	o := &outlet{to: to, lines: make(chan line, outletLines), now: now, stop: make(chan struct{}), done: make(chan struct{})}
	go o.run()
	return o
}

func (o *outlet) run() {
	defer close(o.done)
	for {
		select {
		case l := <-o.lines:
			o.write(l)
			continue
		default:
		}
		select {
		case l := <-o.lines:
			o.write(l)
		case <-o.stop:
			if len(o.lines) == 0 {
				return
			}
		}
	}
}

func (o *outlet) write(l line) {
	if n := o.dropped.Swap(0); n > 0 {
		_, _ = fmt.Fprintf(o.to, `{"level":"warn","type":"lifecycle","dropped":%d,"time":%q,`+
			`"message":"log lines dropped: standard output was not read"}`+"\n", n, o.now().UTC().Format(recordTime))
	}
	n, err := o.to.Write(l.text)
	if err == nil && n < len(l.text) {
		err = io.ErrShortWrite
	}
	if l.written != nil {
		l.written <- err
	}
}

// Write takes a log line, and never waits.
func (o *outlet) Write(text []byte) (int, error) {
	select {
	case o.lines <- line{text: bytes.Clone(text)}:
	default:
		o.dropped.Add(1)
	}
	return len(text), nil
}

// close waits until what there is has been written, or for a second.
func (o *outlet) close() {
	o.once.Do(func() { close(o.stop) })
	select {
	case <-o.done:
	case <-time.After(time.Second):
	}
}

// records is the outlet for audit records, whose writer returns when the line is
// written.
type records struct{ *outlet }

func (r records) Write(text []byte) (int, error) {
	written := make(chan error, 1)
	select {
	case r.lines <- line{bytes.Clone(text), written}:
	case <-r.done:
		return 0, io.ErrClosedPipe
	}
	select {
	case err := <-written:
		if err != nil {
			return 0, err
		}
		return len(text), nil
	case <-r.done:
		return 0, io.ErrClosedPipe
	}
}
