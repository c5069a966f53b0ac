package converter

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"countersign/internal/lazyregexp"
)

// reference is the schema made for a reference.
type reference struct {
	schema object
	cutAt  []string // enclosing references at which something in it was cut
	times  int      // how often it was made
}

// maxMade is how often the target of a reference is made for different places. Without a limit, definitions that all
// contain each other would grow too numerous.
const maxMade = 4

// referred returns the schema that stands for a reference.
func (c *conversion) referred(n node, ref string, depth int) (object, error) {
	target, err := c.lookUp(n, ref)
	if err != nil {
		return nil, err
	}
	name := unescaper.Replace(target.pointer[strings.LastIndexByte(target.pointer, '/')+1:])
	return c.shared(target.pointer, name, target, depth, func() (*shape, error) { return c.shape(target) })
}

// property returns the schema of a property. If it is a reference, it is labelled with the property's own name, since
// two properties may have the same model, such as a billing and a shipping address.
func (c *conversion) property(name string, p property, depth int) (object, error) {
	if len(p.nodes) == 1 {
		made, err := c.schema(p.nodes[0], labelOf(name), depth)
		if _, isReference := c.reference(p.nodes[0]); err == nil && isReference && p.nodes[0].get("title").text() == "" {
			rename(made, labelOf(name))
		}
		return made, err
	}
	var pointers []string
	for _, n := range p.nodes {
		pointers = append(pointers, n.pointer)
	}
	return c.shared(strings.Join(pointers, " "), name, p.nodes[0], depth, func() (*shape, error) {
		s, seen := newShape(), map[string]bool{}
		if p.either {
			return s, c.mergeAlternatives(s, p.nodes, seen)
		}
		for _, n := range p.nodes {
			if err := c.merge(s, n, seen, false); err != nil {
				return nil, err
			}
		}
		return s, nil
	})
}

// shared returns a schema that may be needed in several places. Inside itself it is cut, because no designer shows
// that. What was cut inside another schema is complete elsewhere.
func (c *conversion) shared(key, name string, at node, depth int, shapeOf func() (*shape, error)) (object, error) {
	isOpen := func(key string) bool { return c.open[key] }
	made, found := c.made[key]
	switch {
	case isOpen(key):
		c.cutAt[key] = true
		return object{
			"type": kindObject, "x-ms-summary": labelOf(name), "description": "Its fields are not shown, because it contains itself.",
		}, nil
	case found && (len(made.cutAt) == 0 || made.times >= maxMade || slices.ContainsFunc(made.cutAt, isOpen)):
		c.count(made.schema)
	default:
		around := c.cutAt
		c.open[key], c.cutAt = true, map[string]bool{}
		schema, err := c.define(name, at, depth, shapeOf)
		delete(c.open, key)
		delete(c.cutAt, key)
		made = reference{schema, slices.Collect(maps.Keys(c.cutAt)), made.times + 1}
		c.made[key], c.cutAt = made, around
		if err != nil {
			return nil, err
		}
	}
	for _, key := range made.cutAt {
		if isOpen(key) {
			c.cutAt[key] = true
		}
	}
	return maps.Clone(made.schema), nil
}

// define makes a definition, if there is more than a scalar, and a reference to it.
func (c *conversion) define(name string, at node, depth int, shapeOf func() (*shape, error)) (object, error) {
	s, err := shapeOf()
	if err != nil {
		return nil, err
	}
	s.settle()
	made, err := c.write(s, at, labelOf(name), depth)
	if err != nil || made["properties"] == nil {
		return made, err
	}
	defined := c.definitionName(name)
	c.definitions[defined] = made
	return object{"$ref": "#/definitions/" + defined, "x-ms-summary": made["x-ms-summary"], "description": made["description"]}, nil
}

var notInName = lazyregexp.New(`[^A-Za-z0-9_]+`)

func (c *conversion) definitionName(given string) string {
	base := strings.Trim(notInName().ReplaceAllString(withoutLeaks(given), "_"), "_")
	if base == "" {
		base = "Schema"
	}
	base = clip(base, maxLabel)
	name := base
	for i := 2; c.definitions[name] != nil; i++ {
		name = fmt.Sprintf("%s%d", base, i)
	}
	return name
}
