// Package logicapps runs workflow definitions as Azure Logic Apps does, as far
// as Countersign's own definitions go, and sends what they send as its HTTP
// action does. It is the client that Countersign is made for: one that rewrites
// requests.
//
// # What it does
//
// It evaluates the expressions of a definition, runs its actions in the order of
// runAfter, and gives every HTTP action the treatment of the real one: headers
// dropped by name and by method, bodies written out as JSON again or taken from
// an envelope, the address normalised as .NET does, headers of the engine added,
// failures repeated with the old signature, 202 polled without one. Where the
// documentation is silent it takes the worse case: the JSON it writes is spelled
// now one way, now another, and a text's Content-Type gets a charset.
//
// # What it does not do
//
// Of the language it knows what is listed in functions and in actions, by intent:
// anything else is an error, so that a definition cannot pass by being ignored.
// It knows the triggers Request and Recurrence, no chunking, no multipart.
//
// # What the caller must do
//
// Give a transport that leads to the servers meant, and a Sleep, which need not wait.
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

// Engine is what runs have in common. It may be used concurrently when its
// fields may.
type Engine struct {
	// Transport sends requests. Required.
	Transport http.RoundTripper
	// Sleep waits before a retry, a poll or in a Wait. Required.
	Sleep func(context.Context, time.Duration) error
	// Now is the engine's clock, for utcNow.
	Now func() time.Time
	// Connections are the connections that ApiConnection actions name, by id.
	Connections map[string]Connection
}

// Connection is a connection of a custom connector: where it leads and the key
// that the maker entered.
type Connection struct {
	URL    string // without a slash at its end
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
		return nil, errors.New("the definition has not one trigger")
	}
	if kind := at(triggers[0].Value, "type"); kind != "Request" && kind != "Recurrence" {
		return nil, fmt.Errorf("triggers of type %v are not known here", kind)
	}
	return w, nil
}

// Edit puts a value into the document, as its maker would in the code view.
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

// At is what stands at a path of the document, or nil.
func (w *Workflow) At(path ...string) any { return at(w.document, path...) }

// at is the value at a path, or nil.
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

// Run is one run of a workflow. Its methods serve it while it runs; afterwards
// its fields tell what happened.
type Run struct {
	// Status is Succeeded or Failed, or what a Terminate says.
	Status string
	// Actions are all actions in the order in which they ended; those of a loop
	// once for each turn.
	Actions []*Action

	engine                *Engine
	parameters, variables map[string]any
	trigger               any
	known                 map[string]bool
	results               map[string]*Action
	encoder               encoder
	terminated            bool
}

// Action is what run history keeps of an action.
type Action struct {
	Name, Type, Status string
	Err                error // why it failed
	Inputs, Outputs    any
	Calls              []Call

	secret []any // of runtimeConfiguration.secureData
}

// Call is one exchange over HTTP.
type Call struct {
	Method, URL  string
	Header       http.Header
	Body         []byte
	Status       int
	ResponseBody []byte // its body
}

// Run runs the workflow with what its trigger got. The error is that of the
// caller: a definition that cannot be run here. Actions that fail are told in
// the Run.
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

// Of gives all turns of one action.
func (r *Run) Of(name string) []*Action {
	var found []*Action
	for _, a := range r.Actions {
		if a.Name == name {
			found = append(found, a)
		}
	}
	return found
}

// History is what everyone who may see the run can read of it: inputs and
// outputs, but for those that secureData hides.
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
