package converter

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// MCP makes a connector for the address of an MCP server in AWS: one action, through which Copilot Studio speaks the
// protocol to /proxy. It uses the options Frame, Profile and Hosts.
func MCP(address string, o Options) (*Result, error) {
	c := &conversion{Options: o, schemas: newSchemas(), root: node{value: object{}}, samples: map[string]node{}}
	if !strings.Contains(address, "://") {
		address = "https://" + address
	}
	bare, rawQuery, _ := strings.Cut(address, "?")
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return nil, errors.New("--mcp: the query cannot be read")
	}
	if c.upstream, err = parseUpstream(bare); err == nil {
		err = c.accepts(c.upstream)
	}
	if err != nil {
		return nil, errors.New("--mcp: " + strings.ReplaceAll(err.Error(), "--upstream", "--mcp"))
	}
	if strings.HasPrefix(c.upstream.base, "/runtimes/arn:") {
		return nil, errors.New("--mcp: the ARN must be one segment of the path: write %3A for its colons and %2F for its slash")
	}
	if strings.HasSuffix(bare, "/") && c.upstream.base != "" {
		c.report.Warnings = append(c.report.Warnings, "The slash at the end of the address was removed, because clients handle it differently.")
	}
	c.report.Format = "MCP"
	c.title = titleOf(mcpName(c.upstream) + " tools")
	a := &action{
		method: "POST", path: first(c.upstream.base, "/"), route: "/proxy/" + c.Profile + "/" + c.upstream.host + first(c.upstream.base, "/"),
		id: "InvokeMCP", summary: "Use the tools of the server",
		description: "Speaks the Model Context Protocol with the server, through Countersign, which signs each message for AWS.",
		responses:   object{"200": object{"description": "What the server returns."}}, agentic: true,
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if len(query[name]) > 1 {
			return nil, fmt.Errorf("--mcp: the query has %q twice; connectors send one value for each name", name)
		}
		a.parameters = append(a.parameters, object{
			"name": name, "in": "query", "type": "string", "required": true, "default": query.Get(name),
			"description": "As in the address of the server.", "x-ms-summary": labelOf(name), "x-ms-visibility": "internal",
		})
	}
	c.actions = []*action{a}
	return c.files()
}

// mcpName returns what distinguishes a server from others: the name of the gateway or the runtime.
func mcpName(u upstream) string {
	name, _, _ := strings.Cut(u.host, ".")
	if name == "bedrock-agentcore" {
		parts := strings.FieldsFunc(decodePercent(u.base), func(r rune) bool { return r == '/' || r == ':' })
		if len(parts) > 1 {
			name = parts[len(parts)-2] // the part before invocations
		}
	}
	return name
}
