//go:build peers

// Package peers brings programs that are not ours to the tests that hold
// Countersign against them: it installs them, in a folder of this machine's
// cache where the next run finds them, and starts them.
//
// Everything beneath is built with the tag "peers" alone. What cannot be
// installed or started fails the test: a comparison that did not take place
// proves nothing.
package peers

import (
	"bytes"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/freeport"
)

// Command returns the path of a Go program, such as
// "github.com/owner/name/cmd/program@v1.2.3", which it builds when it is not there.
func Command(tb testing.TB, pkg string) string {
	tb.Helper()
	name, _, _ := strings.Cut(path.Base(pkg), "@")
	return filepath.Join(install(tb, pkg, func(folder string) *exec.Cmd {
		command := exec.CommandContext(tb.Context(), "go", "install", "-p", "2", pkg)
		command.Env = append(command.Environ(), "GOBIN="+folder, "GOFLAGS=")
		return command
	}), name)
}

// Package returns a folder with a node_modules that holds an npm package, such
// as "name@1.2.3". No script of the package or its dependencies runs.
func Package(tb testing.TB, pkg string) string {
	tb.Helper()
	return install(tb, pkg, func(folder string) *exec.Cmd {
		return exec.CommandContext(tb.Context(), "npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", folder, pkg)
	})
}

// install returns the folder of what a command installs, whole or not at all:
// packages are tested side by side, and runs are broken off.
func install(tb testing.TB, pkg string, into func(folder string) *exec.Cmd) string {
	tb.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		tb.Fatal(err)
	}
	cache = filepath.Join(cache, "countersign", "peers")
	folder := filepath.Join(cache, strings.ReplaceAll(pkg, "/", "-"))
	if _, err := os.Stat(folder); err == nil {
		return folder
	}
	if err := os.MkdirAll(cache, 0o750); err != nil {
		tb.Fatal(err)
	}
	parts, err := os.MkdirTemp(cache, "parts-")
	if err != nil {
		tb.Fatal(err)
	}
	defer os.RemoveAll(parts)
	tb.Logf("installing %s", pkg)
	command := into(parts)
	command.Dir = parts // no go.mod or package.json above it
	if out, err := command.CombinedOutput(); err != nil {
		tb.Fatalf("installing %s: %v\n%s", pkg, err, out)
	}
	if err := os.Rename(parts, folder); err != nil && !errors.Is(err, fs.ErrExist) {
		tb.Fatal(err)
	}
	return folder
}

// Address returns an address of this machine that nobody listens on.
func Address(tb testing.TB) string {
	tb.Helper()
	port, err := freeport.Next()
	if err != nil {
		tb.Fatal(err)
	}
	return "127.0.0.1:" + port
}

// Start starts a server, and returns once it answers at ready with 200. It is
// stopped with the test, which then shows what it said if it failed.
func Start(tb testing.TB, server *exec.Cmd, ready string) {
	tb.Helper()
	said := new(output)
	server.Stdout, server.Stderr = said, said
	if err := server.Start(); err != nil {
		tb.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Wait()
	}()
	tb.Cleanup(func() {
		_ = server.Process.Kill()
		<-ended
		if tb.Failed() {
			tb.Logf("%s said:\n%s", filepath.Base(server.Path), said)
		}
	})
	for range 300 {
		response, err := http.Get(ready)
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-ended:
			tb.Fatalf("%s ended at once", filepath.Base(server.Path))
		case <-time.After(100 * time.Millisecond):
		}
	}
	tb.Fatalf("%s does not answer at %s", filepath.Base(server.Path), ready)
}

// output keeps the end of what a server says, which may be much.
type output struct {
	mutex sync.Mutex
	tail  []byte
}

func (o *output) Write(p []byte) (int, error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	const most = 16 << 10
	o.tail = append(o.tail, p...)
	if extra := len(o.tail) - most; extra > 0 {
		o.tail = bytes.Clone(o.tail[extra:])
	}
	return len(p), nil
}

func (o *output) String() string {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return string(o.tail)
}
