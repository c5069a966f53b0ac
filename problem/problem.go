// Package problem holds what a caller is told when a request is not served: the codes there are, each with its status,
// title and hint, the document in the form of RFC 9457, and the error that carries them from where something is found
// wrong to where the response is written.
//
// It writes no response and reads none. Whoever makes an [Error] must choose a code of the table; its detail and fields are
// told to the caller, its cause never is.
package problem

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Document is the response to every request that is not served.
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
	// Diagnosis says why AWS answered so.
	Diagnosis *Diagnosis `json:"diagnosis,omitzero"`
}

// AWSResponse is what AWS answered to a request that was sent from here, where that is the problem.
type AWSResponse struct {
	Status    int               `json:"status"`
	Code      string            `json:"code,omitzero"`
	Message   string            `json:"message,omitzero"`
	RequestID string            `json:"requestId,omitzero"`
	Headers   map[string]string `json:"headers"`
	Body      any               `json:"body,omitzero"` // whatever has a form in JSON
}

// Diagnosis is the cause of AWS's refusal, as far as it is known, and what to do in a workflow.
type Diagnosis struct {
	Cause     string `json:"cause"`
	Detail    string `json:"detail,omitzero"`
	Title     string `json:"title"`
	Certainty string `json:"certainty"`
	Reason    string `json:"reason"`
	// Evidence are the places that differ, without what is secret in them.
	Evidence      []Evidence `json:"evidence,omitempty"`
	FixInWorkflow string     `json:"fixInWorkflow"`
	Read          string     `json:"read"`
}

// Evidence is a place where what was signed and what AWS saw or expects differ.
type Evidence struct {
	Part    string `json:"part"`
	Signed  string `json:"signed"`
	Arrived string `json:"arrived"`
}

// Field says what is wrong with one part of a request. Who reads a document knows its JSON Pointer (RFC 6901). Who does
// not names the part, and [Error.WithPointers] finds the field that it came from.
type Field struct {
	Pointer string `json:"pointer"`
	Detail  string `json:"detail"`
	// Part is the part's name, with a dot where it lies within another: "url", "header",
	// "credentials.accountId".
	Part string `json:"-"`
	// Name is that of the header, parameter or form field at fault.
	Name string `json:"-"`
}

// Error is an error whose detail, hint and fields the caller is told. Its cause goes to the log alone.
type Error struct {
	Code       string
	Detail     string
	Fields     []Field
	RetryAfter time.Duration
	Cause      error
	// AWS and Diagnosis are told as well, and StatusCode is the status in place of the code's own, where that is not 0.
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

// Status is the HTTP status of the response.
func (e *Error) Status() int {
	if e.StatusCode != 0 {
		return e.StatusCode
	}
	return kinds[e.Code].status
}

// Document is what the caller is told; instance is the id of the request.
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

// detail is all that is wrong in one text, since tools show the detail of a problem and not its list of errors: what is wrong on the whole,
// then each field with its fault.
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

// fieldName writes a JSON Pointer as people do: /headerList/0/name is headerList[0].name.
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

// Known tells whether there is such a code.
func Known(code string) bool {
	_, ok := kinds[code]
	return ok
}

// Invalid is the error of one field that is not right.
func Invalid(pointer, detail string) *Error {
	return &Error{Code: "field_invalid", Fields: []Field{{Pointer: pointer, Detail: detail}}}
}

// InvalidPart is [Invalid] for who knows no document: a part, and the name of what is at fault in it, or "".
func InvalidPart(part, name, detail string) *Error {
	return &Error{Code: "field_invalid", Fields: []Field{{Part: part, Name: name, Detail: detail}}}
}

// WithPointers returns the error with a pointer at each named part, as find finds it.
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

// Fields gathers what is wrong with several fields, so that the caller sees all of it at once: the first maxFields of them.
type Fields struct {
	missing bool
	list    []Field
	all     int
}

// A response to a bad request must stay small, whatever is in the request.
const (
	maxFields  = 20
	maxPointer = 512
	maxDetail  = 2048
)

// Add notes what is wrong with a field, of which the first fault counts: one that is missing is not also of the wrong form.
func (f *Fields) Add(pointer, detail string) {
	if slices.ContainsFunc(f.list, func(have Field) bool { return have.Pointer == pointer }) {
		return
	}
	if f.all++; f.all <= maxFields {
		f.list = append(f.list, Field{Pointer: pointer, Detail: detail})
	}
}

// Require notes that a field is missing where its value is empty.
func (f *Fields) Require(pointer, value string) {
	if value == "" {
		f.missing = true
		f.Add(pointer, "is required.")
	}
}

// OneOf notes a value that is none of those allowed; nil is no value.
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

// Between notes a number outside of its bounds.
func (f *Fields) Between(pointer string, value, low, high int64) {
	if value < low || value > high {
		f.Add(pointer, "must be from "+strconv.FormatInt(low, 10)+" to "+strconv.FormatInt(high, 10)+".")
	}
}

// List is what was noted.
func (f *Fields) List() []Field { return f.list }

// Err is nil where nothing was noted.
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

// clip cuts a text that a caller may have chosen.
func clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
