package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	nameHead  = "fact\tkey\tvalue\textra\tsource\n"
	quirkHead = "quirk\tsigning_service\tscope\tdetail\tsource\n"
)

func generate(t *testing.T, names, quirks string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	out := filepath.Join(dir, "facts.txt")
	err := run([]string{write("names.tsv", nameHead+names)}, write("quirks.tsv", quirkHead+quirks), out)
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(out)
	return string(text), err
}

func TestRun(t *testing.T) {
	got, err := generate(t,
		"label-exception\temail\tses\tlabel suffix\ttests\n"+
			"label-exception\t=pinpoint\tmobiletargeting\texact\ttests\n"+
			"label-exception\timportexport\tIngestionService\tlabel suffix\ttests\n"+
			"endpoint-prefix\temail\tses\texception\tmodel\n"+
			"endpoint-prefix\tpinpoint\tmobiletargeting\texception\tmodel\n"+
			"endpoint-prefix\tapi.ecr\tecr\tlast-label-ok\tmodel\n"+
			"endpoint-prefix\tdata-ats.iot\tiotdata\texception\tmodel\n"+
			"global-host\tiam\tiam\taws -> us-east-1\tiam.amazonaws.com\n"+
			"global-host\tiam\tiam\taws-cn -> cn-north-1\tiam.amazonaws.com.cn\n"+
			"cross-region\timportexport.{any region}\tIngestionService\tus-east-1 (aws)\trules\n"+
			"partition\taws\tamazonaws.com\tdualstack api.aws; implicit global region us-east-1; regionRegex ^(us|eu)\\-\\w+\\-\\d+$; 34 regions\tpartitions\n"+
			"partition\taws-eusc\tamazonaws.eu\tdualstack api.amazonwebservices.eu; implicit global region eusc-de-east-1; regionRegex ^eusc\\-(de)\\-\\w+\\-\\d+$; 1 regions\tpartitions\n"+
			"pattern:s3\tprose\tprose\t\tdocs\n",
		"no-double-encode\ts3\tservice\tsingle-encoded\tmodel\n"+
			"no-path-normalise\ts3\tservice\tunchanged\tmodel\n"+
			"x-amz-content-sha256-required\ts3\tservice\tvalue = hash or UNSIGNED-PAYLOAD\tmodel\n"+
			"sigv4a-only\tevents\tevents ({id}.endpoint.events.*)\t*\tmodel\n"+
			"unsigned-op\tsts\tsts.AssumeRoleWithSAML\tPOST / ; Action=AssumeRoleWithSAML\tmodel\n"+
			"token-only\trds-db\thost\tprose\tdocs\n")
	if err != nil {
		t.Fatal(err)
	}
	want := "cross\timportexport\tIngestionService\taws\tus-east-1\n" +
		"global\tiam\tiam\taws-cn=cn-north-1 aws=us-east-1\n" +
		"label\t=pinpoint\tmobiletargeting\n" +
		"label\tdata-ats.iot\tiotdata\n" +
		"label\temail\tses\n" +
		"operation\tsts AssumeRoleWithSAML\tunsigned\tPOST\taction=AssumeRoleWithSAML\n" +
		"partition\taws\tus-east-1\tus eu\n" +
		"partition\taws-eusc\teusc-de-east-1\teusc-de\n" +
		"quirk\ts3\tcontent-sha256 s3-style unsigned-payload\n" +
		"suffix\tamazonaws.com\taws\n" +
		"suffix\tamazonaws.eu\taws-eusc\n" +
		"suffix\tapi.amazonwebservices.eu\taws-eusc\n" +
		"suffix\tapi.aws\taws\n"
	if _, lines, _ := strings.Cut(got, "\n"); lines != want {
		t.Errorf("run writes\n%s\nwant\n%s", lines, want)
	}
}

func TestRunRefuses(t *testing.T) {
	tests := []struct{ name, names, quirks, want string }{
		{"unknown fact", "novelty\ta\tb\t\tdocs\n", "", `names.tsv:2: unknown fact "novelty"`},
		{"unknown quirk", "", "novelty\ta\tb\t\tdocs\n", `quirks.tsv:2: unknown quirk "novelty"`},
		{"missing column", "label\ta\tb\tdocs\n", "", "wrong number of fields"},
		{"contradiction", "label\ta\tb\t\tdocs\nlabel\ta\tc\t\tdocs\n", "", `names.tsv:3: label "a" is both`},
		{"contradicting globals", "global-host\tiam\tiam\taws -> us-east-1\tx\nglobal-host\tiam\tsts\taws -> us-east-1\tx\n", "", `global "iam" is both`},
		{"contradicting prefix", "label\ta.b\tc\t\tdocs\nendpoint-prefix\ta.b\td\texception\tmodel\n", "", `label "a.b" is both`},
		{"region expression of another shape", "partition\taws\tamazonaws.com\tdualstack api.aws; implicit global region us-east-1; regionRegex ^.*$; 34 regions\tpartitions\n", "", "does not describe a partition"},
		{"operation of another shape", "", "unsigned-op\tsts\tAssumeRole\tPOST /\tmodel\n", "not an operation"},
	}
	for _, tt := range tests {
		if _, err := generate(t, tt.names, tt.quirks); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: run = %v, want an error with %q", tt.name, err, tt.want)
		}
	}
	dir := t.TempDir()
	other := filepath.Join(dir, "other.tsv")
	if err := os.WriteFile(other, []byte(quirkHead), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run([]string{other}, other, filepath.Join(dir, "out")); err == nil || !strings.Contains(err.Error(), "has the columns") {
		t.Errorf("run of a file with other columns = %v, want an error", err)
	}
	if err := run([]string{filepath.Join(dir, "none")}, other, filepath.Join(dir, "out")); err == nil {
		t.Error("run of no file gives no error")
	}
}

// TestFactsAreFresh generates the table anew where the full fact files lie
// beside the repository, and compares it with the one that is committed.
func TestFactsAreFresh(t *testing.T) {
	const facts = "../../../shared/data/endpoints/"
	if _, err := os.Stat(facts); err != nil {
		t.Log("no full fact files here: the committed table is not compared")
		return
	}
	out := filepath.Join(t.TempDir(), "facts.txt")
	if err := run([]string{facts + "signing-names.tsv", "names.tsv", "rules.tsv"}, facts+"quirks.tsv", out); err != nil {
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
		t.Error("facts.txt is not what its sources say: run go generate ./endpoints")
	}
}
