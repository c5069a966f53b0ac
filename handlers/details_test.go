package handlers_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"countersign/problem"
)

// Tools show the detail of a problem and not its list of errors. testdata/details.txt is for people to read: does
// each detail alone say what to fix?
func TestDetails_SayWhatToFix(t *testing.T) {
	lines, err := os.ReadFile("testdata/wrong.txt")
	if err != nil {
		t.Fatal(err)
	}
	server := newServer(t, nil)
	server.handler = server.plain // the requests break the contract on purpose
	var got strings.Builder
	n := 0
	for line := range strings.Lines(string(lines)) {
		path, body, _ := strings.Cut(strings.TrimSpace(line), " ")
		w := server.post(path, body)
		var p problem.Document
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code < http.StatusBadRequest {
			t.Errorf("%s %s: %d %s", path, body, w.Code, w.Body)
			continue
		}
		for _, e := range p.Errors {
			if at := strings.Split(strings.Trim(e.Pointer, "/"), "/"); !strings.Contains(p.Detail, at[0]) {
				t.Errorf("%s: the detail does not name %s: %s", body, e.Pointer, p.Detail)
			}
		}
		fmt.Fprintf(&got, "%s %s\n  %d %s: %s\n", path, body, w.Code, p.Code, p.Detail)
		n++
	}
	if n < 60 {
		t.Errorf("%d requests", n)
	}
	if *update {
		if err := os.WriteFile("testdata/details.txt", []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/details.txt")
	if err != nil || string(want) != got.String() {
		t.Errorf("the details differ from testdata/details.txt (%v); run with -update and read what changed", err)
	}
}
