package connector

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
)

// standardFiles returns, by path, the workflows that call by HTTP as a Logic App (Standard) project: a folder with a
// workflow.json for each, and one parameters.json for all, which takes the key from the app setting COUNTERSIGN_KEY.
func standardFiles(workflows map[string][]byte) (map[string][]byte, error) {
	const folder = "logic-apps-standard/"
	files, parameters := map[string][]byte{}, map[string]any{}
	for file, text := range workflows {
		var w map[string]any
		if err := json.Unmarshal(text, &w); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		definition := objectAt(w, "definition")
		types := objectAt(definition, "parameters")
		if types["$connections"] != nil {
			continue // the app has them in connections.json, which the designer writes
		}
		for name := range types {
			parameters[name] = maps.Clone(objectAt(types, name))
			maps.Copy(objectAt(parameters, name), objectAt(w, "parameters", name))
		}
		delete(definition, "parameters")
		text, err := Indented(map[string]any{"definition": definition, "kind": "Stateful"})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		files[folder+strings.TrimSuffix(file, ".json")+"/workflow.json"] = text
	}
	objectAt(parameters, "signerKey")["value"] = "@appsetting('COUNTERSIGN_KEY')"
	text, err := Indented(parameters)
	files[folder+"parameters.json"] = text
	return files, err
}
