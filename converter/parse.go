package converter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	yaml "github.com/oasdiff/yaml3"
)

// MaxBytes is the size of the largest definition accepted. Definitions with thousands of operations are smaller, and
// a parsed file stays within some hundred megabytes.
const MaxBytes = 16 << 20

const (
	maxNodes = 1 << 20
	maxDepth = 200
	// textPerNode is how much text counts as one value, since an alias repeats it.
	textPerNode = 64
)

// parse reads one document of JSON or YAML, without ambiguity: no name may occur twice.
func parse(text []byte) (any, error) {
	if len(text) > MaxBytes {
		return nil, fileError("is larger than %d MiB; split the definition", MaxBytes>>20)
	}
	text, err := withoutBOM(text)
	if err != nil {
		return nil, err
	}
	if trimmed := bytes.TrimSpace(text); len(trimmed) == 0 {
		return nil, fileError("is empty")
	} else if trimmed[0] == '{' || trimmed[0] == '[' {
		return parseJSON(text)
	}
	return parseYAML(text)
}

const notUTF8 = "is not UTF-8; save it as UTF-8"

// fileError returns a fault of the file as a whole, whose pointer is that of the document.
func fileError(format string, args ...any) error {
	return &Error{"", "the file " + fmt.Sprintf(format, args...)}
}

type jsonReader struct {
	*jsontext.Decoder
	left int
}

func parseJSON(text []byte) (any, error) {
	r := jsonReader{jsontext.NewDecoder(bytes.NewReader(text)), maxNodes}
	value, err := r.value(0)
	if err == nil {
		if _, err = r.ReadToken(); errors.Is(err, io.EOF) {
			return value, nil
		} else if err == nil {
			err = fileError("has something after the JSON document")
		}
	}
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		line := 1 + bytes.Count(text[:min(syntax.ByteOffset, int64(len(text)))], []byte("\n"))
		reason := "is not JSON"
		switch {
		case errors.Is(err, jsontext.ErrDuplicateName):
			reason = "the name occurs twice"
		case !utf8.Valid(text):
			reason = notUTF8
		}
		return nil, &Error{string(syntax.JSONPointer), fmt.Sprintf("%s (line %d)", reason, line)}
	}
	return nil, err
}

func (r *jsonReader) value(depth int) (any, error) {
	if r.left--; r.left < 0 || depth > maxDepth {
		return nil, tooLarge(string(r.StackPointer()))
	}
	token, err := r.ReadToken()
	if err != nil {
		return nil, err
	}
	switch token.Kind() {
	case '{':
		o := object{}
		for r.PeekKind() != '}' {
			name, err := r.ReadToken()
			if err != nil {
				return nil, err
			}
			key := name.String() // the next token overwrites this one
			if o[key], err = r.value(depth + 1); err != nil {
				return nil, err
			}
		}
		_, err = r.ReadToken()
		return o, err
	case '[':
		list := []any{}
		for r.PeekKind() != ']' {
			item, err := r.value(depth + 1)
			if err != nil {
				return nil, err
			}
			list = append(list, item)
		}
		_, err = r.ReadToken()
		return list, err
	case '"':
		text := token.String()
		r.left -= len(text) / textPerNode
		return text, nil
	case '0':
		return json.Number(token.String()), nil
	case 't', 'f':
		return token.Bool(), nil
	}
	return nil, nil
}

func tooLarge(pointer string) error {
	return &Error{pointer, fmt.Sprintf("the file has more than %d values or is more than %d levels deep, aliases counted each time",
		maxNodes, maxDepth)}
}

func parseYAML(text []byte) (any, error) {
	// A parser node takes about 200 bytes. This counts what the parser makes nodes of.
	marks := 0
	for _, mark := range []string{"\n", ",", "[", "{", ": ", "- ", "? "} {
		marks += bytes.Count(text, []byte(mark))
	}
	if marks > maxNodes {
		return nil, tooLarge("")
	}
	document, err := yamlDocument(text)
	if err != nil {
		return nil, err
	}
	r := yamlReader{left: maxNodes, open: map[*yaml.Node]bool{}}
	return r.value(document, "", 0)
}

// yamlDocument returns the only document of a file. The parser is not known to panic, but its input may come from
// anywhere.
func yamlDocument(text []byte) (document *yaml.Node, err error) {
	defer func() {
		if recover() != nil {
			err = fileError("is not YAML")
		}
	}()
	if bytes.HasPrefix(text, []byte("%YAML 1.2")) { // the parser reads this version but refuses its name
		text = append([]byte("#"), text[1:]...)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var next yaml.Node
		switch err := decoder.Decode(&next); {
		case errors.Is(err, io.EOF) && document == nil:
			return nil, fileError("is empty")
		case errors.Is(err, io.EOF):
			return document, nil
		case err != nil && !utf8.Valid(text):
			return nil, fileError(notUTF8)
		case err != nil:
			return nil, fileError("is neither JSON nor YAML (%s)", line(err))
		case len(next.Content) != 1 || next.Content[0].ShortTag() == "!!null": // such as after a last ---
		case document != nil:
			return nil, fileError("must contain one YAML document")
		default:
			document = next.Content[0]
		}
	}
}

// line returns where the parser stopped; the rest of its message quotes the file.
func line(err error) string {
	if where := regexp.MustCompile(`line \d+`).FindString(err.Error()); where != "" {
		return where
	}
	return "the parser does not say where"
}

type yamlReader struct {
	left int
	open map[*yaml.Node]bool // anchors whose value is being read
}

func (r *yamlReader) value(n *yaml.Node, pointer string, depth int) (any, error) {
	if r.left--; r.left < 0 || depth > maxDepth {
		return nil, tooLarge(pointer)
	}
	switch n.Kind {
	case yaml.AliasNode:
		if n.Alias == nil || r.open[n.Alias] {
			return nil, &Error{pointer, "the alias is inside its own anchor"}
		}
		return r.value(n.Alias, pointer, depth+1)
	case yaml.MappingNode:
		r.open[n] = true
		defer delete(r.open, n)
		o := object{}
		return o, r.members(o, n, pointer, depth)
	case yaml.SequenceNode:
		r.open[n] = true
		defer delete(r.open, n)
		list := make([]any, len(n.Content))
		for i, item := range n.Content {
			var err error
			if list[i], err = r.value(item, fmt.Sprintf("%s/%d", pointer, i), depth+1); err != nil {
				return nil, err
			}
		}
		return list, nil
	}
	r.left -= len(n.Value) / textPerNode
	return scalar(n), nil
}

func (r *yamlReader) members(o object, n *yaml.Node, pointer string, depth int) error {
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind == yaml.ScalarNode && key.ShortTag() == "!!merge" {
			merged = append(merged, value)
			continue
		}
		if key.Kind == yaml.AliasNode && key.Alias != nil {
			key = key.Alias
		}
		at := pointer + "/" + escaper.Replace(key.Value)
		if key.Kind != yaml.ScalarNode {
			return &Error{pointer, "a name must be a string"}
		}
		if _, twice := o[key.Value]; twice {
			return &Error{at, "the name occurs twice"}
		}
		v, err := r.value(value, at, depth+1)
		if err != nil {
			return err
		}
		o[key.Value] = v
	}
	for _, from := range merged {
		v, err := r.value(from, pointer, depth+1)
		if err != nil {
			return err
		}
		mergeInto(o, v)
	}
	return nil
}

// mergeInto adds the entries of a merge key, one mapping or several, that the mapping does not have itself.
func mergeInto(o object, v any) {
	list, isList := v.([]any)
	if !isList {
		list = []any{v}
	}
	for _, part := range list {
		members, _ := part.(object)
		for name, value := range members {
			if _, own := o[name]; !own {
				o[name] = value
			}
		}
	}
}

// scalar returns a value as JSON has it. Dates, and numbers that JSON spells differently, become strings. A
// CloudFormation tag becomes its long form.
func scalar(n *yaml.Node) any {
	tag := n.ShortTag()
	switch {
	case strings.HasPrefix(tag, "!") && !strings.HasPrefix(tag, "!!"):
		return object{"Fn::" + tag[1:]: n.Value}
	case tag == "!!null":
		return nil
	case tag == "!!bool":
		return strings.EqualFold(n.Value, "true")
	case (tag == "!!int" || tag == "!!float") && json.Valid([]byte(n.Value)):
		return json.Number(n.Value)
	}
	return n.Value
}
