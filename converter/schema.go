package converter

import (
	"maps"
	"slices"
	"strings"
)

// maxNesting is how deeply nested objects are shown; designers show no more either.
const maxNesting = 40

// Limits on the work and on its result, since a few lines of references can ask for a lot.
const (
	maxSpent   = 400_000 // schemas merged, counting repetitions
	maxMerging = 100     // nested parts
	maxWritten = 8 << 20 // bytes of descriptions and enumerations
)

// schemas makes the definitions of the connector.
type schemas struct {
	definitions object
	made        map[string]reference // what stands for a reference, by pointer
	open        map[string]bool      // references being made
	cutAt       map[string]bool      // the ones at which something was cut
	merging     map[string]bool      // parts being merged
	spent       int
	written     int
}

func newSchemas() schemas {
	return schemas{
		definitions: object{}, made: map[string]reference{}, open: map[string]bool{}, cutAt: map[string]bool{}, merging: map[string]bool{},
	}
}

func (c *conversion) spend(n node) error {
	if c.spent++; c.spent > maxSpent || c.written > maxWritten {
		return n.errorf("the definition is too large when every use of a reference is counted; choose operations with --include or --exclude")
	}
	return nil
}

// count counts what is written once more.
func (c *conversion) count(made object) {
	text, _ := made["description"].(string)
	enum, _ := made["enum"].([]any)
	c.written += len(text) + 10*len(enum)
	for _, value := range enum {
		text, _ := value.(string)
		c.written += len(text)
	}
}

// schema converts a schema. The target of a reference becomes a definition if it is more than a scalar. label is used
// if the schema has no title.
func (c *conversion) schema(n node, label string, depth int) (object, error) {
	if err := c.spend(n); err != nil {
		return nil, err
	}
	if part, isReference := c.reference(n); isReference {
		ref, _ := refOf(part)
		made, err := c.referred(part, ref, depth)
		if err != nil {
			return nil, err
		}
		rename(made, prose(n.get("title").text(), maxLabel))
		if description := prose(n.get("description").text(), maxDescription); description != "" {
			made["description"] = description
			c.written += len(description)
		}
		return made, nil
	}
	s, err := c.shape(n)
	if err != nil {
		return nil, err
	}
	return c.write(s, n, label, depth)
}

// reference returns the reference that a schema consists of, apart from texts.
func (c *conversion) reference(n node) (node, bool) {
	if _, isRef := refOf(n); isRef {
		return n, c.version != version31 || hasOnlyTexts(n)
	}
	return onlyPart(n)
}

// rename gives a schema another label, and changes a description that was made from the label.
func rename(made object, label string) {
	if label == "" {
		return
	}
	if was, _ := made["x-ms-summary"].(string); made["description"] == sentence(was) {
		made["description"] = sentence(label)
	}
	made["x-ms-summary"] = label
}

// onlyPart returns the reference that a schema consists of, apart from texts. Frameworks put a reference into allOf
// to describe it, or into anyOf together with null.
func onlyPart(n node) (part node, isAlone bool) {
	for _, name := range n.names() {
		switch name {
		case "title", "description", "nullable", "example", "examples", "deprecated":
			continue
		case "default":
			if n.get(name).text() != "" { // of an enumeration
				return node{}, false
			}
		case "allOf", "oneOf", "anyOf":
			for _, item := range n.get(name).items() {
				if item.get("type").text() == "null" && name != "allOf" {
					continue
				}
				if _, isRef := refOf(item); !isRef || isAlone || len(item.names()) > 1 {
					return node{}, false
				}
				part, isAlone = item, true
			}
		default:
			if !strings.HasPrefix(name, "x-") {
				return node{}, false
			}
		}
	}
	return part, isAlone
}

func hasOnlyTexts(n node) bool {
	return !slices.ContainsFunc(n.names(), func(name string) bool {
		return name != "$ref" && name != "title" && name != "description" && !strings.HasPrefix(name, "x-")
	})
}

// write writes the schema that designers read for a shape, with a label and a description, and with nothing that is
// not written here.
func (c *conversion) write(s *shape, n node, label string, depth int) (object, error) {
	out := object{}
	title := first(prose(s.title, maxLabel), label)
	out["x-ms-summary"] = title
	out["description"] = first(prose(s.description, maxDescription), sentence(title))
	defer c.count(out)
	if s.readOnly {
		out["readOnly"] = true
	}
	if depth > maxNesting {
		out["type"] = kindObject
		return out, nil
	}
	switch s.kind {
	case kindAny:
	case kindObject:
		out["type"] = kindObject
		return out, c.writeObject(out, s, depth)
	case kindArray:
		out["type"] = kindArray
		item := node{object{}, n.pointer + "/items"}
		if s.item != nil {
			item = *s.item
		}
		items, err := c.schema(item, "Item", depth+1)
		if err != nil {
			return nil, err
		}
		delete(items, "readOnly")
		out["items"] = items
		c.writeBounds(out, s, "minItems", "maxItems")
	default:
		c.writeScalar(out, s)
		if out["format"] == "binary" {
			delete(out, "format") // inside JSON these are strings
		}
	}
	return out, nil
}

func (c *conversion) writeObject(out object, s *shape, depth int) error {
	properties, required := object{}, []string{}
	for _, name := range slices.Sorted(maps.Keys(s.properties)) {
		p := s.properties[name]
		if name == "" || name == "$ref" || leaks(name) || p.nodes[0].value == false {
			continue
		}
		if isPlaceholder(name) {
			return placeholderError(p.nodes[0])
		}
		made, err := c.property(name, p, depth+1)
		if err != nil {
			return err
		}
		properties[name] = made
		if s.required[name] && made["readOnly"] != true {
			required = append(required, name)
		}
	}
	if len(properties) > 0 {
		out["properties"] = properties
	}
	if len(required) > 0 {
		out["required"] = required
	}
	if s.values != nil {
		values, err := c.schema(*s.values, "Value", depth+1)
		if err != nil {
			return err
		}
		delete(values, "readOnly")
		out["additionalProperties"] = values
	}
	return nil
}
