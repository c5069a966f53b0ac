//go:build linux

package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// If the audit file cannot grow, requests are refused and the instance is not ready, until there is space again.
func TestFullDisk_NothingIsSignedWithoutARecord(t *testing.T) {
	folder := t.TempDir()
	filler := filepath.Join(folder, "filler")
	for _, disk := range []struct {
		name    string
		command []string             // runs the program with little space
		file    string               // of the audit records
		free    func(*server) error  // makes space; nil if that is impossible
		read    func(*server) string // reads the file
	}{
		{
			name: "a disk of 64 KiB",
			command: []string{
				"unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
				`mount -t tmpfs -o size=64k tmpfs "$1" && head -c 32k /dev/zero > "$1/filler" && shift && exec "$@"`, "sh", folder,
			},
			file: filepath.Join(folder, "audit.jsonl"),
			free: func(s *server) error { return os.Remove(s.root(filler)) },
			read: func(s *server) string { return s.root(filepath.Join(folder, "audit.jsonl")) },
		},
		{
			name:    "a file of 32 KiB at most",
			command: []string{"prlimit", "--fsize=32768:unlimited"},
			file:    filepath.Join(folder, "limited.jsonl"),
			free: func(s *server) error {
				return exec.Command("prlimit", "--pid", fmt.Sprint(s.process.Process.Pid), "--fsize=unlimited").Run()
			},
			read: func(*server) string { return filepath.Join(folder, "limited.jsonl") },
		},
		{name: "/dev/full", file: "/dev/full"},
	} {
		t.Run(disk.name, func(t *testing.T) {
			if disk.command != nil {
				probe := append(slices.Clone(disk.command[1:]), "true")
				if out, err := exec.Command(disk.command[0], probe...).CombinedOutput(); err != nil {
					// Containers and some kernels do not allow mounting. A file that cannot grow is nearly the same,
					// and possible everywhere.
					if os.Getenv("CI") != "" && disk.command[0] != "unshare" {
						t.Fatalf("CI must try %s: %v %s", disk.command[0], err, out)
					}
					t.Skipf("NOT CHECKED with %s, which this system does not permit: %v %s", disk.command[0], err, out)
				}
			}
			s := serveUnder(t, disk.command, nil, "COUNTERSIGN_AUDIT_FILE="+disk.file)
			answered := map[string]bool{}
			n, refused := 0, 0
			sign := func() (int, string) {
				n++
				id := fmt.Sprintf("r%d", n)
				status, p, err := s.ask(s.client, strings.NewReader(dosRequest), "X-Request-Id", id)
				if err != nil {
					t.Fatal(err)
				}
				answered[id] = status == http.StatusOK
				if status == http.StatusServiceUnavailable && p.Code == "audit_unavailable" {
					refused++
				} else if status != http.StatusOK {
					t.Fatalf("%d %+v", status, p)
				}
				return status, p.Code
			}
			for status := http.StatusOK; status == http.StatusOK && n < 1000; {
				status, _ = sign()
			}
			signed := n - refused
			for range 20 {
				if status, _ := sign(); status == http.StatusOK {
					t.Error("a request is signed on the full disk")
				}
			}
			if status := s.get(t, "/readyz"); status != http.StatusServiceUnavailable {
				t.Errorf("/readyz: %d while no record can be written", status)
			}
			if status := s.get(t, "/livez"); status != http.StatusOK {
				t.Errorf("/livez: %d", status)
			}
			if disk.free == nil {
				t.Logf("%d requests signed, %d refused", signed, refused)
				return
			}
			if err := disk.free(s); err != nil {
				t.Fatal(err)
			}
			begun := time.Now()
			for s.get(t, "/readyz") != http.StatusOK {
				if time.Since(begun) > 2*time.Minute {
					t.Fatal("it stays not ready when there is space again")
				}
				time.Sleep(10 * time.Millisecond)
			}
			ready := time.Since(begun)
			for range 20 {
				if status, code := sign(); status != http.StatusOK {
					t.Errorf("when there is space again: %d %s", status, code)
				}
			}
			records, cut := s.records(t, disk.read(s))
			for id, signed := range answered {
				if signed && records[id] != 1 {
					t.Errorf("request %s was signed and has %d records", id, records[id])
				}
			}
			t.Logf("%d requests signed before the disk was full and 20 after it, %d refused; %d records, %d cut lines; ready again after %v",
				signed, refused, len(records), cut, ready.Round(time.Millisecond))
			if signed == 0 || refused == 0 || cut > 1 {
				t.Error("want some of the first two, and one cut line at most")
			}
		})
	}
}

// root is the path, seen from outside, of a file that the server sees under the given name.
func (s *server) root(name string) string {
	return fmt.Sprintf("/proc/%d/root%s", s.process.Process.Pid, name)
}

func (s *server) get(t *testing.T, path string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.address+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := s.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// records counts the records in a file by request id, and the lines that are not records.
func (s *server) records(t *testing.T, file string) (map[string]int, int) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	found, cut := map[string]int{}, 0
	for line := range strings.Lines(string(text)) {
		var record struct {
			RequestID string `json:"request_id"`
		}
		if err := json.Unmarshal([]byte(line), &record); err != nil || !strings.HasSuffix(line, "\n") {
			cut++
			continue
		}
		found[record.RequestID]++
	}
	return found, cut
}
