package handlers

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"countersign/problem"
	"countersign/signing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// decode reads one strict JSON document into in: one object in UTF-8, without repeated, unknown or differently cased
// names, and nothing after it; a leading byte order mark is skipped. It refuses exactly what the contract refuses; a
// fuzz test compares them.
func decode(r *http.Request, in any) error {
	if err := checkMedia(r.Header); err != nil {
		return err
	}
	var data []byte
	if whole, ok := r.Body.(*Arrived); ok {
		data = whole.data
	} else {
		var err error
		if data, err = io.ReadAll(r.Body); err != nil {
			return BodyUnreadable(err)
		}
	}
	if err := emptyChunk(r.Header, int64(len(data))); err != nil {
		return err
	}
	if in, ok := in.(bodied); ok {
		in.body().owned = true
	}
	return decodeDocument(bytes.TrimPrefix(data, []byte(byteOrderMark)), in)
}

func checkMedia(header http.Header) error {
	if encoding := header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return &problem.Error{Code: "content_encoding_unsupported", Detail: "The request body is compressed."}
	}
	contentType := header.Get("Content-Type")
	if contentType == "" || contentType == "application/json" {
		return nil
	}
	media, params, err := mime.ParseMediaType(contentType)
	charset := params["charset"]
	if err != nil || media != "application/json" || (charset != "" && !strings.EqualFold(charset, "utf-8")) {
		return &problem.Error{Code: "content_type_unsupported", Detail: "The request body is not application/json in UTF-8."}
	}
	return nil
}

// checker checks a request for what the contract requires beyond its Go types: required fields, enums, bounds.
type checker interface{ check(*problem.Fields) }

var strict = []json.Options{json.RejectUnknownMembers(true)}

func decodeDocument(data []byte, in any) error {
	if len(data) == 0 {
		return &problem.Error{Code: "body_missing", Detail: "The request has no body."}
	}
	with, hasBody := in.(bodied)
	if hasBody && len(data) >= largeDocument && decodeAround(data, with) {
		return checked(data, in)
	}
	if err := json.Unmarshal(data, in, strict...); err != nil {
		if wrong := wrongEncoding(data); wrong != nil {
			return wrong
		}
		if encodedTwice(data) {
			detail := "The request body is one JSON string with the document inside: it was encoded twice."
			return &problem.Error{Code: "json_encoded_twice", Detail: detail}
		}
		return allFaults(data, in, decodeProblem(data, err))
	}
	if jsontext.Value(data).Kind() != '{' {
		return problem.Invalid("", "must be a JSON object.")
	}
	if hasBody {
		with.body().take(data)
	}
	return checked(data, in)
}

// checked checks a decoded document against the contract.
func checked(data []byte, in any) error {
	if _, ok := in.(interface{ nullFree() }); ok {
		if err := refuseNull(data); err != nil {
			return err
		}
	}
	var found problem.Fields
	in.(checker).check(&found)
	return found.Err()
}

// refuseNull finds a null anywhere except in the credentials, where an absent field may be null.
func refuseNull(data []byte) error {
	d := jsontext.NewDecoder(bytes.NewReader(data))
	for {
		token, err := d.ReadToken()
		if err != nil {
			return nil //nolint:nilerr // the end of the document, which was decoded before
		}
		if at := string(d.StackPointer()); token.Kind() == 'n' && !strings.HasPrefix(at, "/credentials") {
			return problem.Invalid(at, "must not be null.")
		}
	}
}

// decodeProblem repeats nothing of the error's own text, which contains names from the document.
func decodeProblem(data []byte, err error) error {
	var semantic *json.SemanticError
	if errors.As(err, &semantic) {
		pointer := string(semantic.JSONPointer)
		switch {
		case errors.Is(err, json.ErrUnknownName):
			return &problem.Error{Code: "field_unknown", Fields: []problem.Field{{Pointer: pointer, Detail: "unknown field."}}}
		case semantic.Err != nil && errors.As(semantic.Err, new(*valueError)):
			return problem.Invalid(pointer, semantic.Err.Error())
		}
		want := typeName(semantic.GoType)
		if semantic.JSONKind == '"' && (want == "an object" || want == "an array") {
			return problem.Invalid(pointer, wrongKind(want, semantic.JSONKind)+textForObject)
		}
		return problem.Invalid(pointer, wrongKind(want, semantic.JSONKind))
	}
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &syntactic) {
		if errors.Is(err, jsontext.ErrDuplicateName) {
			return &problem.Error{
				Code: "json_duplicate_name", Detail: "One object has the same name twice.",
				Fields: []problem.Field{{Pointer: string(syntactic.JSONPointer), Detail: "must appear once; found twice."}},
			}
		}
		if at := int(syntactic.ByteOffset); at < len(bytes.TrimRight(data, " \t\r\n")) {
			return &problem.Error{Code: "json_invalid", Detail: "The request body is not valid JSON: " + notJSON(data, at)}
		}
	}
	if syntactic != nil || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return &problem.Error{Code: "json_invalid", Detail: "The request body ends before its JSON document does."}
	}
	return &problem.Error{Code: "json_invalid", Detail: "The request body is not one JSON document in UTF-8."}
}

// notJSON says where a document stops being JSON, and what is there. It repeats at most one punctuation mark.
func notJSON(data []byte, at int) string {
	before := data[:at]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
	text := fmt.Sprintf("line %d, column %d", line, column)
	switch mark := data[at]; {
	case mark == '\'':
		return text + " has a single quote; JSON takes double quotes only."
	case at == 0 && mark != '{' && mark != '[':
		return text + " does not begin a JSON object, {."
	case mark < utf8.RuneSelf && unicode.In(rune(mark), unicode.Punct, unicode.Symbol):
		return text + " has " + string(rune(mark)) + " where JSON allows none."
	case mark < ' ':
		return text + " has a line break or another control character where JSON allows none; within a string, write it as \\n or \\u00XX."
	}
	return text + " has what JSON does not allow there."
}

// textForObject is for workflow authors who insert a string that holds the JSON of an object.
const textForObject = " In a workflow, put json() around a string that holds JSON."

func kindName(kind jsontext.Kind) string {
	switch kind {
	case 'n':
		return "null"
	case 't', 'f':
		return "a boolean"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case '{':
		return "an object"
	case '[':
		return "an array"
	}
	return "something else"
}

func typeName(t reflect.Type) string {
	if t == nil {
		return "what belongs here"
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "a boolean"
	case reflect.Struct:
		return "an object"
	case reflect.Slice:
		return "an array"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	default:
		return "what belongs here"
	}
}

// valueError is a decoding error whose text may be shown to the caller.
type valueError struct{ text string }

func (e *valueError) Error() string { return e.text }

// wholeNumber accepts what JSON Schema calls an integer: 60, but also 60.0 and 6e1.
type wholeNumber int64

func (n *wholeNumber) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	value, err := d.ReadValue()
	if err != nil {
		return err
	}
	if value.Kind() == 'n' {
		return nil
	}
	number, err := strconv.ParseFloat(string(value), 64)
	if value.Kind() != '0' || err != nil || math.Trunc(number) != number || math.Abs(number) > 1<<53 {
		if value.Kind() != '0' {
			return &valueError{wrongKind("a whole number", value.Kind())}
		}
		return &valueError{"must be a whole number."}
	}
	*n = wholeNumber(number)
	return nil
}

// usualEntries is how many entries most requests have at most.
const usualEntries = 4

// textMap is a JSON object of strings in the order received, since the order of headers and parameters may matter.
type textMap []signing.Parameter

func (m *textMap) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	open, err := d.ReadToken()
	if err != nil {
		return err
	}
	if open.Kind() == 'n' {
		*m = nil
		return nil
	}
	if open.Kind() == '"' {
		return &valueError{"must be an object; found a string." + textForObject}
	}
	if open.Kind() != '{' {
		return &valueError{wrongKind("an object", open.Kind())}
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		text := name.String()
		value, err := d.ReadToken()
		if err != nil {
			return err
		}
		if value.Kind() != '"' {
			return &json.SemanticError{JSONPointer: d.StackPointer(), Err: &valueError{wrongKind("a string", value.Kind())}}
		}
		if len(*m) == maxEntries {
			return &valueError{"must have at most " + strconv.Itoa(maxEntries) + " entries."}
		}
		if *m == nil {
			*m = make(textMap, 0, usualEntries)
		}
		*m = append(*m, signing.Parameter{Name: text, Value: value.String()})
	}
	_, err = d.ReadToken()
	return err
}
