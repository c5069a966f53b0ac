package access

import (
	"slices"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
)

// scope is whom and what a policy is about, as far as it says so by name. Nil stands for everybody, and everything.
type scope struct {
	principal *cedar.EntityUID
	actions   []cedar.EntityUID
}

// readScope is the scope of a policy, and whether the policy's head says nothing else. Actions are in no groups.
func readScope(tree *ast.Policy) (s scope, whole bool) {
	_, whole = tree.Resource.(ast.ScopeTypeAll)
	switch principal := tree.Principal.(type) {
	case ast.ScopeTypeAll:
	case ast.ScopeTypeEq:
		s.principal = &principal.Entity
	default:
		whole = false
	}
	switch action := tree.Action.(type) {
	case ast.ScopeTypeAll:
	case ast.ScopeTypeEq:
		s.actions = []cedar.EntityUID{action.Entity}
	case ast.ScopeTypeInSet:
		s.actions = action.Entities
	default:
		whole = false
	}
	return s, whole
}

func (s *scope) holds(principal, action cedar.EntityUID) bool {
	return (s.principal == nil || *s.principal == principal) && (s.actions == nil || slices.Contains(s.actions, action))
}

// onlyAction tells whether the scope names this action alone.
func (s *scope) onlyAction(action Action) bool {
	return len(s.actions) == 1 && s.actions[0].ID == types.String(action)
}
