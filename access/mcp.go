package access

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"countersign/endpoints"
)

// maxMCPBody is the longest message that is read for its operation.
const maxMCPBody = 1 << 20

// isMCP reports whether the receiver carries out what a Model Context Protocol message names.
func isMCP(r *Request, f *attributes) bool {
	return strings.HasSuffix(r.Service, "-mcp") || endpoints.IsMCP(f.host, f.wire)
}

// mcpOperation returns what a message asks for: its method and, if the method has one, the tool, prompt or resource, as
// in "tools/call:get_order". It returns "" if that cannot be determined, and also a reason if servers could read the
// message in two ways.
func mcpOperation(r *Request, f *attributes) (operation, reason string) {
	if f.method != "POST" || r.Payload != PayloadSigned || len(r.Body) > maxMCPBody {
		return "", ""
	}
	body := bytes.TrimSpace(r.Body)
	switch {
	case len(body) == 0 || !utf8.Valid(body):
		return "", ""
	case body[0] == '[':
		return "", "the body is a batch of messages, which has no one operation"
	case body[0] != '{':
		return "", ""
	}
	message, err := readMembers(body, "jsonrpc", "method", "params", "id", "result", "error")
	if err != nil {
		return "", "the body is not a message that can be read in only one way: " + err.Error()
	}
	method, target := "", ""
	switch raw, found := message["method"]; {
	case !found && (message["result"] != nil || message["error"] != nil):
		return "response", "" // to a request from the server
	case !found:
		return "", ""
	case json.Unmarshal(raw, &method) != nil || method == "":
		return "", "the method of the message is not a string"
	}
	if target, err = mcpTarget(method, message["params"]); err != nil {
		return "", "the body is not a message that can be read in only one way: " + err.Error()
	}
	if reason := f.mcpHeaders(method, target); reason != "" {
		return "", reason
	}
	if target != "" {
		return method + ":" + target, ""
	}
	return method, ""
}

// mcpTarget returns the tool, prompt or resource that a method acts on, or "" if it has none.
func mcpTarget(method string, params json.RawMessage) (string, error) {
	member, hasTarget := map[string]string{"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}[method]
	if !hasTarget {
		return "", nil
	}
	if len(params) == 0 {
		return "", errors.New("there are no params")
	}
	found, err := readMembers(params, member)
	if err != nil {
		return "", err
	}
	var target string
	if json.Unmarshal(found[member], &target) != nil || target == "" {
		return "", fmt.Errorf("params have no %s", member)
	}
	return target, nil
}

// mcpHeaders compares the MCP headers with the message, because gateways decide by the headers.
func (f *attributes) mcpHeaders(method, target string) string {
	for _, h := range f.headers {
		value := strings.TrimSpace(h.Value)
		if encoded, isEncoded := strings.CutPrefix(value, "=?base64?"); isEncoded {
			decoded, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(encoded, "?="))
			if err != nil {
				return "the header " + h.Name + " cannot be decoded"
			}
			value = string(decoded)
		}
		if h.Name == "mcp-method" && value != method || h.Name == "mcp-name" && value != target {
			return "the header " + h.Name + " differs from the body"
		}
	}
	return ""
}

// readMembers reads the members of an object. It fails if a member occurs twice, or if a name differs from one of words
// only in case, because some servers take Method for method.
func readMembers(text []byte, words ...string) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	if begin, err := d.Token(); err != nil || begin != json.Delim('{') {
		return nil, errors.New("an object is expected")
	}
	members := map[string]json.RawMessage{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, errors.New("it is not JSON")
		}
		name, _ := token.(string)
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, errors.New("it is not JSON")
		}
		if _, twice := members[name]; twice {
			return nil, fmt.Errorf("%.40q occurs twice", name)
		}
		for _, word := range words {
			if name != word && strings.EqualFold(name, word) {
				return nil, fmt.Errorf("%.40q could be read as %q", name, word)
			}
		}
		members[name] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, errors.New("it is not JSON")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows it")
	}
	return members, nil
}
