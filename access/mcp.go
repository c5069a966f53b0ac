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

// maxMCPBody is as much as is read for the operation of a message.
const maxMCPBody = 1 << 20

// isMCP tells whether the receiver carries out what a message of the Model Context
// Protocol names.
func isMCP(r *Request, f *attributes) bool {
	return strings.HasSuffix(r.Service, "-mcp") || endpoints.IsMCP(f.host, f.wire)
}

// mcpOperation is what a message asks for: its method and, where that has one, the
// tool, prompt or resource: "tools/call:get_order". It is "" where that cannot be
// told, and there is a reason where servers could read two things.
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
		return "", "the body is no message that can be read in one way: " + err.Error()
	}
	method, target := "", ""
	switch raw, found := message["method"]; {
	case !found && (message["result"] != nil || message["error"] != nil):
		return "response", "" // to what the server asked
	case !found:
		return "", ""
	case json.Unmarshal(raw, &method) != nil || method == "":
		return "", "the method of the message is no text"
	}
	if target, err = mcpTarget(method, message["params"]); err != nil {
		return "", "the body is no message that can be read in one way: " + err.Error()
	}
	if reason := f.mcpHeaders(method, target); reason != "" {
		return "", reason
	}
	if target != "" {
		return method + ":" + target, ""
	}
	return method, ""
}

// mcpTarget is what a method is about.
func mcpTarget(method string, params json.RawMessage) (string, error) {
	member, hasTarget := map[string]string{"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}[method]
	if !hasTarget {
		return "", nil
	}
	if len(params) == 0 {
		return "", errors.New("it has no params")
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

// mcpHeaders compares what headers say of the message with the message: gateways
// decide by the headers.
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
			return "the header " + h.Name + " says something else than the body"
		}
	}
	return ""
}

// readMembers reads the members of an object, of which none may be there twice, nor
// in another spelling of the words that matter: some servers take Method for method.
func readMembers(text []byte, words ...string) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	if begin, err := d.Token(); err != nil || begin != json.Delim('{') {
		return nil, errors.New("an object is expected")
	}
	members := map[string]json.RawMessage{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, errors.New("it is no JSON")
		}
		name, _ := token.(string)
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, errors.New("it is no JSON")
		}
		if _, twice := members[name]; twice {
			return nil, fmt.Errorf("%.40q is there twice", name)
		}
		for _, word := range words {
			if name != word && strings.EqualFold(name, word) {
				return nil, fmt.Errorf("%.40q could be read as %q", name, word)
			}
		}
		members[name] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, errors.New("it is no JSON")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows it")
	}
	return members, nil
}
