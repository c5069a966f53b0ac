package cli

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A real socket, as systemd has, learns when the service is ready, when a reload begins and ends, and that the
// service stops.
func TestNotify_ReportsToASupervisor(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, dir, 1)
	supervisor, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer supervisor.Close()
	expect := func(want ...string) string {
		t.Helper()
		_ = supervisor.SetReadDeadline(time.Now().Add(5 * time.Minute)) // however busy the machine is
		text := make([]byte, 4096)
		n, err := supervisor.Read(text)
		lines := strings.Split(string(text[:n]), "\n")
		for i, prefix := range want {
			if i >= len(lines) || !strings.HasPrefix(lines[i], prefix) {
				t.Fatalf("%q %v, want %q", lines, err, want)
			}
		}
		return lines[len(lines)-1]
	}
	signals := make(chan os.Signal, 1)
	r := reloading(t, dir, map[string]string{
		"NOTIFY_SOCKET": supervisor.LocalAddr().String(), "COUNTERSIGN_PORT": freePort(t), "COUNTERSIGN_RELOAD_SECONDS": "0",
	})
	r.reloader.signals = signals
	listener, err := listen(t.Context(), r.current.Load().conf)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.serve(ctx, listener, grace{drain: 5 * time.Second}) }()
	expect("READY=1", "STATUS=serving at ")

	put(t, dir, dir, 2)
	var last int64
	for _, want := range []string{"STATUS=configuration ", "STATUS=configuration not reloaded: "} {
		signals <- syscall.SIGHUP
		reloading := []string{"RELOADING=1"}
		if runtime.GOOS == "linux" {
			reloading = append(reloading, "MONOTONIC_USEC=")
		}
		line := expect(reloading...)
		if _, text, found := strings.Cut(line, "MONOTONIC_USEC="); found {
			now, err := strconv.ParseInt(text, 10, 64)
			if err != nil || now <= last {
				t.Errorf("%q after %d", text, last)
			}
			last = now
		}
		expect("READY=1", want)
		write(t, dir, "countersign.yaml", "port: x\nprofile: y")
	}
	stop()
	expect("STOPPING=1", "STATUS=")
	if err := <-done; err != nil {
		t.Error(err)
	}
	r.close()
}

func TestNotify_IsSilentWithoutASupervisor(t *testing.T) {
	p := &process{getenv: func(string) string { return "" }}
	newNotifier(p, func(err error) { t.Error(err) })("READY=1")
}

// A supervisor that does not read delays neither serving nor stopping.
func TestNotify_DoesNotWaitForASupervisorThatDoesNotRead(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	supervisor, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer supervisor.Close()
	conn, err := net.Dial("unixgram", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for full := false; !full; {
		_ = conn.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
		_, err := conn.Write([]byte("WATCHDOG=1"))
		full = err != nil
	}
	var failure error
	done := make(chan struct{})
	go func() {
		defer close(done)
		p := &process{now: time.Now, getenv: func(string) string { return socket }}
		newNotifier(p, func(err error) { failure = err })("STOPPING=1")
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("it waits")
	}
	if failure == nil {
		t.Error("no failure is reported")
	}
}
