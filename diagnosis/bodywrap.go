package diagnosis

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"
)

// encodings wraps the body in base64, in a JSON string and in a workflow's envelope, and undoes these.
func (v *variantMaker) encodings(text, contentType string) {
	v.wrap(text)
	v.text(quoted, quoteJSON(text, jsonEscapes{ascii: 'x'}))
	v.text(quoted, quoteJSON(text, jsonEscapes{html: true}))
	v.text(quoted, quoteJSON(text, jsonEscapes{slash: true}))
	v.text(quoted, `"`+base64.StdEncoding.EncodeToString(v.body)+`"`)
	v.envelope(contentType)
	v.unzip()
	sum := sha256.Sum256(v.body)
	v.text(change{"hash-of-hash", "hash-of-hash"}, hex.EncodeToString(sum[:]))
	v.add(change{"hash-of-hash", "hash-of-hash"}, sum[:])
}

// wrap encodes the body as base64 and as a JSON string, and undoes both.
func (v *variantMaker) wrap(text string) {
	encoded := base64.StdEncoding.EncodeToString(v.body)
	forms := []string{encoded}
	if strings.ContainsAny(encoded, "+/") {
		forms = append(forms, urlAlphabet.Replace(encoded))
	}
	for _, form := range forms {
		v.text(toBase64, form)
	}
	for _, form := range forms {
		if short := strings.TrimRight(form, "="); short != form {
			v.text(toBase64, short)
		}
	}
	if len(encoded) > mimeLine {
		v.text(toBase64, mimeLines(encoded))
	}
	compact := strings.TrimSpace(text)
	if !strings.ContainsAny(compact[:min(len(compact), 64)], "{}[]\",: ") { // base64 has none of these
		for _, e := range base64Forms {
			if plain, err := e.DecodeString(compact); err == nil && len(plain) > 0 {
				v.add(fromBase64, plain)
			}
		}
	}
	v.text(quoted, quoteJSON(text, jsonEscapes{}))
	var inner string
	if strings.HasPrefix(compact, `"`) && json.Unmarshal(v.body, &inner) == nil {
		v.text(quoted, inner)
	}
}

var urlAlphabet = strings.NewReplacer("+", "-", "/", "_")

var base64Forms = []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding, base64.RawURLEncoding}

// mimeLine is the length of base64 lines in MIME.
const mimeLine = 76

// mimeLines breaks base64 into lines, as MIME does.
func mimeLines(s string) string {
	var b strings.Builder
	b.Grow(len(s) + len(s)/38)
	for len(s) > mimeLine {
		b.WriteString(s[:mimeLine])
		b.WriteString("\r\n")
		s = s[mimeLine:]
	}
	return b.String() + s
}

// envelope applies and undoes the object in which workflows carry content that is not JSON.
func (v *variantMaker) envelope(contentType string) {
	content := base64.StdEncoding.EncodeToString(v.body)
	types := []string{"application/octet-stream", "text/plain", "application/json", "application/xml"}
	if contentType != "" {
		types = append([]string{contentType}, types...)
	}
	for _, t := range types {
		for _, format := range []string{
			`{"$content-type":%t,"$content":%c}`, `{"$content-type": %t, "$content": %c}`, "{\n  \"$content-type\": %t,\n  \"$content\": %c\n}",
		} {
			v.text(enveloped, strings.NewReplacer("%t", quoteJSON(t, jsonEscapes{}), "%c", `"`+content+`"`).Replace(format))
		}
	}
	var wrapped struct {
		Content *string `json:"$content"`
	}
	if bytes.Contains(v.body, []byte("$content")) && json.Unmarshal(v.body, &wrapped) == nil && wrapped.Content != nil {
		if plain, err := base64.StdEncoding.DecodeString(*wrapped.Content); err == nil {
			v.add(enveloped, plain)
		}
		v.text(enveloped, *wrapped.Content)
	}
}
