// Package converter makes a Power Platform connector from the definition of another API: Swagger 2.0, OpenAPI 3.0 and
// 3.1, and exports of API Gateway. Its actions call Countersign at /call, which signs each request and sends it on.
//
// The definition that it writes holds only what this package writes explicitly: types, labels, texts. Integrations,
// policies, examples and security schemes are left out, and ARNs, account ids and keys are removed from texts. What a
// connector cannot express is left out with a line in the report; what cannot be valid is an [*Error] with its
// pointer. The package opens no file and fetches nothing.
//
// The same input gives the same bytes. Work and memory are bounded, whatever the definition refers to.
package converter

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"countersign/connector"
	"countersign/endpoints"
)

// Options are what the definition does not specify.
type Options struct {
	// Frame is what all connectors to Countersign have.
	Frame *connector.Frame
	// Profile is the profile that signs the calls.
	Profile string
	// Hosts are the profile's host patterns.
	Hosts *endpoints.Hosts
	// Upstream overrides the address of the API: a host, or https:// with a path.
	Upstream string
	// Include and Exclude select operations by "METHOD /path". * stands for any text, and the method may be omitted.
	Include, Exclude []string
	// Any are the methods that replace API Gateway's ANY. If there are none, such routes are left out.
	Any []string
	// Greedy keeps paths such as /{proxy+}.
	Greedy bool
	// Samples are recorded responses in JSON, by "METHOD /path".
	Samples map[string][]byte
	// Strict refuses a definition of which something would be left out.
	Strict bool
	// Earlier is the definition from an earlier run, whose operation ids are kept.
	Earlier []byte
}

// Result is the generated connector.
type Result struct {
	Files  map[string][]byte // by name
	Report Report
}

// The supported versions of a definition.
const (
	version20 = "2.0"
	version30 = "3.0"
	version31 = "3.1"
)

// maxFaults is how many faults one error reports.
const maxFaults = 20

type conversion struct {
	Options
	schemas
	root     node
	version  string
	upstream upstream
	title    string
	actions  []*action
	report   Report
	faults   []error
	samples  map[string]node
}

// Convert makes a connector from a definition. The error joins one [*Error] for each fault.
func Convert(definition []byte, o Options) (*Result, error) {
	root, err := parse(definition)
	if err != nil {
		return nil, err
	}
	c := &conversion{Options: o, schemas: newSchemas(), root: node{value: root}, samples: map[string]node{}}
	if err := c.readVersion(); err != nil {
		return nil, err
	}
	if err := c.readSamples(); err != nil {
		return nil, err
	}
	c.addFault(c.readInfo())
	c.addFault(c.readUpstream())
	c.readPaths()
	for at := range c.samples {
		c.addFault(fmt.Errorf("--sample %q: no action is made from this operation", at))
	}
	if len(c.faults) > 0 {
		return nil, errors.Join(c.faults...)
	}
	if c.Strict && len(c.report.LeftOut) > 0 {
		return nil, c.strictError()
	}
	c.renameDuplicates()
	c.nameActions()
	return c.files()
}

// addFault keeps a fault, so that all are reported together.
func (c *conversion) addFault(err error) {
	if err == nil || len(c.faults) >= maxFaults {
		return
	}
	for _, other := range c.faults {
		if other.Error() == err.Error() {
			return
		}
	}
	c.faults = append(c.faults, err)
}

func (c *conversion) readVersion() error {
	if _, isObject := c.root.object(); !isObject {
		return c.root.errorf("the file must contain an object: an OpenAPI definition")
	}
	if c.root.has("AWSTemplateFormatVersion") || c.root.has("Resources") && !c.root.has("paths") {
		return c.root.errorf("this is a CloudFormation template; export the deployed stage: %s", exportHint)
	}
	swagger, openapi := c.root.get("swagger"), c.root.get("openapi")
	switch text := openapi.text(); {
	case text == "3" || text == "3.0" || strings.HasPrefix(text, "3.0."):
		c.version = version30
	case text == "3.1" || strings.HasPrefix(text, "3.1."):
		c.version = version31
	case text != "":
		return openapi.errorf("must be 3.0 or 3.1")
	case swagger.text() == "2" || swagger.text() == "2.0":
		c.version = version20
	case swagger.text() != "":
		return swagger.errorf("must be 2.0")
	default:
		return openapi.errorf("is missing: the file must be Swagger 2.0 or OpenAPI 3.0 or 3.1")
	}
	c.report.Format = map[string]string{version20: "Swagger ", version30: "OpenAPI ", version31: "OpenAPI "}[c.version] + c.version
	paths := c.root.get("paths")
	if paths.value == nil {
		return paths.errorf("is missing: an object of paths")
	}
	return paths.typeError(kindObject)
}

const exportHint = "aws apigateway get-export --rest-api-id ID --stage-name STAGE --export-type oas30, or aws apigatewayv2 export-api"

func placeholderError(n node) error {
	return n.errorf("contains a placeholder that was not filled in; fill it in, or export the deployed stage: %s", exportHint)
}

func (c *conversion) readSamples() error {
	for _, at := range slices.Sorted(maps.Keys(c.Options.Samples)) {
		text, err := withoutBOM(c.Options.Samples[at])
		var value any
		if err == nil {
			value, err = parseJSON(text)
		}
		if err != nil {
			return fmt.Errorf("--sample %q: %w", at, err)
		}
		method, path, _ := strings.Cut(at, " ")
		path = greedy().ReplaceAllString(strings.TrimSpace(path), "$1}") // as actions write it
		c.samples[strings.ToUpper(method)+" "+path] = node{value: value}
	}
	return nil
}

const maxTitle = 30

// readInfo derives a title that a connector may have.
func (c *conversion) readInfo() error {
	given := c.root.get("info").get("title")
	if isPlaceholder(given.value) {
		return placeholderError(given)
	}
	c.title = titleOf(given.text())
	return nil
}

// titleOf turns a text into a title that a connector may have.
func titleOf(text string) string {
	title, afterProduct := "", false
	for _, word := range words(prose(text, maxDescription)) {
		longer := strings.TrimSpace(title + " " + word)
		ofProduct := afterProduct && slices.Contains([]string{"apps", "automate", "platform", "pages", "bi", "studio"}, strings.ToLower(word))
		if afterProduct = ofProduct || connector.ForbiddenInTitle(longer) != ""; afterProduct {
			continue
		}
		if utf8.RuneCountInString(longer) > maxTitle {
			break
		}
		title = longer
	}
	if title = capital(title); strings.Trim(title, "0123456789 ") == "" {
		return "AWS service"
	}
	return title
}

// description returns the description of the connector, 30 to 500 characters long.
func (c *conversion) description() string {
	const longest = 500
	own := "Calls " + c.title + " through Countersign, which signs each request for AWS."
	given := sentence(prose(c.root.get("info").get("description").text(), longest-len(own)-len(". ")))
	return strings.TrimSpace(given + " " + own)
}
