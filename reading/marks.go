package reading

import (
	"slices"
)

// mark finds the placeholders of a command line in the fields of a request: the fields were cut from words in which
// the places of the shell's expansions are known.
func (r *reader) mark(q *Request) {
	if len(r.marks) == 0 {
		return
	}
	q.Each(func(field string, v Value) {
		v.each(func(at int, p piece) {
			for _, span := range r.marks {
				start, end := max(span.Start, int(p.from)), min(span.End, int(p.to))
				if !p.exact || start >= end || start != span.Start {
					continue
				}
				from := at + start - int(p.from)
				q.addPlaceholder(field, v, from, from+end-start)
			}
		})
	})
	slices.SortStableFunc(q.Placeholders, func(a, b Placeholder) int { return a.Text.Span().Start - b.Text.Span().Start })
}

func (r *reader) markPlaceholder(v Value) {
	if len(r.marks) < maxNotes {
		r.marks = append(r.marks, v.Span())
	}
}
