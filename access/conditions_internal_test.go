package access

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
)

// every yields all statements, so that Cedar evaluates every one.
type every struct{ from statements }

func (e every) All() iter.Seq2[cedar.PolicyID, *cedar.Policy] {
	return func(yield func(cedar.PolicyID, *cedar.Policy) bool) {
		for i := range e.from {
			if !yield(e.from[i].id, e.from[i].policy) {
				return
			}
		}
	}
}

// Skipping policies changes nothing: neither the decision, nor the policies that it names, nor the errors.
func TestCandidates_DecideLikeAllPolicies(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	skipped, erred, allowed, denied, alone := 0, 0, 0, 0, 0
	for range 150 {
		text := randomPolicyFile(r)
		p, err := NewPolicy("random.cedar", []byte(text))
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		for range 20 {
			q := Question{Caller: Caller{ID: pick(r, "a", "b"), Roles: []string{"r"}}, Action: pick(r, ActionSign, ActionPresign, ActionSend)}
			f := &attributes{
				profile: pick(r, "", "x", "y"), service: pick(r, "s3", "sqs"), region: pick(r, "", "x", "y"), host: pick(r, "x", "y"), port: 443,
				method: pick(r, "GET", "PUT"), path: pick(r, "", "/x", "/y"), operation: pick(r, "", "x", "y"),
				query: []Field{{Name: pick(r, "x", "y"), Value: "1"}},
			}
			request := func(v *view) cedar.Request {
				return cedar.Request{
					Principal: v.principal, Action: types.NewEntityUID("Action", types.String(q.Action)), Resource: v.resource, Context: p.nothingNamed,
				}
			}
			v, again := p.view(&q, f), p.view(&q, f)
			all := slices.Concat(p.policies, p.guardrails)
			some := &candidates{p.quick, v.principal, request(v).Action, f}
			got, gotWhy := cedar.Authorize(some, v, request(v))
			want, wantWhy := cedar.Authorize(every{all}, again, request(again))
			if got != want || !slices.Equal(gotWhy.Reasons, wantWhy.Reasons) || !slices.Equal(gotWhy.Errors, wantWhy.Errors) {
				t.Fatalf("got %v %v, of all %v %v\n%+v %+v\n%s", got, gotWhy, want, wantWhy, q, f, text)
			}
			asked := request(v)
			if permits := p.quick.permitting(nil, &asked, f); len(permits) > 0 {
				alone++
				byCedar := wantWhy.Reasons
				if want == cedar.Deny || len(wantWhy.Errors) > 0 || !slices.EqualFunc(permits, byCedar, isReason) {
					t.Fatalf("permitted without Cedar, which says %v %v\n%+v %+v\n%s", want, wantWhy, q, f, text)
				}
			}
			for range some.All() {
				skipped--
			}
			skipped += len(all)
			erred += len(wantWhy.Errors)
			if want == cedar.Allow {
				allowed++
			} else {
				denied++
			}
		}
	}
	if skipped < 1000 || erred < 1000 || allowed < 100 || denied < 100 || alone < 50 {
		t.Errorf("the test covers too little: %d policies skipped, %d errors, %d allowed, %d denied, %d allowed without Cedar", skipped,
			erred, allowed, denied, alone)
	}
}

func isReason(s *statement, r cedar.DiagnosticReason) bool { return s.id == r.PolicyID }

func pick[T any](r *rand.Rand, list ...T) T { return list[r.IntN(len(list))] }

func randomPolicyFile(r *rand.Rand) string {
	var b strings.Builder
	for range 1 + r.IntN(12) {
		fmt.Fprintf(&b, "%s (%s, %s, resource)", pick(r, "permit", "permit", "permit", "forbid"),
			pick(r, "principal", `principal == Caller::"a"`, `principal in Role::"r"`),
			pick(r, "action", `action == Action::"sign"`, `action in [Action::"sign", Action::"send"]`))
		for range r.IntN(3) {
			fmt.Fprintf(&b, " %s { %s }", pick(r, "when", "when", "when", "unless"), randomExpression(r, 3))
		}
		b.WriteString(";\n")
	}
	return b.String()
}

func randomExpression(r *rand.Rand, depth int) string {
	if depth > 0 && r.IntN(3) > 0 {
		a, b := randomExpression(r, depth-1), randomExpression(r, depth-1)
		return pick(r, a+" && "+b, a+" && "+b, a+" && ("+b+")", "("+a+") && "+b, "("+a+" || "+b+")", "!("+a+")",
			"(if "+a+" then "+b+" else false)")
	}
	attribute := "resource." + pick(r, "profile", "region", "host", "operation")
	return pick(r,
		attribute+` == "`+pick(r, "x", "y")+`"`, attribute+` == "`+pick(r, "x", "y")+`"`, `"`+pick(r, "x", "y")+`" == `+attribute,
		attribute+` != "x"`, attribute+` like "*x*"`, `resource.service == "`+pick(r, "s3", "sqs")+`"`, `resource.path == "/x"`,
		`resource.method == "GET"`, `resource.query.contains("x")`, `resource.port == 443`,
		attribute+` == resource.region`, `["x"].contains(`+attribute+`)`, "true", "false", `context.restricted`,
		`["x", "z"].contains(`+attribute+`)`, `["s3", "`+pick(r, "x", "sqs")+`"].contains(resource.service)`,
		`resource.service like "`+pick(r, "s*", "*s", "*q*")+`"`, `["x", resource.host].contains(`+attribute+`)`,
		`(resource.hasTag("query.x") && resource.getTag("query.x") == "1")`, `principal == Caller::"a"`,
	)
}
