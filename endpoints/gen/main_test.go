package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const head = "fact\tkey\tvalue\textra\tsource\n"

func generate(t *testing.T, rows string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.tsv"), filepath.Join(dir, "facts.txt")
	if err := os.WriteFile(in, []byte(head+rows), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run([]string{in}, out); err != nil {
		return "", err
	}
	text, err := os.ReadFile(out)
	return string(text), err
}

func TestRun(t *testing.T) {
	got, err := generate(t,
		"label\temail\tses\t\ttests\n"+
			"label\temail\tses\t\tmodel\n"+ // the same fact from a second source
			"label\t=pinpoint\tmobiletargeting\t\ttests\n"+
			"global\tiam\tiam\taws=us-east-1\tiam.amazonaws.com\n"+
			"global\tiam\tiam\taws-cn=cn-north-1\tiam.amazonaws.com.cn\n"+
			"cross\timportexport\tIngestionService\taws us-east-1\trules\n"+
			"partition\taws\tus-east-1\tus eu\tpartitions\n"+
			"suffix\tapi.aws\taws\t\tpartitions\n"+
			"suffix\tapi.aws\taws-us-gov\t\tpartitions\n"+
			"quirk\ts3\ts3-style\t\tmodel\n"+
			"quirk\ts3\tcontent-sha256\t\tmodel\n"+
			"operation\tsts AssumeRoleWithSAML\tunsigned\tPOST action=AssumeRoleWithSAML\tmodel\n"+
			"store\ts3.{region}.scw.cloud\t{region}\tScaleway\tdocs\n")
	if err != nil {
		t.Fatal(err)
	}
	want := "cross\timportexport\tIngestionService\taws\tus-east-1\n" +
		"global\tiam\tiam\taws-cn=cn-north-1 aws=us-east-1\n" +
		"label\t=pinpoint\tmobiletargeting\n" +
		"label\temail\tses\n" +
		"operation\tsts AssumeRoleWithSAML\tunsigned\tPOST\taction=AssumeRoleWithSAML\n" +
		"partition\taws\tus-east-1\tus eu\n" +
		"quirk\ts3\tcontent-sha256 s3-style\n" +
		"store\ts3.{region}.scw.cloud\t{region}\tScaleway\n" +
		"suffix\tapi.aws\taws aws-us-gov\n"
	if _, lines, _ := strings.Cut(got, "\n"); lines != want {
		t.Errorf("run writes\n%s\nwant\n%s", lines, want)
	}
}

func TestRun_Rejects(t *testing.T) {
	tests := []struct{ name, rows, want string }{
		{"unknown fact", "novelty\ta\tb\t\tdocs\n", `in.tsv:2: unknown fact "novelty"`},
		{"missing column", "label\ta\tb\tdocs\n", "wrong number of fields"},
		{"extra column", "label\ta\tb\tc\tdocs\n", "an extra column"},
		{"contradiction", "label\ta\tb\t\tdocs\nlabel\ta\tc\t\tdocs\n", `in.tsv:3: label "a" is both`},
		{"contradicting globals", "global\tiam\tiam\taws=us-east-1\tx\nglobal\tiam\tsts\taws=us-east-1\tx\n", `global "iam" is both`},
		{"malformed operation", "operation\tsts AssumeRole\tunsigned\tPOST\tmodel\n", "not two words"},
	}
	for _, tt := range tests {
		if _, err := generate(t, tt.rows); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: run = %v, want an error containing %q", tt.name, err, tt.want)
		}
	}
	dir := t.TempDir()
	other := filepath.Join(dir, "other.tsv")
	if err := os.WriteFile(other, []byte("a\tb\tc\td\te\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run([]string{other}, filepath.Join(dir, "out")); err == nil || !strings.Contains(err.Error(), "has the columns") {
		t.Errorf("run with other columns = %v, want an error", err)
	}
	if err := run([]string{filepath.Join(dir, "none")}, filepath.Join(dir, "out")); err == nil {
		t.Error("run without the file returns no error")
	}
}

// The committed table must be the generated one: to change a fact, change its file, with a source.
func TestFacts_AreUpToDate(t *testing.T) {
	files, err := filepath.Glob("*.tsv")
	if err != nil || len(files) != 5 {
		t.Fatalf("the fact files are %v, %v, want 5", files, err)
	}
	slices.Sort(files)
	out := filepath.Join(t.TempDir(), "facts.txt")
	if err := run(files, out); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("../facts.txt")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Error("facts.txt differs from its sources: run go generate ./endpoints")
	}
}

// Every fact must have a source that a reviewer can look up.
func TestFacts_HaveSources(t *testing.T) {
	files, _ := filepath.Glob("*.tsv")
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
			if len(f) != 5 || f[4] == "" {
				t.Errorf("%s: %q has no source", name, line)
			}
		}
	}
}
