package config

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/goccy/go-yaml/lexer"
)

// Parsing profiles in batches has the same result as parsing them at once, including their positions in the file.
func TestParse_BatchesChangeNothing(t *testing.T) {
	texts := map[string]string{
		"flow": "profiles:\n  a: {source: environment, region: eu-west-1}\n  b: {source: a, assume_role: {role_arn: " +
			"x}}\n  c: {source: b}\nport: 8081\n",
		"block": "port: 8081\nprofiles:\n  a:\n    source: environment\n    fallback_regions:\n    - eu-west-1\n    - " +
			"eu-west-2\n  'b':\n    source: a\n    hosts:\n      a.example.com: {service: s3, region: x}\n  \"c\": {source: " +
			"b,\n    region: eu-west-1}\n",
		"twice": "profiles:\n  a: {source: environment}\n  b: {source: a}\n  a: {source: b}\n",
		"wrong": "profiles:\n  a: {source: environment}\n  b: {sauce: a}\n  c: [1]\n  d:\n  e: {source: x}\n",
		"indent": "profiles:\n  a: {source: environment}\n  b:\n    region: 'it''s\n      long'\n  c: {source: " +
			"a}\ncallers:\n  api_keys:\n  - {id: x, sha256: y}\n",
		"comment":    "profiles: # all\n  a: {source: environment} # one\n  # two\n  b: {source: a}\n",
		"anchor":     "profiles:\n  a: &x {source: environment}\n  b: *x\n  c:\n    <<: *x\n",
		"block text": "profiles:\n  a: {source: environment}\n  b:\n    assume_role:\n      policy: |\n        c: x\n  d: {source: a}\n",
	}
	for _, file := range examples(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts[file] = string(text)
	}
	for name, text := range texts {
		at := func(batch int) (*document, map[string]origin, string) {
			d, into := decoder{file: "f", origins: map[string]origin{}, readFile: readFile, batch: batch}, new(document)
			d.document([]byte(text), into)
			return into, d.origins, fmt.Sprint(d.faults)
		}
		want, wantOrigins, wantFaults := at(1 << 20)
		for batch := 1; batch < 4; batch++ {
			got, origins, faults := at(batch)
			if !reflect.DeepEqual(got, want) || !reflect.DeepEqual(origins, wantOrigins) || faults != wantFaults {
				t.Errorf("%s, %d at once: got %+v %v\n%s\nwant %+v %v\n%s", name, batch, got, origins, faults, want, wantOrigins, wantFaults)
			}
		}
	}
	if starts, _ := profileTokens(lexer.Tokenize(strings.Repeat("a: 1\n", 3) + texts["flow"])); len(starts) != 3 {
		t.Errorf("%d profiles found, want 3", len(starts))
	}
}

func examples(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../examples/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return files
}
