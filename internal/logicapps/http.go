package logicapps

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	maxURL     = 16384
	maxMessage = 100 << 20
	maxPolls   = 100
)

// request is an HTTP action, evaluated and rewritten.
type request struct {
	Call
	target  target
	retries []time.Duration
	async   bool
	quiet   bool // no x-ms-* headers
}

// sendHTTP is the HTTP action.
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

func (q *request) options(v any) error {
	text, _ := v.(string)
	for option := range strings.SplitSeq(text, ",") {
		switch strings.TrimSpace(option) {
		case "":
		case "DisableAsyncPattern":
			q.async = false
		case "SuppressWorkflowHeaders":
			q.quiet = true
		default:
			return fmt.Errorf("the operation option %q is not known here", option)
		}
	}
	return nil
}

// sendConnection is an action of a custom connector: its path behind the
// connection's address, with the connection's key.
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

// query is made of the parameters of an operation: a list is repeated.
func (r *Run) query(v any) string {
	var pairs []string
	queries, _ := v.(Object)
	for _, m := range queries {
		values, isList := m.Value.([]any)
		if !isList {
			values = []any{m.Value}
		}
		for _, value := range values {
			pairs = append(pairs, escaped(m.Name)+"="+escaped(r.textOf(value)))
		}
	}
	if len(pairs) == 0 {
		return ""
	}
	return "?" + strings.Join(pairs, "&")
}

func escaped(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

// send does what both have in common: build, send, repeat, poll, read.
func (r *Run) send(ctx context.Context, a *Action, q *request, method, uri string, inputs Object) error {
	if err := r.build(q, method, uri, inputs); err != nil {
		return fmt.Errorf("BadRequest: %w", err)
	}
	got, err := r.exchange(ctx, a, q)
	for polls := 0; err == nil && q.async && got.status == http.StatusAccepted && got.header.Get("Location") != ""; polls++ {
		// The asynchronous pattern: a GET of its own, with nothing of the
		// first request, least of all its signature.
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
		err = errors.New("BadRequest: a request of application/json got an answer that is not JSON")
	}
	return err
}

var methods = []string{http.MethodGet, http.MethodPut, http.MethodPost, http.MethodPatch, http.MethodDelete}

func (r *Run) build(q *request, method, uri string, inputs Object) error {
	if !slices.Contains(methods, method) {
		return fmt.Errorf("the method %q is not offered", method)
	}
	var err error
	if q.target, err = normalize(uri); err != nil {
		return err
	}
	if len(uri) > maxURL {
		return errors.New("the address is too long")
	}
	q.Method, q.Header = method, http.Header{}
	headers, ok := at(inputs, "headers").(Object)
	if v := at(inputs, "headers"); v != nil && !ok {
		return errors.New("headers are not an object")
	}
	for _, m := range headers {
		value, ok := m.Value.(string)
		if !ok {
			return fmt.Errorf("the header %q is not a text", m.Name)
		}
		if !dropped(method, m.Name) {
			q.Header.Set(m.Name, value)
		}
	}
	if err := q.authenticate(at(inputs, "authentication")); err != nil {
		return err
	}
	if err := r.setBody(q, at(inputs, "body")); err != nil {
		return err
	}
	if !q.quiet {
		q.addEngineHeaders()
	}
	if policy := at(inputs, "retryPolicy"); policy != nil {
		q.retries, err = retries(policy)
	}
	return err
}

// authenticate knows the type Raw: the value of the Authorization header.
func (q *request) authenticate(v any) error {
	if v == nil {
		return nil
	}
	value, ok := at(v, "value").(string)
	if at(v, "type") != "Raw" || !ok {
		return errors.New("only the authentication Raw is known here")
	}
	if q.Header.Get("Authorization") != "" {
		return errors.New("both an Authorization header and authentication are given")
	}
	q.Header.Set("Authorization", value)
	return nil
}

// setBody turns a value into bytes and says their type, unless a header does.
func (r *Run) setBody(q *request, v any) error {
	kind := "application/json; charset=utf-8"
	envelope, _ := v.(Object)
	content, isEnvelope := envelope.Get("$content")
	if _, multipart := envelope.Get("$multipart"); multipart {
		return errors.New("multipart bodies are not known here")
	}
	text, isText := v.(string)
	switch {
	case v == nil:
		return nil
	case isText:
		q.Body, kind = []byte(text), "text/plain; charset=utf-8"
		if given := q.Header.Get("Content-Type"); given != "" && !strings.Contains(given, "charset") {
			q.Header.Set("Content-Type", given+"; charset=utf-8")
		}
	case isEnvelope:
		encoded, _ := content.(string)
		var err error
		if q.Body, err = base64.StdEncoding.DecodeString(encoded); err != nil {
			return fmt.Errorf("$content: %w", err)
		}
		kind, _ = at(v, "$content-type").(string)
	default:
		q.Body = r.encoder.encode(v)
	}
	if q.Method == http.MethodGet {
		return errors.New("a GET cannot have a body")
	}
	if len(q.Body) > maxMessage {
		return errors.New("the body is too large")
	}
	if q.Header.Get("Content-Type") == "" && kind != "" {
		q.Header.Set("Content-Type", kind)
	}
	return nil
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// value is the answer's body: JSON is parsed, text is a text, all else an
// envelope.
func (a answer) value() (any, error) {
	switch {
	case len(a.body) == 0:
		return nil, nil
	case a.isJSON():
		return Parse(a.body)
	case strings.HasPrefix(a.media(), "text/"):
		return strings.ToValidUTF8(string(a.body), "\uFFFD"), nil
	}
	return Object{{"$content-type", a.header.Get("Content-Type")}, {"$content", base64.StdEncoding.EncodeToString(a.body)}}, nil
}

func (a answer) media() string {
	media, _, _ := mime.ParseMediaType(a.header.Get("Content-Type"))
	return media
}

func (a answer) isJSON() bool {
	return a.media() == "application/json" || strings.HasSuffix(a.media(), "+json")
}

func joined(header http.Header) Object {
	var o Object
	for name, values := range header {
		o = append(o, Member{name, strings.Join(values, ",")})
	}
	return o
}

// exchange sends a request, again and again as its policy says, with the same
// headers each time.
func (r *Run) exchange(ctx context.Context, a *Action, q *request) (answer, error) {
	for attempt := 0; ; attempt++ {
		got, err := r.once(ctx, a, q)
		again := err != nil || got.status == http.StatusRequestTimeout || got.status == http.StatusTooManyRequests || got.status >= 500
		if !again || attempt >= len(q.retries) || ctx.Err() != nil {
			return got, err
		}
		if err := r.engine.Sleep(ctx, q.retries[attempt]); err != nil {
			return answer{}, err
		}
	}
}

func (r *Run) once(ctx context.Context, a *Action, q *request) (answer, error) {
	sent := q.Call
	sent.URL, sent.Header = q.target.String(), q.Header.Clone()
	request := (&http.Request{
		Method: q.Method, URL: q.target.url(), Host: q.target.host, Header: sent.Header, ContentLength: int64(len(q.Body)),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(ctx)
	if len(q.Body) > 0 {
		request.Body = io.NopCloser(bytes.NewReader(q.Body))
	}
	defer func() { a.Calls = append(a.Calls, sent) }()
	response, err := r.engine.Transport.RoundTrip(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	sent.Status, sent.Answer = response.StatusCode, body
	return answer{response.StatusCode, response.Header, body}, err
}
