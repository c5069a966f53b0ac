package access_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"countersign/access"
)

// slowSink takes half a second for its first write, so that records gather behind it.
type slowSink struct {
	out    bytes.Buffer
	writes int
	fits   int // accepted bytes of the second write
}

func (s *slowSink) Write(p []byte) (int, error) {
	s.writes++
	switch {
	case s.writes == 1:
		time.Sleep(500 * time.Millisecond)
	case s.writes == 2 && s.fits < len(p):
		n, _ := s.out.Write(p[:s.fits])
		return n, errors.New("no space left on device")
	}
	return s.out.Write(p)
}

// writeBehind writes one record, and n more during that write. It returns their errors by record id.
func writeBehind(t *testing.T, a *access.Auditor, n int) map[string]error {
	t.Helper()
	var writers sync.WaitGroup
	var mu sync.Mutex
	errs := map[string]error{}
	writers.Go(func() {
		if err := a.Write(t.Context(), access.Record{RequestID: "first"}); err != nil {
			t.Error(err)
		}
	})
	synctest.Wait()
	for i := range n {
		writers.Go(func() {
			id := fmt.Sprintf("r%d", i)
			err := a.Write(t.Context(), access.Record{RequestID: id})
			mu.Lock()
			errs[id] = err
			mu.Unlock()
		})
	}
	writers.Wait()
	return errs
}

func TestAudit_WaitingRecordsAreWrittenTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &slowSink{fits: 1 << 20}
		a := newAuditor(t, access.AuditOptions{Now: time.Now, Stdout: sink})
		for id, err := range writeBehind(t, a, 100) {
			if err != nil {
				t.Errorf("%s: %v", id, err)
			}
		}
		if records := readRecords(t, sink.out.Bytes()); len(records) != 101 || sink.writes != 2 {
			t.Errorf("%d records in %d writes, want 101 in 2", len(records), sink.writes)
		}
	})
}

// If a write is cut, exactly those of its records fail that are not on every sink.
func TestAudit_AFailedWriteFailsOnlyUnwrittenRecords(t *testing.T) {
	for _, withFile := range []bool{false, true} {
		for _, fits := range []int{0, 1, 150, 1000, 5000} {
			t.Run(fmt.Sprintf("%d bytes fit, file %v", fits, withFile), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					sink := &slowSink{fits: fits}
					o := access.AuditOptions{Now: time.Now, Stdout: &access.WholeLines{To: sink}}
					if withFile {
						o.File = filepath.Join(t.TempDir(), "audit")
					}
					a := newAuditor(t, o)
					errs := writeBehind(t, a, 100)
					if !a.Broken() {
						t.Error("not reported as broken")
					}
					synctest.Wait()
					if a.Broken() {
						t.Error("broken after the sink has space again")
					}
					whole := sink.out.Bytes()
					if withFile {
						if onFile := readRecords(t, must(os.ReadFile(o.File))); len(onFile) != 101 {
							t.Errorf("the file, which was never full, has %d records", len(onFile))
						}
					}
					written := map[string]bool{}
					for line := range strings.Lines(string(whole)) {
						if strings.HasPrefix(line, "{") && strings.HasSuffix(line, "}\n") {
							written[readRecords(t, []byte(line))[0].RequestID] = true
						}
					}
					refused, again := 0, 0
					for id, err := range errs {
						if err == nil && !written[id] {
							t.Errorf("%s was taken and is not written", id)
						}
						if err != nil {
							refused++
							if !errors.Is(err, access.ErrAudit) {
								t.Errorf("%s: %v", id, err)
							}
							if written[id] {
								again++ // written when Broken retried
							}
						}
					}
					if refused != 100-wholeRecords(fits, whole) || again != 1 {
						t.Errorf("%d refused, %d of them written, want %d and 1", refused, again, 100-wholeRecords(fits, whole))
					}
				})
			})
		}
	}
}

// wholeRecords returns how many whole lines are in the first bytes of the second write.
func wholeRecords(fits int, whole []byte) int {
	second := whole[bytes.IndexByte(whole, '\n')+1:]
	return bytes.Count(second[:min(fits, len(second))], []byte("\n"))
}

// A retry can hang like any other write; the records behind it must not wait for it forever.
func TestAudit_AHangingRetryDoesNotHoldUpRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck, writes := make(chan struct{}), 0
		a := newAuditor(t, access.AuditOptions{Now: time.Now, Stdout: writerFunc(func(p []byte) (int, error) {
			if writes++; writes == 1 {
				return 0, errors.New("no space left on device")
			}
			<-stuck
			return len(p), nil
		})})
		if err := a.Write(t.Context(), access.Record{}); !errors.Is(err, access.ErrAudit) {
			t.Fatalf("got %v, want %v", err, access.ErrAudit)
		}
		if !a.Broken() {
			t.Fatal("not reported as broken")
		}
		synctest.Wait()
		begin := time.Now()
		if err := a.Write(t.Context(), access.Record{}); !errors.Is(err, access.ErrAudit) || time.Since(begin) != time.Second {
			t.Errorf("%v after %v, want %v after 1s", err, time.Since(begin), access.ErrAudit)
		}
		close(stuck)
		synctest.Wait()
		if err := a.Write(t.Context(), access.Record{}); err != nil || a.Broken() {
			t.Errorf("after the sink woke up: %v, broken %v", err, a.Broken())
		}
	})
}

// Write does not wait for the record of an outcome, but writes it before later records and reports if it cannot.
func TestAudit_OutcomesAreNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &slowSink{fits: 1 << 20}
		a := newAuditor(t, access.AuditOptions{Now: time.Now, Stdout: sink})
		begun := time.Now()
		for _, outcome := range []string{"complete", "refused"} {
			if err := a.Write(t.Context(), access.Record{RequestID: outcome, Sent: access.Sent{Outcome: outcome}}); err != nil {
				t.Error(err)
			}
		}
		if waited := time.Since(begun); waited > 0 {
			t.Errorf("waited %v", waited)
		}
		if err := a.Write(t.Context(), access.Record{RequestID: "next"}); err != nil {
			t.Error(err)
		}
		var ids []string
		for _, r := range readRecords(t, sink.out.Bytes()) {
			ids = append(ids, r.RequestID)
		}
		if strings.Join(ids, " ") != "complete refused next" {
			t.Errorf("written: %q", ids)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		a := newAuditor(t, access.AuditOptions{Now: time.Now, Stdout: &slowSink{}}) // its second write fails
		if err := a.Write(t.Context(), access.Record{RequestID: "first"}); err != nil {
			t.Fatal(err)
		}
		if err := a.Write(t.Context(), access.Record{Sent: access.Sent{Outcome: "complete"}}); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if !a.Broken() {
			t.Error("Broken does not report the record that could not be written")
		}
		synctest.Wait()
	})
}
