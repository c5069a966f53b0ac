package access

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	_ "embed"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
)

//go:embed guardrails.cedar
var guardrails string

//go:embed default.cedar
var defaultPolicy string

//go:embed countersign.cedarschema
var schemaText string

// Guardrails returns the text of the policies that apply in addition to every policy file.
func Guardrails() string { return guardrails }

// Schema returns the Cedar schema that policy files are checked against.
func Schema() string { return schemaText }

// Policy decides which callers' requests are signed or sent. Make one with [NewPolicy].
type Policy struct {
	policies     statements // the operator's, or the default one
	guardrails   statements
	quick        statements // both, specialized for requests in which nothing needs to be named
	restricted   bool       // a policy file is loaded
	hash         [sha256.Size]byte
	reads        map[string]bool // attributes of requests that policies read
	readsCaller  bool
	asked        askedNames
	headersAsSet bool // a policy looks at all headers, not only at some by name

	nothingNamed cedar.Record

	protocols    map[string]protocol
	calls        map[string][]call
	s3Operations map[[3]string]string
	s3Selectors  map[string]bool
}

// NewPolicy reads a policy file. A nil document means no file: then every caller may use every profile for every
// service that the guardrails do not guard. With a file, what no policy permits is denied.
//
// All faults are returned joined, each with the file's name and the line.
func NewPolicy(file string, document []byte) (*Policy, error) {
	p := &Policy{restricted: document != nil, reads: map[string]bool{}, asked: askedNames{}}
	p.nothingNamed = p.newContext(nil, nil, nil, false)
	if err := p.readTables(); err != nil {
		return nil, err
	}
	validator, err := newValidator()
	if err != nil {
		return nil, err
	}
	if p.guardrails, err = p.readStatements(validator, "guardrails.cedar", guardrails); err != nil {
		return nil, fmt.Errorf("reading the guardrails: %w", err)
	}
	text := string(document)
	p.hash = sha256.Sum256(document)
	if !p.restricted {
		file, text = "default.cedar", defaultPolicy
	}
	if p.policies, err = p.readStatements(validator, file, text); err != nil {
		return nil, fmt.Errorf("reading policies: %w", err)
	}
	p.quick = slices.Clone(p.policies)
	for _, s := range p.guardrails {
		p.quick = append(p.quick, s.within(p.nothingNamed))
	}
	return p, nil
}

// SHA256 returns the hash of the policy file in hexadecimal digits, or "" without a file.
func (p *Policy) SHA256() string {
	if !p.restricted {
		return ""
	}
	return hex.EncodeToString(p.hash[:])
}

// Decide decides a question. The decision depends only on the question, and whatever cannot be determined is denied.
func (p *Policy) Decide(q Question) Decision {
	if q.Caller.ID == "" {
		return Decision{Reason: "the request has no caller"}
	}
	if reason := q.Caller.limit(q.Request.Profile, q.Request.OwnKeys); reason != "" {
		return Decision{Reason: reason}
	}
	f, bad := p.readAttributes(&q)
	d := Decision{Operation: f.operation, Malformed: bad.field, Reason: bad.reason}
	if d.Reason == "" {
		d.Reason = p.asked.ambiguity(&f)
	}
	if d.Reason == "" && p.headersAsSet {
		d.Reason = anyEmpty(f.headers)
	}
	if d.Reason != "" {
		return d
	}
	request := cedar.Request{
		Principal: types.NewEntityUID("Caller", types.String(q.Caller.ID)),
		Action:    types.NewEntityUID("Action", types.String(q.Action)),
		Resource:  types.NewEntityUID("Request", "request"),
		Context:   p.nothingNamed,
	}
	// In most requests nothing needs to be named; then one pass decides by policies and guardrails together. Naming
	// only ever lifts a guardrail.
	nothingToName := len(f.unusual) == 0 && len(f.credentials) == 0 && !q.Request.OwnKeys
	if nothingToName {
		var space [8]*statement
		if permits := p.quick.permitting(space[:0], &request, &f); len(permits) > 0 {
			return d.allow(permits)
		}
	}
	return p.decideByCedar(q, f, request, d, nothingToName)
}

func (p *Policy) decideByCedar(q Question, f attributes, request cedar.Request, d Decision, nothingToName bool) Decision {
	v := p.view(&q, &f)
	if nothingToName {
		quick := d
		if permits, denied := p.quick.decide(v, request, &quick); !denied && len(permits) > 0 {
			return quick.allow(permits)
		}
	}
	permits, denied := p.policies.decide(v, request, &d)
	if denied {
		return d
	}
	if len(permits) == 0 {
		d.Reason = "no policy permits this"
		return d
	}
	request.Context = p.context(permits, &f, q.Request.OwnKeys)
	if _, denied := p.guardrails.decide(v, request, &d); denied {
		if names := slices.Concat(f.credentials, f.unusual); len(names) > 0 {
			d.Reason += fmt.Sprintf(" (%.200s)", strings.Join(names, ", "))
		}
		return d
	}
	return d.allow(permits)
}

func (d Decision) allow(by []*statement) Decision {
	d.Allowed = true
	if len(by) == 1 && len(d.Policies) == 0 {
		d.Policies = by[0].alone
		return d
	}
	for _, s := range by {
		d.Policies = append(d.Policies, string(s.id))
	}
	return d
}

// decide evaluates all statements. A forbid that cannot be evaluated denies, because it reads something that the
// request leaves undetermined. Cedar itself would skip it.
func (ss statements) decide(v *view, request cedar.Request, d *Decision) (permits []*statement, denied bool) {
	decision, diagnostic := cedar.Authorize(&candidates{ss, request.Principal, request.Action, v.f}, v, request)
	for _, e := range diagnostic.Errors {
		s := ss.byID(e.PolicyID)
		d.Notes = append(d.Notes, fmt.Sprintf("%s: %s", e.PolicyID, e.Message))
		if s.policy.Effect() == cedar.Forbid {
			what, _, _ := strings.Cut(e.Message[strings.LastIndex(e.Message, " `")+1:], " ")
			d.deny(s, fmt.Sprintf("the policy %s reads an attribute that cannot be determined for this request: %s", s.id, what))
		}
	}
	for _, reason := range diagnostic.Reasons {
		s := ss.byID(reason.PolicyID)
		if decision == cedar.Deny {
			d.deny(s, cmp.Or(s.reason, "a policy forbids this"))
			continue
		}
		permits = append(permits, s)
	}
	return permits, len(d.Policies) > 0
}

func (d *Decision) deny(by *statement, reason string) {
	d.Policies = append(d.Policies, string(by.id))
	d.Reason = cmp.Or(d.Reason, reason)
}

// askedNames are the names that policies look for, by their lower-case spelling: "query.prefix", "operation.GetItem".
type askedNames map[string]asked

type asked struct {
	spellings []string
	value     bool // a policy reads the value, not only whether the name is there
}

func (a askedNames) add(name string, value bool) {
	key := strings.ToLower(name)
	was := a[key]
	a[key] = asked{append(was.spellings, name), was.value || value}
}

// ambiguity returns why a request cannot be decided, or "": a name that a policy looks for is in another case, or
// occurs more than once and the policy reads its value. Receivers differ about both.
func (a askedNames) ambiguity(f *attributes) string {
	if len(a) == 0 {
		return ""
	}
	for i, q := range f.query {
		name := "query." + q.Name
		want, found := a[strings.ToLower(name)]
		if !found {
			continue
		}
		if !slices.Contains(want.spellings, name) {
			return fmt.Sprintf("the query parameter %q is spelled differently in a policy", q.Name)
		}
		for _, other := range f.query[:i] {
			if want.value && other.Name == q.Name {
				return fmt.Sprintf("the query parameter %q is given more than once", q.Name)
			}
		}
	}
	for _, h := range f.headers {
		switch want, found := a["header."+h.Name]; {
		case !found:
		case want.value && !oneValue(f.headers, h.Name):
			return fmt.Sprintf("the header %q has more than one value, or one with a comma, which could be sent as two", h.Name)
		case onlyEmpty(f.headers, h.Name):
			return fmt.Sprintf("the header %q is empty; lenient receivers sign an empty header like a missing one", h.Name)
		}
	}
	if f.operation != "" {
		name := "operation." + f.operation
		if want, found := a[strings.ToLower(name)]; found && !slices.Contains(want.spellings, name) {
			return fmt.Sprintf("the operation %q is spelled differently in a policy", f.operation)
		}
	}
	return ""
}
