package diagnosis

import (
	"encoding/json"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// jsonNode is a JSON value that keeps the order of members and the spelling of
// numbers.
type jsonNode struct {
	kind  byte // '{' '[' '"' or 0 for the rest
	text  string
	names []string
	items []*jsonNode
}

// jsonStyle is how a program writes JSON.
type jsonStyle struct {
	item, colon string // separators; empty for , and :
	indent      string // for each level
	newline     string // with an indent
	sorted      bool
	ascii       byte // 'x' and 'X' write what is not ASCII as \u with such digits
	html        bool // < > & as \u003c \u003e \u0026
	upper       bool // those in capitals, and ' + ` with them, as .NET does
	slash       bool // \/
	number      byte // 'j' as JavaScript writes numbers, 'p' as Python does
}

var (
	spacings = []jsonStyle{
		{},
		{item: ", ", colon: ": "},
		{item: ",", colon: ": ", indent: "  ", newline: "\n"},
		{item: ",", colon: ": ", indent: "    ", newline: "\n"},
		{item: ",", colon: ": ", indent: "\t", newline: "\n"},
		{item: ",", colon: ": ", indent: "  ", newline: "\r\n"},
		{item: ",", colon: ": ", indent: "    ", newline: "\r\n"},
		{item: ",", colon: ": "},
		{item: ", ", colon: ":"},
	}
	escapings = []jsonStyle{{}, {ascii: 'x'}, {ascii: 'X'}, {html: true}, {html: true, upper: true, ascii: 'X'}, {slash: true}, {slash: true, ascii: 'x'}, {html: true, ascii: 'x'}}
)

const maxJSON = 512 << 10

// json writes a JSON text anew in the ways of the usual programs.
func (v *varier) json(text string) {
	if len(text) > maxJSON {
		return
	}
	root := parseJSON(text)
	if root == nil {
		return
	}
	var before []jsonStyle
	for _, spacing := range spacings {
		for _, escaping := range escapings {
			for _, sorted := range []bool{false, true} {
				for _, number := range []byte{0, 'j', 'p'} {
					s := spacing
					s.ascii, s.html, s.upper, s.slash, s.sorted, s.number = escaping.ascii, escaping.html, escaping.upper, escaping.slash, sorted, number
					before = append(before, s)
				}
			}
		}
	}
	// The usual ones first: whatever differs in fewer ways from the plain style.
	slices.SortStableFunc(before, func(a, b jsonStyle) int { return a.oddity() - b.oddity() })
	written := map[string]bool{}
	for _, s := range before {
		if len(v.list) >= v.limit {
			return
		}
		var b strings.Builder
		root.write(&b, s, 0)
		if out := b.String(); !written[out] {
			written[out] = true
			v.text(rewritten, out)
		}
	}
}

func (s jsonStyle) oddity() int {
	n := 0
	for _, odd := range []bool{s.ascii != 0, s.html, s.upper, s.slash, s.sorted, s.number != 0, s.newline == "\r\n"} {
		if odd {
			n++
		}
	}
	return n
}

func parseJSON(text string) *jsonNode {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	root := nextJSON(d, 0)
	if root == nil || root.kind != '{' && root.kind != '[' {
		return nil
	}
	if _, err := d.Token(); err != io.EOF { //nolint:errorlint // Decoder returns io.EOF itself
		return nil
	}
	return root
}

const maxJSONDepth = 100

func nextJSON(d *json.Decoder, depth int) *jsonNode {
	t, err := d.Token()
	if err != nil || depth > maxJSONDepth {
		return nil
	}
	switch t := t.(type) {
	case json.Delim:
		return jsonItems(d, byte(t), depth)
	case string:
		return &jsonNode{kind: '"', text: t}
	case json.Number:
		return &jsonNode{kind: '0', text: t.String()}
	case bool:
		return &jsonNode{text: strconv.FormatBool(t)}
	}
	return &jsonNode{text: "null"}
}

func jsonItems(d *json.Decoder, kind byte, depth int) *jsonNode {
	n := &jsonNode{kind: kind}
	if kind != '{' && kind != '[' {
		return nil
	}
	for d.More() {
		if kind == '{' {
			name, err := d.Token()
			if err != nil {
				return nil
			}
			text, ok := name.(string)
			if !ok {
				return nil
			}
			n.names = append(n.names, text)
		}
		item := nextJSON(d, depth+1)
		if item == nil {
			return nil
		}
		n.items = append(n.items, item)
	}
	if _, err := d.Token(); err != nil {
		return nil
	}
	return n
}

func (n *jsonNode) write(b *strings.Builder, s jsonStyle, depth int) {
	switch n.kind {
	case '"':
		b.WriteString(quoteJSON(n.text, s))
	case '0':
		b.WriteString(spellNumber(n.text, s.number))
	case '{', '[':
		n.writeItems(b, s, depth)
	default:
		b.WriteString(n.text)
	}
}

func (n *jsonNode) writeItems(b *strings.Builder, s jsonStyle, depth int) {
	order := make([]int, len(n.items))
	for i := range order {
		order[i] = i
	}
	if s.sorted && n.kind == '{' {
		slices.SortStableFunc(order, func(i, j int) int { return strings.Compare(n.names[i], n.names[j]) })
	}
	item, colon := ",", ":"
	if s.item != "" {
		item, colon = s.item, s.colon
	}
	b.WriteByte(n.kind)
	for i, at := range order {
		if i > 0 {
			b.WriteString(item)
		}
		if s.newline != "" {
			b.WriteString(s.newline + strings.Repeat(s.indent, depth+1))
		}
		if n.kind == '{' {
			b.WriteString(quoteJSON(n.names[at], s) + colon)
		}
		n.items[at].write(b, s, depth+1)
	}
	if s.newline != "" && len(order) > 0 {
		b.WriteString(s.newline + strings.Repeat(s.indent, depth))
	}
	b.WriteByte(n.kind + 2) // } and ] stand two behind { and [
}

// quoteJSON writes a string as a style does.
func quoteJSON(text string, s jsonStyle) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' && s.upper:
			b.WriteString(`\u0022`)
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '/' && s.slash:
			b.WriteString(`\/`)
		case r < 0x20:
			b.WriteString(controlJSON(r, s))
		case s.html && (r == '<' || r == '>' || r == '&') || s.upper && (r == '\'' || r == '+' || r == '`' || r == 0x7F):
			b.WriteString(unicodeEscape(r, s.upper))
		case r >= 0x80 && s.ascii != 0:
			b.WriteString(unicodeEscape(r, s.ascii == 'X'))
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func controlJSON(r rune, s jsonStyle) string {
	if i := strings.IndexRune("\b\f\n\r\t", r); i >= 0 {
		return `\` + "bfnrt"[i:i+1]
	}
	return unicodeEscape(r, s.upper)
}

func unicodeEscape(r rune, upper bool) string {
	if r >= 0x10000 && r <= utf8.MaxRune {
		r -= 0x10000
		return unicodeEscape(0xD800+r>>10, upper) + unicodeEscape(0xDC00+r&0x3FF, upper)
	}
	text := strconv.FormatInt(int64(r), 16)
	text = strings.Repeat("0", max(0, 4-len(text))) + text
	if upper {
		text = strings.ToUpper(text)
	}
	return `\u` + text
}

// spellNumber writes a number as JavaScript or Python does after reading it.
func spellNumber(text string, manner byte) string {
	if manner == 0 {
		return text
	}
	f, err := strconv.ParseFloat(text, 64)
	whole := !strings.ContainsAny(text, ".eE")
	if err != nil || math.IsInf(f, 0) || manner == 'p' && whole {
		return text
	}
	large := math.Abs(f) >= 1e21 || f != 0 && math.Abs(f) < 1e-6
	if manner == 'p' {
		large = math.Abs(f) >= 1e16 || f != 0 && math.Abs(f) < 1e-4
	}
	if !large {
		out := strconv.FormatFloat(f, 'f', -1, 64)
		if manner == 'p' && !strings.Contains(out, ".") {
			out += ".0"
		}
		return out
	}
	out := strconv.FormatFloat(f, 'e', -1, 64)
	if manner == 'j' { // 1e+21, 1e-7
		out = strings.NewReplacer("e+0", "e+", "e-0", "e-").Replace(out)
	}
	return out
}
