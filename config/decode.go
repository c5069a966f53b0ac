package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// decoder fills the structs from the nodes of the file. The YAML library also has a decoder, but that one stops at the
// first unknown key, and turns 0123 into 83 before it reaches a string field.
type decoder struct {
	file     string
	readFile func(string) ([]byte, error) // for secret files
	origins  map[string]origin
	faults   []error
	anchors  map[string]ast.Node
	// left limits the number of nodes and depth their nesting: aliases of aliases grow exponentially, and an alias of
	// itself is endless.
	left, depth int
	batch       int // number of profiles parsed at a time; 0 means batchSize
	// damaged are the top-level keys whose value has a fault, and the keys that misspelt ones were probably meant to be.
	damaged map[string]bool
}

const (
	maxNodes = 100_000
	maxDepth = 64
)

var (
	byteOrderMark = []byte("\xef\xbb\xbf")
	wideMarks     = [][]byte{[]byte("\xff\xfe"), []byte("\xfe\xff")}
)

// document decodes the text of the file; it returns false if it is not YAML at all.
func (d *decoder) document(text []byte, into *document) bool {
	for _, mark := range wideMarks {
		if bytes.HasPrefix(text, mark) {
			d.faults = append(d.faults, fmt.Errorf("%s: is UTF-16; save it as UTF-8", d.file))
			return false
		}
	}
	file, err := parse(bytes.TrimPrefix(text, byteOrderMark), cmp.Or(d.batch, batchSize))
	if err != nil {
		d.syntax(err)
		return false
	}
	var bodies []ast.Node
	for _, doc := range file.Docs {
		if doc.Body != nil && doc.Body.Type() != ast.DirectiveType {
			bodies = append(bodies, doc.Body)
		}
	}
	switch len(bodies) {
	case 0:
		d.faults = append(d.faults, fmt.Errorf("%s: contains no settings", d.file))
		return false
	case 1:
		d.left = maxNodes
		d.anchors = map[string]ast.Node{}
		d.value("", bodies[0], reflect.ValueOf(into).Elem(), field{})
		return true
	}
	d.faults = append(d.faults, fmt.Errorf("%s: contains more than one document; only one is allowed", d.file))
	return false
}

func (d *decoder) syntax(err error) {
	var where yaml.Error
	if !errors.As(err, &where) || where.GetToken() == nil {
		d.faults = append(d.faults, fmt.Errorf("%s: is not YAML", d.file))
		return
	}
	d.faults = append(d.faults, fmt.Errorf("%s: %s", d.at(where.GetToken()), where.GetMessage()))
}

// at returns a token's file:line:column.
func (d *decoder) at(t *token.Token) string {
	if t == nil || t.Position == nil {
		return d.file
	}
	return fmt.Sprintf("%s:%d:%d", d.file, t.Position.Line, t.Position.Column)
}

// fault reports what is wrong with the value or the key at path.
func (d *decoder) fault(t *token.Token, path, format string, args ...any) {
	d.damage(path)
	if path != "" {
		path += ": "
	}
	d.faults = append(d.faults, fmt.Errorf("%s: %s%s", d.at(t), path, fmt.Sprintf(format, args...)))
}

// value decodes node into v. path is the name of the value in faults; f is the field that it belongs to.
func (d *decoder) value(path string, node ast.Node, v reflect.Value, f field) {
	d.depth++
	defer func() { d.depth-- }()
	if d.spent(path, node) {
		return
	}
	node, resolved := d.resolve(path, node)
	if !resolved {
		return
	}
	if node.Type() == ast.NullType {
		d.fault(node.GetToken(), path, "has no value; give it one, or remove the line")
		return
	}
	switch {
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(path, node, v.Elem(), f)
	case v.Kind() == reflect.Interface:
		switch value := d.free(path, node).(type) {
		case string, map[string]any:
			v.Set(reflect.ValueOf(value))
		case nil: // already reported
		default:
			d.fault(node.GetToken(), path, "must be a mapping or a JSON text")
		}
	case v.Kind() == reflect.Struct && v.Type() != timeType:
		d.mapping(path, node, v)
	case v.Kind() == reflect.Map:
		d.mapOf(path, node, v, f)
	case v.Kind() == reflect.Slice:
		d.list(path, node, v, f)
	default:
		text, isText := scalar(node)
		if _, isBool := node.(*ast.BoolNode); isText && !isBool && v.Kind() == reflect.Bool {
			d.fault(node.GetToken(), path, "%v", errBool)
			return
		}
		if !isText {
			d.fault(node.GetToken(), path, "must be %s, not a list or a mapping", kindOf(v.Type()))
			return
		}
		if err := f.set(v, text); err != nil {
			d.fault(node.GetToken(), path, "%v", err)
		}
	}
}

// spent counts nodes. It returns true, and reports a fault once, if there are too many or they are nested too deeply.
func (d *decoder) spent(path string, node ast.Node) bool {
	if d.left--; d.left > 0 && d.depth <= maxDepth {
		return false
	}
	if d.left >= 0 {
		d.fault(
			node.GetToken(),
			path,
			"the file has more than %d nodes or is nested more than %d levels deep; an alias counts each time it is used",
			maxNodes,
			maxDepth,
		)
	}
	d.left = -1
	return true
}

// resolve follows anchors, aliases and the tag !!str, which changes nothing here: strings are strings without it.
func (d *decoder) resolve(path string, node ast.Node) (ast.Node, bool) {
	for {
		switch n := node.(type) {
		case *ast.AnchorNode:
			name := n.Name.GetToken().Value
			if n.Value == nil {
				d.fault(n.GetToken(), path, "has no value; give it one, or remove the line")
				return nil, false
			}
			d.anchors[name] = n.Value
			node = n.Value
		case *ast.AliasNode:
			target := d.anchors[n.Value.GetToken().Value]
			if target == nil {
				d.fault(n.GetToken(), path, "no such anchor is defined above")
				return nil, false
			}
			node = target
		case *ast.TagNode:
			if n.Start.Value != "!!str" || n.Value == nil {
				d.fault(n.GetToken(), path, "tags such as !secret are not supported; write the value, or name a file with the key plus _file")
				return nil, false
			}
			node = n.Value
		case nil:
			return nil, false
		default:
			return node, true
		}
	}
}

// pair is one entry of a mapping.
type pair struct {
	key, value ast.Node
	name       string
}

// pairs returns the entries of a mapping, followed by those of merged mappings that it does not override.
func (d *decoder) pairs(path string, node ast.Node) ([]pair, bool) {
	var values []*ast.MappingValueNode
	switch n := node.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		d.fault(node.GetToken(), path, "must be a mapping of names to values")
		return nil, false
	}
	var own, merged []pair
	seen := map[string]bool{}
	for _, value := range values {
		if d.spent(path, value) {
			return nil, false
		}
		if value.Key.IsMergeKey() {
			merged = append(merged, d.merged(path, value.Value)...)
			continue
		}
		name, isText := scalar(value.Key)
		switch {
		case !isText:
			d.fault(value.Key.GetToken(), path, "a name must be a string")
		case seen[name]:
			d.fault(value.Key.GetToken(), join(path, name), "is given twice")
		default:
			seen[name] = true
			own = append(own, pair{value.Key, value.Value, name})
		}
	}
	for _, p := range merged {
		if !seen[p.name] {
			seen[p.name] = true
			own = append(own, p)
		}
	}
	return own, true
}

func (d *decoder) merged(path string, node ast.Node) []pair {
	d.depth++
	defer func() { d.depth-- }()
	node, resolved := d.resolve(path, node)
	if !resolved {
		return nil
	}
	if list, isList := node.(*ast.SequenceNode); isList {
		var all []pair
		for _, value := range list.Values {
			all = append(all, d.merged(path, value)...)
		}
		return all
	}
	found, _ := d.pairs(path, node)
	return found
}

// scalar returns the text of a scalar as it is written, or without the quotes and escapes if it is quoted.
func scalar(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.MappingKeyNode:
		return scalar(n.Value)
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode, *ast.NullNode:
		return strings.TrimSpace(node.GetToken().Value), true
	}
	return "", false
}

// join returns the path of a name in a mapping. Odd names are shortened, since a secret may be where a name belongs.
func join(path, name string) string {
	const longest = 64
	if len(name) > longest || !printable(name) {
		name = fmt.Sprintf("%.20q…", name)
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

func printable(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == '�' }) < 0
}
