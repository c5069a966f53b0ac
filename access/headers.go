package access

import (
	"fmt"
	"slices"
	"strings"

	"countersign/signing"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
)

// ReadsHeader tells whether some policy looks for a header, named in lower
// case. Such a header must be signed, or else whoever holds the signature can
// change what the policy looked at.
func (p *Policy) ReadsHeader(name string) bool {
	_, found := p.asked["header."+name]
	return found
}

// Warnings are the faults of the policy file that are no errors, one sentence
// each: policies that look at headers in a way that no signature can hold.
func (p *Policy) Warnings() []string {
	var list []string
	for i := range p.policies {
		list = append(list, p.policies[i].warnings()...)
	}
	return list
}

func (s *statement) warnings() []string {
	if s.onlyAction(ActionVerify) { // nothing is sent afterwards
		return nil
	}
	sent := s.onlyAction(ActionSend) // by us, as it was decided on
	var list []string
	for _, value := range s.named {
		text, _ := value.(types.String)
		name, ok := strings.CutPrefix(string(text), "header.")
		if _, forbidden := signing.Fragile("POST", name); ok && (forbidden && !sent || signing.Reserved(name) || name == "host") {
			list = append(list, fmt.Sprintf("policy %s looks for the header %s, which no policy sees: "+
				"it is not signed, or signing sets it", s.id, name))
		}
	}
	if sent {
		return list
	}
	for _, name := range restsOnAbsence(s.node.AsIsNode(), s.policy.Effect() == cedar.Permit) {
		list = append(list, fmt.Sprintf("policy %s decides by the absence of %s, which no signature can hold: "+
			"a caller can ask without the header and add it when it sends the request", s.id, name))
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// restsOnAbsence names the headers whose addition could turn the expression
// away from wanted. A signature holds what was there, never what was not.
func restsOnAbsence(n ast.IsNode, wanted bool) []string {
	switch n := n.(type) {
	case ast.NodeTypeNot:
		return restsOnAbsence(n.Arg, !wanted)
	case ast.NodeTypeAnd:
		return append(restsOnAbsence(n.Left, wanted), restsOnAbsence(n.Right, wanted)...)
	case ast.NodeTypeOr:
		list := append(restsOnAbsence(n.Left, wanted), restsOnAbsence(n.Right, wanted)...)
		if wanted { // the right side may be what holds, as long as the left one can be evaluated
			list = append(list, opensDoubt(n.Left)...)
		}
		return list
	case ast.NodeTypeIfThenElse:
		either := append(restsOnAbsence(n.If, true), restsOnAbsence(n.If, false)...)
		return slices.Concat(either, restsOnAbsence(n.Then, wanted), restsOnAbsence(n.Else, wanted))
	case ast.NodeTypeHasTag:
		return ifUnwanted(wanted, literals(n.Right), "header.")
	case ast.NodeTypeContains:
		if isHeaders(n.Left) {
			return ifUnwanted(wanted, literals(n.Right), "")
		}
	case ast.NodeTypeContainsAny:
		if isHeaders(n.Left) || isHeaders(n.Right) {
			return ifUnwanted(wanted, append(literals(n.Left), literals(n.Right)...), "")
		}
	case ast.NodeTypeContainsAll:
		if isHeaders(n.Left) && !isHeaders(n.Right) {
			return ifUnwanted(wanted, literals(n.Right), "")
		}
		if isHeaders(n.Right) && !wanted { // fewer than all of these may be there
			return nil
		}
	case ast.NodeTypeIsEmpty:
		if isHeaders(n.Arg) && !wanted {
			return nil
		}
	}
	if mentionsHeaders(n) {
		return []string{"other headers"}
	}
	return nil
}

// opensDoubt names the headers whose addition could make an expression ask for
// what the request leaves in doubt: then it is neither true nor false.
func opensDoubt(n ast.IsNode) []string {
	var list []string
	ast.Inspect(ast.NewNode(n), func(n ast.IsNode) bool {
		if and, ok := n.(ast.NodeTypeAnd); ok && mayBeInDoubt(and.Right) {
			list = append(list, restsOnAbsence(and.Left, false)...)
		}
		return true
	})
	return list
}

func mayBeInDoubt(n ast.IsNode) bool {
	found := false
	ast.Inspect(ast.NewNode(n), func(n ast.IsNode) bool {
		access, ok := n.(ast.NodeTypeAccess)
		found = found || ok && slices.Contains([]types.String{"profile", "region", "path", "operation"}, access.Value)
		return !found
	})
	return found
}

// ifUnwanted returns the names with a prefix, where finding them is unwanted.
// AWS itself refuses an x-amz- header that is sent but not signed (IAM User
// Guide, "Create a canonical request", CanonicalHeaders).
func ifUnwanted(wanted bool, names []string, prefix string) []string {
	if wanted {
		return nil
	}
	if len(names) == 0 { // computed from the request
		return []string{"other headers"}
	}
	var open []string
	for _, name := range names {
		if name, ok := strings.CutPrefix(name, prefix); ok && !strings.HasPrefix(name, "x-amz-") {
			open = append(open, "the header "+name)
		}
	}
	return open
}

func isHeaders(n ast.IsNode) bool {
	access, ok := n.(ast.NodeTypeAccess)
	if !ok || access.Value != "headers" {
		return false
	}
	variable, ok := access.Arg.(ast.NodeTypeVariable)
	return ok && variable.Name == "resource"
}

func mentionsHeaders(n ast.IsNode) bool {
	found := false
	ast.Inspect(ast.NewNode(n), func(n ast.IsNode) bool {
		found = found || isHeaders(n)
		return !found
	})
	return found
}

// foldSpace folds white space as signing does, and nothing else: what a policy
// compares is what the signature covers.
func foldSpace(value string) string {
	return strings.Join(strings.FieldsFunc(value, func(r rune) bool { return r == ' ' || r == '\t' }), " ")
}

// oneValue tells whether a header has one value however it is sent: a comma
// could part two headers of the name, and the signature would hold.
func oneValue(headers []Field, name string) bool {
	times := 0
	for _, h := range headers {
		if h.Name == name {
			times += 1 + strings.Count(h.Value, ",")
		}
	}
	return times == 1
}

// onlyEmpty tells whether the values of a header, joined as they are signed, are
// nothing.
func onlyEmpty(headers []Field, name string) bool {
	times, empty := 0, true
	for _, h := range headers {
		if h.Name == name {
			times++
			empty = empty && foldSpace(h.Value) == ""
		}
	}
	return times == 1 && empty
}

// anyEmpty says why a request is not to be decided on where policies look at its
// headers as a whole.
func anyEmpty(headers []Field) string {
	for _, h := range headers {
		if onlyEmpty(headers, h.Name) {
			return fmt.Sprintf("the header %q is empty, which is signed as a missing one is by lenient receivers", h.Name)
		}
	}
	return ""
}
