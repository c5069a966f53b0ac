package snippets

import (
	"bytes"
	"encoding/json"
	"strings"

	"countersign/internal/lazyregexp"
)

// object is a JSON object in the order of its members: name, value, name, value.
type object []any

// MarshalJSON implements json.Marshaler.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	for i, part := range o {
		b.WriteByte("{:,:"[min(i, 2+i%2)]) // the first is an opening brace
		b.WriteString(plain(part))
	}
	if len(o) == 0 {
		b.WriteByte('{')
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// plain is a value as JSON, in one line.
func plain(value any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(value) // there is nothing in these values that cannot be written
	return strings.TrimSuffix(b.String(), "\n")
}

func indented(value any) string {
	var b bytes.Buffer
	_ = json.Indent(&b, []byte(plain(value)), "", "  ") // it is JSON
	return b.String()
}

func compact(document []byte) string {
	var b bytes.Buffer
	_ = json.Compact(&b, document) // it is JSON
	return b.String()
}

// workflowText makes a text one that Logic Apps does not evaluate.
func workflowText(text string) string {
	switch {
	case strings.Contains(text, "@@"), strings.Contains(text, "@{"): // what @@ and @@{ escape, is read in several ways
		return strings.ReplaceAll(text, "@", "@{'@'}")
	case strings.HasPrefix(text, "@"):
		return "@" + text
	}
	return text
}

// jsonText finds the texts of a JSON document, and with each what follows a name.
var jsonText = lazyregexp.New(`"(?:[^"\\]|\\.)*"\s*:?`)

// asWorkflow is the document with its texts written as Logic Apps takes them.
func asWorkflow(document []byte, o Options) json.RawMessage {
	if o.Expressions {
		return document
	}
	return json.RawMessage(jsonText().ReplaceAllStringFunc(string(document), func(text string) string {
		if strings.HasSuffix(text, ":") {
			return text
		}
		return `"` + workflowText(text[1:])
	}))
}

// n8nText makes a text one that n8n does not evaluate: it does what begins with
// an equals sign.
func n8nText(text string) string {
	if !strings.HasPrefix(text, "=") {
		return text
	}
	return "={{ " + strings.NewReplacer("{", `\u007b`, "}", `\u007d`).Replace(literal(text)) + " }}"
}

func asLower(name string) string { return strings.ToLower(strings.TrimSpace(name)) }
