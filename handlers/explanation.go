package handlers

import (
	"strconv"
	"strings"

	"countersign/broker"
	"countersign/explain"
	"countersign/signing"
)

// explanation shows how a signature was made.
type explanation struct {
	CanonicalRequest       string          `json:"canonicalRequest"`
	CanonicalRequestSHA256 string          `json:"canonicalRequestSha256"`
	CredentialScope        string          `json:"credentialScope"`
	StringToSign           string          `json:"stringToSign"`
	Signature              string          `json:"signature"`
	Lines                  []explainedLine `json:"lines,omitzero"`
	NotSigned              []notSigned     `json:"notSigned,omitzero"`
	Scope                  *scopeOrigin    `json:"scope,omitzero"`
}

type explainedLine struct {
	Number   int              `json:"number"`
	Part     string           `json:"part"`
	Name     string           `json:"name,omitzero"`
	Text     string           `json:"text"`
	Redacted bool             `json:"redacted"`
	How      []string         `json:"how"`
	Pieces   []explainedPiece `json:"pieces"`
	Removed  []explainedPiece `json:"removed,omitzero"`
}

type explainedPiece struct {
	Text string `json:"text"`
	From string `json:"from,omitzero"`
	At   []int  `json:"at,omitzero"`
	By   string `json:"by,omitzero"`
}

type notSigned struct {
	Name    string `json:"name"`
	From    string `json:"from"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

type scopeOrigin struct {
	ServiceFrom string `json:"serviceFrom"`
	RegionFrom  string `json:"regionFrom"`
	Why         string `json:"why"`
}

// newExplanation returns the texts of the steps; nil for nil.
func newExplanation(e *broker.Explanation) *explanation {
	if e == nil {
		return nil
	}
	return &explanation{
		CanonicalRequest: e.CanonicalRequest, CanonicalRequestSHA256: e.CanonicalRequestSHA256, CredentialScope: e.CredentialScope,
		StringToSign: e.StringToSign, Signature: e.Signature,
	}
}

// explanation adds to the texts what each line was made from, and adds pointers to the warnings. It is nil if no
// explanation was requested.
func (in *signRequest) explanation(s *broker.Result, expires *wholeNumber, warnings []warning) *explanation {
	e := s.Explanation
	out := newExplanation(e)
	if out == nil {
		return nil
	}
	r := in.explained(s, expires)
	for i, line := range r.Lines() {
		out.Lines = append(out.Lines, explainedLine{
			Number: i + 1, Part: line.Part, Name: line.Name, Text: line.Text, Redacted: line.Redacted, How: notNil(line.How),
			Pieces: notNil(explainedPieces(line.Pieces)), Removed: explainedPieces(line.Removed),
		})
	}
	out.NotSigned = []notSigned{}
	for _, h := range r.NotSigned() {
		out.NotSigned = append(out.NotSigned, notSigned(h))
	}
	out.Scope = &scopeOrigin{e.Scope.Service, e.Scope.Region, e.Scope.Why}
	parts := in.namedParts()
	for i, part := range e.Warned {
		switch {
		case part.Part == "body":
			warnings[i].Pointer = r.Body.Pointer
		case part.Part != "":
			warnings[i].Pointer = parts.pointer(part)
		}
	}
	return out
}

func notNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func explainedPieces(pieces []explain.Piece) []explainedPiece {
	var list []explainedPiece
	for _, p := range pieces {
		piece := explainedPiece{Text: p.Text, From: p.From, By: p.By}
		if p.HasAt {
			piece.At = []int{p.Start, p.End}
		}
		list = append(list, piece)
	}
	return list
}

// explained returns the request as the caller gave it, with the pointers of its fields.
func (in *signRequest) explained(s *broker.Result, expires *wholeNumber) *explain.Request {
	field := func(pointer, value string) explain.Field { return explain.Field{Pointer: pointer, Value: value} }
	optional := func(pointer string, value *string) explain.Field {
		if value == nil {
			return explain.Field{}
		}
		return field(pointer, *value)
	}
	r := &explain.Request{
		Method: field("/method", in.Method), URL: field("/url", in.URL), Time: optional("/signingTime", in.SigningTime),
		Payload: optional("/payload", in.Payload), Normalized: s.Normalized, SignedHeaders: s.SignedHeaders,
		CanonicalRequest: s.Explanation.CanonicalRequest,
	}
	if in.Region != "" {
		r.Region = field("/region", in.Region)
	}
	if expires != nil {
		r.Expires = field("/expiresInSeconds", "")
	}
	for _, p := range in.Query {
		r.Query = append(r.Query, explain.Parameter{Name: p.Name, Value: field("/query/"+escapePointer(p.Name), p.Value)})
	}
	r.Headers = in.explainedHeaders(s)
	switch {
	case in.PayloadSHA256 != nil:
		r.Body = field("/payloadSha256", *in.PayloadSHA256)
	case in.BodyBase64 != nil:
		r.Body = field("/bodyBase64", *in.BodyBase64)
	case len(in.Body.text) > 0:
		r.Body = field("/body", "")
	}
	return r
}

func (in *signRequest) explainedHeaders(s *broker.Result) []explain.Header {
	var list []explain.Header
	typed := false
	add := func(name, value explain.Field) {
		typed = typed || strings.EqualFold(strings.TrimSpace(name.Value), "content-type")
		list = append(list, explain.Header{Name: name, Value: value})
	}
	for _, h := range in.Headers {
		pointer := "/headers/" + escapePointer(h.Name)
		add(explain.Field{Pointer: pointer, Value: h.Name}, explain.Field{Pointer: pointer, Value: h.Value})
	}
	for i, h := range in.HeaderList {
		pointer := "/headerList/" + strconv.Itoa(i)
		add(explain.Field{Pointer: pointer + "/name", Value: h.Name}, explain.Field{Pointer: pointer + "/value", Value: *h.Value})
	}
	if s.Body.FromEnvelope && !typed {
		const pointer = "/body/$content-type"
		sent := func(h signing.Header) bool { return strings.EqualFold(h.Name, "content-type") }
		for _, h := range s.Headers {
			if sent(h) {
				add(explain.Field{Pointer: pointer, Value: h.Name}, explain.Field{Pointer: pointer, Value: s.Body.MediaType})
			}
		}
	}
	return list
}
