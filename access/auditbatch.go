package access

import (
	"errors"
	"runtime"
	"time"
)

// busyWaits is how many times [AuditOptions.Wait] a record waits for its turn and the processor.
const busyWaits = 5

// batch is records that are written together.
type batch struct {
	text    []byte
	ends    []int // of the lines in text
	timer   *time.Timer
	waits   int // how many times Wait it has been on its way
	settled bool

	// What came of it, once done is closed: so many of the first records are on all sinks, and why the others are not.
	done    chan struct{}
	written int
	err     error
}

// add puts a line into the batch that is written next, and returns which of its lines it is.
func (a *Auditor) add(line []byte) (*batch, int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.pending
	if b == nil {
		b = &batch{done: make(chan struct{}), text: a.spare.text, ends: a.spare.ends}
		a.spare = batch{}
		b.timer = time.AfterFunc(a.o.Wait, func() { a.expire(b) })
		a.pending = b
	}
	b.text = append(b.text, line...)
	b.ends = append(b.ends, len(b.text))
	if !a.working {
		a.working = true
		// A sink that hangs cannot be interrupted, only left behind: this goroutine stays with it until it lets go.
		go a.work()
	}
	return b, len(b.ends) - 1
}

// work writes batches until there is none. Requests that are about to have a record get the processor before each, so that
// theirs are in the same write.
func (a *Auditor) work() {
	for more := true; ; {
		if more {
			runtime.Gosched()
		}
		b := a.take()
		if b == nil {
			return
		}
		written, err := a.sinks.write(b.text, b.ends)
		a.mu.Lock()
		a.withSink = time.Time{}
		a.settle(b, written, err)
		if err == nil && cap(b.text) <= keptBatch { // else what is lacking is a part of it
			a.spare = batch{text: b.text[:0], ends: b.ends[:0]}
		}
		more = a.pending != nil
		a.mu.Unlock()
	}
}

// keptBatch bounds the space that is kept: some hundred records.
const keptBatch = 256 << 10

// take returns the batch that is written next. Without one, nobody is at work any more.
func (a *Auditor) take() *batch {
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.pending
	a.pending = nil
	if b != nil {
		a.withSink = a.o.Now()
		return b
	}
	a.working = false
	if a.idle != nil {
		close(a.idle)
		a.idle = nil
	}
	return nil
}

// settle tells those who wait for a batch what came of it. mu is held.
func (a *Auditor) settle(b *batch, written int, err error) {
	if b.settled { // the sinks took it after all, after Wait
		return
	}
	b.settled = true
	b.timer.Stop()
	b.written, b.err = written, err
	a.broken.Store(err != nil)
	close(b.done)
}

// expire refuses the records of a batch that is too long on its way.
func (a *Auditor) expire(b *batch) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if b.settled {
		return
	}
	// A sink that hangs is not the same as a process that gets no processor time: there records wait for each other without
	// any being with a sink for long.
	b.waits++
	if hangs := !a.withSink.IsZero() && a.o.Now().Sub(a.withSink) >= a.o.Wait; !hangs && b.waits < busyWaits {
		b.timer.Reset(a.o.Wait)
		return
	}
	if a.pending == b {
		a.pending = nil // what was refused is not written
	}
	a.settle(b, 0, errors.New("a sink is too slow"))
}
