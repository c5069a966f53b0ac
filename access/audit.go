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

// ErrAudit means that a decision could not be recorded. The decision must then not be carried out, and no result of it
// may leave.
var ErrAudit = errors.New("audit record not written")

// AuditOptions configures an [Auditor]. At least one sink is required; with both, a record counts as written when both
// have it.
type AuditOptions struct {
	// Stdout takes one line per record, or is nil. Like [WholeLines], it must end a line that it cut before it writes
	// the next.
	Stdout io.Writer
	// File is appended to. If it is moved or removed, as log rotation does, the next record goes to a new file of the
	// same name.
	File string
	// Wait limits how long a sink may take for a record; 0 means 1 s. If the delay is not in the sinks, a record may
	// take up to five times as long.
	Wait time.Duration
	// HashPaths records the SHA-256 of paths instead of the paths, for paths that hold what must not be kept.
	HashPaths bool
	// Now is the clock, Random the crypto/rand reader. Both are required.
	Now    func() time.Time
	Random io.Reader
}

// Auditor writes audit records, each as one whole line of JSON. Records that arrive during a write are written together
// afterwards.
type Auditor struct {
	o       AuditOptions
	process string        // distinguishes the records of this process
	count   atomic.Uint64 // numbers the records, so that gaps show
	broken  atomic.Bool   // the last write failed
	sinks   sinks         // used by the goroutine that is working

	mu       sync.Mutex
	pending  *batch        // collects records; nil if there are none
	spare    batch         // the buffers of a written batch, for the next one
	working  bool          // a goroutine is using the sinks
	withSink time.Time     // when the current write started; zero if there is none
	idle     chan struct{} // closed when working ends; nil if nothing waits for that
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

// NextID returns the id of an event that is about to be recorded, so that other records can refer to it.
func (a *Auditor) NextID() string {
	var space [64]byte
	return string(strconv.AppendUint(append(append(space[:0], a.process...), '-'), a.count.Add(1), 10))
}

// Write writes a record to all sinks and returns when they have it. It fills in the time and the event id if they are
// missing. An error wraps [ErrAudit]: the record may or may not have been written, and what it describes must not
// happen. The context is ignored: a decision is recorded even if its caller has gone.
//
// Write does not wait for the record of an outcome, because what it describes has already happened. That record is
// written before any later one, and [Auditor.Broken] reports if it was not.
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
	// The fields with which every log line begins.
	o.Time("time", r.Time)
	o.Text("level", "info")
	o.Text("type", "audit")
	o.Int("schema", RecordSchema)
	r.appendTo(o)
	o.Text("message", string(r.Action)+" "+r.Decision)
	line, _ = o.Close()
	return append(line, '\n')
}

// Broken reports whether the last record could not be written. If so, it also retries that write in the background, so
// that Broken becomes false once the fault is gone: an instance that reports itself broken receives no requests, and so
// no further record would show it. The request that the record describes stays refused.
func (a *Auditor) Broken() bool {
	if !a.broken.Load() {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.working { // otherwise a sink hangs, or the next record shows the state
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

// Close closes the file once no record is being written, or fails after Wait.
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
