// Package problem describes why a request was not served: the error codes, each with its status, title and hint, the
// RFC 9457 document, and the error type that carries them from where a fault is found to where the response is written.
//
// It neither writes nor reads responses. The code of an [Error] must be one of those in the table. The detail and the
// fields of an Error are shown to the caller, its cause never is.
package problem

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Document is the response to a request that was not served.
type Document struct {
	Type     string       `json:"type"`
	Title    string       `json:"title"`
	Status   int          `json:"status"`
	Code     string       `json:"code"`
	Detail   string       `json:"detail"`
	Hint     string       `json:"hint,omitzero"`
	Instance string       `json:"instance"`
	Errors   []Field      `json:"errors,omitempty"`
	AWS      *AWSResponse `json:"aws,omitzero"`
	// Diagnosis says why AWS responded this way.
	Diagnosis *Diagnosis `json:"diagnosis,omitzero"`
}

// AWSResponse is AWS's response to a request that this service sent, if that response is the problem.
type AWSResponse struct {
	Status    int               `json:"status"`
	Code      string            `json:"code,omitzero"`
	Message   string            `json:"message,omitzero"`
	RequestID string            `json:"requestId,omitzero"`
	Headers   map[string]string `json:"headers"`
	Body      any               `json:"body,omitzero"` // any JSON value
}

// Diagnosis is the cause of AWS's refusal, as far as it is known, and what to do about it in a workflow.
type Diagnosis struct {
	Cause     string `json:"cause"`
	Detail    string `json:"detail,omitzero"`
	Title     string `json:"title"`
	Certainty string `json:"certainty"`
	Reason    string `json:"reason"`
	// Evidence lists the places that differ, without anything secret.
	Evidence      []Evidence `json:"evidence,omitempty"`
	FixInWorkflow string     `json:"fixInWorkflow"`
	Read          string     `json:"read"`
}

// Evidence is a place where what was signed differs from what AWS received or expects.
type Evidence struct {
	Part    string `json:"part"`
	Signed  string `json:"signed"`
	Arrived string `json:"arrived"`
}

// Field says what is wrong with one part of a request. Code that reads a document sets the JSON Pointer (RFC 6901).
// Other code names the part, and [Error.WithPointers] finds the field that it came from.
type Field struct {
	Pointer string `json:"pointer"`
	Detail  string `json:"detail"`
	// Part is the part's name, with a dot if it is nested: "url", "header", "credentials.accountId".
	Part string `json:"-"`
	// Name is the name of the header, parameter or form field at fault.
	Name string `json:"-"`
}

// Error is an error whose detail, hint and fields are shown to the caller. Its cause goes only to the log.
type Error struct {
	Code       string
	Detail     string
	Fields     []Field
	RetryAfter time.Duration
	Cause      error
	// AWS and Diagnosis are shown as well. StatusCode replaces the code's own status if it is not 0.
	AWS        *AWSResponse
	Diagnosis  *Diagnosis
	StatusCode int
}

// Error implements error.
func (e *Error) Error() string {
	if e.Cause != nil {
		return e.Code + ": " + e.Cause.Error()
	}
	return e.Code + ": " + e.Detail
}

func (e *Error) Unwrap() error { return e.Cause }

// Status returns the HTTP status of the response.
func (e *Error) Status() int {
	if e.StatusCode != 0 {
		return e.StatusCode
	}
	return kinds[e.Code].status
}

// Document returns the document for the caller. The instance is the request id.
func (e *Error) Document(instance string) Document {
	k := kinds[e.Code]
	fields := slices.Clone(e.Fields)
	for i, f := range fields {
		fields[i].Pointer, fields[i].Detail = clip(f.Pointer, maxPointer), clip(f.Detail, maxDetail)
	}
	return Document{
		Type: "urn:countersign:problem:" + e.Code, Title: k.title, Status: e.Status(), Code: e.Code,
		Detail: clip(detail(e.Detail, fields), maxDetail), Hint: k.hint, Instance: instance, Errors: fields, AWS: e.AWS, Diagnosis: e.Diagnosis,
	}
}

// detail returns all faults in one text, because tools show a problem's detail but not its list of errors: the general
// fault first, then each field with its fault.
func detail(text string, fields []Field) string {
	parts := make([]string, 0, len(fields)+1)
	if text != "" && !slices.ContainsFunc(fields, func(f Field) bool { return f.Detail == text }) {
		parts = append(parts, text)
	}
	for _, f := range fields {
		if name := fieldName(f.Pointer); name != "" {
			parts = append(parts, name+": "+f.Detail)
		} else {
			parts = append(parts, "The document "+f.Detail)
		}
	}
	return strings.Join(parts, " ")
}

// fieldName writes a JSON Pointer the way people do: /headerList/0/name is headerList[0].name.
func fieldName(pointer string) string {
	var b strings.Builder
	for token := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		name := strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
		switch {
		case name != "" && strings.Trim(name, "0123456789") == "" && b.Len() > 0:
			b.WriteString("[" + name + "]")
		case b.Len() > 0:
			b.WriteString("." + name)
		default:
			b.WriteString(name)
		}
	}
	return b.String()
}

// Known reports whether a code exists.
func Known(code string) bool {
	_, ok := kinds[code]
	return ok
}

// Invalid returns the error for one invalid field.
func Invalid(pointer, detail string) *Error {
	return &Error{Code: "field_invalid", Fields: []Field{{Pointer: pointer, Detail: detail}}}
}

// InvalidPart is [Invalid] for code that knows no document: a part, and the name of what is at fault in it, or "".
func InvalidPart(part, name, detail string) *Error {
	return &Error{Code: "field_invalid", Fields: []Field{{Part: part, Name: name, Detail: detail}}}
}

// WithPointers returns the error with a pointer for each named part, as found by find.
func (e *Error) WithPointers(find func(Field) string) *Error {
	found := *e
	found.Fields = slices.Clone(e.Fields)
	for i := range found.Fields {
		if f := &found.Fields[i]; f.Part != "" {
			f.Pointer, f.Part, f.Name = find(*f), "", ""
		}
	}
	return &found
}

// Fields collects the faults of several fields, so that the caller sees them all at once: the first maxFields of them.
type Fields struct {
	missing bool
	list    []Field
	all     int
}

// Limits that keep a response small, whatever the request holds.
const (
	maxFields  = 20
	maxPointer = 512
	maxDetail  = 2048
)

// Add adds a field's fault. Only a field's first fault counts: a missing field is not also malformed.
func (f *Fields) Add(pointer, detail string) {
	if slices.ContainsFunc(f.list, func(have Field) bool { return have.Pointer == pointer }) {
		return
	}
	if f.all++; f.all <= maxFields {
		f.list = append(f.list, Field{Pointer: pointer, Detail: detail})
	}
}

// Require adds a fault if the value is empty.
func (f *Fields) Require(pointer, value string) {
	if value == "" {
		f.missing = true
		f.Add(pointer, "is required.")
	}
}

// OneOf adds a fault if the value is not one of those allowed. A nil value is allowed.
func (f *Fields) OneOf(pointer string, value *string, allowed ...string) {
	if value == nil {
		return
	}
	if slices.Contains(allowed, *value) {
		return
	}
	text := "must be one of " + strings.Join(allowed, ", ")
	if meant := Nearest(*value, allowed); meant != "" {
		f.Add(pointer, text+"; did you mean "+meant+"?")
		return
	}
	f.Add(pointer, text+".")
}

// Between adds a fault if a number is out of range.
func (f *Fields) Between(pointer string, value, low, high int64) {
	if value < low || value > high {
		f.Add(pointer, "must be from "+strconv.FormatInt(low, 10)+" to "+strconv.FormatInt(high, 10)+".")
	}
}

// List returns the faults.
func (f *Fields) List() []Field { return f.list }

// Err returns an error with the faults, or nil if there are none.
func (f *Fields) Err() error {
	more := ""
	if f.all > maxFields {
		more = "The first " + strconv.Itoa(maxFields) + " of " + strconv.Itoa(f.all) + " faults are listed."
	}
	switch {
	case len(f.list) == 0:
		return nil
	case f.missing:
		return &Error{Code: "field_missing", Detail: more, Fields: f.list}
	default:
		return &Error{Code: "field_invalid", Detail: more, Fields: f.list}
	}
}

// clip truncates a text that a caller may have chosen.
func clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
