package diagnosis

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"strings"
	"unicode/utf8"
)

// change is something that happened to a body. forward names it if the variant is the result of the change, backward
// if the variant is what the body was made from.
type change struct{ forward, backward string }

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

// variant is a body after one change. Its bytes are valid until the next variant is made.
type variant struct {
	change
	body []byte
	sum  [sha256.Size]byte
}

func (v *variant) hash() string { return hex.EncodeToString(v.sum[:]) }

const (
	maxVaried   = 8 << 20 // bytes of a body that is changed in every way
	maxPairBody = 1 << 20 // bytes of a body that is changed twice
	firstOfPair = 60
)

// variants yields the changes that clients make to a body, the usual ones first. It never yields the body itself, nor
// the same bytes twice.
func (b *budget) variants(body []byte, contentType string) iter.Seq[variant] {
	return func(yield func(variant) bool) {
		if len(body) > maxVaried {
			return
		}
		v := &variantMaker{budget: b, body: body, yield: yield, seen: map[[sha256.Size]byte]bool{sha256.Sum256(body): true}}
		v.add(emptied, nil)
		text := string(body)
		v.lines(text)
		if utf8.ValidString(text) {
			v.json(text)
			v.form(text, contentType)
		}
		if !v.ended {
			v.encodings(text, contentType)
		}
		if !v.ended {
			v.charsets(text)
		}
	}
}

// hashes returns the variants without their bytes, computed once for each body.
func (b *budget) hashes(body []byte, contentType string) []variant {
	key := hashOf(body) + contentType
	if list, ok := b.varied[key]; ok {
		return list
	}
	var list []variant
	for v := range b.variants(body, contentType) {
		v.body = nil
		list = append(list, v)
	}
	if b.varied == nil {
		b.varied = map[string][]variant{}
	}
	b.varied[key] = list
	return list
}

// wrappings yields the changes that come on top of another: a program that writes JSON again may end it with a line
// feed, quote it or send it as base64.
func (b *budget) wrappings(body []byte) iter.Seq[variant] {
	return func(yield func(variant) bool) {
		v := &variantMaker{budget: b, body: body, yield: yield}
		text := string(body)
		v.lines(text)
		v.wrap(text)
	}
}

type variantMaker struct {
	*budget
	body  []byte
	seen  map[[sha256.Size]byte]bool // nil if duplicates do no harm
	yield func(variant) bool
	ended bool   // the consumer has stopped
	space []byte // holds the current variant
}

func (v *variantMaker) add(c change, body []byte) {
	if v.ended || bytes.Equal(body, v.body) || !v.take(len(body)) {
		return
	}
	sum := sha256.Sum256(body)
	if v.seen[sum] {
		return
	}
	if v.seen != nil {
		v.seen[sum] = true
	}
	v.ended = !v.yield(variant{c, body, sum})
}

func (v *variantMaker) text(c change, pieces ...string) {
	v.space = v.space[:0]
	for _, p := range pieces {
		v.space = append(v.space, p...)
	}
	v.add(c, v.space)
}

// lines changes line endings, leading and trailing white space, and byte order marks.
func (v *variantMaker) lines(text string) {
	v.text(newlineAdded, text, "\n")
	v.text(newlineAdded, text, "\r\n")
	if strings.ContainsAny(text, "\r\n") {
		v.lineEndings(text)
	}
	v.text(trimmed, strings.TrimSpace(text))
	v.text(trimmed, strings.TrimLeft(text, " \t\r\n"))
	v.text(trimmed, strings.TrimRight(text, " \t\r\n"))
	v.text(trimmed, text, " ")
	const bom = "\xEF\xBB\xBF"
	v.text(bomAdded, bom, text)
	if plain, ok := strings.CutPrefix(text, bom); ok {
		v.text(bomRemoved, plain)
	}
	v.text(newlineAdded, text, "\n\n")
}

// lineEndings changes the line endings of a text that has some.
func (v *variantMaker) lineEndings(text string) {
	for _, end := range []string{"\r\n", "\n"} {
		if short, ok := strings.CutSuffix(text, end); ok {
			v.text(newlineRemoved, short)
		}
	}
	v.text(newlineRemoved, strings.TrimRight(text, "\r\n"))
	unix := strings.ReplaceAll(text, "\r\n", "\n")
	v.text(toCRLF, strings.ReplaceAll(unix, "\n", "\r\n"))
	v.text(toLF, unix)
	v.text(linesJoined, noLines.Replace(text))
	v.text(linesJoined, strings.ReplaceAll(text, "\n", ""))
	v.text(linesJoined, strings.ReplaceAll(unix, "\n", " "))
	v.text(linesJoined, strings.ReplaceAll(unix, "\n", "\r"))
}

var noLines = strings.NewReplacer("\r", "", "\n", "")

// explanation is the change, or the two changes, that turn a body into one with a given hash.
type explanation struct {
	first, second *change
}

// explain finds the change, or the two changes, after which a body has the wanted hash.
func (b *budget) explain(body []byte, contentType, wanted string) (explanation, bool) {
	var found explanation
	if wanted == hashOf(body) {
		return found, false // two changes that undo each other explain nothing
	}
	ok := b.search(body, contentType, wanted, &found)
	return found, ok
}

// search tries single changes first, then pairs.
func (b *budget) search(body []byte, contentType, wanted string, found *explanation) bool {
	sum := sumOf(wanted)
	if sum == nil {
		return false
	}
	single := b.hashes(body, contentType)
	for i := range single {
		if single[i].sum == *sum {
			found.first = &single[i].change
			return true
		}
	}
	if len(body) > maxPairBody {
		return false
	}
	tried := 0
	for first := range b.variants(body, contentType) {
		for second := range b.wrappings(first.body) {
			if second.sum == *sum {
				found.first, found.second = &first.change, &second.change
				return true
			}
		}
		if tried++; b.spent || tried == firstOfPair {
			return false
		}
	}
	return false
}

// sumOf parses a hash as canonical requests spell it. It returns nil if the text is not one.
func sumOf(hash string) *[sha256.Size]byte {
	raw, err := hex.DecodeString(hash)
	if err != nil || len(raw) != sha256.Size || hash != strings.ToLower(hash) {
		return nil
	}
	return (*[sha256.Size]byte)(raw)
}

func hashOf(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}
