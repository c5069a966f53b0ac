package connector

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"countersign/internal/lazyregexp"
)

func checkVersion(c *checker) { c.unless(c.definition["swagger"] == "2.0", "/swagger", "must be 2.0") }

// titleWords are words for what it is (a connector, an API), and Power Platform products.
var titleWords = lazyregexp.New(
	`(?i)\b(apis?|connectors?|power ?(apps|automate|bi|platform|pages|virtual agents)|power|` +
		`microsoft flow|flow|logic ?apps|copilot studio|dataverse)\b`)

func checkTitle(c *checker) {
	const longest = 30
	title := textOf(objectAt(c.definition, "info"), "title")
	c.unless(title != "" && len([]rune(title)) <= longest, "/info/title", "must have 1 to %d characters", longest)
	word := ForbiddenInTitle(title)
	c.unless(word == "", "/info/title", "must not contain %q", word)
}

// ForbiddenInTitle returns a word that a title must not contain, or "".
func ForbiddenInTitle(title string) string {
	if strings.Contains(title, "API") {
		return "API"
	}
	return titleWords().FindString(title)
}

func checkInfoDescription(c *checker) {
	const shortest, longest = 30, 500
	n := len([]rune(textOf(objectAt(c.definition, "info"), "description")))
	c.unless(n >= shortest && n <= longest, "/info/description", "must have %d to %d characters; it has %d", shortest, longest, n)
}

func checkContact(c *checker) {
	contact := objectAt(c.definition, "info", "contact")
	for _, name := range []string{"name", "url", "email"} {
		c.unless(textOf(contact, name) != "", "/info/contact/"+name, "is missing")
	}
}

func checkMetadata(c *checker) {
	list, _ := c.definition["x-ms-connector-metadata"].([]any)
	given := map[string]string{}
	for _, entry := range list {
		given[textOf(objectAt(entry), "propertyName")] = textOf(objectAt(entry), "propertyValue")
	}
	for _, name := range []string{"Website", "Privacy policy", "Categories"} {
		c.unless(given[name] != "", "/x-ms-connector-metadata", "must have %s", name)
	}
}

var summaryForm = lazyregexp.New(`^[^/\\<>*%&?;]{0,79}[A-Za-z0-9]$`)

func checkSummaryChars(c *checker) {
	c.eachOperation(func(pointer string, o map[string]any) {
		c.unless(summaryForm().MatchString(textOf(o, "summary")), pointer+"/summary",
			`must have up to 80 characters, none of / \ < > * %% & ? ; and end in a letter or a digit`)
	})
}

func checkSummaryDescription(c *checker) {
	c.eachOperation(func(pointer string, o map[string]any) {
		summary, description := textOf(o, "summary"), textOf(o, "description")
		c.unless(summary != "" && summary != description, pointer, "must have a summary and a description, which differ")
		c.unless(strings.HasSuffix(description, "."), pointer+"/description", "must end with a full stop")
	})
}

var idForm = lazyregexp.New(`^[A-Z][A-Za-z0-9]*$`)

func checkOperationID(c *checker) {
	seen := map[string]bool{}
	c.eachOperation(func(pointer string, o map[string]any) {
		id := textOf(o, "operationId")
		c.unless(idForm().MatchString(id), pointer+"/operationId", "must be PascalCase of letters and digits")
		c.unless(!seen[id], pointer+"/operationId", "occurs twice: %s", id)
		seen[id] = true
	})
}

// everyField checks a field of operations, parameters and schemas. In a schema, title replaces x-ms-summary.
func (c *checker) everyField(name string) {
	has := func(o map[string]any) bool {
		return textOf(o, name) != "" || name == "x-ms-summary" && textOf(o, "title") != ""
	}
	c.eachParameter(func(pointer string, p map[string]any) { c.unless(has(p), pointer, "must have %s", name) })
	c.eachSchema(func(pointer string, o map[string]any) {
		properties := objectAt(o["properties"])
		for _, key := range slices.Sorted(maps.Keys(properties)) {
			property := objectAt(properties[key])
			c.unless(has(property) || has(c.resolve(property)), below(pointer+"/properties", key), "must have %s", name)
		}
	})
}

func checkResponseSchema(c *checker) {
	c.eachOperation(func(pointer string, o map[string]any) {
		if o["x-ms-agentic-protocol"] != nil {
			return // the protocol defines its own
		}
		for code, response := range objectAt(o, "responses") {
			if strings.HasPrefix(code, "2") && c.resolve(objectAt(response))["schema"] != nil {
				return
			}
		}
		c.unless(false, pointer+"/responses", "must have a 2xx response with a schema")
	})
}

func checkDefaultResponse(c *checker) {
	c.eachOperation(func(pointer string, o map[string]any) {
		c.unless(c.resolve(objectAt(o, "responses", "default"))["schema"] == nil, pointer+"/responses/default", "must have no schema")
	})
}

func checkPathCase(c *checker) {
	seen := map[string]bool{}
	paths := objectAt(c.definition, "paths")
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		lower := strings.ToLower(path)
		c.unless(!seen[lower], below("/paths", path), "differs from another path only in case")
		seen[lower] = true
	}
}

func checkCombinators(c *checker) {
	c.eachSchema(func(pointer string, o map[string]any) {
		for _, name := range []string{"oneOf", "anyOf", "allOf", "not", "discriminator"} {
			_, there := o[name]
			c.unless(!there, pointer, "must not have %s, which designers do not show", name)
		}
	})
}

func checkEditor(c *checker) {
	c.eachSchema(func(pointer string, o map[string]any) {
		editor, there := o["x-ms-editor"]
		dictionary := editor == "dictionary" && objectAt(o, "x-ms-editor-options")["valueType"] == "string" && o["additionalProperties"] != nil
		c.unless(!there || dictionary, pointer, "x-ms-editor must be dictionary, with x-ms-editor-options, on a map of strings")
	})
}

var formats = strings.Fields("int32 int64 float double byte binary date date-time password date-no-tz email html uri uuid")

func checkFormat(c *checker) {
	c.eachSchema(func(pointer string, o map[string]any) {
		format, there := o["format"]
		c.unless(!there || slices.Contains(formats, fmt.Sprint(format)), pointer+"/format", "must be one of %s", strings.Join(formats, ", "))
		c.unless(format != "binary" || !strings.Contains(pointer, "/properties/"), pointer+"/format", "must not be binary within an object")
	})
}

func checkVisibility(c *checker) {
	everyObject(c.definition, "", func(pointer string, o map[string]any) {
		v, there := o["x-ms-visibility"]
		c.unless(!there || v == "important" || v == "advanced" || v == "internal", pointer+"/x-ms-visibility",
			"must be important, advanced or internal")
	})
}

var extensions = strings.Fields("x-ms-summary x-ms-visibility x-ms-editor x-ms-editor-options x-ms-dynamic-values x-ms-dynamic-list " +
	"x-ms-dynamic-schema x-ms-dynamic-properties x-ms-dynamic-tree x-ms-test-value x-ms-enum x-ms-enum-values " +
	"x-ms-connector-metadata x-ms-api-annotation x-ms-agentic-protocol " +
	"x-ms-capabilities x-ms-docs x-ms-deployment-version x-ms-no-generic-test x-ms-operation-context x-ms-pageable x-ms-safe-operation " +
	"x-ms-trigger x-ms-trigger-hint x-ms-trigger-metadata x-ms-trigger-value " +
	"x-ms-notification x-ms-notification-content x-ms-notification-url " +
	"x-ms-url-encoding x-ms-media-kind x-ms-parameter-location x-ms-skip-url-encoding x-ms-localizeDefaultValue")

func checkVendorExtensions(c *checker) {
	everyObject(c.definition, "", func(pointer string, o map[string]any) {
		for _, name := range slices.Sorted(maps.Keys(o)) {
			known := !strings.HasPrefix(name, "x-ms-") || slices.Contains(extensions, name)
			c.unless(known, below(pointer, name), "is not an extension that the platform knows")
		}
	})
}

// everyObject visits every object, except examples and objects whose names the API defines.
func everyObject(value any, pointer string, visit func(string, map[string]any)) {
	switch v := value.(type) {
	case map[string]any:
		visit(pointer, v)
		for _, name := range slices.Sorted(maps.Keys(v)) {
			switch name {
			case "example", "examples", "default", "enum", "x-ms-dynamic-values", "x-ms-dynamic-list", "x-ms-test-value":
			case "properties", "definitions", "parameters", "responses", "paths", "securityDefinitions":
				named, isObject := v[name].(map[string]any)
				if !isObject {
					everyObject(v[name], below(pointer, name), visit)
				}
				for _, own := range slices.Sorted(maps.Keys(named)) {
					everyObject(named[own], below(below(pointer, name), own), visit)
				}
			default:
				everyObject(v[name], below(pointer, name), visit)
			}
		}
	case []any:
		for i, item := range v {
			everyObject(item, fmt.Sprintf("%s/%d", pointer, i), visit)
		}
	}
}

var hostForm = lazyregexp.New(`^[a-z0-9.-]+(:\d+)?$`)

func checkHost(c *checker) {
	c.unless(hostForm().MatchString(textOf(c.definition, "host")), "/host", "must be a host without a scheme")
	c.unless(strings.HasPrefix(textOf(c.definition, "basePath"), "/"), "/basePath", "must begin with /")
	schemes, _ := c.definition["schemes"].([]any)
	c.unless(len(schemes) == 1 && schemes[0] == "https", "/schemes", "must be https only")
}

// checkSecurity checks that the connection asks for what the definition sends.
func checkSecurity(c *checker) {
	defined := objectAt(c.definition, "securityDefinitions")
	c.unless(len(defined) <= 1, "/securityDefinitions", "must be only one: the platform uses the first")
	want := map[string]string{"apiKey": "securestring", "basic": "securestring", "oauth2": "oauthSetting"}
	for _, name := range slices.Sorted(maps.Keys(defined)) {
		kind, asked := want[textOf(objectAt(defined[name]), "type")], false
		for _, parameter := range objectAt(c.properties, "properties", "connectionParameters") {
			asked = asked || textOf(objectAt(parameter), "type") == kind
		}
		c.unless(asked, below("/securityDefinitions", name),
			"apiProperties.json must ask for it with a connection parameter of the type %s", kind)
	}
}

var colorForm = lazyregexp.New(`^#[0-9a-fA-F]{6}$`)

func checkBrandColor(c *checker) {
	color := textOf(objectAt(c.properties, "properties"), "iconBrandColor")
	taken := slices.Contains([]string{"#007ee5", "#ffffff"}, strings.ToLower(color))
	c.unless(colorForm().MatchString(color) && !taken, "/properties/iconBrandColor",
		"must be a colour such as #0b4f6c, and not #007ee5 or #ffffff")
}

func checkSize(c *checker) {
	const largest = 1_000_000
	c.unless(c.size <= largest, "", "the definition has %d bytes; the platform accepts %d", c.size, largest)
}
