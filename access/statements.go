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
	id     cedar.PolicyID // its @id annotation, or file:line
	policy *cedar.Policy
	reason string        // its @reason annotation: why it forbids, for callers
	named  []types.Value // the names in it, for the guardrails
	node   ast.Node      // scope and conditions as one expression

	// For requests that it alone permits: the policies in the decision, and the context for the guardrails.
	alone   []string
	context cedar.Record

	scope
	condition condition // its leading conditions
	whole     bool      // scope and condition are the whole policy
}

type statements []statement

// outcome returns whether a statement applies to a request, as far as that is known without Cedar.
func (s *statement) outcome(principal, action cedar.EntityUID, f *attributes) outcome {
	if !s.holds(principal, action) {
		return no
	}
	if o := s.condition(f); o == no || s.whole {
		return o
	}
	return unknown
}

// permitting appends to permits the statements that permit a request. It returns nil if a statement forbids the
// request, or if Cedar is needed to decide.
func (ss statements) permitting(permits []*statement, request *cedar.Request, f *attributes) []*statement {
	for i := range ss {
		s := &ss[i]
		switch o := s.outcome(request.Principal, request.Action, f); {
		case o == no:
		case o == yes && s.policy.Effect() == cedar.Permit:
			permits = append(permits, s)
		default:
			return nil
		}
	}
	return permits
}

// within returns the statement specialized for requests with this context.
func (s statement) within(context cedar.Record) statement {
	tree := (*ast.Policy)(s.policy.AST())
	_, wholeScope := readScope(tree)
	condition, wholeCondition := conditions{&context}.read(tree.Conditions)
	s.condition, s.whole = condition, wholeScope && wholeCondition
	return s
}

// candidates are the statements that may have an effect on a request, or fail on it: a [cedar.PolicyIterator] in the
// order of the file.
type candidates struct {
	from              statements
	principal, action cedar.EntityUID
	attributes        *attributes
}

// All skips the statements that surely do not apply, so that Cedar need not evaluate them.
func (c *candidates) All() iter.Seq2[cedar.PolicyID, *cedar.Policy] {
	return func(yield func(cedar.PolicyID, *cedar.Policy) bool) {
		for i := range c.from {
			s := &c.from[i]
			if s.outcome(c.principal, c.action, c.attributes) != no && !yield(s.id, s.policy) {
				return
			}
		}
	}
}

func (ss statements) byID(id cedar.PolicyID) *statement {
	i := slices.IndexFunc(ss, func(s statement) bool { return s.id == id })
	return &ss[i]
}

func (p *Policy) readStatements(validator *validate.Validator, file, text string) (statements, error) {
	list, err := cedar.NewPolicyListFromBytes(file, []byte(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s: no policies", file)
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
			faults = append(faults, fmt.Errorf("%s: duplicate policy id %q", where, s.id))
		}
		tree := (*ast.Policy)(policy.AST())
		if err := validator.Policy(string(s.id), tree); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", where, err))
		}
		s.node = eval.PolicyToNode(tree)
		if s.named, err = inspect(p, s.node); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", where, err))
		}
		var wholeScope, wholeCondition bool
		s.scope, wholeScope = readScope(tree)
		s.condition, wholeCondition = conditions{}.read(tree.Conditions)
		s.whole = wholeScope && wholeCondition
		s.alone, s.context = []string{string(s.id)}, p.newContext(s.named, nil, nil, false)
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
