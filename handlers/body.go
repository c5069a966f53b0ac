package handlers

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"countersign/problem"
	"countersign/signing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Media types of bodies whose request names none.
const (
	mediaJSON   = "application/json"
	mediaText   = "text/plain; charset=utf-8"
	mediaBinary = "application/octet-stream"
)

// payload is the body in the one form that is hashed, and how it goes back to the caller.
type payload struct {
	present bool
	bytes   []byte
	text    bool   // goes back as text, else as Base64
	media   string // of the envelope that goes back
	carried bool   // the media type came with the body, in an envelope: it must be sent
	hash    string
	kept    bool // by the caller, who gave its hash
}

// envelope is the form in which workflow engines carry binary content.
type envelope struct {
	ContentType string `json:"$content-type"`
	Content     string `json:"$content"`
}

// receivedEnvelope is one that came. A content that is absent or null is none: it is what an expression gives that found no file.
type receivedEnvelope struct {
	ContentType string  `json:"$content-type"`
	Content     *string `json:"$content"`
}

// readPayload reads the one of body, bodyBase64 and payloadSha256 that is given.
func readPayload(in *toSend, to *prepared) error {
	var p payload
	given := make([]problem.Field, 0, 3)
	if len(in.Body) > 0 && in.Body.Kind() != 'n' {
		given = append(given, problem.Field{Pointer: "/body", Detail: "Only one of body, bodyBase64 and payloadSha256 can be given."})
		if err := p.readBody(in.Body, in.mediaType()); err != nil {
			return err
		}
	}
	if in.BodyBase64 != nil {
		given = append(given, problem.Field{Pointer: "/bodyBase64", Detail: "Only one of body, bodyBase64 and payloadSha256 can be given."})
		p = payload{present: true, bytes: in.bodyBytes, media: mediaBinary}
	}
	p.hash = signing.PayloadHash(p.bytes)
	if in.PayloadSHA256 != nil {
		given = append(given, problem.Field{Pointer: "/payloadSha256", Detail: "Only one of body, bodyBase64 and payloadSha256 can be given."})
		p.hash, p.kept = strings.ToLower(*in.PayloadSHA256), true
	}
	if len(given) > 1 {
		return &problem.Error{Code: "fields_conflict", Detail: "The body is given in more than one way.", Fields: given}
	}
	if in.Payload != nil && *in.Payload == "unsigned" {
		if in.PayloadSHA256 != nil {
			return &problem.Error{Code: "fields_conflict", Detail: "A payload that is not signed has no hash.", Fields: []problem.Field{
				{Pointer: "/payload", Detail: "unsigned leaves no use for payloadSha256."}, {Pointer: "/payloadSha256", Detail: "The hash has no use when payload is unsigned."},
			}}
		}
		p.hash = signing.UnsignedPayload
	}
	to.payload = p
	return nil
}

// readBody reads the field body, of which the caller's Content-Type says whether an object is a form.
func (p *payload) readBody(body jsontext.Value, media string) (err error) {
	p.present, p.text = true, true
	switch body.Kind() {
	case '"':
		var text string
		if err := json.Unmarshal(body, &text); err != nil {
			return problem.Invalid("/body", "The text is not UTF-8.")
		}
		p.bytes, p.media = []byte(text), mediaText
		return nil
	case '{':
		if found, err := p.readEnvelope(body); found || err != nil {
			return err
		}
	}
	if media == mediaForm {
		p.bytes, err = encodeForm(body)
		p.media = mediaForm
		return err
	}
	compact := body.Clone()
	if err := compact.Compact(); err != nil {
		return problem.Invalid("/body", "The value is not JSON.")
	}
	p.bytes, p.media = compact, mediaJSON
	return nil
}

// readEnvelope takes an object with $content or $content-type for the workflow engine's own envelope; any other object is a JSON body.
func (p *payload) readEnvelope(body jsontext.Value) (bool, error) {
	found, multipart, err := envelopeNames(body)
	if err != nil {
		return false, problem.Invalid("/body", "The value is not JSON.")
	}
	if multipart {
		return true, problem.Invalid("/body/$multipart", "A multipart body gets its boundary when it is sent, so it cannot be signed here. Use payload unsigned where the service takes it, or a presigned URL.")
	}
	if !found {
		return false, nil
	}
	var e receivedEnvelope
	if err := json.Unmarshal(body, &e, json.RejectUnknownMembers(true)); err != nil {
		return true, problem.Invalid("/body", "An object with $content may only hold $content and $content-type, both texts.")
	}
	if e.Content == nil {
		return true, problem.Invalid("/body/$content", "There is no content. Check the expression that the body comes from: the step before may have found no file. For an empty body, give an empty text.")
	}
	data, err := decodeBase64(*e.Content)
	if err != nil {
		return true, problem.Invalid("/body/$content", "The value is not Base64.")
	}
	p.bytes, p.text, p.media, p.carried = data, false, e.ContentType, e.ContentType != ""
	if !p.carried {
		p.media = mediaBinary
	}
	return true, nil
}

// envelopeNames looks for the names that make an object an envelope. A body may have any number of names, so none are kept.
func envelopeNames(body jsontext.Value) (found, multipart bool, err error) {
	d := jsontext.NewDecoder(bytes.NewReader(body), jsontext.AllowDuplicateNames(true)) // that there are none was seen before
	if _, err := d.ReadToken(); err != nil {
		return false, false, err
	}
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return false, false, err
		}
		found = found || name.String() == "$content" || name.String() == "$content-type"
		multipart = multipart || name.String() == "$multipart"
		if err := d.SkipValue(); err != nil {
			return false, false, err
		}
	}
	return found, multipart, nil
}

// decodeBase64 takes the standard alphabet with padding, as RFC 4648 section 4 and every workflow engine write it.
func decodeBase64(text string) ([]byte, error) { return base64.StdEncoding.Strict().DecodeString(text) }

// forms gives the body back in the forms that a client can send.
func (p *payload) forms(media string) (text, encoded *string, e *envelope) {
	if !p.present {
		return nil, nil, nil
	}
	content := base64.StdEncoding.EncodeToString(p.bytes)
	e = &envelope{ContentType: media, Content: content}
	if p.text {
		body := string(p.bytes)
		return &body, nil, e
	}
	return nil, &content, e
}

func isSHA256(text string) bool {
	if len(text) != 64 {
		return false
	}
	_, err := hex.DecodeString(text)
	return err == nil
}
