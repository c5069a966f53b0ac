//go:build linux

package cli

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A socket that refuses a connection may still be in use: by a service whose queue is full, or one that uses
// datagrams.
func TestListener_ASocketThatMayBeInUseIsNotReplaced(t *testing.T) {
	for name, kind := range map[string]int{"busy": syscall.SOCK_STREAM, "of datagrams": syscall.SOCK_DGRAM} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "http")
			socket, err := syscall.Socket(syscall.AF_UNIX, kind, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer syscall.Close(socket)
			if err := syscall.Bind(socket, &syscall.SockaddrUnix{Name: path}); err != nil {
				t.Fatal(err)
			}
			if kind == syscall.SOCK_STREAM {
				if err := syscall.Listen(socket, 0); err != nil {
					t.Fatal(err)
				}
				for full := false; !full; {
					conn, err := net.Dial("unix", path)
					if full = err != nil; !full {
						defer conn.Close()
					}
				}
			}
			if err := removeSocket(path); err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("got %v, want an error that names %s", err, path)
			}
			if _, err := os.Lstat(path); err != nil {
				t.Errorf("the socket is gone: %v", err)
			}
		})
	}
}
