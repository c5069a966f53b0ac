//go:build peers

// Package peers provides third-party programs to the tests that compare Countersign with them: it installs them, in a
// cache folder on this machine where the next run finds them, and starts them.
//
// Everything below this folder is built only with the tag "peers". A program that cannot be installed or started fails
// the test: a comparison that did not take place proves nothing.
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

// Command returns the path of a Go program, such as "github.com/owner/name/cmd/program@v1.2.3". It builds the program
// if necessary.
func Command(tb testing.TB, pkg string) string {
	tb.Helper()
	name, _, _ := strings.Cut(path.Base(pkg), "@")
	return filepath.Join(install(tb, pkg, func(folder string) *exec.Cmd {
		command := exec.CommandContext(tb.Context(), "go", "install", "-p", "2", pkg)
		command.Env = append(command.Environ(), "GOBIN="+folder, "GOFLAGS=")
		return command
	}), name)
}

// Package returns a folder with a node_modules that contains an npm package, such as "name@1.2.3". No scripts of the
// package or its dependencies are run.
func Package(tb testing.TB, pkg string) string {
	tb.Helper()
	return install(tb, pkg, func(folder string) *exec.Cmd {
		return exec.CommandContext(tb.Context(), "npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", folder, pkg)
	})
}

// install returns the folder that a command installs into. It is installed completely or not at all: packages are
// tested in parallel, and runs may be interrupted.
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

// Address returns an unused address on this machine.
func Address(tb testing.TB) string {
	tb.Helper()
	port, err := freeport.Next()
	if err != nil {
		tb.Fatal(err)
	}
	return "127.0.0.1:" + port
}

// Start starts a server, and returns once it responds at ready with 200. It is stopped at the end of the test, and its
// output is shown if the test failed.
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
	tb.Fatalf("%s does not respond at %s", filepath.Base(server.Path), ready)
}

// output keeps the end of a server's output, which may be long.
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
