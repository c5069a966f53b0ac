package access

import (
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
	"github.com/cedar-policy/cedar-go/x/exp/eval"
	"github.com/cedar-policy/cedar-go/x/exp/schema"
	"github.com/cedar-policy/cedar-go/x/exp/schema/validate"
)

// statement is one policy of a file.
type statement struct {
	id     cedar.PolicyID // of its @id annotation, or file:line
	policy *cedar.Policy
	reason string        // of its @reason annotation: why it forbids, for callers
	named  []types.Value // what it names, for the guardrails
	node   ast.Node      // its scope and conditions as one expression

	context           cedar.Record     // for the guardrails, when it alone permits
	principal, action *cedar.EntityUID // when its scope names just one
	fixed             []fixed
}

type statements []statement

// candidates are the statements that a request's principal, action and attributes leave: a
// [cedar.PolicyIterator], in the order of the file.
type candidates struct {
	from              statements
	principal, action cedar.EntityUID
	attributes        *attributes
}

// All passes over what Cedar would find out to be about somebody or something else: evaluating a thousand policies takes ten times
// as long as all the rest of a signature.
func (c *candidates) All() iter.Seq2[cedar.PolicyID, *cedar.Policy] {
	return func(yield func(cedar.PolicyID, *cedar.Policy) bool) {
		for i := range c.from {
			s := &c.from[i]
			if s.about(c.principal, c.action) && s.couldMatter(c.attributes) && !yield(s.id, s.policy) {
				return
			}
		}
	}
}

func (s *statement) about(principal, action cedar.EntityUID) bool {
	return (s.principal == nil || *s.principal == principal) && (s.action == nil || *s.action == action)
}

func (ss statements) byID(id cedar.PolicyID) *statement {
	i := slices.IndexFunc(ss, func(s statement) bool { return s.id == id })
	return &ss[i]
}

func (p *Policy) readStatements(file, text string) (statements, error) {
	list, err := cedar.NewPolicyListFromBytes(file, []byte(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s: holds no policy", file)
	}
	validator, err := newValidator()
	if err != nil {
		return nil, err
	}
	var faults []error
	var ss statements
	for _, policy := range list {
		where := fmt.Sprintf("%s:%d", file, policy.Position().Line)
		if len(ss) > 0 && ss[len(ss)-1].policy.Position().Line == policy.Position().Line {
			where = fmt.Sprintf("%s:%d", where, policy.Position().Column)
		}
		s := statement{id: cedar.PolicyID(where), policy: policy}
		notes := policy.Annotations()
		if id := notes["id"]; id != "" {
			s.id = cedar.PolicyID(id)
		}
		s.reason = string(notes["reason"])
		if slices.ContainsFunc(append(p.guardrails, ss...), func(o statement) bool { return o.id == s.id }) {
			faults = append(faults, fmt.Errorf("%s: the id %q is taken", where, s.id))
		}
		tree := (*ast.Policy)(policy.AST())
		if err := validator.Policy(string(s.id), tree); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", where, err))
		}
		s.node = eval.PolicyToNode(tree)
		if s.named, err = inspect(p, s.node); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", where, err))
		}
		if scope, ok := tree.Principal.(ast.ScopeTypeEq); ok {
			s.principal = &scope.Entity
		}
		if scope, ok := tree.Action.(ast.ScopeTypeEq); ok {
			s.action = &scope.Entity
		}
		s.fixed = readFixed(tree.Conditions)
		s.context = p.newContext(s.named, nil, nil, false)
		ss = append(ss, s)
	}
	return ss, errors.Join(faults...)
}

func newValidator() (*validate.Validator, error) {
	var s schema.Schema
	if err := s.UnmarshalCedar([]byte(schemaText)); err != nil {
		return nil, fmt.Errorf("reading the schema: %w", err)
	}
	resolved, err := s.Resolve()
	if err != nil {
		return nil, fmt.Errorf("resolving the schema: %w", err)
	}
	return validate.New(resolved), nil
}
