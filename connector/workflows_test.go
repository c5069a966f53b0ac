package connector_test

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"countersign/connector"
)

func workflows(t *testing.T) map[string]node {
	t.Helper()
	files, err := connector.Workflows()
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 7 {
		t.Fatalf("there are %d workflows, want 7", len(files))
	}
	all := map[string]node{}
	for name, text := range files {
		all[name] = object(t, text)
	}
	return all
}

// actionsOf returns all actions by name, including those in loops and branches.
func actionsOf(n node) map[string]node {
	all := map[string]node{}
	for _, branch := range []any{n["actions"], at(n, "else", "actions")} {
		actions, _ := branch.(node)
		for name, action := range actions {
			all[name] = action.(node)
			maps.Copy(all, actionsOf(action.(node)))
		}
	}
	return all
}

// at returns what is at a path, or nil.
func at(value any, path ...string) any {
	for _, name := range path {
		n, ok := value.(node)
		if !ok {
			return nil
		}
		value = n[name]
	}
	return value
}

func asJSON(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What the workflows' README.md says about each of them is true.
func TestWorkflows_MatchTheirReadme(t *testing.T) {
	for file, workflow := range workflows(t) {
		actions := actionsOf(in(workflow, "definition"))
		call, ok := actions["Call_AWS"]
		if !ok {
			t.Errorf("%s has no Call_AWS", file)
			continue
		}
		if strings.HasSuffix(file, "call-aws.json") {
			continue
		}
		signer, body := "Sign", "@body('Sign')?['bodyEnvelope']"
		if file == "presigned-upload.json" {
			signer, body = "Presign", "@outputs('File')"
		}
		facts := []struct {
			what      string
			got, want any
		}{
			{"retry of the call to AWS", at(call, "inputs", "retryPolicy", "type"), "none"},
			{"asynchronous pattern", call["operationOptions"], "DisableAsyncPattern"},
			{"secrecy of the call to AWS", asJSON(t, at(call, "runtimeConfiguration", "secureData", "properties")), `["inputs"]`},
			{
				"secrecy of the signer's call", asJSON(t, at(actions[signer], "runtimeConfiguration", "secureData", "properties")),
				`["inputs","outputs"]`,
			},
			{"retry of the signer's call", at(actions[signer], "inputs", "retryPolicy", "type"), "fixed"},
			{"method", at(call, "inputs", "method"), "@body('" + signer + "')['method']"},
			{"uri", at(call, "inputs", "uri"), "@body('" + signer + "')['url']"},
			{"headers", at(call, "inputs", "headers"), "@body('" + signer + "')['headers']"},
			{"body", at(call, "inputs", "body"), body},
			{"queries", at(call, "inputs", "queries"), nil},
			{"authentication", at(call, "inputs", "authentication"), nil},
			{"chunking", at(call, "runtimeConfiguration", "contentTransfer"), nil},
		}
		for _, fact := range facts {
			if fact.got != fact.want {
				t.Errorf("%s: %s is %v, want %v", file, fact.what, fact.got, fact.want)
			}
		}
	}
}

// A workflow requests no more of the response than it reads: the short form if that is enough, and the body once.
func TestWorkflows_RequestOnlyWhatTheyRead(t *testing.T) {
	fields := regexp.MustCompile(`body\('(?:Sign|Presign)'\)\??\['(\w+)'\]`)
	short := []string{"method", "url", "headers", "bodyEnvelope", "expiresAt", "warnings"}
	for file, workflow := range workflows(t) {
		read := map[string]bool{}
		for _, match := range fields.FindAllStringSubmatch(asJSON(t, workflow), -1) {
			read[match[1]] = true
		}
		if len(read) == 0 {
			continue // the signer sends the request
		}
		actions := actionsOf(in(workflow, "definition"))
		asked, ok := at(actions["Sign"], "inputs", "body").(node)
		if !ok {
			asked = in(actions["Request"], "inputs")
		}
		var output, form any
		if !slices.ContainsFunc(slices.Collect(maps.Keys(read)), func(name string) bool { return !slices.Contains(short, name) }) {
			output = "short"
		}
		if read["bodyEnvelope"] {
			form = "envelope"
		}
		if asked["output"] != output || asked["bodyForm"] != form {
			t.Errorf("%s reads %v, but requests output %v and the body as %v", file,
				slices.Sorted(maps.Keys(read)), asked["output"], asked["bodyForm"])
		}
	}
}

// The only step is repeated by its engine, and leaves nothing to another step.
func TestWorkflows_CallAWSIsOneStep(t *testing.T) {
	for file, where := range map[string]struct {
		to      []string
		want    string
		secrets string // of the step; a connection keeps its key to itself
	}{
		"call-aws.json":           {[]string{"inputs", "uri"}, "@{parameters('signerUrl')}/v1/send", `["inputs"]`},
		"connector-call-aws.json": {[]string{"inputs", "path"}, "/v1/send", "null"},
	} {
		actions := actionsOf(in(workflows(t)[file], "definition"))
		call := actions["Call_AWS"]
		for what, fact := range map[string][2]any{
			"address": {at(call, where.to...), where.want},
			"body":    {at(call, "inputs", "body"), "@outputs('Request')"},
			"retry":   {at(call, "inputs", "retryPolicy", "type"), "fixed"},
			"secrecy": {asJSON(t, at(call, "runtimeConfiguration", "secureData", "properties")), where.secrets},
			"steps":   {len(actions), 2},
		} {
			if fact[0] != fact[1] {
				t.Errorf("%s: %s is %v, want %v", file, what, fact[0], fact[1])
			}
		}
	}
}

func TestWorkflows_HoldNoSecret(t *testing.T) {
	for file, workflow := range workflows(t) {
		if kind := at(workflow, "definition", "parameters", "signerKey", "type"); kind != nil && kind != "SecureString" {
			t.Errorf("%s: signerKey is a %v, want a SecureString", file, kind)
		}
		for name, action := range actionsOf(in(workflow, "definition")) {
			if key := at(action, "inputs", "headers", "X-API-Key"); key != nil && key != "@parameters('signerKey')" {
				t.Errorf("%s: %s contains the key %v", file, name, key)
			}
		}
	}
}

// Every step in a runAfter is in the same branch, and every step named in an expression exists.
func TestWorkflows_NameOnlyExistingSteps(t *testing.T) {
	for file, workflow := range workflows(t) {
		checkSteps(t, file, in(workflow, "definition"))
	}
}

func checkSteps(t *testing.T, file string, definition node) {
	t.Helper()
	all := actionsOf(definition)
	walk(definition, "", func(path string, n node) {
		siblings, ok := n["actions"].(node)
		if !ok {
			return
		}
		for name, action := range siblings {
			after, ok := action.(node)["runAfter"].(node)
			if !ok {
				t.Errorf("%s%s: %s has no runAfter", file, path, name)
			}
			for other, states := range after {
				if _, ok := siblings[other]; !ok {
					t.Errorf("%s%s: %s runs after %s, which is not in the same branch", file, path, name, other)
				}
				for _, state := range states.([]any) {
					if !slices.Contains([]any{"Succeeded", "Failed", "Skipped", "TimedOut"}, state) {
						t.Errorf("%s%s: %s runs after %s is %v, which is not a status", file, path, name, other, state)
					}
				}
			}
		}
	})
	text := asJSON(t, definition)
	for _, function := range []string{"body('", "outputs('"} {
		for part := range strings.SplitSeq(text, function) {
			name, rest, _ := strings.Cut(part, "'")
			if _, ok := all[name]; !ok && strings.HasPrefix(rest, ")") {
				t.Errorf("%s names the step %q, which does not exist", file, name)
			}
		}
	}
}

// What a step sends to the signer must be a request that the contract allows.
func TestWorkflows_FollowTheContract(t *testing.T) {
	f := connectorFiles(t)
	asked := 0
	for file, workflow := range workflows(t) {
		actions := actionsOf(in(workflow, "definition"))
		for name, action := range actions {
			inputs, _ := action["inputs"].(node)
			path := strings.TrimPrefix(text(inputs, "uri"), "@{parameters('signerUrl')}")
			if action["type"] == "ApiConnection" {
				path = text(inputs, "path")
			} else if !strings.HasPrefix(path, "/v1/") {
				continue
			}
			body, ok := inputs["body"].(node)
			if !ok {
				body = in(actions["Request"], "inputs")
			}
			schema := bodySchema(f, path)
			if schema == nil {
				t.Errorf("%s: %s calls %s, which is not in the contract", file, name, path)
				continue
			}
			for field := range body {
				if _, known := in(schema, "properties")[field]; !known {
					t.Errorf("%s: %s sends the field %s, which %s does not define", file, name, field, path)
				}
			}
			asked++
		}
	}
	if asked != 10 {
		t.Errorf("%d steps call the signer, want 10", asked)
	}
}

func bodySchema(f files, path string) node {
	parameters, _ := at(f.definition, "paths", path, "post", "parameters").([]any)
	for _, p := range parameters {
		if p.(node)["in"] == "body" {
			return resolve(f.definition, in(p.(node), "schema"))
		}
	}
	return nil
}
