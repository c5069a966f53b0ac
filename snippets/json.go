package snippets

import (
	"bytes"
	"encoding/json"
	"strings"

	"countersign/internal/lazyregexp"
)

// object is a JSON object with ordered members: name, value, name, value.
type object []any

// MarshalJSON implements json.Marshaler.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	for i, part := range o {
		b.WriteByte("{:,:"[min(i, 2+i%2)]) // the first separator is the opening brace
		b.WriteString(plain(part))
	}
	if len(o) == 0 {
		b.WriteByte('{')
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// plain returns a value as JSON on one line.
func plain(value any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(value) // these values can always be encoded
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

// workflowText escapes a text so that Logic Apps does not evaluate it.
func workflowText(text string) string {
	switch {
	case strings.Contains(text, "@@"), strings.Contains(text, "@{"): // @@ and @@{ are read in more than one way
		return strings.ReplaceAll(text, "@", "@{'@'}")
	case strings.HasPrefix(text, "@"):
		return "@" + text
	}
	return text
}

// jsonText matches the strings of a JSON document; names with their colon.
var jsonText = lazyregexp.New(`"(?:[^"\\]|\\.)*"\s*:?`)

// asWorkflow returns the document with its texts escaped for Logic Apps.
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

// n8nText escapes a text so that n8n does not evaluate it, as it does any text that begins with an
// equals sign.
func n8nText(text string) string {
	if !strings.HasPrefix(text, "=") {
		return text
	}
	return "={{ " + strings.NewReplacer("{", `\u007b`, "}", `\u007d`).Replace(literal(text)) + " }}"
}

func asLower(name string) string { return strings.ToLower(strings.TrimSpace(name)) }
