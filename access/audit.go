package access

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"
)

// ErrAudit means that a decision could not be put on record. What was decided
// must then not be done, and nothing of it may leave.
var ErrAudit = errors.New("audit record not written")

// AuditOptions configures an [Auditor]. At least one sink is there; with both, a
// record counts as written when both have it.
type AuditOptions struct {
	// Stdout takes a line for each record; nil for none.
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

// Auditor writes audit records: one line of JSON each, one at a time, whole
// lines only.
type Auditor struct {
	o       AuditOptions
	process string        // tells the records of this process from others'
	count   atomic.Uint64 // numbers them, so that a gap shows
	turn    chan struct{} // held by the record that is being written
	made    time.Time
	// withSink is when the record was given to the sinks, after made, plus 1; 0 while none is with them.
	withSink atomic.Int64
	broken   atomic.Bool // the last write failed

	// Of the one who has the turn:
	file               *os.File
	fileCut, stdoutCut bool   // the last line there was cut
	unwritten          []byte // the last line, where it is not on all sinks,
	inFile             bool   // but in the file
}

// busyWaits is how many times [AuditOptions.Wait] a record waits for its turn and the processor.
const busyWaits = 5

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
	a := &Auditor{o: o, turn: make(chan struct{}, 1), made: o.Now()}
	var id [8]byte
	if _, err := io.ReadFull(o.Random, id[:]); err != nil {
		faults = append(faults, fmt.Errorf("audit: reading random bytes: %w", err))
	}
	a.process = hex.EncodeToString(id[:])
	if o.File != "" {
		if err := a.openFile(); err != nil {
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
func (a *Auditor) NextID() string { return fmt.Sprintf("%s-%d", a.process, a.count.Add(1)) }

// Write puts a record on all sinks and returns when it is there. It fills in the
// time and the event's id, where there is none. An error is an [ErrAudit]: the
// record may then be there or not, and what it tells of must not happen.
func (a *Auditor) Write(ctx context.Context, r Record) error {
	line, err := a.line(r)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrAudit, err)
	}
	if err := a.takeTurn(ctx); err != nil {
		return err
	}
	// A sink that hangs cannot be interrupted, only left behind: the goroutine
	// keeps the turn until the sink lets go.
	written := make(chan error, 1)
	go func() {
		written <- a.write(line, false)
		<-a.turn
	}()
	timer := time.NewTimer(a.o.Wait)
	defer timer.Stop()
	for waits := 1; waits > 0; {
		select {
		case err = <-written:
			waits = 0
		case <-timer.C:
			if a.stalled(waits) {
				waits, err = 0, errors.New("a sink is too slow")
				break
			}
			waits++
			timer.Reset(a.o.Wait)
		}
	}
	a.broken.Store(err != nil)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrAudit, err)
	}
	return nil
}

// takeTurn waits until no other record is being written.
func (a *Auditor) takeTurn(ctx context.Context) error {
	timer := time.NewTimer(a.o.Wait)
	defer timer.Stop()
	for waits := 1; ; waits++ {
		select {
		case a.turn <- struct{}{}:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ErrAudit, ctx.Err())
		case <-timer.C:
			if a.stalled(waits) {
				a.broken.Store(true)
				return fmt.Errorf("%w: another record has been on its way for long", ErrAudit)
			}
			timer.Reset(a.o.Wait)
		}
	}
}

// stalled tells a sink that hangs from a process that gets no processor time: there records wait for each other without
// any being with a sink for long.
func (a *Auditor) stalled(waits int) bool {
	with := a.withSink.Load()
	return with != 0 && a.o.Now().Sub(a.made) >= time.Duration(with-1)+a.o.Wait || waits >= busyWaits
}

// Broken tells whether the last record could not be written. If so, it also
// tries to write that record again, in the background, so that Broken ends when
// the fault does: an instance that is taken for broken gets no more requests, and
// so no other record that would show it. What the record tells of stays refused.
func (a *Auditor) Broken() bool {
	if !a.broken.Load() {
		return false
	}
	select {
	case a.turn <- struct{}{}:
		go a.rewrite()
	default: // a sink hangs
	}
	return true
}

// rewrite has the turn and gives it back.
func (a *Auditor) rewrite() {
	// None is left where the sink took it after all, after Wait.
	if a.unwritten == nil || a.write(a.unwritten, a.inFile) == nil {
		a.broken.Store(false)
	}
	<-a.turn
}

// Close closes the file when no record is on its way any more, or after Wait.
func (a *Auditor) Close() error {
	select {
	case a.turn <- struct{}{}:
	case <-time.After(a.o.Wait):
		return fmt.Errorf("%w: a sink hangs", ErrAudit)
	}
	if a.file == nil {
		return nil
	}
	return a.file.Close()
}

func (a *Auditor) line(r Record) ([]byte, error) {
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
	r = r.bounded()
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(r); err != nil {
		return nil, fmt.Errorf("encoding: %w", err)
	}
	return line.Bytes(), nil
}

// write has the turn. inFile: the line is in the file already.
func (a *Auditor) write(line []byte, inFile bool) error {
	a.withSink.Store(int64(a.o.Now().Sub(a.made)) + 1)
	defer a.withSink.Store(0)
	a.unwritten, a.inFile = line, inFile
	if a.o.File != "" && !inFile {
		if err := a.followRotation(); err != nil {
			return fmt.Errorf("opening the file: %w", err)
		}
		if err := writeLine(a.file, line, &a.fileCut); err != nil {
			return fmt.Errorf("writing the file: %w", err)
		}
		a.inFile = true
	}
	if a.o.Stdout != nil {
		if err := writeLine(a.o.Stdout, line, &a.stdoutCut); err != nil {
			return fmt.Errorf("writing to standard output: %w", err)
		}
	}
	a.unwritten = nil
	return nil
}

// writeLine ends a line that was cut before, as by a full disk, so that the next
// one is whole.
func writeLine(w io.Writer, line []byte, cut *bool) error {
	if *cut {
		line = append([]byte{'\n'}, line...)
	}
	n, err := w.Write(line)
	if err == nil && n < len(line) {
		err = io.ErrShortWrite
	}
	if n > 0 {
		*cut = n < len(line)
	}
	return err
}

func (a *Auditor) followRotation() error {
	if at, err := os.Stat(a.o.File); err == nil {
		if open, err := a.file.Stat(); err == nil && os.SameFile(at, open) {
			return nil
		}
	}
	old := a.file
	if err := a.openFile(); err != nil {
		return err
	}
	a.fileCut = false
	// The old file is complete: nothing is buffered here.
	return old.Close()
}

func (a *Auditor) openFile() error {
	file, err := os.OpenFile(a.o.File, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	a.file = file
	return nil
}
