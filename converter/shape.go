package converter

import (
	"encoding/json"
	"reflect"
	"slices"
)

// shape is a schema with its references followed and its parts merged: allOf, and what oneOf and anyOf have in
// common.
type shape struct {
	kind, title, description, format string
	enum                             []any
	value                            any // default
	properties                       map[string]property
	required                         map[string]bool
	item, values                     *node // for an array; for a map
	bounds                           map[string]json.Number
	readOnly                         bool
	matchesNothing                   bool // the schema false
}

// property is what the parts of a schema say about a property: all of it applies, or part of it if alternatives
// differ.
type property struct {
	nodes  []node
	either bool
}

func newShape() *shape {
	return &shape{properties: map[string]property{}, required: map[string]bool{}, bounds: map[string]json.Number{}}
}

// isTyped reports whether the shape says more than that there is a value.
func (s *shape) isTyped() bool {
	switch s.kind {
	case kindAny:
		return false
	case kindObject:
		return len(s.properties) > 0 || s.values != nil
	}
	return true
}

// shape merges a schema into one shape.
func (c *conversion) shape(n node) (*shape, error) {
	s := newShape()
	if err := c.merge(s, n, map[string]bool{}, false); err != nil {
		return nil, err
	}
	s.settle()
	return s, nil
}

// merge merges a schema into a shape. seen are the schemas already merged into it; an alternative requires nothing.
func (c *conversion) merge(s *shape, n node, seen map[string]bool, alternative bool) error {
	if seen[n.pointer] || c.merging[n.pointer] {
		return nil
	}
	if len(c.merging) > maxMerging {
		return n.errorf("the parts of the schema are nested deeper than %d", maxMerging)
	}
	seen[n.pointer], c.merging[n.pointer] = true, true
	defer delete(c.merging, n.pointer)
	if err := c.spend(n); err != nil {
		return err
	}
	if isPlaceholder(n.value) {
		return placeholderError(n)
	}
	switch v := n.value.(type) {
	case bool: // in JSON Schema since 2019: anything, or nothing
		s.matchesNothing = s.matchesNothing || !v
		return nil
	case nil:
		return nil
	case object:
	default:
		return n.errorf("a schema must be an object")
	}
	if err := n.get("properties").typeError(kindObject); err != nil {
		return err
	}
	if ref, isRef := refOf(n); isRef {
		target, err := c.lookUp(n, ref)
		if err != nil {
			return err
		}
		s.title, s.description = first(s.title, n.get("title").text()), first(s.description, n.get("description").text())
		if err := c.merge(s, target, seen, alternative); err != nil {
			return err
		}
		if c.version != version31 {
			return nil // what is beside a reference is not part of the schema
		}
	}
	c.mergeKeywords(s, n, alternative)
	for _, part := range n.get("allOf").items() {
		if err := c.merge(s, part, seen, alternative); err != nil {
			return err
		}
	}
	for _, name := range []string{"oneOf", "anyOf"} {
		if err := c.mergeAlternatives(s, n.get(name).items(), seen); err != nil {
			return err
		}
	}
	return nil
}

// mergeAlternatives merges several shapes into one: objects with all their properties, none of them required; scalars
// as a string; others as any value. The title of an alternative does not apply to the whole.
func (c *conversion) mergeAlternatives(s *shape, list []node, seen map[string]bool) error {
	kept, shapes, err := c.alternatives(list)
	if err != nil {
		return err
	}
	switch len(kept) {
	case 0:
		return nil
	case 1:
		return c.merge(s, kept[0], seen, false)
	}
	kind := shapes[0].kind
	same := !slices.ContainsFunc(shapes, func(other *shape) bool { return other.kind != kind })
	switch {
	case same && kind == kindObject:
		defer func(title, description string) { s.title, s.description = title, description }(s.title, s.description)
		for _, n := range kept {
			if err := c.merge(s, n, seen, true); err != nil {
				return err
			}
		}
		s.required = map[string]bool{}
	case same && kind != kindArray:
		s.setKind(kind)
		s.joinEnums(shapes)
	case !slices.ContainsFunc(shapes, func(other *shape) bool { return !isScalar(other.kind) }):
		s.setKind(kindString)
	default:
		s.kind = kindAny
	}
	return nil
}

// alternatives returns the alternatives that say something, and the shape of each.
func (c *conversion) alternatives(list []node) (kept []node, shapes []*shape, err error) {
	for _, n := range list {
		if n.get("type").text() == "null" || n.value == nil {
			continue
		}
		if ref, isRef := refOf(n); isRef {
			target, err := c.lookUp(n, ref)
			if err != nil {
				return nil, nil, err
			}
			if c.merging[target.pointer] {
				continue // a descendant that is built on the base that lists it
			}
		}
		alone := newShape()
		if err := c.merge(alone, n, map[string]bool{}, true); err != nil {
			return nil, nil, err
		}
		alone.settle()
		onlyNull := len(alone.enum) > 0 && !slices.ContainsFunc(alone.enum, func(v any) bool { return v != nil })
		if len(alone.properties) == 0 && alone.kind == kindAny && (onlyNull || alone.onlyRequires(n)) {
			continue // such as anyOf: [{required: [a]}, {required: [b]}]
		}
		kept, shapes = append(kept, n), append(shapes, alone)
	}
	return kept, shapes, nil
}

// joinEnums joins the values of alternatives that all list their values.
func (s *shape) joinEnums(shapes []*shape) {
	var all []any
	for _, other := range shapes {
		if len(other.enum) == 0 {
			return
		}
		all = append(all, other.enum...)
	}
	if s.enum == nil {
		s.enum = all
	}
}

func (s *shape) onlyRequires(n node) bool {
	return n.has("required") || n.has("not")
}

func isScalar(kind string) bool {
	return kind == kindString || kind == kindInteger || kind == kindNumber || kind == kindBoolean
}

func first(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

// setKind sets the kind. Parts that contradict each other make it any.
func (s *shape) setKind(kind string) {
	switch {
	case s.kind == "" || s.kind == kind:
		s.kind = kind
	case isScalar(s.kind) && isScalar(kind):
		s.kind = kindString
	default:
		s.kind = kindAny
	}
}

// mergeKeywords merges what the schema itself says.
func (c *conversion) mergeKeywords(s *shape, n node, alternative bool) {
	s.title = first(s.title, n.get("x-ms-summary").text(), n.get("title").text())
	s.description = first(s.description, n.get("description").text())
	s.format = first(s.format, n.get("format").text())
	s.readOnly = s.readOnly || n.get("readOnly").isTrue()
	if kind := kindOf(n); kind != "" {
		s.setKind(kind)
	}
	if n.has("default") && s.value == nil {
		s.value = n.get("default").value
	}
	if list, isList := n.get("enum").value.([]any); isList && s.enum == nil {
		s.enum = list
	}
	if n.has("const") && s.enum == nil {
		s.enum = []any{n.get("const").value}
	}
	properties := n.get("properties")
	for _, name := range properties.names() {
		c.addProperty(s, name, properties.get(name), alternative)
	}
	for _, name := range n.get("required").items() {
		if text, isText := name.value.(string); isText && !alternative {
			s.required[text] = true
		}
	}
	s.mergeItems(n)
	for _, name := range []string{"minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"} {
		if v, isNumber := n.get(name).value.(json.Number); isNumber && s.bounds[name] == "" && len(v) < 20 {
			s.bounds[name] = v
		}
	}
}

// addProperty adds what another part says about a property.
func (c *conversion) addProperty(s *shape, name string, n node, alternative bool) {
	p := s.properties[name]
	for _, other := range p.nodes {
		if c.spent++; other.pointer == n.pointer || reflect.DeepEqual(other.value, n.value) {
			return
		}
	}
	s.properties[name] = property{append(slices.Clip(p.nodes), n), p.either || alternative && len(p.nodes) > 0}
}

func (s *shape) mergeItems(n node) {
	if n.has("items") && s.item == nil {
		item := n.get("items")
		if list := item.items(); len(list) == 1 {
			item = list[0]
		} else if item.value == nil || list != nil && len(list) != 1 {
			item = node{object{}, item.pointer}
		}
		s.item = &item
	}
	for _, name := range []string{"additionalProperties", "patternProperties"} {
		values := n.get(name)
		if name == "patternProperties" && len(values.names()) > 0 {
			values = values.get(values.names()[0])
		}
		if _, isSchema := values.object(); isSchema && s.values == nil {
			s.values = &values
		}
	}
}
