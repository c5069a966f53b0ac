package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var sentSignature = regexp.MustCompile(`Signature=([0-9a-f]{64})`)

// serveSending runs the program, allowed to send to an AWS, and returns the SHA-256 of each signature that arrives
// there.
func serveSending(t *testing.T, aws http.HandlerFunc, environment ...string) (*server, string, func() []string) {
	t.Helper()
	var mu sync.Mutex
	var arrived []string
	at := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if found := sentSignature.FindStringSubmatch(r.Header.Get("Authorization")); found != nil {
			mu.Lock()
			arrived = append(arrived, sha256Hex(found[1]))
			mu.Unlock()
		}
		_, _ = io.Copy(io.Discard, r.Body)
		aws(w, r)
	}))
	t.Cleanup(at.Close)
	s := serveApart(t, append(environment, "COUNTERSIGN_ALLOW_SEND=true", "COUNTERSIGN_HTTP_HOSTS="+strings.TrimPrefix(at.URL, "http://"),
		"COUNTERSIGN_RATE_PER_SECOND=1000000", "COUNTERSIGN_RATE_BURST=1000000")...)
	return s, at.URL, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return append([]string{}, arrived...)
	}
}

// sendOne sends one request through the service and returns the status of the response.
func (s *server) sendOne(url, fields string) (int, string, error) {
	document := fmt.Sprintf(
		`{"method":"POST","url":%q,"service":"execute-api","region":"eu-west-1","body":{"n":%d}%s}`, url, time.Now().UnixNano(),
		fields,
	)
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://"+s.address+"/v1/send", strings.NewReader(document))
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("X-API-Key", dosKey)
	r.Header.Set("Content-Type", "application/json")
	response, err := s.client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

// sendRecords are the hashes of the signatures on record, and the ids of those without an outcome.
func sendRecords(t *testing.T, file string) (signatures map[string]bool, open int) {
	t.Helper()
	text, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer text.Close()
	signatures = map[string]bool{}
	ended := map[string]bool{}
	for lines := bufio.NewScanner(text); lines.Scan(); {
		var r struct {
			Event     string `json:"event_id"`
			Action    string `json:"action"`
			Signature string `json:"signature_sha256"`
			Of        string `json:"of"`
			Outcome   string `json:"outcome"`
		}
		if json.Unmarshal(lines.Bytes(), &r) != nil || r.Action != "send" {
			continue
		}
		switch {
		case r.Outcome != "":
			ended[r.Of] = true
		default:
			signatures[r.Signature] = true
			if r.Of == "" && !ended[r.Event] {
				ended[r.Event] = false
			}
		}
	}
	for _, is := range ended {
		if !is {
			open++
		}
	}
	return signatures, open
}

// killAt kills the program at the n-th response.
func (s *server) killAt(n int64, answered *atomic.Int64) {
	if answered.Add(1) == n {
		if err := s.process.Process.Kill(); err != nil {
			s.t.Error(err)
		}
	}
}

// Whatever arrives at AWS was recorded before, even if the process is killed; outcomes are missing only for requests
// in progress.
func TestSend_KilledUnderLoadHasARecordOfAllThatArrived(t *testing.T) {
	const workers = 16
	file := filepath.Join(t.TempDir(), "audit.jsonl")
	s, url, arrived := serveSending(
		t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }, "COUNTERSIGN_AUDIT_FILE="+file,
	)
	var done sync.WaitGroup
	var answered atomic.Int64
	for range workers {
		done.Go(func() {
			for {
				if _, _, err := s.sendOne(url+"/orders", ""); err != nil {
					return // the process is gone
				}
				s.killAt(300, &answered)
			}
		})
	}
	done.Wait()
	recorded, open := sendRecords(t, file)
	missing := 0
	for _, signature := range arrived() {
		if !recorded[signature] {
			missing++
		}
	}
	t.Logf("%d requests arrived, %d on record, %d without an outcome", len(arrived()), len(recorded), open)
	if len(arrived()) < 300 {
		t.Errorf("only %d requests arrived: the test covers too little", len(arrived()))
	}
	if missing > 0 || open > 2*workers { // a worker has one in progress, and one whose outcome is not yet written
		t.Errorf("%d of %d requests are not on record, %d have no outcome", missing, len(arrived()), open)
	}
}

// On a full disk nothing is sent.
func TestSend_OnAFullDiskNothingArrives(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("CI must try a full disk: %v", err)
		}
		t.Skipf("NOT CHECKED, a full disk: %v", err)
	}
	s, url, arrived := serveSending(t, func(http.ResponseWriter, *http.Request) {}, "COUNTERSIGN_AUDIT_FILE=/dev/full")
	for range 20 {
		status, text, err := s.sendOne(url+"/orders", "")
		if err != nil || status != http.StatusServiceUnavailable || !strings.Contains(text, "audit_unavailable") {
			t.Errorf("%d %s %v", status, text, err)
		}
	}
	if n := len(arrived()); n > 0 {
		t.Errorf("%d requests arrived", n)
	}
}

// Large responses take little memory: after a POST they are held in files until they are known to be complete.
func TestSend_LargeResponsesStayWithinMemory(t *testing.T) {
	json := append(append([]byte(`{"a":"`), make([]byte, 20<<20)...), `"}`...)
	for i := 6; i < len(json)-2; i++ {
		json[i] = 'x'
	}
	s, url, _ := serveSending(t, func(w http.ResponseWriter, r *http.Request) {
		media := "application/json"
		if r.URL.Path == "/file" {
			media = "application/octet-stream"
		}
		w.Header().Set("Content-Type", media)
		w.Header().Set("Content-Length", fmt.Sprint(len(json)))
		_, _ = w.Write(json)
	})
	before := s.memory()
	var done sync.WaitGroup
	paths := []string{"/json", "/file", "/json", "/file"}
	if !testing.Short() {
		paths = append(paths, paths...)
	}
	for _, path := range paths {
		done.Go(func() {
			status, text, err := s.sendOne(url+path, "")
			if err != nil || status != http.StatusOK || len(text) < len(json) {
				t.Errorf("%s: %d, %d bytes, %v", path, status, len(text), err)
			}
		})
	}
	done.Wait()
	t.Logf("memory %.0f MiB before, %.0f MiB after", before, s.memory())
	if s.memory() > 96 {
		t.Errorf("memory %.0f MiB", s.memory())
	}
}
