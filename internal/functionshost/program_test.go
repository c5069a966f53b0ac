package functionshost_test

import (
	"archive/zip"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"countersign/internal/functionshost"
)

// TestMain is also the program in the packages under test: a custom handler that behaves as its requests say.
func TestMain(m *testing.M) {
	if port := os.Getenv("FUNCTIONS_CUSTOMHANDLER_PORT"); port != "" {
		handler(port)
	}
	os.Exit(m.Run())
}

// arrived is a request as the program received it.
type arrived struct {
	Method, Target, Host, Body string
	Chunked                    bool
	Header                     http.Header
	Arguments                  []string
	Environment                []string
}

func handler(port string) {
	if os.Getenv("HANDLER_STDERR") != "" {
		fmt.Fprintln(os.Stderr, os.Getenv("HANDLER_STDERR"))
	}
	if code, err := strconv.Atoi(os.Getenv("HANDLER_EXIT")); err == nil {
		os.Exit(code)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/exit/{code}", func(_ http.ResponseWriter, r *http.Request) {
		code, _ := strconv.Atoi(r.PathValue("code"))
		os.Exit(code)
	})
	mux.HandleFunc("/die", func(http.ResponseWriter, *http.Request) { _ = syscall.Kill(os.Getpid(), syscall.SIGKILL) })
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Answer", "given")
		if r.Header.Get("X-Want-Status") != "" {
			status, _ := strconv.Atoi(r.Header.Get("X-Want-Status"))
			w.WriteHeader(status)
		}
		_ = json.NewEncoder(w).Encode(arrived{
			r.Method, r.RequestURI, r.Host, string(body), r.TransferEncoding != nil, r.Header, os.Args[1:], os.Environ(),
		})
	})
	fmt.Println("listening")
	fmt.Fprintln(os.Stderr, http.ListenAndServe("127.0.0.1:"+port, mux))
	os.Exit(1)
}

const (
	hostFile = `{"version":"2.0","customHandler":{"description":{"defaultExecutablePath":"handler","arguments":["%GREETING%"]},` +
		`"enableProxyingHttpRequest":true,"enableForwardingHttpRequest":true},"extensions":{"http":{"routePrefix":""}}}`
	functionFile = `{"bindings":[{"name":"req","type":"httpTrigger","direction":"in","authLevel":"anonymous","route":"{*path}"},` +
		`{"name":"res","type":"http","direction":"out"}]}`
)

type entry struct {
	name, text string
	mode       fs.FileMode
}

// write packs entries into a zip; the default program is this test binary.
func write(t *testing.T, entries ...entry) string {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "app.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	archive := zip.NewWriter(file)
	for _, e := range entries {
		header := &zip.FileHeader{Name: e.name}
		header.SetMode(e.mode)
		w, err := archive.CreateHeader(header)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, e.text); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Name()
}

func program(t *testing.T) entry {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return entry{"handler", "#!/bin/sh\nexec '" + self + "' \"$@\"\n", 0o755}
}

func app(t *testing.T, host, function string) string {
	t.Helper()
	return write(t, entry{"host.json", host, 0o644}, program(t), entry{"api/function.json", function, 0o644})
}

// start runs a package until the test ends, behind a server for clients.
func start(t *testing.T, o functionshost.Options) (*functionshost.Host, *httptest.Server) {
	t.Helper()
	o.Dir, o.Now = t.TempDir(), time.Now
	h, err := functionshost.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return h, server
}

func ready(t *testing.T, h *functionshost.Host) {
	t.Helper()
	if err := h.Ready(t.Context()); err != nil {
		t.Fatalf("Ready: %v\n%v", err, h.Lines())
	}
}

// send returns the status and, for a 200, the request that the program received.
func send(t *testing.T, method, url, body string, header ...string) (int, arrived) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Add(header[i], header[i+1])
	}
	return do(t, request)
}

func do(t *testing.T, request *http.Request) (int, arrived) {
	t.Helper()
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var got arrived
	if response.StatusCode == http.StatusOK {
		if err := json.NewDecoder(response.Body).Decode(&got); err != nil {
			t.Fatal(err)
		}
		if response.Header.Get("X-Answer") != "given" {
			t.Errorf("the program's headers are lost: %v", response.Header)
		}
	}
	return response.StatusCode, got
}

// until waits for the effect of another process.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for range 2000 {
		if done() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("%s: not within ten seconds", what)
}
