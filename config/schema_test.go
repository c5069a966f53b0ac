package config_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"countersign/config"
)

func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(config.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft7)
	if err := compiler.AddResource("countersign.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("countersign.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// accepts reports whether the schema accepts a file, read the way an editor would read it.
func accepts(t *testing.T, schema *jsonschema.Schema, text []byte) bool {
	t.Helper()
	if !json.Valid(text) {
		text = asJSON(t, text)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return schema.Validate(value) == nil
}

func asJSON(t *testing.T, text []byte) []byte {
	t.Helper()
	text, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

const whole = `
port: 8080
rate_per_second: 2.5
log_level: debug
http_hosts: [10.0.0.1:9000]
allow_signing_time: true
audit_file: /var/log/audit
external_id: 0123
duration: 1h
profiles:
  orders:
    description: Orders
    region: eu-west-1
    source: base
    fallback_regions: [eu-west-2]
    fips: false
    hosts: {orders.example.com: {service: execute-api, region: eu-west-1}, "*.mrap.example.com": {region_set: ["*"]}}
    assume_role:
      account_id: 012345678901
      role_name: orders
      external_id: 1.10
      duration: 1h30m
      tags: {team: crm, empty: "", 2024: 007}
      transitive_tags: [team]
      policy: {Version: 2012-10-17, Statement: [{Effect: Allow, Action: "*", Resource: "*"}]}
  base:
    source: static
    access_key_id: AKIAIOSFODNN7EXAMPLE
    secret_access_key: wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY
  azure: {source: azure-identity, azure: {audience: "api://countersign"}}
  guest: {source: cognito, cognito: {identity_pool_id: "eu-west-1:11111111-2222-3333-4444-555555555555", basic: true}}
  task: {source: container, container: {endpoint: "http://169.254.170.2/"}, web_identity: {token_file: t},
    session_token_options: {duration: 12h}}
callers:
  api_keys: [{id: crm-sync, sha256: "00", expires: 2027-01-01}]
  entra: {tenant: 22222222-2222-2222-2222-222222222222, audience: [a, b], roles: [r], users: true, callers: {a: b}}
  trusted_header: {tenant: 22222222-2222-2222-2222-222222222222, roles: [r]}
`

func TestSchema_AcceptsWhatLoadAccepts(t *testing.T) {
	schema := compileSchema(t)
	for name, text := range map[string]string{
		"the whole file": whole, "one profile": "role_arn: x\nsource: environment\n",
		"one audience": "callers: {entra: {audience: a}}\n", "a file for a secret": "external_id_file: x\n",
	} {
		if !accepts(t, schema, []byte(text)) {
			t.Errorf("%s is refused", name)
		}
	}
	for name, text := range map[string]string{
		"an unknown key": "regoin: x", "a key of another level": "region: x", "no value": "policies:", "an empty text": "policies: ''",
		"a number that is none": "port: http",
		"a port that is none":   "port: 70000", "a wrong word": "log_level: loud", "a duration without a unit": "duration: 3600",
		"a list where a text belongs": "policies: [a]",
		"an empty profile":            "profiles: {a: }", "no profiles": "profiles: {}", "a profile that is a text": "profiles: {a: environment}",
		"a misspelt role": "profiles: {a: {assume_rol: {}}}",
		"a day that is none": "callers: {api_keys: [{expires: " +
			"soon}]}", "a secret given twice": "external_id: a\nexternal_id_file: b", "a list": "- a", "yes": "fips: yes",
	} {
		if accepts(t, schema, []byte(text)) {
			t.Errorf("%s is accepted: %s", name, text)
		}
		if _, err := config.Load(config.Sources{FileName: "f", File: []byte(text), Getenv: environment(), NoProfiles: true}); err == nil {
			t.Errorf("Load accepts %s: %s", name, text)
		}
	}
}

// If a valid file is changed in one place, either both refuse it or neither does.
func TestSchema_AgreesWithLoad(t *testing.T) {
	schema := compileSchema(t)
	random := rand.New(rand.NewPCG(1, 2))
	refused, unchanged := 0, asJSON(t, []byte(whole))
	n := 1000
	if testing.Short() {
		n = 150
	}
	for i := range n {
		var tree any
		if err := json.Unmarshal(unchanged, &tree); err != nil {
			t.Fatal(err)
		}
		delete(tree.(map[string]any), "external_id") // belongs in a profile if there are profiles
		delete(tree.(map[string]any), "duration")
		change := mutate(random, tree)
		text, err := json.Marshal(tree)
		if err != nil {
			t.Fatal(err)
		}
		_, loadErr := config.Load(config.Sources{FileName: "f", File: text, Getenv: environment(), NoProfiles: true})
		if accepted := accepts(t, schema, text); accepted != (loadErr == nil) {
			t.Fatalf("change %d, %s: the schema accepts it: %v, Load: %v\n%s", i, change, accepted, loadErr, text)
		}
		if loadErr != nil {
			refused++
		}
	}
	if refused < n/4 || refused > n*19/20 {
		t.Errorf("%d of %d were refused; the changes are too tame or too wild", refused, n)
	}
}

// mutate changes one place in a tree, outside policies, which have no schema.
func mutate(random *rand.Rand, tree any) string {
	var places []func() string
	values := []any{nil, "", "a-text", map[string]any{}, map[string]any{"a": "b"}, []any{}, []any{"a"}, []any{nil}, true, 17, -1, 0.25}
	var walk func(string, any)
	walk = func(path string, node any) {
		switch node := node.(type) {
		case map[string]any:
			for _, key := range slices.Sorted(maps.Keys(node)) {
				at := path + "/" + key
				places = append(places,
					func() string { delete(node, key); return at + " removed" },
					func() string { node[key+"x"] = node[key]; delete(node, key); return at + " misspelt" },
					func() string { v := values[random.IntN(len(values))]; node[key] = v; return at + " replaced" })
				if key != "policy" {
					walk(at, node[key])
				}
			}
		case []any:
			for i := range node {
				at := path + "/[]"
				places = append(places, func() string { node[i] = values[random.IntN(len(values))]; return at + " replaced" })
				walk(at, node[i])
			}
		}
	}
	walk("", tree)
	return places[random.IntN(len(places))]()
}
