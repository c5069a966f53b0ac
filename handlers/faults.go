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

// faultOf gives every error its code. Only faults made here tell details of their own.
func faultOf(err error) *fault {
	var f *fault
	if errors.As(err, &f) {
		return f
	}
	for _, s := range sentinels {
		if errors.Is(err, s.err) {
			f := &fault{code: s.code, detail: s.detail, cause: err}
			if e := new(credentials.Error); errors.As(err, &e) {
				f.retryAfter = e.RetryAfter
			}
			if s.code == "profile_unknown" {
				f.fields = []FieldError{{"/profile", "There is no such profile."}}
			}
			return f
		}
	}
	if busy := new(access.BusyError); errors.As(err, &busy) {
		return &fault{code: "busy", detail: "The service has as many requests as it takes.", retryAfter: busy.RetryAfter}
	}
	return &fault{code: "internal", detail: "The request could not be served.", cause: err}
}

// RateLimited is the error of a caller that has used up its share, until wait is over.
func RateLimited(wait time.Duration) error {
	return &fault{code: "rate_limited", detail: "You have made as many requests as you may for now.", retryAfter: wait}
}

// WriteError answers with the problem that err is.
func WriteError(w http.ResponseWriter, r *http.Request, err error) {
	f := faultOf(err)
	k := kinds[f.code]
	event := EventOf(r.Context())
	event.Code, event.Cause = f.code, f.cause
	if e := new(credentials.Error); errors.As(f.cause, &e) {
		event.Detail, event.Hint = e.Detail, e.Hint
	}
	if k.status == http.StatusServiceUnavailable || f.retryAfter > 0 {
		seconds := max(1, int64((f.retryAfter+second-1)/second))
		w.Header().Set("Retry-After", strconv.FormatInt(seconds, 10))
	}
	writeJSON(w, r, k.status, "application/problem+json", Problem{
		Type: "urn:countersign:problem:" + f.code, Title: k.title, Status: k.status, Code: f.code,
		Detail: f.detail, Hint: k.hint, Instance: event.RequestID, Errors: f.fields,
	})
}

// MethodNotAllowed answers a known address with another method; the router has set Allow.
func MethodNotAllowed(w http.ResponseWriter, r *http.Request) { WriteError(w, r, errMethodNotAllowed) }

// writeJSON encodes before it writes the status, so that an answer is whole or is a problem.
func writeJSON(w http.ResponseWriter, r *http.Request, status int, media string, v any) {
	var body bytes.Buffer
	// A problem may quote what a caller sent, whatever that is; anything else that is not UTF-8 is a fault of ours.
	problem := status >= http.StatusBadRequest
	if err := json.MarshalWrite(&body, v, json.Deterministic(true), jsontext.AllowInvalidUTF8(problem)); err != nil {
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
		return &fault{code: "url_invalid", detail: "The URL " + e.Reason + ".", fields: []FieldError{{"/url", reason}}}
	case "query":
		pointer := "/url"
		if slices.ContainsFunc(in.Query, func(p signing.Parameter) bool { return p.Name == e.Name }) {
			pointer = "/query/" + escapePointer(e.Name)
		}
		return &fault{code: "url_invalid", detail: "The query " + e.Reason + ".", fields: []FieldError{{pointer, reason}}}
	case "headers":
		if strings.EqualFold(e.Name, "host") {
			reason = "The header " + e.Reason + ". For a private API of API Gateway behind a VPC endpoint, leave Host out " +
				"and give the header x-apigw-api-id with the id of the API; for another host, put it into the URL."
			fields := []FieldError{{headerPointer(in, e.Name), reason}}
			return &fault{code: "header_invalid", detail: "The header Host differs from the URL.", fields: fields}
		}
		return &fault{code: "header_invalid", detail: "A header cannot be sent as it is.", fields: []FieldError{{headerPointer(in, e.Name), "The header " + e.Reason + "."}}}
	case "signedHeaders":
		pointer := "/signedHeaders"
		if i := slices.IndexFunc(in.SignedHeaders, func(name string) bool { return strings.EqualFold(strings.TrimSpace(name), e.Name) }); i >= 0 {
			pointer += "/" + strconv.Itoa(i)
		}
		return fieldFault(pointer, "The header "+e.Reason+".")
	case "credentials":
		if in.Credentials == nil {
			return errors.Join(credentials.ErrConfiguration, err)
		}
		return fieldFault("/credentials", reason)
	case "fields", "startsWith":
		if e.Name != "" {
			return fieldFault("/"+e.Field+"/"+escapePointer(e.Name), reason)
		}
	case "sessionToken":
		if in.Credentials == nil {
			return fieldFault("/options/sessionToken", reason)
		}
		return fieldFault("/credentials/sessionToken", reason)
	case "accessKeyId", "secretAccessKey", "roleArn", "accountId", "roleName", "externalId", "sessionName", "durationSeconds":
		return fieldFault("/credentials/"+e.Field, reason)
	}
	return fieldFault("/"+e.Field, reason)
}

// refusalFault asks the caller for what the host does not tell.
func refusalFault(r *endpoints.Refusal, in *toSend) error {
	switch r.Kind {
	case endpoints.NoSigV4:
		way := "Use " + r.Instead + "."
		if strings.HasPrefix(r.Instead, "no signature") {
			way = "Send the request as it is, without a signature."
		}
		return &fault{code: "host_not_signed", detail: "This host takes no AWS signature: " + r.Reason + ".", fields: []FieldError{{"/url", way}}}
	case endpoints.Ask:
		return &fault{code: "scope_needed", detail: "The host does not tell everything: " + r.Reason + ".", fields: []FieldError{{"/" + r.Field, "Give the " + r.Field + "."}}}
	}
	var fields []FieldError
	if in.Service == "" {
		fields = append(fields, FieldError{"/service", "Give the signing name of the service, for example execute-api, or s3 for an S3-compatible store."})
	}
	if in.Region == "" {
		fields = append(fields, FieldError{"/region", "Give the region, for example eu-west-1; S3-compatible stores have names of their own, such as auto."})
	}
	return &fault{code: "host_not_aws", detail: "Nothing is known about this host: " + r.Reason + ".", fields: fields}
}
