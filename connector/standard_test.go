package connector_test

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"countersign/connector"
	"countersign/internal/logicapps"
)

// A Standard app reads parameters from a file of its own. If a parameter is used but missing there, the run fails.
func TestWrite_StandardAppsFindTheirParameters(t *testing.T) {
	dir := t.TempDir()
	if err := connector.Write(dir, openapi, swagger, connector.Options{}); err != nil {
		t.Fatal(err)
	}
	var parameters map[string]struct{ Type, Value string }
	if err := json.Unmarshal(read(t, filepath.Join(dir, "logic-apps-standard/parameters.json")), &parameters); err != nil {
		t.Fatal(err)
	}
	if key := parameters["signerKey"]; len(parameters) != 2 || key.Value != "@appsetting('COUNTERSIGN_KEY')" ||
		parameters["signerUrl"].Value == "" {
		t.Errorf("parameters %+v", parameters)
	}
	found, err := filepath.Glob(filepath.Join(dir, "logic-apps-standard/*/workflow.json"))
	if err != nil || len(found) < 5 {
		t.Fatalf("%q, %v", found, err)
	}
	for _, file := range found {
		var w struct {
			Kind       string
			Definition map[string]any
		}
		if err := json.Unmarshal(read(t, file), &w); err != nil {
			t.Fatal(err)
		}
		if w.Kind != "Stateful" || w.Definition["parameters"] != nil || w.Definition["actions"] == nil {
			t.Errorf("%s: kind %q, parameters %v", file, w.Kind, w.Definition["parameters"])
		}
		if _, err := logicapps.Parse(read(t, file)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// A workflow author can choose the method, and sees the four values to send before all others.
func TestDefinition_MethodsAndVisibility(t *testing.T) {
	var d struct {
		Definitions map[string]struct {
			Visibility string `json:"x-ms-visibility"`
			Properties map[string]struct {
				Ref        string `json:"$ref"`
				Enum       []string
				Visibility string `json:"x-ms-visibility"`
			}
		}
	}
	files := generate(t)
	if err := json.Unmarshal(files["apiDefinition.swagger.json"], &d); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"SignRequest", "SendRequest", "PresignRequest", "VerifyRequest", "RefusedRequest"} {
		if list := d.Definitions[name].Properties["method"].Enum; len(list) < 5 {
			t.Errorf("%s: the methods are %q", name, list)
		}
	}
	for _, name := range []string{"SignedRequest", "PresignedUrl"} {
		for property, p := range d.Definitions[name].Properties {
			got, want := p.Visibility, "advanced"
			if ref := filepath.Base(p.Ref); p.Ref != "" {
				got = d.Definitions[ref].Visibility
			}
			switch property {
			case "method", "url", "headers", "bodyEnvelope":
				want = "important"
			}
			if got != want {
				t.Errorf("%s.%s is %q, want %s", name, property, got, want)
			}
		}
	}
}
