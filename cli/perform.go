package cli

import (
	"context"
	"errors"

	"countersign/broker"
	"countersign/handlers"
)

// requestSource is the request of a command line: read for signing, or as an API document. One of the two is nil.
type requestSource struct {
	input       *broker.Input
	document    []byte
	expressions bool // it has expressions of a workflow tool, whose values are unknown
}

// source reads the request from the arguments, from the file of --from or, without either, as a document from
// standard input.
func (r *curlRequest) source(p *process, command string) (requestSource, error) {
	var g requestSource
	var err error
	switch {
	case r.from != "":
		g, err = r.readPasted(p)
	case r.choice != unchosen:
		err = usageError{errors.New("--choice: applies to --from, whose FILE may hold several requests")}
	case len(r.words) > 0:
		g.input, err = r.input(p)
	default:
		g.document, err = p.document(command)
	}
	if err == nil && g.document != nil && (r.service != "" || r.region != "") {
		err = usageError{errors.New("--service, --region: the request is an API document; set them there")}
	}
	return g, err
}

// perform does one operation with the request of the command line.
func perform[T any](p *process, r *curlRequest, command string,
	ofDocument func(*handlers.Handlers, context.Context, *broker.Call, []byte) (T, error),
	ofInput func(*broker.Broker, context.Context, *broker.Call, *broker.Input) (T, error),
) (result T, err error) {
	g, err := r.source(p, command)
	if err != nil {
		return result, err
	}
	o, err := newOperator(p, r.config, r.profile, r.login != "")
	if err != nil {
		return result, err
	}
	defer o.close()
	defer p.waiting("Waiting for a session from AWS…")()
	if g.input != nil {
		o.complete(g.input)
		result, err = ofInput(broker.New(o.options), p.ctx, newCall(), g.input)
	} else {
		result, err = ofDocument(handlers.New(handlers.Options{Options: o.options}), p.ctx, newCall(), g.document)
	}
	if err != nil {
		return result, o.problem(err)
	}
	return result, nil
}
