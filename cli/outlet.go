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

// outlet owns standard output while the service runs: one goroutine writes all
// lines of log and audit, those that come while it writes together. A reader that
// stops reading must stop neither requests nor the end of the process, so log
// lines beyond its capacity are dropped and counted, as are those that cannot be
// written, and the caller who writes a record waits for it only as long as it wants to.
type outlet struct {
	to   access.WholeLines
	now  func() time.Time
	some chan struct{} // there is something to write
	stop chan struct{} // closed when no more lines come
	done chan struct{} // closed when all are written
	once sync.Once

	mu      sync.Mutex
	pending *lineBatch // gathers
	dropped int64
}

// lineBatch is lines that are written together.
type lineBatch struct {
	text    []byte
	count   int
	records []span // in text, whose writers learn for themselves what became of them

	// What came of them where somebody waits for that, once written is closed: n bytes are there, and why no more.
	written chan struct{}
	n       int
	err     error
}

// span is a part of a text.
type span struct{ from, to int }

// outletLines is how many lines may wait: some megabytes at most.
const outletLines = 2048

func newOutlet(to io.Writer, now func() time.Time) *outlet {
	o := &outlet{
		to: access.WholeLines{To: to}, now: now, some: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
		pending: new(lineBatch),
	}
	go o.run()
	return o
}

func (o *outlet) run() {
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

// write writes what is pending; what comes meanwhile goes to buf. It returns the buffer that is free then.
func (o *outlet) write(buf []byte) []byte {
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
	if cap(l.text) > keptLines {
		return nil
	}
	return l.text[:0]
}

// lost is how many lines of the log are not there.
func (l *lineBatch) lost() int64 {
	lines := func(from, to int) int { return bytes.Count(l.text[min(max(from, l.n), to):to], []byte("\n")) }
	n := lines(0, len(l.text))
	for _, record := range l.records {
		n -= lines(record.from, record.to)
	}
	return int64(n)
}

// keptLines is how large a buffer may be that is used again.
const keptLines = 64 << 10

// add puts text behind what is pending. It is called with the lock held.
func (o *outlet) add(text []byte) *lineBatch {
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
func (o *outlet) Write(text []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.pending.count < outletLines {
		o.add(text)
	} else {
		o.dropped++
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

// records is the outlet for audit records, whose writer returns when the lines are
// written.
type records struct{ *outlet }

func (r records) Write(text []byte) (int, error) {
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
		case <-written: // with the last
		default:
			return 0, io.ErrClosedPipe
		}
	}
	if n := len(text) - (end - l.n); n < len(text) {
		return max(n, 0), l.err
	}
	return len(text), nil
}
