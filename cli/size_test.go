package cli

import (
	"regexp"
	"testing"
)

// One call of reflect's Method or MethodByName with a name that is not constant makes the linker keep the exported
// methods of all types: 4 MiB. Templates and some libraries for command lines have such calls.
func TestBinary_NoMethodIsFoundByName(t *testing.T) {
	program, err := builtOnce()
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?m)^main\.main -> \S+/cli\.Main$`).Match(program.dependencies) {
		t.Fatal("the linker does not print what depends on what")
	}
	seen := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^(\S+) <ReflectMethod> ->`).FindAllSubmatch(program.dependencies, -1) {
		seen[string(m[1])] = true
	}
	for name := range seen {
		t.Errorf("%s finds methods by name", name)
	}
}
