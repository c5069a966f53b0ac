package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"countersign/config"
)

func unit(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("systemd/countersign.service")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// unitSettings returns the unit's settings; the last one counts if a setting is repeated.
func unitSettings(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for line := range strings.Lines(unit(t)) {
		if name, value, found := strings.Cut(strings.TrimSpace(line), "="); found && !strings.HasPrefix(line, "#") {
			all[name] = value
		}
	}
	return all
}

// systemd must not kill the service before the time that its default settings allow for stopping.
func TestUnit_LeavesTimeToStop(t *testing.T) {
	usual, err := config.Defaults()
	if err != nil {
		t.Fatal(err)
	}
	seconds, err := strconv.Atoi(unitSettings(t)["TimeoutStopSec"])
	if err != nil || float64(seconds) < usual.ShutdownDelay.Seconds()+float64(usual.DrainSeconds)+5 {
		t.Errorf("%d s %v, but the service takes %v and %d s", seconds, err, usual.ShutdownDelay, usual.DrainSeconds)
	}
	files, err := strconv.Atoi(unitSettings(t)["LimitNOFILE"])
	if err != nil || files < usual.MaxConnections+256 {
		t.Errorf("%d files for %d connections", files, usual.MaxConnections)
	}
}

// systemd's own tool, if installed, must accept the unit and rate its exposure.
func TestSystemd_AcceptsTheUnit(t *testing.T) {
	tool, err := exec.LookPath("systemd-analyze")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("CI must read the unit with systemd-analyze: %v", err)
		}
		t.Skip("NOT CHECKED by systemd-analyze: it is not installed")
	}
	// The program need not be installed for this.
	dir := t.TempDir()
	file := filepath.Join(dir, "countersign.service")
	text := strings.NewReplacer("/usr/local/bin/countersign", "/bin/true", "/etc/countersign", dir).Replace(unit(t))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) string {
		out, err := exec.CommandContext(t.Context(), tool, args...).CombinedOutput()
		if err != nil {
			t.Errorf("systemd-analyze %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	if out := run("verify", "--man=no", file); strings.Contains(out, "countersign.service") {
		t.Error(out)
	}
	_, exposure, _ := strings.Cut(run("security", "--offline=yes", "--threshold=20", file), "→ ") // at most 2.0 of 10
	t.Log(strings.TrimSpace(exposure))
}
