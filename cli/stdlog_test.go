package cli

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// net/http writes to the standard logger what a server sends after a response, such as a body after the response to HEAD.
func TestServe_LogsNothingOfAResponse(t *testing.T) {
	name := filepath.Join(t.TempDir(), "stderr")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	stderr := os.Stderr
	os.Stderr = file
	s, host := servePlain(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ntheir own")
	}))
	os.Stderr = stderr
	for range 3 {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodHead, "http://"+s.address+"/proxy/default/"+host+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-API-Key", dosKey)
		response, err := s.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Fatalf("status %d", response.StatusCode)
		}
	}
	_ = s.process.Process.Signal(syscall.SIGTERM)
	_ = s.process.Wait()
	text, err := os.ReadFile(name)
	if err != nil || strings.Contains(string(text), "their own") || strings.Contains(string(text), "nsolicited") {
		t.Errorf("%s, %v", text, err)
	}
}
