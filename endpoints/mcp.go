package endpoints

import "strings"

// IsMCP reports whether an address is known to be a Model Context Protocol server, which executes
// what the request body names: one of AWS's (aws-mcp.us-east-1.api.aws), a Bedrock AgentCore
// gateway, or an AgentCore runtime. The path is as it is sent.
//
// An address does not show whether a function or an API behind API Gateway is such a server.
func IsMCP(host, path string) bool {
	host = strings.ToLower(host)
	if at := strings.LastIndexByte(host, ':'); at >= 0 {
		host = host[:at]
	}
	first, rest, _ := strings.Cut(host, ".")
	switch {
	case strings.HasSuffix(first, "-mcp") && strings.HasSuffix(host, ".api.aws"):
		return true
	case strings.HasPrefix(rest, "gateway.bedrock-agentcore."):
		return true
	}
	return first == "bedrock-agentcore" && strings.HasPrefix(path, "/runtimes/") && strings.HasSuffix(path, "/invocations")
}
