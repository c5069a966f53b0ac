package main_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// room says what the code of a folder may import, tests aside: they may ask
// anyone for a second opinion.
type room struct {
	rooms   string // of this project, divided by spaces
	outside string // prefixes of other modules' packages
	pure    bool   // nothing of the standard library that reaches outside the process
}

// Nothing points back: a room knows those it serves itself from, never those it
// serves. What a library is for, one room knows.
func TestRoomsImportOnlyWhatTheyMay(t *testing.T) {
	const logs = "github.com/rs/zerolog"
	rooms := map[string]room{
		".":                       {rooms: "cli"},
		"cli":                     {rooms: "access api config connector credentials endpoints handlers sandbox signing", outside: "github.com/alecthomas/kong golang.org/x/net/netutil " + logs},
		"api":                     {rooms: "access connector handlers", outside: "github.com/go-chi/chi/v5 github.com/getkin/kin-openapi " + logs},
		"handlers":                {rooms: "access credentials endpoints signing", outside: "github.com/go-json-experiment/json"},
		"access":                  {rooms: "endpoints signing", outside: "github.com/cedar-policy/cedar-go github.com/lestrrat-go/jwx/v3 golang.org/x/sync golang.org/x/time"},
		"credentials":             {rooms: "endpoints signing", outside: "github.com/aws github.com/Azure/azure-sdk-for-go golang.org/x/sync golang.org/x/time"},
		"config":                  {rooms: "access credentials endpoints signing", outside: "github.com/goccy/go-yaml"},
		"connector":               {outside: "github.com/getkin/kin-openapi"},
		"sandbox":                 {rooms: "endpoints signing"},
		"endpoints":               {pure: true},
		"endpoints/gen":           {},
		"signing":                 {pure: true},
		"deploy/package":          {},
		"internal/functionshost":  {},
		"internal/home":           {outside: "github.com/goccy/go-yaml"},
		"internal/peers":          {},
		"internal/peers/requests": {rooms: "signing"},
		"internal/logicapps":      {outside: "github.com/go-json-experiment/json"},
	}
	text, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	module, _, _ := strings.Cut(strings.TrimPrefix(string(text), "module "), "\n")
	found := map[string]bool{}
	err = filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && path != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata" || path == "tools" || path == "signing/bench") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		folder := filepath.ToSlash(filepath.Dir(path))
		allowed, listed := rooms[folder]
		if !listed {
			t.Errorf("%s is in no room that this test knows", path)
		}
		found[folder] = true
		for _, name := range imports(t, path) {
			if !allowed.takes(module, name) {
				t.Errorf("%s imports %s, which its room may not", path, name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for folder := range rooms {
		if !found[folder] {
			t.Errorf("%s has no Go files; is the room called otherwise now?", folder)
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

func (r room) takes(module, name string) bool {
	if folder, ok := strings.CutPrefix(name, module+"/"); ok {
		return slices.Contains(strings.Fields(r.rooms), folder)
	}
	first, _, _ := strings.Cut(name, "/")
	if strings.Contains(first, ".") {
		return slices.ContainsFunc(strings.Fields(r.outside), func(prefix string) bool {
			return name == prefix || strings.HasPrefix(name, prefix+"/")
		})
	}
	reaching := []string{"crypto/rand", "log", "log/slog", "math/rand", "math/rand/v2", "net", "net/http", "os", "os/exec", "syscall", "unsafe"}
	return !r.pure || !slices.Contains(reaching, name)
}
