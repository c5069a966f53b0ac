package diagnosis

import (
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"
)

// jsonNode is a JSON value that keeps the order of members and the spelling of numbers.
type jsonNode struct {
	kind   byte // '{' '[' '"', '0' for a number, or 0 for the rest
	text   string
	names  []*jsonNode // member names, as strings
	items  []*jsonNode
	sorted []int    // indexes of the members, ordered by name
	forms  []string // the value in each escaping or number style
}

// jsonEscapes is how a program escapes strings.
type jsonEscapes struct {
	ascii byte // 'x' and 'X' write non-ASCII characters as \u with digits of that case
	html  bool // < > & as \u003c \u003e \u0026
	upper bool // those in capitals, and " ' + ` with them, as .NET does
	slash bool // \/
}

// jsonStyle is how a program lays out JSON.
type jsonStyle struct {
	item, colon     string // separators
	indent, newline string // for each level, if there is one
}

var (
	spacings = []jsonStyle{
		{item: ",", colon: ":"},
		{item: ", ", colon: ": "},
		{item: ",", colon: ": ", indent: "  ", newline: "\n"},
		{item: ",", colon: ": ", indent: "    ", newline: "\n"},
		{item: ",", colon: ": ", indent: "\t", newline: "\n"},
		{item: ",", colon: ": ", indent: "  ", newline: "\r\n"},
		{item: ",", colon: ": ", indent: "    ", newline: "\r\n"},
		{item: ",", colon: ": "},
		{item: ", ", colon: ":"},
		{item: ",", colon: " : ", indent: "  ", newline: "\n"},
		{item: ",", colon: " : ", indent: "  ", newline: "\r\n"},
		{item: ",", colon: ":", indent: "  ", newline: "\n"},
		{item: ",", colon: ": ", indent: "\t", newline: "\r\n"},
	}
	escapings = []jsonEscapes{
		{},
		{ascii: 'x'},
		{html: true},
		{slash: true},
		{slash: true, ascii: 'x'},
		{ascii: 'X'},
		{html: true, upper: true, ascii: 'X'},
		{html: true, ascii: 'x'},
	}
	numbers = []byte{0, 'j', 'p'} // as they are, as JavaScript and as Python write them
)

// usualWriters are the styles of the usual programs, as indexes into the tables above.
var usualWriters = []jsonWriter{
	{jsonStyle: spacings[0], number: 1},                            // JSON.stringify
	{jsonStyle: spacings[0]},                                       // Jackson, Newtonsoft
	{jsonStyle: spacings[1], escaping: 1, number: 2},               // Python's json.dumps
	{jsonStyle: spacings[0], escaping: 1, number: 2},               // the same, compact
	{jsonStyle: spacings[0], escaping: 2, number: 1, sorted: true}, // Go's encoding/json, from a map
	{jsonStyle: spacings[0], escaping: 6, number: 1},               // System.Text.Json
	{jsonStyle: spacings[0], escaping: 6},
	{jsonStyle: spacings[0], escaping: 4},                          // PHP's json_encode
	{jsonStyle: spacings[2], number: 1},                            // JSON.stringify(…, 2)
	{jsonStyle: spacings[2], escaping: 2, number: 1, sorted: true}, // Go's MarshalIndent
	{jsonStyle: spacings[3], escaping: 1, number: 2},               // json.dumps(indent=4)
	{jsonStyle: spacings[2], escaping: 1, number: 2},
	{jsonStyle: spacings[5]}, // Newtonsoft, indented, on Windows
	{jsonStyle: spacings[9]}, // Jackson, indented
	{jsonStyle: spacings[1], escaping: 1, number: 2, sorted: true},
}

const maxJSON = 512 << 10

// json writes a JSON text again in the styles of the usual programs, those that differ least first.
func (v *variantMaker) json(text string) {
	if len(text) > maxJSON {
		return
	}
	root := parseJSON(text)
	if root == nil {
		return
	}
	root.prepare()
	var b []byte
	for _, w := range usualWriters {
		b = w.append(b[:0], root, 0)
		v.add(rewritten, b)
	}
	escaped, spelled, orders := root.distinct()
	for odd := range 4 {
		for _, spacing := range spacings {
			for _, escaping := range escaped {
				for _, number := range spelled {
					for _, sorted := range orders {
						w := jsonWriter{jsonStyle: spacing, escaping: escaping, number: number, sorted: sorted}
						if w.oddity() != odd || v.spent || v.ended {
							continue
						}
						b = w.append(b[:0], root, 0)
						v.add(rewritten, b)
					}
				}
			}
		}
	}
}

// distinct returns the escapings, number styles and member orders that make a difference in this text.
func (n *jsonNode) distinct() (escaped, spelled []int, orders []bool) {
	differ := func(kind byte, i int, others []int) bool {
		return !slices.ContainsFunc(others, func(j int) bool { return n.sameForms(kind, i, j) })
	}
	for i := range escapings {
		if differ('"', i, escaped) {
			escaped = append(escaped, i)
		}
	}
	for i := range numbers {
		if differ('0', i, spelled) {
			spelled = append(spelled, i)
		}
	}
	if n.inOrder() {
		return escaped, spelled, []bool{false}
	}
	return escaped, spelled, []bool{false, true}
}

// sameForms reports whether all values of a kind look the same in two styles.
func (n *jsonNode) sameForms(kind byte, i, j int) bool {
	if n.kind == kind && n.forms[i] != n.forms[j] {
		return false
	}
	other := func(n *jsonNode) bool { return !n.sameForms(kind, i, j) }
	return !slices.ContainsFunc(n.names, other) && !slices.ContainsFunc(n.items, other)
}

// inOrder reports whether all members are already sorted by name.
func (n *jsonNode) inOrder() bool {
	return slices.IsSorted(n.sorted) && !slices.ContainsFunc(n.items, func(item *jsonNode) bool { return !item.inOrder() })
}

// prepare writes strings and numbers once in each style, and sorts the members.
func (n *jsonNode) prepare() {
	switch n.kind {
	case '"':
		for _, e := range escapings {
			n.forms = append(n.forms, quoteJSON(n.text, e))
		}
	case '0':
		for _, manner := range numbers {
			n.forms = append(n.forms, spellNumber(n.text, manner))
		}
	}
	for i, name := range n.names {
		name.prepare()
		n.sorted = append(n.sorted, i)
	}
	slices.SortStableFunc(n.sorted, func(i, j int) int { return strings.Compare(n.names[i].text, n.names[j].text) })
	for _, item := range n.items {
		item.prepare()
	}
}

func parseJSON(text string) *jsonNode {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	root := nextJSON(d, 0)
	if root == nil || root.kind != '{' && root.kind != '[' {
		return nil
	}
	if _, err := d.Token(); err != io.EOF {
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
		return jsonItems(d, t.String()[0], depth)
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
			n.names = append(n.names, &jsonNode{kind: '"', text: text})
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

// jsonWriter writes prepared values in one style.
type jsonWriter struct {
	jsonStyle
	escaping, number int
	sorted           bool
}

func (w *jsonWriter) oddity() int {
	n := 0
	for _, odd := range []bool{w.escaping > 0, w.number > 0, w.sorted} {
		if odd {
			n++
		}
	}
	return n
}

func (w *jsonWriter) append(b []byte, n *jsonNode, depth int) []byte {
	switch n.kind {
	case '"':
		return append(b, n.forms[w.escaping]...)
	case '0':
		return append(b, n.forms[w.number]...)
	case '{', '[':
	default:
		return append(b, n.text...)
	}
	b = append(b, n.kind)
	for i := range n.items {
		if i > 0 {
			b = append(b, w.item...)
		}
		b = w.breakLine(b, depth+1)
		at := i
		if n.kind == '{' {
			if w.sorted {
				at = n.sorted[i]
			}
			b = append(append(b, n.names[at].forms[w.escaping]...), w.colon...)
		}
		b = w.append(b, n.items[at], depth+1)
	}
	if len(n.items) > 0 {
		b = w.breakLine(b, depth)
	}
	return append(b, n.kind+2) // } and ] come two after { and [ in ASCII
}

func (w *jsonWriter) breakLine(b []byte, depth int) []byte {
	if w.newline == "" {
		return b
	}
	b = append(b, w.newline...)
	for range depth {
		b = append(b, w.indent...)
	}
	return b
}
