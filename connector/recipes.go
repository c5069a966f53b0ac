package connector

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// A Recipe is a request document for /v1/send that does one thing in AWS, with the permissions it needs. Recipes are
// the examples of CallAws that have x-recipe.
type Recipe struct {
	Name        string // of the example
	Summary     string
	Description string
	Request     map[string]any // the request document
	Result      string         // where the result is, as a Logic Apps expression
	MustBeZero  string         // a field of the response body that counts failures; may be empty
	IAM         []any          // statements of the role's policy, without Effect
	Cedar       []string       // conditions of the Cedar policy, besides profile and host
}

// Recipes reads the recipes from the contract as OpenAPI 3 in JSON, grouped by host.
func Recipes(openapi []byte) ([]Recipe, error) {
	doc, err := readObject("the contract", openapi)
	if err != nil {
		return nil, err
	}
	examples := objectAt(doc, "paths", "/v1/send", "post", "requestBody", "content", "application/json", "examples")
	if examples == nil {
		return nil, errors.New("reading the recipes: the contract has no examples of POST /v1/send")
	}
	var list []Recipe
	for name := range examples {
		example := objectAt(examples, name)
		kept, isRecipe := example["x-recipe"]
		if !isRecipe {
			continue
		}
		text, err := json.Marshal(kept)
		if err != nil {
			return nil, fmt.Errorf("reading the recipe %s: %w", name, err)
		}
		r := Recipe{
			Name: name, Summary: textOf(example, "summary"), Description: textOf(example, "description"), Request: objectAt(example, "value"),
		}
		if err := json.Unmarshal(text, &r); err != nil {
			return nil, fmt.Errorf("reading the recipe %s: %w", name, err)
		}
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b Recipe) int {
		return cmp.Or(strings.Compare(a.host(), b.host()), strings.Compare(a.Name, b.Name))
	})
	return list, nil
}

func (r Recipe) host() string {
	address, _ := r.Request["url"].(string)
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

// Document returns the request as people write it, with the most important fields first.
func (r Recipe) Document() (string, error) {
	names := []string{"method", "url", "query", "headers", "body"}
	rest := []string{}
	for name := range r.Request {
		if !slices.Contains(names, name) {
			rest = append(rest, name)
		}
	}
	slices.Sort(rest)
	var lines []string
	for _, name := range append(names, rest...) {
		value, there := r.Request[name]
		if !there {
			continue
		}
		text, err := Indented(value)
		if err != nil {
			return "", err
		}
		lines = append(lines, fmt.Sprintf("  %q: %s", name, strings.ReplaceAll(strings.TrimSpace(string(text)), "\n", "\n  ")))
	}
	return "{\n" + strings.Join(lines, ",\n") + "\n}", nil
}

// RolePolicy returns the IAM policy that the profile's role needs.
func (r Recipe) RolePolicy() (string, error) {
	var statements []any
	for _, given := range r.IAM {
		statement := map[string]any{"Effect": "Allow"}
		maps.Copy(statement, objectAt(given))
		statements = append(statements, statement)
	}
	text, err := Indented(map[string]any{"Version": "2012-10-17", "Statement": statements})
	return strings.TrimSpace(string(text)), err
}

// Policy returns the Cedar policy that permits only this recipe, for one caller.
func (r Recipe) Policy(caller string) string {
	profile, _ := r.Request["profile"].(string)
	conditions := append([]string{fmt.Sprintf("resource.profile == %q", profile), fmt.Sprintf("resource.host == %q", r.host())}, r.Cedar...)
	return fmt.Sprintf("@id(%q)\npermit (principal == Caller::%q, action == Action::\"send\", resource)\nwhen {\n  %s\n};",
		r.Name, caller, strings.Join(conditions, " &&\n  "))
}

// recipeFiles returns the templates of all recipes: for each, a workflow for Logic Apps and one for n8n.
func recipeFiles(openapi []byte) (map[string][]byte, error) {
	recipes, err := Recipes(openapi)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, r := range recipes {
		if files["recipes/logic-apps/"+r.Name+".json"], err = r.Workflow(); err != nil {
			return nil, fmt.Errorf("writing the recipe %s: %w", r.Name, err)
		}
		if files["recipes/n8n/"+r.Name+".json"], err = r.N8N(); err != nil {
			return nil, fmt.Errorf("writing the recipe %s: %w", r.Name, err)
		}
	}
	return files, nil
}

// Workflow returns call-aws.json with the recipe's request and the handling of its response.
func (r Recipe) Workflow() ([]byte, error) {
	workflow, err := handWrittenJSON("workflows/call-aws.json")
	if err != nil {
		return nil, err
	}
	actions := objectAt(workflow, "definition", "actions")
	objectAt(actions, "Request")["inputs"] = r.Request
	after := "Call_AWS"
	if r.MustBeZero != "" {
		failures := "@coalesce(body('Call_AWS')?['body']?['" + r.MustBeZero + "'], 0)"
		stop := map[string]any{
			"type": "Terminate", "runAfter": map[string]any{},
			"inputs": map[string]any{
				"runStatus": "Failed",
				"runError":  map[string]any{"code": r.MustBeZero, "message": "@string(body('Call_AWS')?['body'])"},
			},
		}
		actions["Check"] = map[string]any{
			"type":       "If",
			"expression": map[string]any{"greater": []any{failures, 0}},
			"actions":    map[string]any{"Stop": stop},
			"runAfter":   map[string]any{after: []any{"Succeeded"}},
		}
		after = "Check"
	}
	actions["Result"] = map[string]any{
		"type": "Compose", "inputs": "@" + r.Result, "runAfter": map[string]any{after: []any{"Succeeded"}},
	}
	return Indented(workflow)
}

// N8N returns the same workflow for n8n.
func (r Recipe) N8N() ([]byte, error) {
	workflow, err := handWrittenJSON("n8n/call-aws.json")
	if err != nil {
		return nil, err
	}
	workflow["name"] = r.Summary
	nodes, _ := workflow["nodes"].([]any)
	document, err := r.Document()
	if err != nil {
		return nil, err
	}
	for _, node := range nodes {
		if objectAt(node)["name"] == "Request" {
			objectAt(node, "parameters")["jsonOutput"] = document
		}
	}
	if r.MustBeZero != "" {
		workflow["nodes"] = append(nodes, n8nCheck(r.MustBeZero)...)
		connections := objectAt(workflow, "connections")
		connections["Call AWS"] = n8nNext("Failed?")
		connections["Failed?"] = n8nNext("Stop")
	}
	return Indented(workflow)
}

// n8nCheck returns two nodes: a condition, and the node that ends the run if the condition holds.
func n8nCheck(field string) []any {
	condition := map[string]any{
		"id": "failures", "leftValue": "={{ $json.body." + field + " ?? 0 }}", "rightValue": 0,
		"operator": map[string]any{"type": "number", "operation": "gt"},
	}
	return []any{
		map[string]any{
			"id": "5d3c1f0a-0d0a-4c39-9d0e-1a5f6b1c0104", "name": "Failed?", "type": "n8n-nodes-base.if", "typeVersion": 2,
			"position": []any{660, 0},
			"parameters": map[string]any{"conditions": map[string]any{
				"options":    map[string]any{"caseSensitive": true, "leftValue": "", "typeValidation": "loose"},
				"conditions": []any{condition}, "combinator": "and",
			}},
		},
		map[string]any{
			"id": "5d3c1f0a-0d0a-4c39-9d0e-1a5f6b1c0105", "name": "Stop", "type": "n8n-nodes-base.stopAndError", "typeVersion": 1,
			"position": []any{880, 0}, "parameters": map[string]any{"errorMessage": "={{ JSON.stringify($json.body) }}"},
		},
	}
}

func n8nNext(node string) map[string]any {
	return map[string]any{"main": []any{[]any{map[string]any{"node": node, "type": "main", "index": 0}}}}
}

// handWrittenJSON reads one of the hand-written files.
func handWrittenJSON(name string) (map[string]any, error) {
	text, err := handWritten.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return readObject(name, text)
}

func readObject(name string, text []byte) (map[string]any, error) {
	var o map[string]any
	if err := json.Unmarshal(text, &o); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return o, nil
}
