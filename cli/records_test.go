package cli

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// lineSchema is docs/log.schema.json.
var lineSchema = sync.OnceValue(func() *jsonschema.Schema {
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	return compiler.MustCompile("../docs/log.schema.json")
})

// badLines are the lines in all tests that violate the schema.
var badLines struct {
	sync.Mutex
	all []string
}

// reportLines fails the tests if a service has written a line that violates the schema.
func reportLines(code int) int {
	if len(badLines.all) == 0 {
		return code
	}
	some := badLines.all[:min(5, len(badLines.all))]
	fmt.Printf("%d lines break docs/log.schema.json, such as\n%s\n", len(badLines.all), strings.Join(some, "\n"))
	return 1
}

// checkLines is called with what is written to a standard output.
func checkLines(text []byte) {
	for line := range bytes.Lines(text) {
		if !bytes.HasPrefix(line, []byte(`{"`)) || !bytes.Contains(line, []byte(`"level":"`)) {
			continue // of another command
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
		if err == nil {
			err = lineSchema().Validate(value)
		}
		if err != nil {
			badLines.Lock()
			badLines.all = append(badLines.all, fmt.Sprintf("%s%v", line, err))
			badLines.Unlock()
		}
	}
}

// typesOf counts the lines of a log by type.
func typesOf(log string) map[string]int {
	count := map[string]int{}
	for _, found := range regexp.MustCompile(`"type":"(\w+)"`).FindAllStringSubmatch(log, -1) {
		count[found[1]]++
	}
	return count
}

// Log and audit records of a service that starts, signs, refuses, reloads and stops. All but the first lines name the
// configuration by the hash in its record.
func TestRecords_HaveOneShape(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		put(t, dir, dir, 1)
		r := reloading(t, dir, nil)
		first := r.current.Load()
		r.record(first, nil, "start")
		r.logStart(r.reloader.process, "127.0.0.1:8080")
		r.expect(1)
		r.handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "http://localhost/v1/identity", nil))
		put(t, dir, dir, 2)
		write(t, dir, "countersign.yaml", read(t, filepath.Join(dir, "countersign.yaml"))+"rate_per_second: 7\n")
		r.polls(2)
		r.expect(2)
		write(t, dir, "countersign.yaml", "profile: x")
		r.polls(2)
		second := r.current.Load()
		r.close()
		log := r.out.String()
		for kind, want := range map[string]int{"request": 3, "audit": 4, "session": 0, "config": 2, "lifecycle": 1} {
			if got := typesOf(log)[kind]; got != want {
				t.Errorf("%d lines of type %s, want %d", got, kind, want)
			}
		}
		for _, want := range [][]string{
			{`"type":"audit"`, `"action":"configure"`, `"notes":["start"]`, `"generation":1`, `"callers_added":["caller-1"]`, first.hash},
			{`"type":"audit"`, `"action":"sign"`, `"caller_id":"caller-1"`, first.hash},
			{`"type":"request"`, `"caller_id":"caller-1"`, `"auth_method":"api-key"`, first.hash},
			{`"type":"request"`, `"err_code":"unauthenticated"`, first.hash},
			{
				`"type":"audit"`, `"action":"configure"`, `"notes":["file"]`, `"generation":2`, `"callers_removed":["caller-1"]`,
				`"profiles_added":["profile-2"]`, `"rate_per_second"`, second.hash,
			},
			{`"type":"config"`, "configuration reloaded", second.hash},
			{`"type":"audit"`, `"action":"sign"`, second.hash},
			{`"type":"config"`, `"level":"error"`, "profile: unknown key", second.hash},
		} {
			if !hasLine(log, want...) {
				t.Errorf("no line has all of %q", want)
			}
		}
		if t.Failed() {
			t.Log(log)
		}
	})
}

// Another key, another role, another host pattern, another header.
func TestRecords_SayWhichCallersAndProfilesChanged(t *testing.T) {
	dir := t.TempDir()
	text := func(key, role, host, header string) string {
		return fmt.Sprintf(`
callers:
  api_keys: [{id: changes, sha256: %s}, {id: stays, sha256: %s}]
profiles:
  role:
    {region: eu-west-1, source: static, access_key_id: AKID1, secret_access_key: EXAMPLE,
    assume_role: {role_arn: "arn:aws:iam::123456789012:role/%s"}}
  host:
    {region: eu-west-1, source: static, access_key_id: AKID1, secret_access_key: EXAMPLE,
    hosts: {%s: {service: s3, region: eu-west-1}}}
  header:
    {region: eu-west-1, source: static, access_key_id: AKID1, secret_access_key: EXAMPLE,
    upstream_headers: {x-api-key: {value: %s, hosts: [a.example.com]}}}
  stays:
    {region: eu-west-1, source: static, access_key_id: AKID1, secret_access_key: EXAMPLE,
    upstream_headers: {x-api-key: {value: EXAMPLE-usage, hosts: [a.example.com]}}}
default_profile: stays
`, sha256Hex(key), sha256Hex("EXAMPLE-2"), role, host, header)
	}
	write(t, dir, "countersign.yaml", text("EXAMPLE-1", "a", "a.example.com", "EXAMPLE-usage-1"))
	r := reloading(t, dir, nil)
	write(t, dir, "countersign.yaml", text("EXAMPLE-3", "b", "b.example.com", "EXAMPLE-usage-2"))
	r.polls(2)
	r.close()
	log := r.out.String()
	want := []string{`"action":"configure"`, `"callers_changed":["changes"]`, `"profiles_changed":["header","host","role"]`}
	if !hasLine(log, want...) {
		t.Errorf("no line has all of %q:\n%s", want, log)
	}
	for _, hidden := range []string{"stays\"]", sha256Hex("EXAMPLE-3"), "EXAMPLE-usage"} {
		if strings.Contains(log, hidden) {
			t.Errorf("the record has %s, which has not changed or is a value:\n%s", hidden, log)
		}
	}
}

func read(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The query files and docs/operations.md have the same queries, which use fields that lines have.
func TestQueries_NameFieldsOfTheSchema(t *testing.T) {
	schema := read(t, "../docs/log.schema.json")
	docs := read(t, "../docs/operations.md")
	files, err := filepath.Glob("../deploy/azure/queries/*.kql")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d files %v", len(files), err)
	}
	var alerts []string
	for _, file := range files {
		text := read(t, file)
		if !strings.Contains(docs, "```kusto\n"+text+"```\n") {
			t.Errorf("docs/operations.md does not show %s as it is", file)
		}
		if !strings.HasPrefix(text, "// ") {
			t.Errorf("%s does not say what it shows", file)
		}
		for _, used := range regexp.MustCompile(`\bl\.(\w+)`).FindAllStringSubmatch(text, -1) {
			if !strings.Contains(schema, fmt.Sprintf("\n      %q: {", used[1])) && !strings.Contains(schema, fmt.Sprintf("        %q: {", used[1])) {
				t.Errorf("%s uses %s, which no line has", file, used[1])
			}
		}
		for _, found := range regexp.MustCompile(`Countersign[A-Z]\w+`).FindAllString(text, -1) {
			alerts = append(alerts, found)
			if !strings.Contains(docs, "\n### "+found+"\n") {
				t.Errorf("%s names %s, and docs/operations.md does not say what to do about it", file, found)
			}
		}
	}
	if n := strings.Count(docs, "```kusto\n"); n != len(files) {
		t.Errorf("docs/operations.md has %d queries, and there are %d files", n, len(files))
	}
	slices.Sort(alerts)
	want := []string{"CountersignAuditBroken", "CountersignDenied", "CountersignFailing", "CountersignNoSession"}
	if !slices.Equal(slices.Compact(alerts), want) {
		t.Errorf("the queries are for the alerts %q, want %q", alerts, want)
	}
}
