package converter

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"countersign/connector"
)

// Report says what happened to the definition.
type Report struct {
	Format         string         `json:"format"`
	Title          string         `json:"title"`
	Upstream       string         `json:"upstream"`
	Profile        string         `json:"profile"`
	Actions        []ActionReport `json:"actions"`
	TypedBodies    int            `json:"typedBodies"`
	TypedResponses int            `json:"typedAnswers"`
	LeftOut        []LeftOut      `json:"leftOut"`
	Warnings       []string       `json:"warnings"`
	// Changes are those since an earlier run that break flows.
	Changes []string `json:"breakingChanges"`

	raw bool // something needs the raw action
}

// ActionReport is one action.
type ActionReport struct {
	OperationID   string `json:"operationId"`
	Method        string `json:"method"`
	Path          string `json:"path"` // in the definition
	TypedBody     bool   `json:"typedBody"`
	TypedResponse bool   `json:"typedAnswer"`
	// Guessed is what the definition does not say.
	Guessed []string `json:"guessed,omitempty"`
}

// LeftOut is something that the connector cannot express.
type LeftOut struct {
	Pointer string `json:"pointer"`
	What    string `json:"what"`
	Reason  string `json:"reason"`
}

func (c *conversion) leaveOut(at node, what, reason string) {
	clean := func(text string) string { return prose(strings.ReplaceAll(text, "${", "$ {"), maxPointer) }
	c.report.LeftOut = append(c.report.LeftOut, LeftOut{clean(shownPointer(at.pointer)), clean(what), reason})
}

func (c *conversion) strictError() error {
	var list []error
	for _, left := range c.report.LeftOut[:min(len(c.report.LeftOut), maxFaults)] {
		list = append(list, &Error{left.Pointer, "--strict: " + left.What + " is left out: " + left.Reason})
	}
	return errors.Join(list...)
}

// The platform's limits: one megabyte, and as many actions as the largest published connectors have.
const (
	maxSize     = 1_000_000
	warnSize    = 900_000
	warnActions = 256
)

// files writes the connector and checks it.
func (c *conversion) files() (*Result, error) {
	definition := c.definition()
	text, err := connector.Indented(definition)
	if err == nil && len(text) > warnSize {
		text, err = json.Marshal(definition) // designers read compact JSON as well
	}
	if err != nil {
		return nil, fmt.Errorf("writing the definition: %w", err)
	}
	if len(text) > maxSize {
		return nil, c.root.get("paths").errorf("the connector would have %d bytes, and the platform accepts %d; "+
			"choose operations with --include or --exclude", len(text), maxSize)
	}
	files := maps.Clone(c.Frame.Files)
	files["apiDefinition.swagger.json"] = text
	files["readme.md"] = c.readme()
	if faults := connector.Errors(connector.Check(files)); len(faults) > 0 {
		return nil, fmt.Errorf("the connector would break the rules, which is a bug in this command: %s", faults[0])
	}
	c.finishReport(text)
	if files["report.json"], err = connector.Indented(c.report); err != nil {
		return nil, err
	}
	return &Result{Files: files, Report: c.report}, nil
}

func (c *conversion) definition() object {
	frame := c.Frame
	paths := object{}
	for _, a := range c.actions {
		item, _ := paths[a.route].(object)
		if item == nil {
			item = object{}
			paths[a.route] = item
		}
		item[strings.ToLower(a.method)] = a.operation()
	}
	definition := object{
		"swagger": "2.0",
		"info":    object{"title": c.title, "description": c.description(), "version": c.versionText(), "contact": frame.Contact},
		"host":    frame.Host, "basePath": "/", "schemes": []string{"https"},
		"consumes": []string{"application/json"}, "produces": []string{"application/json"},
		"paths": paths, "securityDefinitions": frame.SecurityDefinitions, "security": frame.Security,
		"x-ms-connector-metadata": frame.Metadata,
	}
	used := object{}
	c.use(paths, used)
	if len(used) > 0 {
		definition["definitions"] = used
	}
	return definition
}

// use collects the definitions that something refers to.
func (c *conversion) use(value any, used object) {
	switch v := value.(type) {
	case object:
		if ref, isRef := v["$ref"].(string); isRef {
			name := strings.TrimPrefix(ref, "#/definitions/")
			if made, isMade := c.definitions[name]; isMade && used[name] == nil {
				used[name] = made
				c.use(made, used)
			}
		}
		for _, child := range v {
			c.use(child, used)
		}
	case []object:
		for _, child := range v {
			c.use(child, used)
		}
	}
}

func (c *conversion) versionText() string {
	return first(prose(c.root.get("info").get("version").text(), maxLabel), "1.0")
}

func (a *action) operation() object {
	o := object{"operationId": a.id, "summary": a.summary, "description": a.description, "responses": a.responses}
	if len(a.parameters) > 0 {
		o["parameters"] = a.parameters
	}
	if a.agentic {
		o["x-ms-agentic-protocol"] = "mcp-streamable-1.0"
	}
	if a.media != "" {
		o["consumes"] = []string{a.media}
	}
	if a.produces != "" {
		o["produces"] = []string{a.produces}
	}
	return o
}

func (c *conversion) finishReport(definition []byte) {
	r := &c.report
	r.Title, r.Upstream, r.Profile = c.title, c.upstream.String(), c.Profile
	for _, a := range c.actions {
		r.Actions = append(r.Actions, ActionReport{a.id, a.method, a.path, a.typedBody, a.typedResponse, a.guessed})
		if a.typedBody {
			r.TypedBodies++
		}
		if a.typedResponse {
			r.TypedResponses++
		}
	}
	if c.Frame.IsDefault {
		r.Warnings = append(r.Warnings, "The definition has the host sign.example.com: give --host with yours. "+
			"Power Automate and Power Apps ask for it with each connection, Logic Apps and the portal's wizard do not.")
	}
	if len(definition) > warnSize {
		r.Warnings = append(r.Warnings, fmt.Sprintf("The definition has %d bytes; the platform accepts %d.", len(definition), maxSize))
	}
	if len(c.actions) > warnActions {
		r.Warnings = append(r.Warnings, fmt.Sprintf("The connector has %d actions; select some with --include, so that authors find theirs.",
			len(c.actions)))
	}
	r.Changes = breakingChanges(c.Earlier, definition)
	r.LeftOut = orEmpty(r.LeftOut)
	r.Warnings, r.Changes = orEmpty(r.Warnings), orEmpty(r.Changes)
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

const setUp = "\n## Set-up\n\nThe operator of Countersign has set `allow_send: true` and a profile that the paths name. " +
	"Each connection asks for the host of Countersign and an API key.\n\n" +
	"```sh\npaconn login\npaconn create --api-def apiDefinition.swagger.json --api-prop apiProperties.json --icon icon.png\n```\n\n" +
	"In Logic Apps, create a custom connector and import apiDefinition.swagger.json, made with `--host`. " +
	"What was left out, and what is a guess, is in report.json.\n"

func (c *conversion) readme() []byte {
	var out strings.Builder
	fmt.Fprintf(&out, "# %s\n\n%s\n\n## Actions\n\n| action | operation |\n| --- | --- |\n", c.title, c.description())
	sorted := slices.Clone(c.actions)
	slices.SortFunc(sorted, func(a, b *action) int { return strings.Compare(a.summary, b.summary) })
	for _, a := range sorted {
		fmt.Fprintf(&out, "| %s | `%s %s` |\n", strings.ReplaceAll(a.summary, "|", " "), a.method, strings.ReplaceAll(a.path, "|", "%7C"))
	}
	out.WriteString(setUp)
	return []byte(out.String())
}
