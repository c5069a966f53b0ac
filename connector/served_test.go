package connector_test

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"countersign/connector"

	"github.com/getkin/kin-openapi/openapi3"
)

// Package api serves the contract in forms that are made here, so that a start need not make them. -update writes
// them again.
func TestServedForms_AreThoseOfTheContract(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(contract(t))
	if err != nil {
		t.Fatal(err)
	}
	swagger, err := connector.Swagger(contract(t))
	if err != nil {
		t.Fatal(err)
	}
	// The address is filled in when the description is served.
	const place = "\x00" // stands in no description
	swagger.Host, swagger.Schemes, swagger.BasePath = place+"host", []string{place + "scheme"}, place+"base"
	for file, document := range map[string]any{"../api/openapi.json": doc, "../api/swagger.json": swagger} {
		want, err := json.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(file, want, 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the contract says (%v): go test ./connector -update writes it again", file, err)
		}
	}
}
