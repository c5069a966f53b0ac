package logicapps

import (
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"strconv"
)

// call evaluates a function of the workflow definition language. Names are case-insensitive there; here they must be
// written as in the documentation.
func (r *Run) call(name string, a []any) (any, error) {
	if f, ok := functions[name]; ok && (f.arguments == len(a) || f.arguments < 0 && len(a) >= -f.arguments) {
		v, err := f.do(r, a)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return v, nil
	}
	return nil, fmt.Errorf("%s with %d arguments is not supported here", name, len(a))
}

type definition struct {
	arguments int // -n: n or more
	do        func(*Run, []any) (any, error)
}

var functions = map[string]definition{
	"parameters":      {1, func(r *Run, a []any) (any, error) { return r.named(r.parameters, a[0]) }},
	"variables":       {1, func(r *Run, a []any) (any, error) { return r.named(r.variables, a[0]) }},
	"outputs":         {1, func(r *Run, a []any) (any, error) { return r.outputs(a[0]) }},
	"body":            {1, func(r *Run, a []any) (any, error) { return r.bodyOf(a[0]) }},
	"triggerBody":     {0, func(r *Run, _ []any) (any, error) { return r.trigger, nil }},
	"string":          {1, func(r *Run, a []any) (any, error) { return r.textOf(a[0]), nil }},
	"json":            {1, parseText},
	"concat":          {-1, concat},
	"xml":             {1, parseXML},
	"xpath":           {2, xpath},
	"base64":          {1, encodeBase64},
	"utcNow":          {0, utcNow},
	"coalesce":        {-1, coalesce},
	"equals":          {2, func(_ *Run, a []any) (any, error) { return equal(a[0], a[1]), nil }},
	"not":             {1, func(_ *Run, a []any) (any, error) { v, err := truth(a[0]); return !v, err }},
	"and":             {-1, func(_ *Run, a []any) (any, error) { return every(a, true) }},
	"or":              {-1, func(_ *Run, a []any) (any, error) { return every(a, false) }},
	"less":            {2, func(_ *Run, a []any) (any, error) { c, err := compare(a); return c < 0, err }},
	"lessOrEquals":    {2, func(_ *Run, a []any) (any, error) { c, err := compare(a); return c <= 0, err }},
	"greater":         {2, func(_ *Run, a []any) (any, error) { c, err := compare(a); return c > 0, err }},
	"greaterOrEquals": {2, func(_ *Run, a []any) (any, error) { c, err := compare(a); return c >= 0, err }},
}

func utcNow(r *Run, _ []any) (any, error) {
	if r.engine.Now == nil {
		return nil, errors.New("utcNow: the engine has no clock")
	}
	return r.engine.Now().UTC().Format("2006-01-02T15:04:05.0000000Z"), nil
}

func (r *Run) named(from map[string]any, name any) (any, error) {
	text, _ := name.(string)
	v, found := from[text]
	if !found {
		return nil, fmt.Errorf("there is no %q", text)
	}
	return v, nil
}

// outputs returns an action's outputs. They are null if it was skipped, or failed before it sent anything.
func (r *Run) outputs(name any) (any, error) {
	text, _ := name.(string)
	if !r.known[text] {
		return nil, fmt.Errorf("there is no action %q", text)
	}
	if done, ok := r.results[text]; ok {
		return done.Outputs, nil
	}
	return nil, fmt.Errorf("the action %q has not run yet", text)
}

func (r *Run) bodyOf(name any) (any, error) {
	outputs, err := r.outputs(name)
	if err != nil {
		return nil, err
	}
	return member(outputs, "body", true)
}

func parseText(_ *Run, a []any) (any, error) {
	text, ok := a[0].(string)
	if !ok {
		return a[0], nil
	}
	return Parse([]byte(text))
}

func concat(r *Run, a []any) (any, error) {
	var text string
	for _, v := range a {
		text += r.textOf(v)
	}
	return text, nil
}

func encodeBase64(r *Run, a []any) (any, error) {
	return base64.StdEncoding.EncodeToString([]byte(r.textOf(a[0]))), nil
}

func coalesce(_ *Run, a []any) (any, error) {
	for _, v := range a {
		if v != nil {
			return v, nil
		}
	}
	return nil, nil
}

func truth(v any) (bool, error) {
	b, ok := v.(bool)
	if !ok {
		return false, errors.New("a boolean is expected")
	}
	return b, nil
}

// every reports whether all values are want; for "or" the opposite is asked.
func every(values []any, want bool) (any, error) {
	result := want
	for _, v := range values {
		b, err := truth(v)
		if err != nil {
			return nil, err
		}
		if b != want {
			result = !want
		}
	}
	return result, nil
}

func equal(a, b any) bool {
	if c, err := compare([]any{a, b}); err == nil {
		return c == 0
	}
	return reflect.DeepEqual(a, b)
}

func compare(a []any) (int, error) {
	x, ok1 := a[0].(Number)
	y, ok2 := a[1].(Number)
	if !ok1 || !ok2 {
		return 0, errors.New("two numbers are expected")
	}
	f, err1 := strconv.ParseFloat(string(x), 64)
	g, err2 := strconv.ParseFloat(string(y), 64)
	switch {
	case f < g:
		return -1, errors.Join(err1, err2)
	case f > g:
		return 1, errors.Join(err1, err2)
	}
	return 0, errors.Join(err1, err2)
}
