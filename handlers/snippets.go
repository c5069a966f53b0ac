package handlers

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"countersign/broker"
	"countersign/problem"
	"countersign/signing"
	"countersign/snippets"

	"github.com/go-json-experiment/json/jsontext"
)

// snippetRequest is a request to write for another tool.
type snippetRequest struct {
	For             string         `json:"for"`
	Request         jsontext.Value `json:"request"`
	Address         *string        `json:"address"`
	KeepExpressions bool           `json:"keepExpressions"`

	request signRequest
}

func (in *snippetRequest) check(found *problem.Fields) {
	forms := snippets.Forms()
	names := make([]string, len(forms))
	for i, form := range forms {
		names[i] = string(form)
	}
	found.OneOf("/for", &in.For, names...)
	if in.Request == nil {
		found.Require("/request", "")
		return
	}
	err := decodeDocument(in.Request, &in.request)
	if wrong := new(problem.Error); errors.As(err, &wrong) {
		if len(wrong.Fields) == 0 {
			found.Add("/request", wrong.Detail)
		}
		for _, f := range wrong.Fields {
			found.Add("/request"+f.Pointer, f.Detail)
		}
	}
}

// snippet is the response.
type snippet struct {
	Text     string `json:"text"`
	FileName string `json:"fileName"`
	Hint     string `json:"hint"`
	Variable string `json:"variable,omitzero"`
}

// CreateSnippet writes a request for another tool. It signs nothing, so it writes no record.
func (h *Handlers) CreateSnippet() http.Handler { return serveJSON(h.snippet) }

func (h *Handlers) snippet(_ context.Context, _ *broker.Call, in *snippetRequest) (*snippet, error) {
	made, err := in.snippet()
	if err != nil {
		return nil, err
	}
	out := &snippet{Text: made.Text, FileName: made.FileName, Hint: made.Hint}
	if in.Address != nil {
		out.Variable = snippets.Variable
	}
	return out, nil
}

func (in *snippetRequest) snippet() (snippets.Snippet, error) {
	if in.request.Credentials != nil {
		return snippets.Snippet{}, problem.Invalid("/request/credentials", "A snippet holds no keys. Leave them out and name a profile.")
	}
	options := snippets.Options{Expressions: in.KeepExpressions}
	if in.Address != nil {
		u, err := url.Parse(*in.Address)
		if err != nil || !slices.Contains([]string{"http", "https"}, u.Scheme) || u.Host == "" ||
			u.RawQuery != "" || u.Fragment != "" || u.User != nil {
			return snippets.Snippet{}, problem.Invalid("/address", "must be an address such as https://sign.example.com.")
		}
		options.Service = strings.TrimRight(u.String(), "/")
	}
	r, err := in.write()
	if err != nil {
		return snippets.Snippet{}, err
	}
	made, err := snippets.Write(snippets.Form(in.For), r, options)
	if err != nil {
		return snippets.Snippet{}, problem.Invalid("/for", "This form cannot hold the body: it is not text, or it has "+
			"carriage returns, which a Windows command loses. "+
			"Choose another form.")
	}
	return made, nil
}

// WriteSnippet is POST /v1/snippets for callers that have the parts of its document.
func WriteSnippet(form string, request []byte, address *string, keepExpressions bool) (snippets.Snippet, error) {
	in := snippetRequest{For: form, Request: request, Address: address, KeepExpressions: keepExpressions}
	var found problem.Fields
	in.check(&found)
	if err := found.Err(); err != nil {
		return snippets.Snippet{}, err
	}
	return in.snippet()
}

// write returns the request for package snippets.
func (in *snippetRequest) write() (*snippets.Request, error) {
	target, _, err := signing.ParseURL(broker.TrimURL(in.request.URL), in.request.Query)
	if err != nil && in.Address == nil {
		return nil, within("/request", withPointers(broker.InputProblem(err), &in.request))
	}
	body, err := in.request.readBody()
	if err != nil {
		return nil, within("/request", err)
	}
	document := withoutMembers(in.Request, "output", "bodyForm") // a snippet chooses them itself, since it reads the response
	if err := document.Indent(jsontext.WithIndent("  ")); err != nil {
		return nil, problem.Invalid("/request", "must be JSON.")
	}
	r := &snippets.Request{
		Method: in.request.Method, URL: target.String(), Document: document, Body: body.Bytes, MediaType: body.MediaType,
	}
	for _, h := range in.request.allHeaders() {
		r.Headers = append(r.Headers, snippets.Header(h))
	}
	return r, nil
}

// withoutMembers returns an object without the members of some names. The value is known to be an object.
func withoutMembers(object jsontext.Value, names ...string) jsontext.Value {
	var kept bytes.Buffer
	d, e := jsontext.NewDecoder(bytes.NewReader(object)), jsontext.NewEncoder(&kept)
	_, err := d.ReadToken()
	_ = e.WriteToken(jsontext.BeginObject)
	for err == nil && d.PeekKind() == '"' {
		var value jsontext.Value
		token, _ := d.ReadToken()
		name := token.String()
		if value, err = d.ReadValue(); !slices.Contains(names, name) {
			_ = e.WriteToken(jsontext.String(name))
			_ = e.WriteValue(value)
		}
	}
	_ = e.WriteToken(jsontext.EndObject)
	return kept.Bytes()
}

// within returns an error of a document that is a field of another.
func within(pointer string, err error) error {
	p := *broker.Problem(err)
	p.Fields = slices.Clone(p.Fields)
	for i := range p.Fields {
		p.Fields[i].Pointer = pointer + p.Fields[i].Pointer
	}
	return &p
}
