package logicapps

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	maxURL     = 16384
	maxMessage = 100 << 20
)

// request is an HTTP action's request, evaluated and rewritten.
type request struct {
	Call
	target  target
	retries []time.Duration
	async   bool
	quiet   bool // no x-ms-* headers
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
			return fmt.Errorf("the operation option %q is not supported here", option)
		}
	}
	return nil
}

// query builds the query from the parameters of an operation: a list is repeated.
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

// authenticate supports the type Raw: the value of the Authorization header.
func (q *request) authenticate(v any) error {
	if v == nil {
		return nil
	}
	value, ok := at(v, "value").(string)
	if at(v, "type") != "Raw" || !ok {
		return errors.New("only the authentication Raw is supported here")
	}
	if q.Header.Get("Authorization") != "" {
		return errors.New("both an Authorization header and authentication are given")
	}
	q.Header.Set("Authorization", value)
	return nil
}

// setBody turns a value into bytes and sets their type, unless a header does.
func (r *Run) setBody(q *request, v any) error {
	kind := "application/json; charset=utf-8"
	envelope, _ := v.(Object)
	content, isEnvelope := envelope.Get("$content")
	if _, multipart := envelope.Get("$multipart"); multipart {
		return errors.New("multipart bodies are not supported here")
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
