package access

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"countersign/internal/appendjson"
)

// ErrAudit means that a decision could not be put on record. What was decided
// must then not be done, and nothing of it may leave.
var ErrAudit = errors.New("audit record not written")

// AuditOptions configures an [Auditor]. At least one sink is there; with both, a
// record counts as written when both have it.
type AuditOptions struct {
	// Stdout takes a line for each record, and ends one that it cut before it takes another, as [WholeLines] does; nil for none.
	Stdout io.Writer
	// File is appended to. When it is moved or removed, as log rotation does, the
	// next record goes to a new file of the same name.
	File string
	// Wait bounds how long a sink may take for a record; 0 means 1 s. Where it is not the sinks that take long, a record
	// waits up to five times as long.
	Wait time.Duration
	// HashPaths puts the SHA-256 of paths on record in place of the paths, where
	// those hold what must not be kept.
	HashPaths bool
	// Now and Random are the clock and crypto/rand's reader. Required.
	Now    func() time.Time
	Random io.Reader
}

// Auditor writes audit records: one line of JSON each, whole lines only. Records that come while others are being
// written are written together.
type Auditor struct {
	o       AuditOptions
	process string        // tells the records of this process from others'
	count   atomic.Uint64 // numbers them, so that a gap shows
	broken  atomic.Bool   // the last write failed
	sinks   sinks         // of whoever is at work

	mu       sync.Mutex
	pending  *batch        // gathers records; nil while there is none
	spare    batch         // the space of one that was written, for the next
	working  bool          // somebody is at work with the sinks
	withSink time.Time     // since when they have something to write; zero while they have not
	idle     chan struct{} // closed when nobody is at work any more; nil where nobody waits for that
}

// NewAuditor opens the sinks.
func NewAuditor(o AuditOptions) (*Auditor, error) {
	var faults []error
	if o.Stdout == nil && o.File == "" {
		faults = append(faults, errors.New("audit: no sink is configured"))
	}
	if o.Now == nil || o.Random == nil {
		return nil, errors.Join(append(faults, errors.New("audit: a clock and random bytes are required"))...)
	}
	if o.Wait == 0 {
		o.Wait = time.Second
	}
	a := &Auditor{o: o, sinks: sinks{name: o.File, stdout: o.Stdout}}
	var id [8]byte
	if _, err := io.ReadFull(o.Random, id[:]); err != nil {
		faults = append(faults, fmt.Errorf("audit: reading random bytes: %w", err))
	}
	a.process = hex.EncodeToString(id[:])
	if o.File != "" {
		if err := a.sinks.openFile(); err != nil {
			faults = append(faults, fmt.Errorf("audit_file: %w", err))
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return a, nil
}

// NextID returns the id of an event that is about to be recorded, for other
// records to name.
func (a *Auditor) NextID() string {
	var space [64]byte
	return string(strconv.AppendUint(append(append(space[:0], a.process...), '-'), a.count.Add(1), 10))
}

// Write puts a record on all sinks and returns when it is there. It fills in the
// time and the event's id, where there is none. An error is an [ErrAudit]: the
// record may then be there or not, and what it tells of must not happen. The end of a
// context changes nothing: a decision is on record although its caller has gone.
//
// A record of an outcome is not waited for, since what it tells of has happened:
// it is written before any later record, and [Auditor.Broken] tells if it was not.
func (a *Auditor) Write(_ context.Context, r Record) error {
	line := lines.Get().(*[]byte)
	*line = a.appendLine((*line)[:0], &r)
	b, i := a.add(*line)
	lines.Put(line)
	if r.Outcome != "" {
		return nil
	}
	<-b.done
	if i < b.written {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrAudit, b.err)
}

// lines are buffers; a line has at most 64 KiB.
var lines = sync.Pool{New: func() any { return new([]byte) }}

func (a *Auditor) appendLine(line []byte, r *Record) []byte {
	if r.Time.IsZero() {
		r.Time = a.o.Now()
	}
	r.Time = r.Time.UTC().Truncate(time.Millisecond)
	if r.EventID == "" {
		r.EventID = a.NextID()
	}
	if a.o.HashPaths && r.Path != "" {
		r.Path = "sha256:" + digest(r.Path)
	}
	r.bound()
	o := appendjson.Open(line)
	// As a line of the log begins.
	o.Time("time", r.Time)
	o.Text("level", "info")
	o.Text("type", "audit")
	o.Int("schema", RecordSchema)
	r.appendTo(o)
	o.Text("message", string(r.Action)+" "+r.Decision)
	line, _ = o.Close()
	return append(line, '\n')
}

// Broken tells whether the last record could not be written. If so, it also
// tries to write that record again, in the background, so that Broken ends when
// the fault does: an instance that is taken for broken gets no more requests, and
// so no other record that would show it. What the record tells of stays refused.
func (a *Auditor) Broken() bool {
	if !a.broken.Load() {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.working { // else a sink hangs, or the next record shows it
		a.working, a.withSink = true, a.o.Now()
		go func() {
			err := a.sinks.rewrite()
			a.mu.Lock()
			a.withSink = time.Time{}
			a.mu.Unlock()
			if err == nil {
				a.broken.Store(false)
			}
			a.work()
		}()
	}
	return true
}

// Close closes the file when no record is on its way any more, or after Wait.
func (a *Auditor) Close() error {
	if !a.awaitIdle() {
		return fmt.Errorf("%w: a sink hangs", ErrAudit)
	}
	if a.sinks.file == nil {
		return nil
	}
	return a.sinks.file.Close()
}

func (a *Auditor) awaitIdle() bool {
	a.mu.Lock()
	if !a.working {
		a.mu.Unlock()
		return true
	}
	if a.idle == nil {
		a.idle = make(chan struct{})
	}
	idle := a.idle
	a.mu.Unlock()
	select {
	case <-idle:
		return true
	case <-time.After(a.o.Wait):
		return false
	}
}
