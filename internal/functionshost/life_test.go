package functionshost_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/internal/functionshost"
)

func TestRestartRules(t *testing.T) {
	for _, older := range []bool{false, true} {
		h, server := start(t, functionshost.Options{Package: app(t, hostFile, functionFile), Older: older})
		ready(t, h)
		starts := 1
		restarted := func() bool {
			status, _ := send(t, "POST", server.URL+"/", "a body is never sent twice")
			return status == 200 && h.Starts() == starts
		}
		send(t, "POST", server.URL+"/exit/200", "x")
		starts++
		until(t, "restart after 200", restarted)
		h.Kill()
		starts++
		until(t, "restart after SIGKILL", restarted)
		send(t, "POST", server.URL+"/exit/1", "x")
		starts++
		until(t, "restart after 1", restarted)
		send(t, "POST", server.URL+"/exit/1", "x")
		until(t, "stop after the third error", func() bool {
			status, _ := send(t, "GET", server.URL+"/", "")
			return status == 503
		})
		if h.Starts() != starts {
			t.Errorf("%d starts, want %d", h.Starts(), starts)
		}
	}
}

func TestExitCodeZeroIsFinal(t *testing.T) {
	h, server := start(t, functionshost.Options{Package: app(t, hostFile, functionFile), Older: true})
	ready(t, h)
	send(t, "POST", server.URL+"/exit/0", "x")
	if status, _ := send(t, "GET", server.URL+"/", ""); status != 500 || h.Starts() != 1 {
		t.Errorf("status %d after %d starts, want 500 and no restart", status, h.Starts())
	}
}

// A program that dies while handling a request without a body gets it again, and again.
func TestProxyingRepeatsRequestsWithoutBody(t *testing.T) {
	h, server := start(t, functionshost.Options{Package: app(t, hostFile, functionFile)})
	ready(t, h)
	if status, _ := send(t, "GET", server.URL+"/die", ""); status != 500 {
		t.Errorf("status %d, want 500", status)
	}
	until(t, "the third death", func() bool { return h.Starts() == 3 && h.Ready(t.Context()) != nil })
}

func TestAProgramThatNeverResponds(t *testing.T) {
	h, server := start(t, functionshost.Options{Package: app(t, hostFile, functionFile), Settings: map[string]string{"HANDLER_EXIT": "3"}})
	if err := h.Ready(t.Context()); err == nil {
		t.Error("Ready = nil, want an error")
	}
	if status, _ := send(t, "GET", server.URL+"/", ""); status != 503 {
		t.Errorf("status %d, want 503", status)
	}
}

func TestStderrIsLoggedAsErrors(t *testing.T) {
	for said, want := range map[string]functionshost.Level{
		`{"level":"info","message":"listening"}`: functionshost.Error,
		`{"level":"WARN","message":"slow"}`:      functionshost.Warning,
	} {
		h, _ := start(t, functionshost.Options{Package: app(t, hostFile, functionFile), Settings: map[string]string{"HANDLER_STDERR": said}})
		ready(t, h)
		var alarms []functionshost.Line
		until(t, "a line on stderr", func() bool { alarms = h.Alarms(); return len(alarms) > 0 })
		if alarms[0].Text != said || alarms[0].Level != want || alarms[0].Time.IsZero() {
			t.Errorf("alarms = %+v, want %s at level %s", alarms, said, want)
		}
		until(t, "a line on stdout", func() bool {
			for _, line := range h.Lines() {
				if line.Stream == "stdout" {
					return line.Level == functionshost.Information && line.Text == "listening"
				}
			}
			return false
		})
	}
}

func TestInvalidPackages(t *testing.T) {
	good := []entry{{"host.json", hostFile, 0o644}, program(t), {"api/function.json", functionFile, 0o644}}
	for name, c := range map[string]struct {
		entries []entry
		want    string
	}{
		"no host.json":             {good[1:], "host.json"},
		"function.json at the top": {[]entry{good[0], good[1], {"function.json", functionFile, 0o644}}, "its own folder"},
		"an extra script":          {append(good[:3:3], entry{"api/run.sh", "", 0o644}), "more than function.json"},
		"a name in capitals":       {[]entry{good[0], good[1], {"Api/function.json", functionFile, 0o644}}, "cannot be the name"},
		"a function called host":   {[]entry{good[0], good[1], {"host/function.json", functionFile, 0o644}}, "cannot be the name"},
		"no program":               {[]entry{good[0], good[2]}, "the program"},
		"routes": {
			[]entry{{"host.json", strings.Replace(hostFile, `"customHandler":{`, `"customHandler":{"http":{},`, 1), 0o644}, good[1], good[2]},
			"unknown field",
		},
		"a timer": {
			[]entry{good[0], good[1], {"api/function.json", strings.Replace(functionFile, "httpTrigger", "timerTrigger", 1), 0o644}},
			"no httpTrigger",
		},
		"a program without its mode": {[]entry{good[0], {"handler", good[1].text, 0o644}, good[2]}, "permission denied"},
	} {
		h, err := functionshost.Start(functionshost.Options{Package: write(t, c.entries...), Dir: t.TempDir(), Now: time.Now})
		if err == nil {
			err = h.Ready(t.Context())
			h.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

func TestConsumptionSetsTheExecuteBit(t *testing.T) {
	p := program(t)
	p.mode = 0o644
	pack := write(t, entry{"host.json", hostFile, 0o644}, p, entry{"api/function.json", functionFile, 0o644})
	h, _ := start(t, functionshost.Options{Package: pack, GrantExecute: true})
	ready(t, h)
}

func TestOnlyTheZipIsRead(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "host.json"), []byte(hostFile), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := functionshost.Start(functionshost.Options{Package: app(t, hostFile, functionFile), Dir: dir, Now: time.Now}); err == nil {
		t.Error("Start overwrote existing files")
	}
}
