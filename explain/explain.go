// Package explain says of each line of a canonical request which part of the
// request it was made from, and what was done to it.
//
// It computes nothing that is signed: it compares a canonical request with the
// request that a caller gave, and finds the pieces of the one in the other. The
// caller must give the canonical request of that very request, with secrets
// taken out of it where it will be shown. Functions are pure.
//
// What it promises: the texts of the pieces of a line, one after another, are
// the line; and every byte of the URL's path and query, but for the signs that
// divide them, is in one piece or is listed as removed.
package explain

import (
	"slices"
	"strings"

	"countersign/signing"
)

// Field is a value of the document that a caller sent, and its JSON Pointer.
type Field struct{ Pointer, Value string }

// Header is a header as it was given.
type Header struct{ Name, Value Field }

// Parameter is a query parameter that was given apart from the URL.
type Parameter struct {
	Name  string
	Value Field
}

// Request is a request as the caller gave it, and what was signed of it. A
// field without a pointer was not given.
type Request struct {
	Method, URL   Field
	Query         []Parameter
	Headers       []Header
	Body, Payload Field // Payload: what was said of the body in place of it
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

// What was done to make a line.
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

// What gave a piece that no field of the document gave.
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
	Name     string // of a header, in lower case
	Text     string
	Redacted bool // something was taken out of it
	How      []string
	Pieces   []Piece
	Removed  []Piece // bytes that are in no piece
}

// Piece is a part of a line and what it was made from.
type Piece struct {
	Text string
	From string // JSON Pointer
	// At are the bytes of the value at From; HasAt tells whether they are known.
	Start, End int
	HasAt      bool
	By         string // where no field gave it
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

// redacted is what stands in texts that are shown in place of a secret.
const redacted = "[redacted]"

// Lines are the lines of the canonical request.
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
		if l := &lines[i]; l.joined() != texts[i] { // of another request
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

// urlPlaces are where the parts of a URL are in the text that was given.
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
