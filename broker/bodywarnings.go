package broker

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"countersign/access"
	"countersign/internal/lazyregexp"
	"countersign/signing"

	"github.com/go-json-experiment/json/jsontext"
)

// warnOfBody warns about bodies that are probably not what the caller meant. It refuses none, because each could be
// meant.
func warnOfBody(in *Input, op *operation) error {
	b := &op.payload
	switch in.Method {
	case http.MethodGet, http.MethodHead, http.MethodDelete, http.MethodOptions:
		if op.action == access.ActionSend {
			break
		}
		if len(b.Bytes) > 0 || b.hashOnly && b.hash != signing.PayloadHash(nil) {
			op.warn("body_fragile", "A body with "+in.Method+" may not arrive: workflow engines drop or refuse "+
				"it, and AWS seldom reads one. Put its content into the query, or use another method if the "+
				"service has one.")
		}
	}
	op.warnOfMissingBody(in)
	if found := undecoded(b.Bytes); found != "" {
		op.warn("body_not_decoded", "The body is "+found+". It was signed as that text, so the service gets the "+
			"text and not the file. Give the file as an object with $content-type and $content, or as bodyBase64.")
	} else if b.MediaType == MediaText && garbled(b.Bytes) {
		op.warn("body_garbled", "The body seems to be a file that was read as text, which changed its bytes: "+
			"some are replaced by U+FFFD, or each became a character. Give the file as an object with "+
			"$content-type and $content, or as bodyBase64.")
	} else if differs := b.differs(op.mediaType); differs != "" {
		op.warn("content_type_differs", differs+" It was signed unchanged.")
	}
	return nil
}

// warnOfMissingBody warns about a null body, which results from an expression that found no file: storing an object
// without content would replace the existing one. Copies and subresources have no body, and a name that ends in a slash
// stands for a folder.
func (op *operation) warnOfMissingBody(in *Input) {
	isNull, u := op.payload.Null, op.request.URL
	switch {
	case !isNull, in.Method != http.MethodPut, !op.quirks.S3Style, op.action != access.ActionSign && op.action != access.ActionSend:
		return
	case op.payload.Present, op.payload.hashOnly, op.request.PayloadHash == signing.UnsignedPayload:
		return
	case u.RawQuery() != "", strings.HasSuffix(u.Path(), "/"):
		return
	}
	for _, h := range op.request.Headers {
		if strings.EqualFold(h.Name, "x-amz-copy-source") {
			return
		}
	}
	op.warn("body_null", "The body is null, so the request was signed without one: it stores an empty object. "+
		"Check the expression that the body comes from.")
}

const dataScheme = "data:"

var dataURI = lazyregexp.New(`(?i)^` + dataScheme + `(?:[a-z0-9.+-]+/[a-z0-9.+-]+(?:;[^,;\s]*)*|(?:;[^,;\s]*)*;base64),`)

// undecoded describes a body that is a file in an encoding which nothing will decode on the way to AWS, or returns "".
func undecoded(body []byte) string {
	const head = 1 << 10
	text := bytes.TrimSpace(body)
	begin := text[:min(len(text), head)]
	switch {
	case bytes.HasPrefix(begin, []byte("{")) && bytes.Contains(begin, []byte(`"$`)):
		if found, multipart, err := EnvelopeNames(text); err == nil && (found || multipart) && jsontext.Value(text).IsValid() {
			return "the text of an object with $content, the form in which workflow engines hold a file"
		}
	case bytes.EqualFold(begin[:min(len(begin), len(dataScheme))], []byte(dataScheme)) && dataURI().Match(begin):
		return "a data URI, which holds a file as text"
	}
	if name := base64File(text); name != "" {
		return "the Base64 of a file (" + name + ")"
	}
	return ""
}

// windows1252 are the characters of Windows-1252 from 0x80 on, where Latin-1 has control characters.
var windows1252 = []rune("€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ")

// garbled reports whether a text was once a file: bytes that are not UTF-8 became U+FFFD, or each byte became a
// character of Latin-1 or Windows-1252.
func garbled(text []byte) bool {
	if bytes.Contains(text, []byte("\uFFFD")) {
		return true
	}
	const longest = 64
	head := make([]byte, 0, longest)
	beyondASCII := false
	for rest := text[:min(len(text), 4*longest)]; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		rest = rest[size:]
		c := byte(r & 0xff)
		if r > 0xff {
			i := slices.Index(windows1252, r)
			if i < 0 {
				break
			}
			c = byte((0x80 + i) & 0xff)
		}
		if len(head) == longest {
			break
		}
		head = append(head, c)
		beyondASCII = beyondASCII || c > 0x7f
	}
	if !beyondASCII {
		return false
	}
	name := fileType(string(head))
	return name != "" && name != "XML" && name != "HTML" && name != "SVG" && name != "RTF"
}

// holdsNoJSON matches the media types of files, which cannot be an object.
var holdsNoJSON = lazyregexp.New(`^(?:image|audio|video)/|xml$|^text/(?:csv|html)$|^application/(?:pdf|zip)$`)

// saysOfText reports whether a Content-Type requires a certain form of text.
func saysOfText(contentType string) bool {
	lower := strings.ToLower(contentType)
	return strings.Contains(lower, "multipart") || strings.Contains(lower, "form") || strings.Contains(lower, "json")
}

// differs describes how a Content-Type contradicts the body, or returns "". A binary body may be anything.
func (p *payload) differs(contentType string) string {
	if len(p.Bytes) == 0 || p.MediaType != MediaText && p.MediaType != MediaJSON {
		return ""
	}
	if p.MediaType == MediaText && !saysOfText(contentType) {
		return ""
	}
	media, parameters, err := mime.ParseMediaType(contentType)
	if err != nil {
		return ""
	}
	isJSON := media == MediaJSON || strings.HasPrefix(media, "application/x-amz-json-") || strings.HasSuffix(media, "+json")
	switch {
	case strings.HasPrefix(media, "multipart/"):
		if boundary := parameters["boundary"]; boundary == "" || !bytes.Contains(p.Bytes, []byte("--"+boundary)) {
			return "Content-Type is " + media + ", and the body is not divided by its boundary. Give the whole " +
				"of the multipart text with its boundary, or presign and let the client make it."
		}
	case p.MediaType == MediaJSON:
		if holdsNoJSON().MatchString(media) {
			return "Content-Type is " + media + ", and the body is an object, which is sent as JSON. Give a " +
				"file as an object with $content-type and $content, a text as a text."
		}
	case media == MediaForm:
		if value := jsontext.Value(bytes.TrimSpace(p.Bytes)); value.Kind() == '{' && value.IsValid() {
			return "Content-Type is " + media + ", and the body is the text of a JSON object. Give the object " +
				"itself, which is encoded as a form, or the form as a text: a=1&b=2."
		}
	case isJSON && !isJSONText(p.Bytes):
		return "Content-Type is " + media + ", and the body is a text that is not JSON, or JSON that was " +
			"encoded twice. Give the object itself."
	}
	return ""
}

// isJSONText reports whether a service that takes JSON could accept the text: one document or several in a row, none of
// them encoded twice. Very long texts are not checked.
func isJSONText(text []byte) bool {
	const longest = 256 << 10
	if len(text) > longest {
		return true
	}
	d := jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowDuplicateNames(true))
	for {
		value, err := d.ReadValue()
		if err != nil {
			return errors.Is(err, io.EOF)
		}
		if bytes.HasPrefix(value, []byte(`"{`)) || bytes.HasPrefix(value, []byte(`"[`)) {
			return false
		}
	}
}

// warnOfParameters warns about parameters that are also headers: S3 reads some parameters of a presigned URL as
// headers, and it is undefined which one counts if both are there.
func warnOfParameters(_ *Input, op *operation) error {
	if op.action != access.ActionPresign {
		return nil
	}
	for _, q := range op.request.URL.Query() {
		name := strings.ToLower(q.Name)
		if !strings.HasPrefix(name, "x-amz-") {
			continue
		}
		for _, h := range op.request.Headers {
			if strings.EqualFold(strings.TrimSpace(h.Name), name) {
				op.warnOf(headerPart(name), "parameter_and_header", "Both a query parameter and a header are called "+name+". S3 "+
					"reads such a parameter of a presigned URL as the header, and may refuse or join the two. Keep "+
					"one of them.")
				break
			}
		}
	}
	return nil
}

// EnvelopeNames looks for the names that make an object an envelope. It keeps no names, because a body may have any
// number.
func EnvelopeNames(body []byte) (found, multipart bool, err error) {
	d := jsontext.NewDecoder(bytes.NewReader(body), jsontext.AllowDuplicateNames(true)) // duplicates were rejected before
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
