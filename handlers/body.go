package handlers

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"unicode/utf16"
	"unicode/utf8"

	"countersign/broker"
	"countersign/problem"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// envelope is how workflow engines represent binary content.
type envelope struct {
	ContentType string `json:"$content-type"`
	Content     string `json:"$content"`
}

// receivedEnvelope is an envelope in a request. Content that is absent or null is missing: that is what an expression
// gives that found no file.
type receivedEnvelope struct {
	ContentType string  `json:"$content-type"`
	Content     *string `json:"$content"`
}

// bodyValue is the field body, any JSON value. It is a part of the document: a copy would take as much memory again.
type bodyValue struct {
	text       jsontext.Value
	begin, end int64 // in the document
	owned      bool  // the document belongs to this request only, and may be changed
	plain      []byte
}

// UnmarshalJSONFrom notes where the value is.
func (v *bodyValue) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	text, err := d.ReadValue()
	v.end = d.InputOffset()
	v.begin = v.end - int64(len(text))
	return err
}

// take sets the value from the document that was decoded.
func (v *bodyValue) take(document []byte) { v.text = document[v.begin:v.end:v.end] }

// readBody reads whichever of body and bodyBase64 is given; payloadSha256 can replace both.
func (in *signRequest) readBody() (broker.Body, error) {
	var out broker.Body
	given := make([]string, 0, 3)
	body := in.Body.text
	if len(body) > 0 && body.Kind() != 'n' {
		given = append(given, "/body")
		var err error
		if out, err = readForms(&in.Body, in.mediaType); err != nil {
			return broker.Body{}, err
		}
	}
	if in.BodyBase64 != nil {
		given = append(given, "/bodyBase64")
		out = broker.Body{Present: true, Bytes: in.bodyBytes, MediaType: broker.MediaBinary}
	}
	if in.PayloadSHA256 != nil {
		given = append(given, "/payloadSha256")
	}
	if len(given) > 1 {
		conflict := &problem.Error{Code: "fields_conflict", Detail: "The body is given in more than one way."}
		for _, pointer := range given {
			const onlyOne = "Only one of body, bodyBase64 and payloadSha256 can be given."
			conflict.Fields = append(conflict.Fields, problem.Field{Pointer: pointer, Detail: onlyOne})
		}
		return broker.Body{}, conflict
	}
	out.Null = len(body) > 0 && body.Kind() == 'n'
	return out, nil
}

// readForms reads the field body. The caller's Content-Type decides whether an object is a form.
func readForms(in *bodyValue, media func() string) (p broker.Body, err error) {
	body := in.text
	p.Present, p.Text = true, true
	switch body.Kind() {
	case '"':
		p.Bytes, p.MediaType = in.unquoted(), broker.MediaText
		return p, nil
	case '{':
		if found, err := readEnvelope(body, &p); found || err != nil {
			return p, err
		}
	}
	if media() == broker.MediaForm {
		p.Bytes, err = encodeForm(body)
		p.MediaType = broker.MediaForm
		return p, err
	}
	compact := body.Clone()
	if err := compact.Compact(); err != nil {
		return p, problem.Invalid("/body", "must be JSON.")
	}
	p.Bytes, p.MediaType = compact, broker.MediaJSON
	return p, nil
}

// unquoted returns the content of the value, which is a string. It unescapes in place if it may.
func (v *bodyValue) unquoted() []byte {
	if v.plain != nil {
		return v.plain
	}
	quoted := v.text[1 : len(v.text)-1]
	switch {
	case bytes.IndexByte(quoted, '\\') < 0:
		v.plain = quoted
	case v.owned:
		v.plain = appendUnescaped(quoted[:0], quoted)
	default:
		v.plain = appendUnescaped(make([]byte, 0, len(quoted)), quoted)
	}
	return v.plain
}

// appendUnescaped appends the content of a valid JSON string without its quotes. It never writes more than it has
// read, so dst may overlap text.
func appendUnescaped(dst, text []byte) []byte {
	for {
		n := bytes.IndexByte(text, '\\')
		if n < 0 {
			return append(dst, text...)
		}
		dst = append(dst, text[:n]...)
		c := text[n+1]
		text = text[n+2:]
		switch c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r := hexRune(text)
			if text = text[4:]; utf16.IsSurrogate(r) {
				r = utf16.DecodeRune(r, hexRune(text[2:]))
				text = text[6:]
			}
			dst = utf8.AppendRune(dst, r)
			continue
		}
		dst = append(dst, c)
	}
}

// hexRune decodes four hexadecimal digits.
func hexRune(digits []byte) rune {
	var b [2]byte
	_, _ = hex.Decode(b[:], digits[:4]) // they are digits
	return rune(b[0])<<8 | rune(b[1])
}

// readEnvelope reads an object with $content or $content-type as a workflow engine's envelope; any other object is a
// JSON body.
func readEnvelope(body jsontext.Value, p *broker.Body) (bool, error) {
	found, multipart, err := broker.EnvelopeNames(body)
	if err != nil {
		return false, problem.Invalid("/body", "must be JSON.")
	}
	if multipart {
		return true, problem.Invalid("/body/$multipart", "A multipart body gets its boundary when it is sent, so it "+
			"cannot be signed here. Use payload unsigned where the service takes it, or a presigned URL.")
	}
	if !found {
		return false, nil
	}
	var e receivedEnvelope
	if err := json.Unmarshal(body, &e, json.RejectUnknownMembers(true)); err != nil {
		return true, problem.Invalid("/body", "An object with $content may only hold $content and $content-type, both strings.")
	}
	if e.Content == nil {
		return true, problem.Invalid("/body/$content", "There is no content. Check the expression that the body comes "+
			"from: the step before may have found no file. For an empty body, give an empty string.")
	}
	data, err := decodeBase64(*e.Content)
	if err != nil {
		return true, problem.Invalid("/body/$content", "must be Base64.")
	}
	p.Bytes, p.Text, p.MediaType, p.FromEnvelope = data, false, e.ContentType, e.ContentType != ""
	if !p.FromEnvelope {
		p.MediaType = broker.MediaBinary
	}
	return true, nil
}

// decodeBase64 decodes the standard alphabet with padding, as RFC 4648 section 4 and every workflow engine write it.
func decodeBase64(text string) ([]byte, error) { return base64.StdEncoding.Strict().DecodeString(text) }

// bodyFields returns the body in the forms that a client can send.
func bodyFields(p broker.Body, media string) (text, encoded *string, e *envelope) {
	if !p.Present {
		return nil, nil, nil
	}
	content := base64.StdEncoding.EncodeToString(p.Bytes)
	e = &envelope{ContentType: media, Content: content}
	if p.Text {
		body := string(p.Bytes)
		return &body, nil, e
	}
	return nil, &content, e
}

// bodySize estimates the size of those forms in a response, including the third that its encoder needs as spare capacity.
func bodySize(text, encoded *string, e *envelope) int {
	n := len(valueOf(text)) + len(valueOf(encoded))
	if e != nil {
		n += len(e.Content)
	}
	return n + n/3
}
