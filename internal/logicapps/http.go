package logicapps

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
)

const maxPolls = 100

// sendHTTP runs the HTTP action.
func sendHTTP(ctx context.Context, r *Run, a *Action, o Object) error {
	inputs, _ := a.Inputs.(Object)
	if err := only(inputs, "method uri headers body authentication retryPolicy"); err != nil {
		return err
	}
	q := request{async: true, retries: defaultRetries()}
	if err := q.options(at(o, "operationOptions")); err != nil {
		return err
	}
	method, _ := at(inputs, "method").(string)
	uri, _ := at(inputs, "uri").(string)
	return r.send(ctx, a, &q, method, uri, inputs)
}

// sendConnection runs an action of a custom connector: its path is appended to the connection's address, and the
// connection's key is added.
func sendConnection(ctx context.Context, r *Run, a *Action, _ Object) error {
	inputs, _ := a.Inputs.(Object)
	if err := only(inputs, "host method path queries headers body retryPolicy"); err != nil {
		return err
	}
	id, _ := at(inputs, "host", "connection", "name").(string)
	connection, found := r.engine.Connections[id]
	if !found {
		return fmt.Errorf("there is no connection %q", id)
	}
	path, _ := at(inputs, "path").(string)
	method, _ := at(inputs, "method").(string)
	q := request{retries: defaultRetries()}
	headers, _ := at(inputs, "headers").(Object)
	sent := Object{{"headers", append(slices.Clone(headers), joined(connection.Header)...)}}
	for _, m := range inputs {
		if m.Name != "headers" && m.Name != "queries" {
			sent = append(sent, m)
		}
	}
	return r.send(ctx, a, &q, strings.ToUpper(method), connection.URL+path+r.query(at(inputs, "queries")), sent)
}

// send is the common part of both: build, send, repeat, poll, read.
func (r *Run) send(ctx context.Context, a *Action, q *request, method, uri string, inputs Object) error {
	if err := r.build(q, method, uri, inputs); err != nil {
		return fmt.Errorf("BadRequest: %w", err)
	}
	got, err := r.exchange(ctx, a, q)
	for polls := 0; err == nil && q.async && got.status == http.StatusAccepted && got.header.Get("Location") != ""; polls++ {
		// The asynchronous pattern: a separate GET, with nothing from the first request, and above all without its
		// signature.
		poll := request{async: true, quiet: q.quiet, retries: q.retries, Call: Call{Method: http.MethodGet, Header: http.Header{}}}
		if poll.target, err = normalize(got.header.Get("Location")); err == nil && polls == maxPolls {
			err = errors.New("polled in vain")
		}
		if err == nil {
			err = r.engine.Sleep(ctx, 20*time.Second)
		}
		if err == nil {
			got, err = r.exchange(ctx, a, &poll)
		}
	}
	if err != nil {
		return err
	}
	parsed, err := got.value()
	a.Outputs = Object{{"statusCode", Number(fmt.Sprint(got.status))}, {"headers", joined(got.header)}, {"body", parsed}}
	if err == nil && got.status >= http.StatusBadRequest {
		err = fmt.Errorf("ActionFailed: status %d", got.status)
	}
	sent, _, _ := mime.ParseMediaType(q.Header.Get("Content-Type"))
	if err == nil && sent == "application/json" && len(got.body) > 0 && !got.isJSON() {
		err = errors.New("BadRequest: a request of application/json got a response that is not JSON")
	}
	return err
}
