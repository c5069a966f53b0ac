package config

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// mapping decodes into a struct.
func (d *decoder) mapping(path string, node ast.Node, v reflect.Value) {
	pairs, ok := d.pairs(path, node)
	if !ok {
		return
	}
	fields := typeFields(v.Type())
	given := map[string]bool{}
	for _, p := range pairs {
		i := slices.IndexFunc(fields, func(f field) bool { return f.key == p.name || f.secret && f.key+"_file" == p.name })
		if i < 0 {
			meant := suggestKey(p.name, p.value, v.Type())
			if path == "" {
				d.damage(meant)
			}
			d.fault(p.key.GetToken(), join(path, p.name), "unknown key%s", hint(meant))
			continue
		}
		f := fields[i]
		f.value = v.FieldByIndex(f.index)
		at := join(path, f.key)
		if given[f.key] {
			d.fault(p.key.GetToken(), join(path, p.name), "%s and %s_file are both given; keep one", f.key, f.key)
			continue
		}
		given[f.key] = true
		d.origins[at] = origin{name: d.at(p.key.GetToken()), inFile: true}
		if f.key != p.name {
			d.secretFile(join(path, p.name), p.value, f)
			continue
		}
		d.value(at, p.value, f.value, f)
	}
}

// secretFile sets a field to the contents of the named file.
func (d *decoder) secretFile(path string, node ast.Node, f field) {
	var name string
	before := len(d.faults)
	if d.value(path, node, reflect.ValueOf(&name).Elem(), field{}); len(d.faults) > before {
		return
	}
	text, err := readSecret(d.readFile, name)
	if err == nil {
		err = f.set(f.value, text)
	}
	if err != nil {
		d.fault(node.GetToken(), path, "%v", err)
	}
}

func (d *decoder) mapOf(path string, node ast.Node, v reflect.Value, f field) {
	pairs, ok := d.pairs(path, node)
	if !ok {
		return
	}
	if len(pairs) == 0 && v.Type().Elem().Kind() == reflect.Struct {
		d.fault(node.GetToken(), path, "is empty; give it an entry, or remove the line")
	}
	v.Set(reflect.MakeMap(v.Type()))
	for _, p := range pairs {
		at := join(path, p.name)
		d.origins[at] = origin{name: d.at(p.key.GetToken()), inFile: true}
		value := reflect.New(v.Type().Elem()).Elem()
		d.value(at, p.value, value, f)
		v.SetMapIndex(reflect.ValueOf(p.name), value)
	}
}

func (d *decoder) list(path string, node ast.Node, v reflect.Value, f field) {
	sequence, isList := node.(*ast.SequenceNode)
	if !isList {
		if _, isText := scalar(node); !isText || v.Type() != textsType {
			d.fault(node.GetToken(), path, "must be a list")
			return
		}
		sequence = &ast.SequenceNode{Values: []ast.Node{node}}
	}
	for i, item := range sequence.Values {
		value := reflect.New(v.Type().Elem()).Elem()
		at := fmt.Sprintf("%s[%d]", path, i)
		d.origins[at] = origin{name: d.at(item.GetToken()), inFile: true}
		d.value(at, item, value, f)
		v.Set(reflect.Append(v, value))
	}
}

// free decodes values that have no struct: a policy in YAML. A number is kept as written if it is valid JSON, otherwise
// it becomes a string: the account 012345678901 is not a number.
func (d *decoder) free(path string, node ast.Node) any {
	d.depth++
	defer func() { d.depth-- }()
	if d.spent(path, node) {
		return nil
	}
	node, resolved := d.resolve(path, node)
	if !resolved {
		return nil
	}
	switch n := node.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		out := map[string]any{}
		pairs, _ := d.pairs(path, n)
		for _, p := range pairs {
			out[p.name] = d.free(join(path, p.name), p.value)
		}
		return out
	case *ast.SequenceNode:
		out := []any{}
		for i, item := range n.Values {
			out = append(out, d.free(fmt.Sprintf("%s[%d]", path, i), item))
		}
		return out
	case *ast.NullNode:
		d.fault(n.GetToken(), path, "has no value; give it one, or remove the line")
		return nil
	case *ast.BoolNode:
		return n.Value
	case *ast.IntegerNode, *ast.FloatNode:
		text, _ := scalar(n)
		if json.Valid([]byte(text)) {
			return json.Number(text)
		}
		return text
	}
	text, isText := scalar(node)
	if !isText {
		d.fault(node.GetToken(), path, "is not a valid value in a policy")
	}
	return text
}

func (d *decoder) damage(path string) {
	if d.damaged == nil {
		d.damaged = map[string]bool{}
	}
	top, _, _ := strings.Cut(path, ".")
	top, _, _ = strings.Cut(top, "[")
	d.damaged[top] = true
}
