package main

import (
	"bytes"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

var update = flag.Bool("update", false, "rewrite docs.html")

func TestDocs_AreUpToDate(t *testing.T) {
	contract, err := os.ReadFile("../../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want, err := render(contract)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("../docs.html", want, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("../docs.html")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("docs.html differs from openapi.yaml. Run: go test ./workbench/gen -update")
	}
}

// Every operation and document is there, every link has a target, and nothing can execute.
func TestDocs_AreComplete(t *testing.T) {
	text, err := os.ReadFile("../docs.html")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	doc, err := openapi3.NewLoader().LoadFromFile("../../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for path, item := range doc.Paths.Map() {
		for method, o := range item.Operations() {
			if !strings.Contains(page, `<section id="`+o.OperationID+`">`) || !strings.Contains(page, "<code>"+method+" "+path+"</code>") {
				t.Errorf("%s %s is missing", method, path)
			}
		}
	}
	for name := range doc.Components.Schemas {
		if !strings.Contains(page, `<section id="schema-`+name+`">`) {
			t.Errorf("%s is missing", name)
		}
	}
	for _, link := range regexp.MustCompile(`href="#([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if !strings.Contains(page, `id="`+link[1]+`"`) {
			t.Errorf("a link points to %s, which does not exist", link[1])
		}
	}
	if strings.Contains(page, "<script") || strings.Contains(page, "style=") || strings.Contains(page, "ZgotmplZ") {
		t.Error("the page contains something that would execute or be blocked")
	}
	if n := strings.Count(page, "workbench?example="); n < 8 {
		t.Errorf("%d examples open in the workbench", n)
	}
}
