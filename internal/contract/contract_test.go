package contract_test

import (
	"bytes"
	"flag"
	"os"
	"testing"

	"countersign/internal/contract"
)

var update = flag.Bool("update", false, "write the forms that package api embeds")

// Package api serves the contract in forms that are generated here, so that they need not be generated at every start.
func TestForms_MatchTheContract(t *testing.T) {
	text, err := os.ReadFile("../../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	openapi, swagger, err := contract.Forms(text)
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string][]byte{"../../api/openapi.json": openapi, "../../api/swagger.json": swagger} {
		if *update {
			if err := os.WriteFile(file, want, 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s does not match openapi.yaml (%v). Run: go test ./internal/contract -update", file, err)
		}
	}
}
