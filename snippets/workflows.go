package snippets

import (
	"bytes"
	"slices"
	"strconv"
)

func secured(properties ...string) object {
	return object{"secureData", object{"properties", properties}}
}

func after(name string) object {
	if name == "" {
		return object{}
	}
	return object{name, []string{"Succeeded"}}
}

// signingActions are the steps that have a request signed and send it. The README.md of the
// workflow definitions explains each setting.
func signingActions(r *Request, o Options, key string) object {
	return object{
		"Request",
		object{"type", "Compose", "inputs", asWorkflow(short(r.Document), o), "runAfter", after("")},
		"Sign",
		object{
			"type", "Http", "inputs",
			object{
				"method", "POST", "uri", workflowText(o.Service) + "/v1/sign",
				"headers",
				object{"Content-Type", "application/json", "X-API-Key", key},
				"body", "@outputs('Request')", "retryPolicy",
				object{"type", "fixed", "count", 4, "interval", "PT10S"},
			},
			"runtimeConfiguration", secured("inputs", "outputs"), "runAfter", after("Request"),
		},
		"Call_AWS",
		object{
			"type", "Http", "inputs",
			object{
				"method", "@body('Sign')['method']", "uri", "@body('Sign')['url']", "headers", "@body('Sign')['headers']",
				"body", "@body('Sign')?['bodyEnvelope']", "retryPolicy",
				object{"type", "none"},
			},
			"operationOptions", "DisableAsyncPattern", "runtimeConfiguration", secured("inputs"), "runAfter", after("Sign"),
		},
	}
}

// short returns the document with the options for the response that the steps read.
func short(document []byte) []byte {
	fields := bytes.TrimSuffix(bytes.TrimSpace(document), []byte("}"))
	return append(slices.Clip(fields), `,"output":"short","bodyForm":"envelope"}`...)
}

// signedAction is the one step that sends a request as it is.
func signedAction(r *Request) object {
	headers := object{}
	for _, h := range r.Headers {
		headers = append(headers, h.Name, workflowText(h.Value))
	}
	inputs := object{"method", r.Method, "uri", workflowText(r.URL), "headers", headers}
	if len(r.Body) > 0 {
		inputs = append(inputs, "body", object{"$content-type", workflowText(r.mediaType()), "$content", base64Of(r.Body)})
	}
	inputs = append(inputs, "retryPolicy", object{"type", "none"})
	return object{"Call_AWS", object{
		"type", "Http", "inputs", inputs, "operationOptions", "DisableAsyncPattern", "runtimeConfiguration", secured("inputs"),
		"runAfter", after(""),
	}}
}

func (r *Request) mediaType() string {
	for _, h := range r.Headers {
		if asLower(h.Name) == "content-type" {
			return h.Value
		}
	}
	if r.MediaType != "" {
		return r.MediaType
	}
	return "application/octet-stream"
}

func logicApp(parameters, values, actions object) string {
	return indented(object{
		"definition",
		object{
			"$schema", "https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#",
			"contentVersion", "1.0.0.0", "parameters", parameters,
			"triggers",
			object{"manual", object{"type", "Request", "kind", "Http", "inputs", object{"schema", object{}}}},
			"actions", actions, "outputs",
			object{},
		},
		"parameters", values,
	})
}

func logicAppSigning(r *Request, o Options) string {
	return logicApp(object{Variable, object{"type", "SecureString"}}, object{Variable, object{"value", ""}},
		signingActions(r, o, "@parameters('"+Variable+"')"))
}

func logicAppSigned(r *Request, _ Options) string {
	return logicApp(object{}, object{}, signedAction(r))
}

// scope returns a step that contains others, in the form of Power Automate's clipboard.
func scope(actions object) string {
	return indented(object{
		"id", "c6a1f0de-0000-4000-8000-000000000001", "brandColor", "#8C3900", "connectionReferences",
		object{},
		"connectorDisplayName", "Control", "isTrigger", false, "operationName", "Countersign",
		"operationDefinition",
		object{"type", "Scope", "actions", actions, "runAfter", object{}},
	})
}

func scopeSigning(r *Request, o Options) string {
	return scope(signingActions(r, o, "@variables('"+Variable+"')"))
}

func scopeSigned(r *Request, _ Options) string { return scope(signedAction(r)) }

func n8nNode(name, kind string, version float64, position int, parameters object, more ...any) object {
	return append(object{
		"parameters", parameters, "id", "5d3c1f0a-0d0a-4c39-9d0e-1a5f6b1c000" + strconv.Itoa(position), "name", name,
		"type", "n8n-nodes-base." + kind, "typeVersion", version, "position",
		[]int{220 * position, 0},
	}, more...)
}

func n8nWorkflow(nodes ...object) string {
	nodes = append([]object{n8nNode("Start", "manualTrigger", 1, 0, object{})}, nodes...)
	connections := object{}
	for i, node := range nodes[1:] {
		connections = append(connections, nodes[i][5], object{"main", [][]object{{{"node", node[5], "type", "main", "index", 0}}}})
	}
	return indented(object{
		"name", "Countersign", "nodes", nodes, "connections", connections, "settings", object{"executionOrder", "v1"},
	})
}

var noRedirect = object{"redirect", object{"redirect", object{"followRedirects", false}}}

func n8nSigning(r *Request, o Options) string {
	document := string(r.Document)
	if o.Expressions {
		document = "=" + document
	}
	return n8nWorkflow(
		n8nNode("Sign", "httpRequest", 4.2, 1, object{
			"method", "POST", "url", n8nText(o.Service + "/v1/sign"), "sendHeaders", true, "specifyHeaders", "keypair",
			"headerParameters",
			object{"parameters", []object{{"name", "X-API-Key", "value", "={{ $env." + Variable + " }}"}}},
			"sendBody", true, "specifyBody", "json", "jsonBody", document, "options",
			object{},
		}, "retryOnFail", true, "maxTries", 3, "waitBetweenTries", 5000),
		n8nNode("Call AWS", "httpRequest", 4.2, 2, object{
			"method", "={{ $json.method }}", "url", "={{ $json.url }}", "sendHeaders", true, "specifyHeaders", "json",
			"jsonHeaders", "={{ JSON.stringify($json.headers) }}", "sendBody", true, "contentType", "raw",
			"rawContentType", "={{ $json.bodyEnvelope?.['$content-type'] ?? 'text/plain' }}", "body", "={{ $json.body ?? '' }}",
			"options", noRedirect,
		}),
	)
}

func n8nSigned(r *Request, _ Options) string {
	headers := object{}
	for _, h := range r.Headers {
		headers = append(headers, h.Name, h.Value)
	}
	parameters := object{
		"method", r.Method, "url", n8nText(r.URL), "sendHeaders", true, "specifyHeaders", "json", "jsonHeaders", plain(headers),
	}
	if len(r.Body) > 0 {
		parameters = append(parameters, "sendBody", true, "contentType", "raw", "rawContentType", n8nText(r.mediaType()),
			"body", n8nText(string(r.Body)))
	}
	return n8nWorkflow(n8nNode("Call AWS", "httpRequest", 4.2, 1, append(parameters, "options", noRedirect)))
}
