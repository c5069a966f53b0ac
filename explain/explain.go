// Package explain traces each line of a canonical request back to the parts of
// the request that it was made from, and names the transformations applied.
//
// It computes nothing that is signed: it compares a canonical request with the
// caller's request, and finds the pieces of the one in the other. Users must pass
// the canonical request of that very request, with secrets redacted if it will be
// shown. Functions are pure.
//
// Promises: concatenating the texts of a line's pieces yields the line; and every
// byte of the URL's path and query, except for separators, is in one piece or is
// listed as removed.
package explain

import (
	"slices"
	"strings"

	"countersign/signing"
)

// Field is a value in the document that a caller sent, with its JSON Pointer.
type Field struct{ Pointer, Value string }

// Header is a header as the caller sent it.
type Header struct{ Name, Value Field }

// Parameter is a query parameter that was sent separately from the URL.
type Parameter struct {
	Name  string
	Value Field
}

// Request is a request as the caller sent it, and what was signed. A field
// without a pointer was not sent.
type Request struct {
	Method, URL   Field
	Query         []Parameter
	Headers       []Header
	Body, Payload Field // Payload: the description of the body, if it was not sent itself
	Time, Expires Field
	Region        Field

	Normalized       bool // dot segments and empty segments were removed
	SignedHeaders    []string
	CanonicalRequest string
}

// Parts of a canonical request.
const (
	PartMethod        = "method"
	PartPath          = "path"
	PartQuery         = "query"
	PartHeader        = "header"
	PartBlank         = "blank"
	PartSignedHeaders = "signed-headers"
	PartPayloadHash   = "payload-hash"
)

// The transformations that a line can result from.
const (
	LowerCase       = "lower-case"
	UpperCase       = "upper-case"
	Trimmed         = "trimmed"
	SpacesFolded    = "spaces-folded"
	Joined          = "joined"
	Sorted          = "sorted"
	PlusIsSpace     = "plus-is-space"
	EqualsAdded     = "equals-added"
	EmptyRemoved    = "empty-removed"
	EncodedTwice    = "encoded-twice"
	ReEncoded       = "re-encoded"
	SegmentsRemoved = "segments-removed"
	PortRemoved     = "default-port-removed"
	EmptyHash       = "empty-hash"
	UnsignedPayload = "unsigned-payload"
)

// The origins of pieces that do not come from a field of the document.
const (
	ByClock   = "clock"
	BySession = "session"
	ByScope   = "scope"
	ByHost    = "host"
	ByHash    = "hash"
	BySigning = "signing"
)

// Line is a line of a canonical request.
type Line struct {
	Part     string
	Name     string // the header's name, in lower case
	Text     string
	Redacted bool // something in it was redacted
	How      []string
	Pieces   []Piece
	Removed  []Piece // bytes that are in no piece
}

// Piece is a part of a line and its origin.
type Piece struct {
	Text string
	From string // JSON Pointer
	// Start and End delimit the bytes of the value at From; HasAt reports whether they are known.
	Start, End int
	HasAt      bool
	By         string // the origin if it is not a field
}

func (f Field) piece(text string, start, end int) Piece {
	return Piece{Text: text, From: f.Pointer, Start: start, End: end, HasAt: true}
}

func by(text, what string) Piece { return Piece{Text: text, By: what} }

func (l *Line) did(how string, when bool) {
	if when && !slices.Contains(l.How, how) {
		l.How = append(l.How, how)
	}
}

// redacted replaces a secret in texts that are shown.
const redacted = "[redacted]"

// Lines returns the lines of the canonical request.
func (r *Request) Lines() []Line {
	texts := strings.Split(r.CanonicalRequest, "\n")
	if len(texts) < 6 {
		return nil
	}
	n := len(texts)
	url := r.splitURL()
	lines := []Line{r.method(texts[0]), r.path(texts[1], url), r.query(texts[2], url)}
	for _, text := range texts[3 : n-3] {
		lines = append(lines, r.header(text, url))
	}
	lines = append(lines, Line{Part: PartBlank}, r.signedHeaders(texts[n-2]), r.payloadHash(texts[n-1]))
	for i := range lines {
		if l := &lines[i]; l.joined() != texts[i] { // from another request
			l.Text, l.How, l.Removed, l.Pieces = texts[i], nil, nil, []Piece{by(texts[i], BySigning)}
		}
	}
	return lines
}

func (l *Line) joined() string {
	var text strings.Builder
	for _, p := range l.Pieces {
		text.WriteString(p.Text)
	}
	return text.String()
}

func (r *Request) method(text string) Line {
	l := Line{Part: PartMethod, Text: text, Pieces: []Piece{r.Method.piece(text, 0, len(r.Method.Value))}}
	l.did(UpperCase, text != r.Method.Value)
	return l
}

// urlPlaces holds the positions of a URL's parts in the text that was sent.
type urlPlaces struct{ host, path, query, end int }

func (r *Request) splitURL() urlPlaces {
	raw := r.URL.Value
	var u urlPlaces
	u.end = len(strings.TrimRightFunc(raw, invisible))
	if i := strings.Index(raw, "://"); i >= 0 {
		u.host = i + len("://")
	}
	u.path, u.query = u.end, u.end
	if i := strings.IndexAny(raw[u.host:u.end], "/?"); i >= 0 {
		u.path, u.query = u.host+i, u.end
	}
	if i := strings.IndexByte(raw[u.path:u.end], '?'); i >= 0 {
		u.query = u.path + i
	}
	return u
}

func (r *Request) signedHeaders(text string) Line {
	l := Line{Part: PartSignedHeaders, Text: text}
	for i, name := range strings.Split(text, ";") {
		if i > 0 {
			l.Pieces = append(l.Pieces, by(";", BySigning))
		}
		l.Pieces = append(l.Pieces, r.headerName(name, name))
	}
	given := make([]string, 0, len(r.Headers))
	for _, h := range r.Headers {
		if name := lowerName(h); slices.Contains(r.SignedHeaders, name) {
			given = append(given, name)
		}
	}
	l.did(Sorted, !slices.IsSorted(given))
	return l
}

func (r *Request) payloadHash(text string) Line {
	l := Line{Part: PartPayloadHash, Text: text, Pieces: []Piece{{Text: text, From: r.Body.Pointer, By: ByHash}}}
	l.did(EmptyHash, text == signing.PayloadHash(nil))
	if text == signing.UnsignedPayload {
		l.did(UnsignedPayload, true)
		l.Pieces = []Piece{{Text: text, From: r.Payload.Pointer, By: BySigning}}
	}
	return l
}
