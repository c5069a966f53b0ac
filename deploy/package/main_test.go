package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestCheck_AcceptsTheProject(t *testing.T) {
	if err := check(read(t, "../../host.json"), read(t, "../../function.json")); err != nil {
		t.Errorf("check of the project's files: %v", err)
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestCheck_NamesEachMistake(t *testing.T) {
	hostJSON, functionJSON := string(read(t, "../../host.json")), string(read(t, "../../function.json"))
	for old, c := range map[string]struct{ with, want string }{
		`"2.0"`:                               {`"3.0"`, "version must be"},
		`"routePrefix": ""`:                   {`"routePrefix": "api"`, "routePrefix must be"},
		`Path": "countersign"`:                {`Path": "app"`, "defaultExecutablePath must be countersign"},
		`["serve"]`:                           {`[]`, "arguments must be [serve]"},
		`"enableProxyingHttpRequest": true`:   {`"enableProxyingHttpRequest": false`, "enableProxyingHttpRequest must be true"},
		`"enableForwardingHttpRequest": true`: {`"enableForwardingHttpRequest": false`, "enableForwardingHttpRequest must be true"},
		`"customHandler": {`:                  {`"customHandler": {"http": {"routes": []},`, `unknown field "http"`},
		`"Trace"`:                             {`"Request;Traces"`, "excludedTypes must list Trace"},
		"\"isEnabled\": true,\n        \"excludedTypes\": \"Trace\"": {`"isEnabled": true`, "excludedTypes must list Trace"},
		`"excludedTypes"`:                       {`"excludedType"`, `unknown field "excludedType"`},
		`"httpTrigger"`:                         {`"timerTrigger"`, "must be an httpTrigger"},
		`"{*path}"`:                             {`"v1/{*path}"`, "route must be"},
		`"anonymous"`:                           {`"user"`, "authLevel must be"},
		`"delete", `:                            {``, "methods lack delete"},
		`"type": "http",`:                       {`"type": "queue",`, "must be http, direction out"},
		"      \"direction\": \"out\"\n    }\n": {"      \"direction\": \"out\"\n    }, {}\n", "must have two bindings"},
	} {
		h, f := strings.Replace(hostJSON, old, c.with, 1), functionJSON
		if h == hostJSON {
			f = strings.Replace(functionJSON, old, c.with, 1)
		}
		if h == hostJSON && f == functionJSON {
			t.Errorf("%s is in neither file", old)
		}
		if err := check([]byte(h), []byte(f)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("check with %s for %s = %v, want %q", c.with, old, err, c.want)
		}
	}
}

// This test runs the whole command on a minimal project.
func TestRun_PacksAProject(t *testing.T) {
	project := t.TempDir()
	for name, text := range map[string][]byte{
		"host.json": read(t, "../../host.json"), "function.json": read(t, "../../function.json"),
		"go.mod": []byte("module example.com/program\n\ngo 1.26\n"), "main.go": []byte("package main\n\nfunc main() {}\n"),
	} {
		if err := os.WriteFile(filepath.Join(project, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	target := filepath.Join(project, "new", "folder", "x.zip")
	var texts [2][]byte
	for i := range texts {
		if err := run(t.Context(), project, []string{"-o", target}, io.Discard, io.Discard); err != nil {
			t.Fatalf("run: %v", err)
		}
		texts[i] = read(t, target)
	}
	if sha256.Sum256(texts[0]) != sha256.Sum256(texts[1]) {
		t.Error("two runs produced different packages")
	}
	checkPackage(t, texts[0], read(t, "../../host.json"), read(t, "../../function.json"))
}

func checkPackage(t *testing.T, text, hostJSON, functionJSON []byte) {
	t.Helper()
	archive, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	contents, modes := map[string][]byte{}, map[string]string{}
	for _, f := range archive.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if contents[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
		modes[f.Name] = f.Mode().String()
	}
	if len(modes) != 3 || modes["host.json"] != "-rw-r--r--" || modes["countersign"] != "-rwxr-xr-x" ||
		modes["api/function.json"] != "-rw-r--r--" {
		t.Errorf("the package contains %v, want host.json, countersign and api/function.json", modes)
	}
	if !bytes.Equal(contents["host.json"], hostJSON) || !bytes.Equal(contents["api/function.json"], functionJSON) {
		t.Error("host.json and function.json differ from the project's")
	}
	var staged struct {
		Logging struct {
			ApplicationInsights struct{ SamplingSettings map[string]any }
		}
	}
	if err := json.Unmarshal(contents["host.json"], &staged); err != nil ||
		staged.Logging.ApplicationInsights.SamplingSettings["excludedTypes"] != "Trace" {
		t.Errorf("the package's host.json has audit records sampled away: %+v, %v", staged, err)
	}
	binary, err := elf.NewFile(bytes.NewReader(contents["countersign"]))
	if err != nil {
		t.Fatalf("the program is not an ELF file: %v", err)
	}
	if libraries, err := binary.ImportedLibraries(); binary.Machine != elf.EM_X86_64 || len(libraries) > 0 {
		t.Errorf("the program is for %v and needs %v (%v), want x86-64 and nothing", binary.Machine, libraries, err)
	}
}

func TestRun_AddsFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"countersign.yaml", "policies.cedar", "host.json", "Countersign", "local.settings.json"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("text of "+name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	files, err := readFiles([]string{in("countersign.yaml"), in("policies.cedar")})
	if err != nil {
		t.Fatal(err)
	}
	text, err := pack(files)
	if err != nil {
		t.Fatal(err)
	}
	archive, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	if err != nil || len(archive.File) != 2 {
		t.Fatalf("%d files, %v", len(archive.File), err)
	}
	for i, name := range []string{"countersign.yaml", "policies.cedar"} {
		f := archive.File[i]
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(r); err != nil || f.Name != name || f.Mode() != 0o644 || string(text) != "text of "+name {
			t.Errorf("the package has %s, %v, with %q, %v", f.Name, f.Mode(), text, err)
		}
	}
	for _, paths := range [][]string{
		{in("host.json")}, {in("Countersign")}, {in("local.settings.json")}, {
			in("policies.cedar"), in("policies.cedar"),
		}, {in("none.yaml")}, {dir},
	} {
		if files, err := readFiles(paths); err == nil {
			t.Errorf("%q are accepted: %v", paths, files)
		}
	}
}

func TestRun_WritesNothingIfTheCheckFails(t *testing.T) {
	project := t.TempDir()
	for name, text := range map[string]string{"host.json": "{}", "function.json": "{}"} {
		if err := os.WriteFile(filepath.Join(project, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	target := filepath.Join(project, "x.zip")
	if err := run(t.Context(), project, []string{"-o", target}, io.Discard, io.Discard); err == nil {
		t.Error("run packs a project that the host could not serve")
	}
	if _, err := os.Stat(target); err == nil {
		t.Error("run wrote a package nevertheless")
	}
}

func TestFunctionName_IsValid(t *testing.T) {
	if !regexp.MustCompile(`^[a-z][a-z0-9_-]{0,127}$`).MatchString(function) || function == "host" || function == program {
		t.Errorf("%q is not a valid name for the function's folder", function)
	}
}
