package broker

import (
	"bytes"
	"net/url"
	"slices"
	"strings"

	"countersign/internal/lazyregexp"
	"countersign/problem"
)

// Expressions of workflow engines and templates that should be replaced by a value: @{…} and @body(…) in Logic Apps and
// Power Automate, {{…}} in n8n, Make and Postman, ${…} and $(…) in shells and pipelines, {%…%} and <%…%> in templates.
// Logic Apps evaluates @name(…) only if it is the whole value, so the functions that authors use most are found
// anywhere.
var (
	expression      = lazyregexp.New(`(?s)@\{[^}]*\}|\{\{.*?\}\}|\$\{[^}]*\}|\{%.*?%\}|<%.*?%>|\$\([A-Za-z_][\w.]*\)`)
	callAtBeginning = lazyregexp.New(`^\s*@[A-Za-z][A-Za-z0-9]*\(.*\)`)
	callAnywhere    = lazyregexp.New(`@(?:` + strings.Join([]string{
		"actionBody", "actionOutputs", "actions", "appsetting", "body", "coalesce", "concat", "decodeUriComponent",
		"encodeUriComponent", "first", "formatDateTime", "guid", "if", "items?", "json", "last", "outputs",
		"parameters", "replace", "result", "string", "toLower", "toUpper", "trigger", "triggerBody",
		"triggerOutputs", "uriComponent", "utcNow", "variables", "workflow",
	}, "|") + `)\(`)
)

// unevaluated returns the kind of expression in a text that should have been replaced by its value, or "".
func unevaluated(text string) string {
	if !strings.ContainsAny(text, "@{%$") {
		return ""
	}
	if found := expression().FindString(text); found != "" {
		opening, closing := found[:2], "}"
		switch opening {
		case "{{":
			closing = "}}"
		case "{%":
			closing = "%}"
		case "<%":
			closing = "%>"
		case "$(":
			closing = ")"
		}
		return opening + "…" + closing
	}
	if callAtBeginning().MatchString(text) || callAnywhere().MatchString(text) {
		return "@name(…)"
	}
	return ""
}

// objectAsText is what JavaScript makes of an object that is used as a string.
const objectAsText = "[object Object]"

// urlParts returns the path, its segments, and the names and values of the query, all decoded.
func (op *operation) urlParts() []string {
	path := op.request.URL.Path()
	if decoded, err := url.PathUnescape(path); err == nil {
		path = decoded
	}
	parts := append([]string{path}, strings.Split(path, "/")...)
	for _, q := range op.request.URL.Query() {
		parts = append(parts, q.Name, q.Value)
	}
	return parts
}

// warnOfExpressions looks where workflow authors compose values: in the URL, in headers, and in a text that is the
// whole body.
func warnOfExpressions(_ *Input, op *operation) error {
	if strings.ContainsAny(op.request.URL.String(), "%@$") {
		op.warnOfText(problem.Field{Part: "url"}, op.urlParts()...)
	}
	for i, h := range op.request.Headers {
		op.warnOfText(headerPart(op.headerNames()[i]), h.Value)
	}
	const longest = 4 << 10
	text := bytes.TrimSpace(op.payload.Bytes[:min(len(op.payload.Bytes), longest+1)])
	if len(text) == 0 || len(text) > longest || op.payload.MediaType != MediaText || strings.IndexByte("@{$<[", text[0]) < 0 {
		return nil
	}
	if body := string(text); body == objectAsText || isExpression(body) || callAtBeginning().MatchString(body) {
		op.warnOfText(problem.Field{Part: "body"}, body)
	}
	return nil
}

// isExpression reports whether a text is one expression and nothing else. Checking the beginning rules out most texts
// at a thousandth of the cost of searching them.
func isExpression(text string) bool {
	begins := func(opening string) bool { return strings.HasPrefix(text, opening) }
	return slices.ContainsFunc([]string{"@{", "{{", "${", "{%", "<%", "$("}, begins) && expression().FindString(text) == text
}

func (op *operation) warnOfText(part problem.Field, texts ...string) {
	where := func() string {
		name := map[string]string{"url": "The URL", "key": "The key", "header": "The header ", "fields": "The field ", "body": "The body"}
		return name[part.Part] + part.Name
	}
	for _, text := range texts {
		if kind := unevaluated(text); kind != "" {
			op.warnOf(part, "expression_unevaluated", where()+" holds "+kind+", which looks like an expression that was "+
				"not evaluated. It was signed unchanged. In Logic Apps and Power Automate write @{…} within a "+
				"text; elsewhere, switch the field to expressions.")
			return
		}
		if strings.Contains(text, objectAsText) {
			op.warnOf(part, "object_as_text", where()+" holds "+objectAsText+", which JavaScript writes for an object where "+
				"a text is expected. It was signed unchanged. Name the field of the object that you mean.")
			return
		}
	}
}
