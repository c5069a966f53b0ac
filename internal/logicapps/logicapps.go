// Package logicapps runs workflow definitions as Azure Logic Apps does, to the extent that Countersign's own
// definitions need, and sends requests as its HTTP action does. It imitates the client that Countersign is made for:
// one that rewrites requests.
//
// # What it does
//
// It evaluates the expressions in a definition, runs its actions in the order of runAfter, and treats every HTTP action
// like the real engine: it drops headers by name and by method, writes bodies out as JSON again or takes them from an
// envelope, normalises the address as .NET does, adds the engine's headers, repeats failures with the old signature,
// and polls after a 202 without one. Where the documentation is silent it assumes the worse case: the JSON it writes is
// spelled in one way one time and in another the next, and a text's Content-Type gets a charset.
//
// # What it does not do
//
// It deliberately supports only the parts of the language listed in functions and in actions: anything else is an
// error, so that a definition cannot pass by being ignored. It supports the triggers Request and Recurrence, no
// chunking, no multipart.
//
// # What users must do
//
// Provide a transport that reaches the intended servers, and a Sleep, which need not wait.
package logicapps

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Engine is shared by runs. It may be used concurrently if its fields may.
type Engine struct {
	// Transport sends requests. Required.
	Transport http.RoundTripper
	// Sleep waits before a retry or a poll, or in a Wait action. Required.
	Sleep func(context.Context, time.Duration) error
	// Now is the engine's clock, for utcNow.
	Now func() time.Time
	// Connections are the connections that ApiConnection actions refer to, by id.
	Connections map[string]Connection
}

// Connection is a connection of a custom connector: its address and the key that the workflow author entered.
type Connection struct {
	URL    string // without a trailing slash
	Header http.Header
}

// Workflow is a definition with its parameters.
type Workflow struct {
	document Object
}

// Load reads {"definition": …, "parameters": …}.
func Load(text []byte) (*Workflow, error) {
	v, err := Parse(text)
	if err != nil {
		return nil, err
	}
	w := &Workflow{}
	w.document, _ = v.(Object)
	definition, ok := at(w.document, "definition").(Object)
	if !ok {
		return nil, errors.New("the document has no definition")
	}
	if err := only(definition, "$schema contentVersion parameters triggers actions outputs"); err != nil {
		return nil, fmt.Errorf("definition: %w", err)
	}
	triggers, _ := at(definition, "triggers").(Object)
	if len(triggers) != 1 {
		return nil, errors.New("the definition does not have exactly one trigger")
	}
	if kind := at(triggers[0].Value, "type"); kind != "Request" && kind != "Recurrence" {
		return nil, fmt.Errorf("triggers of type %v are not supported here", kind)
	}
	return w, nil
}

// Edit sets a value in the document, as its author would in the code view.
func (w *Workflow) Edit(value any, path ...string) error {
	o := w.document
	for i, name := range path {
		at := slices.IndexFunc(o, func(m Member) bool { return m.Name == name })
		if at < 0 {
			return fmt.Errorf("there is no %q in %q", name, path[:i])
		}
		if i == len(path)-1 {
			o[at].Value = value
			return nil
		}
		o, _ = o[at].Value.(Object)
	}
	return errors.New("no path")
}

// At returns the value at a path in the document, or nil.
func (w *Workflow) At(path ...string) any { return at(w.document, path...) }

// at returns the value at a path, or nil.
func at(v any, path ...string) any {
	for _, name := range path {
		o, _ := v.(Object)
		v, _ = o.Get(name)
	}
	return v
}

// Statuses of actions and runs.
const (
	Succeeded = "Succeeded"
	Failed    = "Failed"
	Skipped   = "Skipped"
)

// Run is one run of a workflow. After the run its fields describe what happened.
type Run struct {
	// Status is Succeeded or Failed, or the status set by a Terminate action.
	Status string
	// Actions are all actions in the order in which they ended; those in a loop occur once for each iteration.
	Actions []*Action

	engine                *Engine
	parameters, variables map[string]any
	trigger               any
	known                 map[string]bool
	results               map[string]*Action
	encoder               encoder
	terminated            bool
}

// Action is an action as the run history records it.
type Action struct {
	Name, Type, Status string
	Err                error // why it failed
	Inputs, Outputs    any
	Calls              []Call

	secret []any // from runtimeConfiguration.secureData
}

// Call is one HTTP exchange.
type Call struct {
	Method, URL  string
	Header       http.Header
	Body         []byte
	Status       int
	ResponseBody []byte // its body
}

// Run runs the workflow with the trigger's input. It fails only if the caller is at fault: the definition cannot be run
// here. Failed actions are reported in the Run.
func (e *Engine) Run(ctx context.Context, w *Workflow, trigger any) (*Run, error) {
	r := &Run{
		engine: e, trigger: trigger, parameters: map[string]any{}, variables: map[string]any{},
		known: map[string]bool{}, results: map[string]*Action{},
	}
	declared, _ := at(w.document, "definition", "parameters").(Object)
	for _, m := range declared {
		value := at(w.document, "parameters", m.Name, "value")
		if value == nil {
			value = at(m.Value, "defaultValue")
		}
		if value == nil {
			return nil, fmt.Errorf("the parameter %q has no value", m.Name)
		}
		r.parameters[m.Name] = value
	}
	actions, _ := at(w.document, "definition", "actions").(Object)
	if err := r.learn(actions); err != nil {
		return nil, err
	}
	status, err := r.scope(ctx, actions)
	if !r.terminated {
		r.Status = status
	}
	return r, err
}

// Of returns all executions of one action.
func (r *Run) Of(name string) []*Action {
	var found []*Action
	for _, a := range r.Actions {
		if a.Name == name {
			found = append(found, a)
		}
	}
	return found
}

// History returns what everyone who may see the run can read in it: inputs and outputs, except those that secureData
// hides.
func (r *Run) History() string {
	var text strings.Builder
	for _, a := range r.Actions {
		text.WriteString(a.Name + " " + a.Status)
		if !slices.Contains(a.secret, any("inputs")) {
			text.WriteString(" inputs " + r.textOf(a.Inputs))
		}
		if !slices.Contains(a.secret, any("outputs")) {
			text.WriteString(" outputs " + r.textOf(a.Outputs))
		}
		text.WriteByte('\n')
	}
	return text.String()
}
