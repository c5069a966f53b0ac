package explain

import (
	"slices"
	"strings"

	"countersign/signing"
)

func lowerName(h Header) string { return strings.ToLower(strings.TrimSpace(h.Name.Value)) }

// given returns the caller's headers with a name, in their order, without those that signing sets itself.
func (r *Request) given(name string) []Header {
	var list []Header
	for _, h := range r.Headers {
		if lowerName(h) == name && !signing.Reserved(name) {
			list = append(list, h)
		}
	}
	return list
}

// headerName returns the piece for the name of a header.
func (r *Request) headerName(name, text string) Piece {
	if given := r.given(name); len(given) > 0 {
		f := given[0].Name
		if f.Value == "" || f.Pointer == given[0].Value.Pointer { // a name in a pointer is not a value in the document
			return Piece{Text: text, From: f.Pointer}
		}
		return f.piece(text, 0, len(f.Value))
	}
	return r.madeHere(name, text)
}

// header finds the values of a header among the caller's headers.
func (r *Request) header(text string, u urlPlaces) Line {
	name, value, _ := strings.Cut(text, ":")
	l := Line{Part: PartHeader, Name: name, Text: text, Redacted: strings.Contains(value, redacted)}
	given := r.given(name)
	if values, how := fold(given); len(given) > 0 && strings.Join(values, ",") == value {
		l.Pieces = append(l.Pieces, r.headerName(name, name), by(":", BySigning))
		for i, h := range given {
			if i > 0 {
				l.Pieces = append(l.Pieces, by(",", BySigning))
			}
			l.Pieces = append(l.Pieces, h.Value.piece(values[i], 0, len(h.Value.Value)))
			l.did(LowerCase, h.Name.Value != name)
		}
		l.How = append(l.How, how...)
		return l
	}
	l.Pieces = []Piece{by(name, BySigning), by(":", BySigning)}
	if name == "host" {
		raw := r.URL.Value[u.host:u.path]
		l.Pieces = append(l.Pieces, r.URL.piece(value, u.host, u.path))
		l.did(LowerCase, strings.ToLower(raw) != raw)
		l.did(PortRemoved, strings.HasSuffix(raw, ":443") || strings.HasSuffix(raw, ":80"))
		return l
	}
	if len(given) > 0 { // something was redacted, or the value was replaced
		l.Pieces = append(l.Pieces, Piece{Text: value, From: given[0].Value.Pointer})
		return l
	}
	l.Pieces = append(l.Pieces, r.madeHere(name, value))
	return l
}

// fold returns the values as they are signed, and the transformations applied.
func fold(given []Header) (values, how []string) {
	did := func(what string, when bool) {
		if when && !slices.Contains(how, what) {
			how = append(how, what)
		}
	}
	for _, h := range given {
		raw := h.Value.Value
		trimmed := strings.Trim(raw, " \t")
		folded := strings.Join(strings.FieldsFunc(raw, func(c rune) bool { return c == ' ' || c == '\t' }), " ")
		did(Trimmed, trimmed != raw)
		did(SpacesFolded, folded != trimmed)
		values = append(values, folded)
	}
	did(Joined, len(given) > 1)
	return values, how
}

// madeHere returns the piece for a header that the caller did not send.
func (r *Request) madeHere(name, text string) Piece {
	switch name {
	case "host":
		return Piece{Text: text, From: r.URL.Pointer, By: ByHost}
	case "x-amz-date":
		return r.clock(text)
	case "x-amz-security-token":
		return by(text, BySession)
	case "x-amz-content-sha256":
		return Piece{Text: text, From: r.Body.Pointer, By: ByHash}
	case "x-amz-region-set":
		return Piece{Text: text, From: r.Region.Pointer, By: ByScope}
	}
	return by(text, BySigning)
}

// The reasons why a header is not signed.
const (
	NotAsked = "not-asked"
	Fragile  = "fragile"
	Replaced = "replaced"
)

// NotSigned is a header of the caller that the signature does not cover.
type NotSigned struct{ Name, From, Reason, Message string }

// NotSigned returns the caller's headers that the signature does not cover, or covers with another value.
func (r *Request) NotSigned() []NotSigned {
	var list []NotSigned
	for _, h := range r.Headers {
		name := lowerName(h)
		if r.replaced(name) {
			list = append(list, NotSigned{h.Name.Value, h.Value.Pointer, Replaced, "Signing sets this header itself; the one given was dropped."})
			continue
		}
		if name == "host" || slices.Contains(r.SignedHeaders, name) {
			continue
		}
		if why, _ := signing.Fragile(r.Method.Value, name); why != "" {
			list = append(list, NotSigned{h.Name.Value, h.Value.Pointer, Fragile, "It " + why + "."})
			continue
		}
		const message = "Only Host, headers that begin with x-amz- and those named in signedHeaders are signed."
		list = append(list, NotSigned{h.Name.Value, h.Value.Pointer, NotAsked, message})
	}
	return list
}

func (r *Request) replaced(name string) bool {
	return signing.Reserved(name) || strings.HasPrefix(name, "x-forwarded-") ||
		name == "x-amz-content-sha256" && !slices.Contains(r.SignedHeaders, name)
}
