package broker

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"countersign/problem"
	"countersign/signing"
)

// allFaults adds the faults of a request's other parts to the one at which reading it stopped, so that a caller can
// correct all of them at once. The code is the first fault's.
func (b *Broker) allFaults(op *operation, first error) error {
	var p *problem.Error
	if !errors.As(first, &p) || p.Status() != http.StatusBadRequest || len(p.Fields) == 0 {
		return first
	}
	all := *p
	all.Fields = slices.Clone(p.Fields)
	add := func(err error) {
		var found *problem.Error
		if !errors.As(InputProblem(err), &found) {
			return
		}
		for _, f := range found.Fields {
			same := func(have problem.Field) bool { return have.Part == f.Part && have.Name == f.Name }
			if len(all.Fields) < maxFaults && !slices.ContainsFunc(all.Fields, same) {
				all.Fields = append(all.Fields, f)
			}
		}
	}
	in := op.in
	add(b.readURL(in, b.newOperation(op.action, in)))
	for _, r := range b.trials(in) {
		_, err := b.Signer.Check(&r)
		add(err)
	}
	return &all
}

// maxFaults is how many faults one response reports: a request may have a thousand headers.
const maxFaults = 20

// trials returns requests that are valid except for one part each, which is taken from in.
func (b *Broker) trials(in *Input) []signing.Request {
	url, _, err := signing.ParseURL("https://a.example/", nil)
	if err != nil {
		return nil
	}
	right := signing.Request{
		Method: http.MethodGet, URL: url, Scope: signing.Scope{Service: "s", Region: "r"}, PayloadHash: signing.UnsignedPayload,
		Time: b.Now(), Credentials: noCredentials,
	}
	method, service, region := right, right, right
	method.Method = in.Method
	trials := []signing.Request{method}
	if in.Service != "" {
		service.Scope.Service = in.Service
		trials = append(trials, service)
	}
	if in.Region != "" && !strings.ContainsAny(in.Region, "*,") {
		region.Scope.Region = in.Region
		trials = append(trials, region)
	}
	for _, h := range in.Headers {
		if strings.EqualFold(strings.TrimSpace(h.Name), "host") {
			continue // it is compared with the URL
		}
		header := right
		header.Headers = []signing.Header{h}
		trials = append(trials, header)
	}
	return trials
}
