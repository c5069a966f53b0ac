package reading

import "strings"

// formOf tells from the names in an object which tool's document it is.
func formOf(n *node, inherited Form) Form {
	has := func(names ...string) bool {
		for _, name := range names {
			if n.get(name) == nil {
				return false
			}
		}
		return true
	}
	kindOf := n.get("type").str()
	switch {
	case has("log") && n.get("log").get("entries") != nil, has("startedDateTime"), has("httpVersion", "headersSize"):
		return FormHAR
	case has("_postman_id"), has("info", "item"), has("url") && n.get("url").get("raw") != nil, has("originalRequest"):
		return FormPostman
	case n.get("name").str() == "NodeApiError", n.get("name").str() == "NodeOperationError", has("n8nDetails"), has("errorDetails"),
		has("nodes", "connections"), has("nodeType"), strings.HasPrefix(kindOf, "n8n-nodes"):
		return FormN8N
	case has("headerList"), has("payloadSha256"), has("bodyEnvelope"), has("scopeSource"), has("valid", "faults"):
		return FormCountersign
	case hasKey(n, "request/url"), has("inputs", "outputs"), has("inputs") && kindOf != "", has("runAfter"), has("triggers", "actions"),
		has("uri", "method") && inherited == "":
		return FormLogicApps
	case n.get("name").str() == "AxiosError", has("config", "response"):
		return FormAxios
	}
	return inherited
}

func hasKey(n *node, name string) bool {
	for _, m := range n.items {
		if m.key.Text() == name {
			return true
		}
	}
	return false
}

// announcesBody reports whether the headers of a request announce a body.
func announcesBody(q *Request) bool {
	for _, name := range []string{"Content-Length", "Transfer-Encoding"} {
		if h, ok := q.Header(name); ok && h.Value.Text() != "0" {
			return true
		}
	}
	return false
}
