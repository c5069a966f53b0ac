package reading

import (
	"sort"
	"strings"
)

// Span is a range of bytes of the text that was read.
type Span struct{ Start, End int }

// Value is a piece of text and where it was found. Quoting, escapes and base64 are undone, at all levels. A Value
// prints as numbers, not as its text, so that its text does not get into logs and errors by accident.
type Value struct {
	in         *layer
	start, end int
}

// layer is a text that values are slices of: the paste itself (without pieces), or a text made from it.
type layer struct {
	text   string
	pieces []piece
}

// piece says where the bytes of a layer from at on, up to the next piece, come from: from exactly these bytes of the
// paste, from an escape that stands for them, or (from < 0) from nowhere in the paste.
type piece struct {
	at, from, to int32
	exact        bool
}

// Text returns the value itself, secrets included.
func (v Value) Text() string {
	if v.in == nil {
		return ""
	}
	return v.in.text[v.start:v.end]
}

// Len returns the number of bytes of the text.
func (v Value) Len() int { return v.end - v.start }

// Slice returns the part of the value between two byte offsets.
func (v Value) Slice(start, end int) Value {
	start = min(max(start, 0), v.Len())
	end = min(max(end, start), v.Len())
	return Value{v.in, v.start + start, v.start + end}
}

// Spans returns the ranges of the paste that the value was made from, in the order of the value. There are none for
// text that is nowhere in the paste.
func (v Value) Spans() []Span {
	if v.in == nil {
		return nil
	}
	if v.in.pieces == nil {
		return []Span{{v.start, v.end}}
	}
	var spans []Span
	v.each(func(_ int, p piece) {
		if p.from < 0 {
			return
		}
		if n := len(spans); n > 0 && spans[n-1].End == int(p.from) {
			spans[n-1].End = int(p.to)
			return
		}
		spans = append(spans, Span{int(p.from), int(p.to)})
	})
	return spans
}

// Span returns the smallest range that holds all spans; it is empty and at 0 if there are none.
func (v Value) Span() Span { return hull(v.Spans()) }

func hull(spans []Span) Span {
	if len(spans) == 0 {
		return Span{}
	}
	all := spans[0]
	for _, s := range spans[1:] {
		all = Span{min(all.Start, s.Start), max(all.End, s.End)}
	}
	return all
}

// Verbatim reports whether the paste holds the value unchanged, in one range.
func (v Value) Verbatim() bool {
	if v.in == nil {
		return false
	}
	if v.in.pieces == nil {
		return true
	}
	exact, total := true, 0
	v.each(func(_ int, p piece) {
		exact = exact && p.exact
		total += int(p.to - p.from)
	})
	return exact && total == v.Len() && len(v.Spans()) <= 1
}

// each calls f with the pieces under the value, clipped to it, and the offset in the value of each.
func (v Value) each(f func(at int, p piece)) {
	if v.in == nil || v.start == v.end && v.in.pieces != nil && len(v.in.text) > 0 {
		return
	}
	if v.in.pieces == nil {
		f(0, piece{from: int32(v.start), to: int32(v.end), exact: true}) //nolint:gosec // a paste is at most MaxText long
		return
	}
	pieces := v.in.pieces
	first := max(0, sort.Search(len(pieces), func(i int) bool { return int(pieces[i].at) > v.start })-1)
	for i := first; i < len(pieces) && (int(pieces[i].at) < v.end || i == first); i++ {
		p, end := pieces[i], len(v.in.text)
		if i+1 < len(pieces) {
			end = int(pieces[i+1].at)
		}
		at := int(p.at)
		if p.exact {
			p.from += int32(max(0, v.start-at)) //nolint:gosec // as above
			p.to -= int32(max(0, end-v.end))    //nolint:gosec // as above
		}
		f(max(at, v.start)-v.start, p)
	}
}

// trim returns the value without leading and trailing white space.
func (v Value) trim() Value { return v.trimSet(" \t\r\n\v\f") }

func (v Value) trimSet(set string) Value {
	text := v.Text()
	start := len(text) - len(strings.TrimLeft(text, set))
	return v.Slice(start, max(start, len(strings.TrimRight(text, set))))
}

// from returns the value from a byte offset on.
func (v Value) from(start int) Value { return v.Slice(start, v.Len()) }

// builder makes a value out of others and records where each byte comes from.
type builder struct {
	text   strings.Builder
	pieces []piece
}

// copy adds a value as it is.
func (b *builder) copy(v Value) {
	base := b.text.Len()
	v.each(func(at int, p piece) {
		p.at = int32(base + at) //nolint:gosec // a paste is at most MaxText long, and decoding makes nothing longer than maxDecoded
		if n := len(b.pieces); n > 0 && p.exact && b.pieces[n-1].exact && b.pieces[n-1].to == p.from {
			b.pieces[n-1].to = p.to
			return
		}
		b.pieces = append(b.pieces, p)
	})
	b.text.WriteString(v.Text())
}

// decode adds text that another value stands for, such as an escape.
func (b *builder) decode(text string, v Value) {
	spans, at := v.Spans(), b.text.Len()
	if len(spans) == 0 || text == "" {
		b.add(text)
		return
	}
	span := hull(spans)
	b.pieces = append(b.pieces, piece{at: int32(at), from: int32(span.Start), to: int32(span.End)}) //nolint:gosec // as in copy
	b.text.WriteString(text)
}

// add adds text that is nowhere in the paste.
func (b *builder) add(text string) {
	if text == "" {
		return
	}
	b.pieces = append(b.pieces, piece{at: int32(b.text.Len()), from: -1, to: -1}) //nolint:gosec // as in copy
	b.text.WriteString(text)
}

func (b *builder) value() Value {
	in := &layer{text: b.text.String(), pieces: b.pieces}
	if in.pieces == nil {
		in.pieces = []piece{{from: -1, to: -1}}
	}
	return Value{in, 0, len(in.text)}
}

// derived returns a value that the paste does not spell out, but which follows from a place in it: POST from the -d
// of a curl command.
func derived(text string, from Value) Value {
	var b builder
	b.decode(text, from)
	return b.value()
}

// join concatenates values.
func join(values ...Value) Value {
	var b builder
	for _, v := range values {
		b.copy(v)
	}
	return b.value()
}

// literal returns a value that comes from nowhere in the paste.
func literal(text string) Value { return derived(text, Value{}) }
