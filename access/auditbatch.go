package access

import (
	"errors"
	"runtime"
	"time"
)

// busyWaits is how many times [AuditOptions.Wait] a record may wait for its turn and for the processor.
const busyWaits = 5

// batch is a group of records that are written together.
type batch struct {
	text    []byte
	ends    []int // where each line in text ends
	timer   *time.Timer
	waits   int // how many times Wait has passed
	settled bool

	// The result, valid once done is closed: the first written records are on all sinks, and err says why the others
	// are not.
	done    chan struct{}
	written int
	err     error
}

// add adds a line to the batch that is written next, and returns the batch and the line's index in it.
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
		// A hanging sink cannot be interrupted, only abandoned: this goroutine stays with it until the sink returns.
		go a.work()
	}
	return b, len(b.ends) - 1
}

// work writes batches until there are none. Before each write it yields the processor, so that requests that are about
// to add a record get into the same write.
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
		if err == nil && cap(b.text) <= keptBatch { // otherwise the sinks keep a slice of the buffer
			a.spare = batch{text: b.text[:0], ends: b.ends[:0]}
		}
		more = a.pending != nil
		a.mu.Unlock()
	}
}

// keptBatch limits the buffer that is kept for reuse, to some hundred records.
const keptBatch = 256 << 10

// take returns the batch to write next. If there is none, it marks the worker as stopped and returns nil.
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

// settle publishes a batch's result to those who wait for it. The caller holds mu.
func (a *Auditor) settle(b *batch, written int, err error) {
	if b.settled { // it expired before the sinks took it
		return
	}
	b.settled = true
	b.timer.Stop()
	b.written, b.err = written, err
	a.broken.Store(err != nil)
	close(b.done)
}

// expire refuses the records of a batch that takes too long.
func (a *Auditor) expire(b *batch) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if b.settled {
		return
	}
	// A hanging sink differs from a process that gets no processor time: in the latter, records wait for each other,
	// and no single write takes long.
	b.waits++
	if hangs := !a.withSink.IsZero() && a.o.Now().Sub(a.withSink) >= a.o.Wait; !hangs && b.waits < busyWaits {
		b.timer.Reset(a.o.Wait)
		return
	}
	if a.pending == b {
		a.pending = nil // refused records are not written
	}
	a.settle(b, 0, errors.New("a sink is too slow"))
}
