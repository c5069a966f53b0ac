package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// counting is an AWS that records the hash of every signature that reaches it.
func counting(t *testing.T) (upstream string, arrived func() map[string]bool) {
	t.Helper()
	var mu sync.Mutex
	signatures := map[string]bool{}
	aws := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, signature, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
		sum := sha256.Sum256([]byte(signature))
		mu.Lock()
		signatures[hex.EncodeToString(sum[:])] = true
		mu.Unlock()
		_, _ = io.Copy(w, r.Body)
	}))
	t.Cleanup(aws.Close)
	return strings.TrimPrefix(aws.URL, "http://"), func() map[string]bool {
		mu.Lock()
		defer mu.Unlock()
		return signatures
	}
}

// record is the part of an audit record that the test reads.
type record struct {
	ID        string `json:"event_id"`
	Of        string `json:"of"`
	Outcome   string `json:"outcome"`
	Signature string `json:"signature_sha256"`
}

func (s *server) post(upstream, body string) (int, error) {
	url := "http://" + s.address + "/proxy/orders/" + upstream + "/"
	r, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body)) //nolint:noctx // the client has a timeout
	if err != nil {
		return 0, err
	}
	r.Header.Set("X-API-Key", dosKey)
	response, err := s.client.Do(r)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

// What reached AWS is on record; outcomes are missing only for requests in progress.
func TestKilledUnderLoad_NothingWasSentWithoutItsRecord(t *testing.T) {
	const workers = 16
	file := filepath.Join(t.TempDir(), "audit.jsonl")
	upstream, arrived := counting(t)
	s := passing(t, upstream, "COUNTERSIGN_AUDIT_FILE="+file, "COUNTERSIGN_RATE_PER_SECOND=1000000", "COUNTERSIGN_RATE_BURST=1000000")
	var done sync.WaitGroup
	var answered atomic.Int64
	for worker := range workers {
		done.Go(func() {
			for n := range 100_000 {
				if _, err := s.post(upstream, fmt.Sprint(worker, " ", n)); err != nil {
					return // the process is gone
				}
				s.killAt(2000, &answered)
			}
		})
	}
	done.Wait()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	intents, ended := map[string]string{}, map[string]bool{}
	for line := range strings.SplitSeq(string(text), "\n") {
		var r record
		if json.Unmarshal([]byte(line), &r) != nil {
			continue // the last line may be cut
		}
		if r.Signature != "" {
			intents[r.Signature] = r.ID
		}
		if r.Outcome != "" {
			ended[r.Of] = true
		}
	}
	unrecorded := 0
	for signature := range arrived() {
		if intents[signature] == "" {
			unrecorded++
		}
	}
	open := 0
	for _, id := range intents {
		if !ended[id] {
			open++
		}
	}
	t.Logf("%d requests reached AWS, %d without a record; %d intents without an outcome", len(arrived()), unrecorded, open)
	if len(arrived()) < 2000 {
		t.Errorf("only %d requests reached AWS: the test covers too little", len(arrived()))
	}
	if unrecorded > 0 || open > 2*workers { // a worker has one in progress, and one whose outcome is not yet written
		t.Errorf(
			"%d of %d requests without a record; %d intents without an outcome, with %d at a time", unrecorded, len(arrived()), open,
			workers,
		)
	}
}

func TestFullDisk_NothingIsSentWithoutItsRecord(t *testing.T) {
	upstream, arrived := counting(t)
	s := passing(t, upstream, "COUNTERSIGN_AUDIT_FILE=/dev/full")
	for range 20 {
		if status, err := s.post(upstream, "{}"); err != nil || status != http.StatusServiceUnavailable {
			t.Errorf("%d %v", status, err)
		}
	}
	if n := len(arrived()); n > 0 {
		t.Errorf("%d requests reached AWS", n)
	}
}
