package cli

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"countersign/access"
	"countersign/config"
	"countersign/diagnosis"
	"countersign/problem"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "rewrite testdata/names.txt")

// Texts may change, names may not: callers, policies, alerts and scripts rely on them. New names are added to the
// file by go test ./cli -run TestNames -update; a missing name breaks users.
func TestNames_StayAsTheyAre(t *testing.T) {
	names := slices.Concat(
		contractNames(t), codes(t), settingNames(t), commandNames(), structNames("audit", reflect.TypeFor[access.Record]()), policyNames(),
		countedNames(t), logNames(t),
	)
	slices.Sort(names)
	got := strings.Join(slices.Compact(names), "\n") + "\n"
	const file = "testdata/names.txt"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	added, missing := lines(got), lines(read(t, file))
	for name := range added {
		if missing[name] {
			delete(added, name)
			delete(missing, name)
		}
	}
	if len(added)+len(missing) > 0 {
		t.Errorf("missing, which breaks users: %q\nadded: %q", slices.Sorted(maps.Keys(missing)), slices.Sorted(maps.Keys(added)))
	}
}

func lines(text string) map[string]bool {
	all := map[string]bool{}
	for line := range strings.Lines(text) {
		all[line] = true
	}
	return all
}

func contractNames(t *testing.T) (names []string) {
	doc, err := openapi3.NewLoader().LoadFromData(contract)
	if err != nil {
		t.Fatal(err)
	}
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			names = append(names, "route "+method+" "+path+" "+operation.OperationID)
			for _, p := range slices.Concat(item.Parameters, operation.Parameters) {
				names = append(names, "parameter "+method+" "+path+" "+p.Value.In+" "+p.Value.Name)
			}
		}
	}
	for name, schema := range doc.Components.Schemas {
		names = append(names, schemaNames(name, schema.Value)...)
	}
	return names
}

// schemaNames are the fields of a schema and of the schemas in it, with their allowed values.
func schemaNames(at string, s *openapi3.Schema) (names []string) {
	for _, value := range s.Enum {
		names = append(names, fmt.Sprintf("value %s %v", at, value))
	}
	for name, property := range s.Properties {
		names = append(names, "field "+at+"."+name)
		if property.Ref == "" {
			names = append(names, schemaNames(at+"."+name, property.Value)...)
		}
	}
	for _, inner := range []*openapi3.SchemaRef{s.Items, s.AdditionalProperties.Schema} {
		if inner != nil && inner.Ref == "" {
			names = append(names, schemaNames(at+"[]", inner.Value)...)
		}
	}
	return names
}

// codes are the codes of problems (with status), warnings and causes.
func codes(t *testing.T) (names []string) {
	for _, code := range matches(t, `(?m)^\t"([a-z_0-9]+)": `, "../problem/codes.go") {
		names = append(names, fmt.Sprintf("problem %s %d", code, (&problem.Error{Code: code}).Status()))
	}
	const warnings = `(?:\.warn\(|\.warnOf\([^,]*, |Code: +)"([a-z_0-9]+)"`
	for _, code := range matches(t, warnings, "../broker/*.go", "../handlers/*.go", "../signing/url.go", "../reading/*.go") {
		if !problem.Known(code) {
			names = append(names, "warning "+code)
		}
	}
	for _, c := range diagnosis.Causes() {
		names = append(names, "cause "+string(c.ID))
	}
	return names
}

func settingNames(t *testing.T) (names []string) {
	var schema any
	if err := json.Unmarshal(config.Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	var walk func(at string, node any)
	walk = func(at string, node any) {
		switch n := node.(type) {
		case map[string]any:
			for name, child := range n {
				properties, isObject := child.(map[string]any)
				if name != "properties" || !isObject {
					walk(at, child)
					continue
				}
				for key, property := range properties {
					names = append(names, "setting "+at+key)
					walk(at+key+".", property)
				}
			}
		case []any:
			for _, child := range n {
				walk(at, child)
			}
		}
	}
	walk("", schema)
	for _, f := range config.Flags() {
		names = append(names, "variable COUNTERSIGN_"+strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_")))
	}
	return names
}

func commandNames() (names []string) {
	var parsed bool
	root := newRoot(&process{getenv: func(string) string { return "" }}, &parsed)
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		names = append(names, "command "+c.CommandPath())
		c.LocalFlags().VisitAll(func(f *pflag.Flag) { names = append(names, "flag "+c.CommandPath()+" --"+f.Name) })
		for _, child := range c.Commands() {
			walk(child)
		}
	}
	walk(root)
	return names
}

// structNames are the names under which the fields of a struct and of the structs in it are written.
func structNames(kind string, of reflect.Type) (names []string) {
	for i := range of.NumField() {
		f := of.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			names = append(names, structNames(kind, f.Type)...)
		case name != "-" && f.IsExported():
			names = append(names, kind+" "+cmp.Or(name, f.Name))
		}
	}
	return names
}

func policyNames() (names []string) {
	for _, m := range regexp.MustCompile(`(?m)^\s+"?(\w+)"?\??: `).FindAllStringSubmatch(access.Schema(), -1) {
		names = append(names, "cedar "+m[1])
	}
	declared := regexp.MustCompile(`(?m)^(?:entity|action) ([\w",\s-]+?)(?: in| =|;|\s+appliesTo)`)
	for _, m := range declared.FindAllStringSubmatch(access.Schema(), -1) {
		for name := range strings.FieldsFuncSeq(m[1], func(r rune) bool { return !unicode.IsLetter(r) && r != '-' }) {
			names = append(names, "cedar "+name)
		}
	}
	return names
}

func countedNames(t *testing.T) (names []string) {
	s := serviceWith(t, map[string]string{"COUNTERSIGN_METRICS_ADDRESS": "127.0.0.1:9090"})
	w := httptest.NewRecorder()
	s.metrics.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, m := range regexp.MustCompile(`(?m)^# TYPE ((?:countersign|http)_\w+) (\w+)`).FindAllStringSubmatch(w.Body.String(), -1) {
		names = append(names, "metric "+m[1]+" "+m[2])
	}
	return names
}

func logNames(t *testing.T) (names []string) {
	const fields = `\.(?:Str|Strs|Int|Int64|Uint64|Bool|Dur|Time|Float64|Any|Interface|AnErr|RawJSON)\("([a-z_0-9.]+)"`
	for _, name := range matches(t, fields, "*.go", "../api/*.go") {
		names = append(names, "log "+name)
	}
	return names
}

// matches returns what a pattern finds in the sources, without tests.
func matches(t *testing.T, pattern string, globs ...string) (found []string) {
	t.Helper()
	for _, glob := range globs {
		files, err := filepath.Glob(glob)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(read(t, file), -1) {
				found = append(found, m[1])
			}
		}
	}
	if len(found) < 5 {
		t.Fatalf("%s finds only %q", pattern, found)
	}
	return found
}
