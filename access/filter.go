package access

import (
	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
	"github.com/cedar-policy/cedar-go/x/exp/eval"
)

// Filter describes requests that a caller might make. An empty field matches anything.
type Filter struct{ Profile, Service, Region string }

// CouldAllow reports whether some request of the caller that matches the filter could be permitted. Lists of profiles,
// services and regions are filtered by it. It errs toward yes; only [Policy.Decide] allows anything.
func (p *Policy) CouldAllow(c Caller, u Filter) bool {
	if u.Profile != "" && c.limit(u.Profile, false) != "" {
		return false
	}
	for _, action := range []Action{ActionSign, ActionPresign, ActionSend} {
		q := Question{Caller: c, Action: action}
		v := p.view(&q, &attributes{profile: u.Profile, service: u.Service, region: u.Region})
		if p.couldPermit(v, types.NewEntityUID("Action", types.String(action))) {
			return true
		}
	}
	return false
}

func (p *Policy) couldPermit(v *view, action cedar.EntityUID) bool {
	env := eval.Env{Entities: v, Principal: v.principal, Action: action, Resource: v.resource, Context: p.nothingNamed}
	var permits []*statement
	for i := range p.policies {
		s := &p.policies[i]
		if !s.holds(v.principal, action) {
			continue
		}
		tree := s.node.AsIsNode()
		if s.policy.Effect() == cedar.Forbid {
			if !couldBe(false, tree, env) {
				return false
			}
			continue
		}
		if couldBe(true, tree, env) {
			permits = append(permits, s)
		}
	}
	if len(permits) == 0 {
		return false
	}
	env.Context = p.context(permits, &attributes{}, false)
	for i := range p.guardrails {
		if !couldBe(false, p.guardrails[i].node.AsIsNode(), env) {
			return false
		}
	}
	return true
}

// couldBe reports whether an expression could evaluate to want for some values of the attributes that are still
// unknown. Cedar has two truth values and errors; here an error means "unknown".
func couldBe(want bool, n ast.IsNode, env eval.Env) bool {
	switch n := n.(type) {
	case ast.NodeTypeNot:
		return couldBe(!want, n.Arg, env)
	case ast.NodeTypeAnd:
		if want {
			return couldBe(true, n.Left, env) && couldBe(true, n.Right, env)
		}
		return couldBe(false, n.Left, env) || couldBe(false, n.Right, env)
	case ast.NodeTypeOr:
		if want {
			return couldBe(true, n.Left, env) || couldBe(true, n.Right, env)
		}
		return couldBe(false, n.Left, env) && couldBe(false, n.Right, env)
	}
	if asksForTag(n) { // Cedar returns no error for a missing tag
		return true
	}
	value, err := eval.Eval(n, env)
	if err != nil {
		return true
	}
	truth, ok := value.(types.Boolean)
	return ok && bool(truth) == want
}

func asksForTag(n ast.IsNode) bool {
	found := false
	ast.Inspect(ast.NewNode(n), func(n ast.IsNode) bool {
		_, has := n.(ast.NodeTypeHasTag)
		found = found || has
		return !found
	})
	return found
}
