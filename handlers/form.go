package handlers

import (
	"bytes"
	"mime"
	"net/url"
	"strings"

	"countersign/broker"
	"countersign/problem"

	"github.com/go-json-experiment/json/jsontext"
)

// mediaType returns the media type of the caller's Content-Type, without parameters and in lower case.
func (in *signRequest) mediaType() string {
	media := ""
	for _, h := range in.allHeaders() {
		if strings.EqualFold(strings.TrimSpace(h.Name), "content-type") {
			media = h.Value
		}
	}
	if parsed, _, err := mime.ParseMediaType(media); err == nil {
		return parsed
	}
	media, _, _ = strings.Cut(media, ";")
	return strings.ToLower(strings.TrimSpace(media))
}

// maxForm limits what encoding may make of an object: a byte may become three, and a response contains the form
// twice. Longer forms can be given as a string, which already takes that space in the request.
const maxForm = 1 << 20

// encodeForm writes an object as a form (URL Standard, "application/x-www-form-urlencoded serializing"), in its
// order, with %20 for a space, which AWS reads like +. Strings, numbers and booleans are written as spelled, and null
// is omitted as everywhere in a request. A list or an object has no single spelling in a form, so it is refused.
func encodeForm(body jsontext.Value) ([]byte, error) {
	form := []byte{}
	d := jsontext.NewDecoder(bytes.NewReader(body)) // known to be JSON
	if open, err := d.ReadToken(); err != nil || open.Kind() != '{' {
		return nil, problem.Invalid("/body", "With Content-Type "+broker.MediaForm+" the body must be an object of names "+
			"and values, or the form as a string.")
	}
	for d.PeekKind() == '"' {
		token, err := d.ReadToken()
		if err != nil {
			return nil, problem.Invalid("/body", "must be JSON.")
		}
		name := token.String()
		kind := d.PeekKind()
		if kind == '{' || kind == '[' {
			return nil, problem.Invalid("/body/"+escapePointer(name), "The value is "+kindName(kind)+", which a "+
				"form cannot hold. Give each value a name of its own, as the service spells it, for example "+
				"Attribute.1.Name; or give the form as a string.")
		}
		token, err = d.ReadToken()
		if err != nil {
			return nil, problem.Invalid("/body", "must be JSON.")
		}
		if kind == 'n' {
			continue
		}
		value := token.String()
		if len(form) > 0 {
			form = append(form, '&')
		}
		tooLong := len(form)+len(name)+len(value) > maxForm // before it is three times as long
		if !tooLong {
			form = append(append(append(form, formText(name)...), '='), formText(value)...)
		}
		if tooLong || len(form) > maxForm {
			return nil, problem.Invalid("/body", "Encoded as a form, the object is longer than 1 MiB. Give the form as a string.")
		}
	}
	return form, nil
}

func formText(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }
