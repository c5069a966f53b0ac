package access_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"countersign/access"
)

const (
	mcpGateway = "https://orders-abc123.gateway.bedrock-agentcore.eu-west-1.amazonaws.com/mcp"
	mcpRuntime = "https://bedrock-agentcore.eu-west-1.amazonaws.com/runtimes/" +
		"arn%3Aaws%3Abedrock-agentcore%3Aeu-west-1%3A123456789012%3Aruntime%2Forders-x/invocations?qualifier=DEFAULT"
)

func message(service, target, body string, fields ...string) access.Question {
	r := inService(service, to("POST", target, append(fields, "content-type", "application/json", "body", body)...))
	return access.Question{Caller: by("agent"), Action: access.ActionSend, Request: r}
}

// On servers that the address identifies as MCP, the operation of a message is its method and the method's target.
func TestMCP_TheOperationIsInTheBody(t *testing.T) {
	p := newPolicy(t, "permit (principal, action, resource);")
	const call = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_order","arguments":{"name":"x","name":"y"}}}`
	for _, tt := range []struct{ name, service, target, body, want string }{
		{"a tool", "bedrock-agentcore", mcpGateway, call, "tools/call:get_order"},
		{"a tool of a runtime", "bedrock-agentcore", mcpRuntime, call, "tools/call:get_order"},
		{
			"a tool, escaped", "bedrock-agentcore", mcpGateway, `{"method":"tools\/call","params":{"n\u0061me":"get\u005forder"}}`,
			"tools/call:get_order",
		},
		{"a list", "bedrock-agentcore", mcpGateway, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, "tools/list"},
		{
			"2024 and 2025", "bedrock-agentcore", mcpGateway,
			`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18"}}`, "initialize",
		},
		{"2026", "bedrock-agentcore", mcpGateway, `{"jsonrpc":"2.0","id":0,"method":"server/discover","params":{}}`, "server/discover"},
		{
			"a notification", "bedrock-agentcore", mcpGateway, `{"jsonrpc":"2.0","method":"notifications/initialized"}`,
			"notifications/initialized",
		},
		{"a prompt", "bedrock-agentcore", mcpGateway, `{"method":"prompts/get","params":{"name":"greet"}}`, "prompts/get:greet"},
		{"a resource", "bedrock-agentcore", mcpGateway, `{"method":"resources/read","params":{"uri":"file:///a"}}`, "resources/read:file:///a"},
		{"a response to the server", "bedrock-agentcore", mcpGateway, `{"jsonrpc":"2.0","id":7,"result":{}}`, "response"},
		{"an agent that is no MCP server", "bedrock-agentcore", mcpRuntime, `{"prompt":"hello"}`, ""},
		{"a body that is not JSON", "bedrock-agentcore", mcpGateway, "method=tools/call", ""},
		{"none", "bedrock-agentcore", mcpGateway, "", ""},
		{"one that is too large", "bedrock-agentcore", mcpGateway, call[:len(call)-1] + strings.Repeat(" ", 1<<20) + "}", ""},
		{"an API, which no address tells from a server", "execute-api", api + "/prod/mcp", call, "Invoke"},
	} {
		if d := p.Decide(message(tt.service, tt.target, tt.body)); !d.Allowed || d.Operation != tt.want {
			t.Errorf("%s: %q (%v, %s), want %q", tt.name, d.Operation, d.Allowed, d.Reason, tt.want)
		}
	}
	hashed := message("bedrock-agentcore", mcpGateway, call)
	hashed.Request.Payload, hashed.Request.Body = access.PayloadHash, nil
	if d := p.Decide(hashed); d.Operation != "" {
		t.Errorf("the hash of a body says %q", d.Operation)
	}
	get := inService("bedrock-agentcore", to("GET", mcpGateway))
	if d := p.Decide(access.Question{Caller: by("agent"), Action: access.ActionSend, Request: get}); !d.Allowed || d.Operation != "" {
		t.Errorf("a stream: %+v", d)
	}
}

// No policy decides on a message that servers could read in two ways.
func TestMCP_RefusesAmbiguousMessages(t *testing.T) {
	p := newPolicy(t, "permit (principal, action, resource);")
	for name, tt := range map[string]struct {
		body   string
		fields []string
	}{
		"a batch":                   {`[{"method":"tools/list"},{"method":"tools/call","params":{"name":"a"}}]`, nil},
		"method twice":              {`{"method":"tools/list","method":"tools/call"}`, nil},
		"method twice, escaped":     {`{"method":"tools/list","m\u0065thod":"tools/call"}`, nil},
		"method in another case":    {`{"method":"tools/list","Method":"tools/call"}`, nil},
		"method by a folded letter": {`{"id":1,"method":"tools/list","paramſ":{}}`, nil},
		"params twice":              {`{"method":"tools/call","params":{"name":"a"},"params":{"name":"b"}}`, nil},
		"name twice":                {`{"method":"tools/call","params":{"name":"a","name":"b"}}`, nil},
		"name in another case":      {`{"method":"tools/call","params":{"name":"a","NAME":"b"}}`, nil},
		"no name":                   {`{"method":"tools/call","params":{}}`, nil},
		"no params":                 {`{"method":"tools/call"}`, nil},
		"a name that is no text":    {`{"method":"tools/call","params":{"name":["a"]}}`, nil},
		"a method that is no text":  {`{"method":7}`, nil},
		"two messages":              {`{"method":"tools/list"}{"method":"tools/call"}`, nil},
		"half a message":            {`{"method":"tools/list"`, nil},
		"another Mcp-Method":        {`{"method":"tools/list"}`, []string{"mcp-method", "tools/call"}},
		"another Mcp-Name":          {`{"method":"tools/call","params":{"name":"a"}}`, []string{"mcp-method", "tools/call", "mcp-name", "b"}},
		"a second Mcp-Name":         {`{"method":"tools/call","params":{"name":"a"}}`, []string{"mcp-name", "a", "mcp-name", "b"}},
		"an Mcp-Name of nothing":    {`{"method":"tools/list"}`, []string{"mcp-name", "b"}},
	} {
		d := p.Decide(message("bedrock-agentcore", mcpGateway, tt.body, tt.fields...))
		if d.Allowed || d.Malformed != "body" || d.Reason == "" {
			t.Errorf("%s: %+v", name, d)
		}
	}
	for _, name := range []string{"a", "=?base64?YQ==?="} {
		q := message("bedrock-agentcore", mcpGateway, `{"method":"tools/call","params":{"name":"a"}}`, "mcp-method", "tools/call",
			"mcp-name", name)
		if d := p.Decide(q); !d.Allowed {
			t.Errorf("Mcp-Name %s: %s", name, d.Reason)
		}
	}
}

// The example in docs/mcp.md: discover and list, two tools, and nothing else.
func TestMCP_PoliciesNameTools(t *testing.T) {
	p := newPolicy(t, cedarIn(t, "../docs/mcp.md"))
	for body, want := range map[string]bool{
		`{"method":"initialize"}`: true, `{"method":"server/discover"}`: true, `{"method":"notifications/initialized"}`: true,
		`{"method":"tools/list"}`:                               true,
		`{"method":"tools/call","params":{"name":"get_order"}}`: true, `{"method":"tools/call","params":{"name":"list_orders"}}`: true,
		`{"method":"tools/call","params":{"name":"delete_order"}}`: false, `{"method":"resources/read","params":{"uri":"a"}}`: false,
		`{"prompt":"x"}`: false, ``: false,
	} {
		if d := p.Decide(message("bedrock-agentcore", mcpGateway, body)); d.Allowed != want {
			t.Errorf("%s: %v, want %v", body, d.Allowed, want)
		}
	}
	for method, want := range map[string]bool{"GET": true, "DELETE": true, "PUT": false} {
		q := access.Question{Caller: by("agent"), Action: access.ActionSend, Request: inService("bedrock-agentcore", to(method, mcpGateway))}
		if d := p.Decide(q); d.Allowed != want {
			t.Errorf("%s: %v, want %v", method, d.Allowed, want)
		}
	}
	if d := p.Decide(message("aws-mcp", "https://aws-mcp.us-east-1.api.aws/mcp", `{"method":"tools/list"}`)); d.Allowed {
		t.Error("another server is permitted")
	}
	if d := newPolicy(t, "").Decide(message("aws-mcp", "https://aws-mcp.us-east-1.api.aws/mcp", `{"method":"tools/list"}`)); d.Allowed {
		t.Error("aws-mcp is signed without a policy")
	}
}

// FuzzMCP checks that every message that is accepted means the same to encoding/json.
func FuzzMCP(f *testing.F) {
	for _, seed := range []string{
		`{"method":"tools/call","params":{"name":"a"}}`, `{"Method":"x","method":"tools/list"}`, `[]`,
		`{"method":"tools/call","params":{"name":"a","Name":"b"}}`, "{",
	} {
		f.Add(seed)
	}
	p, err := access.NewPolicy("test.cedar", []byte("permit (principal, action, resource);"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body string) {
		d := p.Decide(message("bedrock-agentcore", mcpGateway, body))
		tool, isTool := strings.CutPrefix(d.Operation, "tools/call:")
		if !d.Allowed || !isTool {
			return
		}
		var read struct {
			Method string
			Params struct{ Name string }
		}
		if err := json.Unmarshal([]byte(body), &read); err != nil || read.Method != "tools/call" || read.Params.Name != tool {
			t.Errorf("%q is %q, and encoding/json reads %+v (%v)", body, tool, read, err)
		}
	})
}

// cedarIn returns the policies in a page of the documentation.
func cedarIn(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var policies strings.Builder
	for _, block := range regexp.MustCompile("(?s)```cedar\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		policies.WriteString(block[1])
	}
	return policies.String()
}
