package endpoints

import "strings"

// IsMCP tells whether an address is that of a server of the Model Context Protocol,
// which carries out what the body names: one of AWS (aws-mcp.us-east-1.api.aws), a
// gateway of Bedrock AgentCore, or a runtime there. The path is as it is sent.
//
// That a function or an API behind API Gateway is such a server no address tells.
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
