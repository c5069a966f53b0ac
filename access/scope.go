package access

import (
	"slices"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
)

// scope is the principal and the actions that a policy names in its head. Nil means any.
type scope struct {
	principal *cedar.EntityUID
	actions   []cedar.EntityUID
}

// readScope returns the scope of a policy, and reports whether that is all that the policy's head says. No action is in
// a group.
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

// onlyAction reports whether the scope names this action alone.
func (s *scope) onlyAction(action Action) bool {
	return len(s.actions) == 1 && s.actions[0].ID == types.String(action)
}
