package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"countersign/handlers"
	"countersign/reading"
)

// unchosen is the value of --choice if it is not set.
const unchosen = -1

// readPasted reads the request from the file of --from.
func (r *curlRequest) readPasted(p *process) (requestSource, error) {
	if len(r.words) > 0 {
		return requestSource{}, usageError{errors.New("--from: replaces the curl arguments; leave out one of the two")}
	}
	data, err := p.readFile(r.from)
	if err != nil {
		return requestSource{}, usageError{err}
	}
	if handlers.IsRequestDocument(data) {
		return requestSource{document: data}, nil
	}
	text := string(data)
	q, err := r.requestIn(p, text)
	if err != nil {
		return requestSource{}, usageError{fmt.Errorf("--from %s: %w", r.from, err)}
	}
	in, err := r.inputOf(q)
	return requestSource{input: in, expressions: len(q.Placeholders) > 0}, err
}

// requestIn returns the request that a text holds, without its signature unless that is wanted.
func (r *curlRequest) requestIn(p *process, text string) (*reading.Request, error) {
	read := reading.Read(text)
	q, err := r.choose(&read)
	var faults []error
	for _, n := range read.Notes {
		note := fmt.Sprintf("%s: %s", position(text, n.Span), n.Text)
		switch {
		case inOther(&read, q, n.Span), n.Code == "encodings_assumed":
		case n.Error, n.Code == "body_in_file":
			faults = append(faults, errors.New(note))
		default:
			fmt.Fprintf(p.stderr, "warning: %s\n", note)
		}
	}
	switch {
	case len(faults) > 0 && len(read.Exchanges) == 0:
		return nil, errors.Join(faults...) // they say why there is no request
	case err != nil:
		return nil, errors.Join(append(faults, err)...)
	case len(faults) > 0:
		return nil, errors.Join(faults...)
	}
	if slices.ContainsFunc(q.Headers, isLogin) {
		return nil, errLogin
	}
	if !r.signed {
		q, _ = q.Unsigned()
	}
	if len(q.Placeholders) > 0 && !slices.Contains(r.keeps, q.Form) {
		return nil, fmt.Errorf("%s: %s has a value only when the workflow runs; replace it with one",
			position(text, q.Placeholders[0].Text.Span()), q.Placeholders[0].Text.Text())
	}
	return q, nil
}

// choose returns the only request of a text, or the one that --choice names.
func (r *curlRequest) choose(read *reading.Reading) (*reading.Request, error) {
	var requests []*reading.Request
	for _, e := range read.Exchanges {
		if e.Request != nil {
			requests = append(requests, e.Request)
		}
	}
	switch {
	case len(requests) == 0 && len(read.Exchanges) > 0:
		return nil, errors.New("holds a response but no request; countersign diagnose says why AWS refused a request")
	case len(requests) == 0:
		return nil, errors.New("holds no readable request; countersign sign --help lists under --from what it may hold")
	case r.choice == unchosen && len(requests) == 1:
		return requests[0], nil
	case r.choice >= 0 && r.choice < len(requests):
		return requests[r.choice], nil
	}
	var list strings.Builder
	for i, q := range requests {
		fmt.Fprintf(&list, "\n  %d  %s %s", i, q.Method.Text(), visible(q.URL.Text()))
	}
	return nil, fmt.Errorf("holds %d requests; choose one with --choice:%s", len(requests), list.String())
}

// inOther reports whether a place in the text belongs to another request than taken. A place belongs to the last
// request that begins before it.
func inOther(read *reading.Reading, taken *reading.Request, at reading.Span) bool {
	if taken == nil {
		return false
	}
	owner, begins := taken, -1
	for _, e := range read.Exchanges {
		if e.Request == nil {
			continue
		}
		e.Request.Each(func(_ string, v reading.Value) {
			for _, s := range v.Spans() {
				if s.Start <= at.Start && s.Start > begins {
					owner, begins = e.Request, s.Start
				}
			}
		})
	}
	return owner != taken
}

// position says where something is in a text, as editors count.
func position(text string, at reading.Span) string {
	before := text[:at.Start]
	line := before[strings.LastIndexByte(before, '\n')+1:]
	return fmt.Sprintf("line %d, column %d", strings.Count(before, "\n")+1, utf8.RuneCountInString(line)+1)
}
