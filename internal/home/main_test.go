package main

import (
	"bytes"
	"flag"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var full = flag.Bool("full", false, "build, vet and test the moved project, which takes minutes")

const (
	module  = "moved.example/acme/countersign"
	contact = "sign@moved.example"
)

// A moved copy of the project works like the original: its imports resolve, its tests pass, and the old addresses are
// gone.
func TestHome_MovesTheProject(t *testing.T) {
	before, err := current("../..")
	if err != nil {
		t.Fatal(err)
	}
	project := filepath.Join(t.TempDir(), "countersign")
	copyProject(t, "../..", project)
	var out bytes.Buffer
	if err := run(project, []string{"-module", module, "-contact", contact}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), module) {
		t.Errorf("printed %q", &out)
	}
	if after, err := current(project); err != nil || after != (address{module, "https://" + module, contact}) {
		t.Errorf("lives at %+v (%v)", after, err)
	}
	walk(t, project, func(path string, text []byte) {
		for _, old := range []string{
			before.site, before.contact, "countersign" + ".example", `"` + before.module + "/", "[" + before.module + "]",
		} {
			if bytes.Contains(text, []byte(old)) {
				t.Errorf("%s still has %s", path, old)
			}
		}
	})
	if !testing.Short() {
		command(t, project, "go", "list", "-deps", "-test", "./...") // finds every import
	}
	if packages := command(t, project, "go", "list", "./..."); strings.Count(packages, module) != len(strings.Fields(packages)) {
		t.Errorf("packages\n%s", packages)
	}
	for _, file := range []string{"signing/bench/go.mod", "tools/go.mod"} {
		if got := command(t, project, "go", "mod", "edit", "-json", file); !strings.Contains(got, module) ||
			strings.Contains(got, `"`+before.module) {
			t.Errorf("%s: %s", file, got)
		}
	}
	if unformatted := command(t, project, "gofmt", "-l", "."); unformatted != "" {
		t.Errorf("gofmt would change\n%s", unformatted)
	}
	if *full {
		command(t, project, "go", "build", "./...")
		command(t, project, "go", "vet", "./...")
		command(t, project, "go", "test", "./docs", "./api", "./connector", "./endpoints", "./signing")
	}
}

func TestHome_MovesAgain(t *testing.T) {
	project := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":       "module " + module + "\n",
		"openapi.yaml": "info:\n  contact: {url: 'https://" + module + "', email: " + contact + "}\n",
		"a.go":         "package a\n\nimport _ \"" + module + "/b\"\nimport _ \"" + module + "er/b\"\n",
	} {
		if err := os.WriteFile(filepath.Join(project, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // the second time there is nothing to change
		if err := run(project, []string{
			"-module", "sign.acme.example/countersign", "-contact", "a@acme.example",
		}, io.Discard, io.Discard); err != nil {
			t.Fatal(err)
		}
	}
	want := "package a\n\nimport _ \"sign.acme.example/countersign/b\"\nimport _ \"" + module + "er/b\"\n"
	if text, err := os.ReadFile(filepath.Join(project, "a.go")); err != nil || string(text) != want {
		t.Errorf("a.go: %s (%v)", text, err)
	}
	if got, err := current(project); err != nil || got.contact != "a@acme.example" {
		t.Errorf("lives at %+v (%v)", got, err)
	}
}

func TestHome_RefusesInvalidAddresses(t *testing.T) {
	for _, args := range [][]string{
		nil,
		{"-module", "countersign"},
		{"-module", "https://" + module},
		{"-module", module + "/"},
		{"-module", module + "/v2"},
		{"-module", module + " x"},
		{"-module", module, "-contact", "nobody"},
		{"-module", module, "-contact", "Acme <" + contact + ">"},
		{"-module", "sign.acme.example/countersign"}, // no email address can be derived from it
	} {
		if err := run(t.TempDir(), args, io.Discard, io.Discard); err == nil || os.IsNotExist(err) {
			t.Errorf("%q: %v", args, err)
		}
	}
}

// copyProject copies the project without Git's files and build outputs.
func copyProject(t *testing.T, from, to string) {
	t.Helper()
	ignored, err := os.ReadFile(filepath.Join(from, ".gitignore"))
	if err != nil {
		t.Fatal(err)
	}
	walk(t, from, func(path string, text []byte) {
		relative, err := filepath.Rel(from, path)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(strings.Fields(string(ignored)), "/"+relative) {
			return // a binary, or what the quick start writes
		}
		target := filepath.Join(to, relative)
		if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(target, text, 0o600); err != nil {
			t.Fatal(err)
		}
	})
}

func walk(t *testing.T, root string, visit func(path string, text []byte)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "dist" || entry.Name() == "node_modules"):
			return filepath.SkipDir
		case !entry.Type().IsRegular() || entry.Name() == ".git":
			return nil
		}
		text, err := os.ReadFile(path)
		if err == nil {
			visit(path, text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func command(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), name, args...)
	c.Dir = dir
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}
