package diagnosis

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// change is what somebody did to a body: forth names it where the variant is what
// came out, back where the variant is what it was made of.
type change struct{ forth, back string }

var (
	newlineAdded   = change{"trailing-newline-added", "trailing-newline-removed"}
	newlineRemoved = change{"trailing-newline-removed", "trailing-newline-added"}
	toCRLF         = change{"crlf", "lf"}
	toLF           = change{"lf", "crlf"}
	linesJoined    = change{"lf", "lf"}
	bomAdded       = change{"bom-added", "bom-removed"}
	bomRemoved     = change{"bom-removed", "bom-added"}
	trimmed        = change{"trimmed", "trimmed"}
	rewritten      = change{"json-reserialised", "json-reserialised"}
	quoted         = change{"json-quoted", "json-quoted"}
	toBase64       = change{"base64-sent", "base64-decoded"}
	fromBase64     = change{"base64-decoded", "base64-sent"}
	enveloped      = change{"envelope", "envelope"}
	formRewritten  = change{"form-reencoded", "form-reencoded"}
	recoded        = change{"charset", "charset"}
	unzipped       = change{"gzip", "gzip"}
	emptied        = change{"emptied", "empty"}
)

// variant is a body after one change.
type variant struct {
	change
	body []byte
	sum  [sha256.Size]byte
}

func (v *variant) hash() string { return hex.EncodeToString(v.sum[:]) }

const (
	maxVaried   = 8 << 20 // bytes of a body that is changed in all ways
	maxPairBody = 1 << 20 // and of one that is changed twice
	firstOfPair = 60
)

// variants are the changes of a body that clients make, the usual ones first. None
// is the body itself, and none comes twice.
func (b *budget) variants(body []byte, contentType string) []variant {
	if len(body) > maxVaried {
		return nil
	}
	key := hashOf(body) + contentType
	if list, ok := b.varied[key]; ok {
		return list
	}
	v := &varier{budget: b, body: body, seen: map[[32]byte]bool{sha256.Sum256(body): true}}
	v.add(emptied, nil)
	v.lines()
	text := string(body)
	if utf8.ValidString(text) {
		v.json(text)
		v.form(text, contentType)
	}
	v.encodings(text, contentType)
	v.charsets(text)
	if b.varied == nil {
		b.varied = map[string][]variant{}
	}
	b.varied[key] = v.list
	return v.list
}

// wrappings are the changes that come on top of another: whoever writes JSON again
// may end it with a line feed, quote it or send it as base64.
func (b *budget) wrappings(body []byte) []variant {
	v := &varier{budget: b, body: body, seen: map[[32]byte]bool{sha256.Sum256(body): true}}
	text := string(body)
	v.lines()
	v.wrap(text)
	return v.list
}

type varier struct {
	*budget
	body []byte
	list []variant
	seen map[[32]byte]bool
}

func (v *varier) add(c change, body []byte) {
	if !v.take(len(body)) {
		return
	}
	sum := sha256.Sum256(body)
	if !v.seen[sum] {
		v.seen[sum] = true
		v.list = append(v.list, variant{c, body, sum})
	}
}

func (v *varier) text(c change, text string) { v.add(c, []byte(text)) }

// lines changes line ends, white space at the ends and byte order marks.
func (v *varier) lines() {
	text := string(v.body)
	v.text(newlineAdded, text+"\n")
	v.text(newlineAdded, text+"\r\n")
	for _, end := range []string{"\r\n", "\n"} {
		if short, ok := strings.CutSuffix(text, end); ok {
			v.text(newlineRemoved, short)
		}
	}
	v.text(newlineRemoved, strings.TrimRight(text, "\r\n"))
	unix := strings.ReplaceAll(text, "\r\n", "\n")
	v.text(toCRLF, strings.ReplaceAll(unix, "\n", "\r\n"))
	v.text(toLF, unix)
	v.text(linesJoined, strings.NewReplacer("\r", "", "\n", "").Replace(text))
	v.text(linesJoined, strings.ReplaceAll(text, "\n", ""))
	v.text(linesJoined, strings.ReplaceAll(unix, "\n", " "))
	v.text(linesJoined, strings.ReplaceAll(unix, "\n", "\r"))
	v.text(trimmed, strings.TrimSpace(text))
	v.text(trimmed, strings.TrimLeft(text, " \t\r\n"))
	v.text(trimmed, strings.TrimRight(text, " \t\r\n"))
	v.text(trimmed, text+" ")
	const bom = "\xEF\xBB\xBF"
	v.text(bomAdded, bom+text)
	if plain, ok := strings.CutPrefix(text, bom); ok {
		v.text(bomRemoved, plain)
	}
	v.text(newlineAdded, text+"\n\n")
}

// encodings wraps the body: base64, a JSON string, a workflow's envelope; and
// undoes these.
func (v *varier) encodings(text, contentType string) {
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

// wrap is base64 and the JSON string, and what undoes them.
func (v *varier) wrap(text string) {
	v.text(toBase64, base64.StdEncoding.EncodeToString(v.body))
	v.text(toBase64, base64.URLEncoding.EncodeToString(v.body))
	v.text(toBase64, base64.RawStdEncoding.EncodeToString(v.body))
	v.text(toBase64, base64.RawURLEncoding.EncodeToString(v.body))
	v.text(toBase64, brokenLines(base64.StdEncoding.EncodeToString(v.body)))
	compact := strings.TrimSpace(text)
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding, base64.RawURLEncoding} {
		if plain, err := e.DecodeString(compact); err == nil && len(plain) > 0 {
			v.add(fromBase64, plain)
		}
	}
	v.text(quoted, quoteJSON(text, jsonEscapes{}))
	var inner string
	if json.Unmarshal(v.body, &inner) == nil {
		v.text(quoted, inner)
	}
}

// brokenLines writes base64 in lines, as MIME does.
func brokenLines(s string) string {
	var b strings.Builder
	for len(s) > 76 {
		b.WriteString(s[:76] + "\r\n")
		s = s[76:]
	}
	return b.String() + s
}

// envelope is how workflows carry what is no JSON.
func (v *varier) envelope(contentType string) {
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

// explained is the change that leads from a body to one with a hash.
type explained struct {
	first, second *change
}

// explain finds the change, or the two, after which a body has a hash.
func (b *budget) explain(body []byte, contentType, wanted string) (explained, bool) {
	var found explained
	if wanted == hashOf(body) {
		return found, false // two changes that undo each other explain nothing
	}
	ok := b.search(body, contentType, wanted, &found)
	return found, ok
}

// search tries single changes and then pairs.
func (b *budget) search(body []byte, contentType, wanted string, found *explained) bool {
	single := b.variants(body, contentType)
	for i := range single {
		if single[i].hash() == wanted {
			found.first = &single[i].change
			return true
		}
	}
	if len(body) > maxPairBody {
		return false
	}
	for i := range single[:min(len(single), firstOfPair)] {
		second := b.wrappings(single[i].body)
		for j := range second {
			if second[j].hash() == wanted {
				found.first, found.second = &single[i].change, &second[j].change
				return true
			}
		}
		if b.spent {
			return false
		}
	}
	return false
}

func hashOf(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}
