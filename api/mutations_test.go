//go:build mutations

package api_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const write = "if failed := b.Audit.Write(ctx, record); failed != nil {"

// mutations leave out the record for one kind of operation or outcome, or ignore that it could not be written.
var mutations = map[string]struct{ from, to string }{
	"denied":            {write, "if record.Decision == \"deny\" {\n\t\treturn nothing, err\n\t}\n\t" + write},
	"failed":            {write, "if record.Decision == \"allow\" && err != nil {\n\t\treturn nothing, err\n\t}\n\t" + write},
	"signed":            {write, "if err == nil {\n\t\treturn made, nil\n\t}\n\t" + write},
	"sign":              skip(`op.action == access.ActionSign && op.step == 0`),
	"canonical request": skip(`op.step == 1`),
	"step 3":            skip(`op.step == 3`),
	"presign":           skip(`op.action == access.ActionPresign && op.in.URL != ""`),
	"token":             skip(`op.action == access.ActionPresign && op.in.URL == ""`),
	"verify":            skip(`op.action == access.ActionVerify`),
	"send":              skip(`op.action == access.ActionSend`),
	"post-policy":       skip(`op.action == access.ActionPostPolicy`),
	"error ignored":     {"return nothing, failed", "return made, err"},
	"written twice":     {write, "_ = b.Audit.Write(ctx, record)\n\t" + write},
}

// diagnosing mutations explain without an authorization, or before there is a record.
var diagnosing = map[string]struct{ from, to string }{
	"not decided": {
		"op, readings, err := b.readReceived(in)",
		"if len(in.URL) > 0 {\n\t\treturn explain(Held{}), nil\n\t}\n\top, readings, err := b.readReceived(in)",
	},
	"denied, explained": {`denied.Code != "forbidden"`, `denied.Code == "forbidden"`},
}

func skip(condition string) struct{ from, to string } {
	return struct{ from, to string }{write, "if " + condition + " {\n\t\treturn made, err\n\t}\n\t" + write}
}

// Each mutation, and the removal of any audit write, makes TestRoutes fail.
func TestMutations_OfTheRecordAreDetected(t *testing.T) {
	for file, list := range map[string]map[string]struct{ from, to string }{
		"../broker/broker.go": mutations, "../broker/diagnose.go": diagnosing,
	} {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for name, m := range list {
			if strings.Count(string(source), m.from) != 1 {
				t.Fatalf("%s: %s does not contain %q exactly once", name, file, m.from)
			}
			t.Run(name, func(t *testing.T) {
				mustFail(t, file, strings.Replace(string(source), m.from, m.to, 1))
			})
		}
	}
	writes := 0
	for _, folder := range []string{"broker", "handlers", "api"} {
		files, err := filepath.Glob("../" + folder + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, at := range regexp.MustCompile(`\w+(?:\.\w+)*\.Audit\.Write\([^()]*\)`).FindAllIndex(text, -1) {
				writes++
				t.Run(file+":"+strconv.Itoa(1+strings.Count(string(text[:at[0]]), "\n")), func(t *testing.T) {
					mustFail(t, file, string(text[:at[0]])+"error(nil)"+string(text[at[1]:]))
				})
			}
		}
	}
	if writes == 0 {
		t.Error("no audit write was found")
	}
}

// mustFail runs the test of the routes with a file's text replaced.
func mustFail(t *testing.T, file, text string) {
	t.Helper()
	path, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	mutant, overlay := filepath.Join(folder, "mutant.go"), filepath.Join(folder, "overlay.json")
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {path: mutant}})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{mutant: text, overlay: string(replace)} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command(
		"go", "test", "-overlay", overlay, "-run", "^TestRoutes_SignNothingWithoutARecord$", "-count=1", ".",
	).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "--- FAIL: TestRoutes_") {
		t.Errorf("the test passes, or does not run: %v\n%s", err, out)
	}
}
