package handlers

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"countersign/broker"
	"countersign/credentials"
	"countersign/problem"
	"countersign/signing"
)

const second = time.Second

// The errors of requests that a browser made for a page of another origin.
var (
	ErrCrossOrigin = &problem.Error{
		Code: "cross_origin", Detail: "A web page of another origin made this request.", Cause: errors.New("cross-origin request"),
	}
	ErrPageWithoutToken = &problem.Error{
		Code: "login_required", Detail: "A web page must call with its user's token, and with no other credentials.",
		Cause: errors.New("cross-origin request without a token"),
	}
	ErrHostUnknown = &problem.Error{
		Code: "host_unknown", Detail: "The Host header names neither this machine nor another configured name of the service.",
		Cause: errors.New("unknown host, and callers are not authenticated"),
	}
)

var (
	errNotFound = &problem.Error{
		Code: "not_found", Detail: "There is nothing at this address.", Cause: errors.New("not found"),
	}
	errMethodNotAllowed = &problem.Error{
		Code: "method_not_allowed", Detail: "This address does not allow the method.", Cause: errors.New("method not allowed"),
	}
)

// RateLimited returns the error of a caller that has used up its share, until wait is over.
func RateLimited(wait time.Duration) error {
	return &problem.Error{Code: "rate_limited", Detail: "You have made as many requests as you may for now.", RetryAfter: wait}
}

// WriteError responds with the problem for err.
func WriteError(w http.ResponseWriter, r *http.Request, err error) {
	p := broker.Problem(err).WithPointers(namedParts{}.pointer)
	event := EventOf(r)
	event.Code, event.Cause = p.Code, p.Cause
	if e := new(credentials.Error); errors.As(p.Cause, &e) {
		event.Detail, event.Hint = e.Detail, e.Hint
	}
	if p.Status() == http.StatusUnauthorized && w.Header().Get("WWW-Authenticate") == "" { // found after the caller was authenticated
		w.Header().Set("WWW-Authenticate", `Bearer realm="countersign", error="invalid_token"`)
	}
	if p.Status() == http.StatusServiceUnavailable || p.RetryAfter > 0 {
		seconds := max(1, int64((p.RetryAfter+second-1)/second))
		w.Header().Set("Retry-After", strconv.FormatInt(seconds, 10))
	}
	if service := sdkService(r); event.Passed && service != "" {
		writeForSDK(w, r, service, p.Status(), p.Document(event.RequestID))
		return
	}
	writeJSON(w, r, p.Status(), "application/problem+json", p.Document(event.RequestID))
}

// MethodNotAllowed responds to a wrong method at a known address; the router has set Allow.
func MethodNotAllowed(w http.ResponseWriter, r *http.Request) {
	err := *errMethodNotAllowed
	if allowed := w.Header().Values("Allow"); len(allowed) > 0 {
		err.Detail = "This address allows only " + strings.Join(allowed, " and ") + "."
	}
	WriteError(w, r, &err)
}

// namedParts are the fields of a document whose pointers contain a name or an index.
type namedParts struct {
	query, headers textMap
	headerList     []string // names
	signedHeaders  []string
}

// withPointers gives each part of a request that an error names the pointer of its field in the document.
func withPointers(err error, in any) error {
	var parts namedParts
	if document, ok := in.(interface{ namedParts() namedParts }); ok {
		parts = document.namedParts()
	}
	return broker.Problem(err).WithPointers(parts.pointer)
}

func (d namedParts) pointer(f problem.Field) string {
	switch f.Part {
	case "query":
		if slices.ContainsFunc(d.query, func(p signing.Parameter) bool { return p.Name == f.Name }) {
			return "/query/" + escapePointer(f.Name)
		}
		return "/url"
	case broker.AllHeaders:
		if len(d.headerList) > len(d.headers) {
			return "/headerList"
		}
		return "/headers"
	case "header":
		return d.headerPointer(f.Name)
	case "signedHeader":
		if i := slices.IndexFunc(d.signedHeaders, func(name string) bool { return strings.EqualFold(strings.TrimSpace(name), f.Name) }); i >= 0 {
			return "/signedHeaders/" + strconv.Itoa(i)
		}
		return "/signedHeaders"
	}
	pointer := "/" + strings.ReplaceAll(f.Part, ".", "/")
	if f.Name != "" {
		pointer += "/" + escapePointer(f.Name)
	}
	return pointer
}

// headerPointer finds the field that holds a header.
func (d namedParts) headerPointer(name string) string {
	for _, h := range d.headers {
		if strings.EqualFold(h.Name, name) {
			return "/headers/" + escapePointer(h.Name)
		}
	}
	for i, other := range d.headerList {
		if strings.EqualFold(other, name) {
			return "/headerList/" + strconv.Itoa(i)
		}
	}
	return "/headers"
}

// escapePointer writes a name as a token of a JSON Pointer (RFC 6901 section 3).
func escapePointer(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}
