package connector

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"countersign/internal/lazyregexp"
)

func checkVersion(c *checked) { c.unless(c.definition["swagger"] == "2.0", "/swagger", "must be 2.0") }

// titleWords are those for what it is, and products of the Power Platform.
var titleWords = lazyregexp.New(
	`(?i)\b(apis?|connectors?|power ?(apps|automate|bi|platform|pages|virtual agents)|power|` +
		`microsoft flow|flow|logic ?apps|copilot studio|dataverse)\b`)

func checkTitle(c *checked) {
	const longest = 30
	title := textOf(part(c.definition, "info"), "title")
	c.unless(title != "" && len([]rune(title)) <= longest, "/info/title", "must have 1 to %d characters", longest)
	word := ForbiddenInTitle(title)
	c.unless(word == "", "/info/title", "must not contain %q", word)
}

// ForbiddenInTitle is a word in a title that no connector may have there, or "".
func ForbiddenInTitle(title string) string {
	if strings.Contains(title, "API") {
		return "API"
	}
	return titleWords().FindString(title)
}

func checkInfoDescription(c *checked) {
	const shortest, longest = 30, 500
	n := len([]rune(textOf(part(c.definition, "info"), "description")))
	c.unless(n >= shortest && n <= longest, "/info/description", "must have %d to %d characters; it has %d", shortest, longest, n)
}

func checkContact(c *checked) {
	contact := part(c.definition, "info", "contact")
	for _, name := range []string{"name", "url", "email"} {
		c.unless(textOf(contact, name) != "", "/info/contact/"+name, "is missing")
	}
}

func checkMetadata(c *checked) {
	list, _ := c.definition["x-ms-connector-metadata"].([]any)
	given := map[string]string{}
	for _, entry := range list {
		given[textOf(part(entry), "propertyName")] = textOf(part(entry), "propertyValue")
	}
	for _, name := range []string{"Website", "Privacy policy", "Categories"} {
		c.unless(given[name] != "", "/x-ms-connector-metadata", "must have %s", name)
	}
}

var summaryForm = lazyregexp.New(`^[^/\\<>*%&?;]{0,79}[A-Za-z0-9]$`)

func checkSummaryChars(c *checked) {
	c.eachOperation(func(pointer string, o map[string]any) {
		c.unless(summaryForm().MatchString(textOf(o, "summary")), pointer+"/summary",
			`must have up to 80 characters, none of / \ < > * %% & ? ; and end in a letter or a digit`)
	})
}

func checkSummaryDescription(c *checked) {
	c.eachOperation(func(pointer string, o map[string]any) {
		summary, description := textOf(o, "summary"), textOf(o, "description")
		c.unless(summary != "" && summary != description, pointer, "must have a summary and a description, which differ")
		c.unless(strings.HasSuffix(description, "."), pointer+"/description", "must end with a full stop")
	})
}

var idForm = lazyregexp.New(`^[A-Z][A-Za-z0-9]*$`)

func checkOperationID(c *checked) {
	seen := map[string]bool{}
	c.eachOperation(func(pointer string, o map[string]any) {
		id := textOf(o, "operationId")
		c.unless(idForm().MatchString(id), pointer+"/operationId", "must be PascalCase of letters and digits")
		c.unless(!seen[id], pointer+"/operationId", "is given twice: %s", id)
		seen[id] = true
	})
}

// everyField: a title in a schema does for x-ms-summary.
func (c *checked) everyField(name string) {
	has := func(o map[string]any) bool {
		return textOf(o, name) != "" || name == "x-ms-summary" && textOf(o, "title") != ""
	}
	c.eachParameter(func(pointer string, p map[string]any) { c.unless(has(p), pointer, "must have %s", name) })
	c.eachSchema(func(pointer string, o map[string]any) {
		properties := part(o["properties"])
		for _, key := range slices.Sorted(maps.Keys(properties)) {
			property := part(properties[key])
			c.unless(has(property) || has(c.resolve(property)), below(pointer+"/properties", key), "must have %s", name)
		}
	})
}

func checkResponseSchema(c *checked) {
	c.eachOperation(func(pointer string, o map[string]any) {
		if o["x-ms-agentic-protocol"] != nil {
			return // the protocol has its own
		}
		for code, response := range part(o, "responses") {
			if strings.HasPrefix(code, "2") && c.resolve(part(response))["schema"] != nil {
				return
			}
		}
		c.unless(false, pointer+"/responses", "must have a 2xx response with a schema")
	})
}

func checkDefaultResponse(c *checked) {
	c.eachOperation(func(pointer string, o map[string]any) {
		c.unless(c.resolve(part(o, "responses", "default"))["schema"] == nil, pointer+"/responses/default", "must have no schema")
	})
}

func checkPathCase(c *checked) {
	seen := map[string]bool{}
	paths := part(c.definition, "paths")
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		lower := strings.ToLower(path)
		c.unless(!seen[lower], below("/paths", path), "differs from another path only in case")
		seen[lower] = true
	}
}

func checkCombinators(c *checked) {
	c.eachSchema(func(pointer string, o map[string]any) {
		for _, name := range []string{"oneOf", "anyOf", "allOf", "not", "discriminator"} {
			_, there := o[name]
			c.unless(!there, pointer, "must not have %s, which designers do not show", name)
		}
	})
}

func checkEditor(c *checked) {
	c.eachSchema(func(pointer string, o map[string]any) {
		editor, there := o["x-ms-editor"]
		dictionary := editor == "dictionary" && part(o, "x-ms-editor-options")["valueType"] == "string" && o["additionalProperties"] != nil
		c.unless(!there || dictionary, pointer, "x-ms-editor must be dictionary, with x-ms-editor-options, on a map of texts")
	})
}

var formats = strings.Fields("int32 int64 float double byte binary date date-time password date-no-tz email html uri uuid")

func checkFormat(c *checked) {
	c.eachSchema(func(pointer string, o map[string]any) {
		format, there := o["format"]
		c.unless(!there || slices.Contains(formats, fmt.Sprint(format)), pointer+"/format", "must be one of %s", strings.Join(formats, ", "))
		c.unless(format != "binary" || !strings.Contains(pointer, "/properties/"), pointer+"/format", "must not be binary within an object")
	})
}

func checkVisibility(c *checked) {
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

func checkVendorExtensions(c *checked) {
	everyObject(c.definition, "", func(pointer string, o map[string]any) {
		for _, name := range slices.Sorted(maps.Keys(o)) {
			known := !strings.HasPrefix(name, "x-ms-") || slices.Contains(extensions, name)
			c.unless(known, below(pointer, name), "is no extension that the platform knows")
		}
	})
}

// everyObject visits every object but those whose names are the API's own, and
// examples.
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

func checkHost(c *checked) {
	c.unless(hostForm().MatchString(textOf(c.definition, "host")), "/host", "must be a host without a scheme")
	c.unless(strings.HasPrefix(textOf(c.definition, "basePath"), "/"), "/basePath", "must begin with /")
	schemes, _ := c.definition["schemes"].([]any)
	c.unless(len(schemes) == 1 && schemes[0] == "https", "/schemes", "must be https alone")
}

// checkSecurity: the connection asks for what the definition sends.
func checkSecurity(c *checked) {
	defined := part(c.definition, "securityDefinitions")
	c.unless(len(defined) <= 1, "/securityDefinitions", "must be one: the platform takes the first")
	want := map[string]string{"apiKey": "securestring", "basic": "securestring", "oauth2": "oauthSetting"}
	for _, name := range slices.Sorted(maps.Keys(defined)) {
		kind, asked := want[textOf(part(defined[name]), "type")], false
		for _, parameter := range part(c.properties, "properties", "connectionParameters") {
			asked = asked || textOf(part(parameter), "type") == kind
		}
		c.unless(asked, below("/securityDefinitions", name),
			"apiProperties.json must ask for it with a connection parameter of the type %s", kind)
	}
}

var colorForm = lazyregexp.New(`^#[0-9a-fA-F]{6}$`)

func checkBrandColor(c *checked) {
	color := textOf(part(c.properties, "properties"), "iconBrandColor")
	taken := slices.Contains([]string{"#007ee5", "#ffffff"}, strings.ToLower(color))
	c.unless(colorForm().MatchString(color) && !taken, "/properties/iconBrandColor",
		"must be a colour such as #0b4f6c, and not #007ee5 or #ffffff")
}

func checkSize(c *checked) {
	const largest = 1_000_000
	c.unless(c.size <= largest, "", "the definition has %d bytes, and the platform takes %d", c.size, largest)
}
