package docs_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// entry says what the code of a folder may import, tests aside: they may ask
// anyone for a second opinion.
type entry struct {
	folder   string
	packages string // of this project, divided by spaces
	outside  string // prefixes of other modules' packages
	pure     bool   // nothing of the standard library that reaches outside the process
}

const logs = "github.com/rs/zerolog"

// entries are in order: a package imports only those below it. What a library is
// for, one package knows.
var entries = []entry{
	{folder: ".", packages: "cli"},
	{
		folder: "cli",
		packages: "api handlers broker problem connector converter sandbox config access credentials diagnosis sending proxy " +
			"workbench reading snippets telemetry endpoints signing internal/garbage",
		outside: "github.com/spf13/cobra github.com/spf13/pflag github.com/mattn/go-isatty golang.org/x/net/netutil " +
			"golang.org/x/net/http/httpproxy golang.org/x/sys/unix " + logs,
	},
	{
		folder:   "internal/proxybench",
		packages: "api handlers proxy broker access credentials sending endpoints signing internal/freeport internal/measure",
		outside:  "github.com/aws/aws-sdk-go-v2 " + logs,
	},
	{
		folder:   "internal/servicebench",
		packages: "api handlers broker access credentials signing internal/freeport internal/measure",
		outside:  "github.com/aws/aws-sdk-go-v2 github.com/go-chi/chi/v5 " + logs,
	},
	{
		folder:   "api",
		packages: "handlers proxy broker problem access workbench",
		outside:  "github.com/go-chi/chi/v5 github.com/oasdiff/yaml3 " + logs,
	},
	{
		folder: "handlers",
		packages: "broker problem access credentials sending diagnosis reading explain snippets endpoints signing " +
			"internal/appendjson internal/cborjson",
		outside: "github.com/go-json-experiment/json",
	},
	{folder: "proxy", packages: "broker problem sending endpoints signing"},
	{
		folder: "broker", packages: "problem access credentials sending endpoints signing internal/lazyregexp",
		outside: "github.com/go-json-experiment/json/jsontext",
	},
	{folder: "workbench"},
	{
		folder: "converter", packages: "connector endpoints internal/lazyregexp",
		outside: "github.com/go-json-experiment/json/jsontext github.com/oasdiff/yaml3",
	},
	{folder: "connector", packages: "internal/lazyregexp"},
	{folder: "sandbox", packages: "endpoints signing"},
	{
		folder: "telemetry", packages: "access credentials endpoints",
		outside: "github.com/prometheus/client_golang go.opentelemetry.io/otel go.opentelemetry.io/proto/otlp google.golang.org/protobuf",
	},
	{folder: "config", packages: "problem access credentials endpoints signing", outside: "github.com/goccy/go-yaml"},
	{folder: "problem", pure: true},
	{
		folder:   "access",
		packages: "endpoints signing internal/appendjson internal/bearer",
		outside:  "github.com/cedar-policy/cedar-go github.com/lestrrat-go/jwx/v3 golang.org/x/time",
	},
	{
		folder:   "credentials",
		packages: "endpoints signing internal/bearer",
		outside:  "github.com/aws github.com/Azure/azure-sdk-for-go golang.org/x/time",
	},
	{folder: "sending", packages: "signing internal/cborjson"},
	{folder: "endpoints/gen"},
	{folder: "workbench/gen", outside: "github.com/getkin/kin-openapi"},
	{folder: "deploy/package"},
	{folder: "internal/appendjson", pure: true},
	{folder: "internal/bearer", pure: true},
	{folder: "internal/contract", outside: "github.com/getkin/kin-openapi"},
	{folder: "internal/functionshost", packages: "internal/freeport"},
	{folder: "internal/garbage"},
	{folder: "internal/home", outside: "github.com/goccy/go-yaml"},
	{folder: "internal/logicapps", outside: "github.com/go-json-experiment/json"},
	{folder: "internal/measure", outside: "golang.org/x/sys/unix"},
	{folder: "internal/peers", packages: "internal/freeport"},
	{folder: "internal/peers/requests", packages: "signing"},
	{folder: "internal/testbuild"},
	{folder: "internal/freeport"},
	{folder: "internal/upstream"},
	{folder: "signing/signhttp", packages: "signing"},
	{folder: "diagnosis", packages: "reading endpoints signing internal/cborjson internal/lazyregexp", pure: true},
	{folder: "reading", packages: "internal/lazyregexp", outside: "mvdan.cc/sh/v3/syntax", pure: true},
	{folder: "explain", packages: "signing", pure: true},
	{folder: "snippets", packages: "internal/lazyregexp", pure: true},
	{folder: "internal/cborjson", outside: "github.com/go-json-experiment/json/jsontext", pure: true},
	{folder: "internal/lazyregexp", pure: true},
	{folder: "endpoints", pure: true},
	{folder: "signing", pure: true},
}

func TestImports_PointOneWay(t *testing.T) {
	for i, e := range entries {
		for _, imported := range strings.Fields(e.packages) {
			at := slices.IndexFunc(entries, func(other entry) bool { return other.folder == imported })
			if at <= i {
				t.Errorf("%s imports %s, which is not below it in the table", e.folder, imported)
			}
		}
	}
}

// docs/architecture.md has the same table, in the same order, for those who read.
func TestImports_AreDocumented(t *testing.T) {
	text, err := os.ReadFile("docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	quoted := regexp.MustCompile("`([a-z/]+)`")
	last := -1
	documented := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z]+|main\\.go)` \\| .* \\| (.*) \\|$").FindAllStringSubmatch(string(text), -1) {
		folder := strings.Replace(row[1], "main.go", ".", 1)
		at := slices.IndexFunc(entries, func(e entry) bool { return e.folder == folder })
		if at < 0 {
			continue // a folder of several packages, or no package
		}
		if at < last {
			t.Errorf("%s stands below what it may import", row[1])
		}
		last, documented[folder] = at, true
		var names []string
		for _, name := range quoted.FindAllStringSubmatch(row[2], -1) {
			names = append(names, name[1])
		}
		if want := strings.Fields(entries[at].packages); !slices.Equal(names, want) {
			t.Errorf("%s imports %q by the documentation, and may import %q", row[1], names, want)
		}
	}
	for _, e := range entries {
		if !strings.Contains(e.folder, "/") && !documented[e.folder] {
			t.Errorf("%s is not documented", e.folder)
		}
	}
}

func TestImports_AreAllowed(t *testing.T) {
	text, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	module, _, _ := strings.Cut(strings.TrimPrefix(string(text), "module "), "\n")
	found := map[string]bool{}
	err = filepath.WalkDir(".", func(path string, f fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if f.IsDir() && path != "." && (strings.HasPrefix(f.Name(), ".") || f.Name() == "testdata" || path == "tools" ||
			path == "signing/bench" || path == "workbench/browser") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		folder := filepath.ToSlash(filepath.Dir(path))
		at := slices.IndexFunc(entries, func(e entry) bool { return e.folder == folder })
		if at < 0 {
			t.Errorf("%s is in no folder that the table knows", path)
			return nil
		}
		found[folder] = true
		for _, name := range imports(t, path) {
			if !entries[at].allows(module, name) {
				t.Errorf("%s imports %s, which its package may not", path, name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !found[e.folder] {
			t.Errorf("%s has no Go files; has the package another name now?", e.folder)
		}
	}
}

// A library that only tests need costs every start, if the program has it: kin-openapi brings a compiler of JSON Schema, which compiles
// the schemas of JSON Schema itself before main begins.
func TestImports_OfTheProgramHaveNoOpenAPILibrary(t *testing.T) {
	packages, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.Lines(string(packages)) {
		if strings.Contains(name, "/kin-openapi") || strings.Contains(name, "/jsonschema") {
			t.Errorf("the program has %s", name)
		}
	}
}

func imports(t *testing.T, path string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, spec := range file.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	return names
}

func (e entry) allows(module, name string) bool {
	if folder, ok := strings.CutPrefix(name, module+"/"); ok {
		return slices.Contains(strings.Fields(e.packages), folder)
	}
	first, _, _ := strings.Cut(name, "/")
	if strings.Contains(first, ".") {
		return slices.ContainsFunc(strings.Fields(e.outside), func(prefix string) bool {
			return name == prefix || strings.HasPrefix(name, prefix+"/")
		})
	}
	reaching := []string{
		"crypto/rand", "log", "log/slog", "math/rand", "math/rand/v2", "net", "net/http", "os", "os/exec", "syscall", "unsafe",
	}
	return !e.pure || !slices.Contains(reaching, name)
}
