package handlers

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"countersign/broker"
	"countersign/problem"
	"countersign/reading"
)

// readRequest is a paste to read.
type readRequest struct {
	Text   string       `json:"text"`
	Choice *wholeNumber `json:"choice"`
}

// maxChoice is the index of the last request that is read in a paste.
const maxChoice = 199

func (in *readRequest) check(found *problem.Fields) {
	found.Require("/text", in.Text)
	between(found, "/choice", in.Choice, 0, maxChoice)
}

// readResponse is what was read: a request to sign, and where each of its values is in the paste.
type readResponse struct {
	Kind         string            `json:"kind"`
	Request      *requestRead      `json:"request,omitzero"`
	Signed       bool              `json:"signed"`
	Answered     bool              `json:"answered"`
	Spans        []readSpan        `json:"spans"`
	Placeholders []readPlaceholder `json:"placeholders"`
	Secrets      []readSecret      `json:"secrets"`
	Notes        []readNote        `json:"notes"`
	Choices      []readChoice      `json:"choices"`
}

// requestRead has fields of a request to sign.
type requestRead struct {
	Method     string       `json:"method"`
	URL        string       `json:"url"`
	HeaderList []sentHeader `json:"headerList,omitzero"`
	Body       *string      `json:"body,omitzero"`
	BodyBase64 *string      `json:"bodyBase64,omitzero"`
	Service    string       `json:"service,omitzero"`
	Region     string       `json:"region,omitzero"`
}

type readSpan struct {
	Pointer    string `json:"pointer"`
	ValueStart int    `json:"valueStart"`
	ValueEnd   int    `json:"valueEnd"`
	Start      int    `json:"start"`
	End        int    `json:"end"`
}

type readPlaceholder struct {
	Pointer    string `json:"pointer"`
	Text       string `json:"text"`
	ValueStart int    `json:"valueStart"`
	ValueEnd   int    `json:"valueEnd"`
	Start      int    `json:"start"`
	End        int    `json:"end"`
}

type readSecret struct {
	Pointer string `json:"pointer,omitzero"`
	Kind    string `json:"kind"`
	Start   int    `json:"start"`
	End     int    `json:"end"`
}

type readNote struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Error   bool   `json:"error"`
	Start   int    `json:"start"`
	End     int    `json:"end"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
}

type readChoice struct {
	Choice int    `json:"choice"`
	Kind   string `json:"kind"`
	Method string `json:"method"`
	URL    string `json:"url"`
}

// ReadRequest reads a paste. It signs nothing, so it writes no record.
func (h *Handlers) ReadRequest() http.Handler { return serveJSON(h.read) }

func (h *Handlers) read(_ context.Context, _ *broker.Call, in *readRequest) (*readResponse, error) {
	paste := reading.Read(in.Text)
	out := &readResponse{
		Kind: string(reading.FormText), Spans: []readSpan{}, Placeholders: []readPlaceholder{}, Secrets: []readSecret{},
		Notes: []readNote{}, Choices: []readChoice{},
	}
	if len(paste.Parts) > 0 {
		out.Kind = string(paste.Parts[0].Form)
	}
	var requests []*reading.Request
	for _, e := range paste.Exchanges {
		out.Answered = out.Answered || e.Response != nil || e.Refusal != nil
		if e.Request != nil && len(requests) <= maxChoice {
			requests = append(requests, e.Request)
		}
	}
	choice := int(valueOf(in.Choice))
	if choice > 0 && choice >= len(requests) {
		return nil, problem.Invalid("/choice", fmt.Sprintf("The text holds %d requests, and they are counted from 0.", len(requests)))
	}
	if len(requests) > 0 {
		out.add(requests[choice])
	}
	for i, q := range requests {
		if len(requests) > 1 {
			out.Choices = append(out.Choices, readChoice{i, string(q.Form), q.Method.Text(), q.URL.Text()})
		}
	}
	for _, s := range paste.Secrets {
		out.Secrets = append(out.Secrets, readSecret{out.pointerOf(s.Span), s.Kind, s.Span.Start, s.Span.End})
	}
	for _, n := range paste.Notes {
		before := in.Text[:n.Span.Start]
		line := before[strings.LastIndexByte(before, '\n')+1:]
		out.Notes = append(out.Notes, readNote{
			Code: n.Code, Message: n.Text, Error: n.Error, Start: n.Span.Start, End: n.Span.End,
			Line: strings.Count(before, "\n") + 1, Column: utf8.RuneCountInString(line) + 1,
		})
	}
	return out, nil
}

// maxPieces limits into how many pieces the location of one value is divided.
const maxPieces = 200

// add puts a request of the paste into the response.
func (out *readResponse) add(q *reading.Request) {
	out.Kind = string(q.Form)
	q, out.Signed = q.Unsigned()
	request := &requestRead{Method: q.Method.Text(), URL: q.URL.Text(), Service: q.Service.Text(), Region: q.Region.Text()}
	for _, h := range q.Headers {
		request.HeaderList = append(request.HeaderList, sentHeader{h.Name.Text(), h.Value.Text()})
	}
	if q.Form == reading.FormURL && request.Method == "" {
		request.Method = http.MethodGet // a browser would open it
	}
	limit := map[string]int{}
	if q.Body.State == reading.BodyPresent || q.Body.State == reading.BodyTruncated {
		text := q.Body.Content.Text()
		if utf8.ValidString(text) {
			request.Body = &text
		} else {
			encoded := base64.StdEncoding.EncodeToString([]byte(text))
			request.BodyBase64 = &encoded
			limit["/body"] = 1
		}
	}
	out.Request = request
	q.Each(func(field string, v reading.Value) {
		pointer, most := field, maxPieces
		if limit[field] > 0 {
			pointer, most = "/bodyBase64", limit[field]
		}
		for _, p := range v.Pieces(most) {
			out.Spans = append(out.Spans, readSpan{pointer, p.In.Start, p.In.End, p.Paste.Start, p.Paste.End})
		}
	})
	for _, p := range q.Placeholders {
		span := p.Text.Span()
		out.Placeholders = append(out.Placeholders, readPlaceholder{p.Field, p.Text.Text(), p.Start, p.End, span.Start, span.End})
	}
}

// pointerOf finds the value that a range of the paste belongs to.
func (out *readResponse) pointerOf(s reading.Span) string {
	for _, span := range out.Spans {
		if span.Start < s.End && s.Start < span.End {
			return span.Pointer
		}
	}
	return ""
}
