package logicapps

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// only rejects members that are not among the words.
func only(o Object, words string) error {
	known := strings.Fields(words)
	for _, m := range o {
		if !slices.Contains(known, m.Name) {
			return fmt.Errorf("%q is not supported here", m.Name)
		}
	}
	return nil
}

// learn checks the actions of a definition before any of them runs.
func (r *Run) learn(actions Object) error {
	for _, m := range actions {
		a, _ := m.Value.(Object)
		const known = "type kind inputs runAfter runtimeConfiguration operationOptions actions else expression limit description"
		if err := only(a, known); err != nil {
			return fmt.Errorf("action %s: %w", m.Name, err)
		}
		kind, _ := at(a, "type").(string)
		if kinds[kind] == nil && kind != "If" && kind != "Until" {
			return fmt.Errorf("action %s: the type %q is not supported here", m.Name, kind)
		}
		if r.known[m.Name] {
			return fmt.Errorf("two actions are called %s", m.Name)
		}
		r.known[m.Name] = true
		for _, path := range [][]string{{"actions"}, {"else", "actions"}} {
			inner, _ := at(a, path...).(Object)
			if err := r.learn(inner); err != nil {
				return err
			}
		}
	}
	return nil
}

// scope runs actions, each after the actions in its runAfter have ended, and returns the overall status.
func (r *Run) scope(ctx context.Context, actions Object) (string, error) {
	for _, m := range actions {
		delete(r.results, m.Name) // from the previous iteration
	}
	for pending := slices.Clone(actions); len(pending) > 0; {
		i := slices.IndexFunc(pending, func(m Member) bool { return r.due(m.Value) })
		if i < 0 {
			return Failed, errors.New("actions run after one another in a cycle")
		}
		m := pending[i]
		pending = slices.Delete(pending, i, i+1)
		if err := r.act(ctx, m.Name, m.Value.(Object)); err != nil || r.terminated {
			return Failed, err
		}
	}
	return r.statusOf(actions), nil
}

// due reports whether all actions in the action's runAfter have ended.
func (r *Run) due(action any) bool {
	after, _ := at(action, "runAfter").(Object)
	return !slices.ContainsFunc(after, func(m Member) bool { return r.results[m.Name] == nil })
}

// wanted reports whether all of them ended with a status that the action accepts.
func (r *Run) wanted(action any) bool {
	after, _ := at(action, "runAfter").(Object)
	return !slices.ContainsFunc(after, func(m Member) bool {
		statuses, _ := m.Value.([]any)
		return !slices.Contains(statuses, any(r.results[m.Name].Status))
	})
}

// statusOf returns Failed if an action failed and no other action ran after it.
func (r *Run) statusOf(actions Object) string {
	followed := map[string]bool{}
	for _, m := range actions {
		after, _ := at(m.Value, "runAfter").(Object)
		for _, before := range after {
			if r.results[m.Name].Status != Skipped {
				followed[before.Name] = true
			}
		}
	}
	for _, m := range actions {
		if r.results[m.Name].Status == Failed && !followed[m.Name] {
			return Failed
		}
	}
	return Succeeded
}

// act runs one action. Its error ends the whole run: the definition is invalid, or the test's context has ended.
func (r *Run) act(ctx context.Context, name string, o Object) error {
	a := &Action{Name: name, Status: Skipped}
	a.Type, _ = at(o, "type").(string)
	a.secret, _ = at(o, "runtimeConfiguration", "secureData", "properties").([]any)
	if r.wanted(o) {
		a.Status = Succeeded
		var err error
		switch a.Type {
		case "If":
			err = r.choose(ctx, a, o)
		case "Until":
			err = r.repeat(ctx, a, o)
		default:
			if a.Inputs, a.Err = r.fill(at(o, "inputs")); a.Err == nil {
				a.Err = kinds[a.Type](ctx, r, a, o)
			}
			if a.Err != nil {
				a.Status = Failed
			}
			err = ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("action %s: %w", name, err)
		}
	}
	r.results[name] = a
	r.Actions = append(r.Actions, a)
	return nil
}

func (r *Run) choose(ctx context.Context, a *Action, o Object) error {
	yes, err := r.condition(at(o, "expression"))
	if err != nil {
		a.Status, a.Err = Failed, err
		return nil
	}
	chosen := at(o, "actions")
	if !yes {
		chosen = at(o, "else", "actions")
	}
	actions, _ := chosen.(Object)
	a.Status, err = r.scope(ctx, actions)
	return err
}

// repeat runs the actions until the expression is true or the limit is reached, which counts as success.
func (r *Run) repeat(ctx context.Context, a *Action, o Object) error {
	limit, err := strconv.Atoi(fmt.Sprint(at(o, "limit", "count")))
	if err != nil {
		return errors.New("limit.count is missing")
	}
	actions, _ := at(o, "actions").(Object)
	for range limit {
		if a.Status, err = r.scope(ctx, actions); err != nil || r.terminated {
			return err
		}
		enough, err := r.condition(at(o, "expression"))
		if err != nil {
			a.Status, a.Err = Failed, err
			return nil
		}
		if enough {
			return nil
		}
	}
	return nil
}

// condition evaluates an expression, or the designer's form of a condition: {"or": [{"equals": ["@…", 0]}, …]}.
func (r *Run) condition(v any) (bool, error) {
	o, ok := v.(Object)
	if !ok {
		filled, err := r.fill(v)
		if err != nil {
			return false, err
		}
		return truth(filled)
	}
	if len(o) != 1 {
		return false, errors.New("a condition has one operator")
	}
	operands, ok := o[0].Value.([]any)
	if !ok {
		operands = []any{o[0].Value} // not
	}
	values := make([]any, len(operands))
	for i, operand := range operands {
		var err error
		if _, nested := operand.(Object); nested {
			values[i], err = r.condition(operand)
		} else {
			values[i], err = r.fill(operand)
		}
		if err != nil {
			return false, err
		}
	}
	result, err := r.call(o[0].Name, values)
	if err != nil {
		return false, err
	}
	return truth(result)
}

// kinds maps types to simple actions; each gets its inputs evaluated.
var kinds = map[string]func(context.Context, *Run, *Action, Object) error{
	"Compose":            func(_ context.Context, _ *Run, a *Action, _ Object) error { a.Outputs = a.Inputs; return nil },
	"Http":               sendHTTP,
	"ApiConnection":      sendConnection,
	"InitializeVariable": initialize,
	"SetVariable":        set,
	"Wait":               wait,
	"Terminate":          terminate,
}

func initialize(_ context.Context, r *Run, a *Action, _ Object) error {
	list, _ := at(a.Inputs, "variables").([]any)
	for _, v := range list {
		name, _ := at(v, "name").(string)
		r.variables[name] = at(v, "value")
	}
	return nil
}

func set(_ context.Context, r *Run, a *Action, _ Object) error {
	name, _ := at(a.Inputs, "name").(string)
	if _, found := r.variables[name]; !found {
		return fmt.Errorf("the variable %q was not initialised", name)
	}
	r.variables[name] = at(a.Inputs, "value")
	return nil
}

func wait(ctx context.Context, r *Run, a *Action, _ Object) error {
	count, err := strconv.Atoi(fmt.Sprint(at(a.Inputs, "interval", "count")))
	units := map[any]time.Duration{"Second": time.Second, "Minute": time.Minute, "Hour": time.Hour}
	unit, found := units[at(a.Inputs, "interval", "unit")]
	if err != nil || !found {
		return errors.New("the interval is not supported here")
	}
	return r.engine.Sleep(ctx, time.Duration(count)*unit)
}

func terminate(_ context.Context, r *Run, a *Action, _ Object) error {
	r.Status, _ = at(a.Inputs, "runStatus").(string)
	r.terminated = true
	return nil
}
