package contract

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// Enforce checks next against the contract: it reports every response that the contract does not describe, and every
// request that is served although the contract does not allow it. It reads whole bodies. Requests to package proxy are
// not in the contract.
func Enforce(router routers.Router, next http.Handler, report func(error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isProxied(r) {
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			report(fmt.Errorf("%s %s: reading the request: %w", r.Method, r.URL.Path, err))
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		response := &recorded{ResponseWriter: w}
		next.ServeHTTP(response, r)

		route, params, err := router.FindRoute(r)
		if err != nil {
			preflight := r.Method == http.MethodOptions // sent by browsers before requests that are in the contract
			if !preflight && !isPage(r.URL.Path) && response.status != http.StatusNotFound && response.status != http.StatusMethodNotAllowed {
				report(fmt.Errorf("%s %s: got the response %d, but is not in the contract", r.Method, r.URL.Path, response.status))
			}
			return
		}
		again := r.Clone(context.WithoutCancel(r.Context()))
		document := body
		// A byte order mark is no part of JSON (RFC 8259 section 8.1).
		if r.Header.Get("Content-Type") != "application/octet-stream" {
			document = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
		}
		again.Body = io.NopCloser(bytes.NewReader(document))
		input := &openapi3filter.RequestValidationInput{
			Request: again, PathParams: params, Route: route,
			Options: &openapi3filter.Options{
				AuthenticationFunc:    openapi3filter.NoopAuthenticationFunc,
				IncludeResponseStatus: true,
				MultiError:            true,
			},
		}
		if err := openapi3filter.ValidateRequest(again.Context(), input); err != nil && response.status < 300 {
			report(fmt.Errorf("%s %s: served a request that the contract does not allow: %w", r.Method, r.URL.Path, err))
		}
		output := &openapi3filter.ResponseValidationInput{
			RequestValidationInput: input,
			Status:                 response.status,
			Header:                 w.Header(),
			Options:                input.Options,
		}
		if err := openapi3filter.ValidateResponse(again.Context(), output.SetBodyBytes(response.body.Bytes())); err != nil {
			report(
				errors.Join(fmt.Errorf("%s %s: the contract does not describe this response %d", r.Method, r.URL.Path, response.status), err),
			)
		}
	})
}

// isProxied reports whether a request is for package proxy.
func isProxied(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, "/proxy/") || strings.HasPrefix(r.URL.Path, "/call/")
}

// isPage reports whether a path belongs to package workbench.
func isPage(path string) bool {
	return path == "/docs" || path == "/workbench" || strings.HasPrefix(path, "/workbench/")
}

// Router returns a router that finds a request's operation in the contract.
func Router(contractYAML []byte) (routers.Router, error) {
	doc, err := load(contractYAML)
	if err != nil {
		return nil, err
	}
	for _, schema := range doc.Components.Schemas {
		for _, property := range schema.Value.Properties {
			// In OpenAPI 3.0.3 a schema without a type allows null. kin-openapi needs this stated, but other tools
			// reject it in the file.
			if property.Ref == "" && property.Value.Type == nil {
				property.Value.Nullable = true
			}
		}
	}
	return gorillamux.NewRouter(doc)
}

// recorded sends a response and keeps a copy of it.
type recorded struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (r *recorded) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorded) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	r.body.Write(b)
	return r.ResponseWriter.Write(b)
}
