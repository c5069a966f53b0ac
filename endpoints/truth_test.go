package endpoints_test

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"countersign/endpoints"
)

// truth is the scope with which AWS's own SDKs sign for a host.
type truth struct {
	kind, host, path, service, region, partition string
	algorithms                                   []string // each of them is correct
}

// sampleRows is the size of the sample, so that no row gets lost.
const sampleRows = 902

func TestInfer_Sample(t *testing.T) {
	rows := readSample(t)
	if len(rows) != sampleRows {
		t.Fatalf("the sample has %d rows, want %d", len(rows), sampleRows)
	}
	checkTruth(t, rows)
}

// truthRows is the size of the file, so that no row gets lost.
const truthRows = 82858

// TestInfer_Truth compares with testdata/truth.tsv.gz, the scopes with which AWS's own SDKs sign
// for each host. With -v it prints the table in docs/endpoints.md. ENDPOINTS_TRUTH names an
// additional file, with a row for each host.
func TestInfer_Truth(t *testing.T) {
	rows := readTruth(t)
	if len(rows) != truthRows {
		t.Fatalf("testdata/truth.tsv.gz has %d rows, want %d", len(rows), truthRows)
	}
	checkTruth(t, rows)
	if name := os.Getenv("ENDPOINTS_TRUTH"); name != "" {
		t.Run(filepath.Base(name), func(t *testing.T) { checkTruth(t, readWideTruth(t, name)) })
	}
}

// checkTruth infers every row and logs how many are correct, by kind.
func checkTruth(t *testing.T, rows []truth) {
	t.Helper()
	doubtful := readDoubtful(t)
	type score struct{ right, doubted, all int }
	kinds := map[string]*score{}
	lines := make([]string, len(rows))
	for i, row := range rows {
		lines[i] = row.host + row.path
	}
	for i, got := range scopes(t, lines) {
		row := rows[i]
		s := kinds[row.kind]
		if s == nil {
			s = &score{}
			kinds[row.kind] = s
		}
		s.all++
		want := row.service + " " + row.region
		right := got.service+" "+got.region == want && slices.Contains(row.algorithms, got.algorithm)
		_, doubted := doubtful[row.host]
		switch {
		case right && doubted:
			t.Errorf("%s is listed as doubtful, but Infer returns what the row says", row.host)
		case right:
			s.right++
		case doubted:
			s.doubted++
		default:
			t.Errorf("%s: Infer(%q, %q) = %s %s %s, want %s %s", row.kind, row.host, row.path,
				got.service, got.region, got.algorithm, want, strings.Join(row.algorithms, " or "))
		}
		if scope, err := endpoints.Infer(row.host, row.path); err == nil && scope.Partition != row.partition {
			t.Errorf("%s: Infer(%q, %q).Partition = %q, want %q", row.kind, row.host, row.path, scope.Partition, row.partition)
		}
	}
	var table strings.Builder
	total := score{}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		s := kinds[kind]
		fmt.Fprintf(&table, "| %s | %d | %d | %d |\n", kind, s.all, s.right, s.doubted)
		total = score{total.right + s.right, total.doubted + s.doubted, total.all + s.all}
	}
	t.Logf("\n| kind | rows | right | doubtful |\n|---|---|---|---|\n%s| all | %d | %d | %d |", &table, total.all, total.right, total.doubted)
}

type columns struct{ service, region, algorithm, note string }

// scopes returns what the scope command prints for the lines.
func scopes(t *testing.T, lines []string) []columns {
	t.Helper()
	var out bytes.Buffer
	if err := endpoints.WriteScopes(&out, strings.NewReader(strings.Join(lines, "\n")+"\n")); err != nil {
		t.Fatal(err)
	}
	printed := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(printed) != len(lines) {
		t.Fatalf("WriteScopes writes %d lines for %d", len(printed), len(lines))
	}
	all := make([]columns, len(lines))
	for i, line := range printed {
		f := strings.Split(line, "\t")
		if len(f) != 5 || f[0] != lines[i] || f[4] == "" {
			t.Fatalf("WriteScopes(%q) = %q, want the line and four columns", lines[i], line)
		}
		all[i] = columns{f[1], f[2], f[3], f[4]}
	}
	return all
}

func readLines(t testing.TB, name string) (lines []string) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "#") {
			lines = append(lines, strings.TrimSuffix(line, "\n"))
		}
	}
	return lines
}

func readSample(t testing.TB) (rows []truth) {
	t.Helper()
	for _, line := range readLines(t, "testdata/hosts.txt") {
		f := strings.Split(line, " ")
		if len(f) != 6 {
			t.Fatalf("testdata/hosts.txt: %q has %d columns, want 6", line, len(f))
		}
		host, path := f[1], ""
		if i := strings.IndexByte(host, '/'); i >= 0 {
			host, path = host[:i], host[i:]
		}
		rows = append(rows, truth{f[0], host, path, f[2], f[3], f[5], strings.Split(f[4], "|")})
	}
	return rows
}

// readDoubtful reads the rows that look wrong, with the reason for each.
func readDoubtful(t *testing.T) map[string]string {
	t.Helper()
	rows := map[string]string{}
	for _, line := range readLines(t, "testdata/doubtful.txt") {
		host, reason, ok := strings.Cut(line, " ")
		if !ok || reason == "" {
			t.Fatalf("testdata/doubtful.txt: %q has no reason", line)
		}
		rows[host] = reason
	}
	return rows
}

// readTruth expands the committed file, in which {r} stands for each region in the last column.
func readTruth(t *testing.T) (rows []truth) {
	t.Helper()
	for line := range strings.Lines(unzip(t, "testdata/truth.tsv.gz")) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 7 {
			t.Fatalf("testdata/truth.tsv.gz: %q has %d columns, want 7", line, len(f))
		}
		for region := range strings.FieldsSeq(f[6]) {
			at := func(s string) string { return strings.ReplaceAll(s, "{r}", region) }
			host, path, slash := strings.Cut(at(f[1]), "/")
			if slash {
				path = "/" + path
			}
			rows = append(rows, truth{f[0], host, path, f[2], at(f[3]), f[5], strings.Split(f[4], "|")})
		}
	}
	return rows
}

func unzip(t *testing.T, name string) string {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return string(text)
}

func readWideTruth(t *testing.T, name string) (rows []truth) {
	t.Helper()
	r := csv.NewReader(strings.NewReader(unzip(t, name)))
	r.Comma, r.LazyQuotes, r.ReuseRecord = '\t', true, true
	head, err := r.Read()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	const want = "host path_hint signing_service signing_region algorithm partition sdk_service_id kind listed sources split_unit"
	if got := strings.Join(head, " "); got != want {
		t.Fatalf("%s has the columns %q, want %q", name, got, want)
	}
	for {
		c, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		row := truth{kind: c[7], host: c[0], service: c[2], region: c[3], partition: c[5], algorithms: strings.Split(c[4], "|")}
		switch hint := c[1]; {
		case hint == "" || strings.HasPrefix(hint, "!^/"): // every path, or every path except one
		case strings.HasPrefix(hint, "^/"):
			row.path = hint[1:]
		default:
			t.Fatalf("%s: unknown path hint %q", name, hint)
		}
		if row.region == "?" {
			row.region = "-" // the caller must give it
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		t.Fatalf("%s has no rows", name)
	}
	return rows
}
