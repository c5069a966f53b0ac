package cli

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"

	"countersign/access"
)

// stdoutWriter owns standard output while the service runs: one goroutine writes all log lines and audit records, and
// writes together those that arrive while it is busy. A reader that stops reading must block neither requests nor the
// end of the process. So log lines beyond its capacity are dropped and counted, as are those that cannot be written,
// and the caller of an audit write waits only as long as it wants to.
type stdoutWriter struct {
	to   access.WholeLines
	now  func() time.Time
	some chan struct{} // signals that there is something to write
	stop chan struct{} // closed when no more lines come
	done chan struct{} // closed when all are written
	once sync.Once

	mu      sync.Mutex
	pending *lineBatch // the lines to write next
	dropped int64
}

// lineBatch is lines that are written together.
type lineBatch struct {
	text    []byte
	count   int
	records []span // parts of text whose writers get the result themselves

	// The result, for writers that wait for it, once written is closed: n bytes were written, and err says why no
	// more.
	written chan struct{}
	n       int
	err     error
}

// span is a part of a text.
type span struct{ from, to int }

// maxPendingLines is how many lines may wait: some megabytes at most.
const maxPendingLines = 2048

func newStdoutWriter(to io.Writer, now func() time.Time) *stdoutWriter {
	o := &stdoutWriter{
		to: access.WholeLines{To: to}, now: now, some: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
		pending: new(lineBatch),
	}
	go o.run()
	return o
}

func (o *stdoutWriter) run() {
	defer close(o.done)
	var buf []byte
	for {
		select {
		case <-o.some:
			runtime.Gosched() // others may be about to add lines
			buf = o.write(buf)
		case <-o.stop:
			o.write(buf)
			return
		}
	}
}

// write writes what is pending; lines that arrive meanwhile go to buf. It returns the buffer that is then free.
func (o *stdoutWriter) write(buf []byte) []byte {
	o.mu.Lock()
	l, dropped := o.pending, o.dropped
	o.pending, o.dropped = &lineBatch{text: buf}, 0
	o.mu.Unlock()
	lost := int64(0)
	if dropped > 0 {
		line := fmt.Appendf(nil, `{"level":"warn","type":"lifecycle","dropped":%d,"time":%q,`+
			`"message":"log lines dropped: standard output was not read or could not be written"}`+"\n", dropped, o.now().UTC().Format(recordTime))
		if _, err := o.to.Write(line); err != nil {
			lost = dropped
		}
	}
	if l.n, l.err = o.to.Write(l.text); l.err != nil {
		lost += l.lost()
	}
	if lost > 0 {
		o.mu.Lock()
		o.dropped += lost
		o.mu.Unlock()
	}
	if l.written != nil {
		close(l.written)
	}
	if cap(l.text) > maxReusedBuffer {
		return nil
	}
	return l.text[:0]
}

// lost counts the log lines that were not written.
func (l *lineBatch) lost() int64 {
	lines := func(from, to int) int { return bytes.Count(l.text[min(max(from, l.n), to):to], []byte("\n")) }
	n := lines(0, len(l.text))
	for _, record := range l.records {
		n -= lines(record.from, record.to)
	}
	return int64(n)
}

// maxReusedBuffer is how large a buffer may be and still be reused.
const maxReusedBuffer = 64 << 10

// add appends text to what is pending. The caller holds the lock.
func (o *stdoutWriter) add(text []byte) *lineBatch {
	l := o.pending
	l.text = append(l.text, text...)
	l.count++
	select {
	case o.some <- struct{}{}:
	default:
	}
	return l
}

// Write takes a log line, and never waits.
func (o *stdoutWriter) Write(text []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.pending.count < maxPendingLines {
		o.add(text)
	} else {
		o.dropped++
	}
	return len(text), nil
}

// close waits until everything has been written, but at most a second.
func (o *stdoutWriter) close() {
	o.once.Do(func() { close(o.stop) })
	select {
	case <-o.done:
	case <-time.After(time.Second):
	}
}

// auditLines writes audit records to standard output, and returns only when they are written.
type auditLines struct{ *stdoutWriter }

func (r auditLines) Write(text []byte) (int, error) {
	r.mu.Lock()
	l := r.add(text)
	end := len(l.text)
	l.records = append(l.records, span{end - len(text), end})
	if l.written == nil {
		l.written = make(chan struct{})
	}
	written := l.written
	r.mu.Unlock()
	select {
	case <-written:
	case <-r.done:
		select {
		case <-written: // with the last batch
		default:
			return 0, io.ErrClosedPipe
		}
	}
	if n := len(text) - (end - l.n); n < len(text) {
		return max(n, 0), l.err
	}
	return len(text), nil
}
