package release_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Each action must be pinned to a commit, followed by the release, which Renovate reads. A release must have only one commit.
func TestWorkflows_PinTheirActions(t *testing.T) {
	files, err := filepath.Glob("../../.github/workflows/*.yml")
	if err != nil || len(files) < 2 {
		t.Fatalf("%d workflows %v", len(files), err)
	}
	pinned := regexp.MustCompile(`^([\w-]+/[\w./-]+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)$`)
	commits := map[string]string{}
	for _, file := range files {
		for _, line := range regexp.MustCompile(`(?m)^.*\buses: *(.*)$`).FindAllStringSubmatch(read(t, file), -1) {
			found := pinned.FindStringSubmatch(line[1])
			if found == nil {
				t.Errorf("%s: %s is not ACTION@COMMIT # vX.Y.Z", file, line[1])
				continue
			}
			release := found[1] + " " + found[3]
			if known := commits[release]; known != "" && known != found[2] {
				t.Errorf("%s has two commits: %s and %s", release, known, found[2])
			}
			commits[release] = found[2]
		}
	}
	if len(commits) < 4 {
		t.Errorf("only %d actions were found", len(commits))
	}
}

// Renovate must follow actions, base images, modules, and the versions in Makefile and build.sh.
func TestRenovate_FollowsWhatIsPinned(t *testing.T) {
	var renovate struct {
		Extends        []string
		CustomManagers []struct{ MatchStrings []string }
	}
	if err := json.Unmarshal([]byte(read(t, "../../.github/renovate.json")), &renovate); err != nil {
		t.Fatal(err)
	}
	for _, preset := range []string{"config:recommended", "docker:pinDigests", "helpers:pinGitHubActionDigests"} {
		if !slices.Contains(renovate.Extends, preset) {
			t.Errorf("renovate.json does not extend %s", preset)
		}
	}
	text := read(t, "../../Makefile") + read(t, "build.sh")
	var names []string
	for _, manager := range renovate.CustomManagers {
		for _, found := range regexp.MustCompile(manager.MatchStrings[0]).FindAllStringSubmatch(text, -1) {
			names = append(names, found[1])
		}
	}
	slices.Sort(names)
	want := []string{
		"@redocly/cli", "@stoplight/spectral-cli", "axe-core", "github.com/CycloneDX/cyclonedx-gomod", "github.com/rhysd/actionlint",
		"tree-sitter-bicep", "web-tree-sitter",
	}
	if pinned := regexp.MustCompile(`\w@v?\d+\.\d+`).FindAllString(text, -1); len(pinned) != len(want) || !slices.Equal(names, want) {
		t.Errorf("Renovate finds %q, want %q", names, want)
	}
}

// The licence of every module linked into the program must be printed, under the module's name.
func TestLicences_CoverAllModules(t *testing.T) {
	if testing.Short() {
		t.Skip("go list takes some seconds; make test SHORT= runs it, as CI does")
	}
	out, err := exec.CommandContext(t.Context(), "./build.sh", "--licences", "linux/amd64").Output()
	if err != nil {
		t.Fatal(err)
	}
	texts := strings.Split(string(out), "\n---\n\n")
	list := exec.CommandContext(t.Context(), "go", "list", "-deps",
		"-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}{{end}}{{end}}", ".")
	list.Dir, list.Env = "../..", append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
	modules, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	all := strings.Fields(strings.ReplaceAll(string(modules), " ", "@"))
	slices.Sort(all)
	for _, module := range slices.Compact(all) {
		count++
		title := strings.Replace(module, "@", " ", 1) + "\n\n"
		i := slices.IndexFunc(texts, func(text string) bool { return strings.HasPrefix(text, title) })
		if i < 0 || !regexp.MustCompile(`(?i)copyright|apache license`).MatchString(texts[i]) {
			t.Errorf("there is no licence for %s", module)
		}
	}
	if count < 30 {
		t.Errorf("only %d modules", count)
	}
}
