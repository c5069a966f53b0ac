package cli

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// stalled accepts nothing until it is opened.
type stalled struct {
	open chan struct{}
	text bytes.Buffer
}

func (s *stalled) Write(text []byte) (int, error) {
	<-s.open
	return s.text.Write(text)
}

func TestStdoutWriter_DropsAndCountsUnreadLogLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reader := &stalled{open: make(chan struct{})}
		o := newStdoutWriter(reader, time.Now)
		_, _ = io.WriteString(o, "line\n")
		synctest.Wait() // the writer has it
		for range maxPendingLines + 99 {
			_, _ = io.WriteString(o, "line\n") // must not wait
		}
		close(reader.open)
		o.close()
		text := reader.text.String()
		if n := strings.Count(text, "line\n"); n != maxPendingLines+1 || !strings.Contains(text, `"dropped":99,`) {
			t.Errorf("%d lines are written, and it says %q", n, text[:min(len(text), 300)])
		}
	})
}

// filling accepts a limited number of bytes, as a disk does until space is freed.
type filling struct {
	space int
	text  bytes.Buffer
}

func (f *filling) Write(text []byte) (int, error) {
	n, _ := f.text.Write(text[:min(len(text), f.space)])
	f.space -= n
	if n < len(text) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

// A log line cut by a full disk costs no record after it, and a cut record costs no log line; lost log lines are
// counted.
func TestStdoutWriter_LinesAfterACutOneAreWhole(t *testing.T) {
	for space := range len("{}\n{}\n{}\n") - 1 {
		synctest.Test(t, func(t *testing.T) {
			disk := &filling{space: space}
			o := newStdoutWriter(disk, time.Now)
			for _, line := range []io.Writer{o, auditLines{o}, o} {
				_, _ = io.WriteString(line, "{}\n")
				synctest.Wait()
			}
			dropped := 1 // the last one
			if space < len("{}\n") {
				dropped++ // the first; the record does not count
			}
			disk.space = 1000
			if _, err := io.WriteString(auditLines{o}, `{"is":"a record"}`+"\n"); err != nil {
				t.Fatal(err)
			}
			_, _ = io.WriteString(o, `{"is":"a line"}`+"\n")
			o.close()
			text := disk.text.String()
			for _, want := range []string{
				"\n" + `{"is":"a record"}` + "\n", "\n" + `{"is":"a line"}` + "\n", fmt.Sprintf(`"dropped":%d,`, dropped),
			} {
				if !strings.Contains("\n"+text, want) {
					t.Errorf("with space for %d bytes there is no line %s:\n%s", space, want, text)
				}
			}
			if strings.Contains(text, "\n\n") {
				t.Errorf("with space for %d bytes there is an empty line:\n%q", space, text)
			}
		})
	}
}

func TestStdoutWriter_RecordsAreWrittenWhenWriteReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reader := &stalled{open: make(chan struct{})}
		o := newStdoutWriter(reader, time.Now)
		done := make(chan error, 1)
		go func() {
			_, err := io.WriteString(auditLines{o}, "record\n")
			done <- err
		}()
		synctest.Wait()
		if len(done) > 0 {
			t.Fatal("the record is written before anybody reads")
		}
		close(reader.open)
		if err := <-done; err != nil || reader.text.String() != "record\n" {
			t.Errorf("%v, %q", err, reader.text.String())
		}
		o.close()
		if _, err := io.WriteString(auditLines{o}, "late\n"); err == nil {
			t.Error("a record is accepted after the end")
		}
		_, _ = io.WriteString(o, "late\n")
	})
}

func TestStdoutWriter_CloseWaitsASecondAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reader := &stalled{open: make(chan struct{})}
		o := newStdoutWriter(reader, time.Now)
		_, _ = io.WriteString(o, "line\n")
		begun := time.Now()
		o.close()
		if waited := time.Since(begun); waited != time.Second {
			t.Errorf("it waits %v", waited)
		}
		close(reader.open)
	})
}

// Standard output is a pipe that nobody reads. Requests that need no record go on, those that need one are refused,
// and SIGTERM ends the process.
func TestServe_SurvivesALogReaderThatStalls(t *testing.T) {
	t.Parallel()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	s := serveApartTo(t, write, "COUNTERSIGN_AUDIT_FILE=", "COUNTERSIGN_LOG_LEVEL=info")
	_ = write.Close()
	for range 400 { // each writes two lines: the pipe is full long before
		if status, p, err := s.ask(s.client, strings.NewReader(dosRequest)); err != nil || status != http.StatusOK &&
			p.Code != "audit_unavailable" {
			t.Fatalf("%d %+v %v", status, p, err)
		} else if p.Code == "audit_unavailable" {
			break
		}
	}
	if status, p, err := s.ask(s.client, strings.NewReader(dosRequest)); p.Code != "audit_unavailable" ||
		status != http.StatusServiceUnavailable {
		t.Errorf("with a full pipe: %d %+v %v, want audit_unavailable", status, p, err)
	}
	for path, want := range map[string]int{"/livez": 200, "/v1/regions": 200, "/readyz": 503} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.address+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-API-Key", dosKey)
		response, err := s.client.Do(r)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		_ = response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%s: %s, want %d", path, response.Status, want)
		}
	}
	s.client.CloseIdleConnections()
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.process.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("it ends with %v", err)
		}
	case <-time.After(2 * time.Minute):
		t.Error("SIGTERM does not stop it")
	}
}
