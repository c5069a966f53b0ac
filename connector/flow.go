package connector

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// flowSteps are the parts of workflows and flows that are rewritten here.
type flowSteps struct {
	Definition struct {
		Schema         string         `json:"$schema"`
		ContentVersion string         `json:"contentVersion"`
		Parameters     map[string]any `json:"parameters"`
		Triggers       map[string]any `json:"triggers"`
		Actions        map[string]any `json:"actions"`
		Outputs        map[string]any `json:"outputs"`
	} `json:"definition"`
	Parameters map[string]any `json:"parameters"`
}

// Flows returns packages for Power Automate's "Import package (legacy)" by file name: the workflows that call by
// HTTP, rewritten.
//
// A flow has no parameters of its own, so the signer's address and key are in the step that calls it, whose inputs
// are hidden in the history. The connector form is not included, because a package names a custom connector by an id
// that differs in each environment.
func Flows() (map[string][]byte, error) {
	workflows, err := Workflows()
	if err != nil {
		return nil, err
	}
	flows := map[string][]byte{}
	for file, text := range workflows {
		if bytes.Contains(text, []byte("$connections")) {
			continue
		}
		name := strings.TrimSuffix(file, ".json")
		if flows[name+".zip"], err = flowPackage(name, text); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	return flows, nil
}

func flowPackage(name string, workflow []byte) ([]byte, error) {
	definition, err := flowDefinition(workflow)
	if err != nil {
		return nil, err
	}
	title := "Countersign: " + strings.ReplaceAll(name, "-", " ")
	asset, flow := uuidOf("asset "+name), uuidOf("flow "+name)
	folder := "Microsoft.Flow/flows/" + asset + "/"
	files := []struct {
		name string
		text any
	}{
		{"manifest.json", map[string]any{
			"schema": "1.0",
			"details": map[string]any{
				"displayName":        title,
				"description":        "",
				"createdTime":        "2026-01-01T00:00:00Z",
				"packageTelemetryId": uuidOf("package " + name),
				"creator":            "N/A",
				"sourceEnvironment":  "",
			},
			"resources": map[string]any{asset: map[string]any{
				"type": "Microsoft.Flow/flows", "suggestedCreationType": "New", "creationType": "Existing, New, Update",
				"details": map[string]any{"displayName": title}, "configurableBy": "User", "hierarchy": "Root", "dependsOn": []string{},
			}},
		}},
		{
			"Microsoft.Flow/flows/manifest.json",
			map[string]any{"packageSchemaVersion": "1.0", "flowAssets": map[string]any{"assetPaths": []string{asset}}},
		},
		{folder + "definition.json", map[string]any{
			"name": flow, "id": "/providers/Microsoft.Flow/flows/" + flow, "type": "Microsoft.Flow/flows",
			"properties": map[string]any{
				"apiId": "/providers/Microsoft.PowerApps/apis/shared_logicflows", "displayName": title,
				"definition": definition, "connectionReferences": map[string]any{}, "flowFailureAlertSubscribed": false,
			},
		}},
		{folder + "apisMap.json", map[string]any{}},
		{folder + "connectionsMap.json", map[string]any{}},
	}
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	for _, file := range files {
		text, err := json.Marshal(file.text)
		if err != nil {
			return nil, err
		}
		// Stored, not deflated: compressed bytes differ between Go releases, and a package must not.
		entry, err := archive.CreateHeader(&zip.FileHeader{Name: file.name, Method: zip.Store})
		if err != nil {
			return nil, err
		}
		if _, err := entry.Write(text); err != nil {
			return nil, err
		}
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func flowDefinition(workflow []byte) (any, error) {
	text := strings.NewReplacer(
		"@{parameters('signerUrl')}", "https://YOUR-APP.azurewebsites.net",
		"@parameters('signerKey')", "YOUR-API-KEY",
	).Replace(string(workflow))
	if strings.Contains(text, "parameters('") {
		return nil, errors.New("a parameter is left that a flow cannot hold")
	}
	var steps flowSteps
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&steps); err != nil {
		return nil, err
	}
	d := &steps.Definition
	d.Parameters = map[string]any{
		"$connections":    map[string]any{"defaultValue": map[string]any{}, "type": "Object"},
		"$authentication": map[string]any{"defaultValue": map[string]any{}, "type": "SecureObject"},
	}
	d.Triggers = map[string]any{"manual": map[string]any{
		"type": "Request", "kind": "Button",
		"inputs": map[string]any{"schema": map[string]any{"type": "object", "properties": map[string]any{}, "required": []string{}}},
	}}
	return d, nil
}

// uuidOf returns a fixed id for a name, so that importing again updates the flow instead of adding one.
func uuidOf(name string) string {
	sum := sha256.Sum256([]byte("countersign " + name))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80 // version 8, RFC 9562 section 5.8
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}
