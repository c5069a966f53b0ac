package connector_test

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What workflow authors copy from a guide must at least be valid JSON and use what the contract defines.
func TestGuides_HoldValidJSON(t *testing.T) {
	guides, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	fields := maps.Clone(in(connectorFiles(t).definition, "definitions", "SignRequest", "properties"))
	maps.Copy(fields, in(connectorFiles(t).definition, "definitions", "SendRequest", "properties"))
	requests := 0
	for _, guide := range guides {
		for _, block := range regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(string(read(t, guide)), -1) {
			text := strings.TrimSpace(block[1])
			if strings.HasPrefix(text, `"`) {
				text = "{" + text + "}" // a member to put into a step
			}
			var parsed any
			if err := json.Unmarshal([]byte(text), &parsed); err != nil {
				t.Errorf("%s: %v in\n%s", guide, err, text)
				continue
			}
			value, _ := parsed.(node)
			if value["method"] == nil || value["url"] == nil || value["authorization"] != nil {
				continue
			}
			requests++
			for name := range value {
				if fields[name] == nil {
					t.Errorf("%s: a request has the field %s, which the contract does not define", guide, name)
				}
			}
		}
	}
	if requests == 0 {
		t.Error("no guide shows a request")
	}
}

// A guide for Entra ID names the place of each value, and no value that is wrong for everyone: the tenant "common"
// lets accounts of any directory sign in, whose tokens the service refuses.
func TestGuides_NameEveryEntraValue(t *testing.T) {
	files := generate(t)
	settings := map[string]string{}
	for _, set := range asList(in(object(t, files["apiProperties.json"]), "properties", "connectionParameterSets")["values"]) {
		if set.(node)["name"] == "entra-id" {
			oauth := in(set.(node), "parameters", "token", "oAuthSettings")
			settings["clientId"], _ = oauth["clientId"].(string)
			for name, value := range in(oauth, "customParameters") {
				settings[name], _ = value.(node)["value"].(string)
			}
		}
	}
	for name, prefix := range map[string]string{"clientId": "YOUR-", "tenantId": "YOUR-", "resourceUri": "api://"} {
		if !strings.HasPrefix(settings[name], prefix) {
			t.Errorf("%s is %q, want a placeholder that begins with %s", name, settings[name], prefix)
		}
	}
	for name, guide := range map[string]string{
		"readme.md": string(files["readme.md"]), "docs/power-automate.md": string(read(t, "../docs/power-automate.md")),
	} {
		for _, want := range []string{
			settings["clientId"], settings["tenantId"], settings["resourceUri"], `--secret "$CLIENT_SECRET"`, "users: true", "entra-id",
		} {
			if !strings.Contains(guide, want) {
				t.Errorf("%s does not name %s", name, want)
			}
		}
	}
	for _, want := range []string{"callers.entra.tenant", "callers.entra.audience", "callers.entra.roles", "users: true", "securestring"} {
		if !strings.Contains(string(read(t, "../docs/logic-apps.md")), want) {
			t.Errorf("docs/logic-apps.md does not name %s", want)
		}
	}
}

func TestN8N_WorkflowsAreComplete(t *testing.T) {
	for file, want := range map[string]int{"n8n/call-aws.json": 3, "../docs/n8n-workflow.json": 4} {
		n8nWorkflowIsWhole(t, file, read(t, file), want)
	}
}

func n8nWorkflowIsWhole(t *testing.T, file string, text []byte, want int) {
	t.Helper()
	workflow := object(t, text)
	nodes := map[string]node{}
	for _, n := range asList(workflow["nodes"]) {
		nodes[n.(node)["name"].(string)] = n.(node)
	}
	for from, to := range in(workflow, "connections") {
		next, _ := at(to, "main").([]any)[0].([]any)[0].(node)["node"].(string)
		if nodes[from] == nil || nodes[next] == nil {
			t.Errorf("%q is followed by %q, and one of them does not exist", from, next)
		}
	}
	if len(nodes) != want {
		t.Errorf("%s has %d nodes, want %d", file, len(nodes), want)
	}
	sends, response := strings.HasSuffix(at(nodes["Call AWS"], "parameters", "url").(string), "/v1/send"), "SignedRequest"
	if sends {
		response = "SentAnswer"
	}
	answered := in(connectorFiles(t).definition, "definitions", response, "properties")
	for _, field := range regexp.MustCompile(`\$json\.(\w+)`).FindAllStringSubmatch(string(text), -1) {
		if answered[field[1]] == nil {
			t.Errorf("%s reads %s, which is not in the response", file, field[1])
		}
	}
	if !sends && nodes["Call AWS"]["retryOnFail"] != nil {
		t.Error("the call to AWS is repeated with an old signature")
	}
}
