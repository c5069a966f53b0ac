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

// ReadsHeader reports whether some policy looks for a header, named in lower case. Such a header must be signed.
// Otherwise whoever holds the signature could change what the policy looked at.
func (p *Policy) ReadsHeader(name string) bool {
	_, found := p.asked["header."+name]
	return found
}

// Warnings returns the problems of the policy file that are not errors, one sentence each: policies that look at
// headers in a way that no signature can enforce.
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
	sent := s.onlyAction(ActionSend) // by this service, exactly as it was decided
	var list []string
	for _, value := range s.named {
		text, _ := value.(types.String)
		name, ok := strings.CutPrefix(string(text), "header.")
		if _, forbidden := signing.Fragile("POST", name); ok && (forbidden && !sent || signing.Reserved(name) || name == "host") {
			list = append(list, fmt.Sprintf("policy %s looks for the header %s, which policies never see: "+
				"it is not signed, or signing sets it", s.id, name))
		}
	}
	if sent {
		return list
	}
	for _, name := range restsOnAbsence(s.node.AsIsNode(), s.policy.Effect() == cedar.Permit) {
		list = append(list, fmt.Sprintf("policy %s depends on the absence of %s, which no signature can enforce: "+
			"a caller can ask without the header and add it when it sends the request", s.id, name))
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// restsOnAbsence returns the headers whose addition could turn the expression away from wanted. A signature protects
// the headers that are present, never the absence of others.
func restsOnAbsence(n ast.IsNode, wanted bool) []string {
	switch n := n.(type) {
	case ast.NodeTypeNot:
		return restsOnAbsence(n.Arg, !wanted)
	case ast.NodeTypeAnd:
		return append(restsOnAbsence(n.Left, wanted), restsOnAbsence(n.Right, wanted)...)
	case ast.NodeTypeOr:
		list := append(restsOnAbsence(n.Left, wanted), restsOnAbsence(n.Right, wanted)...)
		if wanted { // the result may depend on the right side, as long as the left one can be evaluated
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
		if isHeaders(n.Right) && !wanted { // adding a header cannot make this false
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

// opensDoubt returns the headers whose addition could make an expression read an attribute that is undetermined for the
// request. The expression is then neither true nor false.
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

// ifUnwanted returns the names with the prefix, if finding them is unwanted. It leaves out x-amz- headers, because AWS
// refuses them if they are sent but not signed (IAM User Guide, "Create a canonical request", CanonicalHeaders).
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

// foldSpace folds only the white space that signing folds: policies compare exactly what the signature covers.
func foldSpace(value string) string {
	return strings.Join(strings.FieldsFunc(value, func(r rune) bool { return r == ' ' || r == '\t' }), " ")
}

// oneValue reports whether a header has exactly one value however it is sent. A value with a comma could be sent as two
// headers, and the signature would still match.
func oneValue(headers []Field, name string) bool {
	times := 0
	for _, h := range headers {
		if h.Name == name {
			times += 1 + strings.Count(h.Value, ",")
		}
	}
	return times == 1
}

// onlyEmpty reports whether a header occurs once and its value, as signed, is empty.
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

// anyEmpty returns why policies that look at all headers cannot decide a request, or "".
func anyEmpty(headers []Field) string {
	for _, h := range headers {
		if onlyEmpty(headers, h.Name) {
			return fmt.Sprintf("the header %q is empty; lenient receivers sign an empty header like a missing one", h.Name)
		}
	}
	return ""
}
