package deploy_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

type template struct {
	Schema         string               `json:"$schema"`
	ContentVersion string               `json:"contentVersion"`
	Metadata       map[string]string    `json:"metadata"`
	Parameters     map[string]parameter `json:"parameters"`
	Variables      map[string]any       `json:"variables"`
	Resources      []resource           `json:"resources"`
	Outputs        map[string]struct {
		Type     string            `json:"type"`
		Value    string            `json:"value"`
		Metadata map[string]string `json:"metadata"`
	} `json:"outputs"`
}

type parameter struct {
	Type          string            `json:"type"`
	DefaultValue  any               `json:"defaultValue"`
	AllowedValues []any             `json:"allowedValues"`
	MinLength     int               `json:"minLength"`
	MaxLength     int               `json:"maxLength"`
	MinValue      int               `json:"minValue"`
	MaxValue      int               `json:"maxValue"`
	Metadata      map[string]string `json:"metadata"`
}

type resource struct {
	Condition  string         `json:"condition"`
	Type       string         `json:"type"`
	APIVersion string         `json:"apiVersion"`
	Name       string         `json:"name"`
	Location   string         `json:"location"`
	Kind       string         `json:"kind"`
	SKU        any            `json:"sku"`
	Tags       map[string]any `json:"tags"`
	Identity   any            `json:"identity"`
	Scope      string         `json:"scope"`
	DependsOn  []string       `json:"dependsOn"`
	Properties any            `json:"properties"`
}

func readAzure(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("azure", path))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func readTemplate(t *testing.T) template {
	t.Helper()
	var tmpl template
	decoder := json.NewDecoder(bytes.NewReader(readAzure(t, "azuredeploy.json")))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&tmpl); err != nil {
		t.Fatal(err)
	}
	if len(tmpl.Resources) != 15 {
		t.Errorf("the template has %d resources, want 15", len(tmpl.Resources))
	}
	return tmpl
}

// texts returns all strings within a value, including the keys of objects, which may be expressions.
func texts(value any) []string {
	var all []string
	switch v := value.(type) {
	case string:
		all = append(all, v)
	case []any:
		for _, item := range v {
			all = append(all, texts(item)...)
		}
	case map[string]any:
		for name, item := range v {
			all = append(append(all, name), texts(item)...)
		}
	}
	return all
}

func (r resource) texts() []string {
	all := append(texts(r.Properties), texts(r.Identity)...)
	return append(append(all, r.Condition, r.Name, r.Location, r.Scope), r.DependsOn...)
}

// id returns the resource's id as an expression: the resourceId call that refers to it.
func (r resource) id(t *testing.T) string {
	t.Helper()
	name := parse(t, r.Name)
	if r.Scope != "" {
		return "extensionResourceId(" + strings.Join([]string{parse(t, r.Scope).String(), "'" + r.Type + "'", name.String()}, ", ") + ")"
	}
	parts := []string{"'" + r.Type + "'"}
	if name.function != "format" {
		return "resourceId(" + strings.Join(append(parts, name.String()), ", ") + ")"
	}
	// format('{0}/default/{1}', a, b) is three names.
	args := map[string]string{"{0}": "", "{1}": ""}
	for i, a := range name.args[1:] {
		args["{"+string(rune('0'+i))+"}"] = a.String()
	}
	for piece := range strings.SplitSeq(name.args[0].literal, "/") {
		if arg := args[piece]; arg != "" {
			parts = append(parts, arg)
		} else {
			parts = append(parts, "'"+piece+"'")
		}
	}
	return "resourceId(" + strings.Join(parts, ", ") + ")"
}

func TestTemplate_DeclaresWhatItUses(t *testing.T) {
	tmpl := readTemplate(t)
	used := map[string]bool{}
	visit := func(e expression) {
		switch e.function {
		case "parameters", "variables":
			used[e.function+" "+e.args[0].literal] = true
		}
	}
	for _, r := range tmpl.Resources {
		for _, text := range r.texts() {
			parse(t, text).each(visit)
		}
	}
	for _, text := range texts(tmpl.Variables) {
		parse(t, text).each(visit)
	}
	for _, p := range tmpl.Parameters {
		for _, text := range texts(p.DefaultValue) {
			parse(t, text).each(visit)
		}
	}
	for _, o := range tmpl.Outputs {
		parse(t, o.Value).each(visit)
	}
	declared := map[string]bool{}
	for name := range tmpl.Parameters {
		declared["parameters "+name] = true
	}
	for name := range tmpl.Variables {
		declared["variables "+name] = true
	}
	for name := range used {
		if !declared[name] {
			t.Errorf("%s is used but not declared", name)
		}
	}
	for name := range declared {
		if !used[name] {
			t.Errorf("%s is declared but not used", name)
		}
	}
}

func TestTemplate_ReferencesResolve(t *testing.T) {
	tmpl := readTemplate(t)
	ids := map[string]int{}
	for i, r := range tmpl.Resources {
		id := r.id(t)
		if other, twice := ids[id]; twice {
			t.Errorf("resources %d and %d are both %s", other, i, id)
		}
		ids[id] = i
	}
	before := make([]map[string]bool, len(tmpl.Resources)) // the resources that must exist first
	for i, r := range tmpl.Resources {
		before[i] = map[string]bool{}
		for _, text := range r.DependsOn {
			id := parse(t, text).String()
			if _, ok := ids[id]; !ok {
				t.Errorf("%s depends on %s, which the template does not create", r.id(t), id)
			}
			before[i][id] = true
		}
	}
	// Their dependencies must exist first as well.
	for range tmpl.Resources {
		for i := range before {
			for id := range maps.Clone(before[i]) {
				maps.Copy(before[i], before[ids[id]])
			}
		}
	}
	for i, r := range tmpl.Resources {
		if before[i][r.id(t)] {
			t.Errorf("%s depends on itself", r.id(t))
		}
		for _, text := range r.texts() {
			parse(t, text).each(func(e expression) {
				if e.function != "resourceId" && e.function != "extensionResourceId" {
					return
				}
				e.access = ""
				id := e.String()
				if _, ok := ids[id]; !ok {
					t.Errorf("%s names %s, which the template does not create", r.id(t), id)
				} else if !before[i][id] {
					t.Errorf("%s names %s but does not depend on it", r.id(t), id)
				}
			})
		}
	}
	for name, output := range tmpl.Outputs {
		parse(t, output.Value).each(func(e expression) {
			if _, ok := ids[e.String()]; e.function == "resourceId" && !ok {
				t.Errorf("output %s names %s, which the template does not create", name, e)
			}
		})
	}
}

func TestTemplate_CallsKnownFunctions(t *testing.T) {
	known := strings.Fields("parameters variables format uniqueString toLower resourceGroup subscription resourceId " +
		"subscriptionResourceId extensionResourceId reference guid equals if createArray createObject union not empty")
	tmpl := readTemplate(t)
	all := texts(tmpl.Variables)
	for _, r := range tmpl.Resources {
		all = append(all, r.texts()...)
	}
	for _, text := range all {
		parse(t, text).each(func(e expression) {
			if e.function != "" && !slices.Contains(known, e.function) {
				t.Errorf("%s: unknown function %s", text, e.function)
			}
			if e.function == "createObject" && len(e.args)%2 != 0 {
				t.Errorf("%s: a name has no value", text)
			}
			if e.function == "format" {
				for i := range e.args[1:] {
					if !strings.Contains(e.args[0].literal, "{"+string(rune('0'+i))+"}") {
						t.Errorf("%s: argument %d has no placeholder", text, i)
					}
				}
			}
		})
	}
}

func TestTemplate_HasDescriptions(t *testing.T) {
	tmpl := readTemplate(t)
	if tmpl.Schema != "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#" || tmpl.ContentVersion == "" {
		t.Error("the template has no description")
	}
	for name, p := range tmpl.Parameters {
		if d := p.Metadata["description"]; len(d) < 20 || !strings.HasSuffix(d, ".") {
			t.Errorf("parameter %s has the description %q, want a sentence", name, d)
		}
	}
	for name, o := range tmpl.Outputs {
		if d := o.Metadata["description"]; !strings.HasSuffix(d, ".") {
			t.Errorf("output %s has the description %q, want a sentence", name, d)
		}
	}
	date := regexp.MustCompile(`^20\d\d-\d\d-\d\d$`)
	for _, r := range tmpl.Resources {
		if !date.MatchString(r.APIVersion) {
			t.Errorf("%s has the API version %q, want one that is not a preview", r.Type, r.APIVersion)
		}
	}
}

// The secret must go to Key Vault and nowhere else.
func TestTemplate_KeepsTheSecretInKeyVault(t *testing.T) {
	tmpl := readTemplate(t)
	for name, p := range tmpl.Parameters {
		if secret := strings.Contains(strings.ToLower(name), "secret"); secret != (p.Type == "securestring") {
			t.Errorf("parameter %s has type %s", name, p.Type)
		}
		if p.Type == "securestring" && p.DefaultValue != "" {
			t.Errorf("parameter %s has a default value", name)
		}
	}
	holders := 0
	for _, r := range tmpl.Resources {
		for _, text := range r.texts() {
			parse(t, text).each(func(e expression) {
				if e.function == "parameters" && e.args[0].literal == "awsSecretAccessKey" {
					holders++
					if r.Type != "Microsoft.KeyVault/vaults/secrets" {
						t.Errorf("%s contains the secret", r.Type)
					}
				}
			})
		}
	}
	if holders != 1 {
		t.Errorf("%d places contain the secret, want 1", holders)
	}
	for _, text := range texts(tmpl.Variables) {
		if strings.Contains(text, "awsSecretAccessKey") {
			t.Errorf("a variable contains the secret: %s", text)
		}
	}
	for name, o := range tmpl.Outputs {
		if strings.Contains(o.Value, "ecret") {
			t.Errorf("output %s reveals the secret", name)
		}
	}
}

// The Bicep file must describe the same deployment.
func TestBicep_IsTheSameDeployment(t *testing.T) {
	tmpl, bicep := readTemplate(t), string(readAzure(t, "main.bicep"))
	find := func(pattern string) []string {
		var found []string
		for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(bicep, -1) {
			found = append(found, strings.Join(match[1:], " "))
		}
		slices.Sort(found)
		return found
	}
	same := func(what string, got, want []string) {
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s of main.bicep are\n%s\nwant those of azuredeploy.json\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	var parameters, descriptions, resources, outputs []string
	for name, p := range tmpl.Parameters {
		parameters = append(parameters, name+" "+strings.Replace(p.Type, "securestring", "string", 1))
		descriptions = append(descriptions, p.Metadata["description"])
	}
	for _, r := range tmpl.Resources {
		resources = append(resources, r.Type+" "+r.APIVersion)
	}
	for name, o := range tmpl.Outputs {
		outputs = append(outputs, name+" "+o.Type)
		descriptions = append(descriptions, o.Metadata["description"])
	}
	same("parameters", find(`(?m)^param (\w+) (\w+)`), parameters)
	same("resources", find(`(?m)^resource \w+ '([^@]+)@([^']+)'`), resources)
	same("outputs", find(`(?m)^output (\w+) (\w+)`), outputs)
	var described []string
	for _, d := range find(`@description\('((?:[^'\\]|\\.)*)'\)`) {
		described = append(described, strings.ReplaceAll(d, `\'`, `'`))
	}
	slices.Sort(described)
	same("descriptions", described, descriptions)
	var all []string
	for _, d := range deployments {
		all = slices.AppendSeq(all, maps.Keys(templateSettings(t, tmpl, d.parameters)))
	}
	slices.Sort(all)
	same("settings", slices.Compact(find(`(?m)^ +((?:AzureWebJobs|APPLICATIONINSIGHTS|AZURE|AWS|COUNTERSIGN)_*\w+): `)), slices.Compact(all))
	for _, id := range regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`).FindAllString(string(readAzure(t, "azuredeploy.json")), -1) {
		if !strings.Contains(bicep, id) {
			t.Errorf("main.bicep does not name the role %s", id)
		}
	}
	var given struct {
		Parameters map[string]any `json:"parameters"`
	}
	if err := json.Unmarshal(readAzure(t, "main.parameters.json"), &given); err != nil {
		t.Fatal(err)
	}
	for name := range given.Parameters {
		if _, ok := tmpl.Parameters[name]; !ok {
			t.Errorf("main.parameters.json sets %s, which is not a parameter of main.bicep", name)
		}
	}
	for name, p := range tmpl.Parameters {
		if _, ok := given.Parameters[name]; p.DefaultValue == nil && !ok {
			t.Errorf("main.parameters.json does not set %s", name)
		}
	}
}

func TestGuide_ExplainsEveryParameter(t *testing.T) {
	guide := string(readAzure(t, "../../docs/azure-functions.md"))
	for name := range readTemplate(t).Parameters {
		if !strings.Contains(guide, "`"+name+"`") {
			t.Errorf("docs/azure-functions.md does not name the parameter %s", name)
		}
	}
}

func TestAzureYAML_NamesExistingServices(t *testing.T) {
	var project struct {
		Name  string
		Infra struct{ Provider, Path, Module string }
		// Services by name, which is the value of the app's tag azd-service-name.
		Services map[string]struct {
			Host, Language, Project, Dist string
			Hooks                         map[string]map[string]map[string]string
		}
	}
	if err := yaml.UnmarshalWithOptions(readAzure(t, "azure.yaml"), &project, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	readAzure(t, filepath.Join(project.Infra.Path, project.Infra.Module+".bicep"))
	for name, service := range project.Services {
		readAzure(t, filepath.Join(service.Project, "go.mod"))
		if !strings.Contains(string(readAzure(t, "main.bicep")), "'azd-service-name': '"+name+"'") {
			t.Errorf("no resource of main.bicep is the service %s", name)
		}
		if service.Hooks["prepackage"]["posix"]["run"] == "" {
			t.Error("nothing builds the package")
		}
	}
	if len(project.Services) != 1 {
		t.Errorf("there are %d services, want 1", len(project.Services))
	}
}

// testdata has the parts of the published JSON schemas, for files that the Functions host and azd read, that concern the fields
// in our files.
func TestFiles_MatchThePublishedSchemas(t *testing.T) {
	for _, test := range []struct{ file, schema, wrong, right string }{
		{"../../host.json", "host", `"routePrefx"`, `"routePrefix"`},
		{"../../function.json", "function", `"inout"`, `"out"`},
		{"local.settings.sample.json", "local.settings", `"7071"`, `7071`},
		{"azure.yaml", "azure", `languages:`, `language:`},
	} {
		right := string(readAzure(t, test.file))
		wrong := strings.Replace(right, test.right, test.wrong, 1)
		schema := compile(t, test.schema)
		if err := schema.Validate(unmarshal(t, test.file, right)); err != nil {
			t.Errorf("%s: %v", test.file, err)
		}
		if err := schema.Validate(unmarshal(t, test.file, wrong)); err == nil || wrong == right {
			t.Errorf("%s: the schema accepts %s", test.file, test.wrong)
		}
	}
}

func unmarshal(t *testing.T, file, text string) any {
	t.Helper()
	if strings.HasSuffix(file, ".yaml") {
		json, err := yaml.YAMLToJSON([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		text = string(json)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return value
}

func compile(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	file := "testdata/" + name + ".schema.json"
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource(file, unmarshal(t, file, string(readAzure(t, file)))); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile(file)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}
