package explain

import (
	"strings"
	"unicode"

	"countersign/signing"
)

// invisible reports whether r is ignored at the ends of a URL.
func invisible(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) }

// segment is a slash in the path and what follows it, by its position in the URL.
type segment struct{ start, end int }

// path finds each segment of the canonical path in the URL.
func (r *Request) path(text string, u urlPlaces) Line {
	l := Line{Part: PartPath, Text: text, Redacted: strings.Contains(text, redacted)}
	kept := r.segments(u)
	if r.Normalized {
		kept = r.withoutDots(&l, kept)
	}
	var canonical []string
	for rest := strings.TrimPrefix(text, "/"); ; {
		one, more, found := strings.Cut(rest, "/")
		if canonical = append(canonical, "/"+one); !found {
			break
		}
		rest = more
	}
	if len(kept) == 0 { // the URL ends at its host
		l.Pieces = []Piece{r.URL.piece(text, u.path, u.path)}
		return l
	}
	if len(kept) != len(canonical) {
		l.Pieces = []Piece{r.URL.piece(text, u.path, u.query)}
		l.Removed = nil
		return l
	}
	for i, s := range kept {
		raw := r.URL.Value[s.start:s.end]
		l.Pieces = append(l.Pieces, r.URL.piece(canonical[i], s.start, s.end))
		if raw == canonical[i] || dots(raw[1:]) {
			continue
		}
		twice := strings.Contains(canonical[i], "%25")
		l.did(EncodedTwice, twice)
		l.did(ReEncoded, !twice)
	}
	return l
}

func (r *Request) segments(u urlPlaces) []segment {
	var all []segment
	for start := u.path; start < u.query; {
		end := u.query
		if i := strings.IndexByte(r.URL.Value[start+1:u.query], '/'); i >= 0 {
			end = start + 1 + i
		}
		all = append(all, segment{start, end})
		start = end
	}
	return all
}

// dots reports whether a segment is empty or a dot segment, however it is spelled.
func dots(text string) bool {
	switch strings.ReplaceAll(strings.ToLower(text), "%2e", ".") {
	case "", ".", "..":
		return true
	}
	return false
}

func twoDots(text string) bool {
	return strings.ReplaceAll(strings.ToLower(text), "%2e", ".") == ".."
}

// withoutDots removes dot segments and empty ones, as normalizing a path does. If the last segment is one of them, it
// stays as the slash that ends the path.
func (r *Request) withoutDots(l *Line, all []segment) []segment {
	var kept, removed []segment
	name := func(s segment) string { return r.URL.Value[s.start+1 : s.end] }
	for _, s := range all {
		switch {
		case twoDots(name(s)):
			removed = append(removed, s)
			if n := len(kept); n > 0 {
				removed, kept = append(removed, kept[n-1]), kept[:n-1]
			}
		case dots(name(s)):
			removed = append(removed, s)
		default:
			kept = append(kept, s)
		}
	}
	if last := len(all) - 1; last >= 0 && dots(name(all[last])) {
		end := all[last]
		kept = append(kept, end)
		for i, s := range removed {
			if s == end {
				removed = append(removed[:i], removed[i+1:]...)
				break
			}
		}
		l.did(SegmentsRemoved, name(end) != "")
	} else if len(kept) == 0 && len(removed) > 0 {
		kept, removed = removed[len(removed)-1:], removed[:len(removed)-1]
	}
	for _, s := range removed {
		l.Removed = append(l.Removed, r.URL.piece("", s.start, s.end))
	}
	l.did(SegmentsRemoved, len(removed) > 0)
	return kept
}

// parameter is one of the caller's parameters.
type parameter struct {
	canonical string
	piece     Piece
	raw       string
	used      bool
}

// query finds each parameter of the canonical query among the caller's; equal ones are matched in their original order.
func (r *Request) query(text string, u urlPlaces) Line {
	l := Line{Part: PartQuery, Text: text, Redacted: strings.Contains(text, redacted)}
	given := r.parameters(&l, u)
	byText := map[string][]int{}
	for i, p := range given {
		byText[p.canonical] = append(byText[p.canonical], i)
	}
	if text == "" {
		return l
	}
	last := -1
	for i, one := range strings.Split(text, "&") {
		if i > 0 {
			l.Pieces = append(l.Pieces, by("&", BySigning))
		}
		queue := byText[one]
		if len(queue) == 0 {
			l.Pieces = append(l.Pieces, r.presigned(one))
			continue
		}
		p := &given[queue[0]]
		l.did(Sorted, queue[0] < last)
		last = max(last, queue[0])
		byText[one] = queue[1:]
		p.used = true
		l.Pieces = append(l.Pieces, p.piece)
		if p.raw != "" {
			l.did(PlusIsSpace, strings.Contains(p.raw, "+"))
			l.did(EqualsAdded, !strings.Contains(p.raw, "="))
			l.did(ReEncoded, strings.TrimSuffix(one, "=") != strings.TrimSuffix(strings.ReplaceAll(p.raw, "+", "%20"), "="))
		}
	}
	for _, p := range given { // a secret was redacted from the text
		if !p.used {
			p.piece.Text = ""
			l.Removed = append(l.Removed, p.piece)
		}
	}
	return l
}

func (r *Request) parameters(l *Line, u urlPlaces) []parameter {
	var given []parameter
	for start := u.query + 1; start <= u.end; {
		end := u.end
		if i := strings.IndexByte(r.URL.Value[start:u.end], '&'); i >= 0 {
			end = start + i
		}
		raw := r.URL.Value[start:end]
		canonical, err := signing.CanonicalQuery(raw)
		if err == nil && canonical != "" {
			given = append(given, parameter{canonical: canonical, piece: r.URL.piece(canonical, start, end), raw: raw})
		} else {
			l.did(EmptyRemoved, true)
			if end > start {
				l.Removed = append(l.Removed, r.URL.piece("", start, end))
			}
		}
		start = end + 1
	}
	for _, p := range r.Query {
		target, _, err := signing.ParseURL("https://-/", []signing.Parameter{{Name: p.Name, Value: p.Value.Value}})
		if err != nil {
			continue
		}
		given = append(given, parameter{canonical: target.RawQuery(), piece: p.Value.piece(target.RawQuery(), 0, len(p.Value.Value))})
	}
	return given
}

// presigned returns the piece for a parameter that presigning added.
func (r *Request) presigned(text string) Piece {
	name, _, _ := strings.Cut(text, "=")
	switch name {
	case "X-Amz-Date":
		return r.clock(text)
	case "X-Amz-Credential", "X-Amz-Security-Token":
		return by(text, BySession)
	case "X-Amz-Content-Sha256":
		return Piece{Text: text, From: r.Body.Pointer, By: ByHash}
	case "X-Amz-Region-Set":
		return Piece{Text: text, From: r.Region.Pointer, By: ByScope}
	case "X-Amz-Expires":
		return Piece{Text: text, From: r.Expires.Pointer, By: BySigning}
	}
	return by(text, BySigning)
}

func (r *Request) clock(text string) Piece {
	if r.Time.Pointer != "" {
		return r.Time.piece(text, 0, len(r.Time.Value))
	}
	return by(text, ByClock)
}
