package access

import (
	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
)

// fixed is an equality without which a policy has no effect: resource.service == "sqs".
type fixed struct {
	of    func(*attributes) string
	value string
}

// textAttributes are the attributes of a request that policies compare with texts. An empty one is not there.
var textAttributes = map[types.String]func(*attributes) string{
	"profile":   func(f *attributes) string { return f.profile },
	"service":   func(f *attributes) string { return f.service },
	"region":    func(f *attributes) string { return f.region },
	"host":      func(f *attributes) string { return f.host },
	"method":    func(f *attributes) string { return f.method },
	"path":      func(f *attributes) string { return f.path },
	"operation": func(f *attributes) string { return f.operation },
}

// readFixed lists the equalities that a policy evaluates first, one after the other. What comes after anything else is not
// in the list, for that may end in an error, which must be seen.
func readFixed(conditions []ast.ConditionType) (list []fixed) {
	for _, c := range conditions {
		if c.Condition == ast.ConditionUnless {
			return list
		}
		var all bool
		if list, all = appendFixed(list, c.Body); !all {
			return list
		}
	}
	return list
}

// appendFixed adds the equalities of an expression, and tells whether it is made of nothing else.
func appendFixed(list []fixed, n ast.IsNode) (_ []fixed, all bool) {
	switch n := n.(type) {
	case ast.NodeTypeAnd:
		if list, all = appendFixed(list, n.Left); !all {
			return list, false
		}
		return appendFixed(list, n.Right)
	case ast.NodeTypeEquals:
		f, found := asFixed(n.Left, n.Right)
		if !found {
			f, found = asFixed(n.Right, n.Left)
		}
		if found {
			return append(list, f), true
		}
	}
	return list, false
}

func asFixed(attribute, value ast.IsNode) (fixed, bool) {
	access, _ := attribute.(ast.NodeTypeAccess)
	variable, _ := access.Arg.(ast.NodeTypeVariable)
	literal, _ := value.(ast.NodeValue)
	text, isText := literal.Value.(types.String)
	of := textAttributes[access.Value]
	return fixed{of, string(text)}, isText && of != nil && variable.Name == "resource"
}

// couldMatter tells whether a statement may have an effect, or an error, for a request: not where it fixes an attribute that the
// request has otherwise. An attribute that is not there is an error, so what follows it is not looked at.
func (s *statement) couldMatter(f *attributes) bool {
	for _, want := range s.fixed {
		switch is := want.of(f); is {
		case "":
			return true
		case want.value:
		default:
			return false
		}
	}
	return true
}
