// Package converter makes a Power Platform connector of the definition of somebody
// else's API: Swagger 2.0, OpenAPI 3.0 and 3.1, exports of API Gateway. Its actions
// call Countersign at /call, which signs each request and sends it on.
//
// The definition that it writes holds only what it names: types, labels, texts.
// Integrations, policies, examples and security schemes stay behind, and ARNs,
// account ids and keys are cut out of texts. What has no place in a connector is
// left out with a line in the report; what cannot be meant is an [*Error] with its
// pointer. It opens no file and fetches nothing.
//
// The same input gives the same bytes. Work and memory are bounded, whatever the
// definition refers to.
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

// Options are what the definition does not say.
type Options struct {
	// Frame is what all connectors to Countersign have.
	Frame *connector.Frame
	// Profile signs the calls.
	Profile string
	// Hosts are the profile's host patterns.
	Hosts *endpoints.Hosts
	// Upstream overrides the address of the API: a host, or https:// with a path.
	Upstream string
	// Include and Exclude choose operations by "METHOD /path", where * stands for
	// anything and the method may be missing.
	Include, Exclude []string
	// Any are the methods that stand for ANY of API Gateway. None: such routes are left out.
	Any []string
	// Greedy keeps paths such as /{proxy+}.
	Greedy bool
	// Samples are recorded responses in JSON, by "METHOD /path".
	Samples map[string][]byte
	// Strict refuses what would be left out.
	Strict bool
	// Earlier is the definition of an earlier run, whose operation ids are kept.
	Earlier []byte
}

// Result is the connector.
type Result struct {
	Files  map[string][]byte // by name
	Report Report
}

// Versions of a definition.
const (
	version20 = "2.0"
	version30 = "3.0"
	version31 = "3.1"
)

// maxFaults are as many as are told at once.
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

// Convert makes a connector of a definition. The error joins one [*Error] for each
// fault.
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
	c.keep(c.readInfo())
	c.keep(c.readUpstream())
	c.readPaths()
	for at := range c.samples {
		c.keep(fmt.Errorf("--sample %q: there is no such operation among the actions", at))
	}
	if len(c.faults) > 0 {
		return nil, errors.Join(c.faults...)
	}
	if c.Strict && len(c.report.LeftOut) > 0 {
		return nil, c.strictError()
	}
	c.tellApart()
	c.nameActions()
	return c.files()
}

// keep keeps a fault, so that all are told together.
func (c *conversion) keep(err error) {
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
		return c.root.errorf("the file must hold an object: an OpenAPI definition")
	}
	if c.root.has("AWSTemplateFormatVersion") || c.root.has("Resources") && !c.root.has("paths") {
		return c.root.errorf("this is a template of CloudFormation; export the deployed stage: %s", exportHint)
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
	return paths.wants(kindObject)
}

const exportHint = "aws apigateway get-export --rest-api-id ID --stage-name STAGE --export-type oas30, or aws apigatewayv2 export-api"

func placeholderError(n node) error {
	return n.errorf("holds a placeholder that was not filled in; fill it in, or export the deployed stage: %s", exportHint)
}

func (c *conversion) readSamples() error {
	for _, at := range slices.Sorted(maps.Keys(c.Options.Samples)) {
		text, err := withoutMark(c.Options.Samples[at])
		var value any
		if err == nil {
			value, err = parseJSON(text)
		}
		if err != nil {
			return fmt.Errorf("--sample %q: %w", at, err)
		}
		method, path, _ := strings.Cut(at, " ")
		path = greedy().ReplaceAllString(strings.TrimSpace(path), "$1}") // as actions have it
		c.samples[strings.ToUpper(method)+" "+path] = node{value: value}
	}
	return nil
}

const maxTitle = 30

// readInfo finds a title that a connector may have.
func (c *conversion) readInfo() error {
	given := c.root.get("info").get("title")
	if isPlaceholder(given.value) {
		return placeholderError(given)
	}
	c.title = titleOf(given.text())
	return nil
}

// titleOf is a title that a connector may have.
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

// description is that of the connector, 30 to 500 characters.
func (c *conversion) description() string {
	const longest = 500
	own := "Calls " + c.title + " through Countersign, which signs each request for AWS."
	given := sentence(prose(c.root.get("info").get("description").text(), longest-len(own)-len(". ")))
	return strings.TrimSpace(given + " " + own)
}
