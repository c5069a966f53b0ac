package access_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"countersign/access"
)

func newAuditor(t *testing.T, o access.AuditOptions) *access.Auditor {
	t.Helper()
	if o.Now == nil {
		o.Now = at(noon)
	}
	o.Random = bytes.NewReader(make([]byte, 8))
	a, err := access.NewAuditor(o)
	if err != nil {
		t.Fatalf("NewAuditor: %v", err)
	}
	return a
}

// writerFunc is a function as an io.Writer.
type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func readRecords(t *testing.T, text []byte) []access.Record {
	t.Helper()
	var records []access.Record
	for line := range strings.Lines(string(text)) {
		d := json.NewDecoder(strings.NewReader(line))
		d.DisallowUnknownFields()
		var r struct {
			Time, Level, Type, Message string
			Schema                     int
			access.Record
		}
		if err := d.Decode(&r); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		if r.Level != "info" || r.Type != "audit" || r.Schema != 1 || r.Message != string(r.Action)+" "+r.Decision ||
			r.Time != r.Record.Time.Format(time.RFC3339Nano) {
			t.Errorf("line %q does not begin and end as all lines do", line)
		}
		records = append(records, r.Record)
	}
	return records
}

func TestAuditRecord(t *testing.T) {
	var out bytes.Buffer
	a := newAuditor(t, access.AuditOptions{Stdout: &out, Now: at(noon.Add(1234567 * time.Nanosecond))})
	q := sign(to("GET", "https://b.s3.eu-west-1.amazonaws.com/a%20b?prefix=x&versionId=3"))
	r := access.NewRecord(q, access.Decision{Allowed: true, Policies: []string{"orders"}, Operation: "GetObject"})
	r.AccessKeyID = "ASIASANDBOX000000001"
	r.SetSignature("f00d")
	r.Workflow = access.WorkflowOf(http.Header{
		"X-Ms-Workflow-Run-Id":    {"08584654321098765432"},
		"X-Ms-Client-Tracking-Id": {"not an id\n"},
		"Traceparent":             {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
	})
	if err := a.Write(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	want := `{"time":"2026-03-01T12:00:00.001Z","level":"info","type":"audit","schema":1,"ts":"2026-03-01T12:00:00.001Z",` +
		`"event_id":"0000000000000000-1","caller_id":"crm-sync","auth_method":"api-key",` +
		`"action":"sign","decision":"allow","policies":["orders"],"profile":"orders","access_key_id":"ASIASANDBOX000000001",` +
		`"method":"GET","host":"b.s3.eu-west-1.amazonaws.com","region":"eu-west-1","service":"s3","operation":"GetObject",` +
		`"path":"/a%20b","query_keys":["prefix","versionId"],"payload_mode":"signed",` +
		`"signature_sha256":"0f8721b0aef395e63e1c2803f51ff047f74d26ff73229801d4456876e3b9c5d7",` +
		`"workflow_run_id":"08584654321098765432","traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",` +
		`"message":"sign allow"}` + "\n"
	if got := out.String(); got != want {
		t.Errorf("got  %swant %s", got, want)
	}
}

func TestAuditHashesPathsOnRequest(t *testing.T) {
	var out bytes.Buffer
	a := newAuditor(t, access.AuditOptions{Stdout: &out, HashPaths: true})
	if err := a.Write(t.Context(), access.Record{Path: "/patients/4711"}); err != nil {
		t.Fatal(err)
	}
	if got := readRecords(t, out.Bytes())[0].Path; !strings.HasPrefix(got, "sha256:") || len(got) != 71 {
		t.Errorf("path %q, want its hash", got)
	}
}

func TestAuditCannotBeWritten(t *testing.T) {
	closed := func(t *testing.T) io.Writer {
		r, w := must2(os.Pipe())
		r.Close()
		t.Cleanup(func() { w.Close() })
		return w
	}
	for _, tt := range []struct {
		name string
		o    func(t *testing.T) access.AuditOptions
	}{
		{"full disk", func(*testing.T) access.AuditOptions { return access.AuditOptions{File: "/dev/full"} }},
		{"full disk beside a good sink", func(*testing.T) access.AuditOptions {
			return access.AuditOptions{File: "/dev/full", Stdout: io.Discard}
		}},
		{"closed pipe", func(t *testing.T) access.AuditOptions { return access.AuditOptions{Stdout: closed(t)} }},
		{"closed pipe beside a good file", func(t *testing.T) access.AuditOptions {
			return access.AuditOptions{Stdout: closed(t), File: filepath.Join(t.TempDir(), "audit")}
		}},
		{"short write", func(*testing.T) access.AuditOptions {
			return access.AuditOptions{Stdout: writerFunc(func(p []byte) (int, error) { return len(p) - 1, nil })}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newAuditor(t, tt.o(t))
			for range 3 {
				if err := a.Write(t.Context(), access.Record{}); !errors.Is(err, access.ErrAudit) {
					t.Fatalf("got %v, want %v", err, access.ErrAudit)
				}
			}
			if !a.Broken() {
				t.Error("not reported as broken")
			}
		})
	}
}

// A broken instance receives no more requests, so health checks alone must find out that it works again.
func TestAuditor_BrokenEndsWithTheFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		full := true
		file := filepath.Join(t.TempDir(), "audit")
		a := newAuditor(t, access.AuditOptions{File: file, Stdout: &access.WholeLines{To: writerFunc(func(p []byte) (int, error) {
			if full {
				n, _ := out.Write(p[:3])
				return n, errors.New("no space left")
			}
			return out.Write(p)
		})}})
		if err := a.Write(t.Context(), access.Record{RequestID: "first"}); !errors.Is(err, access.ErrAudit) {
			t.Fatalf("got %v, want %v", err, access.ErrAudit)
		}
		for range 3 {
			if !a.Broken() {
				t.Fatal("not reported as broken")
			}
			synctest.Wait()
		}
		full = false
		a.Broken()
		synctest.Wait()
		if a.Broken() {
			t.Error("broken after the sink has space again")
		}
		if text := must(os.ReadFile(file)); bytes.Count(text, []byte("first")) != 1 {
			t.Errorf("the file, which was never full, has\n%s", text)
		}
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if last := lines[len(lines)-1]; !strings.Contains(last, `"first"`) || !json.Valid([]byte(last)) {
			t.Errorf("the record is missing:\n%s", &out)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
}

func must2[A, B any](a A, b B, err error) (A, B) {
	if err != nil {
		panic(err)
	}
	return a, b
}

func TestAuditOfASlowSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		stuck := make(chan struct{})
		a := newAuditor(t, access.AuditOptions{Now: time.Now, Stdout: writerFunc(func(p []byte) (int, error) {
			<-stuck
			return out.Write(p)
		})})
		begin := time.Now()
		var refused sync.WaitGroup
		for i := range 100 {
			refused.Go(func() {
				if err := a.Write(t.Context(), access.Record{}); !errors.Is(err, access.ErrAudit) {
					t.Errorf("got %v, want %v", err, access.ErrAudit)
				}
			})
			if i == 0 {
				synctest.Wait() // the sink has it, and only it
			}
		}
		refused.Wait()
		if waited := time.Since(begin); waited != time.Second {
			t.Errorf("refused after %v, want 1s", waited)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if err := a.Write(gone, access.Record{}); !errors.Is(err, access.ErrAudit) || errors.Is(err, context.Canceled) {
			t.Errorf("with an ended context: got %v, want %v for the sink alone", err, access.ErrAudit)
		}
		if err := a.Close(); !errors.Is(err, access.ErrAudit) {
			t.Errorf("closing: got %v, want %v", err, access.ErrAudit)
		}
		close(stuck)
		synctest.Wait()
		if err := a.Write(gone, access.Record{RequestID: "after"}); err != nil || a.Broken() {
			t.Errorf("after the sink woke up: %v, broken %v", err, a.Broken())
		}
		if records := readRecords(t, out.Bytes()); len(records) != 2 || records[1].RequestID != "after" {
			t.Errorf("records %+v, want the one that hung and the one after", records)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
}

// If records wait for each other, no sink is at fault as long as each write is short: the processor may be busy.
func TestAudit_WaitsLongerForItsTurnThanForASink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuditor(t, access.AuditOptions{Now: time.Now, Stdout: writerFunc(func(p []byte) (int, error) {
			time.Sleep(300 * time.Millisecond)
			return len(p), nil
		})})
		var done sync.WaitGroup
		for range 10 {
			done.Go(func() {
				if err := a.Write(t.Context(), access.Record{}); err != nil {
					t.Error(err)
				}
			})
		}
		done.Wait()
		if a.Broken() {
			t.Error("reported as broken")
		}
	})
}

// Nothing is signed without a record, however the sinks fail.
func TestNothingIsSignedWithoutARecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(1, 2))
		var out bytes.Buffer
		a := newAuditor(t, access.AuditOptions{Now: time.Now, Stdout: &access.WholeLines{To: writerFunc(func(p []byte) (int, error) {
			switch random.IntN(5) {
			case 0:
				return 0, errors.New("no space left on device")
			case 1:
				n, _ := out.Write(p[:random.IntN(len(p))])
				return n, errors.New("no space left on device")
			case 2:
				time.Sleep(time.Duration(random.IntN(4000)) * time.Millisecond)
			}
			return out.Write(p)
		})}})
		const requests = 2000
		var mu sync.Mutex
		signed := map[string]bool{}
		var workers sync.WaitGroup
		for w := range 8 {
			workers.Go(func() {
				for n := range requests / 8 {
					id := fmt.Sprintf("%d-%d", w, n)
					if a.Write(t.Context(), access.Record{RequestID: id, Decision: "allow"}) == nil {
						mu.Lock()
						signed[id] = true
						mu.Unlock()
					}
				}
			})
		}
		workers.Wait()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		onRecord := map[string]bool{}
		for line := range strings.Lines(out.String()) {
			var r access.Record
			if json.Unmarshal([]byte(line), &r) == nil {
				onRecord[r.RequestID] = true
			}
		}
		for id := range signed {
			if !onRecord[id] {
				t.Errorf("%s was signed and is not on record", id)
			}
		}
		if len(signed) < requests/10 || len(signed) > requests*9/10 {
			t.Errorf("%d of %d signed: the faults do not do what they should", len(signed), requests)
		}
	})
}

func TestAuditFollowsRotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	var stdout bytes.Buffer
	a := newAuditor(t, access.AuditOptions{File: path, Stdout: &stdout})
	write := func(id string) {
		t.Helper()
		if err := a.Write(t.Context(), access.Record{RequestID: id}); err != nil {
			t.Fatal(err)
		}
	}
	ids := func(path string) (ids string) {
		for _, r := range readRecords(t, must(os.ReadFile(path))) {
			ids += r.RequestID
		}
		return ids
	}
	write("a")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	write("b")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	write("c")
	write("d")
	if got := ids(path + ".1"); got != "a" {
		t.Errorf("moved file holds %q, want a", got)
	}
	if got := ids(path); got != "cd" {
		t.Errorf("file holds %q, want cd", got)
	}
	if got := len(readRecords(t, stdout.Bytes())); got != 4 {
		t.Errorf("standard output has %d records, want 4", got)
	}
	if mode := must(os.Stat(path)).Mode().Perm(); mode != 0o600 {
		t.Errorf("mode %o, want 600", mode)
	}
	if err := os.RemoveAll(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	if err := a.Write(t.Context(), access.Record{}); !errors.Is(err, access.ErrAudit) {
		t.Errorf("folder is gone: got %v, want %v", err, access.ErrAudit)
	}
}

// A line left incomplete by a process that stopped, for example on a full disk, must not corrupt the next record.
func TestAudit_StartsANewLineAfterACutOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	a := newAuditor(t, access.AuditOptions{File: path})
	for _, left := range []string{`{"time":"2026-`, "{}\n{", "{}\n", ""} {
		for _, restarted := range []bool{true, false} {
			if err := os.Rename(path, path+".1"); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(left), 0o600); err != nil {
				t.Fatal(err)
			}
			if restarted {
				a = newAuditor(t, access.AuditOptions{File: path})
			}
			if err := a.Write(t.Context(), access.Record{RequestID: "first"}); err != nil {
				t.Fatal(err)
			}
			text := string(must(os.ReadFile(path)))
			lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
			if strings.Contains(text, "\n\n") || readRecords(t, []byte(lines[len(lines)-1]))[0].RequestID != "first" {
				t.Errorf("%q was left, restarted %v: the file has %q", left, restarted, text)
			}
		}
	}
}

func TestAuditOptionsAreChecked(t *testing.T) {
	if _, err := access.NewAuditor(access.AuditOptions{Now: at(noon), Random: bytes.NewReader(make([]byte, 8))}); err == nil {
		t.Error("no sink: accepted")
	}
	if _, err := access.NewAuditor(access.AuditOptions{Stdout: io.Discard}); err == nil {
		t.Error("no clock: accepted")
	}
	_, err := access.NewAuditor(access.AuditOptions{Now: at(noon), Random: bytes.NewReader(nil), File: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "audit_file:") || !strings.Contains(err.Error(), "random") {
		t.Errorf("got %v, want both faults", err)
	}
}

func TestWorkflowIDsAreIDsOrNothing(t *testing.T) {
	for _, bad := range []string{"a b", "a\r\nb", "a\"b", "é", strings.Repeat("x", 129), "a,b", "<a>"} {
		if got := access.WorkflowOf(http.Header{"X-Ms-Workflow-Run-Id": {bad}}); got != (access.Workflow{}) {
			t.Errorf("%q: got %+v, want nothing", bad, got)
		}
	}
	for _, bad := range []string{"00", strings.Repeat("0", 55), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x"} {
		if got := access.WorkflowOf(http.Header{"Traceparent": {bad}}); got != (access.Workflow{}) {
			t.Errorf("traceparent %q: got %+v, want nothing", bad, got)
		}
	}
}

// Secrets planted everywhere in a request appear nowhere: not in records, decisions, explanations or errors.
func TestNoSecretIsRevealed(t *testing.T) {
	canary := func(n int) string { return fmt.Sprintf("canary%02dcanary", n) }
	q := sign(to("POST", "https://sqs.eu-west-1.amazonaws.com/?token="+canary(1)+"&Action="+canary(2),
		"Authorization", "Bearer "+canary(3), "X-Amz-Security-Token", canary(4), "Cookie", canary(5), "X-Functions-Key", canary(6),
		"body", "Action="+canary(7)+"&Secret="+canary(8)))
	const planted = 8
	premise := fmt.Sprintf("%+v %s", q.Request, q.Request.Body)
	for n := 1; n <= planted; n++ {
		if !strings.Contains(premise, canary(n)) {
			t.Fatalf("the request does not hold %s", canary(n))
		}
	}
	var out bytes.Buffer
	audit := newAuditor(t, access.AuditOptions{Stdout: &out})
	for _, document := range []string{
		"", `permit (principal, action, resource);`,
		`permit (principal, action, resource) when { resource.hasTag("query.token") && resource.getTag("query.token") == "x" && ` +
			`resource.operation == "y" };`,
		`forbid (principal, action, resource) when { resource.operation == "y" };`,
	} {
		p := newPolicy(t, document)
		d := p.Decide(q)
		if err := p.Explain(&out, q); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "%+v\n", d)
		r := access.NewRecord(q, d)
		r.SetSignature(canary(1))
		if err := audit.Write(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	i := directory()
	a := newAuthenticator(t, access.Options{
		APIKeys: []access.APIKey{{ID: "a", SHA256: hashOf(canary(1))}}, Entra: i.entra(),
		TrustedHeader: &access.TrustedHeader{Tenant: tenant, Admission: access.Admission{Roles: []string{"Sign.Invoke"}}},
	})
	for _, headers := range [][]string{
		{"X-API-Key", canary(2)},
		{"X-API-Key", canary(2), "X-API-Key", canary(3)},
		{"Authorization", "Basic " + canary(2)},
		{"Authorization", "Bearer " + canary(2)},
		{"Authorization", "Bearer " + canary(2) + "." + canary(3) + "." + canary(4)},
		{"Authorization", "Bearer " + i.sign(with(goodHeader(), "kid", canary(5)), goodClaims(noon))},
		{"Authorization", "Bearer " + i.sign(with(goodHeader(), "typ", canary(5)), with(goodClaims(noon), "iss", canary(6), "appid", canary(7)))},
		{"X-MS-CLIENT-PRINCIPAL", canary(2)},
		{"X-MS-CLIENT-PRINCIPAL", clientPrincipal(canary(2))},
		{"X-MS-CLIENT-PRINCIPAL", clientPrincipal("aad", "appid", canary(2), "tid", canary(3))},
	} {
		_, err := a.Authenticate(request(headers...))
		if err == nil {
			t.Fatalf("%v: accepted", headers)
		}
		fmt.Fprintf(&out, "%v %+v %s\n", err, err, a.Challenge(err))
	}
	if strings.Contains(out.String(), "canary") {
		t.Errorf("a secret is revealed:\n%s", out.String())
	}
}
