package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const ordersAPI = `{"openapi":"3.0.1","info":{"title":"orders-api","version":"1"},
"servers":[{"url":"https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/prod"}],
"paths":{"/orders/{id}":{"get":{"responses":{"200":{"description":"ok"}}}}}}`

func TestConnector_FromADefinition(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	api, out := write("orders.json", ordersAPI), filepath.Join(dir, "out")
	custom := write("custom.json", strings.Replace(ordersAPI, "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com", "orders.example.com", 1))
	sample := write("order.json", `{"total":7}`)
	hosts := write("countersign.yaml", "profiles:\n  orders:\n    source: environment\n    hosts:\n"+
		"      orders.example.com: {service: execute-api, region: eu-west-1}\n")
	for _, test := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--from", api}, 2, "--profile"},
		{[]string{"--profile", "orders"}, 2, "--from"},
		{[]string{"--from", filepath.Join(dir, "gone"), "--profile", "orders"}, 1, "no such file"},
		{[]string{"--from", api, "--profile", "orders", "--any", "head"}, 2, "--any"},
		{[]string{"--from", custom, "--profile", "orders"}, 1, "/servers/0/url"},
		{[]string{"--from", custom, "--profile", "orders", "--config", hosts}, 0, "1 action, "},
		{[]string{"--from", custom, "--profile", "other", "--config", hosts}, 2, "no such profile"},
		{[]string{"--from", api, "--profile", "orders", "--sample", "GET /orders/{id}=" + sample}, 0, "1 with a typed response"},
	} {
		p := program{}
		p.env = map[string]string{"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
		code := p.run(t.Context(), append([]string{"connector", "--out", out}, test.args...)...)
		if text := p.out.String() + p.err.String(); code != test.code || !strings.Contains(text, test.want) {
			t.Errorf("%q: %d, want %d with %q:\n%s", test.args, code, test.code, test.want, text)
		}
	}
	const mcp = "https://orders-abc123.gateway.bedrock-agentcore.eu-west-1.amazonaws.com/mcp"
	for _, test := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--mcp", mcp}, 2, "--profile"},
		{[]string{"--mcp", mcp, "--profile", "agents", "--from", api}, 2, "--mcp can be combined only"},
		{[]string{"--mcp", "https://example.com/mcp", "--profile", "agents"}, 1, "not an AWS host"},
		{[]string{"--mcp", mcp, "--profile", "agents"}, 0, "Azure Functions does not"},
	} {
		p := program{}
		code := p.run(t.Context(), append([]string{"connector", "--out", filepath.Join(dir, "mcp")}, test.args...)...)
		if text := p.out.String() + p.err.String(); code != test.code || !strings.Contains(text, test.want) {
			t.Errorf("%q: %d, want %d with %q:\n%s", test.args, code, test.code, test.want, text)
		}
	}
	p := program{}
	if code := p.run(t.Context(), "connector", "check", out); code != 0 {
		t.Errorf("check: %d\n%s%s", code, p.out.String(), p.err.String())
	}
	definition := filepath.Join(out, "apiDefinition.swagger.json")
	text, err := os.ReadFile(definition)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), `"/call/orders/a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/prod/orders/{id}"`) {
		t.Errorf("the path does not lead to the API: %s", text)
	}
	if err := os.WriteFile(definition, []byte(strings.Replace(string(text), `"GetOrder"`, `"get_order"`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	p = program{}
	if code := p.run(t.Context(), "connector", "check", out); code != 0 || !strings.Contains(p.out.String(), "warning operation-id") {
		t.Errorf("check of an odd id: %d\n%s", code, p.out.String())
	}
}
