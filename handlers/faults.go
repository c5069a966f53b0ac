package handlers

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"countersign/access"
	"countersign/credentials"
	"countersign/endpoints"
	"countersign/problem"
	"countersign/signing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const second = time.Second

// sentinels maps the errors of the other rooms to codes and details. What is not here is a 500 of which nothing is told.
var sentinels = []struct {
	err          error
	code, detail string
}{
	{access.ErrNoCredentials, "unauthenticated", "The request carries no key."},
	{access.ErrTokenTime, "unauthenticated", "The token has expired, or is not valid yet. Get a new one for each call."},
	{access.ErrTokenAudience, "unauthenticated", "The token is for another audience. Ask for one with the application ID URI of this service as its audience."},
	{access.ErrPerson, "forbidden", "The token is a person's, and this service takes those of applications. The operator can let people in with users: true."},
	{access.ErrNoRole, "forbidden", "The caller has none of the app roles that this service asks for. The administrator of the directory can assign one."},
	{access.ErrBadCredentials, "unauthenticated", "The key of the request is not a right one."},
	{credentials.ErrUnknownProfile, "profile_unknown", "There is no such profile, or none is named and there is no default."},
	{credentials.ErrDenied, "session_denied", "AWS does not give a session to this profile."},
	{credentials.ErrConfiguration, "session_misconfigured", "The profile's credentials cannot work as they are set up."},
	{credentials.ErrClockSkew, "session_misconfigured", "The clock of this server is more than 15 minutes off."},
	{credentials.ErrTooShort, "session_short", "No session of this profile lasts as long as was asked for."},
	{credentials.ErrUnavailable, "session_unavailable", "The session could not be had in time."},
	{access.ErrForbidden, "forbidden", "The caller is known, but may not use this service."},
	{access.ErrUnavailable, "identity_unavailable", "Who you are cannot be checked at the moment."},
	{access.ErrAudit, "audit_unavailable", "What was decided could not be put on record, so nothing is answered."},
	{errNotFound, "not_found", "The address is not part of this service."},
	{errMethodNotAllowed, "method_not_allowed", "The address does not take this method."},
	{ErrCrossOrigin, "cross_origin", "A web page of another origin made this request."},
	{ErrHostUnknown, "host_unknown", "The Host header names neither this machine nor the host of public_url."},
}

// The errors of requests that a browser made for a page of somebody else's.
var (
	ErrCrossOrigin = errors.New("cross-origin request")
	ErrHostUnknown = errors.New("unknown host, and callers are not authenticated")
)

var (
	errNotFound         = errors.New("not found")
	errMethodNotAllowed = errors.New("method not allowed")
)

// problemOf gives every error its code. Only a [problem.Error] tells details of its own.
func problemOf(err error) *problem.Error {
	var f *problem.Error
	if errors.As(err, &f) {
		return f
	}
	for _, s := range sentinels {
		if errors.Is(err, s.err) {
			f := &problem.Error{Code: s.code, Detail: s.detail, Cause: err}
			if e := new(credentials.Error); errors.As(err, &e) {
				f.RetryAfter = e.RetryAfter
			}
			if s.code == "profile_unknown" {
				f.Fields = []problem.Field{{Pointer: "/profile", Detail: "There is no such profile."}}
			}
			return f
		}
	}
	if busy := new(access.BusyError); errors.As(err, &busy) {
		return &problem.Error{Code: "busy", Detail: "The service has as many requests as it takes.", RetryAfter: busy.RetryAfter}
	}
	return &problem.Error{Code: "internal", Detail: "The request could not be served.", Cause: err}
}

// RateLimited is the error of a caller that has used up its share, until wait is over.
func RateLimited(wait time.Duration) error {
	return &problem.Error{Code: "rate_limited", Detail: "You have made as many requests as you may for now.", RetryAfter: wait}
}

// WriteError answers with the problem that err is.
func WriteError(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(err)
	event := EventOf(r.Context())
	event.Code, event.Cause = p.Code, p.Cause
	if e := new(credentials.Error); errors.As(p.Cause, &e) {
		event.Detail, event.Hint = e.Detail, e.Hint
	}
	if p.Status() == http.StatusServiceUnavailable || p.RetryAfter > 0 {
		seconds := max(1, int64((p.RetryAfter+second-1)/second))
		w.Header().Set("Retry-After", strconv.FormatInt(seconds, 10))
	}
	writeJSON(w, r, p.Status(), "application/problem+json", p.Document(event.RequestID))
}

// MethodNotAllowed answers a known address with another method; the router has set Allow.
func MethodNotAllowed(w http.ResponseWriter, r *http.Request) { WriteError(w, r, errMethodNotAllowed) }

// writeJSON encodes before it writes the status, so that an answer is whole or is a problem.
func writeJSON(w http.ResponseWriter, r *http.Request, status int, media string, v any) {
	var body bytes.Buffer
	// A problem may quote what a caller sent, whatever that is; anything else that is not UTF-8 is a fault of ours.
	refused := status >= http.StatusBadRequest
	if err := json.MarshalWrite(&body, v, json.Deterministic(true), jsontext.AllowInvalidUTF8(refused)); err != nil {
		WriteError(w, r, fmt.Errorf("encoding the answer: %w", err))
		return
	}
	header := w.Header()
	header.Set("Content-Type", media)
	header.Set("Content-Length", strconv.Itoa(body.Len()))
	header.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// A client that is gone cannot be told anything more.
	_, _ = w.Write(body.Bytes())
}

// locate turns what signing says of a field into a pointer into the caller's document.
func locate(err error, in *toSend) error {
	var e *signing.InputError
	if !errors.As(err, &e) {
		return err
	}
	reason := "The value " + e.Reason + "."
	switch e.Field {
	case "url":
		return &problem.Error{Code: "url_invalid", Detail: "The URL " + e.Reason + ".", Fields: []problem.Field{{Pointer: "/url", Detail: reason}}}
	case "query":
		pointer := "/url"
		if slices.ContainsFunc(in.Query, func(p signing.Parameter) bool { return p.Name == e.Name }) {
			pointer = "/query/" + escapePointer(e.Name)
		}
		return &problem.Error{Code: "url_invalid", Detail: "The query " + e.Reason + ".", Fields: []problem.Field{{Pointer: pointer, Detail: reason}}}
	case "headers":
		if strings.EqualFold(e.Name, "host") {
			reason = "The header " + e.Reason + ". For a private API of API Gateway behind a VPC endpoint, leave Host out " +
				"and give the header x-apigw-api-id with the id of the API; for another host, put it into the URL."
			fields := []problem.Field{{Pointer: headerPointer(in, e.Name), Detail: reason}}
			return &problem.Error{Code: "header_invalid", Detail: "The header Host differs from the URL.", Fields: fields}
		}
		return &problem.Error{Code: "header_invalid", Detail: "A header cannot be sent as it is.", Fields: []problem.Field{{Pointer: headerPointer(in, e.Name), Detail: "The header " + e.Reason + "."}}}
	case "signedHeaders":
		pointer := "/signedHeaders"
		if i := slices.IndexFunc(in.SignedHeaders, func(name string) bool { return strings.EqualFold(strings.TrimSpace(name), e.Name) }); i >= 0 {
			pointer += "/" + strconv.Itoa(i)
		}
		return problem.Invalid(pointer, "The header "+e.Reason+".")
	case "credentials":
		if in.Credentials == nil {
			return errors.Join(credentials.ErrConfiguration, err)
		}
		return problem.Invalid("/credentials", reason)
	case "fields", "startsWith":
		if e.Name != "" {
			return problem.Invalid("/"+e.Field+"/"+escapePointer(e.Name), reason)
		}
	case "sessionToken":
		if in.Credentials == nil {
			return problem.Invalid("/options/sessionToken", reason)
		}
		return problem.Invalid("/credentials/sessionToken", reason)
	case "accessKeyId", "secretAccessKey", "roleArn", "accountId", "roleName", "externalId", "sessionName", "durationSeconds":
		return problem.Invalid("/credentials/"+e.Field, reason)
	}
	return problem.Invalid("/"+e.Field, reason)
}

// refusalFault asks the caller for what the host does not tell.
func refusalFault(r *endpoints.Refusal, in *toSend) error {
	switch r.Kind {
	case endpoints.NoSigV4:
		way := "Use " + r.Instead + "."
		if strings.HasPrefix(r.Instead, "no signature") {
			way = "Send the request as it is, without a signature."
		}
		return &problem.Error{Code: "host_not_signed", Detail: "This host takes no AWS signature: " + r.Reason + ".", Fields: []problem.Field{{Pointer: "/url", Detail: way}}}
	case endpoints.Ask:
		return &problem.Error{Code: "scope_needed", Detail: "The host does not tell everything: " + r.Reason + ".", Fields: []problem.Field{{Pointer: "/" + r.Field, Detail: "Give the " + r.Field + "."}}}
	}
	var fields []problem.Field
	if in.Service == "" {
		fields = append(fields, problem.Field{Pointer: "/service", Detail: "Give the signing name of the service, for example execute-api, or s3 for an S3-compatible store."})
	}
	if in.Region == "" {
		fields = append(fields, problem.Field{Pointer: "/region", Detail: "Give the region, for example eu-west-1; S3-compatible stores have names of their own, such as auto."})
	}
	return &problem.Error{Code: "host_not_aws", Detail: "Nothing is known about this host: " + r.Reason + ".", Fields: fields}
}
