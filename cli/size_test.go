package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// One call to reflect's Method or MethodByName with a name that is not constant makes the linker keep the exported
// methods of all types: 4 MiB. Templates and some command line libraries have such calls.
func TestBinary_NoMethodIsFoundByName(t *testing.T) {
	build := exec.CommandContext(
		t.Context(), "go", "build", "-trimpath", "-ldflags=-s -w -dumpdep", "-o", filepath.Join(t.TempDir(), "countersign"), "..",
	)
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as for the package and the container
	dependencies, err := build.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%.10000s", err, dependencies)
	}
	seen, linked := map[string]bool{}, false
	for line := range strings.Lines(string(dependencies)) {
		linked = linked || strings.HasPrefix(line, "main.main -> ")
		if name, _, found := strings.Cut(line, " <ReflectMethod> ->"); found {
			seen[name] = true
		}
	}
	if !linked {
		t.Fatal("the linker does not print what depends on what")
	}
	for name := range seen {
		t.Errorf("%s finds methods by name", name)
	}
}
