package reading

import "strconv"

// Each calls f with every value of the request that comes from the paste, and the JSON Pointer of the field that it
// becomes in a signing request.
func (q *Request) Each(f func(field string, v Value)) {
	f("/method", q.Method)
	f("/url", q.URL)
	for i, h := range q.Headers {
		at := "/headerList/" + strconv.Itoa(i)
		f(at+"/name", h.Name)
		f(at+"/value", h.Value)
	}
	if q.Body.State == BodyPresent || q.Body.State == BodyTruncated {
		f("/body", q.Body.Content)
	}
	if q.Service.Len() > 0 {
		f("/service", q.Service)
	}
	if q.Region.Len() > 0 {
		f("/region", q.Region)
	}
}

// Piece is a range of bytes of a value and the range of the paste that it comes from. Both have the same length
// unless the bytes are the value of an escape.
type Piece struct{ In, Paste Span }

// Pieces returns the value's bytes with their places in the paste, in order. If there would be more than limit
// pieces, it returns a single one for all.
func (v Value) Pieces(limit int) []Piece {
	var out []Piece
	end := v.Len()
	v.each(func(at int, p piece) {
		if n := len(out); n > 0 {
			out[n-1].In.End = min(out[n-1].In.End, at)
			if out[n-1].In.Start == out[n-1].In.End {
				out = out[:n-1]
			}
		}
		if p.from >= 0 {
			out = append(out, Piece{In: Span{at, end}, Paste: Span{int(p.from), int(p.to)}})
		}
	})
	if len(out) > limit {
		return []Piece{{In: Span{0, end}, Paste: v.Span()}}
	}
	return out
}
