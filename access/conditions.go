package access

import (
	"slices"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
	"github.com/cedar-policy/cedar-go/x/exp/eval"
)

// outcome is the value of a part of a policy, as far as it is known without Cedar.
type outcome uint8

const (
	unknown outcome = iota // Cedar must evaluate it, and may find an error
	no
	yes
)

func outcomeOf(holds bool) outcome {
	if holds {
		return yes
	}
	return no
}

// condition is a part of a policy that compares strings of the request with literals, such as resource.service ==
// "sqs". Most conditions are like this, and evaluating a thousand of them in Cedar takes ten times as long as the rest
// of a signature.
type condition func(*attributes) outcome

// textAttributes are the attributes of a request that policies compare with strings. An empty one is absent, and
// reading it is an error.
var textAttributes = map[types.String]func(*attributes) string{
	"profile":   func(f *attributes) string { return f.profile },
	"service":   func(f *attributes) string { return f.service },
	"region":    func(f *attributes) string { return f.region },
	"host":      func(f *attributes) string { return f.host },
	"method":    func(f *attributes) string { return f.method },
	"path":      func(f *attributes) string { return f.path },
	"operation": func(f *attributes) string { return f.operation },
}

// conditions compiles policy conditions. If context is not nil, they are compiled for requests with that context.
type conditions struct{ context *cedar.Record }

// read compiles the leading conditions of a policy, and reports whether that is all of them. It stops at the first
// condition that it cannot compile, because evaluating that may end in an error, which must not be hidden.
func (k conditions) read(list []ast.ConditionType) (c condition, whole bool) {
	c, whole = always(yes), true
	for _, next := range list {
		body := next.Body
		if next.Condition == ast.ConditionUnless {
			body = ast.Not(ast.NewNode(body)).AsIsNode()
		}
		found, isWhole := k.readOne(body)
		if found == nil {
			return c, false
		}
		if c = and(c, found); !isWhole {
			return c, false
		}
	}
	return c, whole
}

// readOne compiles the part of an expression that is evaluated first, nil if it cannot, and reports whether that is all
// of the expression.
func (k conditions) readOne(n ast.IsNode) (c condition, whole bool) {
	if o := k.known(n); o != unknown {
		return always(o), true
	}
	switch n := n.(type) {
	case ast.NodeTypeAnd:
		left, whole := k.readOne(n.Left)
		if !whole {
			return left, false
		}
		right, whole := k.readOne(n.Right)
		if right == nil {
			return left, false
		}
		return and(left, right), whole
	case ast.NodeTypeOr:
		left, leftWhole := k.readOne(n.Left)
		right, rightWhole := k.readOne(n.Right)
		if !leftWhole || !rightWhole {
			return nil, false
		}
		return not(and(not(left), not(right))), true
	case ast.NodeTypeNot:
		if c, whole := k.readOne(n.Arg); whole {
			return not(c), true
		}
	case ast.NodeTypeEquals:
		return equals(n.BinaryNode)
	case ast.NodeTypeNotEquals:
		if c, whole := equals(n.BinaryNode); whole {
			return not(c), true
		}
	case ast.NodeTypeContains:
		if list, isList := textSet(n.Left); isList {
			return compare(n.Right, func(is string) bool { return slices.Contains(list, is) })
		}
	case ast.NodeTypeLike:
		return compare(n.Arg, func(is string) bool { return n.Value.Match(types.String(is)) })
	}
	return nil, false
}

// known returns the outcome of an expression that reads nothing but the context.
func (k conditions) known(n ast.IsNode) outcome {
	if k.context == nil {
		return unknown
	}
	alone := true
	ast.Inspect(ast.NewNode(n), func(n ast.IsNode) bool {
		variable, isVariable := n.(ast.NodeTypeVariable)
		alone = alone && (!isVariable || variable.Name == "context")
		return alone
	})
	if !alone {
		return unknown
	}
	value, err := eval.Eval(n, eval.Env{Context: *k.context})
	if held, isBoolean := value.(types.Boolean); err == nil && isBoolean {
		return outcomeOf(bool(held))
	}
	return unknown
}

func always(o outcome) condition { return func(*attributes) outcome { return o } }

func and(a, b condition) condition {
	return func(f *attributes) outcome {
		if o := a(f); o != yes {
			return o
		}
		return b(f)
	}
}

func not(c condition) condition {
	return func(f *attributes) outcome {
		switch c(f) {
		case yes:
			return no
		case no:
			return yes
		}
		return unknown
	}
}

func equals(n ast.BinaryNode) (condition, bool) {
	for _, side := range [][2]ast.IsNode{{n.Left, n.Right}, {n.Right, n.Left}} {
		if value, isText := textLiteral(side[1]); isText {
			if c, found := compare(side[0], func(is string) bool { return is == value }); found {
				return c, true
			}
		}
	}
	return nil, false
}

// compare compiles a comparison with an attribute of the request. It reports false if n is no such attribute.
func compare(n ast.IsNode, holds func(string) bool) (c condition, found bool) {
	access, _ := n.(ast.NodeTypeAccess)
	variable, _ := access.Arg.(ast.NodeTypeVariable)
	of := textAttributes[access.Value]
	if of == nil || variable.Name != "resource" {
		return nil, false
	}
	return func(f *attributes) outcome {
		is := of(f)
		if is == "" {
			return unknown
		}
		return outcomeOf(holds(is))
	}, true
}

func textLiteral(n ast.IsNode) (string, bool) {
	literal, _ := n.(ast.NodeValue)
	value, isText := literal.Value.(types.String)
	return string(value), isText
}

// textSet returns the strings of a set literal.
func textSet(n ast.IsNode) (list []string, isList bool) {
	set, isList := n.(ast.NodeTypeSet)
	for _, element := range set.Elements {
		value, isText := textLiteral(element)
		list, isList = append(list, value), isList && isText
	}
	return list, isList
}
