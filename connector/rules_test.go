package connector_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"countersign/connector"
)

// node is a JSON object.
type node = map[string]any

// files are the two descriptions that the rules are about.
type files struct {
	definition, properties node
	size                   int // of the definition, in bytes
}

// rules are what Microsoft's documentation, templates and validator ask of a connector, each with its name there. What a rule
// finds wrong, it says.
var rules = map[string]func(files) []string{
	"oas2-only":           func(f files) []string { return unless(f.definition["swagger"] == "2.0", "swagger is not 2.0") },
	"title":               ruleTitle,
	"info-description":    ruleInfoDescription,
	"contact":             ruleContact,
	"metadata":            ruleMetadata,
	"summary-chars":       ruleSummaryChars,
	"summary-description": ruleSummaryDescription,
	"operation-id":        ruleOperationID,
	"param-description":   func(f files) []string { return everyField(f, "description") },
	"param-summary":       func(f files) []string { return everyField(f, "x-ms-summary") },
	"response-schema":     ruleResponseSchema,
	"default-response":    ruleDefaultResponse,
	"path-case":           rulePathCase,
	"no-combinators":      ruleNoCombinators,
	"x-ms-editor":         ruleEditor,
	"format":              ruleFormat,
	"visibility":          ruleVisibility,
	"vendor-ext":          ruleVendorExtensions,
	"host":                ruleHost,
	"security-one":        ruleSecurity,
	"brand-color":         ruleBrandColor,
	"size":                func(f files) []string { return unless(f.size < 256<<10, "the definition has %d bytes", f.size) },
}

func connectorFiles(t *testing.T) files {
	t.Helper()
	made := generate(t)
	return files{definition: object(t, made["apiDefinition.swagger.json"]), properties: object(t, made["apiProperties.json"]), size: len(made["apiDefinition.swagger.json"])}
}

func object(t *testing.T, text []byte) node {
	t.Helper()
	var n node
	if err := json.Unmarshal(text, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestConnectorKeepsTheRules(t *testing.T) {
	f := connectorFiles(t)
	for name, rule := range rules {
		for _, fault := range rule(f) {
			t.Errorf("%s: %s", name, fault)
		}
	}
}

// What is served at /swagger.json is the same description with more operations in it.
func TestServedDescriptionKeepsTheRulesToo(t *testing.T) {
	doc, err := connector.Swagger(contract(t))
	if err != nil {
		t.Fatal(err)
	}
	doc.Host, doc.Schemes = "sign.example.com", []string{"https"}
	text, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	f := files{definition: object(t, text), properties: connectorFiles(t).properties, size: len(text)}
	for name, rule := range rules {
		for _, fault := range rule(f) {
			t.Errorf("%s: %s", name, fault)
		}
	}
}

// The rules must be able to fail: each is shown a connector that breaks it.
func TestRulesFindWhatBreaksThem(t *testing.T) {
	breaks := map[string]func(files){
		"oas2-only":           func(f files) { f.definition["swagger"] = "3.0" },
		"title":               func(f files) { in(f.definition, "info")["title"] = "Countersign API" },
		"info-description":    func(f files) { in(f.definition, "info")["description"] = "Signs." },
		"contact":             func(f files) { delete(in(f.definition, "info", "contact"), "email") },
		"metadata":            func(f files) { delete(f.definition, "x-ms-connector-metadata") },
		"summary-chars":       func(f files) { aSign(f)["summary"] = "Sign a request & send it" },
		"summary-description": func(f files) { aSign(f)["description"] = "Signs" },
		"operation-id":        func(f files) { aSign(f)["operationId"] = "sign_request" },
		"param-description":   func(f files) { delete(aProperty(f), "description") },
		"param-summary":       func(f files) { delete(aProperty(f), "x-ms-summary"); delete(aProperty(f), "title") },
		"response-schema":     func(f files) { delete(in(aSign(f), "responses", "200"), "schema") },
		"default-response":    func(f files) { in(aSign(f), "responses")["default"] = node{"schema": node{}} },
		"path-case":           func(f files) { in(f.definition, "paths")["/V1/Sign"] = node{} },
		"no-combinators":      func(f files) { aProperty(f)["oneOf"] = []any{} },
		"x-ms-editor":         func(f files) { aProperty(f)["x-ms-editor"] = "dictionary" },
		"format":              func(f files) { aProperty(f)["format"] = "hostname" },
		"visibility":          func(f files) { aProperty(f)["x-ms-visibility"] = "none" },
		"vendor-ext":          func(f files) { aProperty(f)["x-ms-label"] = "URL" },
		"host":                func(f files) { f.definition["host"] = "https://sign.example.com" },
		"security-one":        func(f files) { in(f.definition, "securityDefinitions")["second"] = node{} },
		"brand-color":         func(f files) { in(f.properties, "properties")["iconBrandColor"] = "#007ee5" },
	}
	for name, rule := range rules {
		f := connectorFiles(t)
		if name == "size" {
			f.size = 1 << 20
		} else {
			breaks[name](f)
		}
		if faults := rule(f); len(faults) == 0 {
			t.Errorf("%s does not find what breaks it", name)
		}
	}
}

func in(n node, path ...string) node {
	for _, name := range path {
		n = n[name].(node)
	}
	return n
}

func aSign(f files) node { return in(f.definition, "paths", "/v1/sign", "post") }
func aProperty(f files) node {
	return in(f.definition, "definitions", "SignRequest", "properties", "url")
}

func unless(holds bool, format string, values ...any) []string {
	if holds {
		return nil
	}
	return []string{fmt.Sprintf(format, values...)}
}

func text(n node, name string) string { s, _ := n[name].(string); return s }

func ruleTitle(f files) []string {
	title := text(in(f.definition, "info"), "title")
	faults := unless(title != "" && len(title) <= 30, "title %q is not of 1 to 30 characters", title)
	for _, word := range []string{"API", "Connector", "Power", "Logic Apps", "Flow"} {
		faults = append(faults, unless(!strings.Contains(title, word), "title %q contains %s", title, word)...)
	}
	return faults
}

func ruleInfoDescription(f files) []string {
	n := len(text(in(f.definition, "info"), "description"))
	return unless(n >= 30 && n <= 500, "info.description has %d characters, not 30 to 500", n)
}

func ruleContact(f files) []string {
	contact, _ := in(f.definition, "info")["contact"].(node)
	var faults []string
	for _, name := range []string{"name", "url", "email"} {
		faults = append(faults, unless(text(contact, name) != "", "info.contact has no %s", name)...)
	}
	return faults
}

func ruleMetadata(f files) []string {
	list, _ := f.definition["x-ms-connector-metadata"].([]any)
	given := map[string]string{}
	for _, entry := range list {
		given[text(entry.(node), "propertyName")] = text(entry.(node), "propertyValue")
	}
	var faults []string
	for _, name := range []string{"Website", "Privacy policy", "Categories"} {
		faults = append(faults, unless(given[name] != "", "x-ms-connector-metadata has no %s", name)...)
	}
	return faults
}

// operations are all operations by "METHOD path".
func operations(f files) map[string]node {
	all := map[string]node{}
	for path, item := range in(f.definition, "paths") {
		for method, operation := range item.(node) {
			if o, ok := operation.(node); ok && method != "parameters" {
				all[strings.ToUpper(method)+" "+path] = o
			}
		}
	}
	return all
}

func eachOperation(f files, check func(name string, o node) []string) []string {
	var faults []string
	for name, o := range operations(f) {
		faults = append(faults, check(name, o)...)
	}
	return faults
}

func ruleSummaryChars(f files) []string {
	form := regexp.MustCompile(`^[^/\\<>*%&?]{0,79}[A-Za-z0-9]$`)
	return eachOperation(f, func(name string, o node) []string {
		return unless(form.MatchString(text(o, "summary")), "%s: summary %q is too long, has a restricted character or ends in one", name, text(o, "summary"))
	})
}

func ruleSummaryDescription(f files) []string {
	return eachOperation(f, func(name string, o node) []string {
		summary, description := text(o, "summary"), text(o, "description")
		return append(unless(summary != "" && summary != description, "%s: summary and description must both be there and differ", name),
			unless(strings.HasSuffix(description, "."), "%s: description does not end with a full stop", name)...)
	})
}

func ruleOperationID(f files) []string {
	form, seen := regexp.MustCompile(`^[A-Z][A-Za-z0-9]*$`), map[string]bool{}
	return eachOperation(f, func(name string, o node) []string {
		id := text(o, "operationId")
		twice := seen[id]
		seen[id] = true
		return append(unless(form.MatchString(id), "%s: operationId %q is not PascalCase", name, id), unless(!twice, "operationId %q stands twice", id)...)
	})
}

// everyField asks for a text on every parameter and every property, references followed. A title in a schema does for x-ms-summary.
func everyField(f files, name string) []string {
	has := func(n node) bool {
		return text(n, name) != "" || name == "x-ms-summary" && text(n, "title") != ""
	}
	var faults []string
	walk(f.definition, "", func(path string, n node) {
		if _, isParameter := n["in"]; isParameter && !strings.Contains(path, "/securityDefinitions/") {
			faults = append(faults, unless(has(n), "%s has no %s", path, name)...)
		}
		properties, ok := n["properties"].(node)
		if !ok || strings.HasSuffix(path, "/properties") {
			return
		}
		for key, property := range properties {
			faults = append(faults, unless(has(resolve(f.definition, property.(node))), "%s/properties/%s has no %s", path, key, name)...)
		}
	})
	return faults
}

func resolve(root, n node) node {
	for {
		ref, ok := n["$ref"].(string)
		if !ok {
			return n
		}
		n = in(root, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
	}
}

// walk visits every object but for those within examples, which are not ours to judge.
func walk(value any, path string, visit func(string, node)) {
	switch v := value.(type) {
	case node:
		visit(path, v)
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if name != "example" && name != "examples" && name != "x-ms-dynamic-values" {
				walk(v[name], path+"/"+name, visit)
			}
		}
	case []any:
		for i, item := range v {
			walk(item, fmt.Sprintf("%s/%d", path, i), visit)
		}
	}
}

// walkSchemas leaves out the objects whose keys are names of our own: of paths, definitions, properties.
func walkSchemas(f files, visit func(string, node)) {
	walk(f.definition, "", func(path string, n node) {
		last := path[strings.LastIndexByte(path, '/')+1:]
		if !slices.Contains([]string{"properties", "definitions", "paths", "responses", "parameters", "securityDefinitions", "x-ms-editor-options"}, last) {
			visit(path, n)
		}
	})
}

func ruleResponseSchema(f files) []string {
	return eachOperation(f, func(name string, o node) []string {
		for code, response := range in(o, "responses") {
			if code[0] == '2' && resolve(f.definition, response.(node))["schema"] != nil {
				return nil
			}
		}
		return unless(false, "%s: no 2xx answer has a schema", name)
	})
}

func ruleDefaultResponse(f files) []string {
	return eachOperation(f, func(name string, o node) []string {
		response, _ := in(o, "responses")["default"].(node)
		return unless(response["schema"] == nil, "%s: the default answer has a schema", name)
	})
}

func rulePathCase(f files) []string {
	seen := map[string]bool{}
	var faults []string
	for path := range in(f.definition, "paths") {
		lower := strings.ToLower(path)
		faults = append(faults, unless(!seen[lower], "%s stands twice in different case", path)...)
		seen[lower] = true
	}
	return faults
}

func ruleNoCombinators(f files) []string {
	var faults []string
	walkSchemas(f, func(path string, n node) {
		for _, name := range []string{"oneOf", "anyOf", "allOf", "not", "discriminator"} {
			_, there := n[name]
			faults = append(faults, unless(!there, "%s has %s", path, name)...)
		}
	})
	return faults
}

func ruleEditor(f files) []string {
	var faults []string
	walkSchemas(f, func(path string, n node) {
		if editor, ok := n["x-ms-editor"]; ok {
			options, _ := n["x-ms-editor-options"].(node)
			faults = append(faults, unless(editor == "dictionary" && options["valueType"] == "string" && n["additionalProperties"] != nil,
				"%s: an editor other than that of a dictionary of texts", path)...)
		}
	})
	return faults
}

func ruleFormat(f files) []string {
	known := strings.Fields("int32 int64 float double byte binary date date-time password date-no-tz email html uri uuid")
	var faults []string
	walkSchemas(f, func(path string, n node) {
		if format, ok := n["format"]; ok {
			faults = append(faults, unless(slices.Contains(known, fmt.Sprint(format)), "%s: format %v", path, format)...)
			faults = append(faults, unless(format != "binary" || !strings.Contains(path, "/properties/"), "%s: binary within an object", path)...)
		}
	})
	return faults
}

func ruleVisibility(f files) []string {
	var faults []string
	walkSchemas(f, func(path string, n node) {
		if v, ok := n["x-ms-visibility"]; ok {
			faults = append(faults, unless(slices.Contains([]any{"important", "advanced", "internal"}, v), "%s: visibility %v", path, v)...)
		}
	})
	return faults
}

func ruleVendorExtensions(f files) []string {
	known := strings.Fields("x-ms-summary x-ms-visibility x-ms-editor x-ms-editor-options x-ms-dynamic-values x-ms-dynamic-list x-ms-test-value x-ms-enum-values x-ms-connector-metadata x-ms-api-annotation")
	var faults []string
	walk(f.definition, "", func(path string, n node) {
		for name := range n {
			faults = append(faults, unless(!strings.HasPrefix(name, "x-ms-") || slices.Contains(known, name), "%s: %s is not known", path, name)...)
		}
	})
	return faults
}

func ruleHost(f files) []string {
	form := regexp.MustCompile(`^[a-z0-9.-]+(:\d+)?$`)
	faults := unless(form.MatchString(text(f.definition, "host")), "host %q is not a host", f.definition["host"])
	faults = append(faults, unless(strings.HasPrefix(text(f.definition, "basePath"), "/"), "basePath does not begin with /")...)
	schemes, _ := f.definition["schemes"].([]any)
	return append(faults, unless(len(schemes) == 1 && schemes[0] == "https", "schemes are %v, not https alone", schemes)...)
}

func ruleSecurity(f files) []string {
	defined := in(f.definition, "securityDefinitions")
	faults := unless(len(defined) == 1, "%d security definitions, not one", len(defined))
	key, _ := defined["apiKey"].(node)
	faults = append(faults, unless(key["type"] == "apiKey" && key["in"] == "header" && key["name"] == "X-API-Key", "the security definition is not the API key")...)
	parameters := in(f.properties, "properties", "connectionParameters")
	asked, _ := parameters["api_key"].(node)
	return append(faults, unless(asked["type"] == "securestring", "the connection asks for no api_key")...)
}

func ruleBrandColor(f files) []string {
	color := text(in(f.properties, "properties"), "iconBrandColor")
	ok := regexp.MustCompile(`^#[0-9a-f]{6}$`).MatchString(color) && !slices.Contains([]string{"#007ee5", "#ffffff", "#da3b01"}, color)
	return unless(ok, "iconBrandColor %q is not one of our own", color)
}

// testdata/rules.tsv says what is asked of a connector and by whom; each line is a rule above, and the other way round.
func TestRulesAreTheGatheredOnes(t *testing.T) {
	var ids []string
	lines := strings.Split(strings.TrimSpace(string(read(t, "testdata/rules.tsv"))), "\n")
	for _, line := range lines[1:] {
		id, _, _ := strings.Cut(line, "\t")
		ids = append(ids, id)
		if strings.Count(line, "\t") != 3 {
			t.Errorf("not id, level, from and rule: %s", line)
		}
	}
	slices.Sort(ids)
	if got := slices.Sorted(maps.Keys(rules)); !slices.Equal(got, ids) {
		t.Errorf("the rules are %q, want %q", got, ids)
	}
}
