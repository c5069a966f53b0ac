package converter_test

import (
	"encoding/json"
	"strings"
	"testing"

	"countersign/connector"
	"countersign/converter"
)

func TestMCP_IsOneAction(t *testing.T) {
	const runtime = "bedrock-agentcore.eu-west-1.amazonaws.com/runtimes/" +
		"arn%3Aaws%3Abedrock-agentcore%3Aeu-west-1%3A210987654321%3Aruntime%2Forders-x/invocations"
	for address, want := range map[string]struct{ path, title string }{
		"https://orders-abc123.gateway.bedrock-agentcore.eu-west-1.amazonaws.com/mcp": {
			"/proxy/orders/orders-abc123.gateway.bedrock-agentcore.eu-west-1.amazonaws.com/mcp", "Orders abc123 tools",
		},
		"orders-abc123.gateway.bedrock-agentcore.eu-west-1.amazonaws.com/mcp/": {
			"/proxy/orders/orders-abc123.gateway.bedrock-agentcore.eu-west-1.amazonaws.com/mcp", "Orders abc123 tools",
		},
		"https://aws-mcp.us-east-1.api.aws/mcp":       {"/proxy/orders/aws-mcp.us-east-1.api.aws/mcp", "Aws mcp tools"},
		"https://" + runtime + "?qualifier=DEFAULT":   {"/proxy/orders/" + runtime, "Orders x tools"},
		"https://abcdefg.lambda-url.eu-west-1.on.aws": {"/proxy/orders/abcdefg.lambda-url.eu-west-1.on.aws/", "Abcdefg tools"},
	} {
		made, err := converter.MCP(address, options(t))
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		for _, fault := range connector.Check(made.Files) {
			t.Errorf("%s: %s", address, fault)
		}
		var definition map[string]any
		if err := json.Unmarshal(made.Files["apiDefinition.swagger.json"], &definition); err != nil {
			t.Fatal(err)
		}
		paths, _ := definition["paths"].(map[string]any)
		item, _ := paths[want.path].(map[string]any)
		post, _ := item["post"].(map[string]any)
		responses, _ := post["responses"].(map[string]any)
		ok, _ := responses["200"].(map[string]any)
		if len(paths) != 1 || post["operationId"] != "InvokeMCP" || post["x-ms-agentic-protocol"] != "mcp-streamable-1.0" || ok == nil ||
			ok["schema"] != nil {
			t.Errorf("%s: %v", address, paths)
		}
		if info, _ := definition["info"].(map[string]any); info["title"] != want.title {
			t.Errorf("%s: the title is %v, want %s", address, info["title"], want.title)
		}
		parameters, _ := post["parameters"].([]any)
		if strings.Contains(address, "qualifier") != (len(parameters) == 1) {
			t.Errorf("%s: parameters %v", address, parameters)
		}
		delete(post, "x-ms-agentic-protocol") // newer than the published schema
		if err := published().Validate(any(definition)); err != nil {
			t.Errorf("%s: the published schema refuses it: %v", address, err)
		}
	}
}

func TestMCP_RefusesOtherServers(t *testing.T) {
	for address, want := range map[string]string{
		"https://example.com/mcp":                         "not an AWS host",
		"http://aws-mcp.us-east-1.api.aws/mcp":            "http",
		"https://knowledge-mcp.global.api.aws":            "does not accept signatures",
		"https://aws-mcp.us-east-1.api.aws/mcp?a=%zz":     "query",
		"https://aws-mcp.us-east-1.api.aws/mcp?a=1&a=2":   `"a" twice`,
		"https://user:pass@aws-mcp.us-east-1.api.aws/mcp": "address",
		"https://bedrock-agentcore.eu-west-1.amazonaws.com/runtimes/arn:aws:bedrock-agentcore:eu-west-1:123456789012:" +
			"runtime/orders/invocations": "%2F",
		"": "address",
	} {
		if _, err := converter.MCP(address, options(t)); err == nil || !strings.Contains(err.Error(), want) ||
			!strings.HasPrefix(err.Error(), "--mcp: ") {
			t.Errorf("%s: %v", address, err)
		}
	}
}
